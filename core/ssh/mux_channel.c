/* mux_channel.c - see mux_channel.h */
#include "ssh/mux_channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/ssh_mux.h"

#define WINDOW TASK_BUFFER_MAX	  /* all of it may come while its reader is paused */
#define PACKET_SIZE (32 * 1024u) /* what every implementation takes, RFC 4253, 6.1 */

/* What the other side has said of a channel. */
struct mux_channel {
	uint32_t id, peer_id;
	enum { OPEN_ASKED, OPEN_CONFIRMED, OPEN_REFUSED } open;
	enum ssh_refusal refusal;
	enum { EXEC_NOT_YET, EXEC_ASKED, EXEC_ACCEPTED, EXEC_DENIED } exec;
	uint32_t window_in;  /* bytes it may still send */
	uint32_t window_out; /* bytes we may still send */
	uint32_t packet_out; /* in one packet */
	bool eof, closed;    /* theirs */
	bool close_sent;
	bool has_status;
	int code;
	char signal[16];
};

static struct mux_channel *mux_of(const struct ssh_channel *ch)
{
	return ch->mux;
}

/* Begins a packet to the channel. */
static size_t begin(struct ssh_channel *ch, enum mux_type type)
{
	struct strbuf *out = ssh_mux_out(ch->session);
	size_t begun = mux_begin_packet(out, type);

	field_add_u32(out, mux_of(ch)->peer_id);
	return begun;
}

static void send_bare(struct ssh_channel *ch, enum mux_type type)
{
	mux_end(ssh_mux_out(ch->session), begin(ch, type));
}

/* ---- what comes ---- */

static struct ssh_channel *find_channel(const struct ssh_session *s, uint32_t id)
{
	ring_each (struct ssh_channel, ch, &s->channels, link) {
		if (ch->mux != NULL && mux_of(ch)->id == id)
			return ch;
	}
	return NULL;
}

static void take_confirmation(struct mux_channel *m, struct field_reader *p)
{
	m->peer_id = field_take_u32(p);
	m->window_out = field_take_u32(p);
	m->packet_out = field_take_u32(p);
	if (m->packet_out > PACKET_SIZE)
		m->packet_out = PACKET_SIZE;
	if (!p->bad)
		m->open = OPEN_CONFIRMED;
}

static void take_data(struct ssh_channel *ch, enum stream stream, struct field_reader *p)
{
	struct mux_channel *m = mux_of(ch);
	struct field data = field_take_string(p);

	if (data.len > m->window_in) { /* it must not; so much is neither held nor answered */
		ssh_session_fail(ch->session, OUTCOME_LOST, PHASE_STREAM,
				 "connection lost: the host sent more than it may");
		return;
	}
	m->window_in -= (uint32_t)data.len;
	if (data.len > 0)
		ssh_channel_deliver(ch, stream, data.p, data.len);
}

static void take_signal(struct mux_channel *m, struct field_reader *p)
{
	struct field name = field_take_string(p);

	if (name.len >= sizeof(m->signal))
		name.len = sizeof(m->signal) - 1;
	memcpy(m->signal, name.p, name.len);
	m->signal[name.len] = '\0';
}

/* How the command ended, or something we do not know (and say so when an answer is wanted). */
static void take_request(struct ssh_channel *ch, struct field_reader *p)
{
	struct mux_channel *m = mux_of(ch);
	struct field name = field_take_string(p);
	bool wants_reply = field_take_byte(p) != 0;

	if (field_is(name, "exit-status"))
		m->code = (int)field_take_u32(p);
	else if (field_is(name, "exit-signal"))
		take_signal(m, p);
	else if (wants_reply)
		send_bare(ch, MUX_CHANNEL_FAILURE);
	m->has_status = m->has_status || (name.len > 5 && memcmp(name.p, "exit-", 5) == 0 && !p->bad);
}

static void take_packet(struct ssh_channel *ch, enum mux_type type, struct field_reader *p)
{
	struct mux_channel *m = mux_of(ch);

	switch (type) {
	case MUX_CHANNEL_OPEN_CONFIRMATION:
		take_confirmation(m, p);
		break;
	case MUX_CHANNEL_OPEN_FAILURE:
		m->open = OPEN_REFUSED;
		m->refusal = field_take_u32(p);
		break;
	case MUX_CHANNEL_WINDOW_ADJUST:
		m->window_out += field_take_u32(p);
		break;
	case MUX_CHANNEL_DATA:
		take_data(ch, STREAM_OUT, p);
		break;
	case MUX_CHANNEL_EXTENDED_DATA:
		take_data(ch, field_take_u32(p) == 1 ? STREAM_ERR : STREAM_OUT, p);
		break;
	case MUX_CHANNEL_EOF:
		m->eof = true;
		break;
	case MUX_CHANNEL_CLOSE:
		m->eof = m->closed = true;
		break;
	case MUX_CHANNEL_REQUEST:
		take_request(ch, p);
		break;
	case MUX_CHANNEL_SUCCESS:
	case MUX_CHANNEL_FAILURE:
		if (m->exec == EXEC_ASKED) /* answers keep their order: else to a sign of life */
			m->exec = type == MUX_CHANNEL_SUCCESS ? EXEC_ACCEPTED : EXEC_DENIED;
		break;
	case MUX_CHANNEL_OPEN: /* ssh answers those itself */
		break;
	}
}

