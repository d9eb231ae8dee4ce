/*
 * binding.h - what every Lua module written in C shares: errors, userdata, checked tables.
 *
 * One C file per module, `lua_NAME.c`, opened by luaopen_perilune_core_NAME and required as
 * "perilune.core.NAME". Modules here give primitives and hold no policy; the prelude makes them
 * pleasant. Wrong use raises with luaL_error / luaL_argerror; the world failing returns
 * nil, message, code.
 */
#ifndef PL_BINDINGS_BINDING_H
#define PL_BINDINGS_BINDING_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>

#include "base/error.h"

/* After a failed call: raises for PL_EUSAGE (the caller's fault, with its line), else pushes
 * nil, err->text, code ("sys", "noent", "unsupported", "busy") and returns 3. */
int binding_fail(lua_State *L, const struct pl_error *err);

/*
 * Userdata first, then acquire: pushes a zeroed userdata of `size` with metatable `name`. The
 * metatable is made once by binding_class: methods go to __index, `gc` to __gc, metamethods are
 * those in `meta`. binding_closable makes `gc` (safe twice, then) also the __close of a class: not
 * of one that others borrow from.
 */
void *binding_new(lua_State *L, const char *name, size_t size);
void binding_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta,
		   lua_CFunction gc);
void binding_closable(lua_State *L, const char *name);

/* The length of the table at `arg`; raises for a __len that tells nonsense. */
size_t binding_len(lua_State *L, int arg);

/* Fields of the table at `arg`; a wrong type raises naming the field. The default is used where
 * the field is nil. Strings stay valid while the table holds them. */
int64_t binding_opt_int(lua_State *L, int arg, const char *field, int64_t def);
double binding_opt_number(lua_State *L, int arg, const char *field, double def);
int binding_opt_bool(lua_State *L, int arg, const char *field, int def);
const char *binding_opt_string(lua_State *L, int arg, const char *field, const char *def);

/* Sets a field of the table at the top of the stack; a NULL text is nil. */
void binding_set_string(lua_State *L, const char *field, const char *text);
void binding_set_integer(lua_State *L, const char *field, lua_Integer n);
void binding_set_number(lua_State *L, const char *field, lua_Number n);

/* Refuses keys of the table at `arg` that are not in `known` (NULL-terminated), suggesting the
 * nearest. */
void binding_check_keys(lua_State *L, int arg, const char *what, const char *const *known);

#endif
