/*
 * ssh.h - hosts reached by SSH, without blocking: through libssh2, or where it cannot (or by wish)
 * through the system's ssh.
 *
 * One session per (user, address, port) and per MaxSessions of concurrent channels; a session is
 * kept warm for the next command while ssh_options.keep_sessions allows. Session states, in order:
 * RESOLVE CONNECT HANDSHAKE HOSTKEY AUTH READY CLOSING DEAD; channel states OPEN EXEC STREAM EOF
 * WAIT_CLOSED. Each phase has the deadline connect_timeout_us, all together at most three times it.
 */
#ifndef PL_TRANSPORT_SSH_H
#define PL_TRANSPORT_SSH_H

#include <stdbool.h>

#include "transport/transport.h"

enum ssh_hostkey_policy { SSH_HOSTKEY_STRICT, SSH_HOSTKEY_ACCEPT_NEW };

struct ssh_options {
	const char *user;	    /* NULL: from the configuration, else the login name */
	int port;		    /* 0: from the configuration, else 22 */
	const char *config_path;    /* NULL: ~/.ssh/config when it is there; "none": no file */
	int64_t connect_timeout_us; /* 0: from the configuration, else 10 s */
	int64_t keepalive_us;	    /* without a byte: ask for a sign of life; 0: 8 s, or
				     * what the configuration says when that is less */
	int64_t lost_us;	    /* without a byte: the connection is gone; 0: 25 s, or
				     * less as the configuration says */
	size_t keep_sessions;	    /* idle sessions kept warm; 0: close when done */
	enum ssh_hostkey_policy hostkey;
	unsigned max_auth_fail; /* so many equal refusals, and no new login begins; 0: 3 */
	double connect_rate;	/* logins begun per second; 0: 100 */
	bool system_ssh;	/* the system's ssh carries every session: transport "openssh" */
	bool no_supervisor;	/* nothing of ours runs there beside the commands */
	bool audit;		/* the supervisor says each start to the host's system log */
	const char *password;	/* wiped with the transport; asked for by the user's wish, for password and
				 * keyboard-interactive logins; NULL: neither is tried */
	const char *sudo_password; /* for commands with `sudo`; NULL: only where sudo asks for none */
	/* Told once per thing not honoured: an ssh_config keyword, a key file. May be NULL. */
	void (*on_note)(void *arg, const char *text);
	/* A person is about to be asked for a passphrase on the terminal, or was: nothing else
	 * should be written there meanwhile; the question comes in a later turn of the loop.
	 * NULL: nobody is asked, and keys with a passphrase are left to an agent. */
	void (*on_asking)(void *arg, bool begins);
	void *note_arg; /* of both */
};

/* "1.10.0": the libssh2 that this program runs with. */
const char *ssh_library_version(void);

/* Strings are copied. Reads the configuration file (an unreadable or malformed one is an error);
 * key and known_hosts files are read when the first host needs them. */
struct transport *ssh_create(struct loop *loop, const struct ssh_options *options,
			     struct pl_error *err);

/* What `ssh -G` would say of how a host is reached: for doctor, tests and reports. PL_EUNSUPPORTED
 * where ssh itself must be asked. */
struct ssh_target {
	char user[64];
	char hostname[256];
	int port;
};
int ssh_target(struct transport *tp, const char *host, struct ssh_target *out,
	       struct pl_error *err);

/* Counts for benchmarks and the report. */
struct ssh_stats {
	size_t logins;	      /* sessions that reached READY */
	size_t idle_sessions; /* held now */
	size_t channels;      /* commands that ran */
};
void ssh_stats(const struct transport *tp, struct ssh_stats *out);

#endif
