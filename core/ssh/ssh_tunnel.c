/* ssh_tunnel.c - see ssh_tunnel.h */
#include "ssh/ssh_tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/ssh_channel.h"

/* Each takes two descriptors of the sshd process there, whose limit is often 1024, and a look at
 * each step of the session. */
#define TUNNELS_MOST 128

enum tunnel_state {
	TUNNEL_WAITING, /* for the session, or for those before it in the row */
	TUNNEL_DIALING, /* the jump host connects */
	TUNNEL_OPEN,
	TUNNEL_ENDED,   /* the target has closed; what came before is still to be read */
	TUNNEL_BROKEN,
};

struct ssh_tunnel {
	struct ssh_host *jump;
	char *host;
	int port;
	const struct ssh_tunnel_events *events;
	void *arg;
	enum tunnel_state state;
	struct ssh_session *carrier;
	struct ssh_channel *channel; /* NULL once it has ended */
	bool warm;		     /* the session had been there before: it may be dead unnoticed */
	struct loop_timer patience;
	struct strbuf inbox;
	size_t taken; /* of inbox */
	bool held;    /* the channel is paused */
	int fd;	      /* for ssh_tunnel_descriptor, once open */
};

static void ride(struct ssh_tunnel *t, struct ssh_session *carrier);

/* ---- what the channel tells ---- */

static void on_phase(void *arg, enum phase phase)
{
	struct ssh_tunnel *t = arg;

	if (phase == PHASE_OPEN && t->state == TUNNEL_WAITING) {
		t->state = TUNNEL_DIALING;
		loop_timer_stop(&t->patience);
		t->events->on_dial(t->arg);
	}
}

static void on_start(void *arg)
{
	struct ssh_tunnel *t = arg;

	t->state = TUNNEL_OPEN;
	t->fd = ssh_wire_descriptor(&t->carrier->wire);
	t->events->on_ready(t->arg);
}

static void on_output(void *arg, enum stream stream, const void *bytes, size_t len)
{
	struct ssh_tunnel *t = arg;

	(void)stream;
	strbuf_add(&t->inbox, bytes, len);
	if (!t->held && t->inbox.len - t->taken > TUNNEL_BUFFER_MAX) {
		t->held = true;
		ssh_channel_pause(t->channel);
	}
	t->events->on_ready(t->arg);
}

static void on_drain(void *arg)
{
	struct ssh_tunnel *t = arg;

	t->events->on_ready(t->arg);
}

static void name_jump(const struct ssh_tunnel *t, struct task_result *r)
{
	char why[sizeof(r->why)];

	snprintf(why, sizeof(why), "jump host %s: %.300s", t->jump->route.hostname, r->why);
	memcpy(r->why, why, sizeof(why));
}

static void break_off(struct ssh_tunnel *t, const struct task_result *result)
{
	struct task_result r = *result;

	t->state = TUNNEL_BROKEN;
	loop_timer_stop(&t->patience);
	name_jump(t, &r);
	t->events->on_broken(t->arg, &r);
}

static void on_end(void *arg, const struct task_result *result)
{
	struct ssh_tunnel *t = arg;
	bool asked_again = t->state < TUNNEL_OPEN && t->warm &&
			   result->outcome == OUTCOME_UNREACHABLE && result->phase != PHASE_CONNECT;

	t->channel = NULL;
	t->carrier = NULL;
	if (asked_again) {
		ride(t, ssh_pool_carrier(t->jump));
		t->warm = false;
	} else if (result->outcome == OUTCOME_OK) {
		t->state = TUNNEL_ENDED;
		t->events->on_ready(t->arg);
	} else {
		break_off(t, result);
	}
}

static const struct ssh_channel_events channel_events = {
	.on_phase = on_phase,
	.on_start = on_start,
	.on_output = on_output,
	.on_drain = on_drain,
	.on_end = on_end,
};

/* ---- the way there ---- */

static void ride(struct ssh_tunnel *t, struct ssh_session *carrier)
{
	t->state = TUNNEL_WAITING;
	t->carrier = carrier;
	t->warm = t->carrier->state == SESSION_READY;
	t->channel = ssh_channel_dial(t->carrier, t->host, t->port, &channel_events, t);
	loop_timer_start(&t->patience, TUNNEL_PATIENCE_US);
}

