/*
 * lua_hostset.c - perilune.core.hostset: host sets as values.
 *
 *	parse(text [, resolver]) -> set | nil, message, "usage" | "noent" | "sys"
 *		resolver = { group = function(source, name) -> set | nil, message;
 *			     inventory = function() -> set | nil, message; no_files = bool }
 *		what a resolver function raises goes through
 *	new { "n1", ... } -> set of literal names
 *	methods: the table of methods, which the prelude adds to
 *
 *	#h  h[i]  h:find(name) -> i | nil  h:contains(name)  h:each() -> iterator of i, name
 *	h:names() -> array  h:join([sep = ","])  h:fold(), also tostring
 *	h:slice(first [, n])  h:copy()  h:split(n) -> at most n sets of equal size, none empty
 *	h:sample(n) -> n names by math.random, in the order of h
 *	a + b  a - b  a * b  a ~ b: union, difference, intersection, symmetric difference; one side
 *	may be an expression. a == b: the same names in any order.
 */
#include "lua_hostset.h"

#include <lualib.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "lua_resolver.h"

#define CLASS "perilune.hostset"
#define BYTES_PER_NAME 32 /* about what a name costs, to tell the collector */

struct lua_hostset {
	struct pl_hostlist *list; /* NULL only before it is filled, and when collected */
};

int luaopen_perilune_core_hostset(lua_State *L);

static struct lua_hostset *new_hostset(lua_State *L)
{
	return binding_new(L, CLASS, sizeof(struct lua_hostset));
}

/* A set of 100,000 names looks like 8 bytes to Lua's collector: let it work for the true size. */
static void tell_collector(lua_State *L, const struct pl_hostlist *list)
{
	size_t kb = pl_hostlist_count(list) * BYTES_PER_NAME / 1024;

	if (kb >= 64)
		lua_gc(L, LUA_GCSTEP, (int)kb);
}

static void fill(lua_State *L, struct lua_hostset *set, struct pl_hostlist *taken)
{
	set->list = taken;
	tell_collector(L, taken);
}

struct pl_hostlist *lua_check_hostset(lua_State *L, int arg)
{
	struct lua_hostset *set = luaL_checkudata(L, arg, CLASS);

	luaL_argcheck(L, set->list != NULL, arg, "this host set was closed");
	return set->list;
}

const struct pl_hostlist *lua_test_hostset(lua_State *L, int arg)
{
	const struct lua_hostset *set = luaL_testudata(L, arg, CLASS);

	return set != NULL ? set->list : NULL;
}

void lua_push_hostset(lua_State *L, struct pl_hostlist *taken)
{
	/* sets may come before anybody required the module */
	if (luaL_getmetatable(L, CLASS) != LUA_TTABLE) {
		luaL_requiref(L, "perilune.core.hostset", luaopen_perilune_core_hostset, 0);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
	fill(L, new_hostset(L), taken);
}

static int hostset_gc(lua_State *L)
{
	struct lua_hostset *set = luaL_checkudata(L, 1, CLASS);

	pl_hostlist_destroy(set->list);
	set->list = NULL;
	return 0;
}

/* ---- parse and new ---- */

static int push_parse_error(lua_State *L, const struct pl_error *err)
{
	if (err->code != PL_EUSAGE)
		return binding_fail(L, err);
	lua_pushnil(L);
	lua_pushstring(L, err->text);
	lua_pushliteral(L, "usage");
	return 3;
}

static int hostset_parse(lua_State *L)
{
	struct pl_hostlist_resolver resolver = { 0 };
	struct lua_resolver functions = { 0 };
	struct pl_error err = { 0 };
	struct lua_hostset *set;
	struct pl_hostlist *list;
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	luaL_argcheck(L, strlen(text) == len, 1, "a host set holds no NUL");
	if (!lua_isnoneornil(L, 2))
		lua_resolver_open(L, 2, &functions, &resolver);
	set = new_hostset(L);
	list = pl_hostlist_parse(text, &resolver, &err);
	if (functions.raised)
		return lua_error(L);
	if (list == NULL)
		return push_parse_error(L, &err);
	fill(L, set, list);
	return 1;
}

static int hostset_new(lua_State *L)
{
	struct lua_hostset *set;
	lua_Integer n = (lua_Integer)binding_len(L, 1);

	set = new_hostset(L);
	set->list = pl_hostlist_create();
	for (lua_Integer i = 1; i <= n; i++) {
		size_t len;
		const char *name = NULL;

		if (lua_geti(L, 1, i) == LUA_TSTRING)
			name = lua_tolstring(L, -1, &len);
		if (name == NULL || len == 0 || strlen(name) != len)
			return luaL_error(L, "name %I of a host set must be a string that is not "
					  "empty, not %s", i, luaL_tolstring(L, -1, NULL));
		pl_hostlist_add(set->list, name);
		lua_pop(L, 1);
	}
	tell_collector(L, set->list);
	return 1;
}

/* ---- reading ---- */

static int push_name(lua_State *L, const struct pl_hostlist *h, lua_Integer i)
{
	const char *name = i >= 1 ? pl_hostlist_name(h, (size_t)i - 1) : NULL;

	if (name != NULL)
		lua_pushstring(L, name);
	else
		lua_pushnil(L);
	return 1;
}

/* Upvalue 1: the methods. */
static int hostset_index(lua_State *L)
{
	const struct pl_hostlist *h;
	int is_int;
	lua_Integer i;

	if (lua_type(L, 2) != LUA_TNUMBER) {
		lua_settop(L, 2);
		lua_gettable(L, lua_upvalueindex(1));
		return 1;
	}
	h = lua_check_hostset(L, 1);
	i = lua_tointegerx(L, 2, &is_int);
	return push_name(L, h, is_int ? i : 0);
}

static int hostset_len(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)pl_hostlist_count(lua_check_hostset(L, 1)));
	return 1;
}

