/* run_slot.c - one task's life: the one place where its state changes; see run_private.h */
#include "run/run_private.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

static const struct task_events attempt_events;

/* ---- attempts ---- */

static void attempt_timer(void *arg)
{
	struct attempt *a = arg;

	slot_step(a->run, a->slot, SLOT_ON_TIMER, NULL);
}

static struct attempt *attempt_create(struct run *run, struct slot *slot)
{
	/* ID.HOST.TASK.ATTEMPT */
	size_t tag_size = strlen(run->id) + 1 + strlen(slot->host) + 2 * (1 + 20) + 1;
	struct attempt *a = xcalloc(1, sizeof(*a) + tag_size);

	a->run = run;
	a->slot = slot;
	a->task.host = slot->host;
	a->task.index = slot->index;
	a->task.command = slot->command;
	a->task.events = &attempt_events;
	a->task.tag = a->tag;
	a->task.owner = a;
	loop_timer_init(&a->timer, run->spec.loop, attempt_timer, a);
	slot->attempt = a;
	return a;
}

static void attempt_destroy(struct attempt *a)
{
	loop_timer_stop(&a->timer);
	redact_held_fini(&a->held[0]);
	redact_held_fini(&a->held[1]);
	a->slot->attempt = NULL;
	free(a);
}

static void live_add(struct run *run, struct attempt *a)
{
	ring_add_behind(&run->live, &a->link);
	run->n_live++;
}

static void live_remove(struct run *run, struct attempt *a)
{
	ring_remove(&a->link);
	run->n_live--;
}

/* At the end of those to be handed out again. */
static void again_add(struct run *run, struct attempt *a)
{
	ring_add_last(&run->again, &a->link);
	loop_defer_schedule(&run->tick);
}

/* ---- what the transport tells ---- */

static void task_phase(struct task *task, enum phase phase)
{
	struct attempt *a = task->owner;

	a->phase = phase;
	a->sign_us = loop_now_us(a->run->spec.loop);
}

static void task_start(struct task *task)
{
	struct attempt *a = task->owner;

	slot_step(a->run, a->slot, SLOT_ON_START, NULL);
}

/* Told once per run: a full disk would say the same of every host. */
static void tell_disk(struct run *run, const struct slot *slot, const struct pl_error *err)
{
	if (!run->disk_told)
		log_warn(LOG_RUN, "%s: %s; only the first %zu bytes of a stream are kept",
			 slot->host, err->text, run->spec.keep_bytes);
	run->disk_told = true;
}

static struct output_place output_place(const struct run *run, const struct slot *slot,
					enum stream stream)
{
	return (struct output_place){ run->spec.keep_bytes, run->spill_dir,   run->id, slot->host,
				      slot->index,	    slot->attempts, stream };
}

/* Bytes that may be seen: into memory or onto disk, and to the sinks. */
static void take_output(struct run *run, struct slot *slot, enum stream stream, const void *bytes,
			size_t len)
{
	struct output **o = stream == STREAM_OUT ? &slot->out : &slot->err;
	struct output_place place = output_place(run, slot, stream);
	struct pl_error err;

	if (len == 0)
		return;
	if (*o == NULL)
		*o = output_create(&run->budget);
	if (output_add(*o, &place, bytes, len, &err) != 0)
		tell_disk(run, slot, &err);
	RUN_TELL(run, on_output, slot_number(run, slot), stream, bytes, len);
}

static void redact_output(struct attempt *a, enum stream stream, const void *bytes, size_t len,
			  bool last)
{
	struct strbuf shown = STRBUF_INIT;

	redact_add(a->run->spec.redactor, &a->held[stream == STREAM_ERR], bytes, len, last,
		   &shown);
	take_output(a->run, a->slot, stream, shown.s, shown.len);
	strbuf_fini(&shown);
}

/* What was held back in case a word began there. */
static void release_output(struct attempt *a)
{
	if (a->run->spec.redactor == NULL)
		return;
	redact_output(a, STREAM_OUT, "", 0, true);
	redact_output(a, STREAM_ERR, "", 0, true);
}

static void task_output(struct task *task, enum stream stream, const void *bytes, size_t len)
{
	struct attempt *a = task->owner;

	if (len == 0)
		return;
	a->sign_us = loop_now_us(a->run->spec.loop);
	if (a->run->spec.redactor != NULL)
		redact_output(a, stream, bytes, len, false);
	else
		take_output(a->run, a->slot, stream, bytes, len);
}

static void task_drain(struct task *task)
{
	struct attempt *a = task->owner;

	a->stdin_queued = 0;
	stdin_catch_up(a);
	RUN_TELL(a->run, on_drain, slot_number(a->run, a->slot));
}

