/*
 * ssh_task_outlive.c - the commands among the tasks that may outlive their connection: how they
 * begin, and what is done once one was followed to its end. See transport/outlive.h.
 */
#include "ssh/ssh_task_private.h"
#include "transport/outlive.h"

void ssh_task_outlive_ask(struct ssh_task *t)
{
	struct outlive o;

	outlive_start(&o, t->task->command, t->task->tag, "\"$SHELL\"");
	ssh_task_ask_for(t, &o.command);
	outlive_fini(&o);
}

/* Whatever came of it: the result of the command stands. */
static void on_cleared(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	(void)result;
	t->channel = NULL;
	ssh_task_finish(t);
}

static const struct ssh_channel_events clear_events = {
	.on_end = on_cleared,
};

static void clear_files(struct ssh_task *t)
{
	struct outlive o;

	t->state = SSH_TASK_CLEARING;
	t->channel = ssh_channel_create(t->ending.session, NULL, CHANNEL_OF_KILL, &clear_events, t);
	outlive_clear(&o, t->task->command, t->task->tag);
	ssh_task_ask_for(t, &o.command);
	outlive_fini(&o);
	loop_timer_start(&t->timer, t->host->route.connect_timeout_us);
}

static bool is_an_exit(enum outcome outcome)
{
	return outcome == OUTCOME_OK || outcome == OUTCOME_EXIT || outcome == OUTCOME_SIGNAL;
}

static void end_survivor(struct ssh_task *t)
{
	if (t->result.outcome == OUTCOME_LOST)
		outlive_explain_loss(&t->result, t->task->command, t->task->tag);
	if (is_an_exit(t->result.outcome) && t->ending.session->state == SESSION_READY)
		clear_files(t);
	else
		ssh_task_finish(t);
}

void ssh_task_outlive_end(struct ssh_task *t)
{
	if (t->task->command->survive)
		end_survivor(t);
	else
		ssh_task_finish(t); /* detached: it was begun, and left nothing */
}
