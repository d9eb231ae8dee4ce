/* lua_topo.h - the machine as Lua sees it, for other modules. */
#ifndef PL_BINDINGS_LUA_TOPO_H
#define PL_BINDINGS_LUA_TOPO_H

#include <lua.h>
#include <stdbool.h>

#include "map/topo.h"

/* The topology at `arg`; raises when it is none. Lives as long as the userdata. */
struct pl_topo *lua_check_topo(lua_State *L, int arg);

/* Pushes a topology, which it takes over. */
void lua_push_topo(lua_State *L, struct pl_topo *topo);

/* ---- lua_topo_units.c: units of different sizes, for lua_topo.c ---- */

/* Reads `units` of the levels of the description at `arg`, as the numbers that topo.h wants, which
 * live in userdata left on the stack. False where no level has any. Raises when a host is in two
 * units, or hosts of a unit do not follow each other. */
bool lua_topo_read_units(lua_State *L, int arg, const struct pl_topo_spec *spec,
			 const uint32_t *units[PL_TOPO_MAX_LEVELS]);

/* topo:units(level) -> the folded host set of each unit, for a level (from 1) of whole hosts */
int lua_topo_units(lua_State *L);

/* topo:marked("unusable"|"missing") -> "host:gpu,..." */
int lua_topo_marked(lua_State *L);

#endif
