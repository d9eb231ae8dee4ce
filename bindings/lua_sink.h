/*
 * lua_sink.h - userdata that may stand in `sinks` of run.start: the printer, the record of a run.
 *
 * Such a userdata begins with struct lua_sink, and its metatable has a true field LUA_SINK_MARK. It
 * is kept alive while a run uses it.
 */
#ifndef PL_BINDINGS_LUA_SINK_H
#define PL_BINDINGS_LUA_SINK_H

#include <lauxlib.h>
#include <lua.h>

#include "run/sink.h"

#define LUA_SINK_MARK "__perilune_sink"

struct lua_sink {
	struct run_sink *sink; /* NULL: closed */
};

/* The sink at idx; raises when it is none or closed. */
struct run_sink *lua_check_sink(lua_State *L, int idx);

#endif
