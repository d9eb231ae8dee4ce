/*
 * ssh_keyring.h - what all logins of a pool have in common: the agents that hold keys, and which
 * key was taken last. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_KEYRING_H
#define PL_SSH_SSH_KEYRING_H

#include "ssh/ssh_agent.h"

struct ssh_keyring;

struct ssh_keyring_events {
	void (*on_change)(void *arg); /* what a login waits for may be there now */
	void (*on_note)(void *arg, const char *text);
};

struct ssh_keyring *ssh_keyring_create(struct loop *loop, const struct ssh_keyring_events *events,
				       void *arg);
void ssh_keyring_destroy(struct ssh_keyring *ring); /* NULL is a no-op */

/* The agent at that socket; lives as long as the ring. */
struct ssh_agent *ssh_keyring_agent(struct ssh_keyring *ring, const char *path);

/* The public half that a host took last, empty before the first: the next is likely to as well. */
void ssh_keyring_worked(struct ssh_keyring *ring, struct field blob);
struct field ssh_keyring_last(const struct ssh_keyring *ring);

#endif