static void task_done(struct task *task, const struct task_result *result)
{
	struct attempt *a = task->owner;

	slot_step(a->run, a->slot, SLOT_ON_END, result);
}

static void task_moved(struct task *task)
{
	struct attempt *a = task->owner;

	a->sign_us = loop_now_us(a->run->spec.loop);
}

static const struct task_events attempt_events = {
	.on_phase = task_phase,
	.on_start = task_start,
	.on_output = task_output,
	.on_drain = task_drain,
	.on_moved = task_moved,
	.on_done = task_done,
};

/* ---- moves ---- */

/* "ID.HOST.TASK.ATTEMPT": what a tag may not hold of a host's name becomes '_'. */
static void write_tag(struct run *run, const struct slot *slot, char *tag)
{
	char *p = stpcpy(tag, run->id);

	*p++ = '.';
	for (const char *c = slot->host; *c != '\0'; c++)
		*p++ = isalnum((unsigned char)*c) || strchr("._-", *c) != NULL ? *c : '_';
	sprintf(p, ".%zu.%u", slot_number(run, slot), slot->attempts);
}

static void hand_out(struct run *run, struct slot *slot)
{
	struct attempt *a = slot->attempt != NULL ? slot->attempt : attempt_create(run, slot);

	slot->attempts++;
	write_tag(run, slot, a->tag);
	a->phase = PHASE_NONE;
	a->handed_us = a->sign_us = loop_now_us(run->spec.loop);
	live_add(run, a);
	run->n_starting++;
	slot->state = SLOT_STARTING;
}

static void start(struct run *run, struct slot *slot)
{
	struct attempt *a = slot->attempt;

	a->phase = PHASE_STREAM;
	a->sign_us = slot->started_us = loop_now_us(run->spec.loop);
	run->n_starting--;
	slot->state = SLOT_RUNNING;
	if (run->spec.gang) /* a place among those being started is free */
		loop_defer_schedule(&run->tick);
	limits_arm(a);
	RUN_TELL(run, on_start, slot_number(run, slot));
	if (slot->state == SLOT_RUNNING) /* a sink may have cancelled it */
		stdin_hand_over(a);
}

/* Asks the transport to end it; the end will be called `ending`. */
static void close_attempt(struct run *run, struct slot *slot, enum outcome ending)
{
	struct attempt *a = slot->attempt;

	if (slot->state == SLOT_STARTING)
		run->n_starting--;
	slot->state = SLOT_CLOSING;
	a->ending = ending;
	loop_timer_stop(&a->timer);
	run->spec.transport->ops->cancel(&a->task);
}

/* Not handed out: ends in the next turn, without the transport. */
static void close_pending(struct run *run, struct slot *slot)
{
	if (slot->attempt != NULL) {
		ring_remove(&slot->attempt->link); /* of those to be handed out again */
		attempt_destroy(slot->attempt);
	}
	slot->state = SLOT_CLOSING;
	run->sweep = true;
	loop_defer_schedule(&run->tick);
}

static enum slot_state final_state(enum outcome o)
{
	switch (o) {
	case OUTCOME_OK:
		return SLOT_DONE;
	case OUTCOME_TIMEOUT:
	case OUTCOME_IDLE:
		return SLOT_TIMEDOUT;
	case OUTCOME_CANCELED:
		return SLOT_CANCELED;
	default:
		return SLOT_FAILED;
	}
}

/* Back to PENDING; the place in the window is free meanwhile. */
static void try_later(struct run *run, struct slot *slot)
{
	live_remove(run, slot->attempt);
	slot->state = SLOT_PENDING;
	limits_pause(slot->attempt);
	loop_defer_schedule(&run->tick);
}

/* What an end is called: ours has the name of our reason, unless the task came to its own first. */
static void keep_result(struct run *run, struct slot *slot, const struct task_result *result)
{
	struct attempt *a = slot->attempt;
	bool ours = result->outcome == OUTCOME_CANCELED && a != NULL && slot->state == SLOT_CLOSING;
	char text[100];

	slot->outcome = ours ? a->ending : result->outcome;
	slot->phase = result->phase;
	slot->begun = result->begun;
	slot->code = result->code;
	slot->bytes = result->bytes;
	memcpy(slot->signal, result->signal, sizeof(slot->signal));
	if ((slot->outcome == OUTCOME_TIMEOUT || slot->outcome == OUTCOME_IDLE) &&
	    result->past == NULL) {
		limits_explain(run, slot->outcome, text, sizeof(text));
		slot->why = xstrdup(text);
	} else if (result->why[0] != '\0') {
		slot->why = xstrdup(result->why);
	}
	if (result->detail[0] != '\0')
		slot->detail = xstrdup(result->detail);
}

