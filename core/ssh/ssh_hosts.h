/*
 * ssh_hosts.h - from the names of hosts to how each is reached: what the configuration says, the
 * jump hosts on the way, and what ssh has to be asked for. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_HOSTS_H
#define PL_SSH_SSH_HOSTS_H

#include "ssh/ssh_pool.h"

struct ssh_hosts;
struct ssh_keyring;

/* All of it stays alive as long as the hosts. */
struct ssh_hosts_use {
	struct loop *loop;
	struct ssh_pool *pool; /* theirs */
	const struct ssh_options *options;
	struct ssh_files *files;
	struct ssh_keyring *keyring;
};

#define SSH_HOPS_MOST 8 /* jump hosts in a row */

/* Reads the configuration. */
struct ssh_hosts *ssh_hosts_create(const struct ssh_hosts_use *use, struct pl_error *err);
void ssh_hosts_destroy(struct ssh_hosts *hosts); /* no host may have sessions; NULL is a no-op */

/*
 * The host of that name; the same one for names that lead to the same place. Where only ssh can say
 * the route is pending, and sessions in RESOLVE are told when it is there.
 */
struct ssh_host *ssh_hosts_find(struct ssh_hosts *hosts, const char *name, struct pl_error *err);

/* ssh could not say, and is asked once more. */
void ssh_hosts_ask_again(struct ssh_host *host);

/* Steps through all hosts, jump hosts too: *pos is 0 before the first call; NULL after the last. */
struct ssh_host *ssh_hosts_next(const struct ssh_hosts *hosts, size_t *pos);

#endif