void mux_channel_packet(struct ssh_session *s, struct field_reader *packet)
{
	enum mux_type type;
	struct ssh_channel *ch;

	field_take_byte(packet);
	type = field_take_byte(packet);
	ch = find_channel(s, field_take_u32(packet));
	if (ch != NULL && !packet->bad)
		take_packet(ch, type, packet);
	ssh_session_poke(s);
}

bool mux_channel_ask_for_life(struct ssh_channel *ch)
{
	const struct mux_channel *m = mux_of(ch);
	struct strbuf *out = ssh_mux_out(ch->session);
	size_t begun;

	if (m == NULL || m->open != OPEN_CONFIRMED || m->closed || m->close_sent ||
	    (m->exec == EXEC_NOT_YET && ch->dial == NULL))
		return false;
	begun = begin(ch, MUX_CHANNEL_REQUEST);
	mux_put_name(out, "keepalive@openssh.com");
	mux_put_bool(out, true); /* wants a reply */
	mux_end(out, begun);
	return true;
}

/* ---- steps ---- */

static void ask_open(struct ssh_channel *ch)
{
	struct strbuf *out = ssh_mux_out(ch->session);
	struct mux_channel *m = xcalloc(1, sizeof(*m));
	size_t begun = mux_begin_packet(out, MUX_CHANNEL_OPEN);

	free(ch->mux);
	ch->mux = m;
	m->id = ssh_mux_new_id(ch->session);
	m->window_in = WINDOW;
	mux_put_name(out, ch->dial != NULL ? "direct-tcpip" : "session");
	field_add_u32(out, m->id);
	field_add_u32(out, WINDOW);
	field_add_u32(out, PACKET_SIZE);
	if (ch->dial != NULL) {
		mux_put_name(out, ch->dial);
		field_add_u32(out, (uint32_t)ch->dial_port);
		mux_put_name(out, "127.0.0.1"); /* where the connection came from, says who made it */
		field_add_u32(out, 0);
	}
	mux_end(out, begun);
}

static bool is_refused(struct ssh_channel *ch)
{
	enum ssh_refusal why = mux_of(ch)->refusal;

	free(ch->mux);
	ch->mux = NULL;
	ch->session->opening = NULL;
	return ch->dial != NULL ? ssh_channel_refused_dial(ch, why) : ssh_channel_refused(ch);
}

static bool step_open(struct ssh_channel *ch)
{
	if (ch->mux == NULL)
		ask_open(ch);
	switch (mux_of(ch)->open) {
	case OPEN_ASKED:
		return false;
	case OPEN_REFUSED:
		return is_refused(ch);
	case OPEN_CONFIRMED:
		break;
	}
	ch->session->opening = NULL;
	return ch->dial != NULL ? ssh_channel_dialed(ch) : ssh_channel_opened(ch);
}

/* For this channel; ssh lets the host through to the agent when its configuration says so too. */
static void ask_agent(struct ssh_channel *ch)
{
	struct strbuf *out = ssh_mux_out(ch->session);
	size_t begun = begin(ch, MUX_CHANNEL_REQUEST);

	mux_put_name(out, "auth-agent-req@openssh.com");
	mux_put_bool(out, false);
	mux_end(out, begun);
}

static void ask_exec(struct ssh_channel *ch)
{
	struct strbuf *out = ssh_mux_out(ch->session);
	size_t begun;

	if (ch->session->route->forward_agent != NULL)
		ask_agent(ch);
	begun = begin(ch, MUX_CHANNEL_REQUEST);
	mux_put_name(out, "exec");
	mux_put_bool(out, true); /* wants a reply */
	mux_put_name(out, ch->line);
	mux_end(out, begun);
	mux_of(ch)->exec = EXEC_ASKED;
	ch->begun = true; /* what ssh was handed cannot be taken back */
}

