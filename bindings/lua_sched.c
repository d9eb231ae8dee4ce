/* lua_sched.c - the module perilune.core.sched; see sched.h */
#include "lua_sched.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "leave.h"
#include "lua_memory.h"
#include "sched_private.h"
#include "traceback.h"

#define QUEUE "perilune.queue"
#define SLEEP_MAX_S 1e9

int luaopen_perilune_core_sched(lua_State *L);

static struct sched_task *check_task(lua_State *L)
{
	return luaL_checkudata(L, 1, SCHED_TASK);
}

static struct sched_task *current(lua_State *L)
{
	struct sched_task *t = sched_of(L)->current;

	if (t == NULL)
		luaL_error(L, "no task is running");
	return t;
}

/* ---- tasks ---- */

static int sched_lua_spawn(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	sched_spawn(L, lua_gettop(L) - 1);
	return 1;
}

/* Pushes true and the results, or false, the error and the traceback. */
static int push_end(lua_State *L, struct sched_task *t)
{
	int n = t->n_results;

	t->joined = true;
	luaL_checkstack(L, n + 3, "too many results to join");
	lua_checkstack(t->thread, n);
	lua_pushboolean(L, t->state == SCHED_DONE);
	for (int i = 0; i < n; i++)
		lua_pushvalue(t->thread, -n);
	lua_xmove(t->thread, L, n);
	if (t->state == SCHED_DONE)
		return n + 1;
	lua_getiuservalue(L, 1, TASK_TRACE);
	return 3;
}

static int task_join_k(lua_State *L, int status, lua_KContext ctx)
{
	struct sched_task *t = check_task(L);

	(void)status;
	if (t->state >= SCHED_DONE)
		return push_end(L, t);
	if (t == current(L))
		return luaL_error(L, "a task cannot wait for its own end");
	return sched_block(L, &t->joiners, "join", ctx, task_join_k);
}

static int task_join(lua_State *L)
{
	return task_join_k(L, LUA_OK, 0);
}

/* Raises the error of a task that has failed or was cancelled, with its traceback in the place of
 * the running task's. */
static int task_rethrow(lua_State *L)
{
	struct sched_task *t = check_task(L);

	if (t->state < SCHED_FAILED)
		return luaL_error(L, "this task has no error to raise");
	push_end(L, t); /* false, error, traceback */
	sched_push_task(L, current(L));
	lua_pushvalue(L, -3);
	lua_setiuservalue(L, -2, TASK_TRACED);
	lua_pushvalue(L, -2);
	lua_setiuservalue(L, -2, TASK_TRACE);
	lua_pop(L, 2);
	return lua_error(L);
}

static int task_cancel(lua_State *L)
{
	sched_cancel(check_task(L), "cancel", luaL_optstring(L, 2, "canceled"));
	return 0;
}

static int task_status(lua_State *L)
{
	static const char *const names[] = {
		[SCHED_READY] = "runnable", [SCHED_RUNNING] = "runnable",
		[SCHED_WAITING] = "waiting", [SCHED_DONE] = "done",
		[SCHED_FAILED] = "failed", [SCHED_CANCELED] = "canceled",
	};

	lua_pushstring(L, names[check_task(L)->state]);
	return 1;
}

static int task_name(lua_State *L)
{
	struct sched_task *t = check_task(L);

	if (!lua_isnoneornil(L, 2)) {
		luaL_checkstring(L, 2);
		lua_settop(L, 2);
		lua_setiuservalue(L, 1, TASK_NAME);
	}
	if (lua_getiuservalue(L, 1, TASK_NAME) == LUA_TNIL)
		lua_pushfstring(L, "task %I", (LUAI_UACINT)t->id);
	return 1;
}

static int task_gc(lua_State *L)
{
	struct sched_task *t = check_task(L);

	if (t->sched == NULL)
		return 0;
	sched_report_lost_task(L, t, 1);
	sched_wake_all(&t->joiners);
	sched_forget(t);
	free(t->why);
	t->why = NULL;
	t->sched = NULL;
	return 0;
}

