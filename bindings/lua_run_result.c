/* lua_run_result.c - what came of a run, as tables; see lua_run.h */
#include "lua_run.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "base/mem.h"
#include "binding.h"
#include "lua_hostset.h"
#include "run/fold.h"

static void set_bytes(lua_State *L, const char *name, const char *bytes, size_t len)
{
	lua_pushlstring(L, bytes != NULL ? bytes : "", len);
	lua_setfield(L, -2, name);
}

/* The fields of --json, but for who it is, into the table at the top. */
static void set_result(lua_State *L, const struct run_result *r)
{
	const struct task_result *end = &r->end;

	binding_set_string(L, "outcome", outcome_name(end->outcome));
	if (end->phase != PHASE_NONE)
		binding_set_string(L, "phase", phase_name(end->phase));
	if (end->outcome == OUTCOME_OK || end->outcome == OUTCOME_EXIT)
		binding_set_integer(L, "code", end->code);
	if (end->outcome == OUTCOME_SIGNAL)
		binding_set_string(L, "signal", end->signal);
	if (end->bytes > 0)
		binding_set_integer(L, "bytes", (lua_Integer)end->bytes);
	if (end->why[0] != '\0')
		binding_set_string(L, "why", end->why);
	if (end->detail[0] != '\0')
		binding_set_string(L, "detail", end->detail);
	set_bytes(L, "stdout", r->out, r->out_len);
	set_bytes(L, "stderr", r->err, r->err_len);
	if (r->out_total > r->out_len || r->err_total > r->err_len) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, "truncated");
	}
	if (r->out_path != NULL)
		binding_set_string(L, "stdout_path", r->out_path);
	if (r->err_path != NULL)
		binding_set_string(L, "stderr_path", r->err_path);
}

static void push_result(lua_State *L, const struct run_result *r)
{
	lua_createtable(L, 0, 12);
	binding_set_string(L, "host", r->host);
	binding_set_integer(L, "index", r->index);
	binding_set_integer(L, "attempts", r->attempts);
	lua_pushnumber(L, (double)r->seconds_us / 1e6);
	lua_setfield(L, -2, "seconds");
	set_result(L, r);
}

/* ---- as they end ---- */

/* From now on on_result fills the list; what has ended before is in the order of the tasks. */
static void begin_order(struct lua_run *r)
{
	size_t n = run_count(r->run);

	r->order = xcalloc(n + 1, sizeof(*r->order));
	for (size_t i = 0; i < n; i++) {
		if (run_outcome(r->run, i) != OUTCOME_NONE)
			r->order[r->n_order++] = (uint32_t)i;
	}
}

static int next_ended_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_run *r = lua_check_run(L, 1);

	(void)status;
	if (r->order == NULL)
		begin_order(r);
	if (r->n_taken < r->n_order) {
		lua_pushinteger(L, (lua_Integer)r->order[r->n_taken++] + 1);
		return 1;
	}
	if (run_ended(r->run))
		return luaL_pushfail(L), 1;
	return sched_block(L, &r->one_ended, "run:next_ended", ctx, next_ended_k);
}

/* run:next_ended() -> the number of a task that has ended and was not given before, in the order in
 * which they end; nil when all were. Waits. */
int lua_run_next_ended(lua_State *L)
{
	lua_settop(L, 1);
	return next_ended_k(L, LUA_OK, 0);
}

static size_t check_one(lua_State *L, int arg, const struct lua_run *r)
{
	luaL_checkinteger(L, arg);
	return lua_check_task(L, arg, r);
}

/* The same table each time, as long as somebody holds it. */
int lua_run_result(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);
	size_t i = check_one(L, 2, r);
	struct run_result result;

	lua_settop(L, 2);
	lua_getiuservalue(L, 1, 1);
	lua_rawgeti(L, 3, ANCHOR_RESULTS);
	if (lua_rawgeti(L, 4, (lua_Integer)i + 1) == LUA_TTABLE)
		return 1;
	run_result(r->run, i, &result);
	push_result(L, &result);
	if (result.end.outcome != OUTCOME_NONE) {
		lua_pushvalue(L, -1);
		lua_rawseti(L, 4, (lua_Integer)i + 1);
	}
	return 1;
}

int lua_run_outcome(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);

	lua_pushstring(L, outcome_name(run_outcome(r->run, check_one(L, 2, r))));
	return 1;
}

int lua_run_summary(lua_State *L)
{
	struct run_summary sum;

	run_summary(lua_check_run(L, 1)->run, &sum);
	lua_createtable(L, 0, OUTCOMES + 2);
	binding_set_integer(L, "tasks", (lua_Integer)sum.n_tasks);
	binding_set_integer(L, "ended", (lua_Integer)sum.n_ended);
	for (int o = OUTCOME_OK; o < OUTCOMES; o++)
		binding_set_integer(L, outcome_name(o), (lua_Integer)sum.by_outcome[o]);
	return 1;
}

/* Bytes that copies have moved so far; those that are to be moved by the copies of which that is
 * known; how many copies these are. */
