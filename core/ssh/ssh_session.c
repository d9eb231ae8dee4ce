/* ssh_session.c - see ssh_session.h: the socket, the step, the end of a session */
#include "ssh/ssh_session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_detour.h"
#include "ssh/ssh_login.h"
#include "ssh/ssh_mux.h"
#include "ssh/ssh_supervisor.h"

#define CHANNELS_MOST 8 /* OpenSSH allows 10: one for the supervisor, one for what goes first */
#define GATHER_MOST (64 * 1024) /* of a step's packets before they are sent; more than one's size */

static void on_again(void *arg);
static void on_timer(void *arg);

struct ssh_session *ssh_session_create(struct loop *loop, struct ssh_route *route, char *scratch,
				       const struct ssh_session_events *events, void *arg)
{
	struct ssh_session *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	ring_init(&s->channels);
	s->route = route;
	s->scratch = scratch;
	s->events = events;
	s->arg = arg;
	ssh_wire_init(&s->wire, loop);
	s->most = CHANNELS_MOST;
	s->steps = &ssh_channel_steps;
	s->most_tunnels = SIZE_MAX;
	loop_defer_init(&s->again, loop, on_again, s);
	loop_timer_init(&s->timer, loop, on_timer, s);
	ssh_login_begin(s);
	if (route->other_way != NULL)
		ssh_mux_adopt(s);
	ssh_session_poke(s);
	return s;
}

void ssh_session_learn_route(struct ssh_session *s)
{
	if (s->route->other_way != NULL && s->mux == NULL)
		ssh_mux_adopt(s);
	ssh_session_poke(s);
}

/* ---- the wire, as libssh2 sees it ---- */

ssize_t ssh_session_receive(struct ssh_session *s, void *buf, size_t len)
{
	ssize_t n = ssh_wire_receive(&s->wire, buf, len);

	if (n > 0)
		s->last_byte_us = loop_now_us(s->loop);
	return n;
}

static ssize_t receive(libssh2_socket_t fd, void *buf, size_t len, int flags, void **abstract)
{
	struct ssh_session *s = *abstract;

	(void)fd;
	(void)flags;
	if (s->severed)
		return -ENOTCONN;
	return s->login != NULL ? ssh_login_receive(s, buf, len) : ssh_session_receive(s, buf, len);
}

/* Sends what a step has gathered; what there is no room for stays for a later step. */
static int flush(struct ssh_session *s)
{
	ssize_t n;

	while (s->unsent.len > 0) {
		n = ssh_wire_send(&s->wire, s->unsent.s, s->unsent.len);
		if (n == -EAGAIN)
			return 0;
		if (n < 0) {
			strbuf_fini(&s->unsent);
			return (int)n; /* receiving meets it too, and says so */
		}
		strbuf_consume(&s->unsent, (size_t)n);
	}
	strbuf_fini(&s->unsent); /* idle sessions are many */
	return 0;
}

/* One step of a session often makes several packets: they go in one call of the system. libssh2
 * is told of a full socket as soon as there is more than that. */
static ssize_t transmit(libssh2_socket_t fd, const void *buf, size_t len, int flags,
			void **abstract)
{
	struct ssh_session *s = *abstract;
	int rc = s->unsent.len + len > GATHER_MOST ? flush(s) : 0;

	(void)fd;
	(void)flags;
	if (s->severed)
		return -ENOTCONN;
	if (rc != 0)
		return rc;
	if (s->unsent.len > 0 && s->unsent.len + len > GATHER_MOST)
		return -EAGAIN;
	strbuf_add(&s->unsent, buf, len);
	s->bytes_out += len;
	return (ssize_t)len;
}

void ssh_session_open_libssh2(struct ssh_session *s)
{
	s->ssh = libssh2_session_init_ex(NULL, NULL, NULL, s);
	if (s->ssh == NULL)
		abort(); /* out of memory, as in xmalloc */
	libssh2_session_set_blocking(s->ssh, 0);
	libssh2_session_callback_set(s->ssh, LIBSSH2_CALLBACK_SEND, (void *)transmit);
	libssh2_session_callback_set(s->ssh, LIBSSH2_CALLBACK_RECV, (void *)receive);
	libssh2_keepalive_config(s->ssh, 1, 2);
}

