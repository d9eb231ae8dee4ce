/*
 * ssh_channel.h - one command on a session: its request, its three streams, its end.
 *
 *	QUEUED -> OPEN -> EXEC -> STREAM -> WAIT_CLOSED -> CLOSE -> GONE
 *
 * In STREAM the end of our half (stdin) and of theirs come each in its own time; WAIT_CLOSED begins
 * when theirs has come and every byte was taken. The exit status is there only when the other side
 * has closed the channel, which it does after the command has died: a command that merely closed
 * its output is waited for. A connection that ends before that is `lost`, whatever had come.
 * libssh2 up to 1.11 does not tell a channel that a server closed without any status from one with
 * status 0; OpenSSH's sshd never does so.
 *
 * The user hears of it through events, the last of which is on_end; after it, or after
 * ssh_channel_abandon(), the channel finishes and frees itself. Private to the ssh family.
 */
#ifndef PL_TRANSPORT_SSH_CHANNEL_H
#define PL_TRANSPORT_SSH_CHANNEL_H

#include "base/strbuf.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_session.h"

enum ssh_channel_state {
	CHANNEL_QUEUED, /* the session is not ready, or opens another one */
	CHANNEL_OPEN,
	CHANNEL_EXEC,
	CHANNEL_STREAM,
	CHANNEL_WAIT_CLOSED,
	CHANNEL_CLOSE,
	CHANNEL_GONE,
};

/* What it is for: who goes before whom, and who counts. */
enum ssh_channel_role {
	CHANNEL_OF_COMMAND,
	CHANNEL_OF_TUNNEL,     /* a connection to another host, see ssh_dial.c */
	CHANNEL_OF_KILL,       /* goes first, and has a place of its own beside the commands' */
	CHANNEL_OF_SUPERVISOR, /* goes first; neither a user of the session nor among its channels */
};

/* Why no connection to another host was made: RFC 4254, 5.1. The numbers are the protocol's; all
 * others are a shortage of something. */
enum ssh_refusal { REFUSAL_PROHIBITED = 1, REFUSAL_CONNECT = 2, REFUSAL_SHORTAGE = 4 };

struct ssh_channel_events {
	void (*on_phase)(void *arg, enum phase phase); /* may be NULL */
	void (*on_start)(void *arg);		       /* may be NULL */
	/* may be NULL: what comes is thrown away */
	void (*on_output)(void *arg, enum stream stream, const void *bytes, size_t len);
	void (*on_drain)(void *arg); /* all of ssh_channel_write was taken; may be NULL */
	void (*on_end)(void *arg, const struct task_result *result);
};

/* What an operation cut short by a full socket was: it must be taken up again first. */
enum ssh_channel_op { CHANNEL_OP_NONE, CHANNEL_OP_READ, CHANNEL_OP_WRITE };

/*
 * What depends on who carries the session: libssh2 (ssh_channel.c, ssh_stream.c) or the system's
 * ssh (mux_channel.c). Each is the step of a state: does what can be done and returns true when the
 * state changed.
 */
struct ssh_channel_steps {
	bool (*open)(struct ssh_channel *ch);
	bool (*exec)(struct ssh_channel *ch);
	bool (*stream)(struct ssh_channel *ch);
	bool (*wait_closed)(struct ssh_channel *ch);
	bool (*close)(struct ssh_channel *ch);
};

extern const struct ssh_channel_steps ssh_channel_steps; /* libssh2's */

struct ssh_channel {
	struct ssh_session *session;
	struct ring link; /* in session->channels */
	enum ssh_channel_state state;
	enum ssh_channel_role role;
	const struct ssh_channel_events *events; /* NULL: nobody listens */
	void *arg;
	LIBSSH2_CHANNEL *ssh;
	struct mux_channel *mux; /* where the system's ssh carries the session */
	struct loop_timer deadline; /* of OPEN and EXEC together; QUEUED: when to open again */
	unsigned refusals;
	char *line;
	char *dial;    /* not a command but a connection from there to this host; NULL */
	int dial_port;
	bool begun; /* a byte of the request has left */
	bool paused;
	enum ssh_channel_op stuck_op;
	/* stdin: libssh2 must see the same bytes again, so what it was given stays in place */
	struct strbuf sending, queued;
	size_t sent; /* of `sending` */
	bool is_secret; /* a password may be in there */
	struct ssh_sudo_talk *sudo; /* its command is to run as root; NULL */
	bool stdin_close, stdin_closed;
	struct strbuf held[2]; /* output that came while paused, by stream - 1 */
};

