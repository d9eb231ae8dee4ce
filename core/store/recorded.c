/* recorded.c - see recorded.h */
#include "store/recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/past_private.h"
#include "transport/outlive.h"

#define CHUNK_MAX (64 * 1024)
#define SETTLE_TURNS 6 /* a run ends -> Lua goes on -> its next run begins -> hands out its tasks */
#define TURN_RESULTS 64

/*
 *	WAITING -> READY -> TELLING -> (gone)
 *	   |         \-> HELD -> READY
 *	   \-> LIVE [-> CLEARING] -> (gone)
 *	        ^ |
 *	        ATTACHED
 */
enum rec_state {
	REC_WAITING,  /* the cursor has not come to its result */
	REC_READY,    /* it has: in the heap, by its place in the journal */
	REC_TELLING,  /* its bytes are being told */
	REC_HELD,     /* it was canceled: waits for that */
	REC_ATTACHED, /* lives: what survived is followed */
	REC_LIVE,     /* it runs */
	REC_CLEARING, /* what survived has ended, its files are removed */
};

struct rec_task {
	struct recorded *r;
	struct task *task;
	size_t number; /* from 0 */
	uint64_t at;   /* 1 + where its result is */
	struct rec_task *prev, *next; /* among all of its transport */
	enum rec_state state;
	bool paused, cancel_asked;

	/* TELLING */
	json_t *event;
	struct rec_stream {
		const char *bytes;
		char *owned;
		size_t len, told;
		int fd; /* of a file with all of it, or -1 */
	} out, err;

	/* with the other transport */
	struct task live;
	struct outlive outlive;
	bool has_outlive;
	size_t attach; /* which of the call's numbers is tried */
	bool absent, spoken; /* nothing of it is there; it has said something */
	char *tag;
	struct task_result result; /* of what has ended and is cleared away */
};

struct recorded {
	struct transport base;
	struct past *past;
	struct past_call *call;
	struct transport *live;
	enum recorded_rest rest;
	char *run;
	struct rec_task *tasks;
	struct rec_task **by_number; /* those whose first attempt it is */
	size_t n_tasks;	  /* of the call */
	size_t n_started; /* of these, by the run */
	size_t n_waiting; /* REC_WAITING */
	size_t n_owed;	  /* WAITING to HELD: what the record may still have to say */
	unsigned *numbers; /* of the call, once it is known that it lacks results */
	size_t n_numbers;
	unsigned attempts;
	struct recorded *next; /* among those with waiting tasks */
};

/* What all transports of one record share: whose turn it is. */
struct recorded_turns {
	struct past *past;
	struct loop_defer turn;
	struct rec_task **heap; /* READY, the first in the journal on top */
	size_t n, cap;
	struct recorded *waiting; /* those with REC_WAITING tasks */
	unsigned settle; /* turns to wait */
};

static const struct task_events live_events;
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