const char *ssh_session_error(struct ssh_session *s)
{
	char *text = NULL;
	int errnum;

	switch (libssh2_session_last_error(s->ssh, &text, NULL, 0)) {
	case LIBSSH2_ERROR_SOCKET_SEND:
	case LIBSSH2_ERROR_SOCKET_RECV:
	case LIBSSH2_ERROR_SOCKET_DISCONNECT:
		errnum = ssh_wire_error(&s->wire);
		return errnum != 0 ? strerror(errnum) : "the other side closed the connection";
	default:
		return text != NULL && *text != '\0' ? text : "unknown error";
	}
}

/* ---- the end ---- */

void ssh_session_drop_connection(struct ssh_session *s)
{
	s->severed = true;
	loop_timer_stop(&s->timer);
	ssh_login_free(s);
	if (s->ssh != NULL)
		libssh2_session_free(s->ssh); /* never EAGAIN once severed */
	s->ssh = NULL;
	strbuf_fini(&s->unsent);
	ssh_wire_close(&s->wire);
}

void ssh_session_destroy(struct ssh_session *s)
{
	ssh_session_drop_connection(s);
	ssh_mux_free(s);
	ssh_supervisor_free(s);
	while (!ring_is_empty(&s->channels))
		ssh_channel_free(ring_first(&s->channels, struct ssh_channel, link));
	loop_defer_cancel(&s->again);
	free(s);
}

/* Nothing is freed here: a step of this session, or of a channel of it, may be under way. */
static void die(struct ssh_session *s)
{
	s->state = SESSION_DEAD;
	s->severed = true;
	loop_timer_stop(&s->timer);
	ssh_wire_watch(&s->wire, 0);
	loop_defer_schedule(&s->again);
}

void ssh_session_fail(struct ssh_session *s, enum outcome outcome, enum phase phase,
		      const char *fmt, ...)
{
	struct task_result result = { .outcome = outcome, .phase = phase };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(result.why, sizeof(result.why), fmt, ap);
	va_end(ap);
	snprintf(result.detail, sizeof(result.detail), "%.180s port %d", s->route->hostname,
		 s->route->port);
	ssh_session_end(s, &result);
}

void ssh_session_end(struct ssh_session *s, const struct task_result *as)
{
	struct task_result result = *as;

	if (s->state == SESSION_DEAD)
		return;
	log_debug(LOG_SSH, "%s@%s:%d: %s: %s", s->route->user, s->route->hostname, s->route->port,
		  phase_name(result.phase), result.why);
	if (result.other_way && ssh_detour_take(s, &result))
		return;
	ssh_login_over(s, &result);
	ssh_detour_tell(s);
	die(s);
	ring_each (struct ssh_channel, ch, &s->channels, link) {
		struct task_result own = result;

		own.begun = ch->begun;
		if (ch->begun) {
			own.outcome = OUTCOME_LOST;
			own.phase = ch->state == CHANNEL_EXEC ? PHASE_EXEC : PHASE_STREAM;
		} else if (result.outcome == OUTCOME_LOST) {
			own.outcome = OUTCOME_UNREACHABLE;
			own.phase = PHASE_OPEN;
		}
		ssh_channel_end(ch, &own);
	}
}

void ssh_session_close(struct ssh_session *s)
{
	if (s->state == SESSION_READY)
		s->is_told = ssh_supervisor_say_bye(s);
	if (s->state == SESSION_DEAD)
		return;
	s->state = SESSION_CLOSING;
	loop_defer_schedule(&s->again);
}

