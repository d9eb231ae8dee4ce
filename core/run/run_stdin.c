/*
 * run_stdin.c - bytes for the standard input of tasks, before and while they run.
 *
 * What is written for all is kept until the last task has started, because each of them gets the
 * whole of it. A task that was written to on its own before its start has a log of its own, which
 * then also takes what is written for all.
 */
#include "run/run_private.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

static bool waits_for_start(const struct slot *slot)
{
	return slot->state == SLOT_PENDING || slot->state == SLOT_STARTING;
}

static void feed(struct attempt *a, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	a->stdin_queued += len;
	a->run->spec.transport->ops->write(&a->task, bytes, len);
}

static struct stdin_log *own_log(struct run *run, struct slot *slot)
{
	if (slot->input == NULL) {
		slot->input = xcalloc(1, sizeof(*slot->input));
		strbuf_add(&slot->input->bytes, run->input.bytes.s, run->input.bytes.len);
		slot->input->closed = run->input.closed;
	}
	return slot->input;
}

static void log_free(struct slot *slot)
{
	if (slot->input == NULL)
		return;
	strbuf_fini(&slot->input->bytes);
	free(slot->input);
	slot->input = NULL;
}

static void write_one(struct run *run, struct slot *slot, const void *bytes, size_t len)
{
	if (slot->state == SLOT_RUNNING)
		feed(slot->attempt, bytes, len);
	else if (waits_for_start(slot) && !own_log(run, slot)->closed)
		strbuf_add(&slot->input->bytes, bytes, len);
}

void run_write(struct run *run, size_t i, const void *bytes, size_t len)
{
	if (i != RUN_ALL_TASKS) {
		assert(i < run->spec.n_tasks);
		write_one(run, &run->slots[i], bytes, len);
		return;
	}
	if (run->input.closed)
		return;
	for (i = 0; i < run->spec.n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->state == SLOT_RUNNING || slot->input != NULL)
			write_one(run, slot, bytes, len);
	}
	if (run->n_unstarted > 0)
		strbuf_add(&run->input.bytes, bytes, len);
}

static void close_one(struct run *run, struct slot *slot)
{
	if (slot->state == SLOT_RUNNING)
		run->spec.transport->ops->close_stdin(&slot->attempt->task);
	else if (waits_for_start(slot))
		own_log(run, slot)->closed = true;
}

void run_close_stdin(struct run *run, size_t i)
{
	if (i != RUN_ALL_TASKS) {
		assert(i < run->spec.n_tasks);
		close_one(run, &run->slots[i]);
		return;
	}
	if (run->input.closed)
		return;
	run->input.closed = true;
	for (i = 0; i < run->spec.n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		if (slot->state == SLOT_RUNNING || slot->input != NULL)
			close_one(run, slot);
	}
}

size_t run_stdin_pending(const struct run *run)
{
	size_t most = 0;

	for (const struct attempt *a = run->live; a != NULL; a = a->next) {
		if (a->stdin_queued > most)
			most = a->stdin_queued;
	}
	return most;
}

/* Nobody needs the common log any more once every task has had it. */
static void one_less_waits(struct run *run)
{
	run->n_unstarted--;
	if (run->n_unstarted == 0)
		strbuf_fini(&run->input.bytes);
}

void stdin_hand_over(struct attempt *a)
{
	struct run *run = a->run;
	struct slot *slot = a->slot;
	const struct stdin_log *log = slot->input != NULL ? slot->input : &run->input;

	if (a->task.command->stdin_open) {
		feed(a, log->bytes.s, log->bytes.len);
		if (log->closed)
			run->spec.transport->ops->close_stdin(&a->task);
	}
	log_free(slot);
	slot->had_input = true;
	one_less_waits(run);
}

void stdin_forget(struct run *run, struct slot *slot)
{
	log_free(slot);
	if (slot->had_input)
		return;
	slot->had_input = true;
	one_less_waits(run);
}

void stdin_fini(struct run *run)
{
	strbuf_fini(&run->input.bytes);
}
