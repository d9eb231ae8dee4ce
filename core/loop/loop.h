/*
 * loop.h - the one event loop of the process: time, descriptors, signals, deferred calls.
 *
 * The only owner of the libevent base; nobody above includes libevent. Two kinds of time:
 * LOOP_REAL is the monotonic clock; LOOP_VIRTUAL starts at 0 and jumps to the next timer whenever
 * nothing else is left to do, so that hours of waiting pass in milliseconds, the same in every run.
 * Before it jumps, ready descriptors are served without waiting; with no timer armed they are
 * waited for. While a child process lives, virtual time runs at the pace of the real one.
 *
 * Callbacks run from loop_turn() only, never from the call that armed them. A callback may arm,
 * stop or free anything of the loop, its own timer, watcher or deferred call included.
 *
 * loop_turn() may be called again from inside Lua that runs between turns, never from inside a
 * callback of the loop (asserted).
 *
 * Everything here belongs to one thread. loop/pool.h and loop/lane.h have the only other threads.
 */
#ifndef PL_LOOP_LOOP_H
#define PL_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/ring.h"

struct loop;

enum loop_time { LOOP_REAL, LOOP_VIRTUAL };

/* Ignores SIGPIPE in the process: a write to a closed pipe or socket is EPIPE. */
struct loop *loop_create(enum loop_time time, struct pl_error *err);

/* NULL is a no-op. Timers, watchers and children must be gone; jobs of the pool are waited for and
 * delivered, deferred calls dropped. */
void loop_destroy(struct loop *loop);

/* Microseconds on the loop's clock: monotonic, or virtual from 0. Within a turn it is read once
 * and cached; between turns it is the time now. */
int64_t loop_now_us(const struct loop *loop);

/* Microseconds since 1970. Virtual time starts at 2026-01-01T00:00:00Z. */
int64_t loop_wall_us(const struct loop *loop);

bool loop_is_virtual(const struct loop *loop);

enum loop_wait {
	LOOP_NOWAIT, /* do what is ready and return */
	LOOP_WAIT,   /* wait until something was done */
};

/*
 * One turn: deferred calls, due timers, ready descriptors, signals, finished pool work. Returns
 * how many callbacks ran; 0 with LOOP_WAIT means that nothing is left that could ever happen.
 * O(ready + log timers).
 */
int loop_turn(struct loop *loop, enum loop_wait wait);

/* ---- timers: embedded in their owner, one shot ---- */

typedef void (*loop_call_f)(void *arg);

struct loop_timer {
	struct loop *loop;
	loop_call_f fn;
	void *arg;
	int64_t due_us; /* on the loop's clock */
	uint64_t seq;	/* ties fire in the order they were armed */
	size_t place;	/* 1 + index in the heap; 0 when not armed */
};

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_call_f fn, void *arg);
void loop_timer_start(struct loop_timer *t, int64_t after_us); /* re-arms when already armed */
void loop_timer_stop(struct loop_timer *t);		       /* no-op when not armed */
bool loop_timer_armed(const struct loop_timer *t);

/* ---- a beat ---- */

/* Calls fn at least every `every_us` while the loop turns or waits, and a little later at most. It
 * is nothing to wait for: a loop with nothing else is at its end. One at a time; fn NULL ends it.
 * Virtual time has none. */
void loop_beat(struct loop *loop, int64_t every_us, loop_call_f fn, void *arg);

/* ---- deferred calls: embedded, run once, in order: in the next turn, or at the end of the one
 * that had waited for what scheduled them ---- */

struct loop_defer {
	struct loop *loop;
	loop_call_f fn;
	void *arg;
	struct ring link; /* of those that are due */
};

void loop_defer_init(struct loop_defer *d, struct loop *loop, loop_call_f fn, void *arg);
void loop_defer_schedule(struct loop_defer *d); /* no-op when already queued */
void loop_defer_cancel(struct loop_defer *d);

/* ---- descriptors: level triggered ---- */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

struct loop_io;
typedef void (*loop_io_f)(void *arg, int events); /* events: LOOP_READ | LOOP_WRITE as ready */

/* Watches fd (not owned; must not be a regular file), for nothing yet. */
struct loop_io *loop_io_create(struct loop *loop, int fd, loop_io_f fn, void *arg);
void loop_io_want(struct loop_io *io, int events); /* 0 stops watching; cheap when unchanged */
void loop_io_destroy(struct loop_io *io);	   /* before close(fd); NULL is a no-op */

/* ---- signals ---- */

struct loop_signal;

/* Calls fn in a turn after signo arrived, once for several that came together. Installs the handler
 * even where the signal was inherited as ignored or blocked. The watcher alone does not keep
 * LOOP_WAIT waiting. */
struct loop_signal *loop_signal_create(struct loop *loop, int signo, loop_call_f fn, void *arg);
void loop_signal_destroy(struct loop_signal *s); /* restores the former disposition */

#endif
