/*
 * ssh_fleet.h - a private loopback fleet for one test program (scripts/dev/fleet), and servers
 * that misbehave.
 */
#ifndef PL_T_SSH_FLEET_H
#define PL_T_SSH_FLEET_H

#include <stdbool.h>

#include "loop/loop.h"

struct ssh_fleet {
	char dir[64], config[96];
	int port;
};

/* Starts n hosts 127.1.0.1, ... in a folder of its own. NULL, or why there can be none here. */
const char *ssh_fleet_start(struct ssh_fleet *f, int n);
void ssh_fleet_stop(struct ssh_fleet *f); /* removes the folder too */

/* Writes DIR/name with printf's text and returns its path, valid until the next call. */
const char *ssh_fleet_write(const struct ssh_fleet *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Runs a shell command with the fleet's folder as $D and port as $P; its exit status. */
int ssh_fleet_sh(const struct ssh_fleet *f, const char *command);

/*
 * A listening socket on 127.0.0.1 and what it says to whoever connects: nothing, one text, one
 * byte of the text every `pace_us`, or goodbye at once.
 */
struct bad_server {
	struct loop *loop;
	int fd, port, peer;
	const char *text; /* NULL: silent */
	int64_t pace_us;  /* 0: all at once */
	bool hang_up;	  /* closes after the text */
	bool reset;	  /* drops the connection at once, without a goodbye */
	size_t said;
	struct loop_io *io;
	struct loop_timer timer;
};

void bad_server_start(struct bad_server *b, struct loop *loop);
void bad_server_stop(struct bad_server *b);

#endif
