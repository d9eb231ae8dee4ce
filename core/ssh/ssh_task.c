/* ssh_task.c - see ssh_task.h */
#include "ssh/ssh_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_sudo.h"
#include "ssh/ssh_task_private.h"
#include "transport/copy.h"
#include "transport/outlive.h"

/* ---- the end ---- */

static void deliver(void *arg)
{
	struct ssh_task *t = arg;
	struct task *task = t->task;
	struct task_result result = t->result;

	loop_timer_stop(&t->timer);
	loop_defer_cancel(&t->deliver);
	ssh_task_copy_fini(t);
	strbuf_fini(&t->early);
	free(t->mark);
	free(t);
	task->impl = NULL;
	task->events->on_done(task, &result);
}

void ssh_task_finish(struct ssh_task *t)
{
	t->state = SSH_TASK_OVER;
	if (t->channel != NULL)
		ssh_channel_abandon(t->channel);
	ssh_ending_stop(&t->ending);
	deliver(t);
}

static void on_timer(void *arg)
{
	struct ssh_task *t = arg;

	switch (t->state) {
	case SSH_TASK_PAUSING:
		ssh_task_kill(t);
		break;
	case SSH_TASK_KILLING:
		ssh_task_kill_unanswered(t);
		break;
	case SSH_TASK_CLEARING:
		ssh_task_finish(t);
		break;
	case SSH_TASK_SIZING:
	case SSH_TASK_RUNNING:
	case SSH_TASK_OVER:
		break;
	}
}

/* ---- the request ---- */

void ssh_task_ask_for(struct ssh_task *t, const struct command *cmd)
{
	struct ssh_request request = SSH_REQUEST_INIT;

	ssh_command_exec(&request, cmd, t->mark, (const char *const *)t->host->route.env);
	if (t->task->command->sudo)
		ssh_command_as_root(&request, "PERILUNE_TASK", t->mark,
				    ssh_sudo_has_password(ssh_pool_sudo(t->host->pool)));
	ssh_channel_ask(t->channel, &request);
}

/* Once the session is ready: before, how the host is reached may not be known yet, nor what its
 * configuration adds to the environment. */
static void ask(struct ssh_task *t)
{
	if (t->copy != NULL)
		ssh_task_copy_ask(t);
	else if (outlives(t->task->command))
		ssh_task_outlive_ask(t);
	else
		ssh_task_ask_for(t, t->task->command);
}

/* ---- what the channel tells ---- */

static void on_phase(void *arg, enum phase phase)
{
	struct ssh_task *t = arg;

	if (phase == PHASE_OPEN && t->channel->line == NULL)
		ask(t);
	if (phase == PHASE_EXEC)
		ssh_supervisor_audit(t->ending.session, t->task);
	if (t->state == SSH_TASK_RUNNING && !t->told_start && t->task->events->on_phase != NULL)
		t->task->events->on_phase(t->task, phase);
}

static void on_start(void *arg)
{
	struct ssh_task *t = arg;

	t->started = true;
	if (t->early.len > 0)
		ssh_channel_write(t->channel, t->early.s, t->early.len);
	strbuf_fini(&t->early);
	if (t->stdin_closed)
		ssh_channel_close_stdin(t->channel);
	if (t->copy != NULL && t->state == SSH_TASK_RUNNING)
		copy_started(t->copy);
	if (t->state != SSH_TASK_RUNNING || t->told_start)
		return;
	t->told_start = true;
	if (t->task->events->on_start != NULL)
		t->task->events->on_start(t->task);
}

static void on_output(void *arg, enum stream stream, const void *bytes, size_t len)
{
	struct ssh_task *t = arg;

	if (t->muted)
		return;
	if (t->copy != NULL)
		copy_output(t->copy, stream, bytes, len);
	else
		t->task->events->on_output(t->task, stream, bytes, len);
}

static void on_drain(void *arg)
{
	struct ssh_task *t = arg;

	if (t->copy != NULL)
		copy_drained(t->copy);
	else if (t->task->events->on_drain != NULL)
		t->task->events->on_drain(t->task);
}

/* A warm session may have died unnoticed: what had not begun gets a fresh one, once. */
static bool deserves_another(const struct ssh_task *t, const struct task_result *result)
{
	return t->state == SSH_TASK_RUNNING && t->warm && !result->begun &&
	       result->outcome == OUTCOME_UNREACHABLE;
}

