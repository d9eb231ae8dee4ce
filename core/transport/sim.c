/*
 * sim.c - a simulated fleet: each task is a little state machine, a reply and a timer.
 *
 * All that happens to tasks happens in one deferred call that walks the ready queue in order, so a
 * run on virtual time is the same every time, and a batch of any size costs one call per turn.
 * A task that was cancelled before its answer came stays as ORPHAN until it comes.
 */
#include "transport/sim.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/outlive.h"

#define CHUNK_MAX (64 * 1024) /* of output, then others have their turn */

/*
 *	QUEUED -> ASKED -> ANSWERED -> RUNNING -> TALKING -> (gone)
 *	   |        |          |\-> REFUSING -----------> (gone)
 *	   \________\__________\__________\__________\-----> CANCELED -> (gone | ORPHAN -> gone)
 */
enum sim_state {
	SIM_QUEUED,   /* accepted, not begun */
	SIM_ASKED,    /* the responder has it */
	SIM_ANSWERED, /* to be started, or refused */
	SIM_REFUSING, /* the refusal comes when the timer fires */
	SIM_RUNNING,  /* until the timer fires; without a timer it hangs */
	SIM_TALKING,  /* its output is being delivered */
	SIM_CANCELED, /* the result waits for its delivery */
	SIM_ORPHAN,   /* delivered, but the responder still owes its answer */
};

struct sim_task {
	struct sim *sim;
	struct task *task;
	struct sim_task *next; /* in the ready queue or the free list */
	struct sim_query query;
	struct loop_timer timer;
	struct sim_reply reply; /* without its pointers */
	char *bytes;		/* what it prints, out before err */
	size_t told;		/* of bytes */
	char signal[16];
	enum sim_state state;
	bool ready;	 /* in the queue */
	bool owed;	 /* the responder has the query */
	bool begun;
	bool paused;
	bool drain_due; /* stdin was written */
};

struct sim {
	struct transport base;
	sim_ask_f ask;
	void *ask_arg;
	struct loop_defer walk;
	struct sim_task *first_ready, **last_ready;
	size_t n_ready;
	struct sim_task *unused;
	size_t n_orphans;
	bool closing; /* destroyed; the last orphan frees it */
};

/* ---- memory ---- */

static struct sim_task *take_task(struct sim *sim)
{
	struct sim_task *t = sim->unused;

	if (t == NULL)
		return xcalloc(1, sizeof(*t));
	sim->unused = t->next;
	memset(t, 0, sizeof(*t));
	return t;
}

static void release_task(struct sim_task *t)
{
	loop_timer_stop(&t->timer);
	free(t->bytes);
	t->next = t->sim->unused;
	t->sim->unused = t;
}

static void free_sim(struct sim *sim)
{
	while (sim->unused != NULL) {
		struct sim_task *t = sim->unused;

		sim->unused = t->next;
		free(t);
	}
	free(sim);
}

/* ---- the ready queue ---- */

static void make_ready(struct sim_task *t)
{
	struct sim *sim = t->sim;

	if (t->ready)
		return;
	t->ready = true;
	t->next = NULL;
	*sim->last_ready = t;
	sim->last_ready = &t->next;
	sim->n_ready++;
	loop_defer_schedule(&sim->walk);
}

static struct sim_task *take_ready(struct sim *sim)
{
	struct sim_task *t = sim->first_ready;

	sim->first_ready = t->next;
	if (sim->first_ready == NULL)
		sim->last_ready = &sim->first_ready;
	sim->n_ready--;
	t->ready = false;
	return t;
}

/* ---- what becomes of a task ---- */

static void deliver(struct sim_task *t, const struct task_result *result)
{
	struct task *task = t->task;

	if (t->owed) {
		t->state = SIM_ORPHAN;
		t->sim->n_orphans++;
	} else {
		release_task(t);
	}
	task->impl = NULL;
	task->events->on_done(task, result);
}

