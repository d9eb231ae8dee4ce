/* lua_run.c - see lua_run.h */
#include "lua_run.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "binding.h"

#define WRITE_HIGH (1024 * 1024) /* run:write waits while more is queued for one task */
#define SHUTDOWN_US (CANCEL_GRACE_US + 1000000)

int luaopen_perilune_core_run(lua_State *L);

/* The registry's table of anchors, by the address of the run; its own user of memory is the list
 * of runs, in a userdata under the next name. */
#define ANCHORS "perilune.run.anchors"
#define RUNS "perilune.run.all"

struct lua_runs {
	struct lua_run *first;
};

/* ---- lives ---- */

static void lua_run_free(struct lua_run *r)
{
	run_destroy(r->run);
	lua_lines_destroy(r->lines);
	strtable_fini(&r->places);
	free(r->order);
	lua_run_parts_fini(&r->parts);
	free(r);
}

static struct lua_runs *all_runs(lua_State *L)
{
	struct lua_runs *all;

	lua_getfield(L, LUA_REGISTRYINDEX, RUNS);
	all = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return all;
}

/* Drops the anchors of runs that have ended, frees those that nobody holds. */
static void release_ended(lua_State *L)
{
	struct lua_run **at = &all_runs(L)->first;

	lua_getfield(L, LUA_REGISTRYINDEX, ANCHORS);
	while (*at != NULL) {
		struct lua_run *r = *at;

		if (!run_ended(r->run)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		lua_pushnil(L);
		lua_rawsetp(L, -2, r);
		r->anchored = false;
		if (r->orphan)
			lua_run_free(r);
	}
	lua_pop(L, 1);
}

bool lua_run_uses(lua_State *L, const struct transport *tp)
{
	struct lua_runs *all = all_runs(L);

	for (struct lua_run *r = all != NULL ? all->first : NULL; r != NULL; r = r->next) {
		if (!run_ended(r->run) && r->parts.spec.transport == tp)
			return true;
	}
	return false;
}

/* The user value of the run's userdata at arg, into the registry. */
static void anchor(lua_State *L, int arg, struct lua_run *r)
{
	struct lua_runs *all = all_runs(L);

	lua_getfield(L, LUA_REGISTRYINDEX, ANCHORS);
	lua_getiuservalue(L, arg, 1);
	lua_rawsetp(L, -2, r);
	lua_pop(L, 1);
	r->next = all->first;
	all->first = r;
	r->anchored = true;
}

struct lua_run *lua_check_run(lua_State *L, int arg)
{
	struct lua_run **handle = luaL_checkudata(L, arg, LUA_RUN_CLASS);

	if (*handle == NULL || (*handle)->run == NULL)
		luaL_argerror(L, arg, "this run is closed");
	return *handle;
}

size_t lua_check_task(lua_State *L, int arg, const struct lua_run *r)
{
	lua_Integer i;

	if (lua_isnoneornil(L, arg))
		return RUN_ALL_TASKS;
	i = luaL_checkinteger(L, arg);
	luaL_argcheck(L, i >= 1 && (size_t)i <= run_count(r->run), arg, "no such task");
	return (size_t)i - 1;
}

/* __gc and __close: nobody is interested any more. */
static int run_gc(lua_State *L)
{
	struct lua_run **handle = luaL_checkudata(L, 1, LUA_RUN_CLASS);
	struct lua_run *r = *handle;

	*handle = NULL;
	if (r == NULL)
		return 0;
	if (r->run != NULL && !run_ended(r->run))
		run_cancel(r->run);
	r->orphan = true;
	if (!r->anchored)
		lua_run_free(r);
	return 0;
}

/* At lua_close, after the userdata of runs: what could not end in time stays as it is. */
static int runs_gc(lua_State *L)
{
	struct lua_runs *all = lua_touserdata(L, 1);

	while (all->first != NULL) {
		struct lua_run *r = all->first;

		all->first = r->next;
		r->anchored = false;
		if (r->orphan && run_ended(r->run))
			lua_run_free(r);
	}
	return 0;
}

void lua_run_shutdown(lua_State *L)
{
	struct lua_runs *all = all_runs(L);
	struct loop *loop = sched_loop(L);
	int64_t until = loop_now_us(loop) + SHUTDOWN_US;

	if (all == NULL)
		return;
	for (struct lua_run *r = all->first; r != NULL; r = r->next) {
		if (!run_ended(r->run))
			run_cancel(r->run);
	}
	for (struct lua_run *r = all->first; r != NULL; r = r->next) {
		while (!run_ended(r->run) && loop_now_us(loop) < until &&
		       loop_turn(loop, LOOP_WAIT) > 0)
			;
	}
}

/* ---- what the run tells ---- */

static struct lua_run *run_of(struct run_sink *sink)
{
	return container_of(sink, struct lua_run, sink);
}

static void on_output(struct run_sink *sink, struct run *run, size_t i, enum stream stream,
		      const void *bytes, size_t len)
{
	(void)run;
	if (run_of(sink)->lines != NULL)
		lua_lines_output(run_of(sink), i, stream, bytes, len);
}

static void on_drain(struct run_sink *sink, struct run *run, size_t i)
{
	(void)run;
	(void)i;
	sched_wake_all(&run_of(sink)->drained);
}

static void on_result(struct run_sink *sink, struct run *run, size_t i,
		      const struct run_result *result)
{
	struct lua_run *r = run_of(sink);

	(void)run;
	if (r->first_failed == 0 && result->end.outcome != OUTCOME_OK &&
	    result->end.outcome != OUTCOME_CANCELED)
		r->first_failed = i + 1;
	if (r->lines != NULL)
		lua_lines_result(r, i);
	if (r->order != NULL)
		r->order[r->n_order++] = (uint32_t)i;
	sched_wake_all(&r->one_ended);
	sched_wake_all(&r->drained);
}

static void on_end(struct run_sink *sink, struct run *run)
{
	struct lua_run *r = run_of(sink);

	(void)run;
	sched_wake_all(&r->ended);
	sched_wake_all(&r->one_ended);
	sched_wake_all(&r->drained);
	sched_wake_all(&r->lined);
}

static const struct run_sink_ops sink_ops = {
	.on_output = on_output,
	.on_drain = on_drain,
	.on_result = on_result,
	.on_end = on_end,
};

/* ---- start ---- */

static void give_stdin(struct lua_run *r)
{
	if (r->parts.stdin_text == NULL)
		return;
	run_write(r->run, RUN_ALL_TASKS, r->parts.stdin_text, r->parts.stdin_len);
	run_close_stdin(r->run, RUN_ALL_TASKS);
}

/* { ..., results = weak table }: results are made again when nobody holds them. */
static void push_anchor_table(lua_State *L)
{
	lua_createtable(L, ANCHOR_RESULTS, 0);
	lua_newtable(L);
	luaL_setmetatable(L, "perilune.run.weak");
	lua_rawseti(L, -2, ANCHOR_RESULTS);
}

static int run_start_lua(lua_State *L)
{
	struct lua_run **handle;
	struct lua_run *r;
	struct pl_error err = { 0 };

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	release_ended(L);
	handle = binding_new(L, LUA_RUN_CLASS, sizeof(struct lua_run *));
	push_anchor_table(L);
	*handle = r = xcalloc(1, sizeof(*r));
	r->sink.ops = &sink_ops;
	lua_run_read_spec(L, 1, 3, r);
	lua_setiuservalue(L, 2, 1);
	r->run = run_start(&r->parts.spec, r->parts.sinks, r->parts.n_sinks, &err);
	if (r->run == NULL)
		return binding_fail(L, &err);
	if (r->parts.lines)
		r->lines = lua_lines_create(r->parts.n_tasks);
	give_stdin(r);
	anchor(L, 2, r);
	lua_settop(L, 2);
	return 1;
}

/* ---- methods ---- */

static int run_wait_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_run *r = lua_check_run(L, 1);

	(void)status;
	if (!run_ended(r->run))
		return sched_block(L, &r->ended, "run:wait", ctx, run_wait_k);
	release_ended(L);
	lua_settop(L, 1);
	return 1;
}

