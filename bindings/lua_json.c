/*
 * lua_json.c - the module perilune.core.json; see lua_json.h
 *
 * Encoding writes text at once, keys in bytewise order, numbers in the shortest form that reads
 * back the same; lua_to_json() goes through that text, so there is one set of rules. The buffer is
 * a userdata, since any value may raise on the way.
 */
#include "lua_json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "binding.h"
#include "base/jsontext.h"
#include "base/utf8.h"

#define TEXT "perilune.json.text"
#define ARRAY "perilune.json.array"
#define OBJECT "perilune.json.object"

int luaopen_perilune_core_json(lua_State *L);

static const char null_mark; /* its address is json.null */

/* ---- encode ---- */

struct encoder {
	struct strbuf text;
	int indent;
	bool sort;
	int depth;
};

static void encode_value(lua_State *L, struct encoder *e, int idx);

static int encoder_gc(lua_State *L)
{
	struct encoder *e = luaL_checkudata(L, 1, TEXT);

	strbuf_fini(&e->text);
	return 0;
}

static void newline(struct encoder *e)
{
	if (e->indent == 0)
		return;
	strbuf_addc(&e->text, '\n');
	for (int i = e->depth * e->indent; i > 0; i--)
		strbuf_addc(&e->text, ' ');
}

static void encode_number(lua_State *L, struct encoder *e, int idx)
{
	double number;
	char text[40];

	if (lua_isinteger(L, idx)) {
		strbuf_addf(&e->text, "%lld", (long long)lua_tointeger(L, idx));
		return;
	}
	number = lua_tonumber(L, idx);
	if (!isfinite(number))
		luaL_error(L, "JSON has no number for %s", isnan(number) ? "NaN" : "infinity");
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	strbuf_adds(&e->text, text);
	if (strpbrk(text, ".e") == NULL)
		strbuf_adds(&e->text, ".0");
}

static void encode_string(lua_State *L, struct encoder *e, int idx)
{
	size_t len;
	const char *s = lua_tolstring(L, idx, &len);

	if (!utf8_valid(s, len))
		luaL_error(L, "JSON holds UTF-8 only, and this string is none (use json.base64)");
	jsontext_string(&e->text, s, len);
}

static void encode_array(lua_State *L, struct encoder *e, int idx, lua_Integer n)
{
	strbuf_addc(&e->text, '[');
	e->depth++;
	for (lua_Integer i = 1; i <= n; i++) {
		if (i > 1)
			strbuf_addc(&e->text, ',');
		newline(e);
		lua_rawgeti(L, idx, i);
		encode_value(L, e, lua_gettop(L));
		lua_pop(L, 1);
	}
	e->depth--;
	if (n > 0)
		newline(e);
	strbuf_addc(&e->text, ']');
}