static void say_goodbye(struct ssh_session *s)
{
	/* one try: a packet half sent must not be mixed with another, and nobody waits for it; at this
	 * one sshd would drop what is on its way to the supervisor */
	if (s->ssh != NULL && s->stuck == NULL && s->opening == NULL && s->login == NULL &&
	    !s->is_told)
		libssh2_session_disconnect(s->ssh, "done");
	if (s->mux != NULL)
		ssh_mux_flush(s);
	flush(s);
	die(s);
}

/* ---- READY ---- */

/* Looks again when the next sign of life is due, or when it is too late for one. */
static void watch_silence(struct ssh_session *s)
{
	const struct ssh_route *r = s->route;
	int64_t silent = loop_now_us(s->loop) - s->last_byte_us;
	int64_t until = silent < r->keepalive_us ? r->keepalive_us - silent : r->keepalive_us;

	if (until > r->lost_us - silent)
		until = r->lost_us - silent;
	loop_timer_start(&s->timer, until);
}

/* Small and into an empty socket: libssh2 forgets a keepalive that is sent in part. */
static void send_keepalive(struct ssh_session *s)
{
	if (s->mux != NULL)
		ssh_mux_ask_for_life(s);
	else if (s->stuck == NULL && ssh_wire_has_room(&s->wire))
		libssh2_keepalive_send(s->ssh, NULL);
	flush(s);
}

static bool wants_input(const struct ssh_session *s)
{
	ring_each (const struct ssh_channel, ch, &s->channels, link) {
		if (ssh_channel_wants_input(ch))
			return true;
	}
	return ring_is_empty(&s->channels) || s->mux != NULL; /* what comes from ssh is read in any case */
}

/* The watch for silence: idle sessions may be silent, and so may a reader that was paused. */
static void on_silence(struct ssh_session *s)
{
	int64_t silent = loop_now_us(s->loop) - s->last_byte_us;

	if (s->n_users == 0 || !wants_input(s)) {
		s->last_byte_us = loop_now_us(s->loop);
	} else if (silent >= s->route->lost_us) {
		ssh_session_fail(s, OUTCOME_LOST, PHASE_STREAM,
				 "connection lost: no byte for %g s, though asked for a sign of "
				 "life", (double)s->route->lost_us / 1e6);
		return;
	} else if (silent >= s->route->keepalive_us) {
		send_keepalive(s);
	}
	if (s->n_users > 0)
		watch_silence(s);
}

void ssh_session_count_users(struct ssh_session *s, int change)
{
	s->n_users += (size_t)change;
	if (s->state < SESSION_READY && s->n_users == 0)
		ssh_session_close(s); /* nobody waits for the login any more */
	if (s->state != SESSION_READY)
		return;
	if (change > 0 && !loop_timer_armed(&s->timer)) {
		s->last_byte_us = loop_now_us(s->loop);
		watch_silence(s);
	}
	if (s->n_users == 0)
		s->events->on_idle(s->arg, s);
}

static void become_ready(struct ssh_session *s)
{
	ssh_login_over(s, NULL);
	ssh_login_free(s);
	ssh_detour_tell(s);
	s->last_byte_us = loop_now_us(s->loop);
	watch_silence(s);
	s->hastens = true;
	s->events->on_ready(s->arg, s);
}

bool ssh_session_is_keepable(const struct ssh_session *s)
{
	bool listens = s->ear != NULL || s->mux != NULL;

	ring_each (const struct ssh_channel, ch, &s->channels, link)
		listens = listens || ch->ssh != NULL;
	return s->state == SESSION_READY && s->most > 0 && !s->spent && listens;
}

/* An idle session has no command whose channel would take packets in: the ear does. */
static void listen_idle(struct ssh_session *s)
{
	char byte;
	ssize_t n = libssh2_channel_read_ex(s->ear, 0, &byte, 1);

	if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
		ssh_session_fail(s, OUTCOME_LOST, PHASE_STREAM, "%s", ssh_session_error(s));
}

