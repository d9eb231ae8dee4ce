/*
 * ssh_channel_open.c - a place for a channel on its session: when it may be asked for, and what is
 * done when the server has none to give.
 */
#include "ssh/ssh_channel.h"
#include "ssh/ssh_supervisor.h"

#define REFUSALS_MOST 4
#define REFUSALS_MOST_PROVEN 20 /* of a host that has opened a channel before: 10 s of pauses */
#define REFUSED_PAUSE_US 50000

/* Channels of the session that are open or being opened, the supervisor's apart. */
static size_t count_open(const struct ssh_session *s)
{
	size_t n = 0;

	ring_each (const struct ssh_channel, ch, &s->channels, link)
		n += ch->role != CHANNEL_OF_SUPERVISOR && ch->state != CHANNEL_QUEUED &&
		     ch->state != CHANNEL_GONE;
	return n;
}

static bool has_a_place(const struct ssh_channel *ch)
{
	const struct ssh_session *s = ch->session;

	switch (ch->role) {
	case CHANNEL_OF_COMMAND:
		return count_open(s) < s->most && !ssh_supervisor_holds_back(s);
	case CHANNEL_OF_TUNNEL:
		return ssh_channel_may_dial(ch);
	case CHANNEL_OF_KILL:
		return count_open(s) < s->most + 1;
	case CHANNEL_OF_SUPERVISOR:
		break;
	}
	return true;
}

bool ssh_channel_step_queued(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;

	if (ch->events == NULL) {
		ch->state = CHANNEL_GONE;
		return false;
	}
	if (s->opening != NULL || loop_timer_armed(&ch->deadline) || !has_a_place(ch))
		return false;
	s->opening = ch;
	s->opening_us = loop_now_us(s->loop);
	ch->state = CHANNEL_OPEN;
	loop_timer_start(&ch->deadline, s->route->connect_timeout_us);
	ssh_channel_tell_phase(ch, PHASE_OPEN);
	return true;
}

/* No other channel could make room for it, unless the supervisor does: it asks again a few times. A
 * host that has opened a channel before is asked longer. */
static bool may_ask_again(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;

	if (ch->role == CHANNEL_OF_SUPERVISOR)
		return false;
	if (s->ear == NULL && ssh_supervisor_give_way(s))
		return true;
	return ch->refusals < (s->has_opened ? REFUSALS_MOST_PROVEN : REFUSALS_MOST);
}

/*
 * The server has no channel to give. Either it allows fewer than we thought, and this one waits for
 * another to end; or it has not put away yet one that ended, and is asked again.
 */
bool ssh_channel_refused(struct ssh_channel *ch)
{
	struct ssh_session *s = ch->session;
	size_t others = count_open(s) - (ch->role == CHANNEL_OF_SUPERVISOR ? 0 : 1);

	loop_timer_stop(&ch->deadline);
	ch->state = CHANNEL_QUEUED;
	if (others > 0) {
		s->most = others;
	} else if (may_ask_again(ch)) {
		loop_timer_start(&ch->deadline, ++ch->refusals * REFUSED_PAUSE_US);
	} else {
		ch->state = CHANNEL_GONE;
		ssh_channel_end_failed(ch, OUTCOME_UNREACHABLE, PHASE_OPEN,
			   "the host refused to open a channel (its sshd has reached "
			   "MaxSessions, or allows no sessions)");
	}
	return false;
}

bool ssh_channel_opened(struct ssh_channel *ch)
{
	ch->session->has_opened = true;
	ch->state = ch->events != NULL ? CHANNEL_EXEC : CHANNEL_CLOSE;
	ssh_channel_tell_phase(ch, PHASE_EXEC);
	return true;
}

/* libssh2 cannot give an open up: the session takes no more channels, and ends with its last. */
void ssh_channel_late_open(struct ssh_channel *late)
{
	struct ssh_session *s = late->session;

	s->most = 0;
	ring_each (struct ssh_channel, ch, &s->channels, link) {
		if (ch == late || ch->state == CHANNEL_QUEUED)
			ssh_channel_end_failed(ch, OUTCOME_UNREACHABLE, PHASE_OPEN,
					       "it did not open a channel within %g s",
					       (double)s->route->connect_timeout_us / 1e6);
	}
}
