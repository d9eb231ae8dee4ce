/*
 * ssh_proxy.h - the process of a ProxyCommand: its stdin and stdout are a connection.
 *
 * It runs in the user's shell, which execs it, in a session and group of its own; the group is
 * ended with the connection. What it says on stderr is kept for the message of a failure. Private
 * to the ssh family.
 */
#ifndef PL_SSH_PROXY_H
#define PL_SSH_PROXY_H

#include "base/error.h"
#include "loop/loop.h"

struct ssh_proxy;

/* Starts the command; *fd becomes our end of its streams, which does not block, the caller's to
 * close. on_over comes once, after ssh_proxy_is_over() has said no. */
struct ssh_proxy *ssh_proxy_create(struct loop *loop, const char *command, loop_call_f on_over,
				   void *arg, int *fd, struct pl_error *err);

void ssh_proxy_destroy(struct ssh_proxy *p); /* ends its group; NULL is a no-op */

/* Its stream has ended: true when it has died too, so that its last words are known, or has taken
 * too long about it. */
bool ssh_proxy_is_over(struct ssh_proxy *p);

/* The last line it said on stderr, printable; else how it ended; "" when neither is known. Valid
 * until the next turn. */
const char *ssh_proxy_words(struct ssh_proxy *p);

#endif
