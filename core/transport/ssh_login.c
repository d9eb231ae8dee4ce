/*
 * ssh_login.c - from a host's name to a session that takes commands: the states RESOLVE CONNECT
 * HANDSHAKE AUTH of ssh_session.h, each with its deadline. HOSTKEY is in ssh_hostkey.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "transport/resolve.h"
#include "transport/ssh_channel.h"
#include "transport/ssh_session.h"

#define READ_AHEAD 512	/* libssh2 reads a banner byte by byte */
#define GREETING_MAX 64 /* of what a server says first, for a message */

/*
 * What we ask for, dearest last: curve25519 costs 0.8 ms a login, nistp256 the same, group14 4.5.
 * libssh2 leaves out what it cannot do.
 */
static const struct {
	int method;
	const char *names;
} PREFERENCES[] = {
	{ LIBSSH2_METHOD_KEX, "curve25519-sha256,curve25519-sha256@libssh.org,"
			      "ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
			      "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"
			      "diffie-hellman-group18-sha512,diffie-hellman-group14-sha256" },
	{ LIBSSH2_METHOD_CRYPT_CS, "aes128-ctr,aes192-ctr,aes256-ctr" },
	{ LIBSSH2_METHOD_CRYPT_SC, "aes128-ctr,aes192-ctr,aes256-ctr" },
	{ LIBSSH2_METHOD_MAC_CS, "hmac-sha2-256,hmac-sha2-512,hmac-sha1" },
	{ LIBSSH2_METHOD_MAC_SC, "hmac-sha2-256,hmac-sha2-512,hmac-sha1" },
};

/* What only a session that is not READY needs. */
struct ssh_login {
	int64_t began_us; /* -1 until the first step */
	enum phase phase;
	int64_t phase_ends_us;
	struct resolve *resolve;
	struct addrinfo *addresses, *at; /* the one being tried */
	int last_errno;			 /* why the address before did not do */
	char ahead[READ_AHEAD];
	size_t ahead_at, ahead_end;
	char greeting[GREETING_MAX];
	size_t greeting_len;
	size_t key;    /* the one being tried */
	size_t tried;
};

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
	if (login->addresses != NULL)
		freeaddrinfo(login->addresses);
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

static void enter_phase(struct ssh_session *s, enum phase phase)
{
	int64_t allowance = phase_allowance(s);

	s->login->phase = phase;
	s->login->phase_ends_us = loop_now_us(s->loop) + allowance;
	loop_timer_start(&s->timer, allowance);
	for (struct ssh_channel *ch = s->first; ch != NULL; ch = ssh_channel_next(ch))
		ssh_channel_tell_phase(ch, phase);
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

void ssh_login_timeout(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const char *what = phase_failure(login->phase, login->addresses != NULL);

	if (login->phase == PHASE_CONNECT && login->at != NULL && login->at->ai_next != NULL) {
		/* its share of the time is over; the phase has more for the next address */
		login->last_errno = ETIMEDOUT;
		ssh_session_poke(s);
		return;
	}
	ssh_session_fail(s, OUTCOME_UNREACHABLE, login->phase, "%s port %d: %s within %g s",
			 s->route->hostname, s->route->port, what,
			 (double)s->route->connect_timeout_us / 1e6);
}

/* ---- RESOLVE ---- */

static bool files_are_read(const struct ssh_route *r)
{
	for (size_t i = 0; i < r->n_keys; i++) {
		if (!ssh_file_is_read(r->keys[i]))
			return false;
	}
	for (size_t i = 0; i < r->n_trust; i++) {
		if (!ssh_file_is_read(r->trust[i]))
			return false;
	}
	return true;
}

/* A host is not bothered when no key could be shown to it. True when there is one. */
static bool check_keys(struct ssh_session *s)
{
	const struct ssh_route *r = s->route;
	const char *why = "no key file found: make one with `ssh-keygen -t ed25519`, or name "
			  "one with IdentityFile";
	const struct ssh_file *reason = NULL;

	for (size_t i = 0; i < r->n_keys; i++) {
		const struct pl_error *e = ssh_file_error(r->keys[i]);

		if (ssh_file_key(r->keys[i]) != NULL)
			return true;
		/* a file that is there and does not do says more than one that is not there */
		if (reason == NULL || (ssh_file_error(reason)->code == PL_ENOENT &&
				       e->code != PL_ENOENT))
			reason = r->keys[i];
	}
	if (reason != NULL && !(r->default_keys && ssh_file_error(reason)->code == PL_ENOENT))
		why = ssh_file_error(reason)->text;
	ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH, "%s", why);
	return false;
}

