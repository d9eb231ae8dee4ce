/* sched_signal.c - a person who wants to stop: SIGINT and SIGTERM. */
#include <lauxlib.h>
#include <signal.h>

#include "base/mem.h"
#include "leave.h"
#include "sched_private.h"

static void on_signal(struct sched *s, int signo)
{
	if (s->signo != 0 || leave_count() > 1)
		leave_now(128 + signo);
	s->signals_taken = leave_count();
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
	leave_arm(s->loop, sched_poke);
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
