/* ssh_mux.c - see ssh_mux.h */
#include "ssh/ssh_mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/mux_channel.h"
#include "ssh/mux_wire.h"
#include "ssh/ssh_login.h"
#include "ssh/ssh_master.h"
#include "ssh/ssh_words.h"

#define READ_SIZE (64 * 1024)
#define OUT_MAX (256 * 1024) /* of stdin that waits for the socket; the rest waits in its channel */
#define LAST_WORDS_US (1000 * 1000) /* from the end of the socket to that of the process */

enum mux_state {
	MUX_NEW,   /* what libssh2 had begun is still there */
	MUX_WAITS, /* for its turn to log in, or to try again */
	MUX_LOGIN, /* ssh logs in */
	MUX_HELLOS, /* its greeting is awaited */
	MUX_PROXY, /* it was asked for proxy mode */
	MUX_OPEN,  /* the connection protocol */
	MUX_ENDED, /* the socket has; the process is about to */
};

struct ssh_mux {
	enum mux_state state;
	struct ssh_master *master;
	struct loop_timer last_words;
	struct strbuf in, out;
	size_t sent; /* of `out` */
	uint32_t ids;
};

/* ---- its end ---- */

static void lose(struct ssh_session *s, const char *why)
{
	ssh_session_fail(s, s->state < SESSION_READY ? OUTCOME_UNREACHABLE : OUTCOME_LOST,
			 s->state < SESSION_READY ? PHASE_OPEN : PHASE_STREAM, "%s", why);
}

static void on_gone(void *arg)
{
	struct ssh_session *s = arg;
	struct task_result r = { .outcome = OUTCOME_LOST, .phase = PHASE_STREAM };

	if (s->state >= SESSION_CLOSING)
		return;
	ssh_master_failure(s->mux->master, &r);
	if (s->state < SESSION_READY && ssh_words_hung_up(&r) && ssh_login_again(s, ""))
		s->mux->state = MUX_WAITS;
	else
		ssh_session_end(s, &r);
}

/* The socket is at its end; the process says why when it goes, which should be now. */
static void end_socket(struct ssh_session *s)
{
	s->mux->state = MUX_ENDED;
	ssh_wire_watch(&s->wire, 0);
	loop_timer_start(&s->mux->last_words, LAST_WORDS_US);
}

static void on_last_words(void *arg)
{
	struct ssh_session *s = arg;

	if (s->state < SESSION_CLOSING)
		lose(s, "connection lost: the system's ssh closed its control socket");
}

/* ---- the login ---- */

static void on_phase(void *arg, enum phase phase)
{
	struct ssh_session *s = arg;

	if (s->state >= SESSION_READY)
		return;
	if (phase > PHASE_CONNECT)
		ssh_login_answered(s);
	ssh_login_enter(s, phase);
}

static void on_socket(void *arg, int events)
{
	struct ssh_session *s = arg;

	(void)events;
	loop_defer_cancel(&s->again);
	ssh_session_step(s);
}

static void on_login(void *arg, int fd)
{
	struct ssh_session *s = arg;

	if (s->state >= SESSION_READY) { /* given up meanwhile */
		close(fd);
		return;
	}
	ssh_wire_take(&s->wire, fd, on_socket, s);
	s->mux->state = MUX_HELLOS;
	ssh_session_poke(s);
}

static const struct ssh_master_events master_events = { on_phase, on_login, on_gone };

/* What libssh2 tried is over; its time counts, and its turn goes on: what others wait for is how
 * the login ends at last. */
static void begin_anew(struct ssh_session *s)
{
	int64_t began_us = s->login->began_us;
	struct ssh_turn turn = s->login->turn;
	bool has_turn = turn.state == TURN_TAKEN || turn.state == TURN_SHOWING;

	if (has_turn)
		s->login->turn.state = TURN_NONE;
	ssh_session_drop_connection(s);
	s->severed = false;
	ssh_login_begin(s);
	s->login->began_us = began_us >= 0 ? began_us : loop_now_us(s->loop);
	s->mux->state = MUX_WAITS;
	if (!has_turn)
		return;
	s->login->turn = turn;
	s->login->waits_since_us = -1;
}

static bool start_master(struct ssh_session *s)
{
	struct pl_error err = { 0 };

	s->state = SESSION_RESOLVE;
	s->mux->state = MUX_LOGIN;
	ssh_login_enter(s, PHASE_RESOLVE);
	ssh_master_destroy(s->mux->master); /* of the try before */
	s->mux->master = ssh_master_start(s->loop, s->route, &master_events, s, &err);
	if (s->mux->master != NULL)
		return false;
	ssh_session_fail(s, OUTCOME_UNREACHABLE, PHASE_RESOLVE, "%.300s%s", err.text,
			 err.code == PL_ENOENT ? "; install it (Debian: openssh-client)" : "");
	return true;
}

static bool wait_for_turn(struct ssh_session *s)
{
	if (s->login->pauses)
		return false;
	return ssh_login_has_turn(s) ? start_master(s) : s->state == SESSION_DEAD;
}

static void say_hello(struct ssh_session *s)
{
	struct strbuf *out = &s->mux->out;
	size_t begun = mux_begin(out);

	field_add_u32(out, MUX_HELLO);
	field_add_u32(out, MUX_VERSION);
	mux_end(out, begun);
	begun = mux_begin(out);
	field_add_u32(out, MUX_C_PROXY);
	field_add_u32(out, 0);
	mux_end(out, begun);
}