/* The member whose key is at -2 and whose value at -1. */
static void encode_member(lua_State *L, struct encoder *e, bool first)
{
	int top = lua_gettop(L);

	if (!first)
		strbuf_addc(&e->text, ',');
	newline(e);
	encode_string(L, e, top - 1);
	strbuf_adds(&e->text, e->indent > 0 ? ": " : ":");
	encode_value(L, e, top);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pushes a userdata with the keys of the object at idx, sorted; they live as long as it does. */
static const char **sorted_keys(lua_State *L, int idx, size_t n)
{
	const char **keys = lua_newuserdatauv(L, (n + 1) * sizeof(*keys), 0);
	size_t i = 0;

	for (lua_pushnil(L); lua_next(L, idx) != 0; lua_pop(L, 1))
		keys[i++] = lua_tostring(L, -2);
	qsort(keys, n, sizeof(*keys), compare_keys);
	return keys;
}

static void encode_sorted(lua_State *L, struct encoder *e, int idx, size_t n)
{
	const char **keys = sorted_keys(L, idx, n);

	for (size_t i = 0; i < n; i++) {
		lua_pushstring(L, keys[i]);
		lua_pushvalue(L, -1);
		lua_rawget(L, idx);
		encode_member(L, e, i == 0);
		lua_pop(L, 2);
	}
	lua_pop(L, 1);
}

static void encode_object(lua_State *L, struct encoder *e, int idx, size_t n, bool sort)
{
	bool first = true;

	strbuf_addc(&e->text, '{');
	e->depth++;
	if (sort) {
		encode_sorted(L, e, idx, n);
	} else {
		for (lua_pushnil(L); lua_next(L, idx) != 0; lua_pop(L, 1), first = false)
			encode_member(L, e, first);
	}
	e->depth--;
	if (n > 0)
		newline(e);
	strbuf_addc(&e->text, '}');
}

/* How many keys of each kind a table has. */
struct shape {
	size_t integers; /* within 1..n when `most` equals it */
	size_t names;
	lua_Integer most;
	bool has_zero_byte; /* some name cannot be sorted as a C string */
};

static void measure(lua_State *L, int idx, struct shape *shape)
{
	memset(shape, 0, sizeof(*shape));
	for (lua_pushnil(L); lua_next(L, idx) != 0; lua_pop(L, 1)) {
		size_t len;

		if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
			shape->integers++;
			if (lua_tointeger(L, -2) > shape->most)
				shape->most = lua_tointeger(L, -2);
		} else if (lua_type(L, -2) == LUA_TSTRING) {
			const char *s = lua_tolstring(L, -2, &len);

			shape->names++;
			shape->has_zero_byte |= strlen(s) != len;
		} else {
			luaL_error(L, "JSON has no key for a %s", luaL_typename(L, -2));
		}
	}
}

static bool is_marked(lua_State *L, int idx, const char *mark)
{
	bool yes;

	if (!lua_getmetatable(L, idx))
		return false;
	luaL_getmetatable(L, mark);
	yes = lua_rawequal(L, -1, -2);
	lua_pop(L, 2);
	return yes;
}

static void encode_table(lua_State *L, struct encoder *e, int idx)
{
	struct shape shape;
	bool array;

	if (e->depth >= JSON_DEPTH_MAX)
		luaL_error(L, "a table nested deeper than %d, or in itself, is no JSON",
			   JSON_DEPTH_MAX);
	luaL_checkstack(L, 8, "JSON");
	measure(L, idx, &shape);
	array = (shape.integers > 0 && !is_marked(L, idx, OBJECT)) || is_marked(L, idx, ARRAY);
	if (array ? shape.names > 0 : shape.integers > 0)
		luaL_error(L, "a table with names and numbers as keys is no JSON");
	if (array && (size_t)shape.most != shape.integers)
		luaL_error(L, "an array with holes is no JSON (use json.null)");
	if (array)
		encode_array(L, e, idx, shape.most);
	else
		encode_object(L, e, idx, shape.names, e->sort && !shape.has_zero_byte);
}

static void encode_value(lua_State *L, struct encoder *e, int idx)
{
	switch (lua_type(L, idx)) {
	case LUA_TNIL:
		strbuf_adds(&e->text, "null");
		return;
	case LUA_TBOOLEAN:
		strbuf_adds(&e->text, lua_toboolean(L, idx) ? "true" : "false");
		return;
	case LUA_TNUMBER:
		encode_number(L, e, idx);
		return;
	case LUA_TSTRING:
		encode_string(L, e, idx);
		return;
	case LUA_TTABLE:
		encode_table(L, e, idx);
		return;
	case LUA_TLIGHTUSERDATA:
		if (lua_touserdata(L, idx) == (void *)&null_mark) {
			strbuf_adds(&e->text, "null");
			return;
		}
	}
	luaL_error(L, "JSON has no word for a %s", luaL_typename(L, idx));
}

/* Pushes the encoder with the text of the value at arg. */
static struct encoder *encode(lua_State *L, int arg, int indent, bool sort)
{
	struct encoder *e;

	arg = lua_absindex(L, arg);
	binding_class(L, TEXT, NULL, NULL, encoder_gc);
	e = binding_new(L, TEXT, sizeof(*e));
	e->indent = indent;
	e->sort = sort;
	encode_value(L, e, arg);
	return e;
}

