/*
 * ssh_unlock.h - keys with a passphrase, unlocked once for a run.
 *
 * `ssh-add` asks for the passphrase, on the terminal or by SSH_ASKPASS, and gives the key to an
 * ssh-agent of the run's own: its socket lies in a folder (0700) of its own, and it ends with us,
 * however we end. We never see the passphrase nor the private half. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_UNLOCK_H
#define PL_SSH_SSH_UNLOCK_H

#include <stdbool.h>

#include "loop/loop.h"

struct ssh_unlock;

struct ssh_unlock_events {
	void (*on_change)(void *arg); /* a key is unlocked, or will not be */
	/* a person is about to be asked, or was: nothing else should write to the terminal. The
	 * question comes in a later turn of the loop. */
	void (*on_asking)(void *arg, bool begins);
};

enum ssh_unlock_state { SSH_UNLOCK_PENDING, SSH_UNLOCK_DONE, SSH_UNLOCK_FAILED };

struct ssh_unlock *ssh_unlock_create(struct loop *loop, const struct ssh_unlock_events *events,
				     void *arg);
void ssh_unlock_destroy(struct ssh_unlock *u); /* ends the agent. NULL is a no-op */

/* Whether there is somebody to ask: our terminal, with us in its foreground, or SSH_ASKPASS. */
bool ssh_unlock_can_ask(void);

/* How it stands with the key in that file; the first call asks, one key after the other. */
enum ssh_unlock_state ssh_unlock_key(struct ssh_unlock *u, const char *path);

/* The socket of the agent, once a key is DONE. */
const char *ssh_unlock_agent(const struct ssh_unlock *u);

#endif