static void deliver_canceled(struct sim_task *t)
{
	struct task_result r = {
		.outcome = OUTCOME_CANCELED,
		.begun = t->begun,
		.why = "cancelled",
	};

	deliver(t, &r);
}

static void deliver_refused(struct sim_task *t)
{
	struct task_result r = { .outcome = t->reply.refuse, .phase = t->reply.phase };

	snprintf(r.why, sizeof(r.why), "%s: %s (simulated)", phase_name(r.phase),
		 outcome_name(r.outcome));
	deliver(t, &r);
}

static void deliver_end(struct sim_task *t)
{
	struct task_result r = { .outcome = OUTCOME_OK, .begun = true };

	if (t->reply.drop) {
		r.outcome = OUTCOME_LOST;
		r.phase = PHASE_STREAM;
		snprintf(r.why, sizeof(r.why), "the connection was lost (simulated)");
	} else if (t->signal[0] != '\0') {
		r.outcome = OUTCOME_SIGNAL;
		memcpy(r.signal, t->signal, sizeof(r.signal));
		snprintf(r.why, sizeof(r.why), "killed by signal %s", r.signal);
	} else if (t->reply.code != 0) {
		r.outcome = OUTCOME_EXIT;
		r.code = t->reply.code;
		snprintf(r.why, sizeof(r.why), "exit code %d", r.code);
	}
	deliver(t, &r);
}

static void enter_phases(struct sim_task *t, enum phase first, enum phase last)
{
	const struct task_events *events = t->task->events;

	for (int p = first; p <= (int)last && events->on_phase != NULL; p++)
		events->on_phase(t->task, (enum phase)p);
}

/* Only commands have an answer of their own; a copy takes its time, but needs its source. */
static void answer_put(struct sim_task *t)
{
	struct sim_reply reply = { .code = 1, .seconds_us = SIM_DEFAULT_US };
	const char *path = t->query.command->local_path;
	char text[PATH_MAX];

	if (access(path, R_OK) == 0) {
		sim_answer(&t->query, NULL);
		return;
	}
	snprintf(text, sizeof(text), "cannot read '%s': %s\n", path, strerror(errno));
	reply.err = text;
	reply.err_len = strlen(text);
	sim_answer(&t->query, &reply);
}

static void ask(struct sim_task *t)
{
	static const struct sim_reply started = { .seconds_us = 0 };
	const struct sim *sim = t->sim;

	t->owed = true;
	t->state = SIM_ASKED;
	if (t->query.command->kind == TASK_PUT)
		answer_put(t);
	else if (t->query.command->detach)
		sim_answer(&t->query, &started);
	else if (sim->ask != NULL)
		sim->ask(sim->ask_arg, &t->query);
	else
		sim_answer(&t->query, NULL);
}

static void begin(struct sim_task *t)
{
	if (t->reply.refuse != OUTCOME_NONE) {
		enter_phases(t, PHASE_RESOLVE, t->reply.phase);
		if (t->state != SIM_ANSWERED)
			return; /* cancelled by who was told */
		t->state = SIM_REFUSING;
		loop_timer_start(&t->timer, t->reply.seconds_us);
		return;
	}
	enter_phases(t, PHASE_RESOLVE, PHASE_EXEC);
	if (t->state != SIM_ANSWERED)
		return;
	t->state = SIM_RUNNING;
	t->begun = true;
	if (!t->reply.hang)
		loop_timer_start(&t->timer, t->reply.seconds_us);
	if (t->task->events->on_start != NULL)
		t->task->events->on_start(t->task);
	if (t->drain_due)
		make_ready(t);
}

