/* recorded_live.c - tasks that have no result: run, followed again where they survived, or left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/recorded_private.h"

static const struct task_events live_events;

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
		recorded_deliver(x, &refused);
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
		recorded_deliver(x, &cleared);
	else if (x->state == REC_ATTACHED && x->absent)
		recorded_go_live(x);
	else if (x->state == REC_ATTACHED && is_an_exit(result->outcome))
		clear_away(x, result);
	else
		recorded_deliver(x, result);
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
	recorded_deliver(x, &r);
}

void recorded_go_live(struct rec_task *x)
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
