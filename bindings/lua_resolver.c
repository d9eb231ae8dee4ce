/* lua_resolver.c - see lua_resolver.h */
#include "lua_resolver.h"

#include "binding.h"
#include "lua_hostset.h"

static int resolve_group(void *arg, const char *source, const char *group, struct pl_hostlist *out,
			 struct pl_error *err);
static const struct pl_hostlist *resolve_inventory(void *arg, struct pl_error *err);

void lua_resolver_open(lua_State *L, int arg, struct lua_resolver *r,
		       struct pl_hostlist_resolver *resolver)
{
	static const char *const known[] = { "group", "inventory", "no_files", NULL };

	luaL_checktype(L, arg, LUA_TTABLE);
	binding_check_keys(L, arg, "resolver", known);
	*r = (struct lua_resolver){ .L = L, .table = arg };
	resolver->arg = r;
	if (lua_getfield(L, arg, "group") != LUA_TNIL)
		resolver->group = resolve_group;
	if (lua_getfield(L, arg, "inventory") != LUA_TNIL)
		resolver->inventory = resolve_inventory;
	lua_pop(L, 2);
	resolver->no_files = binding_opt_bool(L, arg, "no_files", 0);
	lua_pushnil(L);
	r->inventory = lua_gettop(L);
}

/* Calls the function on top with n arguments. A set, left on top, or NULL: it said nil, raised, or
 * gave something else. */
static const struct pl_hostlist *call_function(struct lua_resolver *r, const char *field, int n,
					       struct pl_error *err)
{
	const struct pl_hostlist *set;
	const char *why;

	if (lua_pcall(r->L, n, 2, 0) != LUA_OK) {
		r->raised = true;
		return pl_errorf(err, PL_EUSAGE, "resolver.%s raised", field), NULL;
	}
	set = lua_test_hostset(r->L, -2);
	why = lua_tostring(r->L, -1);
	if (set == NULL && lua_isnil(r->L, -2))
		pl_errorf(err, PL_ENOENT, "%s", why != NULL ? why : "nothing is known");
	else if (set == NULL)
		pl_errorf(err, PL_EUSAGE, "resolver.%s gave a %s where a host set is expected",
			  field, luaL_typename(r->L, -2));
	lua_pop(r->L, 1);
	return set;
}

static int resolve_group(void *arg, const char *source, const char *group, struct pl_hostlist *out,
			 struct pl_error *err)
{
	struct lua_resolver *r = arg;
	const struct pl_hostlist *members;

	lua_getfield(r->L, r->table, "group");
	lua_pushstring(r->L, source);
	lua_pushstring(r->L, group);
	members = call_function(r, "group", 2, err);
	if (members == NULL)
		return -1;
	pl_hostlist_union(out, members);
	lua_pop(r->L, 1);
	return 0;
}

static const struct pl_hostlist *resolve_inventory(void *arg, struct pl_error *err)
{
	struct lua_resolver *r = arg;
	const struct pl_hostlist *all = lua_test_hostset(r->L, r->inventory);

	if (all != NULL)
		return all;
	lua_getfield(r->L, r->table, "inventory");
	all = call_function(r, "inventory", 0, err);
	if (all != NULL)
		lua_replace(r->L, r->inventory);
	return all;
}