/* Takes `line`; NULL: ssh_channel_ask follows, when its PHASE_OPEN is told at the latest. Begins in
 * the session's next step. */
struct ssh_channel *ssh_channel_create(struct ssh_session *s, char *line,
				       enum ssh_channel_role role,
				       const struct ssh_channel_events *events, void *arg);

/* Takes what is in `request`, wipes it, and sends its preamble ahead of all that is written. What
 * sudo refuses, or a password for it, ends as OUTCOME_AUTH. */
void ssh_channel_ask(struct ssh_channel *ch, struct ssh_request *request);

/* ssh_dial.c: a connection from there to a host, as that host calls it. on_start comes when it is
 * there, on_output with STREAM_OUT; its end is OUTCOME_OK, that there is none PHASE_CONNECT. */
struct ssh_channel *ssh_channel_dial(struct ssh_session *s, const char *host, int port,
				     const struct ssh_channel_events *events, void *arg);

void ssh_channel_write(struct ssh_channel *ch, const void *bytes, size_t len); /* copies */
size_t ssh_channel_pending(const struct ssh_channel *ch); /* bytes not taken yet */
void ssh_channel_close_stdin(struct ssh_channel *ch);
void ssh_channel_pause(struct ssh_channel *ch);
void ssh_channel_resume(struct ssh_channel *ch);

/* No event fires any more; what runs there is let go of. */
void ssh_channel_abandon(struct ssh_channel *ch);

/* ---- for the session ---- */

void ssh_channel_tell_phase(struct ssh_channel *ch, enum phase phase);

/* Does what can be done. Sets session->stuck; may fail the session. */
void ssh_channel_step(struct ssh_channel *ch);

/* True when bytes from the socket could bring it on. */
bool ssh_channel_wants_input(const struct ssh_channel *ch);

/* ssh_stream.c: the step of CHANNEL_STREAM. */
bool ssh_channel_step_stream(struct ssh_channel *ch);

/* About a result of libssh2: true when it is EAGAIN; the channel is then `stuck` if what could not
 * be done was to send. */
bool ssh_channel_must_wait(struct ssh_channel *ch, ssize_t rc);

/* The connection failed under it. */
void ssh_channel_lose_session(struct ssh_channel *ch, enum phase phase);

/* What the answers of the other side come to, whoever carried them. Each returns what its step
 * returns: it was opened; it was refused; the command was started; it was denied. */
bool ssh_channel_opened(struct ssh_channel *ch);
bool ssh_channel_refused(struct ssh_channel *ch);
bool ssh_channel_started(struct ssh_channel *ch);
bool ssh_channel_denied(struct ssh_channel *ch);

/* Fills the result of a command that ended; signal is NULL or "" when it was not by one. */
void ssh_channel_exited(struct task_result *r, int code, const char *signal);

/* ssh_stream.c: hands output to the user, or holds it while paused and before STREAM. */
void ssh_channel_deliver(struct ssh_channel *ch, enum stream stream, const void *bytes,
			 size_t len);
void ssh_channel_deliver_held(struct ssh_channel *ch);
/* The same of what sudo has heard already. */
void ssh_channel_hand_out(struct ssh_channel *ch, enum stream stream, const void *bytes,
			  size_t len);

/* ssh_stream.c: true when `sending`, filled from `queued` once it was sent, holds bytes. */
bool ssh_channel_refill(struct ssh_channel *ch);

/* ssh_channel_open.c: the step of CHANNEL_QUEUED; the server has not answered an open in time. */
bool ssh_channel_step_queued(struct ssh_channel *ch);
void ssh_channel_late_open(struct ssh_channel *late);

/* Of a connection to another host: libssh2's open, and what follows from its refusal: true when it
 * waits for its turn again. */
LIBSSH2_CHANNEL *ssh_channel_open_dial(struct ssh_channel *ch);
bool ssh_channel_refused_dial(struct ssh_channel *ch, enum ssh_refusal reason);
enum ssh_refusal ssh_channel_dial_refusal(const struct ssh_channel *ch); /* from libssh2 */
bool ssh_channel_may_dial(const struct ssh_channel *ch);
bool ssh_channel_dialed(struct ssh_channel *ch); /* always true */
void ssh_channel_late_dial(struct ssh_channel *ch);

/* Ends it for its user. */
void ssh_channel_end_failed(struct ssh_channel *ch, enum outcome outcome, enum phase phase,
			    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void ssh_channel_end(struct ssh_channel *ch, const struct task_result *result);
void ssh_channel_free(struct ssh_channel *ch);

#endif