static void take_control(struct ssh_session *s, struct field_reader *frame)
{
	uint32_t type = field_take_u32(frame);

	if (s->mux->state == MUX_HELLOS && type == MUX_HELLO) {
		say_hello(s);
		s->mux->state = MUX_PROXY;
	} else if (s->mux->state == MUX_PROXY && type == MUX_S_PROXY) {
		s->mux->state = MUX_OPEN;
		s->state = SESSION_READY;
	} else {
		lose(s, "this machine's ssh cannot lend its connection; OpenSSH can since 7.4");
	}
}

bool ssh_mux_login(struct ssh_session *s)
{
	if (s->mux->state == MUX_NEW)
		begin_anew(s);
	if (s->mux->state == MUX_WAITS)
		return wait_for_turn(s);
	if (s->mux->state == MUX_LOGIN)
		return false;
	ssh_mux_receive(s);
	if (s->state < SESSION_CLOSING)
		ssh_mux_flush(s);
	return s->state >= SESSION_READY;
}

/* ---- bytes ---- */

static void take_frame(struct ssh_session *s, struct field_reader *frame)
{
	if (s->mux->state == MUX_OPEN)
		mux_channel_packet(s, frame);
	else
		take_control(s, frame);
}

/* Hands out the frames that are whole. */
static void take_frames(struct ssh_session *s)
{
	struct ssh_mux *mux = s->mux;
	struct field_reader frame;
	size_t at = 0;
	int n;

	while (s->state <= SESSION_READY &&
	       (n = mux_frame(mux->in.s + at, mux->in.len - at, &frame)) != 0) {
		if (n < 0) {
			lose(s, "connection lost: the system's ssh sent nonsense");
			return;
		}
		take_frame(s, &frame);
		at += (size_t)n;
	}
	strbuf_consume(&mux->in, at);
	if (mux->in.len == 0)
		strbuf_fini(&mux->in); /* idle sessions are many */
}

/* One read; false when nothing more is there, or the socket is at its end. */
static bool receive_some(struct ssh_session *s, size_t *total)
{
	struct ssh_mux *mux = s->mux;
	ssize_t n;

	do
		n = recv(s->wire.fd, strbuf_reserve(&mux->in, READ_SIZE), READ_SIZE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		if (mux->in.len == 0)
			strbuf_fini(&mux->in);
		return false;
	}
	if (n <= 0) {
		end_socket(s);
		return false;
	}
	s->last_byte_us = loop_now_us(s->loop);
	mux->in.len += (size_t)n;
	*total += (size_t)n;
	take_frames(s);
	return n == READ_SIZE && s->state <= SESSION_READY;
}

void ssh_mux_receive(struct ssh_session *s)
{
	size_t total = 0;

	while (s->mux->state != MUX_ENDED && receive_some(s, &total)) {
		if (total >= SSH_STEP_BYTES) {
			ssh_session_poke(s);
			return;
		}
	}
}

void ssh_mux_flush(struct ssh_session *s)
{
	struct ssh_mux *mux = s->mux;
	ssize_t n;

	if (mux->out.len == 0 || mux->state == MUX_ENDED)
		return;
	do
		n = send(s->wire.fd, mux->out.s + mux->sent, mux->out.len - mux->sent, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		end_socket(s);
		return;
	}
	mux->sent += n > 0 ? (size_t)n : 0;
	if (mux->sent == mux->out.len) {
		strbuf_fini(&mux->out);
		mux->sent = 0;
	} else if (mux->sent > mux->out.len / 2) {
		strbuf_consume(&mux->out, mux->sent);
		mux->sent = 0;
	}
}

void ssh_mux_ask_for_life(struct ssh_session *s)
{
	ring_each (struct ssh_channel, ch, &s->channels, link) {
		if (mux_channel_ask_for_life(ch)) {
			ssh_session_poke(s);
			return;
		}
	}
}

int ssh_mux_wants(const struct ssh_session *s)
{
	if (s->mux->state == MUX_ENDED || s->state > SESSION_READY)
		return 0;
	return LOOP_READ | (s->mux->out.len > 0 ? LOOP_WRITE : 0);
}

struct strbuf *ssh_mux_out(struct ssh_session *s)
{
	return &s->mux->out;
}

size_t ssh_mux_room(const struct ssh_session *s)
{
	size_t waiting = s->mux->out.len - s->mux->sent;

	return waiting < OUT_MAX ? OUT_MAX - waiting : 0;
}

uint32_t ssh_mux_new_id(struct ssh_session *s)
{
	return s->mux->ids++;
}

/* ---- life ---- */

void ssh_mux_adopt(struct ssh_session *s)
{
	s->state = SESSION_RESOLVE;
	s->mux = xcalloc(1, sizeof(*s->mux));
	s->steps = &mux_channel_steps;
	loop_timer_init(&s->mux->last_words, s->loop, on_last_words, s);
	ssh_session_poke(s);
}

void ssh_mux_free(struct ssh_session *s)
{
	if (s->mux == NULL)
		return;
	ssh_master_destroy(s->mux->master);
	loop_timer_stop(&s->mux->last_words);
	strbuf_fini(&s->mux->in);
	strbuf_fini(&s->mux->out);
	free(s->mux);
	s->mux = NULL;
}