static void finish_output(struct run *run, struct slot *slot)
{
	struct output_place out = output_place(run, slot, STREAM_OUT);
	struct output_place error = output_place(run, slot, STREAM_ERR);
	struct pl_error err;

	if (output_finish(slot->out, &out, &err) != 0)
		tell_disk(run, slot, &err);
	if (output_finish(slot->err, &error, &err) != 0)
		tell_disk(run, slot, &err);
}

/* Of a record: it took the time that it took then, and its streams lie where they lay. */
static void keep_past(struct slot *slot, const struct task_past *past)
{
	slot->past = true;
	slot->seconds_us = past->seconds_us;
	slot->attempts = past->attempts;
	output_adopt(slot->out, past->out_path, past->out_total);
	output_adopt(slot->err, past->err_path, past->err_total);
}

static void count(struct run *run, const struct slot *slot)
{
	run->n_ended++;
	if (slot_number(run, slot) < run->batch_end)
		run->batch_left--;
	run->by_outcome[slot->outcome]++;
	if (slot->outcome != OUTCOME_OK && slot->outcome != OUTCOME_CANCELED)
		run->n_failed++;
	loop_defer_schedule(&run->tick);
}

static void finish(struct run *run, struct slot *slot, const struct task_result *result)
{
	struct attempt *a = slot->attempt;
	struct run_result told;

	keep_result(run, slot, result);
	slot->state = final_state(slot->outcome);
	if (a != NULL) {
		release_output(a);
		slot->seconds_us = loop_now_us(run->spec.loop) - a->handed_us;
		live_remove(run, a);
		stdin_leave(a);
		attempt_destroy(a);
	}
	stdin_forget(run, slot);
	finish_output(run, slot);
	if (result->past != NULL)
		keep_past(slot, result->past);
	count(run, slot);
	run_result(run, slot_number(run, slot), &told);
	RUN_TELL(run, on_result, slot_number(run, slot), &told);
}

/* ---- the states ---- */

static void pending_step(struct run *run, struct slot *slot, enum slot_event event)
{
	switch (event) {
	case SLOT_ON_HAND_OUT:
		hand_out(run, slot);
		break;
	case SLOT_ON_TIMER:
		again_add(run, slot->attempt);
		break;
	case SLOT_ON_CANCEL:
		close_pending(run, slot);
		break;
	case SLOT_ON_START:
	case SLOT_ON_END:
		assert(!"an event of a task that was not handed out");
	}
}

static void starting_step(struct run *run, struct slot *slot, enum slot_event event,
			  const struct task_result *result)
{
	switch (event) {
	case SLOT_ON_START:
		start(run, slot);
		break;
	case SLOT_ON_CANCEL:
		close_attempt(run, slot, OUTCOME_CANCELED);
		break;
	case SLOT_ON_END:
		run->n_starting--;
		if (limits_may_retry(slot, run->spec.retries, result))
			try_later(run, slot);
		else
			finish(run, slot, result);
		break;
	case SLOT_ON_HAND_OUT:
	case SLOT_ON_TIMER:
		assert(!"no timer runs and no place is taken twice while a task starts");
	}
}

static void running_step(struct run *run, struct slot *slot, enum slot_event event,
			 const struct task_result *result)
{
	enum outcome over;

	switch (event) {
	case SLOT_ON_TIMER:
		over = limits_check(slot->attempt);
		if (over != OUTCOME_NONE)
			close_attempt(run, slot, over);
		break;
	case SLOT_ON_CANCEL:
		close_attempt(run, slot, OUTCOME_CANCELED);
		break;
	case SLOT_ON_END:
		finish(run, slot, result);
		break;
	case SLOT_ON_HAND_OUT:
	case SLOT_ON_START:
		assert(!"a running task started again");
	}
}

void slot_step(struct run *run, struct slot *slot, enum slot_event event,
	       const struct task_result *result)
{
	switch ((enum slot_state)slot->state) {
	case SLOT_PENDING:
		pending_step(run, slot, event);
		break;
	case SLOT_STARTING:
		starting_step(run, slot, event, result);
		break;
	case SLOT_RUNNING:
		running_step(run, slot, event, result);
		break;
	case SLOT_CLOSING: /* a start that crossed our request changes nothing */
		if (event == SLOT_ON_END)
			finish(run, slot, result);
		break;
	case SLOT_DONE:
	case SLOT_FAILED:
	case SLOT_TIMEDOUT:
	case SLOT_CANCELED:
		assert(event == SLOT_ON_CANCEL);
		break;
	}
}
