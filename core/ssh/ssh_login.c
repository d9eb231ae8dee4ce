/*
 * ssh_login.c - from a connection to one that is encrypted: the state HANDSHAKE of ssh_session.h,
 * and the deadlines of all phases. The states before are in ssh_connect.c, the judgement of HOSTKEY
 * in ssh_hostkey.c, AUTH in ssh_auth.c.
 */
#include "ssh/ssh_login.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/resolve.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_proxy.h"
#include "ssh/ssh_tunnel.h"

#define BANNER_MAX 255 /* RFC 4253, 4.2, the newline included */
#define BANNER_KEPT_US 1000000 /* both sides may speak first; a few wait until they are spoken to */

void ssh_login_begin(struct ssh_session *s)
{
	s->login = xcalloc(1, sizeof(*s->login));
	s->login->began_us = -1;
}

void ssh_login_free(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login == NULL)
		return;
	resolve_cancel(login->resolve);
	resolve_free(login->addresses);
	ssh_auth_free(login->auth);
	ssh_pace_end(ssh_pool_pace(s->host->pool), &login->turn, TURN_FAILED);
	free(login);
	s->login = NULL;
}

/* ---- phases and their deadlines ---- */

/* How long a phase may still take: connect_timeout, and no more than is left of the whole. */
static int64_t phase_allowance(const struct ssh_session *s)
{
	int64_t each = s->route->connect_timeout_us;
	int64_t left = s->login->began_us + 3 * each - loop_now_us(s->loop);

	return left < each ? (left > 0 ? left : 0) : each;
}

void ssh_login_enter(struct ssh_session *s, enum phase phase)
{
	int64_t allowance = phase_allowance(s);

	s->login->phase = phase;
	s->login->phase_ends_us = loop_now_us(s->loop) + allowance;
	loop_timer_start(&s->timer, allowance);
	ring_each (struct ssh_channel, ch, &s->channels, link)
		ssh_channel_tell_phase(ch, phase);
}

void ssh_login_wait(struct ssh_session *s)
{
	int64_t left = s->login->began_us + 3 * s->route->connect_timeout_us -
		       loop_now_us(s->loop);

	loop_timer_start(&s->timer, left > 0 ? left : 0);
}

void ssh_login_pause(struct ssh_session *s)
{
	if (s->login->paused_us != 0)
		return;
	s->login->paused_us = loop_now_us(s->loop);
	loop_timer_stop(&s->timer);
}

void ssh_login_go_on(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	int64_t now = loop_now_us(s->loop);
	int64_t paused = now - login->paused_us;

	if (login->paused_us == 0)
		return;
	login->paused_us = 0;
	login->began_us += paused;
	login->phase_ends_us += paused;
	loop_timer_start(&s->timer, login->phase_ends_us - now);
}

static const char *phase_failure(enum phase phase, bool has_address)
{
	switch (phase) {
	case PHASE_RESOLVE:
		return has_address ? "key and known_hosts files were not read" : "no address found";
	case PHASE_CONNECT:
		return "no answer to connect";
	case PHASE_BANNER:
		return "connected, but it has not said that it speaks SSH";
	case PHASE_KEX:
	case PHASE_HOSTKEY:
		return "the key exchange did not end";
	default:
		return "no answer to the login";
	}
}

bool ssh_login_keeps_banner(const struct ssh_session *s)
{
	const struct ssh_login *login = s->login;

	return login != NULL && s->state == SESSION_HANDSHAKE && login->phase == PHASE_BANNER &&
	       login->greeting_len == 0 && !login->speaks_first;
}

/* The phase has time left for what is said now. */
static void speak_first(struct ssh_session *s)
{
	s->login->speaks_first = true;
	loop_timer_start(&s->timer, s->login->phase_ends_us - loop_now_us(s->loop));
	ssh_session_poke(s);
}

