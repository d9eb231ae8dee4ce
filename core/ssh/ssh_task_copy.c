/*
 * ssh_task_copy.c - the copies among the tasks: what one needs of its channel, and which of them go
 * by the system's ssh. See ssh_task_private.h; what a copy does is in transport/copy.h.
 */
#include "ssh/ssh_task_private.h"
#include "transport/copy.h"

#define BULK_MIN (8 * 1024 * 1024) /* bytes: their encryption costs more than a process of ssh */

static void copy_write(void *arg, const void *bytes, size_t len)
{
	struct ssh_task *t = arg;

	if (t->channel != NULL)
		ssh_channel_write(t->channel, bytes, len);
}

static void copy_close_stdin(void *arg)
{
	struct ssh_task *t = arg;

	if (t->channel != NULL)
		ssh_channel_close_stdin(t->channel);
}

static void copy_pause(void *arg, bool on)
{
	struct ssh_task *t = arg;

	if (t->channel == NULL || t->state != SSH_TASK_RUNNING)
		return;
	if (on)
		ssh_channel_pause(t->channel);
	else
		ssh_channel_resume(t->channel);
}

static void copy_on_end(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	t->result = *result;
	ssh_task_finish(t);
}

static void copy_give_up(void *arg)
{
	struct ssh_task *t = arg;

	t->after_break = BREAK_GIVES_UP;
	loop_defer_schedule(&t->break_off);
}

static bool copy_on_size(void *arg, uint64_t bytes)
{
	struct ssh_task *t = arg;
	bool bulk = bytes >= BULK_MIN && ssh_pool_takes_bulk(t->host);

	if (t->state == SSH_TASK_SIZING) {
		t->bulk = bulk;
		t->state = SSH_TASK_RUNNING;
		ssh_task_begin(t);
	} else if (bulk && t->channel->session->mux == NULL &&
		   t->task->command->kind == TASK_GET) {
		t->bulk = true;
		t->after_break = BREAK_BEGINS_ANEW;
		loop_defer_schedule(&t->break_off);
		return true;
	}
	return false;
}

static const struct copy_io copy_io = {
	.write = copy_write,
	.close_stdin = copy_close_stdin,
	.pause = copy_pause,
	.on_size = copy_on_size,
	.give_up = copy_give_up,
	.on_end = copy_on_end,
};

void ssh_task_copy_make(struct ssh_task *t)
{
	if (t->task->command->kind == TASK_EXEC || t->copy != NULL)
		return;
	t->copy = copy_create(ssh_pool_copies(t->host->pool), ssh_pool_loop(t->host->pool), t->task,
			      &copy_io, t);
}

void ssh_task_copy_forget(struct ssh_task *t)
{
	copy_destroy(t->copy);
	t->copy = NULL;
}

void ssh_task_copy_ask(struct ssh_task *t)
{
	struct command copying = { .stdin_open = true, .argv = copy_argv(t->copy) };

	ssh_task_ask_for(t, &copying);
}

/* The system's ssh may lack what our login had: a password, an unlocked key. */
static bool deserves_libssh2(const struct ssh_task *t, const struct task_result *result)
{
	return t->state == SSH_TASK_RUNNING && t->bulk && !result->begun &&
	       result->phase >= PHASE_KEX;
}

bool ssh_task_copy_leaves_bulk(struct ssh_task *t, const struct task_result *result)
{
	if (!deserves_libssh2(t, result))
		return false;
	ssh_pool_note_no_bulk(t->host, result->why);
	t->bulk = false;
	ssh_task_begin_anew(t);
	return true;
}

void ssh_task_copy_end(struct ssh_task *t, const struct task_result *result)
{
	t->ending.session = NULL; /* it may be gone before what came is in its place */
	copy_end(t->copy, result);
}

static void on_break_off(void *arg)
{
	struct ssh_task *t = arg;
	struct task_result result = { .outcome = OUTCOME_EXIT, .code = 1, .begun = true };

	if (t->state != SSH_TASK_RUNNING || t->channel == NULL)
		return;
	ssh_channel_abandon(t->channel);
	t->channel = NULL;
	if (t->after_break == BREAK_BEGINS_ANEW)
		ssh_task_begin_anew(t);
	else
		ssh_task_copy_end(t, &result);
}

void ssh_task_copy_init(struct ssh_task *t, struct loop *loop)
{
	loop_defer_init(&t->break_off, loop, on_break_off, t);
}

void ssh_task_copy_fini(struct ssh_task *t)
{
	loop_defer_cancel(&t->break_off);
	ssh_task_copy_forget(t);
}
