/*
 * traceback.h - where Lua was, in plain words, the user's files first.
 *
 * Functions of our own files (chunk names that begin with "=perilune/") are left out unless
 * PERILUNE_LOG asks for lua=debug.
 */
#ifndef PL_BINDINGS_TRACEBACK_H
#define PL_BINDINGS_TRACEBACK_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Chunk names of embedded Lua are this and the path of the module. */
#define TRACEBACK_OURS "=perilune/"

/* Pushes on L the functions active in `of` from `level` on, a line each with a newline. */
void traceback_push(lua_State *L, lua_State *of, int level);

/* "file:line" of the innermost function of the user's in `of`; "" when there is none. */
void traceback_where(lua_State *of, char *buf, size_t size);

/* True when the running function of Lua is one of ours. */
bool traceback_in_ours(lua_State *L);

/* The string at index 1, an error message that begins with a position in our own files, gets the
 * user's position in its place. */
void traceback_name_user(lua_State *L, int level);

/* Names the C function that keeps `of` from yielding: "table.sort", "require", "a finalizer". */
void traceback_barrier(lua_State *L, lua_State *of, char *buf, size_t size);

#endif