static int run_wait_lua(lua_State *L)
{
	lua_settop(L, 1);
	return run_wait_k(L, LUA_OK, 0);
}

static int run_cancel_lua(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);
	size_t i = lua_check_task(L, 2, r);

	if (i == RUN_ALL_TASKS)
		run_cancel(r->run);
	else
		run_cancel_task(r->run, i);
	return 0;
}

static int run_ended_lua(lua_State *L)
{
	lua_pushboolean(L, run_ended(lua_check_run(L, 1)->run));
	return 1;
}

static int run_count_lua(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)run_count(lua_check_run(L, 1)->run));
	return 1;
}

static int run_id_lua(lua_State *L)
{
	lua_pushstring(L, run_id(lua_check_run(L, 1)->run));
	return 1;
}

static int run_status_lua(lua_State *L)
{
	lua_pushinteger(L, run_exit_status(lua_check_run(L, 1)->run));
	return 1;
}

/* run, bytes, task */
static int run_write_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_run *r = lua_check_run(L, 1);
	size_t len;
	const char *bytes = luaL_checklstring(L, 2, &len);

	(void)status;
	if (!run_ended(r->run) && run_stdin_pending(r->run) > WRITE_HIGH)
		return sched_block(L, &r->drained, "run:write", ctx, run_write_k);
	if (!run_ended(r->run))
		run_write(r->run, lua_check_task(L, 3, r), bytes, len);
	lua_pushboolean(L, !run_ended(r->run));
	return 1;
}

