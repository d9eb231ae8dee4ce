/*
 * ssh_credentials.h - which keys may be shown to a host, in which order. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_CREDENTIALS_H
#define PL_SSH_SSH_CREDENTIALS_H

#include "ssh/ssh_agent.h"
#include "ssh/ssh_session.h"

/* One thing to show. What it points to belongs to key files and agents. */
struct ssh_credential {
	struct field blob;	 /* what is shown: a public key or a certificate */
	const char *name;	 /* a path, or what the agent calls it */
	struct keyfile *key;	 /* signs, once unlocked; NULL: the agent does, */
	struct ssh_agent *agent;
	struct field agent_key;	 /* with this one */
};

struct ssh_credentials {
	struct ssh_credential *all;
	size_t n, cap;
	char *other_way; /* what only the system's ssh could show, and why; NULL: nothing */
	char *left_out;	 /* what nobody can show as things stand, and what to do; NULL: nothing */
};

/* Fills *out for a route whose files are read and whose agent is listed. O(n^2) in what there is:
 * a handful, or an agent's few dozen. */
void ssh_credentials_gather(const struct ssh_route *r, struct ssh_credentials *out);
void ssh_credentials_fini(struct ssh_credentials *c); /* safe twice */

#endif
