/*
 * ssh_master.h - the system's ssh as a process that logs in and then lends us its connection.
 *
 *	STARTED -> SPEAKING -> GONE
 *
 * It runs `ssh -M -N` with a control socket in a private folder (0700) of its own, which is removed
 * as soon as we have connected: nobody else can, and nothing is left on disk. It asks nothing (it
 * has no terminal, and BatchMode). It leads a session of its own, so that Ctrl-C is ours to handle,
 * and the kernel ends it when we are gone, however that came.
 */
#ifndef PL_SSH_SSH_MASTER_H
#define PL_SSH_SSH_MASTER_H

#include "base/error.h"
#include "loop/loop.h"
#include "ssh/ssh_session.h"

struct ssh_master;

struct ssh_master_events {
	void (*on_phase)(void *arg, enum phase phase); /* the login has come so far */
	/* logged in: a connection to its control socket, non-blocking, the callee's to close */
	void (*on_login)(void *arg, int fd);
	void (*on_gone)(void *arg); /* the process has ended; last */
};

/* Whether there is a program `ssh` in PATH. */
bool ssh_master_can_start(void);

/* PL_ENOENT: there is no program `ssh` on this machine. What is given must outlive it. */
struct ssh_master *ssh_master_start(struct loop *loop, const struct ssh_route *route,
				    const struct ssh_master_events *events, void *arg,
				    struct pl_error *err);

/* Why it is gone: fills outcome, phase, why and detail. */
void ssh_master_failure(const struct ssh_master *m, struct task_result *r);

/* Ends the process if it lives. No callback. NULL is a no-op. */
void ssh_master_destroy(struct ssh_master *m);

#endif
