/* lua_fs.h - the functions of perilune.core.sys that are about files. */
#ifndef PL_BINDINGS_LUA_FS_H
#define PL_BINDINGS_LUA_FS_H

#include <lua.h>

/* Adds them to the table at -1. */
void lua_fs_add(lua_State *L);

#endif