void ssh_login_timeout(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const char *what = s->route->is_pending
				   ? "ssh -G has not said how to reach it (Match exec?)"
				   : phase_failure(login->phase, login->addresses != NULL);
	char standing[200] = "";

	if (s->state == SESSION_PACED) {
		ssh_login_pause_is_over(s);
		return;
	}
	if (ssh_login_keeps_banner(s)) {
		speak_first(s);
		return;
	}
	if (login->phase == PHASE_CONNECT && login->at != NULL && login->at->ai_next != NULL) {
		/* its share of the time is over; the phase has more for the next address */
		login->last_errno = ETIMEDOUT;
		ssh_session_poke(s);
		return;
	}
	if (login->phase == PHASE_AUTH && ssh_auth_timeout(s))
		return;
	if (login->phase == PHASE_CONNECT && s->wire.tunnel != NULL)
		ssh_tunnel_standing(s->wire.tunnel, standing, sizeof(standing));
	ssh_session_fail(s, OUTCOME_UNREACHABLE, login->phase, "%s within %g s",
			 *standing != '\0' ? standing : what,
			 (double)s->route->connect_timeout_us / 1e6);
}

/* ---- HANDSHAKE ---- */

/* Keeps the first bytes that a server says, for a message. */
static void note_greeting(struct ssh_login *login, char c)
{
	login->line_len = c == '\n' ? 0 : login->line_len + 1;
	if (login->phase == PHASE_BANNER && login->greeting_len < GREETING_MAX - 1)
		login->greeting[login->greeting_len++] = c;
}

/* A host names the kinds of its keys before anything is encrypted; libssh2 keeps them to itself.
 * In no other list of that packet is there a name with such an end. */
static void note_certificate(struct ssh_login *login, const char *bytes, size_t len)
{
	static const char mark[] = "-cert-v01@openssh.com";

	for (size_t i = 0; i < len && !login->offers_certificate; i++) {
		if (bytes[i] != mark[login->certificate_seen])
			login->certificate_seen = 0;
		if (bytes[i] == mark[login->certificate_seen])
			login->certificate_seen++;
		login->offers_certificate = login->certificate_seen == sizeof(mark) - 1;
	}
}

/* libssh2 takes a banner byte by byte: several are taken from the wire at once. */
static ssize_t receive_ahead(struct ssh_session *s, char *buf, size_t len)
{
	struct ssh_login *login = s->login;
	size_t n = login->ahead_end - login->ahead_at;

	if (n == 0 && len > 1)
		return ssh_session_receive(s, buf, len);
	if (n == 0) {
		ssize_t got = ssh_session_receive(s, login->ahead, READ_AHEAD);

		if (got <= 0)
			return got;
		login->ahead_at = 0;
		login->ahead_end = n = (size_t)got;
	}
	n = n < len ? n : len;
	memcpy(buf, login->ahead + login->ahead_at, n);
	login->ahead_at += n;
	if (len == 1)
		note_greeting(login, *buf);
	return (ssize_t)n;
}

ssize_t ssh_login_receive(struct ssh_session *s, char *buf, size_t len)
{
	ssize_t n = receive_ahead(s, buf, len);

	if (n > 0 && s->state == SESSION_HANDSHAKE)
		note_certificate(s->login, buf, (size_t)n);
	return n;
}

/* NULL: libssh2 has none of them; the route says why it is not ours. */
static void prefer(struct ssh_session *s, int method, const char *names)
{
	libssh2_session_method_pref(s->ssh, method, names != NULL ? names : "");
}

static void begin_handshake(struct ssh_session *s)
{
	ssh_login_enter(s, PHASE_BANNER);
	s->login->speaks_first = phase_allowance(s) <= BANNER_KEPT_US;
	if (!s->login->speaks_first)
		loop_timer_start(&s->timer, BANNER_KEPT_US);
	ssh_session_open_libssh2(s);
	prefer(s, LIBSSH2_METHOD_KEX, s->route->kex);
	prefer(s, LIBSSH2_METHOD_CRYPT_CS, s->route->ciphers);
	prefer(s, LIBSSH2_METHOD_CRYPT_SC, s->route->ciphers);
	prefer(s, LIBSSH2_METHOD_MAC_CS, s->route->macs);
	prefer(s, LIBSSH2_METHOD_MAC_SC, s->route->macs);
	ssh_hostkey_prefer(s);
}

