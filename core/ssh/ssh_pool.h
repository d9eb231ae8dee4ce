/*
 * ssh_pool.h - the hosts that were named, how each is reached, and the sessions that are open.
 *
 * Names that lead to the same user, address, port, keys and trust share their sessions. A session
 * carries up to eight commands, then another one is opened. Idle ones are kept for the next
 * command, the least recently used closed first. Private to the ssh family.
 */
#ifndef PL_TRANSPORT_SSH_POOL_H
#define PL_TRANSPORT_SSH_POOL_H

#include "ssh/ssh.h"
#include "ssh/ssh_session.h"
#include "transport/copy_source.h"

struct resolver;
struct ssh_pace;
struct ssh_pool;
struct ssh_sudo;

struct ssh_host {
	struct ssh_pool *pool;
	struct ssh_hosts *hosts;
	struct ssh_route route;
	struct ssh_session *sessions; /* alive ones, newest first */
	bool unsupervised;	      /* a supervisor has no place there */
	bool no_bulk;		      /* the system's ssh cannot log in */
	char *login_name; /* of its credentials, see ssh_turn.c; NULL until the first login */
};

struct ssh_pool *ssh_pool_create(struct loop *loop, const struct ssh_options *options,
				 struct pl_error *err);

/* Only when no session has users. NULL is a no-op. */
void ssh_pool_destroy(struct ssh_pool *pool);

/* The host of that name, its route worked out at the first call. */
struct ssh_host *ssh_pool_host(struct ssh_pool *pool, const char *name, struct pl_error *err);

/* A session to the host with room for one more channel; begins a new one when there is none. bulk:
 * one that the system's ssh carries. */
struct ssh_session *ssh_pool_session(struct ssh_host *host, bool bulk, bool root);

/* Who may be told the password for sudo. */
struct ssh_sudo *ssh_pool_sudo(const struct ssh_pool *pool);

/* Whether the system's ssh is there to move much, and has not failed to log in. */
bool ssh_pool_takes_bulk(const struct ssh_host *host);
void ssh_pool_note_no_bulk(struct ssh_host *host, const char *why);

/* A session to a jump host that takes one more tunnel; begins a new one when those that are there
 * have too many in their row, or are held up. O(sessions of the host x tunnels). */
struct ssh_session *ssh_pool_carrier(struct ssh_host *jump);

/* Later sessions of the host begin without a supervisor; the reason is noted for the first host. */
void ssh_pool_note_unsupervised(struct ssh_host *host, const char *why);

void ssh_pool_close_idle(struct ssh_pool *pool);
struct resolver *ssh_pool_resolver(struct ssh_pool *pool);
struct ssh_pace *ssh_pool_pace(struct ssh_pool *pool);
struct ssh_stats *ssh_pool_stats(struct ssh_pool *pool);
struct ssh_detours *ssh_pool_detours(struct ssh_pool *pool);
struct loop *ssh_pool_loop(struct ssh_pool *pool);
struct copy_sources *ssh_pool_copies(struct ssh_pool *pool);

#endif
