/*
 * sched_hook.c - nothing holds the loop: how long Lua is stopped.
 *
 * A hook that counts instructions triples the cost of every one, so none is set while all is well.
 * A profiling timer ticks with the CPU time of the program (never while it sleeps); its handler,
 * and those of SIGINT and SIGTERM, set the hook in the running thread when the slice is over or a
 * signal is due, as lua(1) does for Ctrl-C. The hook then fires before the next instruction.
 *
 * When the slice is over, the loop is turned from inside the hook. A task that has run for TURN_US
 * gives way to the other tasks, but only out of the user's code: ours may count on being alone
 * from one wait to the next.
 *
 * On virtual time there are no slices: no time passes while Lua runs, and the order of things is
 * the same in every run. Signals still stop it.
 *
 * A cancelled task that goes on computing is given OVERTIME_SLICES after it first heard of it; then
 * the hook stays, raises every time, and with each raise comes ten times as often: whatever
 * swallows the error (a loop around pcall) meets the next one outside of it.
 */
#include <lauxlib.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "leave.h"
#include "sched_private.h"
#include "traceback.h"

#define TICK_US 5000
#define BEAT_TICKS (SCHED_BEAT_US / TICK_US)
#define SLICE_US 20000
#define TURN_US 100000
#define OVERTIME_SLICES 5
#define OVERTIME_COUNT 1000 /* instructions between two hooks, at first */
#define INTERRUPT_PATIENCE_US 1000000

static struct sched *ticked; /* for signal handlers */

int64_t sched_real_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void sched_turn_begin(struct sched *s)
{
	s->turn_until_us = sched_real_us() + TURN_US;
}

static bool may_give_way(lua_State *L, struct sched *s)
{
	return !s->is_virtual && sched_real_us() >= s->turn_until_us && sched_barrier(s) == NULL &&
	       !traceback_in_ours(L);
}

void sched_slice_begin(struct sched *s)
{
	s->slice_until_us = sched_real_us() + SLICE_US;
}

bool sched_slice_over(struct sched *s)
{
	return !s->is_virtual && sched_real_us() >= s->slice_until_us;
}

static bool signal_is_due(const struct sched *s)
{
	return leave_count() != s->signals_taken;
}

/* ---- the hook ---- */

/* True when the running task must be stopped by an error out of the blue. */
static bool must_raise(struct sched_task *t)
{
	if (!sched_must_stop(t))
		return false;
	return t->cancel == CANCEL_ASKED || t->overtime >= OVERTIME_SLICES;
}

static void raise_in(lua_State *L, struct sched *s, struct sched_task *t)
{
	if (t->overtime >= OVERTIME_SLICES && t->hook_count != 1)
		t->hook_count = t->hook_count == 0 ? OVERTIME_COUNT : t->hook_count / 10;
	for (size_t i = 0; i < s->depth; i++)
		sched_hook_set(s->chain[i], t->hook_count);
	sched_check(L, t);
}

/* on_interrupt has a function, and the code that runs keeps its task from running. */
static void end_impatiently(struct sched *s, struct sched_task *t)
{
	if (ring_holds(&s->interrupt.link) && sched_real_us() - s->signal_us > INTERRUPT_PATIENCE_US)
		sched_cancel(t, "cancel", "interrupted");
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	struct sched *s = sched_of(L);
	struct sched_task *t = s->current;
	bool over = sched_slice_over(s);

	(void)ar;
	sched_hook_set(L, t != NULL ? t->hook_count : 0);
	if (t == NULL)
		return;
	sched_limits_check(L, s, t);
	if (over && t->cancel != CANCEL_NONE && t->overtime < OVERTIME_SLICES)
		t->overtime++;
	if (must_raise(t))
		raise_in(L, s, t);
	if (!over && !signal_is_due(s))
		return;
	if (may_give_way(L, s)) {
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
	lua_sethook(L, count > 0 ? on_count : NULL, count > 0 ? LUA_MASKCOUNT : 0, count);
}

/* ---- who sets it ---- */

void sched_poke(void)
{
	lua_State *L = ticked != NULL ? ticked->running : NULL;

	if (L != NULL && (sched_slice_over(ticked) || signal_is_due(ticked)))
		sched_hook_set(L, 1);
}

static void on_tick(int signo)
{
	lua_State *L = ticked != NULL ? ticked->running : NULL;

	(void)signo;
	sched_poke();
	if (L == NULL || ticked->busy_limit_us == 0 || ++ticked->ticks % BEAT_TICKS != 0)
		return;
	ticked->beat_due = 1;
	sched_hook_set(L, 1);
}

void sched_ticks_start(struct sched *s)
{
	struct sigaction action = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
	sigset_t prof;

	ticked = s;
	sigaction(SIGPROF, &action, NULL);
	sigemptyset(&prof);
	sigaddset(&prof, SIGPROF);
	sigprocmask(SIG_UNBLOCK, &prof, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
}

void sched_ticks_stop(void)
{
	struct itimerval never = { { 0, 0 }, { 0, 0 } };

	setitimer(ITIMER_PROF, &never, NULL);
	ticked = NULL;
}
