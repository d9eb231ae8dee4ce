/* lua_rankmap.h - the rank map as Lua sees it, for other modules. */
#ifndef PL_BINDINGS_LUA_RANKMAP_H
#define PL_BINDINGS_LUA_RANKMAP_H

#include <lua.h>

#include "map/rankmap.h"

/* The map at `arg`; raises when it is none. Lives as long as the userdata. */
struct pl_rankmap *lua_check_rankmap(lua_State *L, int arg);

/* Pushes a map that Lua owns from here on; the topology at `topo` is kept while it lives. */
void lua_push_rankmap(lua_State *L, struct pl_rankmap *map, int topo);

#endif