/* ---- time ---- */

static void sleep_is_over(void *arg)
{
	struct sched_task *t = arg;

	sched_wake_all(&t->sleepers);
}

static int sleep_k(lua_State *L, int status, lua_KContext ctx)
{
	struct sched_task *t = sched_of(L)->current;
	int64_t left = t->due_us - loop_now_us(t->sched->loop);

	(void)status;
	if (left <= 0 && ctx != 0)
		return 0;
	if (t->timer.loop == NULL)
		loop_timer_init(&t->timer, t->sched->loop, sleep_is_over, t);
	sched_check(L, t);
	loop_timer_start(&t->timer, left > 0 ? left : 0);
	return sched_block(L, &t->sleepers, "sleep", 1, sleep_k);
}

static int sched_lua_sleep(lua_State *L)
{
	struct sched_task *t = current(L);
	double seconds = luaL_checknumber(L, 1);

	luaL_argcheck(L, seconds >= 0, 1, "seconds, 0 or more");
	if (seconds > SLEEP_MAX_S)
		seconds = SLEEP_MAX_S;
	t->due_us = loop_now_us(t->sched->loop) + (int64_t)ceil(seconds * 1e6);
	return sleep_k(L, LUA_OK, 0);
}

static int sched_now(lua_State *L)
{
	lua_pushnumber(L, (double)loop_now_us(sched_of(L)->loop) / 1e6);
	return 1;
}

static int sched_wall(lua_State *L)
{
	lua_pushnumber(L, (double)loop_wall_us(sched_of(L)->loop) / 1e6);
	return 1;
}

static int sched_virtual_time(lua_State *L)
{
	struct pl_error err = { 0 };

	if (!sched_use_virtual_time(sched_of(L), &err))
		return binding_fail(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

static int sched_is_virtual(lua_State *L)
{
	lua_pushboolean(L, loop_is_virtual(sched_of(L)->loop));
	return 1;
}

/* ---- limits ---- */

/* limits{ memory = bytes, busy = seconds }: of the user's code from now on; 0 or nil: none */
static int sched_limits(lua_State *L)
{
	static const char *const keys[] = { "memory", "busy", NULL };
	struct sched *s = sched_of(L);
	int64_t bytes;

	binding_check_keys(L, 1, "limits", keys);
	bytes = binding_opt_int(L, 1, "memory", 0);
	luaL_argcheck(L, bytes >= 0, 1, "memory is a number of bytes");
	s->busy_limit_us = (int64_t)(binding_opt_number(L, 1, "busy", 0) * 1e6);
	if (s->memory != NULL)
		s->memory->limit = (size_t)bytes;
	return 0;
}

/* out_of_memory() -> "recipe.lua:12" | nil: where a value was wanted that was too large */
static int sched_out_of_memory(lua_State *L)
{
	struct lua_memory *m = sched_of(L)->memory;

	if (m == NULL || m->where[0] == '\0')
		return 0;
	lua_pushstring(L, m->where);
	return 1;
}

/* ---- the running task ---- */

static int sched_current(lua_State *L)
{
	sched_push_task(L, current(L));
	return 1;
}

static int sched_locals(lua_State *L)
{
	sched_push_task(L, current(L));
	if (lua_getiuservalue(L, -1, TASK_LOCALS) == LUA_TTABLE)
		return 1;
	lua_newtable(L);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, -4, TASK_LOCALS);
	return 1;
}

static int sched_canceled(lua_State *L)
{
	lua_pushboolean(L, current(L)->cancel != CANCEL_NONE);
	return 1;
}

static int sched_lua_check(lua_State *L)
{
	sched_check(L, current(L));
	return 0;
}

/* traceback(err) -> the functions of the user's that were active when err was raised in this task,
 * a line each; those that are active now when err is none that was noted. */
static int sched_traceback(lua_State *L)
{
	lua_settop(L, 1);
	sched_push_task(L, current(L));
	lua_getiuservalue(L, 2, TASK_TRACED);
	if (!lua_isnil(L, 1) && lua_rawequal(L, 1, 3))
		lua_getiuservalue(L, 2, TASK_TRACE);
	else
		traceback_push(L, L, 1);
	return 1;
}

/* ---- closers ---- */

static int closer_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	sched_leave_closer(sched_of(L)->current);
	if (status != LUA_OK && status != LUA_YIELD)
		return lua_error(L);
	return lua_gettop(L) - 1;
}