/* One chunk of what is left: first what goes to stdout, then stderr. */
static void tell_chunk(struct sim_task *t)
{
	const struct sim_reply *r = &t->reply;
	bool out = t->told < r->out_len;
	size_t left = (out ? r->out_len : r->out_len + r->err_len) - t->told;
	size_t len = left < CHUNK_MAX ? left : CHUNK_MAX;
	const char *at = t->bytes + t->told;

	t->told += len;
	t->task->events->on_output(t->task,
				   out || t->query.command->merge ? STREAM_OUT : STREAM_ERR, at,
				   len);
}

static void talk(struct sim_task *t)
{
	size_t all = t->reply.out_len + t->reply.err_len;

	if (t->told < all) {
		if (t->paused)
			return; /* resume makes it ready again */
		tell_chunk(t);
		if (t->state != SIM_TALKING)
			return;
	}
	if (t->told < all)
		make_ready(t);
	else
		deliver_end(t);
}

static void tell_drain(struct sim_task *t)
{
	t->drain_due = false;
	if (t->state == SIM_TALKING)
		make_ready(t);
	if (t->task->events->on_drain != NULL)
		t->task->events->on_drain(t->task);
}

/* Takes one step; a callback in it may have queued the task again, and a delivery has freed it. */
static void step(struct sim_task *t)
{
	switch (t->state) {
	case SIM_QUEUED:
		ask(t);
		break;
	case SIM_ANSWERED:
		begin(t);
		break;
	case SIM_REFUSING:
		deliver_refused(t);
		break;
	case SIM_RUNNING:
		if (t->drain_due)
			tell_drain(t);
		break;
	case SIM_TALKING:
		if (t->drain_due)
			tell_drain(t);
		else
			talk(t);
		break;
	case SIM_CANCELED:
		deliver_canceled(t);
		break;
	case SIM_ASKED:
	case SIM_ORPHAN:
		break;
	}
}

/* What becomes ready meanwhile waits for the next turn. */
static void walk(void *arg)
{
	struct sim *sim = arg;

	for (size_t n = sim->n_ready; n > 0; n--)
		step(take_ready(sim));
}

static void on_timer(void *arg)
{
	struct sim_task *t = arg;

	if (t->state == SIM_RUNNING)
		t->state = SIM_TALKING;
	make_ready(t);
}

/* ---- the answer ---- */

static void copy_reply(struct sim_task *t, const struct sim_reply *reply)
{
	size_t len = reply->out_len + reply->err_len;

	t->reply = *reply;
	if (len > 0) {
		t->bytes = xmalloc(len);
		if (reply->out_len > 0)
			memcpy(t->bytes, reply->out, reply->out_len);
		if (reply->err_len > 0)
			memcpy(t->bytes + reply->out_len, reply->err, reply->err_len);
	}
	if (reply->signal != NULL)
		snprintf(t->signal, sizeof(t->signal), "%s", reply->signal);
	t->reply.out = t->reply.err = NULL;
	t->reply.signal = NULL;
}

static void bury_orphan(struct sim_task *t)
{
	struct sim *sim = t->sim;

	release_task(t);
	sim->n_orphans--;
	if (sim->closing && sim->n_orphans == 0)
		free_sim(sim);
}

void sim_answer(struct sim_query *query, const struct sim_reply *reply)
{
	static const struct sim_reply success = { .seconds_us = SIM_DEFAULT_US };
	struct sim_task *t = container_of(query, struct sim_task, query);

	t->owed = false;
	if (t->state == SIM_ORPHAN) {
		bury_orphan(t);
	} else if (t->state == SIM_ASKED) {
		copy_reply(t, reply != NULL ? reply : &success);
		t->state = SIM_ANSWERED;
		make_ready(t);
	}
}

/* ---- the transport ---- */

static int check_task(const struct task *task, struct pl_error *err)
{
	const struct command *c = task->command;

	switch (c->kind) {
	case TASK_EXEC:
		if ((c->line == NULL) == (c->argv == NULL))
			return pl_errorf(err, PL_EUSAGE, "a command is either a line or words");
		return outlive_check(c, err);
	case TASK_PUT:
		if (c->local_path == NULL || c->remote_path == NULL)
			return pl_errorf(err, PL_EUSAGE, "a copy needs both paths");
		return 0;
	case TASK_GET:
		break;
	}
	return pl_errorf(err, PL_EUNSUPPORTED, "simulated hosts have no files to fetch");
}

