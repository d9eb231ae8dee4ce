/* lua_sched.h - tasks as Lua sees them, and the standard functions that know of them. */
#ifndef PL_BINDINGS_LUA_SCHED_H
#define PL_BINDINGS_LUA_SCHED_H

#include <lua.h>
#include <stdbool.h>

/*
 * Puts ours in the place of the standard functions: coroutine.*; setmetatable, so that a __close
 * runs as a closer; xpcall, whose handler is not called for a cancel (an endless one could never
 * be interrupted). Makes the metatable of tasks.
 */
void lua_sched_install(lua_State *L);

/* True for a C function of ours that a wait passes through. */
bool lua_sched_passes_waits(lua_CFunction fn);

/* Wraps the function on top: waits inside it are refused by this name. */
void lua_sched_refusing(lua_State *L, const char *name);

/* True for a function made by sched.refuse(name, fn), which is at -1; pushes its name. */
bool lua_sched_refuses(lua_State *L, lua_CFunction fn);

#endif
