/*
 * ssh_ask.h - what `ssh -G` says of hosts whose configuration only ssh can evaluate.
 *
 * Each question is a process; a few run at once, the rest wait their turn. An answer serves all
 * hosts of one key, asked for before or after it came. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_ASK_H
#define PL_SSH_SSH_ASK_H

#include "loop/loop.h"
#include "ssh/ssh.h"

struct ssh_asks;

/* `dump` is what ssh printed, for the host `asked`; or NULL, and why not. Valid during the call. */
typedef void (*ssh_answer_f)(void *arg, const char *dump, const char *asked, const char *why);

/* `options` stay alive: its user, port and configuration are those that ssh is told of. */
struct ssh_asks *ssh_asks_create(struct loop *loop, const struct ssh_options *options);

/* Ends the processes; nobody is told any more. NULL is a no-op. */
void ssh_asks_destroy(struct ssh_asks *asks);

/* Asks for a host; fn runs in a later turn. Hosts of the same key get the same answer; a failure
 * is told to those who wait, and the next one asks again. */
void ssh_ask(struct ssh_asks *asks, const char *host, const char *key, ssh_answer_f fn, void *arg);

#endif
