/*
 * sched_hook.c - nothing holds the loop: the count hook of long Lua, and the signals of a person
 * who wants to stop.
 *
 * On real time a slice is SLICE_US; on virtual time it is a number of instructions, so that the
 * order of things is the same in every run.
 *
 * A cancelled task that goes on computing is given OVERTIME_US after it first heard of it, then
 * every call of the hook raises again, and each raise makes the hook ten times more frequent:
 * whatever swallows the error (a loop around pcall) meets the next one outside of it.
 */
#include <lauxlib.h>
#include <signal.h>
#include <time.h>

#include "base/mem.h"
#include "leave.h"
#include "sched_private.h"

#define SLICE_US 20000
#define SLICE_TICKS 1000 /* of SCHED_HOOK_COUNT instructions */
#define OVERTIME_SLICES 5
#define INTERRUPT_PATIENCE_US 1000000

int64_t sched_real_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void sched_slice_begin(struct sched *s)
{
	s->slice_ticks = 0;
	s->slice_until_us = sched_real_us() + SLICE_US;
}

bool sched_slice_over(struct sched *s)
{
	if (loop_is_virtual(s->loop))
		return s->slice_ticks >= SLICE_TICKS;
	return sched_real_us() >= s->slice_until_us;
}

/* True when the running task must be stopped by an error out of the blue. */
static bool must_raise(struct sched_task *t)
{
	if (!sched_must_stop(t))
		return false;
	return t->cancel == CANCEL_ASKED || t->overtime >= OVERTIME_SLICES;
}

static void raise_in(lua_State *L, struct sched *s, struct sched_task *t)
{
	if (t->overtime >= OVERTIME_SLICES && t->hook_count > 1)
		t->hook_count /= 10;
	for (size_t i = 0; i < s->depth; i++)
		sched_hook_set(s->chain[i], t->hook_count);
	sched_check(L, t);
}

/* on_interrupt has a function, and the code that runs keeps its task from running. */
static void end_impatiently(struct sched *s, struct sched_task *t)
{
	if (s->interrupt.queued && sched_real_us() - s->signal_us > INTERRUPT_PATIENCE_US)
		sched_cancel(t, "cancel", "interrupted");
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	struct sched *s = sched_of(L);
	struct sched_task *t = s->current;

	(void)ar;
	if (t == NULL)
		return;
	s->slice_ticks++;
	if (t->hook_count < SCHED_HOOK_COUNT && must_raise(t))
		raise_in(L, s, t);
	if (!sched_slice_over(s))
		return;
	if (t->cancel != CANCEL_NONE && t->overtime < OVERTIME_SLICES)
		t->overtime++;
	if (must_raise(t))
		raise_in(L, s, t);
	if (sched_barrier(s) == NULL) {
		s->yield = YIELD_TURN;
		lua_yield(L, 0);
		return;
	}
	loop_turn(s->loop, LOOP_NOWAIT);
	sched_slice_begin(s);
	end_impatiently(s, t);
	if (must_raise(t))
		raise_in(L, s, t);
}

void sched_hook_set(lua_State *L, int count)
{
	lua_sethook(L, on_count, LUA_MASKCOUNT, count);
}

/* ---- signals ---- */

static void on_signal(struct sched *s, int signo)
{
	if (s->signo != 0 || leave_count() > 1)
		leave_now(128 + signo);
	s->signo = signo;
	s->signal_us = sched_real_us();
	if (s->interrupt_ref != LUA_NOREF)
		sched_call_soon(s, &s->interrupt);
	else if (s->main != NULL)
		sched_cancel(s->main, "cancel", "interrupted");
}

static void on_sigint(void *arg)
{
	on_signal(arg, SIGINT);
}

static void on_sigterm(void *arg)
{
	on_signal(arg, SIGTERM);
}

/* The function given to on_interrupt, with the signal's name. */
static int push_interrupt(lua_State *L, struct sched_call *call)
{
	struct sched *s = container_of(call, struct sched, interrupt);

	if (s->interrupt_ref == LUA_NOREF)
		return -1;
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->interrupt_ref);
	lua_pushstring(L, sched_signal_name(s->signo));
	return 1;
}

void sched_signals_init(struct sched *s)
{
	s->interrupt.name = "interrupt";
	s->interrupt.push = push_interrupt;
	s->on_int = loop_signal_create(s->loop, SIGINT, on_sigint, s);
	s->on_term = loop_signal_create(s->loop, SIGTERM, on_sigterm, s);
	leave_arm(s->loop);
}

void sched_signals_fini(struct sched *s)
{
	loop_signal_destroy(s->on_int);
	loop_signal_destroy(s->on_term);
}

const char *sched_signal_name(int signo)
{
	return signo == SIGTERM ? "TERM" : "INT";
}
