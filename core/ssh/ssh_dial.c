/*
 * ssh_dial.c - channels that are connections from the host to another one (direct-tcpip): what is
 * different from commands in their open.
 */
#include "ssh/ssh_channel.h"

#include <string.h>

#include "base/mem.h"

#define SHORTAGES_MOST 20 /* in a row, of a host with no other connection of ours: 10 s of pauses */
#define SHORTAGE_PAUSE_US 50000

struct ssh_channel *ssh_channel_dial(struct ssh_session *s, const char *host, int port,
				     const struct ssh_channel_events *events, void *arg)
{
	struct ssh_channel *ch = ssh_channel_create(s, NULL, CHANNEL_OF_TUNNEL, events, arg);

	ch->dial = xstrdup(host);
	ch->dial_port = port;
	return ch;
}

/* Connections of the session that are there or being made. */
static size_t count_dialed(const struct ssh_session *s)
{
	size_t n = 0;

	ring_each (const struct ssh_channel, ch, &s->channels, link)
		n += ch->dial != NULL && ch->state != CHANNEL_QUEUED && ch->state != CHANNEL_GONE;
	return n;
}

/* MaxSessions does not bound them; descriptors there do, which only shows in refusals. */
bool ssh_channel_may_dial(const struct ssh_channel *ch)
{
	return ch->session->most_tunnels == SIZE_MAX ||
	       count_dialed(ch->session) < ch->session->most_tunnels;
}

LIBSSH2_CHANNEL *ssh_channel_open_dial(struct ssh_channel *ch)
{
	return libssh2_channel_direct_tcpip_ex(ch->session->ssh, ch->dial, ch->dial_port,
					       "127.0.0.1", 0);
}

bool ssh_channel_dialed(struct ssh_channel *ch)
{
	loop_timer_stop(&ch->deadline);
	ch->state = ch->events != NULL ? CHANNEL_STREAM : CHANNEL_CLOSE;
	if (ch->events != NULL && ch->events->on_start != NULL)
		ch->events->on_start(ch->arg);
	return true;
}

/* libssh2 cannot give the open up: until its answer comes the session opens nothing else. */
void ssh_channel_late_dial(struct ssh_channel *ch)
{
	ssh_channel_end_failed(ch, OUTCOME_UNREACHABLE, PHASE_CONNECT,
			       "no answer from there within %g s",
			       (double)ch->session->route->connect_timeout_us / 1e6);
}

static void end_refused(struct ssh_channel *ch, const char *why)
{
	ch->state = CHANNEL_GONE;
	ssh_channel_end_failed(ch, OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s", why);
}

/* libssh2 tells the reason in words only. */
enum ssh_refusal ssh_channel_dial_refusal(const struct ssh_channel *ch)
{
	char *text = NULL;

	libssh2_session_last_error(ch->session->ssh, &text, NULL, 0);
	if (text != NULL && strstr(text, "connect failed") != NULL)
		return REFUSAL_CONNECT;
	if (text != NULL && strstr(text, "prohibited") != NULL)
		return REFUSAL_PROHIBITED;
	return REFUSAL_SHORTAGE;
}

bool ssh_channel_refused_dial(struct ssh_channel *ch, enum ssh_refusal reason)
{
	size_t others = count_dialed(ch->session) - 1;

	loop_timer_stop(&ch->deadline);
	if (reason == REFUSAL_CONNECT) {
		end_refused(ch, "no connection from there (refused, unreachable, or its name is "
				"not known there)");
	} else if (reason == REFUSAL_PROHIBITED) {
		end_refused(ch, "connections to it are not allowed there (AllowTcpForwarding, "
				"PermitOpen, or the options of the key)");
	} else if (others == 0 && ch->refusals++ == SHORTAGES_MOST) {
		end_refused(ch, "no more connections are to be had there");
	} else {
		ch->state = CHANNEL_QUEUED;
		if (others > 0)
			ch->session->most_tunnels = others;
		else
			loop_timer_start(&ch->deadline, ch->refusals * SHORTAGE_PAUSE_US);
	}
	return false;
}
