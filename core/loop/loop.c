/* loop.c - the turn: clock, deferred calls, and what one turn does in which order. */
#include "loop/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "loop/loop_private.h"

#define VIRTUAL_EPOCH_US (INT64_C(1767225600) * 1000000) /* 2026-01-01T00:00:00Z */
#define NO_ALARM INT64_MAX

static int64_t clock_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void read_clock(struct loop *loop)
{
	if (loop->time == LOOP_REAL)
		loop->now_us = clock_us(CLOCK_MONOTONIC);
}

/* The wait is over when the alarm is active; timers_run() does the rest. */
static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	loop->alarm_due_us = NO_ALARM;
}

static struct event_base *create_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

struct loop *loop_create(enum loop_time time, struct pl_error *err)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	signal(SIGPIPE, SIG_IGN);
	loop->time = time;
	loop->wake_fd = -1;
	loop->alarm_due_us = NO_ALARM;
	ring_init(&loop->deferred);
	ring_init(&loop->children);
	loop->base = create_base();
	if (loop->base != NULL)
		loop->alarm = evtimer_new(loop->base, on_alarm, loop);
	if (loop->alarm == NULL) {
		pl_errorf(err, PL_ESYS, "cannot set up the event loop (out of descriptors?)");
		goto fail;
	}
	if (signals_init(loop, err) < 0)
		goto fail;
	read_clock(loop);
	return loop;
fail:
	loop_destroy(loop);
	return NULL;
}

void loop_destroy(struct loop *loop)
{
	if (loop == NULL)
		return;
	assert(!loop->in_turn);
	pool_fini(loop);
	children_fini(loop);
	signals_fini(loop);
	timers_fini(loop);
	if (loop->alarm != NULL)
		event_free(loop->alarm);
	if (loop->base != NULL)
		event_base_free(loop->base);
	free(loop->scratch);
	free(loop);
}

int64_t loop_now_us(const struct loop *loop)
{
	if (loop->in_turn || loop->time == LOOP_VIRTUAL)
		return loop->now_us;
	return clock_us(CLOCK_MONOTONIC);
}

int64_t loop_wall_us(const struct loop *loop)
{
	if (loop->time == LOOP_VIRTUAL)
		return VIRTUAL_EPOCH_US + loop->now_us;
	return clock_us(CLOCK_REALTIME);
}

bool loop_is_virtual(const struct loop *loop)
{
	return loop->time == LOOP_VIRTUAL;
}

/* ---- deferred calls ---- */

void loop_defer_init(struct loop_defer *d, struct loop *loop, loop_call_f fn, void *arg)
{
	*d = (struct loop_defer){ .loop = loop, .fn = fn, .arg = arg };
}

void loop_defer_schedule(struct loop_defer *d)
{
	if (!ring_holds(&d->link))
		ring_add_last(&d->loop->deferred, &d->link);
}

void loop_defer_cancel(struct loop_defer *d)
{
	ring_remove(&d->link);
}

/* What is scheduled meanwhile waits for the next turn. */
static void run_deferred(struct loop *loop)
{
	struct ring batch;

	if (ring_is_empty(&loop->deferred))
		return;
	ring_move(&loop->deferred, &batch);
	while (!ring_is_empty(&batch)) {
		struct loop_defer *d = ring_first(&batch, struct loop_defer, link);

		loop_defer_cancel(d);
		loop_count(loop);
		d->fn(d->arg);
	}
}

/* ---- the beat ---- */

void loop_beat(struct loop *loop, int64_t every_us, loop_call_f fn, void *arg)
{
	loop->beat = loop->time == LOOP_REAL ? fn : NULL;
	loop->beat_arg = arg;
	loop->beat_every_us = every_us;
	loop->beat_due_us = loop_now_us(loop) + every_us;
}

/* Not counted: it is nothing that anybody waits for. */
static void beat_if_due(struct loop *loop)
{
	if (loop->beat == NULL || loop->now_us < loop->beat_due_us)
		return;
	loop->beat_due_us = loop->now_us + loop->beat_every_us;
	loop->beat(loop->beat_arg);
}

/* ---- waiting ---- */

/* Virtual time that passed while a child was waited for, never past the next timer. */
static int64_t virtual_progress(const struct loop *loop)
{
	const struct loop_timer *head = timers_head(loop);
	int64_t passed = clock_us(CLOCK_MONOTONIC) - loop->asleep_since_us;

	if (head != NULL && passed > head->due_us - loop->now_us)
		passed = head->due_us - loop->now_us;
	return passed > 0 ? passed : 0;
}

void loop_awake(struct loop *loop)
{
	if (!loop->asleep)
		return;
	loop->asleep = false;
	if (loop->time == LOOP_REAL)
		read_clock(loop);
	else if (loop->held > 0)
		loop->now_us += virtual_progress(loop);
}

static void set_alarm(struct loop *loop)
{
	const struct loop_timer *head = timers_head(loop);
	int64_t due = head != NULL ? head->due_us : NO_ALARM;
	struct timeval tv = { 0, 0 };

	if (loop->beat != NULL && loop->beat_due_us < due)
		due = loop->beat_due_us;

	/* real time comes to an alarm by itself; virtual time may have jumped since it was set */
	if (due == loop->alarm_due_us && loop->time == LOOP_REAL)
		return;
	loop->alarm_due_us = due;
	if (due == NO_ALARM) {
		evtimer_del(loop->alarm);
		return;
	}
	if (due > loop->now_us) {
		tv.tv_sec = (due - loop->now_us) / 1000000;
		tv.tv_usec = (due - loop->now_us) % 1000000;
	}
	evtimer_add(loop->alarm, &tv);
}

static void poll_ready(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void wait_ready(struct loop *loop)
{
	loop->asleep = true;
	if (loop->time == LOOP_VIRTUAL)
		loop->asleep_since_us = clock_us(CLOCK_MONOTONIC);
	event_base_loop(loop->base, EVLOOP_ONCE);
	loop_awake(loop);
}

static bool anything_to_wait_for(const struct loop *loop)
{
	return timers_head(loop) != NULL || loop->watched > 0 || loop->held > 0;
}

/*
 * One round with nothing to run but what the wait brings. Virtual time: ready descriptors are
 * served first, then the clock jumps. It runs like the real one while children or jobs are
 * waited for, and stands still while there are descriptors only.
 */
static void wait_for_more(struct loop *loop)
{
	const struct loop_timer *head = timers_head(loop);

	if (loop->time == LOOP_REAL || loop->held > 0 || head == NULL) {
		set_alarm(loop);
		wait_ready(loop);
		return;
	}
	poll_ready(loop);
	/* what was served may have stopped or armed timers: the next round looks again */
	if (loop->ran == 0)
		loop->now_us = head->due_us;
}

int loop_turn(struct loop *loop, enum loop_wait wait)
{
	assert(!loop->in_turn);
	loop->in_turn = true;
	loop->ran = 0;
	do {
		read_clock(loop);
		beat_if_due(loop);
		run_deferred(loop);
		timers_run(loop);
		if (loop->ran > 0 || wait == LOOP_NOWAIT) {
			poll_ready(loop);
			break;
		}
		if (!anything_to_wait_for(loop))
			break;
		wait_for_more(loop);
		if (loop->ran > 0)
			run_deferred(loop); /* so that the next turn can wait at once */
	} while (loop->ran == 0);
	loop->in_turn = false;
	return loop->ran;
}
