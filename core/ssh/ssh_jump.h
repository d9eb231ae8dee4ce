/*
 * ssh_jump.h - the words of ProxyJump: "[user@]host[:port]" or "ssh://[user@]host[:port]", several
 * with commas between, the first to be met first. Private to the ssh family.
 */
#ifndef PL_SSH_JUMP_H
#define PL_SSH_JUMP_H

#include "base/error.h"

/* One host on the way and what was asked for it; the configuration says the rest. */
struct ssh_hop {
	char *user;   /* NULL: as the configuration says */
	char *host;
	int port;     /* 0: likewise */
	char *before; /* text of the hops before it; NULL: its own ProxyJump holds */
};

/* Takes the last hop apart; fini it in any case. PL_EUSAGE when it is none. */
int ssh_jump_parse(const char *text, struct ssh_hop *hop, struct pl_error *err);
void ssh_hop_fini(struct ssh_hop *hop);

#endif
