/* recorded_turns.c - whose turn it is among all tasks of a record: see recorded.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/recorded_private.h"

#define TURN_RESULTS 64

static void on_turn(void *arg);

/* ---- the heap ---- */

static void heap_swap(struct recorded_turns *t, size_t a, size_t b)
{
	struct rec_task *x = t->heap[a];

	t->heap[a] = t->heap[b];
	t->heap[b] = x;
}

static void heap_push(struct recorded_turns *t, struct rec_task *x)
{
	size_t i = t->n;

	ARRAY_GROW(t->heap, t->n, t->cap);
	t->heap[t->n++] = x;
	for (; i > 0 && t->heap[(i - 1) / 2]->at > t->heap[i]->at; i = (i - 1) / 2)
		heap_swap(t, i, (i - 1) / 2);
	loop_defer_schedule(&t->turn);
}

static struct rec_task *heap_pop(struct recorded_turns *t)
{
	struct rec_task *top = t->heap[0];
	size_t i = 0;

	t->heap[0] = t->heap[--t->n];
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < t->n && t->heap[child + 1]->at < t->heap[child]->at)
			child++;
		if (child >= t->n || t->heap[i]->at <= t->heap[child]->at)
			break;
		heap_swap(t, i, child);
		i = child;
	}
	return top;
}

struct recorded_turns *recorded_turns_of(struct past *past)
{
	if (past->turns == NULL) {
		past->turns = xcalloc(1, sizeof(*past->turns));
		past->turns->past = past;
		ring_init(&past->turns->waiting);
		loop_defer_init(&past->turns->turn, past->loop, on_turn, past->turns);
	}
	return past->turns;
}

void recorded_turns_destroy(struct recorded_turns *t)
{
	if (t == NULL)
		return;
	loop_defer_cancel(&t->turn);
	free(t->heap);
	free(t);
}

/* ---- whose turn it is ---- */

void recorded_wait(struct recorded_turns *t, struct recorded *r)
{
	if (r->n_waiting++ == 0)
		ring_add_behind(&t->waiting, &r->link);
}

static void wait_no_more(struct recorded *r)
{
	if (--r->n_waiting == 0)
		ring_remove(&r->link);
}

void recorded_make_ready(struct recorded_turns *t, struct rec_task *x, uint64_t at)
{
	if (x->state == REC_WAITING)
		wait_no_more(x->r);
	x->state = REC_READY;
	x->at = at;
	heap_push(t, x);
}

static void keep_numbers(struct recorded *r)
{
	const struct past_call *call = r->call;

	if (r->numbers != NULL || call == NULL)
		return;
	r->n_numbers = call->n_numbers;
	r->attempts = call->attempts;
	r->numbers = xcalloc(r->n_numbers, sizeof(*r->numbers));
	memcpy(r->numbers, call->numbers, r->n_numbers * sizeof(*r->numbers));
}

/* The cursor is at its end: what still waits has no result. */
static void end_waiting(struct recorded_turns *t)
{
	while (!ring_is_empty(&t->waiting)) {
		struct recorded *r = ring_first(&t->waiting, struct recorded, link);
		struct ring *next;

		keep_numbers(r);
		for (struct ring *at = r->tasks.next; at != &r->tasks; at = next) {
			struct rec_task *x = container_of(at, struct rec_task, link);

			next = at->next;
			if (x->state != REC_WAITING)
				continue;
			wait_no_more(r);
			recorded_settle_one(r);
			recorded_go_live(x);
		}
	}
}

void recorded_note(struct past_call *call, size_t task)
{
	struct rec_task *x = call->recorded != NULL ? call->recorded->by_number[task] : NULL;

	if (x != NULL && x->state == REC_WAITING)
		recorded_make_ready(recorded_turns_of(call->recorded->past), x, call->at[task]);
}

/* Reads on until somebody who waits has a result. */
static void read_on(struct recorded_turns *t)
{
	struct past_call *call;
	struct pl_error err;
	size_t task;

	while (t->n == 0 && !ring_is_empty(&t->waiting)) {
		if (past_advance(t->past, &call, &task, &err) <= 0)
			end_waiting(t);
		else if (task != SIZE_MAX)
			recorded_note(call, task);
	}
}

static void take_turn(struct rec_task *x)
{
	if (x->event == NULL) {
		recorded_begin_telling(x);
		return;
	}
	x->state = REC_TELLING; /* it was paused, or held */
	recorded_tell(x);
}

static void on_turn(void *arg)
{
	struct recorded_turns *t = arg;

	past_ref(t->past); /* somebody who is told may let it go */
	if (t->settle > 0) {
		t->settle--;
	} else {
		for (int i = 0; i < TURN_RESULTS && t->settle == 0; i++) {
			read_on(t);
			if (t->n == 0)
				break;
			take_turn(heap_pop(t));
		}
	}
	if (t->n > 0 || !ring_is_empty(&t->waiting))
		loop_defer_schedule(&t->turn);
	past_unref(t->past);
}
