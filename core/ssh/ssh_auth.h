/*
 * ssh_auth.h - how a session shows who we are: the state AUTH of ssh_session.h.
 *
 * What may be tried at a host is a list of credentials, in ssh's order: keys of the agent that the
 * configuration names, the agent's others (unless IdentitiesOnly), then key files; but the one
 * that the host before took goes first. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_AUTH_H
#define PL_SSH_SSH_AUTH_H

#include "ssh/ssh_session.h"

struct ssh_auth;

/* True when all that could be tried is known; begins to find out otherwise, and the session is
 * poked then. */
bool ssh_auth_is_prepared(struct ssh_session *s);

/* Gathers the credentials for s->login->auth. False, and the session has failed, when there is
 * none: a host is not bothered then. */
bool ssh_auth_prepare(struct ssh_session *s);

/* The step in AUTH. True when the state changed. */
bool ssh_auth_step(struct ssh_session *s);

/* The deadline of the phase has passed. True when that was for us, and the session has failed. */
bool ssh_auth_timeout(struct ssh_session *s);

void ssh_auth_free(struct ssh_auth *auth); /* NULL is a no-op */

#endif
