/* lua_boot.h - how `require` finds the modules that are inside the program. */
#ifndef PL_BINDINGS_LUA_BOOT_H
#define PL_BINDINGS_LUA_BOOT_H

#include <lua.h>

/* Sets package.searchers, package.path ("") and package.cpath (""). */
void lua_boot_install(lua_State *L);

#endif