static bool check_trust(struct ssh_session *s)
{
	for (size_t i = 0; i < s->route->n_trust; i++) {
		if (ssh_file_trust(s->route->trust[i]) == NULL) {
			ssh_session_fail(s, OUTCOME_HOSTKEY, PHASE_HOSTKEY, "%s",
					 ssh_file_error(s->route->trust[i])->text);
			return false;
		}
	}
	return true;
}

static void on_resolved(void *arg, struct addrinfo *addresses, const char *why)
{
	struct ssh_session *s = arg;

	s->login->resolve = NULL;
	s->login->addresses = addresses;
	if (addresses == NULL)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_RESOLVE, "cannot resolve %s: %s",
				 s->route->hostname, why);
	else
		ssh_session_poke(s);
}

static void begin_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const struct ssh_route *r = s->route;

	login->began_us = loop_now_us(s->loop);
	enter_phase(s, PHASE_RESOLVE);
	login->addresses = resolve_numeric(r->hostname, r->port);
	if (login->addresses == NULL)
		login->resolve = resolve_start(s->loop, r->hostname, r->port, on_resolved, s);
}

bool ssh_login_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login->began_us < 0)
		begin_resolve(s);
	if (login->addresses == NULL || !files_are_read(s->route))
		return false;
	if (!check_keys(s) || !check_trust(s))
		return true;
	s->state = SESSION_CONNECT;
	enter_phase(s, PHASE_CONNECT);
	return true;
}

/* ---- CONNECT ---- */

static void on_socket(void *arg, int events)
{
	struct ssh_session *s = arg;

	if (events & LOOP_READ)
		s->dry = false;
	loop_defer_cancel(&s->again);
	ssh_session_step(s);
}

static void close_socket(struct ssh_session *s)
{
	loop_io_destroy(s->io);
	s->io = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* 0 when the connection is under way (or there), else why not. */
static int begin_connect(struct ssh_session *s, const struct addrinfo *a)
{
	int one = 1;

	s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return errno;
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(s->fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		return errno;
	s->io = loop_io_create(s->loop, s->fd, on_socket, s);
	loop_io_want(s->io, LOOP_WRITE);
	return 0;
}

/* Each address gets an equal share of what the phase has left. */
static void share_deadline(struct ssh_session *s)
{
	int64_t left = s->login->phase_ends_us - loop_now_us(s->loop);
	int n = 0;

	for (const struct addrinfo *a = s->login->at; a != NULL; a = a->ai_next)
		n++;
	loop_timer_start(&s->timer, left > 0 ? left / n : 0);
}

/* Tries addresses from login->at on until one connects or none is left. */
static bool try_addresses(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	for (; login->at != NULL; login->at = login->at->ai_next) {
		share_deadline(s);
		login->last_errno = begin_connect(s, login->at);
		if (login->last_errno == 0)
			return false;
		close_socket(s);
	}
	ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s port %d: %s",
			 s->route->hostname, s->route->port, strerror(login->last_errno));
	return true;
}

static bool is_connected(const struct ssh_session *s, int *errnum)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(*errnum);

	*errnum = 0;
	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, errnum, &len) != 0)
		*errnum = errno;
	len = sizeof(peer);
	return *errnum == 0 && getpeername(s->fd, (struct sockaddr *)&peer, &len) == 0;
}

bool ssh_login_connect(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	int errnum = 0;

	if (login->at == NULL) {
		login->at = login->addresses;
		return try_addresses(s);
	}
	if (!is_connected(s, &errnum)) {
		if (errnum == 0 && loop_timer_armed(&s->timer))
			return false;
		login->last_errno = errnum != 0 ? errnum : ETIMEDOUT;
		close_socket(s);
		login->at = login->at->ai_next;
		return try_addresses(s);
	}
	s->state = SESSION_HANDSHAKE;
	s->dry = true; /* nothing can have come before our own banner went out */
	return true;
}

/* ---- HANDSHAKE ---- */

