/* sched.c - see sched.h and sched_private.h; tasks, their queues and their turns */
#include "sched_private.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "traceback.h"

/* What one turn of a task came to. */
enum turn {
	TURN_WAITS,    /* it stands in a queue */
	TURN_GAVE_WAY, /* its slice was over: ready again */
	TURN_ENDED,    /* its body is over; the state says how */
	TURN_BROKEN,   /* an error outside the body's protection: out of memory, C stack */
};

/* ---- the scheduler ---- */

struct sched *sched_create(lua_State *L, enum loop_time time, struct pl_error *err)
{
	struct loop *loop = loop_create(time, err);
	struct sched *s;

	if (loop == NULL)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	ring_init(&s->calls);
	s->L = L;
	s->loop = loop;
	s->interrupt_ref = s->victim_ref = LUA_NOREF;
	*(struct sched **)lua_getextraspace(L) = s;
	s->is_virtual = loop_is_virtual(loop);
	sched_signals_init(s);
	sched_ticks_start(s);
	return s;
}

void sched_destroy(struct sched *s)
{
	if (s == NULL)
		return;
	sched_ticks_stop();
	sched_signals_fini(s);
	loop_destroy(s->loop);
	free(s->chain);
	free(s);
}

bool sched_use_virtual_time(struct sched *s, struct pl_error *err)
{
	struct loop *loop;

	if (loop_is_virtual(s->loop))
		return true;
	if (s->loop_taken || s->last_id > 1) {
		pl_errorf(err, PL_EUSAGE, "virtual time must be chosen before anything else");
		return false;
	}
	loop = loop_create(LOOP_VIRTUAL, err);
	if (loop == NULL)
		return false;
	sched_signals_fini(s);
	loop_destroy(s->loop);
	s->loop = loop;
	s->is_virtual = true;
	sched_signals_init(s);
	if (s->current != NULL) {
		loop_timer_init(&s->current->grace, loop, sched_grace_is_over, s->current);
		s->current->timer.loop = NULL; /* the next sleep sets it up anew */
	}
	return true;
}

struct sched *sched_of(lua_State *L)
{
	return *(struct sched **)lua_getextraspace(L);
}

struct loop *sched_loop(lua_State *L)
{
	struct sched *s = sched_of(L);

	s->loop_taken = true;
	return s->loop;
}

void sched_chain_push(struct sched *s, lua_State *co)
{
	ARRAY_GROW(s->chain, s->depth, s->cap_chain);
	s->chain[s->depth++] = co;
	s->running = co;
}

void sched_chain_pop(struct sched *s)
{
	s->depth--;
	/* empty: a finalizer ran a coroutine while no task was running */
	s->running = s->depth > 0 ? s->chain[s->depth - 1] : NULL;
}

void sched_push_task(lua_State *L, struct sched_task *t)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, t);
}

const char *sched_push_name(lua_State *L, struct sched_task *t)
{
	sched_push_task(L, t);
	if (lua_getiuservalue(L, -1, TASK_NAME) != LUA_TSTRING) {
		lua_pop(L, 1);
		lua_pushfstring(L, "task %d", (int)t->id);
	}
	lua_remove(L, -2);
	return lua_tostring(L, -1);
}

/* ---- waiting ---- */

lua_State *sched_barrier(struct sched *s)
{
	for (size_t i = 0; i < s->depth; i++) {
		if (!lua_isyieldable(s->chain[i]))
			return s->chain[i];
	}
	return NULL;
}

bool sched_can_wait(lua_State *L)
{
	struct sched *s = sched_of(L);

	return s->current != NULL && sched_barrier(s) == NULL;
}

static void check_can_wait(lua_State *L, struct sched *s, const char *what)
{
	lua_State *barrier = sched_barrier(s);
	char where[128];

	if (barrier == NULL)
		return;
	traceback_barrier(L, barrier, where, sizeof(where));
	luaL_error(L, "%s cannot wait inside %s", what, where);
}

static int go_on_k(lua_State *L, int status, lua_KContext ctx)
{
	struct sched_task *t = (struct sched_task *)ctx;

	(void)status;
	sched_check(L, t);
	return t->k(L, LUA_YIELD, t->ctx);
}

int sched_block(lua_State *L, struct sched_queue *queue, const char *what, lua_KContext ctx,
		lua_KFunction k)
{
	struct sched *s = sched_of(L);
	struct sched_task *t = s->current;

	if (t == NULL)
		return luaL_error(L, "%s cannot wait here: no task is running", what);
	sched_check(L, t);
	check_can_wait(L, s, what);
	t->what = what;
	t->ctx = ctx;
	t->k = k;
	t->state = SCHED_WAITING;
	t->busy_us = 0;
	sched_queue_add(queue, t);
	s->yield = YIELD_WAIT;
	return lua_yieldk(L, 0, (lua_KContext)t, go_on_k);
}

