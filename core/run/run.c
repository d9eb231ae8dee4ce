/* run.c - the window of tasks: who may start, who has ended; see run.h */
#include "run/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/run_private.h"

#define BATCH 64 /* tasks handed to the transport in one call */

static int check_spec(const struct run_spec *spec, struct pl_error *err);
static void next_batch(struct run *run);
static void tick(void *arg);

static void copy_tasks(struct run *run, const struct run_spec *spec)
{
	run->slots = xcalloc(spec->n_tasks, sizeof(*run->slots));
	for (size_t i = 0; i < spec->n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		slot->host = spec->tasks[i].host;
		slot->index = spec->tasks[i].index;
		slot->command = spec->tasks[i].command;
		slot->started_us = -1;
	}
}

struct run *run_start(const struct run_spec *spec, struct run_sink *const *sinks, size_t n_sinks,
		      struct pl_error *err)
{
	struct run *run;

	if (check_spec(spec, err) != 0)
		return NULL;
	run = xcalloc(1, sizeof(*run));
	run->spec = *spec;
	run->spec.tasks = NULL;
	run->spec.id = run->id = xstrdup(spec->id);
	run->budget.most = RUN_KEEP_TOTAL;
	run->spec.spill_dir = run->spill_dir = xstrdup(spec->spill_dir);
	copy_tasks(run, spec);
	run->n_unstarted = spec->n_tasks;
	next_batch(run);
	ring_init(&run->live);
	ring_init(&run->again);
	run->sinks = xcalloc(n_sinks, sizeof(struct run_sink *));
	run->n_sinks = n_sinks;
	if (n_sinks > 0)
		memcpy(run->sinks, sinks, n_sinks * sizeof(struct run_sink *));
	loop_defer_init(&run->tick, spec->loop, tick, run);
	loop_defer_schedule(&run->tick);
	return run;
}

void run_destroy(struct run *run)
{
	if (run == NULL)
		return;
	assert(run->state == RUN_ENDED);
	for (size_t i = 0; i < run->spec.n_tasks; i++) {
		output_destroy(run->slots[i].out);
		output_destroy(run->slots[i].err);
		free(run->slots[i].why);
		free(run->slots[i].detail);
	}
	stdin_fini(run);
	free(run->slots);
	free(run->sinks);
	free(run->id);
	free(run->spill_dir);
	free(run);
}

static void cancel_all(struct run *run)
{
	for (size_t i = 0; i < run->spec.n_tasks; i++)
		slot_step(run, &run->slots[i], SLOT_ON_CANCEL, NULL);
}

void run_cancel(struct run *run)
{
	run->interrupted = true;
	cancel_all(run);
}

void run_cancel_task(struct run *run, size_t i)
{
	assert(i < run->spec.n_tasks);
	run->interrupted = true;
	slot_step(run, &run->slots[i], SLOT_ON_CANCEL, NULL);
}

void run_pause(struct run *run)
{
	if (run->paused++ > 0)
		return;
	ring_each (struct attempt, a, &run->live, link)
		run->spec.transport->ops->pause(&a->task);
}

void run_resume(struct run *run)
{
	assert(run->paused > 0);
	if (--run->paused > 0)
		return;
	ring_each (struct attempt, a, &run->live, link) {
		/* silence while nobody listened was not the command's */
		a->sign_us = loop_now_us(run->spec.loop);
		run->spec.transport->ops->resume(&a->task);
	}
}

static int signal_slot(struct run *run, struct slot *slot, int signo, struct pl_error *err)
{
	if (slot->state != SLOT_RUNNING)
		return pl_errorf(err, PL_ENOENT, "cannot signal %s: its command is not running",
				 slot->host);
	return run->spec.transport->ops->signal(&slot->attempt->task, signo, err);
}

int run_signal(struct run *run, size_t i, int signo, struct pl_error *err)
{
	int rc = 0;

	if (!transport_can(run->spec.transport, TRANSPORT_SIGNAL))
		return pl_errorf(err, PL_EUNSUPPORTED, "transport '%s' cannot deliver signals",
				 run->spec.transport->ops->name);
	if (i != RUN_ALL_TASKS) {
		assert(i < run->spec.n_tasks);
		return signal_slot(run, &run->slots[i], signo, err);
	}
	for (i = 0; i < run->spec.n_tasks; i++) {
		if (run->slots[i].state == SLOT_RUNNING)
			rc |= signal_slot(run, &run->slots[i], signo, err);
	}
	return rc;
}

bool run_ended(const struct run *run)
{
	return run->state == RUN_ENDED;
}

const char *run_id(const struct run *run)
{
	return run->id;
}

size_t run_count(const struct run *run)
{
	return run->spec.n_tasks;
}

const char *run_host(const struct run *run, size_t i)
{
	assert(i < run->spec.n_tasks);
	return run->slots[i].host;
}

const struct command *run_command(const struct run *run, size_t i)
{
	assert(i < run->spec.n_tasks);
	return run->slots[i].command;
}