static int run_write_lua(lua_State *L)
{
	lua_settop(L, 3);
	return run_write_k(L, LUA_OK, 0);
}

static int run_close_stdin_lua(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);

	run_close_stdin(r->run, lua_check_task(L, 2, r));
	return 0;
}

/* A number, or a name with or without SIG. */
static int check_signal(lua_State *L, int arg)
{
	const char *name;

	if (lua_isinteger(L, arg)) {
		lua_Integer signo = lua_tointeger(L, arg);

		luaL_argcheck(L, signo > 0 && signo < NSIG, arg, "no such signal");
		return (int)signo;
	}
	name = luaL_checkstring(L, arg);
	if (strncmp(name, "SIG", 3) == 0)
		name += 3;
	for (int signo = 1; signo < NSIG; signo++) {
		const char *known = sigabbrev_np(signo);

		if (known != NULL && strcmp(known, name) == 0)
			return signo;
	}
	return luaL_argerror(L, arg, "no such signal");
}

static int run_signal_lua(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);
	struct pl_error err = { 0 };

	if (run_signal(r->run, lua_check_task(L, 3, r), check_signal(L, 2), &err) != 0)
		return binding_fail(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

static int run_tostring(lua_State *L)
{
	struct lua_run **handle = luaL_checkudata(L, 1, LUA_RUN_CLASS);

	if (*handle == NULL || (*handle)->run == NULL)
		lua_pushliteral(L, "run (closed)");
	else
		lua_pushfstring(L, "run %s", run_id((*handle)->run));
	return 1;
}

/* ---- the module ---- */

static int exit_status_worse_lua(lua_State *L)
{
	lua_pushinteger(L, exit_status_worse((int)luaL_checkinteger(L, 1),
					     (int)luaL_checkinteger(L, 2)));
	return 1;
}

static int outcome_status_lua(lua_State *L)
{
	enum outcome o = outcome_parse(luaL_checkstring(L, 1));

	luaL_argcheck(L, o != OUTCOME_NONE, 1, "no such outcome");
	lua_pushinteger(L, outcome_exit_status(o));
	return 1;
}

static void make_registry(lua_State *L)
{
	static const luaL_Reg weak[] = { { NULL, NULL } };

	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, ANCHORS);
	binding_class(L, RUNS ".class", NULL, NULL, runs_gc);
	binding_new(L, RUNS ".class", sizeof(struct lua_runs));
	lua_setfield(L, LUA_REGISTRYINDEX, RUNS);
	binding_class(L, "perilune.run.weak", NULL, weak, NULL);
	luaL_getmetatable(L, "perilune.run.weak");
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_pop(L, 1);
}

int luaopen_perilune_core_run(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "wait", run_wait_lua },
		{ "cancel", run_cancel_lua },
		{ "ended", run_ended_lua },
		{ "count", run_count_lua },
		{ "id", run_id_lua },
		{ "status", run_status_lua },
		{ "write", run_write_lua },
		{ "close_stdin", run_close_stdin_lua },
		{ "signal", run_signal_lua },
		{ "summary", lua_run_summary },
		{ "copied", lua_run_copied },
		{ "result", lua_run_result },
		{ "outcome", lua_run_outcome },
		{ "fold", lua_run_fold },
		{ "find", lua_run_find },
		{ "next_ended", lua_run_next_ended },
		{ "first_failed", lua_run_first_failed },
		{ "waiting", lua_run_waiting },
		{ "next_line", lua_run_next_line },
		{ NULL, NULL },
	};
	static const luaL_Reg meta[] = { { "__tostring", run_tostring }, { NULL, NULL } };
	static const luaL_Reg functions[] = {
		{ "start", run_start_lua },
		{ "printer", lua_printer_new },
		{ "exit_status_worse", exit_status_worse_lua },
		{ "outcome_status", outcome_status_lua },
		{ NULL, NULL },
	};

	make_registry(L);
	binding_class(L, LUA_RUN_CLASS, methods, meta, run_gc);
	binding_closable(L, LUA_RUN_CLASS);
	lua_printer_class(L);
	luaL_newlib(L, functions);
	return 1;
}