/* Calls the function at 1 with the arguments above it, in closer mode. */
static int run_closer(lua_State *L)
{
	struct sched_task *t = sched_of(L)->current;

	if (t == NULL) {
		lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
		return lua_gettop(L);
	}
	lua_pushcfunction(L, sched_on_error);
	lua_insert(L, 1);
	sched_enter_closer(t);
	return closer_k(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, closer_k), 0);
}

static int sched_closer(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TFUNCTION);
	return run_closer(L);
}

/* What stands in for a __close of Lua. */
static int wrapped_close(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	return run_closer(L);
}

static int set_metatable(lua_State *L)
{
	int type = lua_type(L, 2);

	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
	if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
		return luaL_error(L, "cannot change a protected metatable");
	lua_settop(L, 2);
	if (type == LUA_TTABLE) {
		lua_pushliteral(L, "__close");
		if (lua_rawget(L, 2) == LUA_TFUNCTION && !lua_iscfunction(L, -1)) {
			lua_pushcclosure(L, wrapped_close, 1);
			lua_pushliteral(L, "__close");
			lua_insert(L, -2);
			lua_rawset(L, 2);
		}
		lua_settop(L, 2);
	}
	lua_setmetatable(L, 1);
	return 1;
}

/* ---- xpcall ---- */

static int call_handler(lua_State *L)
{
	bool cancel = luaL_getmetafield(L, 1, "__name") == LUA_TSTRING &&
		      strcmp(lua_tostring(L, -1), "perilune.cancel") == 0;

	lua_settop(L, 1);
	if (cancel)
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int xpcall_k(lua_State *L, int status, lua_KContext below)
{
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_pushboolean(L, 0);
		lua_pushvalue(L, -2);
		return 2;
	}
	return lua_gettop(L) - (int)below;
}

static int protected_call(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, call_handler, 1);
	lua_replace(L, 2);
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2); /* function, handler, true, function, arguments */
	return xpcall_k(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, xpcall_k), 2);
}

/* ---- refusing to wait ---- */

static int refusing_call(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
	return lua_gettop(L);
}

static int sched_refuse(lua_State *L)
{
	luaL_checkstring(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	lua_pushcclosure(L, refusing_call, 2);
	return 1;
}

void lua_sched_refusing(lua_State *L, const char *name)
{
	lua_pushstring(L, name);
	lua_insert(L, -2);
	lua_pushcclosure(L, refusing_call, 2);
}

bool lua_sched_refuses(lua_State *L, lua_CFunction fn)
{
	return fn == refusing_call && lua_getupvalue(L, -1, 1) != NULL;
}

bool lua_sched_passes_waits(lua_CFunction fn)
{
	return coroutine_passes_waits(fn) || fn == sched_closer || fn == wrapped_close ||
	       fn == protected_call;
}

/* ---- queues ---- */

static int sched_queue(lua_State *L)
{
	binding_new(L, QUEUE, sizeof(struct sched_queue));
	return 1;
}

static int queue_wait_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 0;
}

static int queue_wait(lua_State *L)
{
	return sched_block(L, luaL_checkudata(L, 1, QUEUE), "queue:wait", 0, queue_wait_k);
}

