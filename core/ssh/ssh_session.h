/*
 * ssh_session.h - one connection to one host as one user, and the channels on it.
 *
 *	RESOLVE -> PACED -> CONNECT -> HANDSHAKE -> HOSTKEY -> AUTH -> READY -> CLOSING -> DEAD
 *
 * and from everywhere to DEAD. ssh_session.c drives it: one step function switches on the state.
 * ssh_connect.c, ssh_login.c and ssh_auth.c have the states up to READY, ssh_channel.c what happens
 * on channels in READY.
 * Private to the ssh family.
 *
 * libssh2 asks for care in one place: an operation that could not send all of its packet must be
 * finished before any other operation of the session that might send. `stuck` is the channel whose
 * operation that is; while it is set no other channel is stepped.
 */
#ifndef PL_TRANSPORT_SSH_SESSION_H
#define PL_TRANSPORT_SSH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libssh2.h>

#include "base/ring.h"
#include "base/strbuf.h"
#include "loop/loop.h"
#include "ssh/ssh.h"
#include "ssh/ssh_files.h"
#include "ssh/ssh_wire.h"
#include "transport/task.h"

#define SSH_READ_SIZE (32 * 1024)	/* most bytes taken from a channel at once */
/* libssh2 lets a window grow by one read above its first size: together TASK_BUFFER_MAX */
#define SSH_WINDOW (TASK_BUFFER_MAX - SSH_READ_SIZE)
#define SSH_STEP_BYTES (256 * 1024)	/* taken from a session before others have their turn */

struct ssh_channel;
struct ssh_agent;
struct ssh_channel_steps;
struct ssh_keyring;
struct ssh_login;
struct ssh_mux;
struct ssh_session;
struct ssh_supervisor;

/* How a host is reached and with what. Owned by the pool of sessions, outlives them. */
struct ssh_route {
	char *name; /* as it was first named: the system's ssh looks it up itself */
	const struct ssh_options *asked;
	bool is_pending;  /* ssh is being asked: all the rest is provisional */
	char *no_route;	  /* why ssh could not say; NULL */
	char *hostname, *user;
	int port;
	int64_t connect_timeout_us; /* of each phase; all together three times it */
	int64_t keepalive_us, lost_us; /* silences, as in ssh_options */
	enum ssh_hostkey_policy hostkey;
	char *host_key_alias;	/* the name that known_hosts has it under; NULL: hostname */
	char *proxy_command;	/* its stdin and stdout are the connection; NULL: a socket of ours */
	char *proxy_jump;	/* "[user@]host[:port],...", the first hop first; NULL */
	struct ssh_host *jump;	/* the connection is a channel on a session there; NULL */
	int address_family;	/* AF_UNSPEC: any */
	char *bind_address, *bind_interface;
	char *kex, *host_key_algorithms, *ciphers, *macs; /* for libssh2_session_method_pref */
	bool identities_only;
	char *agent;		/* path of the agent's socket; NULL: none */
	struct ssh_agent *agent_client; /* the one at that path; NULL: none */
	struct ssh_keyring *keyring;	/* of the pool */
	char *forward_agent;	/* path of the agent that may be used from there; NULL: none */
	char **certificates;	/* files, NULL-terminated; NULL */
	char **env;		/* SetEnv and SendEnv, "NAME=value", NULL-terminated; NULL */
	char *other_way;	/* why only the system's ssh can reach it; NULL: we can */
	char *without_key;	/* why the system's ssh may log in where no key does; NULL */
	bool names_ciphers;	/* its configuration does */
	bool hash_known_hosts;	/* names are written hashed */
	bool on_detour;		/* other_way was counted, see ssh_detour.h */
	struct ssh_file **keys;	 /* to try in turn */
	size_t n_keys;
	struct ssh_file **certs; /* of `certificates` */
	size_t n_certs;
	bool default_keys; /* nobody named them: they may be missing */
	struct ssh_file **trust; /* known_hosts files */
	size_t n_trust, n_user_trust; /* the user's own come first */
};

enum ssh_session_state {
	SESSION_RESOLVE,   /* the route, where ssh is asked for it; name to addresses; key and
			    * known_hosts files are read meanwhile */
	SESSION_PACED,	   /* waits for its turn among the logins, outside its deadlines */
	SESSION_CONNECT,
	SESSION_HANDSHAKE, /* banner, key exchange */
	SESSION_HOSTKEY,
	SESSION_AUTH,
	SESSION_READY,
	SESSION_CLOSING,   /* says goodbye */
	SESSION_DEAD,
};

struct ssh_session_events {
	void (*on_ready)(void *arg, struct ssh_session *s);
	/* a channel ended and none is left: keep it or ssh_session_close() it */
	void (*on_idle)(void *arg, struct ssh_session *s);
	/* last; freed after the call, in a later turn */
	void (*on_dead)(void *arg, struct ssh_session *s);
};

struct ssh_session {
	struct loop *loop;
	struct ssh_route *route;
	const struct ssh_session_events *events;
	void *arg;
	char *scratch; /* SSH_READ_SIZE bytes, shared by all sessions */

	enum ssh_session_state state;
	struct ssh_login *login; /* until READY */
	struct ssh_wire wire;
	struct loop_defer again; /* another step in the next turn */
	struct loop_timer timer; /* until READY a phase's deadline, then the watch for silence */
	int64_t last_byte_us;
	uint64_t bytes_out;	/* taken from libssh2 */
	struct strbuf unsent;	/* of them; between steps only what the socket had no room for */
	bool severed; /* nothing more is sent or received */
	bool hastens; /* the next packet is to be acknowledged at once */
	bool is_told; /* the supervisor hears that this is the end */
	bool carries; /* its channels are connections to other hosts, see ssh_tunnel.h */