/* Printable, for a message about a server that speaks something else. */
static const char *greeting(struct ssh_login *login)
{
	login->greeting[login->greeting_len] = '\0';
	login->greeting[strcspn(login->greeting, "\r\n")] = '\0';
	for (char *p = login->greeting; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return login->greeting;
}

void ssh_login_forget_connection(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (s->ssh != NULL) {
		s->severed = true;
		libssh2_session_free(s->ssh); /* never EAGAIN once severed */
		s->severed = false;
	}
	s->ssh = NULL;
	strbuf_fini(&s->unsent);
	ssh_wire_close(&s->wire);
	login->ahead_at = login->ahead_end = 0;
	login->greeting_len = login->line_len = 0;
	login->certificate_seen = 0;
	login->offers_certificate = false;
}

/* The address after this one may be of another machine, or of another daemon. */
static bool try_next_address(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login->at == NULL || login->at->ai_next == NULL)
		return false;
	ssh_login_forget_connection(s);
	login->at = login->at->ai_next;
	ssh_login_next_address(s);
	login->goes_on = true;
	s->state = SESSION_CONNECT;
	ssh_login_enter(s, PHASE_CONNECT);
	return true;
}

void ssh_login_hung_up(struct ssh_session *s)
{
	const char *words = s->wire.proxy != NULL ? ssh_proxy_words(s->wire.proxy) : "";

	if (try_next_address(s) || (s->wire.proxy == NULL && ssh_login_again(s, greeting(s->login))))
		return;
	if (s->wire.proxy != NULL) {
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
				 "its ProxyCommand ended the connection before a banner came%s%s",
				 *words != '\0' ? ": " : "", words);
		return;
	}
	ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
			 "it ended the connection before its banner (sshd may be short of "
			 "MaxStartups, or refuse this address)");
}

static void fail_banner(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login->greeting_len == 0 || strncmp(login->greeting, "SSH-", 4) == 0 ||
	    strstr(greeting(login), "MaxStartups") != NULL)
		ssh_login_hung_up(s);
	else
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
				 "it does not speak SSH: it said '%s'; is that the port of its "
				 "sshd?", greeting(login));
}

static void fail_kex(struct ssh_session *s, int rc)
{
	struct task_result result = { .outcome = OUTCOME_UNREACHABLE, .phase = PHASE_KEX };

	result.other_way = rc == LIBSSH2_ERROR_KEX_FAILURE ||
			   rc == LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE;
	if (result.other_way)
		snprintf(result.why, sizeof(result.why),
			 "no cipher, MAC or key exchange in common with libssh2 %s",
			 libssh2_version(0));
	else
		snprintf(result.why, sizeof(result.why), "key exchange: %s", ssh_session_error(s));
	snprintf(result.detail, sizeof(result.detail), "%.180s port %d", s->route->hostname,
		 s->route->port);
	ssh_session_end(s, &result);
}

/* libssh2 would take the rest of such a line for a packet. */
static bool banner_is_too_long(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login->line_len < BANNER_MAX || strncmp(login->greeting, "SSH-", 4) != 0)
		return false;
	ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
			 "its banner '%.40s...' is longer than the 255 bytes that SSH allows",
			 greeting(login));
	return true;
}

bool ssh_login_handshake(struct ssh_session *s)
{
	int rc;

	if (s->ssh == NULL)
		begin_handshake(s);
	rc = libssh2_session_handshake(s->ssh, ssh_wire_descriptor(&s->wire));
	if (banner_is_too_long(s))
		return true;
	if (s->login->phase == PHASE_BANNER && libssh2_session_banner_get(s->ssh) != NULL &&
	    strncmp(libssh2_session_banner_get(s->ssh), "SSH-", 4) == 0)
		ssh_login_enter(s, PHASE_KEX);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (rc != 0 && s->login->phase == PHASE_BANNER)
		fail_banner(s);
	else if (rc != 0)
		fail_kex(s, rc);
	if (rc != 0)
		return true;
	s->state = SESSION_HOSTKEY;
	return true;
}

/* ---- HOSTKEY ---- */

bool ssh_login_hostkey(struct ssh_session *s)
{
	s->login->phase = PHASE_HOSTKEY;
	if (ssh_hostkey_check(s)) {
		s->state = SESSION_AUTH;
		ssh_login_enter(s, PHASE_AUTH);
	}
	return true;
}