enum outcome run_outcome(const struct run *run, size_t i)
{
	assert(i < run->spec.n_tasks);
	return run->slots[i].outcome;
}

static void result_end(const struct slot *slot, struct task_result *end)
{
	end->outcome = slot->outcome;
	end->phase = slot->phase;
	end->begun = slot->begun;
	end->code = slot->code;
	end->bytes = slot->bytes;
	memcpy(end->signal, slot->signal, sizeof(end->signal));
	snprintf(end->why, sizeof(end->why), "%s", slot->why != NULL ? slot->why : "");
	snprintf(end->detail, sizeof(end->detail), "%s", slot->detail != NULL ? slot->detail : "");
}

void run_result(const struct run *run, size_t i, struct run_result *out)
{
	const struct slot *slot = &run->slots[i];

	assert(i < run->spec.n_tasks);
	out->host = slot->host;
	out->index = slot->index;
	result_end(slot, &out->end);
	out->attempts = slot->attempts;
	out->started_us = slot->started_us;
	out->seconds_us = slot->seconds_us;
	out->out = output_kept(slot->out, &out->out_len);
	out->out_total = slot->out != NULL ? slot->out->total : 0;
	out->out_path = slot->out != NULL ? slot->out->path : NULL;
	out->err = output_kept(slot->err, &out->err_len);
	out->err_total = slot->err != NULL ? slot->err->total : 0;
	out->err_path = slot->err != NULL ? slot->err->path : NULL;
	out->past = slot->past;
}

void run_summary(const struct run *run, struct run_summary *out)
{
	out->n_tasks = run->spec.n_tasks;
	out->n_ended = run->n_ended;
	memcpy(out->by_outcome, run->by_outcome, sizeof(out->by_outcome));
}

int run_exit_status(const struct run *run)
{
	int status = 0;

	for (int o = OUTCOME_OK; o < OUTCOMES; o++) {
		if (run->by_outcome[o] == 0 || (o == OUTCOME_CANCELED && !run->interrupted))
			continue;
		status = exit_status_worse(status, outcome_exit_status(o));
	}
	return status;
}

void run_waiting(const struct run *run, run_waiting_f fn, void *arg)
{
	size_t left = run->n_live;

	for (size_t i = 0; i < run->next && left > 0; i++) {
		const struct slot *slot = &run->slots[i];

		if (slot->attempt == NULL || slot->state == SLOT_PENDING)
			continue;
		left--;
		fn(arg, i, slot->host, slot->attempt->phase,
		   loop_now_us(run->spec.loop) - slot->attempt->sign_us);
	}
}

/* ---- the window ---- */

static size_t window_room(const struct run *run)
{
	size_t used = run->spec.gang ? run->n_starting : run->n_live;

	return used < run->spec.fanout ? run->spec.fanout - used : 0;
}

/* The next slot to hand out: those to be tried again first; NULL when none is left. */
static struct slot *window_next(struct run *run)
{
	if (!ring_is_empty(&run->again)) {
		struct attempt *a = ring_first(&run->again, struct attempt, link);

		ring_remove(&a->link);
		return a->slot;
	}
	for (; run->next < run->batch_end; run->next++) {
		if (run->slots[run->next].state == SLOT_PENDING)
			return &run->slots[run->next++];
	}
	return NULL;
}

/* A request the transport does not even begin with: that task ends, never to be tried again. */
static void refuse(struct run *run, struct slot *slot, const char *why)
{
	struct task_result result = { .outcome = OUTCOME_UNREACHABLE, .phase = PHASE_OPEN,
				      .begun = true };

	strncat(result.why, why, sizeof(result.why) - 1);
	slot_step(run, slot, SLOT_ON_END, &result);
}

/* One transport call for all; when it refuses, one each, so that only the guilty are refused.
 * whys[i] becomes the reason for those, to be freed. */
static void give_to_transport(struct run *run, struct task *const *tasks, size_t n, char **whys)
{
	struct pl_error err;

	if (transport_start(run->spec.transport, tasks, n, &err) == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (n == 1 || transport_start(run->spec.transport, &tasks[i], 1, &err) != 0)
			whys[i] = xstrdup(err.text);
	}
}

static void hand_out(struct run *run, struct slot *const *batch, size_t n)
{
	struct task *tasks[BATCH];
	char *whys[BATCH] = { NULL };

	for (size_t i = 0; i < n; i++) {
		slot_step(run, batch[i], SLOT_ON_HAND_OUT, NULL);
		tasks[i] = &batch[i]->attempt->task;
	}
	give_to_transport(run, tasks, n, whys);
	for (size_t i = 0; i < n; i++) {
		if (run->paused > 0 && whys[i] == NULL)
			run->spec.transport->ops->pause(tasks[i]);
	}
	/* only now may sinks do what they like */
	for (size_t i = 0; i < n; i++) {
		RUN_TELL(run, on_attempt, slot_number(run, batch[i]), batch[i]->attempts);
		if (whys[i] != NULL)
			refuse(run, batch[i], whys[i]);
		free(whys[i]);
	}
}

