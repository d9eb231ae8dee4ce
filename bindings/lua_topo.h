/* lua_topo.h - the machine as Lua sees it, for other modules. */
#ifndef PL_BINDINGS_LUA_TOPO_H
#define PL_BINDINGS_LUA_TOPO_H

#include <lua.h>

#include "map/topo.h"

/* The topology at `arg`; raises when it is none. Lives as long as the userdata. */
struct pl_topo *lua_check_topo(lua_State *L, int arg);

#endif
