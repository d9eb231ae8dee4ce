/* ssh_channel.c - see ssh_channel.h */
#include "ssh/ssh_channel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_sudo.h"
#include "ssh/ssh_supervisor.h"

static void on_deadline(void *arg);

static void link_channel(struct ssh_channel *ch)
{
	struct ring *channels = &ch->session->channels;
	bool goes_first = ch->role == CHANNEL_OF_KILL || ch->role == CHANNEL_OF_SUPERVISOR;

	ring_add_behind(goes_first ? channels : channels->prev, &ch->link);
}

/* One that somebody waits for, or does no longer. */
static void count_user(struct ssh_channel *ch, int change)
{
	if (ch->role != CHANNEL_OF_SUPERVISOR)
		ssh_session_count_users(ch->session, change);
}

struct ssh_channel *ssh_channel_create(struct ssh_session *s, char *line,
				       enum ssh_channel_role role,
				       const struct ssh_channel_events *events, void *arg)
{
	struct ssh_channel *ch = xcalloc(1, sizeof(*ch));

	ch->session = s;
	ch->line = line;
	ch->events = events;
	ch->arg = arg;
	ch->role = role;
	loop_timer_init(&ch->deadline, s->loop, on_deadline, ch);
	link_channel(ch);
	count_user(ch, 1);
	ssh_session_poke(s);
	return ch;
}

void ssh_channel_ask(struct ssh_channel *ch, struct ssh_request *request)
{
	ch->line = strbuf_detach(&request->line);
	ch->is_secret = request->preamble.len > 0;
	ssh_channel_write(ch, strbuf_str(&request->preamble), request->preamble.len);
	if (request->mark != NULL) {
		ch->is_secret = true;
		ch->sudo = ssh_sudo_listen(ssh_pool_sudo(ch->session->host->pool), ch,
					   request->mark);
		ssh_channel_write(ch, strbuf_str(&request->rest), request->rest.len);
	}
	ssh_request_fini(request);
}

void ssh_channel_free(struct ssh_channel *ch)
{
	ring_remove(&ch->link);
	loop_timer_stop(&ch->deadline);
	ssh_sudo_free(ch->sudo);
	if (ch->is_secret) {
		strbuf_wipe(&ch->sending);
		strbuf_wipe(&ch->queued);
	}
	strbuf_fini(&ch->sending);
	strbuf_fini(&ch->queued);
	strbuf_fini(&ch->held[0]);
	strbuf_fini(&ch->held[1]);
	free(ch->line);
	free(ch->mux);
	free(ch->dial);
	free(ch);
}

void ssh_channel_tell_phase(struct ssh_channel *ch, enum phase phase)
{
	if (ch->events != NULL && ch->events->on_phase != NULL)
		ch->events->on_phase(ch->arg, phase);
}

/* ---- what the user asks: takes effect in the session's next step ---- */

void ssh_channel_write(struct ssh_channel *ch, const void *bytes, size_t len)
{
	if (ch->sudo != NULL && ssh_sudo_keeps(ch->sudo, bytes, len))
		return;
	strbuf_add(&ch->queued, bytes, len);
	ssh_session_poke(ch->session);
}

size_t ssh_channel_pending(const struct ssh_channel *ch)
{
	size_t kept = ch->sudo != NULL ? ssh_sudo_kept(ch->sudo) : 0;

	return kept + ch->queued.len + ch->sending.len - ch->sent;
}

void ssh_channel_close_stdin(struct ssh_channel *ch)
{
	ch->stdin_close = true;
	ssh_session_poke(ch->session);
}

void ssh_channel_pause(struct ssh_channel *ch)
{
	ch->paused = true;
	ssh_session_poke(ch->session);
}

void ssh_channel_resume(struct ssh_channel *ch)
{
	ch->paused = false;
	ssh_session_poke(ch->session);
}

void ssh_channel_abandon(struct ssh_channel *ch)
{
	ch->events = NULL;
	ch->paused = false;
	loop_timer_stop(&ch->deadline);
	if (ch->sudo != NULL)
		ssh_sudo_leave(ch->sudo);
	count_user(ch, -1);
	ssh_session_poke(ch->session);
}

/* ---- the end ---- */

