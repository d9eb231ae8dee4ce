/*
 * lua_hostset.h - host sets in Lua (perilune.core.hostset) for the modules that take or give them.
 *
 * A set is a userdata that never changes: every operation gives a new one.
 */
#ifndef PL_BINDINGS_LUA_HOSTSET_H
#define PL_BINDINGS_LUA_HOSTSET_H

#include <lua.h>

#include "set/hostlist.h"

/* The set at `arg`; raises when it is none. Borrowed while the value is on the stack or held. */
struct pl_hostlist *lua_check_hostset(lua_State *L, int arg);

/* The same, but NULL when it is none. */
const struct pl_hostlist *lua_test_hostset(lua_State *L, int arg);

/* Pushes a set and takes the list: it is freed with the userdata. */
void lua_push_hostset(lua_State *L, struct pl_hostlist *taken);

#endif