static void accept_task(struct sim *sim, struct task *task)
{
	struct sim_task *t = take_task(sim);

	t->sim = sim;
	t->task = task;
	t->query = (struct sim_query){ task, task->host, task->index, task->command };
	loop_timer_init(&t->timer, sim->base.loop, on_timer, t);
	task->impl = t;
	make_ready(t);
}

static int sim_start(struct transport *tp, struct task *const *tasks, size_t n,
		     struct pl_error *err)
{
	struct sim *sim = container_of(tp, struct sim, base);

	for (size_t i = 0; i < n; i++) {
		if (check_task(tasks[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		accept_task(sim, tasks[i]);
	return 0;
}

static void sim_write(struct task *task, const void *bytes, size_t len)
{
	struct sim_task *t = task->impl;

	(void)bytes;
	if (t == NULL || len == 0)
		return;
	t->drain_due = true;
	if (t->begun)
		make_ready(t);
}

static void sim_close_stdin(struct task *task)
{
	(void)task; /* nobody reads it */
}

static int sim_signal(struct task *task, int signo, struct pl_error *err)
{
	struct sim_task *t = task->impl;
	const char *name = sigabbrev_np(signo);

	if (t == NULL || t->state != SIM_RUNNING)
		return pl_errorf(err, PL_ENOENT, "%s: no command is running", task->host);
	snprintf(t->signal, sizeof(t->signal), "%s", name != NULL ? name : "RT");
	t->reply.drop = false;
	loop_timer_start(&t->timer, 0);
	return 0;
}

static void sim_cancel(struct task *task)
{
	struct sim_task *t = task->impl;

	if (t == NULL || t->state == SIM_CANCELED)
		return;
	loop_timer_stop(&t->timer);
	t->state = SIM_CANCELED;
	t->query = (struct sim_query){ .task = NULL, .host = "" };
	make_ready(t);
}

static void sim_pause(struct task *task)
{
	struct sim_task *t = task->impl;

	if (t != NULL)
		t->paused = true;
}

static void sim_resume(struct task *task)
{
	struct sim_task *t = task->impl;

	if (t == NULL)
		return;
	t->paused = false;
	if (t->state == SIM_TALKING)
		make_ready(t);
}

static void sim_close_idle(struct transport *tp)
{
	(void)tp; /* there are no sessions */
}

static void sim_destroy(struct transport *tp)
{
	struct sim *sim = container_of(tp, struct sim, base);

	loop_defer_cancel(&sim->walk);
	sim->closing = true;
	if (sim->n_orphans == 0)
		free_sim(sim);
}

static const struct transport_ops sim_ops = {
	.name = "sim",
	.caps = TRANSPORT_STDIN | TRANSPORT_PUT | TRANSPORT_SIGNAL,
	.start = sim_start,
	.write = sim_write,
	.close_stdin = sim_close_stdin,
	.signal = sim_signal,
	.cancel = sim_cancel,
	.pause = sim_pause,
	.resume = sim_resume,
	.close_idle = sim_close_idle,
	.destroy = sim_destroy,
};

struct transport *sim_create(struct loop *loop, sim_ask_f ask_fn, void *arg, struct pl_error *err)
{
	struct sim *sim = xcalloc(1, sizeof(*sim));

	(void)err;
	sim->base = (struct transport){ .ops = &sim_ops, .loop = loop };
	sim->ask = ask_fn;
	sim->ask_arg = arg;
	sim->last_ready = &sim->first_ready;
	loop_defer_init(&sim->walk, loop, walk, sim);
	return &sim->base;
}