/* Keeps the first bytes that a server says, for a message. */
static void note_greeting(struct ssh_login *login, char c)
{
	if (login->phase == PHASE_BANNER && login->greeting_len < GREETING_MAX - 1)
		login->greeting[login->greeting_len++] = c;
}

ssize_t ssh_login_receive(struct ssh_session *s, char *buf, size_t len)
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

static void begin_handshake(struct ssh_session *s)
{
	enter_phase(s, PHASE_BANNER);
	ssh_session_open_libssh2(s);
	for (size_t i = 0; i < ARRAY_LEN(PREFERENCES); i++)
		libssh2_session_method_pref(s->ssh, PREFERENCES[i].method, PREFERENCES[i].names);
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

static void fail_handshake(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const struct ssh_route *r = s->route;

	if (login->phase == PHASE_BANNER && login->greeting_len > 0 &&
	    strncmp(login->greeting, "SSH-", 4) != 0)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
				 "%s port %d does not speak SSH: it said '%s'", r->hostname,
				 r->port, greeting(login));
	else if (login->phase == PHASE_BANNER)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_BANNER,
				 "%s port %d ended the connection before its banner (sshd may be "
				 "short of MaxStartups)", r->hostname, r->port);
	else
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_KEX,
				 "%s port %d: key exchange: %s%s", r->hostname, r->port,
				 ssh_session_error(s), ssh_hostkey_hint(s));
}

bool ssh_login_handshake(struct ssh_session *s)
{
	int rc;

	if (s->ssh == NULL)
		begin_handshake(s);
	rc = libssh2_session_handshake(s->ssh, s->fd);
	if (s->login->phase == PHASE_BANNER && libssh2_session_banner_get(s->ssh) != NULL &&
	    strncmp(libssh2_session_banner_get(s->ssh), "SSH-", 4) == 0)
		enter_phase(s, PHASE_KEX);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return false;
	if (rc != 0) {
		fail_handshake(s);
		return true;
	}
	s->state = SESSION_HOSTKEY;
	return true;
}

/* ---- HOSTKEY ---- */

bool ssh_login_hostkey(struct ssh_session *s)
{
	s->login->phase = PHASE_HOSTKEY;
	if (ssh_hostkey_check(s)) {
		s->state = SESSION_AUTH;
		enter_phase(s, PHASE_AUTH);
	}
	return true;
}

/* ---- AUTH ---- */

static int sign(LIBSSH2_SESSION *ssh, unsigned char **sig, size_t *sig_len,
		const unsigned char *data, size_t data_len, void **abstract)
{
	(void)ssh;
	return keyfile_sign(*abstract, data, data_len, sig, sig_len);
}

static void refuse_auth(struct ssh_session *s)
{
	const struct ssh_route *r = s->route;
	const struct keyfile *key = NULL;

	for (size_t i = 0; i < r->n_keys && key == NULL; i++)
		key = ssh_file_key(r->keys[i]);
	ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH,
			 "login as %s refused: %s%s not accepted; put its .pub into "
			 "~/.ssh/authorized_keys there, or name another with IdentityFile",
			 r->user, key != NULL ? keyfile_path(key) : "key",
			 s->login->tried > 1 ? " and the others are" : " is");
}

/* One key: 0 accepted, EAGAIN, or refused. */
static int try_key(struct ssh_session *s, struct keyfile *key)
{
	void *abstract = key;
	size_t len;
	const void *blob = keyfile_blob(key, &len);

	return libssh2_userauth_publickey(s->ssh, s->route->user, blob, len, sign, &abstract);
}

static bool is_refusal(int rc)
{
	return rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
	       rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED;
}

bool ssh_login_auth(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	for (; login->key < s->route->n_keys; login->key++) {
		struct keyfile *key = ssh_file_key(s->route->keys[login->key]);
		int rc;

		if (key == NULL)
			continue;
		rc = try_key(s, key);
		if (rc == LIBSSH2_ERROR_EAGAIN)
			return false;
		if (rc == 0) {
			s->state = SESSION_READY;
			return true;
		}
		login->tried++;
		if (!is_refusal(rc)) {
			ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH, "login as %s: %s",
					 s->route->user, ssh_session_error(s));
			return true;
		}
	}
	refuse_auth(s);
	return true;
}
