/*
 * ssh_keyring.h - what all logins of a pool have in common: the agents that hold keys, the keys
 * that were unlocked, and which one was taken last. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_KEYRING_H
#define PL_SSH_SSH_KEYRING_H

#include "ssh/ssh_agent.h"
#include "ssh/ssh_unlock.h"

struct ssh_keyring;

struct ssh_keyring_events {
	void (*on_change)(void *arg); /* what a login waits for may be there now */
	void (*on_note)(void *arg, const char *text);
	void (*on_asking)(void *arg, bool begins); /* see ssh_unlock.h; NULL: nobody is asked */
};

struct ssh_keyring *ssh_keyring_create(struct loop *loop, const struct ssh_keyring_events *events,
				       void *arg);
void ssh_keyring_destroy(struct ssh_keyring *ring); /* NULL is a no-op */

/* The agent at that socket; lives as long as the ring. */
struct ssh_agent *ssh_keyring_agent(struct ssh_keyring *ring, const char *path);

/* Whether keys with a passphrase can be unlocked: there is somebody to ask. */
bool ssh_keyring_unlocks(const struct ssh_keyring *ring);

/* How it stands with the key in that file; begins to unlock it, and on_change comes then. When it
 * is unlocked, *agent signs for it. */
enum ssh_unlock_state ssh_keyring_unlock(struct ssh_keyring *ring, const char *path,
					 struct ssh_agent **agent);

/* The public half that a host took last, empty before the first: the next is likely to as well. */
void ssh_keyring_worked(struct ssh_keyring *ring, struct field blob);
struct field ssh_keyring_last(const struct ssh_keyring *ring);

#endif