static struct recorded_turns *turns_of(struct past *past)
{
	if (past->turns == NULL) {
		past->turns = xcalloc(1, sizeof(*past->turns));
		past->turns->past = past;
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

/* ---- tasks ---- */

static void stream_fini(struct rec_stream *s)
{
	free(s->owned);
	if (s->fd >= 0)
		close(s->fd);
}

static void task_free(struct rec_task *x)
{
	if (x->number < x->r->n_tasks && x->r->by_number[x->number] == x)
		x->r->by_number[x->number] = NULL;
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		x->r->tasks = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	if (x->has_outlive)
		outlive_fini(&x->outlive);
	stream_fini(&x->out);
	stream_fini(&x->err);
	json_decref(x->event);
	free(x->tag);
	free(x);
}

/* The last thing that is done with it. */
static void deliver(struct rec_task *x, const struct task_result *result)
{
	struct task *task = x->task;

	task_free(x);
	task->impl = NULL;
	task->events->on_done(task, result);
}

/* ---- the bytes of a recorded stream ---- */

static void decode_base64(struct rec_stream *s, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	unsigned held = 0, bits = 0;

	s->owned = xmalloc(strlen(text) * 3 / 4 + 1);
	for (; *text != '\0' && *text != '='; text++) {
		const char *digit = strchr(digits, *text);

		if (digit == NULL)
			break;
		held = (held << 6) | (unsigned)(digit - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			s->owned[s->len++] = (char)(held >> bits);
		}
	}
	s->bytes = s->owned;
}

/* A path in the journal, from the folder of the run. */
static char *full_path(const struct past *p, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", p->dir, path);
}

static void open_file(struct rec_stream *s, const struct rec_task *x, const char *path)
{
	char *full = full_path(x->r->past, path);

	s->fd = open(full, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		log_warn(LOG_STORE, "%s: recorded output is missing: '%s': %s", x->task->host, full,
			 strerror(errno));
	free(full);
}

static void open_stream(struct rec_stream *s, const struct rec_task *x, const char *name,
			const char *path_name)
{
	char field[32], file[32];
	const char *path = json_string_value(json_object_get(x->event, path_name));
	const json_t *text = json_object_get(x->event, name);
	const char *base64;

	snprintf(field, sizeof(field), "%s_base64", name);
	base64 = json_string_value(json_object_get(x->event, field));
	if (path == NULL) {
		snprintf(file, sizeof(file), "%s_file", name);
		path = json_string_value(json_object_get(x->event, file));
	}
	if (path != NULL) {
		open_file(s, x, path);
	} else if (json_is_string(text)) {
		s->bytes = json_string_value(text);
		s->len = json_string_length(text);
	} else if (base64 != NULL) {
		decode_base64(s, base64);
	}
}

/* The next bytes of it; 0: there are no more. */
static size_t next_bytes(struct rec_stream *s, char *buffer, const char **bytes)
{
	ssize_t n;

	if (s->fd >= 0) {
		n = pread(s->fd, buffer, CHUNK_MAX, (off_t)s->told);
		*bytes = buffer;
		return n > 0 ? (size_t)n : 0;
	}
	*bytes = s->bytes + s->told;
	return s->len - s->told < CHUNK_MAX ? s->len - s->told : CHUNK_MAX;
}

/* Until all was told or the task is paused: true when nothing is left. */
static bool tell_stream(struct rec_task *x, struct rec_stream *s, enum stream which, char *buffer)
{
	const char *bytes;
	size_t n;

	while (!x->paused && (n = next_bytes(s, buffer, &bytes)) > 0) {
		s->told += n;
		x->task->events->on_output(x->task, which, bytes, n);
	}
	return !x->paused;
}

/* ---- telling a result ---- */

static uint64_t count_of(const json_t *event, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(event, name));
}

static void copy_text(char *to, size_t size, const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	snprintf(to, size, "%s", text != NULL ? text : "");
}

static const char *text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text != NULL ? text : "";
}

static void read_result(const json_t *event, struct task_result *result)
{
	result->outcome = outcome_parse(text_of(event, "outcome"));
	result->phase = phase_parse(text_of(event, "phase"));
	result->begun = true; /* never tried again */
	result->code = (int)json_integer_value(json_object_get(event, "code"));
	result->bytes = count_of(event, "bytes");
	copy_text(result->signal, sizeof(result->signal), event, "signal");
	copy_text(result->why, sizeof(result->why), event, "why");
	copy_text(result->detail, sizeof(result->detail), event, "detail");
}

/* Where the whole of a stream lies that did not fit; the caller's. */
static char *whole_path(const struct rec_task *x, const char *field)
{
	const char *path = json_string_value(json_object_get(x->event, field));

	return path != NULL ? full_path(x->r->past, path) : NULL;
}

/* The record has nothing more to say of one of its tasks. */
static void settle_one(struct recorded *r)
{
	r->n_owed--;
	if (r->n_owed > 0 || r->n_started < r->n_tasks || r->call == NULL)
		return;
	past_call_done(r->past, r->call);
	r->call = NULL;
	turns_of(r->past)->settle = SETTLE_TURNS;
}

static void tell_end(struct rec_task *x)
{
	double seconds = json_number_value(json_object_get(x->event, "seconds"));
	char *out = whole_path(x, "out_path"), *err = whole_path(x, "err_path");
	struct task_past past = {
		.seconds_us = (int64_t)(seconds * 1e6 + 0.5),
		.attempts = (unsigned)count_of(x->event, "attempts"),
		.out_total = count_of(x->event, "out"),
		.err_total = count_of(x->event, "err"),
		.out_path = out,
		.err_path = err,
	};
	struct task_result result = { .past = &past };

	if (past.attempts == 0)
		past.attempts = 1;
	read_result(x->event, &result);
	settle_one(x->r);
	deliver(x, &result);
	free(out);
	free(err);
}

/* Its bytes, then its end; a paused one stops on the way, and one that somebody ended waits to be
 * ended again. */
static void tell(struct rec_task *x)
{
	char *buffer = xmalloc(CHUNK_MAX);
	bool told = tell_stream(x, &x->out, STREAM_OUT, buffer) &&
		    tell_stream(x, &x->err, STREAM_ERR, buffer);

	free(buffer);
	if (!told)
		return;
	if (strcmp(text_of(x->event, "outcome"), "canceled") == 0 && !x->cancel_asked)
		x->state = REC_HELD;
	else
		tell_end(x);
}

static void begin_telling(struct rec_task *x)
{
	struct pl_error err;

	x->event = past_read_at(x->r->past, x->at, &err);
	if (x->event == NULL) {
		struct task_result lost = { .outcome = OUTCOME_LOST, .begun = true };

		snprintf(lost.why, sizeof(lost.why), "%.390s", err.text);
		settle_one(x->r);
		deliver(x, &lost);
		return;
	}
	x->state = REC_TELLING;
	open_stream(&x->out, x, "stdout", "out_path");
	open_stream(&x->err, x, "stderr", "err_path");
	if (x->task->events->on_start != NULL)
		x->task->events->on_start(x->task);
	tell(x);
}

/* ---- tasks that have no result ---- */

static void go_live(struct rec_task *x);

static struct rec_task *task_of_live(struct task *live)
{
	return live->owner;
}

static void live_phase(struct task *live, enum phase phase)
{
	struct task *task = task_of_live(live)->task;

	if (task->events->on_phase != NULL)
		task->events->on_phase(task, phase);
}

static void live_start(struct task *live)
{
	struct task *task = task_of_live(live)->task;

	if (task->events->on_start != NULL && task_of_live(live)->state == REC_LIVE)
		task->events->on_start(task);
}

/* Who attaches in vain says so first. */
static bool says_absent(enum stream stream, const char *bytes, size_t len)
{
	static const char words[] = "perilune: nothing of it is kept in ";

	return stream == STREAM_ERR && len >= sizeof(words) - 1 &&
	       memcmp(bytes, words, sizeof(words) - 1) == 0;
}

static void live_output(struct task *live, enum stream stream, const void *bytes, size_t len)
{
	struct rec_task *x = task_of_live(live);

	if (x->state == REC_CLEARING || x->absent)
		return;
	if (x->state == REC_ATTACHED && !x->spoken && says_absent(stream, bytes, len)) {
		x->absent = true;
		return;
	}
	if (x->state == REC_ATTACHED && !x->spoken && x->task->events->on_start != NULL)
		x->task->events->on_start(x->task);
	x->spoken = true;
	x->task->events->on_output(x->task, stream, bytes, len);
}

static void live_drain(struct task *live)
{
	struct task *task = task_of_live(live)->task;

	if (task->events->on_drain != NULL)
		task->events->on_drain(task);
}

static void live_moved(struct task *live)
{
	struct task *task = task_of_live(live)->task;

	if (task->events->on_moved != NULL)
		task->events->on_moved(task);
}

/* Hands x->live over to the other transport. */
static void start_live(struct rec_task *x)
{
	struct task *live = &x->live;
	struct pl_error err;

	live->events = &live_events;
	live->owner = x;
	live->host = x->task->host;
	live->index = x->task->index;
	live->impl = NULL;
	if (transport_start(x->r->live, &live, 1, &err) != 0) {
		struct task_result refused = { .outcome = OUTCOME_UNREACHABLE, .phase = PHASE_OPEN,
					       .begun = true };

		snprintf(refused.why, sizeof(refused.why), "%.390s", err.text);
		deliver(x, &refused);
		return;
	}
	if (x->paused)
		x->r->live->ops->pause(live);
	if (x->cancel_asked)
		x->r->live->ops->cancel(live);
}

static void start_outlive(struct rec_task *x, enum rec_state state)
{
	x->state = state;
	x->live.command = &x->outlive.command;
	x->live.tag = x->tag;
	x->has_outlive = true;
	start_live(x);
}

/* The tag that it had: of the next of the call's numbers. RUN-CALL.HOST.TASK.ATTEMPT */
static void attach(struct rec_task *x)
{
	struct recorded *r = x->r;
	unsigned attempts = r->attempts > 0 ? r->attempts : 1;
	unsigned number = r->numbers[x->attach / attempts];
	const char *from = strchr(x->task->tag + strlen(r->run), '.');
	const char *to = strrchr(x->task->tag, '.');

	if (x->has_outlive)
		outlive_fini(&x->outlive);
	free(x->tag);
	x->tag = xasprintf("%s-%u%.*s.%zu", r->run, number, (int)(to - from), from,
			   x->attach % attempts + 1);
	x->attach++;
	x->absent = false;
	outlive_attach(&x->outlive, x->task->command, x->tag, 0, 0);
	start_outlive(x, REC_ATTACHED);
}

static bool may_attach(const struct rec_task *x)
{
	const struct recorded *r = x->r;

	return r->rest == RECORDED_ATTACH && x->task->command->survive && !x->cancel_asked &&
	       x->attach < r->n_numbers * (r->attempts > 0 ? r->attempts : 1);
}

static void clear_away(struct rec_task *x, const struct task_result *result)
{
	x->result = *result;
	outlive_fini(&x->outlive);
	outlive_clear(&x->outlive, x->task->command, x->tag);
	start_outlive(x, REC_CLEARING);
}

static bool is_an_exit(enum outcome o)
{
	return o == OUTCOME_OK || o == OUTCOME_EXIT || o == OUTCOME_SIGNAL;
}

static void live_done(struct task *live, const struct task_result *result)
{
	struct rec_task *x = task_of_live(live);
	struct task_result cleared = x->result; /* it goes away with x */

	if (x->state == REC_CLEARING)
		deliver(x, &cleared);
	else if (x->state == REC_ATTACHED && x->absent)
		go_live(x);
	else if (x->state == REC_ATTACHED && is_an_exit(result->outcome))
		clear_away(x, result);
	else
		deliver(x, result);
}

static const struct task_events live_events = {
	.on_phase = live_phase,
	.on_start = live_start,
	.on_output = live_output,
	.on_drain = live_drain,
	.on_moved = live_moved,
	.on_done = live_done,
};

/* Without an end of its own: not run again, or ended while it waited for its turn. */
static void deliver_unrun(struct rec_task *x)
{
	struct task_result r = { .outcome = OUTCOME_CANCELED, .begun = true, .why = "cancelled" };

	if (!x->cancel_asked) {
		r.outcome = OUTCOME_LOST;
		r.phase = PHASE_STREAM;
		snprintf(r.why, sizeof(r.why), "how it ended is not known, and it was not run again");
	}
	deliver(x, &r);
}

static void go_live(struct rec_task *x)
{
	if (x->cancel_asked || x->r->live == NULL || x->r->rest == RECORDED_SKIP) {
		deliver_unrun(x);
	} else if (may_attach(x)) {
		attach(x);
	} else {
		x->state = REC_LIVE;
		x->absent = false;
		x->live.command = x->task->command;
		x->live.tag = x->task->tag;
		start_live(x);
	}
}

/* ---- whose turn it is ---- */

static void waiting_add(struct recorded_turns *t, struct recorded *r)
{
	if (r->n_waiting++ > 0)
		return;
	r->next = t->waiting;
	t->waiting = r;
}

static void waiting_remove(struct recorded_turns *t, struct recorded *r)
{
	struct recorded **at = &t->waiting;

	if (--r->n_waiting > 0)
		return;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
}

static void make_ready(struct recorded_turns *t, struct rec_task *x, uint64_t at)
{
	if (x->state == REC_WAITING)
		waiting_remove(t, x->r);
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
	while (t->waiting != NULL) {
		struct recorded *r = t->waiting;
		struct rec_task *next;

		keep_numbers(r);
		for (struct rec_task *x = r->tasks; x != NULL; x = next) {
			next = x->next;
			if (x->state != REC_WAITING)
				continue;
			waiting_remove(t, r);
			settle_one(r);
			go_live(x);
		}
	}
}

void recorded_note(struct past_call *call, size_t task)
{
	struct rec_task *x = call->recorded != NULL ? call->recorded->by_number[task] : NULL;

	if (x != NULL && x->state == REC_WAITING)
		make_ready(turns_of(call->recorded->past), x, call->at[task]);
}

/* Reads on until somebody who waits has a result. */
static void read_on(struct recorded_turns *t)
{
	struct past_call *call;
	struct pl_error err;
	size_t task;

	while (t->n == 0 && t->waiting != NULL) {
		if (past_advance(t->past, &call, &task, &err) <= 0)
			end_waiting(t);
		else if (task != SIZE_MAX)
			recorded_note(call, task);
	}
}

static void take_turn(struct rec_task *x)
{
	if (x->event == NULL) {
		begin_telling(x);
		return;
	}
	x->state = REC_TELLING; /* it was paused, or held */
	tell(x);
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
	if (t->n > 0 || t->waiting != NULL)
		loop_defer_schedule(&t->turn);
	past_unref(t->past);
}

/* ---- the transport ---- */

/* ID.HOST.TASK.ATTEMPT: TASK, and whether it is the first attempt. */
static size_t number_of_tag(const char *tag, bool *first)
{
	const char *attempt = strrchr(tag, '.'), *task = attempt;

	while (task > tag && task[-1] != '.')
		task--;
	*first = strcmp(attempt, ".1") == 0;
	return (size_t)strtoull(task, NULL, 10);
}

static void accept_task(struct recorded *r, struct task *task)
{
	struct recorded_turns *t = turns_of(r->past);
	struct rec_task *x = xcalloc(1, sizeof(*x));
	bool first;

	x->r = r;
	x->task = task;
	x->out.fd = x->err.fd = -1;
	x->number = number_of_tag(task->tag, &first);
	x->next = r->tasks;
	if (x->next != NULL)
		x->next->prev = x;
	r->tasks = x;
	task->impl = x;
	r->n_started += first;
	r->n_owed++;
	x->state = REC_WAITING;
	waiting_add(t, r);
	loop_defer_schedule(&t->turn);
	if (r->call == NULL || !first || x->number >= r->n_tasks)
		return;
	r->by_number[x->number] = x;
	if (r->call->at[x->number] != 0)
		make_ready(t, x, r->call->at[x->number]);
}

static int recorded_start(struct transport *tp, struct task *const *tasks, size_t n,
			  struct pl_error *err)
{
	struct recorded *r = container_of(tp, struct recorded, base);