static bool step_exec(struct ssh_channel *ch)
{
	struct mux_channel *m = mux_of(ch);

	switch (m->exec) {
	case EXEC_NOT_YET:
		if (ch->events == NULL) {
			ch->state = CHANNEL_CLOSE;
			return true;
		}
		ask_exec(ch);
		return false;
	case EXEC_ASKED:
		if (m->closed)
			ssh_channel_end_failed(ch, OUTCOME_LOST, PHASE_EXEC,
					 "the host closed the channel before the command began");
		ch->state = m->closed ? CHANNEL_CLOSE : CHANNEL_EXEC;
		return m->closed;
	case EXEC_DENIED:
		return ssh_channel_denied(ch);
	case EXEC_ACCEPTED:
		break;
	}
	return ssh_channel_started(ch);
}

static void send_data(struct ssh_channel *ch, size_t len)
{
	struct strbuf *out = ssh_mux_out(ch->session);
	size_t begun = begin(ch, MUX_CHANNEL_DATA);

	field_add_string(out, ch->sending.s + ch->sent, len);
	mux_end(out, begun);
	ch->sent += len;
	mux_of(ch)->window_out -= (uint32_t)len;
}

/* How much of `sending` may go now, in one packet. */
static size_t allowance(const struct ssh_channel *ch)
{
	const struct mux_channel *m = mux_of(ch);
	size_t most = ch->sending.len - ch->sent;
	size_t room = ssh_mux_room(ch->session);

	most = most < m->window_out ? most : m->window_out;
	most = most < m->packet_out ? most : m->packet_out;
	return most < room ? most : room;
}

static void feed(struct ssh_channel *ch)
{
	bool fed = false;
	size_t len;

	while (ssh_channel_refill(ch) && (len = allowance(ch)) > 0) {
		send_data(ch, len);
		fed = true;
	}
	if (ssh_channel_pending(ch) > 0)
		return; /* the window opens, or the socket takes more: then on */
	if (fed && ch->events != NULL && ch->events->on_drain != NULL)
		ch->events->on_drain(ch->arg);
	if (ch->stdin_close && !ch->stdin_closed && ssh_channel_pending(ch) == 0) {
		send_bare(ch, MUX_CHANNEL_EOF);
		ch->stdin_closed = true;
	}
}

/* Lets the other side send as much again as was taken, once that is half the window. */
static void open_window(struct ssh_channel *ch)
{
	struct mux_channel *m = mux_of(ch);
	size_t held = ch->held[0].len + ch->held[1].len;
	size_t taken = WINDOW - m->window_in - held;
	size_t begun;

	if (m->eof || taken < WINDOW / 2)
		return;
	begun = begin(ch, MUX_CHANNEL_WINDOW_ADJUST);
	field_add_u32(ssh_mux_out(ch->session), (uint32_t)taken);
	mux_end(ssh_mux_out(ch->session), begun);
	m->window_in += (uint32_t)taken;
}

static bool step_stream(struct ssh_channel *ch)
{
	bool over;

	if (ch->events == NULL) {
		ch->state = CHANNEL_CLOSE;
		return true;
	}
	ssh_channel_deliver_held(ch);
	if (!mux_of(ch)->closed)
		feed(ch);
	open_window(ch);
	over = mux_of(ch)->closed || (ch->dial != NULL && mux_of(ch)->eof);
	if (ch->paused || !over)
		return false;
	ch->state = CHANNEL_WAIT_CLOSED;
	return true;
}

/* It is closed. A host that does not say how the command ended has not kept it to its end. */
static bool step_wait_closed(struct ssh_channel *ch)
{
	const struct mux_channel *m = mux_of(ch);
	struct task_result result;

	ch->state = CHANNEL_CLOSE;
	if (ch->events == NULL)
		return true;
	if (m->has_status || ch->dial != NULL) {
		ssh_channel_exited(&result, m->code, m->signal);
		ssh_channel_end(ch, &result);
	} else {
		ssh_channel_end_failed(ch, OUTCOME_LOST, PHASE_STREAM,
				 "the host closed the channel without saying how the command "
				 "ended");
	}
	return true;
}

static bool step_close(struct ssh_channel *ch)
{
	struct mux_channel *m = mux_of(ch);

	if (!m->close_sent)
		send_bare(ch, MUX_CHANNEL_CLOSE);
	m->close_sent = true;
	if (m->closed)
		ch->state = CHANNEL_GONE;
	return false;
}

const struct ssh_channel_steps mux_channel_steps = {
	.open = step_open,
	.exec = step_exec,
	.stream = step_stream,
	.wait_closed = step_wait_closed,
	.close = step_close,
};