static void end_running(struct ssh_task *t, const struct task_result *result)
{
	t->result = *result;
	if (t->copy != NULL)
		ssh_task_copy_end(t, result);
	else if (outlives(t->task->command))
		ssh_task_outlive_end(t);
	else
		ssh_task_finish(t);
}

static void on_end(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	t->channel = NULL;
	if (ssh_task_copy_leaves_bulk(t, result))
		return;
	if (deserves_another(t, result)) {
		ssh_task_begin_anew(t);
		t->warm = false;
		return;
	}
	if (t->state == SSH_TASK_RUNNING)
		end_running(t, result);
	else if (t->state == SSH_TASK_PAUSING)
		ssh_task_kill_channel_ended(t);
	/* while a kill is under way its answer is waited for: there may be stragglers */
}

static const struct ssh_channel_events command_events = {
	.on_phase = on_phase,
	.on_start = on_start,
	.on_output = on_output,
	.on_drain = on_drain,
	.on_end = on_end,
};

/* ---- the beginning ---- */

/* What the processes of the task carry: with the token, if somebody looks for it and may end
 * them. */
static char *make_mark(const struct ssh_task *t, const struct ssh_session *s)
{
	bool ends = s->token[0] != '\0' && !outlives(t->task->command);

	return ends ? xasprintf("%s:%s", t->task->tag, s->token)
				   : xstrdup(t->task->tag);
}

void ssh_task_begin(struct ssh_task *t)
{
	struct ssh_session *s = ssh_pool_session(t->host, t->bulk, t->task->command->sudo);

	free(t->mark);
	t->mark = make_mark(t, s);
	ssh_task_copy_make(t); /* what is to be copied can be read before the host answers */
	t->warm = s->state == SESSION_READY;
	ssh_supervisor_start(s);
	t->channel = ssh_channel_create(s, NULL, CHANNEL_OF_COMMAND, &command_events, t);
	t->ending = (struct ssh_ending){ .session = s, .tag = t->task->tag, .mark = t->mark,
					 .alone = outlives(t->task->command),
					 .on_ended = ssh_task_on_ended, .arg = t };
	if (t->paused)
		ssh_channel_pause(t->channel);
}

void ssh_task_begin_anew(struct ssh_task *t)
{
	ssh_task_copy_forget(t);
	t->started = false;
	ssh_task_begin(t);
}

void ssh_task_start(struct ssh_host *host, struct task *task)
{
	struct ssh_task *t = xcalloc(1, sizeof(*t));
	struct loop *loop = ssh_pool_loop(host->pool);

	t->host = host;
	t->task = task;
	loop_timer_init(&t->timer, loop, on_timer, t);
	loop_defer_init(&t->deliver, loop, deliver, t);
	ssh_task_copy_init(t, loop);
	task->impl = t;
	ssh_pool_stats(host->pool)->channels++;
	if (task->command->kind == TASK_PUT) {
		t->state = SSH_TASK_SIZING;
		ssh_task_copy_make(t);
	} else {
		t->state = SSH_TASK_RUNNING;
		ssh_task_begin(t);
	}
}

/* ---- what the user asks ---- */

void ssh_task_write(struct ssh_task *t, const void *bytes, size_t len)
{
	if (t->started && t->channel != NULL)
		ssh_channel_write(t->channel, bytes, len);
	else
		strbuf_add(&t->early, bytes, len);
}

void ssh_task_close_stdin(struct ssh_task *t)
{
	t->stdin_closed = true;
	if (t->started && t->channel != NULL)
		ssh_channel_close_stdin(t->channel);
}

void ssh_task_pause(struct ssh_task *t)
{
	t->paused = true;
	if (t->state != SSH_TASK_RUNNING)
		t->muted = true;
	else if (t->channel != NULL)
		ssh_channel_pause(t->channel);
}

void ssh_task_resume(struct ssh_task *t)
{
	t->paused = false;
	if (t->channel != NULL)
		ssh_channel_resume(t->channel);
}

int ssh_task_signal(struct ssh_task *t, int signo, struct pl_error *err)
{
	if (!t->started || t->state != SSH_TASK_RUNNING || t->channel == NULL)
		return pl_errorf(err, PL_EUSAGE, "%s: no command runs that could get a signal",
				 t->task->host);
	ssh_ending_signal(&t->ending, signo);
	return 0;
}