	(void)err;
	for (size_t i = 0; i < n; i++)
		accept_task(r, tasks[i]);
	return 0;
}

static bool is_live(const struct rec_task *x)
{
	return x->state == REC_LIVE || x->state == REC_ATTACHED;
}

static void recorded_write(struct task *task, const void *bytes, size_t len)
{
	struct rec_task *x = task->impl;

	if (x != NULL && x->state == REC_LIVE)
		x->r->live->ops->write(&x->live, bytes, len);
}

static void recorded_close_stdin(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x != NULL && x->state == REC_LIVE)
		x->r->live->ops->close_stdin(&x->live);
}

static int recorded_signal(struct task *task, int signo, struct pl_error *err)
{
	struct rec_task *x = task->impl;

	if (x == NULL || !is_live(x))
		return pl_errorf(err, PL_ENOENT, "%s: its command does not run now", task->host);
	return x->r->live->ops->signal(&x->live, signo, err);
}

static void recorded_cancel(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL || x->cancel_asked)
		return;
	x->cancel_asked = true;
	if (is_live(x))
		x->r->live->ops->cancel(&x->live);
	else if (x->state == REC_HELD)
		make_ready(turns_of(x->r->past), x, x->at);
}

static void recorded_pause(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL)
		return;
	x->paused = true;
	if (is_live(x))
		x->r->live->ops->pause(&x->live);
}