/* Those before it take long: another session may be quicker. */
static void on_patience(void *arg)
{
	struct ssh_tunnel *t = arg;
	struct ssh_session *other = t->carrier;

	loop_timer_start(&t->patience, TUNNEL_PATIENCE_US);
	if (t->carrier->state == SESSION_READY)
		other = ssh_pool_carrier(t->jump);
	if (other == t->carrier)
		return;
	ssh_channel_abandon(t->channel);
	ride(t, other);
}

struct ssh_tunnel *ssh_tunnel_create(struct ssh_host *jump, const char *host, int port,
				     const struct ssh_tunnel_events *events, void *arg)
{
	struct ssh_tunnel *t = xcalloc(1, sizeof(*t));

	t->jump = jump;
	t->host = xstrdup(host);
	t->port = port;
	t->events = events;
	t->arg = arg;
	loop_timer_init(&t->patience, ssh_pool_loop(jump->pool), on_patience, t);
	ride(t, ssh_pool_carrier(jump));
	return t;
}

void ssh_tunnel_destroy(struct ssh_tunnel *t)
{
	if (t == NULL)
		return;
	loop_timer_stop(&t->patience);
	if (t->channel != NULL)
		ssh_channel_abandon(t->channel);
	strbuf_fini(&t->inbox);
	free(t->host);
	free(t);
}

bool ssh_tunnel_is_open(const struct ssh_tunnel *t)
{
	return t->state == TUNNEL_OPEN || t->state == TUNNEL_ENDED;
}

/* ---- bytes ---- */

static void give_back_memory(struct ssh_tunnel *t)
{
	if (t->inbox.cap > SSH_READ_SIZE)
		strbuf_fini(&t->inbox); /* an idle session is to be small */
	else
		strbuf_reset(&t->inbox);
	t->taken = 0;
}

ssize_t ssh_tunnel_receive(struct ssh_tunnel *t, void *buf, size_t len)
{
	size_t n = t->inbox.len - t->taken;

	if (n == 0)
		return t->state == TUNNEL_OPEN ? -EAGAIN : t->state == TUNNEL_ENDED ? 0 : -ENOTCONN;
	n = n < len ? n : len;
	memcpy(buf, t->inbox.s + t->taken, n);
	t->taken += n;
	if (t->taken == t->inbox.len)
		give_back_memory(t);
	if (t->held && t->channel != NULL && t->inbox.len - t->taken < TUNNEL_BUFFER_MAX / 2) {
		t->held = false;
		ssh_channel_resume(t->channel);
	}
	return (ssize_t)n;
}

ssize_t ssh_tunnel_send(struct ssh_tunnel *t, const void *bytes, size_t len)
{
	size_t pending, room;

	if (t->state != TUNNEL_OPEN || t->channel == NULL)
		return -EPIPE;
	pending = ssh_channel_pending(t->channel);
	room = pending < TUNNEL_BUFFER_MAX ? TUNNEL_BUFFER_MAX - pending : 0;
	if (room == 0)
		return -EAGAIN;
	len = len < room ? len : room;
	ssh_channel_write(t->channel, bytes, len);
	return (ssize_t)len;
}

bool ssh_tunnel_has_room(const struct ssh_tunnel *t)
{
	return t->state == TUNNEL_OPEN && t->channel != NULL &&
	       ssh_channel_pending(t->channel) == 0;
}

int ssh_tunnel_descriptor(const struct ssh_tunnel *t)
{
	return t->fd;
}

/* ---- words and counts ---- */

void ssh_tunnel_standing(const struct ssh_tunnel *t, char *text, size_t size)
{
	const char *jump = t->jump->route.hostname;

	if (t->state == TUNNEL_DIALING)
		snprintf(text, size, "jump host %s got no answer from it", jump);
	else if (t->carrier == NULL || t->carrier->state < SESSION_READY)
		snprintf(text, size, "jump host %s had not let us in", jump);
	else
		snprintf(text, size, "jump host %s was busy with other connections", jump);
}

size_t ssh_tunnel_queue(const struct ssh_session *s)
{
	size_t n = 0, queued = 0;

	ring_each (const struct ssh_channel, ch, &s->channels, link) {
		n += ch->events != NULL;
		queued += ch->events != NULL && ch->state == CHANNEL_QUEUED;
	}
	return n < TUNNELS_MOST && n < s->most_tunnels ? queued : SIZE_MAX;
}
