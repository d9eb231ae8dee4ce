/* ssh_stream.c - the state STREAM of a channel: what comes, what goes, back-pressure */
#include "ssh/ssh_channel.h"
#include "ssh/ssh_sudo.h"

void ssh_channel_deliver(struct ssh_channel *ch, enum stream stream, const void *bytes, size_t len)
{
	if (ch->events == NULL || ch->events->on_output == NULL)
		return;
	if (ch->sudo == NULL || stream != STREAM_ERR || !ssh_sudo_hears(ch->sudo, bytes, len))
		ssh_channel_hand_out(ch, stream, bytes, len);
}

void ssh_channel_hand_out(struct ssh_channel *ch, enum stream stream, const void *bytes, size_t len)
{
	if (ch->events == NULL)
		return;
	/* nothing overtakes what is held, or the start */
	if (ch->paused || ch->held[stream - 1].len > 0 || ch->state < CHANNEL_STREAM)
		strbuf_add(&ch->held[stream - 1], bytes, len);
	else
		ch->events->on_output(ch->arg, stream, bytes, len);
}

void ssh_channel_deliver_held(struct ssh_channel *ch)
{
	for (int i = 0; i < 2; i++) {
		struct strbuf bytes = ch->held[i];

		if (ch->paused || bytes.len == 0)
			continue;
		strbuf_init(&ch->held[i]);
		ssh_channel_hand_out(ch, i == 0 ? STREAM_OUT : STREAM_ERR, bytes.s, bytes.len);
		strbuf_fini(&bytes);
	}
}

/* Reads one stream once. >0: bytes, 0: nothing there now, <0: stop stepping this channel. */
static ssize_t read_stream(struct ssh_channel *ch, enum stream stream)
{
	struct ssh_session *s = ch->session;
	ssize_t n = libssh2_channel_read_ex(ch->ssh, stream == STREAM_ERR, s->scratch,
					    SSH_READ_SIZE);

	if (ssh_channel_must_wait(ch, n)) {
		ch->stuck_op = s->stuck == ch ? CHANNEL_OP_READ : CHANNEL_OP_NONE;
		return s->stuck == ch ? -1 : 0;
	}
	s->stuck = NULL;
	ch->stuck_op = CHANNEL_OP_NONE;
	if (n < 0) {
		ssh_channel_lose_session(ch, PHASE_STREAM);
		return -1;
	}
	if (n > 0)
		ssh_channel_deliver(ch, stream, s->scratch, (size_t)n);
	return n;
}

/* Reads stdout, and stderr when libssh2 still holds bytes then. Bytes taken, or -1. */
static ssize_t read_both(struct ssh_channel *ch, unsigned long *held)
{
	ssize_t total = 0;

	for (int i = 0; i < 2; i++) {
		ssize_t n = read_stream(ch, i == 0 ? STREAM_OUT : STREAM_ERR);

		if (n < 0)
			return -1;
		total += n;
		*held = 0;
		libssh2_channel_window_read_ex(ch->ssh, held, NULL);
		if (*held == 0 || ch->paused)
			break;
	}
	return total;
}

/*
 * Takes what has come. Reading one stream may take in packets of the other, after which the socket
 * says nothing more: so both are read until libssh2 holds nothing for the channel. False when
 * stepping must stop.
 */
static bool drain(struct ssh_channel *ch)
{
	unsigned long held = 0;
	ssize_t total = 0;

	do {
		ssize_t n = read_both(ch, &held);

		if (n < 0)
			return false;
		if (n == 0 || ch->paused)
			return true;
		total += n;
	} while (held > 0 && total < SSH_STEP_BYTES);
	if (held > 0)
		ssh_session_poke(ch->session);
	return true;
}

bool ssh_channel_refill(struct ssh_channel *ch)
{
	struct strbuf empty;

	if (ch->sent < ch->sending.len)
		return true;
	if (ch->is_secret)
		strbuf_wipe(&ch->sending);
	ch->is_secret = ch->is_secret && ch->queued.len > 0;
	empty = ch->sending;
	ch->sending = ch->queued;
	ch->queued = empty;
	strbuf_reset(&ch->queued);
	ch->sent = 0;
	if (ch->sending.len > 0)
		return true;
	strbuf_fini(&ch->sending); /* idle channels are many */
	strbuf_fini(&ch->queued);
	return false;
}

/* Sends the end of stdin once everything before it has gone. False when stepping must stop. */
static bool close_stdin(struct ssh_channel *ch)
{
	int rc;

	if (!ch->stdin_close || ch->stdin_closed)
		return true;
	rc = libssh2_channel_send_eof(ch->ssh);
	if (ssh_channel_must_wait(ch, rc)) {
		ch->stuck_op = ch->session->stuck == ch ? CHANNEL_OP_WRITE : CHANNEL_OP_NONE;
		return false;
	}
	ch->session->stuck = NULL;
	ch->stuck_op = CHANNEL_OP_NONE;
	ch->stdin_closed = true;
	if (rc != 0)
		ssh_channel_lose_session(ch, PHASE_STREAM);
	return rc == 0;
}

/* Sends what stdin holds. False when stepping must stop. */
static bool feed(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	bool fed = false;

	while (ssh_channel_refill(ch)) {
		ssize_t n = libssh2_channel_write_ex(ch->ssh, 0, ch->sending.s + ch->sent,
						     ch->sending.len - ch->sent);

		if (ssh_channel_must_wait(ch, n) || n == 0) {
			ch->stuck_op = s->stuck == ch ? CHANNEL_OP_WRITE : CHANNEL_OP_NONE;
			return s->stuck != ch;
		}
		s->stuck = NULL;
		ch->stuck_op = CHANNEL_OP_NONE;
		if (n < 0) {
			ssh_channel_lose_session(ch, PHASE_STREAM);
			return false;
		}
		ch->sent += (size_t)n;
		fed = true;
	}
	if (fed && ch->events != NULL && ch->events->on_drain != NULL)
		ch->events->on_drain(ch->arg);
	return ssh_channel_pending(ch) > 0 || close_stdin(ch);
}

bool ssh_channel_step_stream(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;

	if (ch->events == NULL && ch->stuck_op == CHANNEL_OP_NONE) {
		/* what a connection was given last is a goodbye to the host behind it */
		if (ch->dial != NULL && !feed(ch))
			return false;
		ch->state = CHANNEL_CLOSE;
		return true;
	}
	ssh_channel_deliver_held(ch);
	if (ch->stuck_op != CHANNEL_OP_READ && !feed(ch))
		return false;
	if ((!ch->paused || ch->stuck_op == CHANNEL_OP_READ) && !drain(ch))
		return false;
	if (s->state != SESSION_READY || ch->paused || !libssh2_channel_eof(ch->ssh))
		return false;
	ch->state = CHANNEL_WAIT_CLOSED;
	return true;
}