	bool root; /* its commands run under sudo, and its supervisor does */
	bool bulk; /* by the system's ssh only because much is to be moved */
	struct ssh_mux *mux; /* the system's ssh carries it (ssh_mux.h); NULL: libssh2 does */
	const struct ssh_channel_steps *steps;
	/* what its commands carry beside their tags, so that one look finds them all; "": none */
	char token[17];
	struct ssh_supervisor *supervisor; /* NULL until the first command, or without one */

	LIBSSH2_SESSION *ssh;
	LIBSSH2_CHANNEL *ear; /* closed; through it an idle session listens */
	struct ring channels; /* in the order they came */
	size_t n_users;	 /* channels somebody waits for */
	bool spent;	 /* serves those it has, and nobody new */
	bool has_opened; /* a channel for a command */
	size_t most;	 /* channels the server allows at once, as far as known; 0: no more */
	size_t most_tunnels; /* likewise of connections to other hosts */
	struct ssh_channel *opening; /* libssh2 opens one at a time */
	int64_t opening_us;	     /* since when */
	struct ssh_channel *stuck;

	/* the pool's, see ssh_pool.c */
	struct ssh_host *host;
	struct ssh_session *next;	   /* of the sessions of a host */
	struct ssh_session *older, *newer; /* of the idle ones */
	bool is_idle;
};

/* Begins to connect, in the next turn. Everything given stays alive as long as the session. */
struct ssh_session *ssh_session_create(struct loop *loop, struct ssh_route *route, char *scratch,
				       const struct ssh_session_events *events, void *arg);

/* Says goodbye and is dead soon after. Only without users. */
void ssh_session_close(struct ssh_session *s);

/* Frees at once, without a callback; only without users. */
void ssh_session_destroy(struct ssh_session *s);

/* False when it cannot be kept without a user, or takes no more channels. */
bool ssh_session_is_keepable(const struct ssh_session *s);

/* The route is no longer pending; for a session in RESOLVE. */
void ssh_session_learn_route(struct ssh_session *s);

/* A step in the next turn: something was asked of it. */
void ssh_session_poke(struct ssh_session *s);

/* ---- within the family ---- */

void ssh_session_step(struct ssh_session *s);

/* Makes s->ssh, over the wire that is connected. */
void ssh_session_open_libssh2(struct ssh_session *s);

/* Bytes from the wire, as ssh_wire_receive: what came is a sign of life. */
ssize_t ssh_session_receive(struct ssh_session *s, void *buf, size_t len);

/* The last user of a channel is gone, or one more came. */
void ssh_session_count_users(struct ssh_session *s, int change);

/* Everything on the session ends with this; what had begun is LOST. `state` becomes DEAD. The words
 * are a task_result's `why`: without the host, whose address becomes the `detail`. */
void ssh_session_fail(struct ssh_session *s, enum outcome outcome, enum phase phase,
		      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/*
 * The same with a detail of one's own; of the result outcome, phase, why, detail and other_way
 * count. With other_way, before READY, the session begins anew by the system's ssh where there is
 * one (ssh_detour.h); `why` is then told as the reason: it says what libssh2 lacks.
 */
void ssh_session_end(struct ssh_session *s, const struct task_result *result);

/* Lets go of the connection and of what the login held. */
void ssh_session_drop_connection(struct ssh_session *s);

/* The words of libssh2's last error, and of the system's when the socket failed. */
const char *ssh_session_error(struct ssh_session *s);

/* True when the last EAGAIN was for lack of room to send. */
static inline bool ssh_session_blocked_out(const struct ssh_session *s)
{
	return (libssh2_session_block_directions(s->ssh) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
}

/* ssh_connect.c, ssh_login.c: the states before READY. Each does what it can and returns true when
 * the state changed. */
void ssh_login_begin(struct ssh_session *s);
bool ssh_login_resolve(struct ssh_session *s);
bool ssh_login_paced(struct ssh_session *s);
bool ssh_login_connect(struct ssh_session *s);
bool ssh_login_handshake(struct ssh_session *s);
bool ssh_login_hostkey(struct ssh_session *s);
void ssh_login_timeout(struct ssh_session *s); /* the deadline of the phase has passed */
void ssh_login_free(struct ssh_session *s);    /* safe twice */
bool ssh_login_has_turn(struct ssh_session *s); /* may begin; asks at the first call */
bool ssh_login_may_show(struct ssh_session *s); /* AUTH may go on */
void ssh_login_over(struct ssh_session *s, const struct task_result *result); /* NULL: we are in */
ssize_t ssh_login_receive(struct ssh_session *s, char *buf, size_t len); /* ahead of a banner */

/* ssh_hostkey.c. Asks for the kinds of host key that known_hosts holds for the host first, as ssh
 * does: libssh2 would choose by its own taste and meet a key that is not on file. */
void ssh_hostkey_prefer(struct ssh_session *s);

/* False, and the session has ended with `other_way`, when libssh2 can check no key that known_hosts
 * holds for the host. Before the host is bothered. */
bool ssh_hostkey_is_ours(struct ssh_session *s);

/* False, and the session has failed, when the key that was shown must not be trusted. */
bool ssh_hostkey_check(struct ssh_session *s);

#endif