static int json_encode(lua_State *L)
{
	static const char *const known[] = { "indent", "sort", NULL };
	int indent = 0, sort = 1;
	struct encoder *e;

	if (!lua_isnoneornil(L, 2)) {
		binding_check_keys(L, 2, "json.encode", known);
		indent = (int)binding_opt_int(L, 2, "indent", 0);
		sort = binding_opt_bool(L, 2, "sort", 1);
	}
	luaL_argcheck(L, indent >= 0 && indent <= 16, 2, "indent is 0 to 16");
	lua_settop(L, 1);
	e = encode(L, 1, indent, sort);
	lua_pushlstring(L, strbuf_str(&e->text), e->text.len);
	strbuf_fini(&e->text);
	return 1;
}

json_t *lua_to_json(lua_State *L, int arg)
{
	struct encoder *e = encode(L, arg, 0, false);
	json_error_t error;
	json_t *json = json_loadb(strbuf_str(&e->text), e->text.len,
				  JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	strbuf_fini(&e->text);
	lua_pop(L, 1);
	if (json == NULL)
		luaL_error(L, "this value is no JSON: %s", error.text);
	return json;
}

/* ---- decode ---- */

static void push_array(lua_State *L, const json_t *json)
{
	size_t n = json_array_size(json);

	lua_createtable(L, n < 1 << 20 ? (int)n : 0, 0);
	for (size_t i = 0; i < n; i++) {
		lua_push_json(L, json_array_get(json, i));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	if (n == 0)
		luaL_setmetatable(L, ARRAY);
}

static void push_object(lua_State *L, const json_t *json)
{
	const char *key;
	json_t *value;

	lua_newtable(L);
	json_object_foreach((json_t *)json, key, value) {
		lua_push_json(L, value);
		lua_setfield(L, -2, key);
	}
}

void lua_push_json(lua_State *L, const json_t *json)
{
	luaL_checkstack(L, 4, "JSON");
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		push_object(L, json);
		return;
	case JSON_ARRAY:
		push_array(L, json);
		return;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(json), json_string_length(json));
		return;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(json));
		return;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(json));
		return;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_typeof(json) == JSON_TRUE);
		return;
	case JSON_NULL:
		lua_pushlightuserdata(L, (void *)&null_mark);
		return;
	}
}

static int push_in_protection(lua_State *L)
{
	lua_push_json(L, lua_touserdata(L, 1));
	return 1;
}

/* Lua out of memory must not lose the tree: it is pushed by a protected call. */
static int json_decode(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	int status;

	if (json == NULL) {
		lua_pushnil(L);
		lua_pushfstring(L, "no JSON: line %d, column %d: %s", error.line, error.column,
				error.text);
		return 2;
	}
	lua_pushcfunction(L, push_in_protection);
	lua_pushlightuserdata(L, json);
	status = lua_pcall(L, 1, 1, 0);
	json_decref(json);
	return status == LUA_OK ? 1 : lua_error(L);
}

/* ---- the rest ---- */

static int mark(lua_State *L, const char *name)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	luaL_setmetatable(L, name);
	return 1;
}

static int json_mark_array(lua_State *L)
{
	return mark(L, ARRAY);
}

static int json_mark_object(lua_State *L)
{
	return mark(L, OBJECT);
}

static int json_is_utf8(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);

	lua_pushboolean(L, utf8_valid(s, len));
	return 1;
}

/* Base64 without the quotes that jsontext puts around. */
static int json_base64(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);
	struct strbuf text = STRBUF_INIT;
	luaL_Buffer b;

	jsontext_base64(&text, s, len);
	memcpy(luaL_buffinitsize(L, &b, text.len), text.s + 1, text.len - 2);
	luaL_pushresultsize(&b, text.len - 2);
	strbuf_fini(&text);
	return 1;
}

int luaopen_perilune_core_json(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "array", json_mark_array },
		{ "base64", json_base64 },
		{ "decode", json_decode },
		{ "encode", json_encode },
		{ "is_utf8", json_is_utf8 },
		{ "object", json_mark_object },
		{ NULL, NULL },
	};

	luaL_newmetatable(L, ARRAY);
	luaL_newmetatable(L, OBJECT);
	luaL_newlib(L, functions);
	lua_pushlightuserdata(L, (void *)&null_mark);
	lua_setfield(L, -2, "null");
	return 1;
}
