/*
 * lua_resolver.h - what a host set expression asks of its surroundings, answered by Lua functions:
 *
 *	{ group = function(source, name) -> set | nil, message;
 *	  inventory = function() -> set | nil, message; no_files = bool }
 */
#ifndef PL_BINDINGS_LUA_RESOLVER_H
#define PL_BINDINGS_LUA_RESOLVER_H

#include <lua.h>
#include <stdbool.h>

#include "set/hostlist.h"

/* The resolver of one parse; lives as long as `resolver` is used. */
struct lua_resolver {
	lua_State *L;
	int table;     /* where it stands on the stack */
	int inventory; /* where the inventory is kept while it is borrowed */
	bool raised;   /* a function raised, and what is on top of the stack */
};

/*
 * Fills *r and *resolver from the table at `arg`; unknown keys raise. Leaves a value on the stack
 * that must stay there while the resolver is used. What a function raises cannot go through the
 * parser: it fails, and its caller then says `if (r->raised) return lua_error(L);`.
 */
void lua_resolver_open(lua_State *L, int arg, struct lua_resolver *r,
		       struct pl_hostlist_resolver *resolver);

#endif
