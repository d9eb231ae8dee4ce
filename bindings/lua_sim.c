/*
 * lua_sim.c - see lua_sim.h
 *
 * Questions are collected by a callback of the loop and answered by one task, in order, until none
 * is left. An error in the function answers its question with exit code 255 and the words on
 * standard error; the first one is raised again when all are answered, so that it is not lost.
 */
#include "lua_sim.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "binding.h"
#include "lua_sched.h"
#include "sched.h"

#define HANDLE "perilune.sim"
#define SECONDS_MAX 1e9

/* Lives as long as the transport or a task that answers: `users`. */
struct lua_sim {
	struct sched_call call;
	struct sched *sched;
	struct sim_query **asked;
	size_t first, n, cap; /* asked[first..n) wait */
	bool answering;	      /* a task is at it */
	unsigned users;
};

static void sim_release(struct lua_sim *sim)
{
	if (--sim->users > 0)
		return;
	free(sim->asked);
	free(sim);
}

/* The task's hold on it: a userdata, since the task may end by any error. */
static int handle_gc(lua_State *L)
{
	struct lua_sim **handle = luaL_checkudata(L, 1, HANDLE);
	struct lua_sim *sim = *handle;

	*handle = NULL;
	if (sim == NULL)
		return 0;
	sim->answering = false;
	if (sim->first < sim->n)
		sched_call_soon(sim->sched, &sim->call);
	sim_release(sim);
	return 0;
}

/* ---- replies ---- */

static const char *const reply_keys[] = { "stdout", "stderr", "code", "signal", "seconds",
					  "hang",   "drop",   "refuse", "phase", NULL };

static enum outcome read_refuse(lua_State *L, int idx, enum phase *phase)
{
	const char *name = binding_opt_string(L, idx, "refuse", NULL);
	const char *where = binding_opt_string(L, idx, "phase", NULL);
	enum outcome refuse = name != NULL ? outcome_parse(name) : OUTCOME_NONE;

	if (name != NULL && refuse != OUTCOME_UNREACHABLE && refuse != OUTCOME_AUTH &&
	    refuse != OUTCOME_HOSTKEY)
		luaL_error(L, "field 'refuse' must be unreachable, auth or hostkey, not '%s'", name);
	*phase = where != NULL ? phase_parse(where) : PHASE_NONE;
	if (where != NULL && *phase == PHASE_NONE)
		luaL_error(L, "field 'phase': there is no phase '%s'", where);
	return refuse;
}

static const char *read_bytes(lua_State *L, int idx, const char *field, size_t *len)
{
	const char *s = "";

	*len = 0;
	if (binding_opt_string(L, idx, field, NULL) == NULL)
		return s;
	lua_getfield(L, idx, field);
	s = lua_tolstring(L, -1, len);
	lua_pop(L, 1); /* the table holds it */
	return s;
}

/* The reply table at idx, whose strings stay its own. */
static void read_reply(lua_State *L, int idx, struct sim_reply *reply)
{
	double seconds;

	binding_check_keys(L, idx, "a simulated reply", reply_keys);
	reply->out = read_bytes(L, idx, "stdout", &reply->out_len);
	reply->err = read_bytes(L, idx, "stderr", &reply->err_len);
	reply->code = (int)binding_opt_int(L, idx, "code", 0);
	reply->signal = binding_opt_string(L, idx, "signal", NULL);
	reply->refuse = read_refuse(L, idx, &reply->phase);
	seconds = binding_opt_number(L, idx, "seconds",
				     reply->refuse != OUTCOME_NONE ? 0 : SIM_DEFAULT_US / 1e6);
	if (!(seconds >= 0 && seconds <= SECONDS_MAX))
		luaL_error(L, "field 'seconds' must be 0 or more");
	reply->seconds_us = (int64_t)llround(seconds * 1e6);
	reply->hang = binding_opt_bool(L, idx, "hang", 0);
	reply->drop = binding_opt_bool(L, idx, "drop", 0);
}

/* ---- one question ---- */

/* The rank of a task of a job, which its environment says; else its number on its host. */
static lua_Integer rank_of(const struct sim_query *query)
{
	const char *const *env = query->command->env;

	for (; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, "RANK=", 5) == 0)
			return strtol(*env + 5, NULL, 10);
	}
	return query->index;
}

