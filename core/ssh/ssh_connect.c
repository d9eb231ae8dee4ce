/*
 * ssh_connect.c - from a host's name to a connection: the states RESOLVE and CONNECT of
 * ssh_session.h. Keys and known_hosts files are read meanwhile.
 */
#include "ssh/ssh_login.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/resolve.h"
#include "ssh/ssh_auth.h"

/* ---- RESOLVE ---- */

static bool trust_is_read(const struct ssh_route *r)
{
	for (size_t i = 0; i < r->n_trust; i++) {
		if (!ssh_file_is_read(r->trust[i]))
			return false;
	}
	return true;
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
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_RESOLVE, "no address for its name: %s",
				 why);
	else
		ssh_session_poke(s);
}

static void begin_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const struct ssh_route *r = s->route;

	login->began_us = loop_now_us(s->loop);
	ssh_login_enter(s, PHASE_RESOLVE);
	login->addresses = resolve_numeric(r->hostname, r->port);
	if (login->addresses == NULL)
		login->resolve = resolve_start(s->loop, r->hostname, r->port, on_resolved, s);
}

bool ssh_login_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	bool prepared;

	if (login->began_us < 0)
		begin_resolve(s);
	/* all of them are asked for at once */
	prepared = ssh_auth_is_prepared(s);
	if (login->addresses == NULL || !prepared || !trust_is_read(s->route))
		return false;
	if (!ssh_auth_prepare(s) || !check_trust(s) || !ssh_hostkey_is_ours(s))
		return true;
	s->state = SESSION_CONNECT;
	ssh_login_enter(s, PHASE_CONNECT);
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

static void fail_connect(struct ssh_session *s, int errnum)
{
	const char *hint = errnum == ECONNREFUSED ? " (no sshd listens there)" : "";

	if (errnum == ECONNRESET)
		ssh_login_hung_up(s); /* it was there, and gone before we looked */
	else
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s%s",
				 strerror(errnum), hint);
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
	fail_connect(s, login->last_errno);
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
