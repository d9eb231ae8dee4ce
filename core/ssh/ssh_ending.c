/* ssh_ending.c - see ssh_ending.h */
#include "ssh/ssh_ending.h"

#include "ssh/ssh_channel.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_sudo.h"

/* ---- without a supervisor: a channel whose command ends the others ---- */

static void on_channel_end(void *arg, const struct task_result *result)
{
	struct ssh_ending *e = arg;

	e->channel = NULL;
	if (result->outcome == OUTCOME_OK)
		e->on_ended(e->arg, ENDED_ALL, NULL);
	else if (result->outcome == OUTCOME_EXIT && result->code == SSH_KILL_NONE)
		e->on_ended(e->arg, ENDED_NOBODY, NULL);
	else if (result->outcome == OUTCOME_EXIT)
		e->on_ended(e->arg, ENDED_NOT_ALL, NULL);
	else
		e->on_ended(e->arg, ENDED_UNKNOWN, result->why);
}

static const struct ssh_channel_events kill_events = {
	.on_end = on_channel_end,
};

static struct ssh_channel *send_kill(const struct ssh_ending *e, int signo, int64_t grace_us,
				     const struct ssh_channel_events *events, void *arg)
{
	struct ssh_channel *ch = ssh_channel_create(e->session, NULL, CHANNEL_OF_KILL, events, arg);
	struct ssh_request request = SSH_REQUEST_INIT;

	ssh_command_kill(&request.line, e->mark, signo, grace_us);
	if (e->session->root)
		ssh_command_as_root(&request, NULL, e->mark,
				    ssh_sudo_has_password(ssh_pool_sudo(e->session->host->pool)));
	ssh_channel_ask(ch, &request);
	return ch;
}

static void open_channel(struct ssh_ending *e)
{
	e->channel = send_kill(e, e->signo, e->grace_us, &kill_events, e);
}

/* ---- with one ---- */

static bool is_supervised(const struct ssh_ending *e)
{
	return !e->alone && ssh_supervisor_is_there(e->session);
}

/* The supervisor is gone: what it would have done is done by a channel. */
static void on_answer(void *arg, enum ssh_ended ended)
{
	struct ssh_ending *e = arg;

	if (ended != ENDED_UNKNOWN)
		e->on_ended(e->arg, ended, NULL);
	else if (e->session->state == SESSION_READY)
		open_channel(e);
	else
		e->on_ended(e->arg, ENDED_UNKNOWN, "the connection was lost");
}

void ssh_ending_start(struct ssh_ending *e, int signo, int64_t grace_us)
{
	e->signo = signo;
	e->grace_us = grace_us;
	if (!is_supervised(e)) {
		open_channel(e);
		return;
	}
	e->question = (struct ssh_question){ .tag = e->tag, .on_answer = on_answer, .arg = e };
	ssh_supervisor_end(e->session, &e->question, signo, grace_us);
}

void ssh_ending_stop(struct ssh_ending *e)
{
	if (e->session == NULL)
		return;
	ssh_supervisor_forget(e->session, &e->question);
	if (e->channel != NULL)
		ssh_channel_abandon(e->channel);
	e->channel = NULL;
}

/* ---- signals ---- */

static void ignore_end(void *arg, const struct task_result *result)
{
	(void)arg;
	(void)result;
}

static const struct ssh_channel_events signal_events = {
	.on_end = ignore_end,
};

void ssh_ending_signal(const struct ssh_ending *e, int signo)
{
	if (is_supervised(e)) {
		ssh_supervisor_signal(e->session, e->tag, signo);
		return;
	}
	send_kill(e, signo, -1, &signal_events, NULL);
}
