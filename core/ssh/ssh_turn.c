/*
 * ssh_turn.c - a session's turn among the logins (ssh_pace.h): the state PACED of ssh_session.h,
 * and the way back to it from a connection that was dropped before its banner.
 */
#include "ssh/ssh_login.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/ssh_pool.h"

#define DROPPED_PAUSE_US (100 * 1000) /* after the first drop; then twice as long each time */
#define DROPPED_PAUSE_MAX_US (2 * 1000000)

static struct ssh_pace *pace_of(const struct ssh_session *s)
{
	return ssh_pool_pace(s->host->pool);
}

/* What is shown to hosts: the same text, the same credentials. */
static const char *login_name(const struct ssh_session *s)
{
	const struct ssh_route *r = s->route;
	struct strbuf b = STRBUF_INIT;

	if (s->host->login_name != NULL)
		return s->host->login_name;
	strbuf_addf(&b, "%s %s %d %s", r->user, r->agent != NULL ? r->agent : "",
		    (int)r->identities_only, r->other_way != NULL ? "ssh" : "");
	for (size_t i = 0; i < r->n_keys; i++)
		strbuf_addf(&b, " %s", ssh_file_path(r->keys[i]));
	for (char *const *c = r->certificates; c != NULL && *c != NULL; c++)
		strbuf_addf(&b, " %s", *c);
	s->host->login_name = strbuf_detach(&b);
	return s->host->login_name;
}

/* Every 127.A.B.C is this machine. */
static void name_address(const struct addrinfo *a, char *text, size_t size)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)a->ai_addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)a->ai_addr;
	char number[INET6_ADDRSTRLEN] = "127/8";

	if (a->ai_family == AF_INET6)
		inet_ntop(AF_INET6, &in6->sin6_addr, number, sizeof(number));
	else if (ntohl(in->sin_addr.s_addr) >> 24 != 127)
		inet_ntop(AF_INET, &in->sin_addr, number, sizeof(number));
	snprintf(text, size, "%s %d", number, ntohs(in->sin_port));
}

/* Where the system's ssh connects to, as far as we know: it resolves names itself. */
static void name_first_hop(const struct ssh_route *r, char *text, size_t size)
{
	const char *machine = strncmp(r->hostname, "127.", 4) == 0 ? "127/8" : r->hostname;

	if (r->proxy_jump != NULL)
		snprintf(text, size, "%.250s", r->proxy_jump);
	else
		snprintf(text, size, "%.250s %d", machine, r->port);
}

/* Where the connection ends: what is behind a jump host or a command has only its name. */
static void name_end(const struct ssh_session *s, char *text, size_t size)
{
	const struct ssh_route *r = s->route;
	const struct addrinfo *at = s->login->at != NULL ? s->login->at : s->login->addresses;

	if (at != NULL)
		name_address(at, text, size);
	else if (s->mux != NULL)
		name_first_hop(r, text, size);
	else
		snprintf(text, size, "%.250s %d via %p", r->hostname, r->port, (void *)r->jump);
}

static void on_turn(void *arg)
{
	ssh_session_poke(arg);
}

static void ask(struct ssh_session *s)
{
	struct ssh_turn *turn = &s->login->turn;
	/* ssh may lack what opens the hosts to us: its refusals are its own */
	char *name = xasprintf("%s%s", s->bulk ? "bulk " : "", login_name(s));
	char end[300];

	name_end(s, end, sizeof(end));
	turn->fn = on_turn;
	turn->arg = s;
	turn->leads_on = s->carries;
	turn->shows_unasked = s->mux != NULL;
	s->login->waits_since_us = loop_now_us(s->loop);
	ssh_pace_ask(pace_of(s), turn, name, end);
	free(name);
}

static void fail_used_up(struct ssh_session *s)
{
	ssh_session_fail(s, OUTCOME_AUTH, PHASE_AUTH,
			 "not tried: %u hosts refused the same login as %s, and none accepted it",
			 ssh_pace_refusals(&s->login->turn), s->route->user);
}

bool ssh_login_has_turn(struct ssh_session *s)
{
	struct ssh_login *login = s->login;

	if (login->turn.state == TURN_NONE) {
		loop_timer_stop(&s->timer);
		ask(s);
	}
	if (login->turn.state == TURN_USED_UP)
		fail_used_up(s);
	if (login->turn.state != TURN_TAKEN)
		return login->turn.state == TURN_SHOWING;
	if (login->began_us >= 0 && login->waits_since_us >= 0)
		login->began_us += loop_now_us(s->loop) - login->waits_since_us;
	login->waits_since_us = -1;
	return true;
}

bool ssh_login_paced(struct ssh_session *s)
{
	if (s->login->pauses)
		return false;
	if (!ssh_login_has_turn(s))
		return s->state == SESSION_DEAD;
	s->state = SESSION_CONNECT;
	ssh_login_enter(s, PHASE_CONNECT);
	return true;
}

void ssh_login_answered(struct ssh_session *s)
{
	ssh_pace_answered(pace_of(s), &s->login->turn);
}

void ssh_login_next_address(struct ssh_session *s)
{
	char end[300];

	name_end(s, end, sizeof(end));
	ssh_pace_move(pace_of(s), &s->login->turn, end);
}

/* ---- dropped before the banner ---- */

/* Somewhat different for each, so that they do not come back together. */
static int64_t pause_after(const struct ssh_login *login)
{
	int64_t us = DROPPED_PAUSE_MAX_US;

	if (login->drops < 5)
		us = (int64_t)DROPPED_PAUSE_US << login->drops;
	return us + (int64_t)(((uintptr_t)login >> 6) % 16) * us / 32;
}

bool ssh_login_again(struct ssh_session *s, const char *said)
{
	struct ssh_login *login = s->login;
	int64_t pause = pause_after(login);
	int64_t ends_us = login->began_us + 3 * s->route->connect_timeout_us;

	if (loop_now_us(s->loop) + pause >= ends_us ||
	    !ssh_pace_was_dropped(pace_of(s), &login->turn, said))
		return false;
	login->drops++;
	login->pauses = true;
	login->at = NULL;
	ssh_login_forget_connection(s);
	s->state = SESSION_PACED;
	loop_timer_start(&s->timer, pause);
	return true;
}

void ssh_login_pause_is_over(struct ssh_session *s)
{
	s->login->pauses = false;
	ssh_session_poke(s);
}

/* ---- the end ---- */

bool ssh_login_may_show(struct ssh_session *s)
{
	if (s->login->turn.state == TURN_SHOWING || ssh_pace_show(pace_of(s), &s->login->turn))
		return true;
	if (s->login->turn.state == TURN_USED_UP)
		fail_used_up(s);
	return false;
}

void ssh_login_over(struct ssh_session *s, const struct task_result *result)
{
	enum ssh_turn_end how = TURN_LET_IN;

	if (s->login == NULL)
		return;
	/* a jump host's refusal is that host's */
	if (result != NULL)
		how = result->outcome == OUTCOME_AUTH && (s->mux != NULL || s->state == SESSION_AUTH)
			      ? TURN_REFUSED
			      : TURN_FAILED;
	ssh_pace_end(pace_of(s), &s->login->turn, how);
}