void ssh_channel_end(struct ssh_channel *ch, const struct task_result *result)
{
	const struct ssh_channel_events *events = ch->events;
	struct task_result refused;

	loop_timer_stop(&ch->deadline);
	if (events == NULL)
		return;
	ch->events = NULL;
	if (ch->sudo != NULL) {
		if (ssh_sudo_refused(ch->sudo, &refused))
			result = &refused;
		ssh_sudo_leave(ch->sudo);
	}
	events->on_end(ch->arg, result);
	count_user(ch, -1);
}

void ssh_channel_end_failed(struct ssh_channel *ch, enum outcome outcome, enum phase phase,
			    const char *fmt, ...)
{
	struct task_result r = { .outcome = outcome, .phase = phase, .begun = ch->begun };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.why, sizeof(r.why), fmt, ap);
	va_end(ap);
	ssh_channel_end(ch, &r);
}

void ssh_channel_exited(struct task_result *r, int code, const char *signal)
{
	*r = (struct task_result){ .outcome = OUTCOME_OK, .begun = true, .code = code };
	if (signal != NULL && *signal != '\0') {
		r->outcome = OUTCOME_SIGNAL;
		snprintf(r->signal, sizeof(r->signal), "%.15s", signal);
		snprintf(r->why, sizeof(r->why), "died by SIG%s", r->signal);
	} else if (code != 0) {
		r->outcome = OUTCOME_EXIT;
		snprintf(r->why, sizeof(r->why), "exit status %d", code);
	}
}

/* How the command ended, known once the other side closed the channel. */
static struct task_result exit_result(struct ssh_channel *ch)
{
	struct task_result r;
	char *signal = NULL;
	size_t len = 0;

	libssh2_channel_get_exit_signal(ch->ssh, &signal, &len, NULL, NULL, NULL, NULL);
	ssh_channel_exited(&r, libssh2_channel_get_exit_status(ch->ssh), signal);
	if (signal != NULL)
		libssh2_free(ch->session->ssh, signal);
	return r;
}

static void on_deadline(void *arg)
{
	struct ssh_channel *ch = arg;
	struct ssh_session *s = ch->session;

	if (ch->state == CHANNEL_OPEN && ch->dial != NULL)
		ssh_channel_late_dial(ch);
	else if (ch->state == CHANNEL_OPEN)
		ssh_channel_late_open(ch);
	else if (ch->state != CHANNEL_QUEUED)
		ssh_channel_end_failed(ch, OUTCOME_LOST, PHASE_EXEC,
				       "it did not start the command within %g s",
				       (double)s->route->connect_timeout_us / 1e6);
	ssh_session_poke(s);
}

/* ---- steps: each does what it can and returns true when the state changed ---- */

bool ssh_channel_must_wait(struct ssh_channel *ch, ssize_t rc)
{
	struct ssh_session *s = ch->session;

	if (rc != LIBSSH2_ERROR_EAGAIN)
		return false;
	s->stuck = ssh_session_blocked_out(s) ? ch : NULL;
	return true;
}

void ssh_channel_lose_session(struct ssh_channel *ch, enum phase phase)
{
	struct ssh_session *s = ch->session;

	ssh_session_fail(s, phase == PHASE_OPEN ? OUTCOME_UNREACHABLE : OUTCOME_LOST, phase,
			 "connection lost: %s", ssh_session_error(s));
}

static bool step_open(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	int rc;

	ch->ssh = ch->dial != NULL
			  ? ssh_channel_open_dial(ch)
			  : libssh2_channel_open_ex(s->ssh, "session", 7, SSH_WINDOW,
						    LIBSSH2_CHANNEL_PACKET_DEFAULT, NULL, 0);
	rc = ch->ssh != NULL ? 0 : libssh2_session_last_errno(s->ssh);
	if (ssh_channel_must_wait(ch, rc))
		return false;
	s->stuck = NULL;
	s->opening = NULL;
	if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
		return ch->dial != NULL ? ssh_channel_refused_dial(ch, ssh_channel_dial_refusal(ch))
					: ssh_channel_refused(ch);
	if (rc != 0) {
		ssh_channel_lose_session(ch, PHASE_OPEN);
		return false;
	}
	return ch->dial != NULL ? ssh_channel_dialed(ch) : ssh_channel_opened(ch);
}