static void recorded_resume(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL || !x->paused)
		return;
	x->paused = false;
	if (is_live(x))
		x->r->live->ops->resume(&x->live);
	else if (x->state == REC_TELLING)
		make_ready(turns_of(x->r->past), x, x->at);
}

static void recorded_close_idle(struct transport *tp)
{
	(void)tp; /* the other transport has sessions, and owners of its own */
}

static void recorded_destroy(struct transport *tp)
{
	struct recorded *r = container_of(tp, struct recorded, base);

	if (r->call != NULL)
		r->call->recorded = NULL;
	past_unref(r->past);
	free(r->by_number);
	free(r->numbers);
	free(r->run);
	free(r);
}

static const struct transport_ops recorded_ops = {
	.name = "recorded",
	.caps = TRANSPORT_STDIN | TRANSPORT_PUT | TRANSPORT_GET | TRANSPORT_SIGNAL,
	.start = recorded_start,
	.write = recorded_write,
	.close_stdin = recorded_close_stdin,
	.signal = recorded_signal,
	.cancel = recorded_cancel,
	.pause = recorded_pause,
	.resume = recorded_resume,
	.close_idle = recorded_close_idle,
	.destroy = recorded_destroy,
};

struct transport *recorded_create(struct past *past, struct past_call *call,
				  struct transport *live, enum recorded_rest rest, const char *run)
{
	struct recorded *r = xcalloc(1, sizeof(*r));

	r->base = (struct transport){ .ops = &recorded_ops, .loop = past->loop };
	r->past = past_ref(past);
	r->call = call;
	r->live = live;
	r->rest = rest;
	r->run = xstrdup(run);
	r->n_tasks = call->n_tasks;
	r->by_number = xcalloc(r->n_tasks, sizeof(*r->by_number));
	call->recorded = r;
	past_keep(past, call);
	return &r->base;
}
