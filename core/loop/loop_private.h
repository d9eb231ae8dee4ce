/*
 * loop_private.h - what the files of this room share; nobody outside core/loop includes it.
 */
#ifndef PL_LOOP_PRIVATE_H
#define PL_LOOP_PRIVATE_H

#include <event2/event.h>

#include "loop/loop.h"

/* Armed timers: a 4-ary heap ordered by (due, seq); every timer knows its place in it. */
struct timer_heap {
	struct loop_timer **items;
	size_t n, cap;
	uint64_t next_seq;
};

struct pool;
struct child;

struct loop {
	struct event_base *base;
	enum loop_time time;
	int64_t now_us;
	bool in_turn;		 /* now_us is fresh and callbacks may be running */
	bool asleep;		 /* inside a wait: the first callback reads the clock again */
	int64_t asleep_since_us; /* virtual time only: the real clock then */
	int ran;		 /* callbacks of this turn */
	size_t watched;		 /* descriptors somebody waits for */
	size_t held;		 /* children and pool jobs that will report */

	struct timer_heap timers;
	struct event *alarm; /* wakes the wait at alarm_due_us */
	int64_t alarm_due_us;

	loop_call_f beat; /* NULL: none */
	void *beat_arg;
	int64_t beat_every_us, beat_due_us;

	struct ring deferred; /* head of a ring */

	int wake_fd; /* eventfd that signal handlers write to */
	struct event *wake;
	struct loop_signal *signals;

	struct ring children; /* those not reaped yet */
	struct loop_signal *sigchld;
	struct pool *pool; /* NULL until the first job */
	char *scratch;	   /* LOOP_SCRATCH bytes for reads, NULL until needed */
};

#define LOOP_SCRATCH (64 * 1024)

/* Reads the clock after a wait. Called before every callback of a descriptor or signal. */
void loop_awake(struct loop *loop);

/* loop.c counts what ran; every file calls this before it calls out. */
static inline void loop_count(struct loop *loop)
{
	loop->ran++;
}

/* While held, LOOP_WAIT has something to wait for, and virtual time does not jump. */
static inline void loop_hold(struct loop *loop)
{
	loop->held++;
}

static inline void loop_release(struct loop *loop)
{
	loop->held--;
}

/* timers.c: the next to fire or NULL; fires what is due, what is armed meanwhile excepted. */
struct loop_timer *timers_head(const struct loop *loop);
void timers_run(struct loop *loop);
void timers_fini(struct loop *loop);

/* signals.c */
int signals_init(struct loop *loop, struct pl_error *err);
void signals_fini(struct loop *loop);

/* child.c: frees what child_destroy left to be reaped. */
void children_fini(struct loop *loop);

/* pool.c: runs every job to its end, delivers it, ends the threads. */
void pool_fini(struct loop *loop);

#endif