bool sched_should_give_way(lua_State *L)
{
	struct sched *s = sched_of(L);

	return sched_slice_over(s) && sched_barrier(s) == NULL;
}

int sched_give_way(lua_State *L, lua_KContext ctx, lua_KFunction k)
{
	struct sched *s = sched_of(L);
	struct sched_task *t = s->current;

	t->ctx = ctx;
	t->k = k;
	s->yield = YIELD_TURN;
	return lua_yieldk(L, 0, (lua_KContext)t, go_on_k);
}

/* ---- the body of a task ---- */

int sched_on_error(lua_State *L)
{
	struct sched_task *t = sched_of(L)->current;

	if (t == NULL)
		return 1;
	luaL_checkstack(L, 10, NULL);
	if (lua_isnil(L, 1)) {
		char where[128];

		traceback_where(L, where, sizeof(where));
		lua_pushfstring(L, "%s: an error without a value", where);
		lua_replace(L, 1);
	}
	traceback_name_user(L, 1);
	sched_push_task(L, t);
	lua_getiuservalue(L, -1, TASK_TRACED);
	if (lua_isnil(L, -1) || !lua_rawequal(L, -1, 1)) {
		lua_pushvalue(L, 1);
		lua_setiuservalue(L, -3, TASK_TRACED);
		traceback_push(L, L, 1);
		lua_setiuservalue(L, -3, TASK_TRACE);
	}
	lua_settop(L, 1);
	return 1;
}

static bool is_own_cancel(lua_State *L, struct sched_task *t)
{
	bool same;

	sched_push_task(L, t);
	lua_getiuservalue(L, -1, TASK_CANCEL);
	same = !lua_isnil(L, -1) && lua_rawequal(L, -1, -3);
	lua_pop(L, 2);
	return same && strcmp(t->cancel_kind, "cancel") == 0;
}

static int task_body_k(lua_State *L, int status, lua_KContext ctx)
{
	struct sched_task *t = (struct sched_task *)ctx;

	if (status == LUA_OK || status == LUA_YIELD) {
		t->state = SCHED_DONE;
		return lua_gettop(L) - 1;
	}
	t->state = is_own_cancel(L, t) ? SCHED_CANCELED : SCHED_FAILED;
	return 1;
}

static int task_body(lua_State *L)
{
	struct sched_task *t = sched_of(L)->current;

	if (sched_must_stop(t)) {
		sched_push_cancel(L, t);
		return task_body_k(L, LUA_ERRRUN, (lua_KContext)t);
	}
	lua_pushcfunction(L, sched_on_error);
	lua_insert(L, 1);
	return task_body_k(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, (lua_KContext)t,
					 task_body_k), (lua_KContext)t);
}

/* ---- spawn ---- */

/* The locals of the running task, copied one level deep, become those of the task at -1. */
static void copy_locals(lua_State *L, struct sched_task *from)
{
	if (from == NULL)
		return;
	sched_push_task(L, from);
	if (lua_getiuservalue(L, -1, TASK_LOCALS) == LUA_TTABLE) {
		lua_newtable(L);
		for (lua_pushnil(L); lua_next(L, -3) != 0; lua_pop(L, 1)) {
			lua_pushvalue(L, -2);
			lua_pushvalue(L, -2);
			lua_settable(L, -5);
		}
		lua_setiuservalue(L, -4, TASK_LOCALS);
	}
	lua_pop(L, 2);
}

static void task_init(struct sched *s, struct sched_task *t)
{
	memset(t, 0, sizeof(*t));
	t->sched = s;
	t->id = ++s->last_id;
	loop_timer_init(&t->grace, s->loop, sched_grace_is_over, t);
}

struct sched_task *sched_spawn(lua_State *L, int n_args)
{
	struct sched *s = sched_of(L);
	struct sched_task *t;

	luaL_checkstack(L, 10, NULL);
	t = lua_newuserdatauv(L, sizeof(*t), TASK_VALUES);
	task_init(s, t);
	luaL_setmetatable(L, SCHED_TASK);
	t->thread = lua_newthread(L);
	lua_setiuservalue(L, -2, TASK_THREAD);
	sched_hook_set(t->thread, 0);
	copy_locals(L, s->current);
	lua_pushvalue(L, -1);
	lua_rawsetp(L, LUA_REGISTRYINDEX, t);
	lua_insert(L, -(n_args + 2));
	if (!lua_checkstack(t->thread, n_args + 10))
		luaL_error(L, "too many arguments to spawn");
	lua_pushcfunction(t->thread, task_body);
	lua_xmove(L, t->thread, n_args + 1);
	sched_list_add(&s->live, t);
	t->state = SCHED_READY;
	sched_queue_add(&s->ready, t);
	return t;
}