static void push_command(lua_State *L, const struct command *command)
{
	if (command->argv == NULL) {
		lua_pushstring(L, command->line != NULL ? command->line : "");
		return;
	}
	lua_newtable(L);
	for (int i = 0; command->argv[i] != NULL; i++) {
		lua_pushstring(L, command->argv[i]);
		lua_rawseti(L, -2, i + 1);
	}
}

/* Protected: function and query -> reply table or nil, checked, and the sim_reply filled. */
static int ask_lua(lua_State *L)
{
	struct sim_query *query = lua_touserdata(L, 2);
	struct sim_reply *reply = lua_touserdata(L, 3);

	lua_pushvalue(L, 1);
	lua_pushstring(L, query->host);
	lua_pushinteger(L, rank_of(query));
	push_command(L, query->command);
	lua_call(L, 3, 1);
	if (lua_isnil(L, -1))
		return 1;
	if (!lua_istable(L, -1))
		return luaL_error(L, "a simulated reply must be a table or nil, not a %s",
				  luaL_typename(L, -1));
	read_reply(L, lua_gettop(L), reply);
	return 1;
}

/* The function is at 1; the first error, or nil, is kept at 3. */
static void answer(lua_State *L, struct sim_query *query)
{
	struct sim_reply reply = { .seconds_us = SIM_DEFAULT_US };

	if (query->task == NULL) {
		sim_answer(query, NULL);
		return;
	}
	lua_pushcfunction(L, ask_lua);
	lua_pushvalue(L, 1);
	lua_pushlightuserdata(L, query);
	lua_pushlightuserdata(L, &reply);
	if (lua_pcall(L, 3, 1, 0) != LUA_OK) {
		size_t len;

		if (lua_isnil(L, 3)) {
			lua_pushvalue(L, -1);
			lua_replace(L, 3);
		}
		reply = (struct sim_reply){ .seconds_us = SIM_DEFAULT_US, .code = 255 };
		reply.err = luaL_tolstring(L, -1, &len);
		reply.err_len = len;
		sim_answer(query, &reply);
	} else {
		sim_answer(query, lua_isnil(L, -1) ? NULL : &reply);
	}
	lua_settop(L, 3);
}

/* ---- the task ---- */

static int answer_all_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_sim *sim = *(struct lua_sim **)luaL_checkudata(L, 2, HANDLE);

	(void)status;
	while (sim->first < sim->n) {
		answer(L, sim->asked[sim->first++]);
		if (sched_should_give_way(L))
			return sched_give_way(L, ctx, answer_all_k);
	}
	sim->first = sim->n = 0;
	lua_pushcfunction(L, handle_gc);
	lua_pushvalue(L, 2);
	lua_call(L, 1, 0);
	return lua_isnil(L, 3) ? 0 : lua_error(L);
}

static int answer_all(lua_State *L)
{
	lua_settop(L, 3);
	return answer_all_k(L, LUA_OK, 0);
}

static int push_answering(lua_State *L, struct sched_call *call)
{
	struct lua_sim *sim = container_of(call, struct lua_sim, call);
	struct lua_sim **handle;

	if (sim->answering || sim->first == sim->n)
		return -1;
	lua_pushcfunction(L, answer_all);
	lua_rawgetp(L, LUA_REGISTRYINDEX, sim);
	handle = binding_new(L, HANDLE, sizeof(*handle));
	*handle = sim;
	sim->users++;
	sim->answering = true;
	return 2;
}

void lua_sim_ask(void *arg, struct sim_query *query)
{
	struct lua_sim *sim = arg;

	ARRAY_GROW(sim->asked, sim->n, sim->cap);
	sim->asked[sim->n++] = query;
	if (!sim->answering)
		sched_call_soon(sim->sched, &sim->call);
}

struct lua_sim *lua_sim_create(lua_State *L, int fn)
{
	struct lua_sim *sim = xcalloc(1, sizeof(*sim));

	sim->sched = sched_of(L);
	sim->users = 1;
	sim->call.name = "the simulated hosts";
	sim->call.push = push_answering;
	binding_class(L, HANDLE, NULL, NULL, handle_gc);
	lua_pushvalue(L, fn);
	lua_sched_refusing(L, "a simulated reply");
	lua_rawsetp(L, LUA_REGISTRYINDEX, sim);
	return sim;
}

void lua_sim_destroy(lua_State *L, struct lua_sim *sim)
{
	if (sim == NULL)
		return;
	sched_call_cancel(&sim->call);
	while (sim->first < sim->n)
		sim_answer(sim->asked[sim->first++], NULL);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, sim);
	sim_release(sim);
}
