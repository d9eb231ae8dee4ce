/*
 * ssh_task_cancel.c - a task ends before its time: kills are sent until there is nobody left there
 * who belongs to it, as ssh_task.h tells.
 */
#include "ssh/ssh_task_private.h"

#include <signal.h>
#include <stdio.h>

#define KILL_AGAIN_US (100 * 1000) /* before the second kill; each later pause is twice as long */
#define KILL_PAUSE_MAX_US (1000 * 1000)
#define DRAIN_US (500 * 1000) /* for a channel to end once its processes are gone */

static void set_canceled(struct ssh_task *t, const char *why)
{
	t->result = (struct task_result){ .outcome = OUTCOME_CANCELED,
					  .begun = t->result.begun || t->started };
	snprintf(t->result.why, sizeof(t->result.why), "%s", why);
}

static void finish_canceled(struct ssh_task *t, const char *why)
{
	set_canceled(t, why);
	ssh_task_finish(t);
}

void ssh_task_kill(struct ssh_task *t)
{
	if (t->ending.session->state != SESSION_READY) {
		finish_canceled(t, "cancelled; the connection was lost before it could be ended");
		return;
	}
	t->state = SSH_TASK_KILLING;
	t->last_look = t->channel == NULL;
	ssh_ending_start(&t->ending, SIGTERM, CANCEL_GRACE_US);
	loop_timer_start(&t->timer, t->host->route.connect_timeout_us + CANCEL_GRACE_US +
					    2 * (int64_t)1000000);
}

void ssh_task_kill_unanswered(struct ssh_task *t)
{
	finish_canceled(t, "cancelled; the host did not answer the request to end it");
}

static void pause_kill(struct ssh_task *t, int64_t us)
{
	t->state = SSH_TASK_PAUSING;
	loop_timer_start(&t->timer, us);
}

void ssh_task_kill_channel_ended(struct ssh_task *t)
{
	if (t->found || t->last_look)
		ssh_task_finish(t);
	else
		ssh_task_kill(t);
}

/* It found nobody. What does our channel wait for? */
static void kill_found_nobody(struct ssh_task *t)
{
	int64_t now = loop_now_us(ssh_pool_loop(t->host->pool));

	if (t->found) {
		finish_canceled(t, "cancelled; a process without its tag still holds its output");
	} else if (now - t->cancelled_us > t->host->route.connect_timeout_us) {
		finish_canceled(t, "cancelled; nothing there carries its tag, yet it has not ended");
	} else {
		pause_kill(t, t->kill_pause_us);
		t->kill_pause_us *= 2;
		if (t->kill_pause_us > KILL_PAUSE_MAX_US)
			t->kill_pause_us = KILL_PAUSE_MAX_US;
	}
}

static void kill_answered(struct ssh_task *t, bool found)
{
	if (t->channel != NULL && !found) {
		kill_found_nobody(t);
		return;
	}
	t->found = t->found || found;
	if (t->channel == NULL)
		ssh_task_kill_channel_ended(t);
	else
		pause_kill(t, DRAIN_US);
}

void ssh_task_on_ended(void *arg, enum ssh_ended ended, const char *words)
{
	struct ssh_task *t = arg;
	char why[400];

	switch (ended) {
	case ENDED_ALL:
		kill_answered(t, true);
		break;
	case ENDED_NOBODY:
		kill_answered(t, false);
		break;
	case ENDED_NOT_ALL:
		finish_canceled(t, "cancelled; some of its processes would not die");
		break;
	case ENDED_UNKNOWN:
		snprintf(why, sizeof(why), "cancelled; its processes could not be ended: %.300s",
			 words);
		finish_canceled(t, why);
		break;
	}
}

static void cancel_before_start(struct ssh_task *t)
{
	bool begun = t->channel != NULL && t->channel->begun;

	set_canceled(t, begun ? "cancelled amid its start: as it is detached it may run on"
			      : "canceled before it started");
	t->result.begun = begun;
	t->state = SSH_TASK_OVER;
	if (t->channel != NULL)
		ssh_channel_abandon(t->channel);
	t->channel = NULL;
	loop_defer_schedule(&t->deliver);
}

static void begin_kills(struct ssh_task *t)
{
	set_canceled(t, "cancelled");
	t->result.begun = true;
	t->cancelled_us = loop_now_us(ssh_pool_loop(t->host->pool));
	t->kill_pause_us = KILL_AGAIN_US;
	t->muted = t->paused;
	ssh_channel_resume(t->channel); /* it must come to an end even when nobody reads on */
	ssh_task_kill(t);
}

void ssh_task_cancel(struct ssh_task *t)
{
	if (t->state == SSH_TASK_SIZING) {
		cancel_before_start(t);
		return;
	}
	if (t->state != SSH_TASK_RUNNING || t->channel == NULL)
		return; /* without a channel it is a copy that has come, and is being put in place */
	if (t->channel->begun && t->channel->session->state != SESSION_READY)
		return; /* it is being lost at this moment, and says so next */
	if (t->channel->begun && !t->task->command->detach)
		begin_kills(t);
	else
		cancel_before_start(t);
}
