/*
 * ssh_task.h - one task on a channel, from its start to its one on_done.
 *
 *	(SIZING ->) RUNNING (-> CLEARING) -> OVER
 *	RUNNING -> KILLING -> (PAUSING -> KILLING)* -> OVER	when cancelled
 *
 * Cancelling a command that has begun ends every process there that belongs to the task
 * (ssh_ending.h). It may come before the host has started ours: as long as nobody was found and the
 * task's own channel stays open, it is tried again, for one connect_timeout. Once somebody was
 * found and ended, the channel has a moment to end by itself; when it does not, one more look is
 * taken before it is closed. What keeps it open then has shaken the tag off. Where the session is
 * dead nobody can be told anything.
 *
 * A copy that moves much goes by the system's ssh, which does so at a fraction of libssh2's cost,
 * and gets over a new key exchange in the middle, which libssh2 1.10 may not: of a copy to the host
 * that is known before it begins (SIZING), one from the host learns it from the host, and begins
 * again. Where ssh cannot log in, or is not there, libssh2 does it.
 *
 * One that survives is run by a program that follows it (transport/outlive.h). Once it was followed
 * to its end its files there are removed: not before, as what they hold could be lost on the way.
 * Private to the ssh family.
 */
#ifndef PL_TRANSPORT_SSH_TASK_H
#define PL_TRANSPORT_SSH_TASK_H

#include "ssh/ssh_pool.h"
#include "transport/task.h"

struct ssh_task;

/* Begins, without a callback; task->impl is set. Frees itself with on_done. */
void ssh_task_start(struct ssh_host *host, struct task *task);

void ssh_task_write(struct ssh_task *t, const void *bytes, size_t len);
void ssh_task_close_stdin(struct ssh_task *t);
void ssh_task_pause(struct ssh_task *t);
void ssh_task_resume(struct ssh_task *t);
void ssh_task_cancel(struct ssh_task *t);
int ssh_task_signal(struct ssh_task *t, int signo, struct pl_error *err);

#endif