static void fill_window(struct run *run)
{
	struct slot *batch[BATCH];
	size_t n;

	do {
		size_t room = window_room(run);

		for (n = 0; n < BATCH && n < room; n++) {
			batch[n] = window_next(run);
			if (batch[n] == NULL)
				break;
		}
		if (n > 0)
			hand_out(run, batch, n);
	} while (n > 0);
}

/* Ends what was cancelled before it was handed out. */
static void sweep(struct run *run)
{
	static const struct task_result canceled = { .outcome = OUTCOME_CANCELED,
						     .why = "canceled before it started" };

	run->sweep = false;
	for (size_t i = 0; i < run->spec.n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->state == SLOT_CLOSING && slot->attempt == NULL)
			slot_step(run, slot, SLOT_ON_END, &canceled);
	}
}

static void next_batch(struct run *run)
{
	size_t size = run->spec.serial > 0 ? run->spec.serial : run->spec.n_tasks;
	size_t left = run->spec.n_tasks - run->batch_end;
	size_t end = run->batch_end + (size < left ? size : left);

	for (; run->batch_end < end; run->batch_end++) {
		if (run->slots[run->batch_end].outcome == OUTCOME_NONE)
			run->batch_left++;
	}
}

/* Goes on with the next batch once one has ended, or cancels all that are left. */
static void check_batch(struct run *run)
{
	while (run->batch_left == 0 && run->batch_end < run->spec.n_tasks) {
		if (!run->limited && limits_end_batches(run)) {
			run->limited = true;
			cancel_all(run);
		}
		next_batch(run);
	}
}

static void tick(void *arg)
{
	struct run *run = arg;

	if (run->state == RUN_NEW) {
		run->state = RUN_GOING;
		RUN_TELL(run, on_begin);
	}
	if (!run->limited && limits_reached(run)) {
		run->limited = true;
		cancel_all(run);
	}
	check_batch(run);
	if (run->sweep)
		sweep(run);
	fill_window(run);
	if (run->n_ended == run->spec.n_tasks && run->state == RUN_GOING) {
		loop_defer_cancel(&run->tick);
		run->state = RUN_ENDED;
		RUN_TELL(run, on_end);
	}
}

/* ---- what a spec must be ---- */

static int check_id(const char *id, struct pl_error *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (id == NULL || *id == '\0' || id[strspn(id, allowed)] != '\0')
		return pl_errorf(err, PL_EUSAGE,
				 "run id '%s': letters, digits, '.', '_' and '-' are allowed",
				 id != NULL ? id : "");
	return 0;
}

static int check_caps(const struct transport *tp, unsigned caps, const char *what,
		      struct pl_error *err)
{
	if (transport_can(tp, caps))
		return 0;
	return pl_errorf(err, PL_EUNSUPPORTED, "transport '%s' cannot %s", tp->ops->name, what);
}

static int check_command(const struct transport *tp, const struct command *c, struct pl_error *err)
{
	if (c->kind == TASK_EXEC) {
		if ((c->line != NULL) == (c->argv != NULL))
			return pl_errorf(err, PL_EUSAGE, "a command is either a line or words");
		if (c->argv != NULL && c->argv[0] == NULL)
			return pl_errorf(err, PL_EUSAGE, "a command needs at least one word");
		return c->stdin_open ? check_caps(tp, TRANSPORT_STDIN, "feed standard input", err)
				     : 0;
	}
	if (c->local_path == NULL || c->remote_path == NULL)
		return pl_errorf(err, PL_EUSAGE, "a copy needs a local and a remote path");
	return c->kind == TASK_PUT ? check_caps(tp, TRANSPORT_PUT, "copy files there", err)
				   : check_caps(tp, TRANSPORT_GET, "copy files from there", err);
}

static int check_spec(const struct run_spec *spec, struct pl_error *err)
{
	const struct command *last = NULL;

	if (spec->loop == NULL || spec->transport == NULL)
		return pl_errorf(err, PL_EUSAGE, "a run needs a loop and a transport");
	if (spec->fanout == 0)
		return pl_errorf(err, PL_EUSAGE, "fanout is 0: nothing could ever start");
	if (spec->timeout_us < 0 || spec->idle_timeout_us < 0)
		return pl_errorf(err, PL_EUSAGE, "a timeout cannot be negative");
	if (spec->gang && spec->serial > 0)
		return pl_errorf(err, PL_EUSAGE, "a gang starts at once, not in batches");
	if (check_id(spec->id, err) != 0)
		return -1;
	for (size_t i = 0; i < spec->n_tasks; i++) {
		const struct run_task *t = &spec->tasks[i];

		if (t->host == NULL || *t->host == '\0' || t->command == NULL)
			return pl_errorf(err, PL_EUSAGE, "task %zu has no host or no command", i);
		if (t->command != last && check_command(spec->transport, t->command, err) != 0)
			return -1;
		last = t->command;
	}
	return 0;
}