void sched_forget(struct sched_task *t)
{
	struct sched *s = t->sched;

	if (s == NULL)
		return;
	sched_queue_remove(t);
	sched_list_remove(t);
	if (t->timer.loop != NULL)
		loop_timer_stop(&t->timer);
	loop_timer_stop(&t->grace);
}

/* ---- turns ---- */

static void task_ended(struct sched *s, struct sched_task *t)
{
	sched_forget(t);
	if (t->state == SCHED_FAILED && t != s->main)
		sched_note_failed(s, t);
	sched_wake_all(&t->joiners);
	lua_pushnil(s->L);
	lua_rawsetp(s->L, LUA_REGISTRYINDEX, t);
}

/* The one place that resumes the thread of a task. */
static enum turn task_resume(struct sched *s, struct sched_task *t, int *n_results)
{
	int n_args = lua_status(t->thread) == LUA_YIELD ? 0 : lua_gettop(t->thread) - 1;
	int status;

	sched_queue_remove(t);
	if (t->timer.loop != NULL)
		loop_timer_stop(&t->timer);
	t->state = SCHED_RUNNING;
	s->current = t;
	s->depth = 0;
	sched_turn_begin(s);
	sched_chain_push(s, t->thread);
	status = lua_resume(t->thread, s->L, n_args, n_results);
	s->running = NULL;
	s->depth = 0;
	s->current = NULL;
	if (status == LUA_YIELD)
		return s->yield == YIELD_WAIT ? TURN_WAITS : TURN_GAVE_WAY;
	return status == LUA_OK ? TURN_ENDED : TURN_BROKEN;
}

static void task_turn(struct sched *s, struct sched_task *t)
{
	int n_results = 0;

	switch (task_resume(s, t, &n_results)) {
	case TURN_WAITS:
		break;
	case TURN_GAVE_WAY:
		sched_make_ready(t);
		break;
	case TURN_ENDED:
		t->n_results = n_results;
		task_ended(s, t);
		break;
	case TURN_BROKEN:
		t->state = SCHED_FAILED;
		t->n_results = 1;
		task_ended(s, t);
		break;
	}
}

/* Those that are ready now, as long as the slice lasts; who becomes ready meanwhile comes next
 * time. */
static void run_batch(struct sched *s)
{
	struct sched_task *last = s->ready.tail;
	struct sched_task *t;

	sched_slice_begin(s);
	while ((t = s->ready.head) != NULL) {
		task_turn(s, t);
		if (t == last || sched_slice_over(s))
			break;
	}
}

/* What callbacks asked for gets tasks of its own. */
static void spawn_calls(struct sched *s)
{
	while (!ring_is_empty(&s->calls)) {
		struct sched_call *call = ring_first(&s->calls, struct sched_call, link);
		int n_args;

		ring_remove(&call->link);
		n_args = call->push(s->L, call);
		if (n_args < 0)
			continue;
		sched_spawn(s->L, n_args);
		lua_pushstring(s->L, call->name);
		lua_setiuservalue(s->L, -2, TASK_NAME);
		lua_pop(s->L, 1);
	}
}

void sched_call_soon(struct sched *s, struct sched_call *call)
{
	if (!ring_holds(&call->link))
		ring_add_last(&s->calls, &call->link);
}

void sched_call_cancel(struct sched_call *call)
{
	ring_remove(&call->link);
}

static void cancel_rest(struct sched *s)
{
	for (struct sched_task *t = s->live.oldest; t != NULL; t = t->newer)
		sched_cancel(t, "cancel", "the program is over");
}

/* One turn of the loop. It waits only when Lua has nothing to do: a hook may have turned the loop
 * amid Lua, so that calls are due that nothing else would wake us for. */
static int turn_loop(struct sched *s)
{
	bool idle = s->ready.head == NULL && ring_is_empty(&s->calls);

	return loop_turn(s->loop, idle ? LOOP_WAIT : LOOP_NOWAIT);
}

void sched_run(struct sched *s, struct sched_task *main)
{
	s->main = main;
	while (s->live.oldest != NULL) {
		spawn_calls(s);
		run_batch(s);
		if (main->state >= SCHED_DONE)
			cancel_rest(s);
		if (s->live.oldest == NULL)
			break;
		if (turn_loop(s) == 0 && s->ready.head == NULL && ring_is_empty(&s->calls))
			sched_end_deadlock(s, main);
	}
	sched_report_lost(s);
}