static void step_channels(struct ssh_session *s)
{
	struct ring *next;

	if (s->stuck != NULL) {
		ssh_channel_step(s->stuck);
		if (s->stuck != NULL)
			return;
	}
	for (struct ring *at = s->channels.next; at != &s->channels; at = next) {
		struct ssh_channel *ch = container_of(at, struct ssh_channel, link);

		if (s->state != SESSION_READY || s->stuck != NULL)
			return;
		ssh_channel_step(ch);
		next = at->next;
		if (ch->state != CHANNEL_GONE)
			continue;
		ssh_channel_free(ch);
		if (!ring_is_empty(&s->channels))
			ssh_session_poke(s); /* one before it in the row may take its place */
	}
	if (ring_is_empty(&s->channels) && s->ear != NULL && s->state == SESSION_READY)
		listen_idle(s);
}

/* ---- the step ---- */

static void watch_wire(struct ssh_session *s)
{
	int want = 0;

	if (s->mux != NULL) {
		ssh_wire_watch(&s->wire, ssh_mux_wants(s));
		return;
	}
	switch (s->state) {
	case SESSION_CONNECT:
		want = LOOP_WRITE;
		break;
	case SESSION_HANDSHAKE:
	case SESSION_AUTH:
		want = LOOP_READ | (ssh_session_blocked_out(s) ? LOOP_WRITE : 0);
		break;
	case SESSION_READY:
		want = (wants_input(s) ? LOOP_READ : 0) | (s->stuck != NULL ? LOOP_WRITE : 0);
		break;
	default:
		break;
	}
	if (s->unsent.len > 0 && !ssh_login_keeps_banner(s))
		want |= LOOP_WRITE;
	ssh_wire_watch(&s->wire, want);
}

static bool step_mux(struct ssh_session *s)
{
	if (s->state < SESSION_READY) {
		if (!ssh_mux_login(s))
			return false;
		if (s->state == SESSION_READY)
			become_ready(s);
		return true;
	}
	ssh_mux_receive(s);
	if (s->state == SESSION_READY)
		step_channels(s);
	if (s->state == SESSION_READY)
		ssh_mux_flush(s);
	return s->state == SESSION_CLOSING;
}

/* True when the state changed, so that there may be more to do. */
static bool step_once(struct ssh_session *s)
{
	if (s->mux != NULL && s->state < SESSION_CLOSING)
		return step_mux(s);
	switch (s->state) {
	case SESSION_RESOLVE:
		return ssh_login_resolve(s);
	case SESSION_PACED:
		return ssh_login_paced(s);
	case SESSION_CONNECT:
		return ssh_login_connect(s);
	case SESSION_HANDSHAKE:
		return ssh_login_handshake(s);
	case SESSION_HOSTKEY:
		return ssh_login_hostkey(s);
	case SESSION_AUTH:
		if (!ssh_login_may_show(s))
			return s->state == SESSION_DEAD;
		if (!ssh_auth_step(s))
			return false;
		if (s->state == SESSION_READY)
			become_ready(s);
		return true;
	case SESSION_READY:
		step_channels(s);
		return s->state == SESSION_CLOSING;
	case SESSION_CLOSING:
		say_goodbye(s);
		return false;
	case SESSION_DEAD:
		return false;
	}
	return false;
}

void ssh_session_step(struct ssh_session *s)
{
	while (step_once(s))
		;
	if (!s->severed && !ssh_login_keeps_banner(s))
		flush(s);
	if (s->hastens && !s->severed)
		ssh_wire_hasten(&s->wire);
	s->hastens = false;
	watch_wire(s);
}

static void on_again(void *arg)
{
	struct ssh_session *s = arg;

	if (s->state == SESSION_DEAD) {
		s->events->on_dead(s->arg, s);
		ssh_session_destroy(s);
		return;
	}
	ssh_session_step(s);
}

void ssh_session_poke(struct ssh_session *s)
{
	loop_defer_schedule(&s->again);
}

static void on_timer(void *arg)
{
	struct ssh_session *s = arg;

	if (s->state < SESSION_READY)
		ssh_login_timeout(s);
	else if (s->state == SESSION_READY)
		on_silence(s);
}
