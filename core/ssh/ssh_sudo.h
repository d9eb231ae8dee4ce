/*
 * ssh_sudo.h - who may be told the password for sudo, and what a host says of it.
 *
 * A channel whose command is to run as root says on its stderr, ahead of what is the command's
 * (ssh_preamble.h), how it fares with sudo. Where sudo asks for nothing it goes on at once, and is
 * never told the password. Where it asks:
 *
 *	LISTENS -> ASKED -> SHOWN -> ROOT | REFUSED	(no password wanted: LISTENS -> ROOT | REFUSED)
 *
 * While nobody knows whether the password is right, one host is SHOWN it, and the others that ask
 * wait for what comes of that: a directory may count every host's refusal against one account.
 * Accepted, all are shown it; refused, nobody is any more, and who asks ends as OUTCOME_AUTH, as
 * does who was refused. One that fails for a reason of its own, or takes more than its connect
 * timeout, leaves its place to the next. Private to the ssh family.
 */
#ifndef PL_SSH_SUDO_H
#define PL_SSH_SUDO_H

#include <stdbool.h>
#include <stddef.h>

#include "loop/loop.h"
#include "transport/task.h"

struct ssh_channel;
struct ssh_sudo;      /* of a pool: one password */
struct ssh_sudo_talk; /* of a channel */

/* password NULL: nobody was asked for one; copied. */
struct ssh_sudo *ssh_sudo_create(struct loop *loop, const char *password);
void ssh_sudo_destroy(struct ssh_sudo *sudo); /* no talk may be left; NULL is a no-op */

bool ssh_sudo_has_password(const struct ssh_sudo *sudo);

/* Begins to listen to a channel, whose command says `mark` (copied) in front of its words. */
struct ssh_sudo_talk *ssh_sudo_listen(struct ssh_sudo *sudo, struct ssh_channel *ch,
				      const char *mark);
/* Nothing is heard any more: what it learnt counts for the others. Safe twice. */
void ssh_sudo_leave(struct ssh_sudo_talk *talk);
void ssh_sudo_free(struct ssh_sudo_talk *talk); /* NULL is a no-op */

/* Bytes for stdin: true, and they are kept, until the host has its password or wants none. */
bool ssh_sudo_keeps(struct ssh_sudo_talk *talk, const void *bytes, size_t len);
size_t ssh_sudo_kept(const struct ssh_sudo_talk *talk);

/* Bytes of stderr: true when they were taken, and what is the command's in them is delivered. */
bool ssh_sudo_hears(struct ssh_sudo_talk *talk, const void *bytes, size_t len);

/* True while the password is waited for, or what sudo thinks of it; the latter no longer than the
 * host's connect timeout. */
bool ssh_sudo_is_undecided(const struct ssh_sudo_talk *talk);

/* True, and what it comes to, when sudo refused. */
bool ssh_sudo_refused(const struct ssh_sudo_talk *talk, struct task_result *result);

#endif
