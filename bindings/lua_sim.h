/* lua_sim.h - answers of simulated hosts, given by a function of Lua. */
#ifndef PL_BINDINGS_LUA_SIM_H
#define PL_BINDINGS_LUA_SIM_H

#include <lua.h>

#include "transport/sim.h"

struct lua_sim;

/* Keeps the function at fn: function(host, index, command) -> reply | nil. It runs in a task, may
 * not wait, and gets the command as a line or a table of words. */
struct lua_sim *lua_sim_create(lua_State *L, int fn);

/* The sim_ask_f of it; arg is the lua_sim. */
void lua_sim_ask(void *arg, struct sim_query *query);

/* Answers what is still asked with the default. Before the transport goes; NULL is a no-op. */
void lua_sim_destroy(lua_State *L, struct lua_sim *sim);

#endif