static int hostset_find(lua_State *L)
{
	size_t i = pl_hostlist_find(lua_check_hostset(L, 1), luaL_checkstring(L, 2));

	if (i == SIZE_MAX)
		lua_pushnil(L);
	else
		lua_pushinteger(L, (lua_Integer)i + 1);
	return 1;
}

static int hostset_contains(lua_State *L)
{
	lua_pushboolean(L, pl_hostlist_find(lua_check_hostset(L, 1), luaL_checkstring(L, 2)) !=
				   SIZE_MAX);
	return 1;
}

static int each_next(lua_State *L)
{
	lua_Integer i = luaL_checkinteger(L, 2) + 1;

	lua_pushinteger(L, i);
	push_name(L, lua_check_hostset(L, 1), i);
	return lua_isnil(L, -1) ? 1 : 2;
}

static int hostset_each(lua_State *L)
{
	lua_check_hostset(L, 1);
	lua_pushcfunction(L, each_next);
	lua_pushvalue(L, 1);
	lua_pushinteger(L, 0);
	return 3;
}

static int hostset_names(lua_State *L)
{
	const struct pl_hostlist *h = lua_check_hostset(L, 1);
	size_t n = pl_hostlist_count(h);

	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_pushstring(L, pl_hostlist_name(h, i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* Only lack of memory could raise while the text is held. */
static int push_taken(lua_State *L, char *text)
{
	lua_pushstring(L, text);
	free(text);
	return 1;
}

static int hostset_join(lua_State *L)
{
	const struct pl_hostlist *h = lua_check_hostset(L, 1);

	return push_taken(L, pl_hostlist_join(h, luaL_optstring(L, 2, ",")));
}

static int hostset_fold(lua_State *L)
{
	return push_taken(L, pl_hostlist_fold(lua_check_hostset(L, 1)));
}

/* "hosts: " .. set */
static int hostset_concat(lua_State *L)
{
	luaL_tolstring(L, 1, NULL);
	luaL_tolstring(L, 2, NULL);
	lua_concat(L, 2);
	return 1;
}

/* ---- parts ---- */

static int push_slice(lua_State *L, const struct pl_hostlist *h, size_t first, size_t n)
{
	struct lua_hostset *set = new_hostset(L);

	fill(L, set, pl_hostlist_slice(h, first, n));
	return 1;
}

static int hostset_slice(lua_State *L)
{
	const struct pl_hostlist *h = lua_check_hostset(L, 1);
	lua_Integer first = luaL_checkinteger(L, 2);
	lua_Integer n = luaL_optinteger(L, 3, LUA_MAXINTEGER);

	luaL_argcheck(L, first >= 1, 2, "the first name is number 1");
	luaL_argcheck(L, n >= 0, 3, "a count cannot be negative");
	return push_slice(L, h, (size_t)first - 1, (size_t)n);
}

static int hostset_copy(lua_State *L)
{
	return push_slice(L, lua_check_hostset(L, 1), 0, SIZE_MAX);
}

static int hostset_split(lua_State *L)
{
	const struct pl_hostlist *h = lua_check_hostset(L, 1);
	size_t count = pl_hostlist_count(h), first = 0, parts;
	lua_Integer n = luaL_checkinteger(L, 2);

	luaL_argcheck(L, n >= 1, 2, "a set is split into 1 part or more");
	parts = (size_t)n < count ? (size_t)n : count;
	lua_createtable(L, (int)parts, 0);
	for (size_t i = 0; i < parts; i++) {
		size_t size = count / parts + (i < count % parts);

		push_slice(L, h, first, size);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
		first += size;
	}
	return 1;
}

/* Pushes the random() of recipes, which the run has seeded; where there are none, that of math. */
static void push_random(lua_State *L)
{
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	if (lua_getfield(L, -1, "perilune.lots") != LUA_TTABLE) {
		lua_pop(L, 1);
		if (lua_getfield(L, -1, LUA_MATHLIBNAME) != LUA_TTABLE)
			luaL_error(L, "sample needs math.random");
	}
	lua_getfield(L, -1, "random");
	lua_replace(L, -3);
	lua_pop(L, 1);
}

/* Each name is taken with the chance (still wanted) / (still to come): any n names are as likely
 * as any others. Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S. */
static int hostset_sample(lua_State *L)
{
	const struct pl_hostlist *h = lua_check_hostset(L, 1);
	size_t count = pl_hostlist_count(h);
	lua_Integer wanted = luaL_checkinteger(L, 2);
	struct lua_hostset *set;

	luaL_argcheck(L, wanted >= 0, 2, "a count cannot be negative");
	if ((size_t)wanted > count)
		return luaL_error(L, "sample of %I names from a set of %I", wanted,
				  (lua_Integer)count);
	push_random(L);
	set = new_hostset(L);
	set->list = pl_hostlist_create();
	for (size_t i = 0; i < count && wanted > 0; i++) {
		lua_pushvalue(L, -2);
		lua_call(L, 0, 1);
		if (lua_tonumber(L, -1) * (lua_Number)(count - i) < (lua_Number)wanted) {
			pl_hostlist_add(set->list, pl_hostlist_name(h, i));
			wanted--;
		}
		lua_pop(L, 1);
	}
	return 1;
}

/* ---- algebra ---- */

/* The operand at `arg`; an expression there is read and replaced by its set. */
static const struct pl_hostlist *check_operand(lua_State *L, int arg)
{
	struct pl_error err = { 0 };
	struct lua_hostset *set;

	if (lua_type(L, arg) != LUA_TSTRING)
		return lua_check_hostset(L, arg);
	set = new_hostset(L);
	set->list = pl_hostlist_parse(lua_tostring(L, arg), NULL, &err);
	if (set->list == NULL)
		luaL_error(L, "%s", err.text);
	lua_replace(L, arg);
	return set->list;
}

typedef void algebra_f(struct pl_hostlist *a, const struct pl_hostlist *b);

static int combine(lua_State *L, algebra_f *operation)
{
	const struct pl_hostlist *a = check_operand(L, 1), *b = check_operand(L, 2);
	struct lua_hostset *set = new_hostset(L);

	set->list = pl_hostlist_copy(a);
	operation(set->list, b);
	tell_collector(L, set->list);
	return 1;
}

static int hostset_union(lua_State *L)
{
	return combine(L, pl_hostlist_union);
}

static int hostset_subtract(lua_State *L)
{
	return combine(L, pl_hostlist_subtract);
}

static int hostset_intersect(lua_State *L)
{
	return combine(L, pl_hostlist_intersect);
}

static int hostset_xor(lua_State *L)
{
	return combine(L, pl_hostlist_xor);
}

static bool same_names(const struct pl_hostlist *a, const struct pl_hostlist *b)
{
	size_t n = pl_hostlist_count(a);

	if (n != pl_hostlist_count(b))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (pl_hostlist_find(b, pl_hostlist_name(a, i)) == SIZE_MAX)
			return false;
	}
	return true;
}

static int hostset_eq(lua_State *L)
{
	const struct pl_hostlist *a = lua_test_hostset(L, 1), *b = lua_test_hostset(L, 2);

	lua_pushboolean(L, a != NULL && b != NULL && same_names(a, b));
	return 1;
}

/* ---- the module ---- */

static const luaL_Reg methods[] = {
	{ "contains", hostset_contains },
	{ "copy", hostset_copy },
	{ "each", hostset_each },
	{ "find", hostset_find },
	{ "fold", hostset_fold },
	{ "join", hostset_join },
	{ "names", hostset_names },
	{ "sample", hostset_sample },
	{ "slice", hostset_slice },
	{ "split", hostset_split },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__add", hostset_union },
	{ "__bxor", hostset_xor },
	{ "__concat", hostset_concat },
	{ "__eq", hostset_eq },
	{ "__len", hostset_len },
	{ "__mul", hostset_intersect },
	{ "__sub", hostset_subtract },
	{ "__tostring", hostset_fold },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "new", hostset_new },
	{ "parse", hostset_parse },
	{ NULL, NULL },
};

int luaopen_perilune_core_hostset(lua_State *L)
{
	luaL_newlib(L, functions);
	luaL_newlib(L, methods);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "methods");
	binding_class(L, CLASS, NULL, meta, hostset_gc);
	luaL_getmetatable(L, CLASS);
	lua_pushvalue(L, -2);
	lua_pushcclosure(L, hostset_index, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 2);
	return 1;
}