bool ssh_channel_denied(struct ssh_channel *ch)
{
	ssh_channel_end_failed(ch, OUTCOME_UNREACHABLE, PHASE_EXEC,
			 "the host refused to run a command (its sshd may allow "
			 "sftp or forwarding only)");
	ch->state = CHANNEL_CLOSE;
	return true;
}

bool ssh_channel_started(struct ssh_channel *ch)
{
	free(ch->line);
	ch->line = NULL;
	loop_timer_stop(&ch->deadline);
	ch->state = ch->events != NULL ? CHANNEL_STREAM : CHANNEL_CLOSE;
	if (ch->events != NULL && ch->events->on_start != NULL)
		ch->events->on_start(ch->arg);
	return true;
}

static bool step_exec(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	uint64_t before = s->bytes_out;
	int rc;

	if (ch->events == NULL && !ch->begun) {
		ch->state = CHANNEL_CLOSE;
		return true;
	}
	rc = libssh2_channel_process_startup(ch->ssh, "exec", 4, ch->line,
					     (unsigned)strlen(ch->line));
	if (ssh_channel_must_wait(ch, rc)) {
		/* what waits for room to be sent cannot be taken back either */
		ch->begun = ch->begun || s->bytes_out != before || s->stuck == ch;
		return false;
	}
	ch->begun = ch->begun || s->bytes_out != before;
	s->stuck = NULL;
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED || rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
		return ssh_channel_denied(ch);
	if (rc != 0) {
		ssh_channel_lose_session(ch, PHASE_EXEC);
		return false;
	}
	return ssh_channel_started(ch);
}

static bool step_wait_closed(struct ssh_channel *ch)
{
	struct task_result result;
	bool waits = ch->events != NULL && ch->dial == NULL;
	int rc = waits ? libssh2_channel_wait_closed(ch->ssh) : 0;

	if (ssh_channel_must_wait(ch, rc))
		return false;
	if (rc != 0) {
		ssh_channel_lose_session(ch, PHASE_STREAM);
		return false;
	}
	if (ch->role == CHANNEL_OF_COMMAND)
		ssh_supervisor_listen(ch->session);
	ch->state = CHANNEL_CLOSE;
	if (ch->events != NULL) {
		result = exit_result(ch);
		ssh_channel_end(ch, &result);
	}
	return true;
}

static bool step_close(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	int rc = libssh2_channel_close(ch->ssh);

	if (ssh_channel_must_wait(ch, rc))
		return false;
	s->stuck = NULL;
	if (rc != 0) {
		ssh_channel_lose_session(ch, PHASE_STREAM);
		return false;
	}
	if (s->ear != NULL)
		libssh2_channel_free(s->ear);
	s->ear = ch->ssh;
	ch->ssh = NULL;
	ch->state = CHANNEL_GONE;
	return false;
}

const struct ssh_channel_steps ssh_channel_steps = {
	.open = step_open,
	.exec = step_exec,
	.stream = ssh_channel_step_stream,
	.wait_closed = step_wait_closed,
	.close = step_close,
};

/* ---- both ways ---- */

static bool step_once(struct ssh_channel *ch)
{
	const struct ssh_channel_steps *steps = ch->session->steps;

	switch (ch->state) {
	case CHANNEL_QUEUED:
		return ssh_channel_step_queued(ch);
	case CHANNEL_OPEN:
		return steps->open(ch);
	case CHANNEL_EXEC:
		return steps->exec(ch);
	case CHANNEL_STREAM:
		return steps->stream(ch);
	case CHANNEL_WAIT_CLOSED:
		return steps->wait_closed(ch);
	case CHANNEL_CLOSE:
		return steps->close(ch);
	case CHANNEL_GONE:
		return false;
	}
	return false;
}

void ssh_channel_step(struct ssh_channel *ch)
{
	/* a callback may have closed the session, or let it die */
	while (ch->session->state == SESSION_READY && step_once(ch))
		;
}

bool ssh_channel_wants_input(const struct ssh_channel *ch)
{
	return !(ch->state == CHANNEL_STREAM && ch->paused && ch->stuck_op == CHANNEL_OP_NONE);
}
