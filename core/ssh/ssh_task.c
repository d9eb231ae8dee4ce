/* ssh_task.c - see ssh_task.h */
#include "ssh/ssh_task.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_ending.h"
#include "ssh/ssh_preamble.h"
#include "transport/copy.h"
#include "transport/outlive.h"

#define BULK_MIN (8 * 1024 * 1024) /* bytes: their encryption costs more than a process of ssh */
#define KILL_AGAIN_US (100 * 1000)  /* before the second kill; each later pause is twice as long */
#define KILL_PAUSE_MAX_US (1000 * 1000)
#define DRAIN_US (500 * 1000) /* for a channel to end once its processes are gone */

enum ssh_task_state {
	SSH_TASK_SIZING, /* a copy to the host learns how much it has to move */
	SSH_TASK_RUNNING,
	SSH_TASK_KILLING, /* an ending is under way; the timer bounds it */
	SSH_TASK_PAUSING, /* the task's own channel is open still; the timer sends another kill */
	SSH_TASK_CLEARING, /* it survived and has ended: a channel removes its files there */
	SSH_TASK_OVER,	  /* the result waits to be delivered */
};

struct ssh_task {
	struct ssh_host *host;
	struct task *task;
	enum ssh_task_state state;
	struct ssh_channel *channel;	    /* NULL once it ended */
	struct copy *copy;		    /* TASK_PUT, TASK_GET */
	bool bulk;			    /* it moves much, by the system's ssh */
	enum { BREAK_NONE, BREAK_GIVES_UP, BREAK_BEGINS_ANEW } after_break;
	struct loop_defer break_off; /* the channel of a copy is let go of */
	bool warm;  /* its session had served others before */
	bool paused, started, stdin_closed;
	bool told_start; /* by a copy's first command, where it began anew */
	bool heard;	       /* output of a command under sudo: sudo was willing */
	struct strbuf refusal; /* else what it said */
	struct strbuf early; /* stdin, kept until the command runs: the session may be another */
	struct loop_timer timer;
	struct loop_defer deliver;
	struct ssh_ending ending;
	char *mark; /* PERILUNE_TASK there: the tag, and the token of the session */
	int64_t cancelled_us, kill_pause_us;
	bool found;	/* a kill met somebody: the command has come so far as to set its tag */
	bool last_look; /* the kill under way was sent after the command's own channel had ended */
	bool muted;	/* cancelled and paused: what still comes is thrown away */
	struct task_result result;
};

/* ---- the end ---- */

static void deliver(void *arg)
{
	struct ssh_task *t = arg;
	struct task *task = t->task;
	struct task_result result = t->result;

	loop_timer_stop(&t->timer);
	loop_defer_cancel(&t->deliver);
	loop_defer_cancel(&t->break_off);
	copy_destroy(t->copy);
	strbuf_fini(&t->early);
	strbuf_fini(&t->refusal);
	free(t->mark);
	free(t);
	task->impl = NULL;
	task->events->on_done(task, &result);
}

static void on_timer(void *arg);
static void begin(struct ssh_task *t);
static void begin_anew(struct ssh_task *t);
static void clear_files(struct ssh_task *t);
static void ask(struct ssh_task *t);
static void ask_for(struct ssh_task *t, const struct command *cmd);
static void command_is_over(struct ssh_task *t);
static void on_ended(void *arg, enum ssh_ended ended, const char *words);

/* Lets go of what still lives and delivers the result. From callbacks of the loop only. */
static void finish(struct ssh_task *t)
{
	t->state = SSH_TASK_OVER;
	if (t->channel != NULL)
		ssh_channel_abandon(t->channel);
	ssh_ending_stop(&t->ending);
	deliver(t);
}