static int queue_wake_one(lua_State *L)
{
	sched_wake_one(luaL_checkudata(L, 1, QUEUE));
	return 0;
}

static int queue_wake_all(lua_State *L)
{
	sched_wake_all(luaL_checkudata(L, 1, QUEUE));
	return 0;
}

/* ---- deadlocks ---- */

/* deadlock_ends(task | nil): a deadlock cancels this task, as "deadlock", before the main one */
static int sched_deadlock_ends(lua_State *L)
{
	struct sched *s = sched_of(L);

	lua_settop(L, 1);
	if (!lua_isnil(L, 1))
		check_task(L);
	luaL_unref(L, LUA_REGISTRYINDEX, s->victim_ref);
	s->victim_ref = lua_isnil(L, 1) ? LUA_NOREF : luaL_ref(L, LUA_REGISTRYINDEX);
	return 0;
}

/* ---- interrupts ---- */

static int sched_on_interrupt(lua_State *L)
{
	struct sched *s = sched_of(L);

	luaL_unref(L, LUA_REGISTRYINDEX, s->interrupt_ref);
	s->interrupt_ref = LUA_NOREF;
	if (!lua_isnoneornil(L, 1)) {
		luaL_checktype(L, 1, LUA_TFUNCTION);
		lua_settop(L, 1);
		s->interrupt_ref = luaL_ref(L, LUA_REGISTRYINDEX);
	}
	return 0;
}

static int sched_interrupted(lua_State *L)
{
	int signo = sched_of(L)->signo;

	if (signo == 0)
		return 0;
	lua_pushstring(L, sched_signal_name(signo));
	lua_pushinteger(L, 128 + signo);
	return 2;
}

/* The signals so far are dealt with: the next one asks on_interrupt's function again. */
static int sched_forget_interrupt(lua_State *L)
{
	struct sched *s = sched_of(L);

	s->signo = 0;
	s->signals_taken = 0;
	leave_forget();
	return 0;
}

/* ---- opening ---- */

void lua_sched_install(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "cancel", task_cancel },   { "join", task_join },	  { "name", task_name },
		{ "rethrow", task_rethrow }, { "status", task_status }, { NULL, NULL },
	};

	binding_class(L, SCHED_TASK, methods, NULL, task_gc);
	luaopen_perilune_coroutine(L);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "coroutine");
	luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	lua_insert(L, -2);
	lua_setfield(L, -2, "coroutine");
	lua_pop(L, 1);
	lua_register(L, "setmetatable", set_metatable);
	lua_register(L, "xpcall", protected_call);
}

int luaopen_perilune_core_sched(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "canceled", sched_canceled },
		{ "check", sched_lua_check },
		{ "closer", sched_closer },
		{ "current", sched_current },
		{ "forget_interrupt", sched_forget_interrupt },
		{ "deadlock_ends", sched_deadlock_ends },
		{ "interrupted", sched_interrupted },
		{ "is_virtual", sched_is_virtual },
		{ "limits", sched_limits },
		{ "locals", sched_locals },
		{ "now", sched_now },
		{ "on_interrupt", sched_on_interrupt },
		{ "out_of_memory", sched_out_of_memory },
		{ "queue", sched_queue },
		{ "refuse", sched_refuse },
		{ "sleep", sched_lua_sleep },
		{ "spawn", sched_lua_spawn },
		{ "traceback", sched_traceback },
		{ "virtual_time", sched_virtual_time },
		{ "wall", sched_wall },
		{ NULL, NULL },
	};
	static const luaL_Reg queue_methods[] = {
		{ "wait", queue_wait },
		{ "wake_all", queue_wake_all },
		{ "wake_one", queue_wake_one },
		{ NULL, NULL },
	};

	binding_class(L, QUEUE, queue_methods, NULL, queue_wake_all);
	luaL_newlib(L, functions);
	return 1;
}
