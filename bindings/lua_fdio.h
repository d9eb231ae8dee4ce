/* lua_fdio.h - the functions of perilune.core.sys that read and write descriptors. */
#ifndef PL_BINDINGS_LUA_FDIO_H
#define PL_BINDINGS_LUA_FDIO_H

#include <lua.h>

/* Adds them to the table at -1. */
void lua_fdio_add(lua_State *L);

#endif
