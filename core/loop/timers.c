/* timers.c - armed timers in a 4-ary heap; the same heap serves real and virtual time. */
#include "loop/loop.h"

#include <stdlib.h>

#include "base/mem.h"
#include "loop/loop_private.h"

#define FANOUT 4

static bool fires_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->seq < b->seq;
}

static void put_at(struct timer_heap *h, size_t at, struct loop_timer *t)
{
	h->items[at] = t;
	t->place = at + 1;
}

static void sift_up(struct timer_heap *h, size_t at, struct loop_timer *t)
{
	while (at > 0) {
		size_t parent = (at - 1) / FANOUT;

		if (!fires_before(t, h->items[parent]))
			break;
		put_at(h, at, h->items[parent]);
		at = parent;
	}
	put_at(h, at, t);
}

static size_t first_child(const struct timer_heap *h, size_t at)
{
	size_t child = at * FANOUT + 1;
	size_t end = child + FANOUT < h->n ? child + FANOUT : h->n;
	size_t best = child;

	for (; child < end; child++) {
		if (fires_before(h->items[child], h->items[best]))
			best = child;
	}
	return best;
}

static void sift_down(struct timer_heap *h, size_t at, struct loop_timer *t)
{
	while (at * FANOUT + 1 < h->n) {
		size_t child = first_child(h, at);

		if (!fires_before(h->items[child], t))
			break;
		put_at(h, at, h->items[child]);
		at = child;
	}
	put_at(h, at, t);
}

static void heap_remove(struct timer_heap *h, struct loop_timer *t)
{
	size_t at = t->place - 1;
	struct loop_timer *last = h->items[--h->n];

	t->place = 0;
	if (last == t)
		return;
	if (at > 0 && fires_before(last, h->items[(at - 1) / FANOUT]))
		sift_up(h, at, last);
	else
		sift_down(h, at, last);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_call_f fn, void *arg)
{
	*t = (struct loop_timer){ .loop = loop, .fn = fn, .arg = arg };
}

void loop_timer_start(struct loop_timer *t, int64_t after_us)
{
	struct timer_heap *h = &t->loop->timers;
	int64_t now = loop_now_us(t->loop);

	loop_timer_stop(t);
	if (after_us < 0)
		after_us = 0;
	t->due_us = after_us > INT64_MAX - now ? INT64_MAX : now + after_us;
	t->seq = h->next_seq++;
	ARRAY_GROW(h->items, h->n, h->cap);
	h->n++;
	sift_up(h, h->n - 1, t);
}

void loop_timer_stop(struct loop_timer *t)
{
	if (t->place != 0)
		heap_remove(&t->loop->timers, t);
}

bool loop_timer_armed(const struct loop_timer *t)
{
	return t->place != 0;
}

struct loop_timer *timers_head(const struct loop *loop)
{
	return loop->timers.n > 0 ? loop->timers.items[0] : NULL;
}

void timers_run(struct loop *loop)
{
	/* A timer that a callback arms for now waits for the next turn: it sorts behind all that
	 * were armed before, so the first new one ends the round. */
	uint64_t end = loop->timers.next_seq;
	struct loop_timer *t;

	while ((t = timers_head(loop)) != NULL && t->due_us <= loop->now_us && t->seq < end) {
		heap_remove(&loop->timers, t);
		loop_count(loop);
		t->fn(t->arg);
	}
}

void timers_fini(struct loop *loop)
{
	for (size_t i = 0; i < loop->timers.n; i++)
		loop->timers.items[i]->place = 0;
	free(loop->timers.items);
}
