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

#include "ssh/resolve.h"
#include "ssh/ssh_auth.h"
#include "ssh/ssh_bind.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_proxy.h"
#include "ssh/ssh_tunnel.h"

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

/* What other programs take as part of a host's name, and where it is to be said here. */
static const char *name_advice(const char *name)
{
	const char *colon = strchr(name, ':');

	if (strchr(name, '@') != NULL)
		return " (a user is no part of it: use -l, or User in the ssh configuration)";
	if (colon != NULL && colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0')
		return " (a port is no part of it: use Port in the ssh configuration)";
	return "";
}

static void on_resolved(void *arg, struct addrinfo *addresses, const char *why)
{
	struct ssh_session *s = arg;

	s->login->resolve = NULL;
	s->login->addresses = addresses;
	if (addresses == NULL)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_RESOLVE,
				 "no address for its name: %s%s", why,
				 name_advice(s->route->hostname));
	else
		ssh_session_poke(s);
}

static void begin_clock(struct ssh_session *s)
{
	s->login->began_us = loop_now_us(s->loop);
	ssh_login_enter(s, PHASE_RESOLVE);
}

/* The name is for somebody else to resolve. */
static bool has_go_between(const struct ssh_route *r)
{
	return r->jump != NULL || r->proxy_command != NULL;
}

static void begin_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	const struct ssh_route *r = s->route;

	login->addresses = resolve_numeric(r->hostname, r->port);
	if (login->addresses == NULL)
		login->resolve = resolve_start(ssh_pool_resolver(s->host->pool), r->hostname, r->port,
					       r->address_family, on_resolved, s);
}

bool ssh_login_resolve(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	bool prepared;

	if (s->route->no_route != NULL) {
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_RESOLVE, "%s", s->route->no_route);
		return true;
	}
	if (login->began_us < 0)
		begin_clock(s);
	if (s->route->is_pending)
		return false;
	if (login->addresses == NULL && login->resolve == NULL && !has_go_between(s->route))
		begin_resolve(s);
	/* all of them are asked for at once */
	prepared = ssh_auth_is_prepared(s);
	if ((login->addresses == NULL && !has_go_between(s->route)) || !prepared ||
	    !trust_is_read(s->route))
		return false;
	if (!ssh_auth_prepare(s) || !check_trust(s) || !ssh_hostkey_is_ours(s))
		return true;
	s->state = SESSION_PACED;
	return true;
}

/* ---- CONNECT: a socket of ours ---- */

static void on_socket(void *arg, int events)
{
	struct ssh_session *s = arg;

	if (events & LOOP_READ)
		s->wire.dry = false;
	loop_defer_cancel(&s->again);
	ssh_session_step(s);
}

/* 0 when the connection is under way (or there), else why not; `unbound` then has more to say where
 * it is for the address that it should come from. */
static int begin_connect(struct ssh_session *s, const struct addrinfo *a, struct pl_error *unbound)
{
	int one = 1;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*unbound = (struct pl_error){ 0 };
	if (fd < 0)
		return errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ssh_wire_take(&s->wire, fd, on_socket, s);
	if (ssh_bind(fd, a->ai_family, s->route, unbound) != 0)
		return EADDRNOTAVAIL;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
		return errno;
	ssh_wire_watch(&s->wire, LOOP_WRITE);
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
static void try_addresses(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	struct pl_error unbound = { 0 };

	for (; login->at != NULL; login->at = login->at->ai_next) {
		share_deadline(s);
		login->last_errno = begin_connect(s, login->at, &unbound);
		if (login->last_errno == 0)
			return;
		ssh_wire_close(&s->wire);
	}
	if (unbound.code != PL_EOK)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s", unbound.text);
	else
		fail_connect(s, login->last_errno);
}

static bool is_connected(const struct ssh_session *s, int *errnum)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(*errnum);

	*errnum = 0;
	if (getsockopt(s->wire.fd, SOL_SOCKET, SO_ERROR, errnum, &len) != 0)
		*errnum = errno;
	len = sizeof(peer);
	return *errnum == 0 && getpeername(s->wire.fd, (struct sockaddr *)&peer, &len) == 0;
}

static bool connect_to_address(struct ssh_session *s)
{
	struct ssh_login *login = s->login;
	int errnum = 0;

	if (login->at == NULL || login->goes_on) {
		login->at = login->goes_on ? login->at : login->addresses;
		login->goes_on = false;
		try_addresses(s);
		return false;
	}
	if (!is_connected(s, &errnum)) {
		if (errnum == 0 && loop_timer_armed(&s->timer))
			return false;
		login->last_errno = errnum != 0 ? errnum : ETIMEDOUT;
		ssh_wire_close(&s->wire);
		login->at = login->at->ai_next;
		if (login->at != NULL)
			ssh_login_next_address(s);
		try_addresses(s);
		return false;
	}
	s->wire.dry = true; /* nothing can have come before our own banner went out */
	return true;
}

/* ---- CONNECT: the user's ProxyCommand ---- */

static void on_proxy_over(void *arg)
{
	struct ssh_session *s = arg;

	s->wire.dry = false;
	ssh_session_poke(s);
}

/* It cannot tell when it is connected: the banner does. */
static bool connect_by_command(struct ssh_session *s)
{
	struct pl_error err = { 0 };
	int fd;

	s->wire.proxy = ssh_proxy_create(s->loop, s->route->proxy_command, on_proxy_over, s,
					 &fd, &err);
	if (s->wire.proxy == NULL) {
		ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_CONNECT, "ProxyCommand: %s",
				 err.text);
		return false;
	}
	ssh_wire_take(&s->wire, fd, on_socket, s);
	s->wire.dry = true;
	return true;
}

/* ---- CONNECT: through a jump host ---- */

static void on_tunnel_dial(void *arg)
{
	struct ssh_session *s = arg;

	if (s->state == SESSION_CONNECT)
		ssh_login_enter(s, PHASE_CONNECT); /* what went before was the jump host's time */
}

static void on_tunnel_ready(void *arg)
{
	ssh_session_poke(arg);
}

static void on_tunnel_broken(void *arg, const struct task_result *why)
{
	struct ssh_session *s = arg;

	if (s->state == SESSION_CONNECT)
		ssh_session_fail(s, why->outcome, why->phase, "%s", why->why);
	else if (s->login != NULL)
		ssh_session_fail(s, OUTCOME_UNREACHABLE, s->login->phase, "%s", why->why);
	else
		ssh_session_fail(s, OUTCOME_LOST, PHASE_STREAM, "connection lost: %s", why->why);
}

static bool connect_through_jump(struct ssh_session *s)
{
	static const struct ssh_tunnel_events events = { on_tunnel_dial, on_tunnel_ready,
							 on_tunnel_broken };

	if (s->wire.tunnel == NULL) {
		ssh_login_wait(s);
		s->wire.tunnel = ssh_tunnel_create(s->route->jump, s->route->hostname,
						   s->route->port, &events, s);
	}
	return ssh_tunnel_is_open(s->wire.tunnel);
}

bool ssh_login_connect(struct ssh_session *s)
{
	bool connected;

	if (s->route->jump != NULL)
		connected = connect_through_jump(s);
	else if (s->route->proxy_command != NULL)
		connected = connect_by_command(s);
	else
		connected = connect_to_address(s);
	if (connected) {
		s->state = SESSION_HANDSHAKE;
		ssh_login_answered(s);
	}
	return connected || s->state == SESSION_DEAD;
}