int lua_run_copied(lua_State *L)
{
	const struct copy_count *count = &lua_check_run(L, 1)->parts.copied;

	lua_pushinteger(L, (lua_Integer)count->done);
	lua_pushinteger(L, (lua_Integer)count->total);
	lua_pushinteger(L, (lua_Integer)count->copies);
	return 3;
}

/* ---- fold ---- */

/* The fold lies in a userdata, because what follows may raise. */
static int fold_gc(lua_State *L)
{
	fold_fini(lua_touserdata(L, 1));
	return 0;
}

static struct fold *push_fold(lua_State *L)
{
	struct fold *fold = lua_newuserdatauv(L, sizeof(*fold), 0);

	*fold = (struct fold){ 0 };
	if (luaL_newmetatable(L, "perilune.run.fold")) {
		lua_pushcfunction(L, fold_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return fold;
}

static void push_group_hosts(lua_State *L, const struct run *run, const struct fold_group *g)
{
	struct pl_hostlist *hosts = pl_hostlist_create();
	struct run_result result;

	for (size_t i = 0; i < g->n; i++) {
		run_result(run, g->tasks[i], &result);
		pl_hostlist_add(hosts, result.host);
	}
	lua_push_hostset(L, hosts);
}

static void push_group(lua_State *L, const struct run *run, const struct fold_group *g)
{
	struct run_result result;

	lua_createtable(L, 0, 10);
	push_group_hosts(L, run, g);
	lua_setfield(L, -2, "hosts");
	lua_createtable(L, (int)g->n, 0);
	for (size_t i = 0; i < g->n; i++) {
		lua_pushinteger(L, (lua_Integer)g->tasks[i] + 1);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "indexes");
	run_result(run, g->tasks[0], &result);
	set_result(L, &result);
}

int lua_run_fold(lua_State *L)
{
	static const char *const names[] = { "output", "outcome", "stdout", "stderr", NULL };
	static const enum fold_by values[] = { FOLD_BY_OUTPUT, FOLD_BY_OUTCOME, FOLD_BY_STDOUT,
					       FOLD_BY_STDERR };
	struct lua_run *r = lua_check_run(L, 1);
	enum fold_by by = FOLD_BY_OUTPUT;
	struct fold *fold;

	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		lua_getfield(L, 2, "by");
		by = values[luaL_checkoption(L, lua_gettop(L), "output", names)];
	}
	fold = push_fold(L);
	fold_init(fold, r->run, by);
	lua_createtable(L, (int)fold->n, 0);
	for (size_t i = 0; i < fold->n; i++) {
		push_group(L, r->run, &fold->groups[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* ---- find ---- */

/* "HOST" leads to the first task on the host, "INDEX/HOST" to that one. */
static void make_places(struct lua_run *r)
{
	for (size_t i = 0; i < r->parts.n_tasks; i++) {
		const struct run_task *t = &r->parts.tasks[i];
		char *key = xasprintf("%u/%s", t->index, t->host);
		void *place = (void *)(uintptr_t)(i + 1);

		strtable_put(&r->places, key, place);
		if (strtable_get(&r->places, t->host) == NULL)
			strtable_put(&r->places, t->host, place);
		free(key);
	}
}

static size_t find_task(struct lua_run *r, const char *host, const char *indexed)
{
	if (r->parts.hosts != NULL && indexed == NULL)
		return pl_hostlist_find(r->parts.hosts, host);
	if (strtable_count(&r->places) == 0)
		make_places(r);
	return (size_t)(uintptr_t)strtable_get(&r->places, indexed != NULL ? indexed : host) - 1;
}

int lua_run_find(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);
	const char *host = luaL_checkstring(L, 2);
	const char *indexed = NULL;
	size_t i;

	if (!lua_isnoneornil(L, 3))
		indexed = lua_pushfstring(L, "%I/%s", (LUAI_UACINT)luaL_checkinteger(L, 3), host);
	i = find_task(r, host, indexed);
	if (i == SIZE_MAX)
		return 0;
	lua_pushinteger(L, (lua_Integer)i + 1);
	return 1;
}

/* The first task, in time, that failed by itself: not one that was cancelled. nil when none did. */
int lua_run_first_failed(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);

	if (r->first_failed == 0)
		return 0;
	lua_pushinteger(L, (lua_Integer)r->first_failed);
	return 1;
}

/* ---- who is being waited for ---- */

static void add_waiting(void *arg, size_t i, const char *host, enum phase phase, int64_t since_us)
{
	lua_State *L = arg;

	lua_createtable(L, 0, 4);
	binding_set_integer(L, "i", (lua_Integer)i + 1);
	binding_set_string(L, "host", host);
	binding_set_string(L, "phase", phase_name(phase));
	lua_pushnumber(L, (double)since_us / 1e6);
	lua_setfield(L, -2, "seconds");
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

int lua_run_waiting(lua_State *L)
{
	struct lua_run *r = lua_check_run(L, 1);

	lua_newtable(L);
	run_waiting(r->run, add_waiting, L);
	return 1;
}