static void set_canceled(struct ssh_task *t, const char *why)
{
	t->result = (struct task_result){ .outcome = OUTCOME_CANCELED,
					  .begun = t->result.begun || t->started };
	snprintf(t->result.why, sizeof(t->result.why), "%s", why);
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

/* What the shell that is to become sudo says when it cannot; it is no output of the command. */
static bool is_refusal(struct ssh_task *t, enum stream stream, const char *bytes, size_t len)
{
	char beginning[300];
	size_t n = (size_t)snprintf(beginning, sizeof(beginning), SSH_SUDO_REFUSED, t->mark);

	if (t->refusal.len > 0) {
		strbuf_add(&t->refusal, bytes, len);
		return true;
	}
	if (t->heard || stream != STREAM_ERR || len < n || memcmp(bytes, beginning, n) != 0) {
		t->heard = true;
		return false;
	}
	strbuf_add(&t->refusal, bytes + n, len - n);
	return true;
}

/* The last line of what sudo said says why; the others are for one who sits before it. */
static void explain_refusal(const struct ssh_task *t, struct task_result *r)
{
	const char *first = t->ending.session != NULL ? ssh_supervisor_refusal(t->ending.session)
						      : NULL;
	const char *said = first != NULL ? first : strbuf_str(&t->refusal);
	const char *last = strrchr(said, '\n');
	bool has_password = ssh_pool_sudo_password(t->host->pool) != NULL;

	snprintf(r->why, sizeof(r->why), "sudo refused: %.200s (%s)", last != NULL ? last + 1 : said,
		 has_password ? "is the password right, and does `sudo -l` there allow sh?"
			      : "--sudo asks for a password where it has a terminal; or allow sh "
				"there with NOPASSWD");
}

static void on_output(void *arg, enum stream stream, const void *bytes, size_t len)
{
	struct ssh_task *t = arg;

	if (t->muted || (t->task->command->sudo && is_refusal(t, stream, bytes, len)))
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

/* The system's ssh may lack what our login had: a password, an unlocked key. */
static bool deserves_libssh2(const struct ssh_task *t, const struct task_result *result)
{
	return t->state == SSH_TASK_RUNNING && t->bulk && !result->begun &&
	       result->phase >= PHASE_KEX;
}

/* The session may be gone before what came is in its place. */
static void end_copy(struct ssh_task *t, const struct task_result *result)
{
	t->ending.session = NULL;
	copy_end(t->copy, result);
}

static bool survives(const struct ssh_task *t)
{
	return outlives(t->task->command) && t->task->command->survive;
}

static bool is_an_exit(enum outcome outcome)
{
	return outcome == OUTCOME_OK || outcome == OUTCOME_EXIT || outcome == OUTCOME_SIGNAL;
}

static void finish_survivor(struct ssh_task *t)
{
	if (t->result.outcome == OUTCOME_LOST)
		outlive_explain_loss(&t->result, t->task->tag);
	if (is_an_exit(t->result.outcome) && t->ending.session->state == SESSION_READY)
		clear_files(t);
	else
		finish(t);
}

static void on_end(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	t->channel = NULL;
	if (deserves_libssh2(t, result)) {
		ssh_pool_note_no_bulk(t->host, result->why);
		t->bulk = false;
		begin_anew(t);
		return;
	}
	if (deserves_another(t, result)) {
		begin_anew(t);
		t->warm = false;
		return;
	}
	if (t->state == SSH_TASK_RUNNING) {
		t->result = *result;
		if (t->refusal.len > 0)
			explain_refusal(t, &t->result);
		if (t->copy != NULL)
			end_copy(t, result);
		else if (survives(t))
			finish_survivor(t);
		else
			finish(t);
	} else if (t->state == SSH_TASK_PAUSING) {
		command_is_over(t);
	}
	/* while a kill is under way its answer is waited for: there may be stragglers */
}

static void ignore_output(void *arg, enum stream stream, const void *bytes, size_t len)
{
	(void)arg;
	(void)stream;
	(void)bytes;
	(void)len;
}

/* Whatever came of it: the result of the command stands. */
static void on_cleared(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	(void)result;
	t->channel = NULL;
	finish(t);
}

static const struct ssh_channel_events clear_events = {
	.on_output = ignore_output,
	.on_end = on_cleared,
};

static void clear_files(struct ssh_task *t)
{
	struct outlive o;

	t->state = SSH_TASK_CLEARING;
	t->channel = ssh_channel_create(t->ending.session, NULL, CHANNEL_OF_KILL, &clear_events, t);
	outlive_clear(&o, t->task->command, t->task->tag);
	ask_for(t, &o.command);
	outlive_fini(&o);
	loop_timer_start(&t->timer, t->host->route.connect_timeout_us);
}

static const struct ssh_channel_events command_events = {
	.on_phase = on_phase,
	.on_start = on_start,
	.on_output = on_output,
	.on_drain = on_drain,
	.on_end = on_end,
};

/* ---- copies ---- */

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

static void on_copied(void *arg, const struct task_result *result)
{
	struct ssh_task *t = arg;

	t->result = *result;
	finish(t);
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
		begin_anew(t);
	else
		end_copy(t, &result);
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
		begin(t);
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
	.on_end = on_copied,
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

static void make_copy(struct ssh_task *t)
{
	t->copy = copy_create(ssh_pool_copies(t->host->pool), ssh_pool_loop(t->host->pool), t->task,
			      &copy_io, t);
}

static void ask_for(struct ssh_task *t, const struct command *cmd)
{
	struct ssh_request request = SSH_REQUEST_INIT;

	ssh_command_exec(&request, cmd, t->mark, (const char *const *)t->host->route.env);
	if (t->task->command->sudo)
		ssh_command_as_root(&request, "PERILUNE_TASK", t->mark,
				    ssh_supervisor_refusal(t->ending.session) == NULL
					    ? ssh_pool_sudo_password(t->host->pool)
					    : NULL);
	ssh_channel_ask(t->channel, &request);
}

/* Once the session is ready: before, how the host is reached may not be known yet, nor what its
 * configuration adds to the environment. */
static void ask(struct ssh_task *t)
{
	struct command copying = { .stdin_open = true };
	struct outlive o;

	if (t->copy != NULL) {
		copying.argv = copy_argv(t->copy);
		ask_for(t, &copying);
	} else if (outlives(t->task->command)) {
		outlive_start(&o, t->task->command, t->task->tag, "\"$SHELL\"");
		ask_for(t, &o.command);
		outlive_fini(&o);
	} else {
		ask_for(t, t->task->command);
	}
}

static void begin(struct ssh_task *t)
{
	struct ssh_session *s = ssh_pool_session(t->host, t->bulk, t->task->command->sudo);

	free(t->mark);
	t->mark = make_mark(t, s);
	if (t->task->command->kind != TASK_EXEC && t->copy == NULL)
		make_copy(t); /* what is to be copied can be read before the host answers */
	t->warm = s->state == SESSION_READY;
	ssh_supervisor_start(s);
	t->channel = ssh_channel_create(s, NULL, CHANNEL_OF_COMMAND, &command_events, t);
	t->ending = (struct ssh_ending){ .session = s, .tag = t->task->tag, .mark = t->mark,
					 .alone = outlives(t->task->command),
					 .on_ended = on_ended, .arg = t };
	if (t->paused)
		ssh_channel_pause(t->channel);
}

/* The session was not what it seemed, or another one is better. */
static void begin_anew(struct ssh_task *t)
{
	copy_destroy(t->copy);
	t->copy = NULL;
	t->started = false;
	begin(t);
}

void ssh_task_start(struct ssh_host *host, struct task *task)
{
	struct ssh_task *t = xcalloc(1, sizeof(*t));
	struct loop *loop = ssh_pool_loop(host->pool);

	t->host = host;
	t->task = task;
	loop_timer_init(&t->timer, loop, on_timer, t);
	loop_defer_init(&t->deliver, loop, deliver, t);
	loop_defer_init(&t->break_off, loop, on_break_off, t);
	task->impl = t;
	ssh_pool_stats(host->pool)->channels++;
	if (task->command->kind == TASK_PUT) {
		t->state = SSH_TASK_SIZING;
		make_copy(t);
	} else {
		t->state = SSH_TASK_RUNNING;
		begin(t);
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

/* ---- cancel ---- */

static void send_kill(struct ssh_task *t);

static void finish_canceled(struct ssh_task *t, const char *why)
{
	set_canceled(t, why);
	finish(t);
}

static void pause_kill(struct ssh_task *t, int64_t us)
{
	t->state = SSH_TASK_PAUSING;
	loop_timer_start(&t->timer, us);
}

/* Its channel has ended; children without our output may live on, if no kill came since. */
static void command_is_over(struct ssh_task *t)
{
	if (t->found || t->last_look)
		finish(t);
	else
		send_kill(t);
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
		command_is_over(t);
	else
		pause_kill(t, DRAIN_US);
}

static void on_ended(void *arg, enum ssh_ended ended, const char *words)
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

static void send_kill(struct ssh_task *t)
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

static void on_timer(void *arg)
{
	struct ssh_task *t = arg;

	switch (t->state) {
	case SSH_TASK_PAUSING:
		send_kill(t);
		break;
	case SSH_TASK_KILLING:
		finish_canceled(t, "cancelled; the host did not answer the request to end it");
		break;
	case SSH_TASK_CLEARING:
		finish(t);
		break;
	case SSH_TASK_SIZING:
	case SSH_TASK_RUNNING:
	case SSH_TASK_OVER:
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
	t->cancelled_us = loop_now_us(ssh_pool_loop(t->host->pool));
	if (t->channel->begun && !t->task->command->detach) {
		set_canceled(t, "cancelled");
		t->result.begun = true;
		t->kill_pause_us = KILL_AGAIN_US;
		/* its channel must come to an end even when nobody reads on */
		t->muted = t->paused;
		ssh_channel_resume(t->channel);
		send_kill(t);
		return;
	}
	cancel_before_start(t);
}

/* ---- signals ---- */

int ssh_task_signal(struct ssh_task *t, int signo, struct pl_error *err)
{
	if (!t->started || t->state != SSH_TASK_RUNNING || t->channel == NULL)
		return pl_errorf(err, PL_EUSAGE, "%s: no command runs that could get a signal",
				 t->task->host);
	ssh_ending_signal(&t->ending, signo);
	return 0;
}
