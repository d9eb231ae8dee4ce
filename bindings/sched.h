/*
 * sched.h - tasks of Lua: who may run, who waits, who was cancelled. The one place that resumes.
 *
 * A Lua task is a coroutine whose body is a protected call. Lua runs only between turns of the
 * loop, from sched_run(); callbacks of the loop never enter Lua, they wake tasks. A C function
 * that must wait puts its task in a queue:
 *
 *	static int run_wait_k(lua_State *L, int status, lua_KContext ctx)
 *	{
 *		struct lua_run *r = check_run(L, 1);
 *		if (!run_ended(r->run))
 *			return sched_block(L, &r->waiters, "run:wait", ctx, run_wait_k);
 *		return push_result(L, r);
 *	}
 *	static int run_wait(lua_State *L) { return run_wait_k(L, LUA_OK, 0); }
 *
 * and the loop callback says sched_wake_all(&r->waiters). The continuation checks again: a wake is
 * a hint. A cancelled task is woken with an error raised in place of its wait, at every further
 * wait too (sticky), except while it runs a closer (grace SCHED_CLOSER_GRACE_US).
 *
 * A hook bounds how long Lua holds the loop (sched_hook.c): it turns the loop every 20 ms, and
 * after 100 ms a task that can yield gives way to the others. So shared tables of long-running Lua
 * may change at any time; our own prelude is only interrupted where it waits.
 */
#ifndef PL_BINDINGS_SCHED_H
#define PL_BINDINGS_SCHED_H

#include <lua.h>
#include <stdbool.h>

#include "base/ring.h"
#include "loop/loop.h"

#define SCHED_CLOSER_GRACE_US (10 * 1000000)

struct sched;
struct sched_task;

/* Tasks waiting for one thing. Zero-initialised is empty. Must be emptied (wake_all) before the
 * memory it lies in goes away. */
struct sched_queue {
	struct sched_task *head, *tail;
};

/* The scheduler of this Lua state. */
struct sched *sched_of(lua_State *L);
struct loop *sched_loop(lua_State *L);

/*
 * Puts the running task to sleep in `queue` and yields; k runs after a wake. `what` names the call
 * for error messages and deadlock reports. Raises where no wait is allowed ("exec cannot wait
 * inside table.sort"), and when the task is cancelled. Use as `return sched_block(...)`.
 */
int sched_block(lua_State *L, struct sched_queue *queue, const char *what, lua_KContext ctx,
		lua_KFunction k);

/* False where sched_block would refuse by name: inside table.sort, a gsub callback, ... */
bool sched_can_wait(lua_State *L);

/* From anywhere, loop callbacks included: makes waiting tasks runnable. */
void sched_wake_one(struct sched_queue *queue);
void sched_wake_all(struct sched_queue *queue);

/*
 * A call into Lua that something outside asks for, such as a question that a simulated host puts
 * to a recipe. Embedded in its owner; `push` is set once.
 */
struct sched_call {
	struct ring link; /* among those that are due */
	const char *name; /* of the task */
	/* Pushes a function and its arguments, which a task of its own will run; returns how many
	 * arguments, or -1 (nothing pushed) when there is nothing to do any more. */
	int (*push)(lua_State *L, struct sched_call *call);
};

/* From anywhere, loop callbacks included: push() is called before Lua runs next. No-op when that
 * is already due. */
void sched_call_soon(struct sched *s, struct sched_call *call);
void sched_call_cancel(struct sched_call *call);

/* A long loop in C over Lua calls: true when others should run. Then
 * `return sched_give_way(L, ctx, k)`; k goes on, or raises when the task is cancelled. */
bool sched_should_give_way(lua_State *L);
int sched_give_way(lua_State *L, lua_KContext ctx, lua_KFunction k);

#endif
