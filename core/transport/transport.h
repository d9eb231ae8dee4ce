/*
 * transport.h - "run these tasks there and give me bytes and an exit".
 *
 * A transport is a vtable of a handful of functions. What each of them promises, tested for every
 * one by the same cases (t/unit/transport_cases.c):
 *
 *  1. on_done fires exactly once for every task accepted by start; nothing fires after it.
 *  2. No callback fires inside the call that started the work, nor inside cancel, write, pause.
 *  3. Cancel is a request: the answer still arrives through on_done, as OUTCOME_CANCELED (or as
 *     what the task had already come to), after the command there was told to end: SIGTERM, after
 *     a grace of CANCEL_GRACE_US SIGKILL, to everything that carries its tag.
 *  4. Back-pressure is a call (pause/resume), never a dropped chunk: while paused at most
 *     TASK_BUFFER_MAX bytes of a task are held here, the rest waits at the other end.
 *
 * Order for one task: on_phase*, on_start, (on_output | on_drain)*, on_done.
 * `start` refuses (returns -1, nothing happened) only what is wrong in the request itself, such as
 * a kind the transport cannot do; everything the world does wrong comes through on_done.
 */
#ifndef PL_TRANSPORT_TRANSPORT_H
#define PL_TRANSPORT_TRANSPORT_H

#include "base/error.h"
#include "loop/loop.h"
#include "transport/task.h"

#define TASK_BUFFER_MAX (256 * 1024)
#define CANCEL_GRACE_US (2 * 1000000)

enum transport_caps {
	TRANSPORT_STDIN = 1 << 0,  /* write, close_stdin */
	TRANSPORT_PUT = 1 << 1,
	TRANSPORT_GET = 1 << 2,
	TRANSPORT_SIGNAL = 1 << 3, /* deliver a signal to a running command */
	TRANSPORT_PLACES = 1 << 4, /* hosts are told apart: placement can be verified */
};

struct transport;

struct transport_ops {
	const char *name; /* "ssh", "local", ... */
	unsigned caps;	  /* enum transport_caps */
	int (*start)(struct transport *tp, struct task *const *tasks, size_t n,
		     struct pl_error *err);
	void (*write)(struct task *task, const void *bytes, size_t len);
	void (*close_stdin)(struct task *task);
	int (*signal)(struct task *task, int signo, struct pl_error *err);
	void (*cancel)(struct task *task);
	void (*pause)(struct task *task);
	void (*resume)(struct task *task);
	/* Closes idle sessions to all hosts; running tasks are not touched. */
	void (*close_idle)(struct transport *tp);
	/* No task may be running. Sessions are closed without waiting for the other side. */
	void (*destroy)(struct transport *tp);
};

/* The first member of every transport's own struct. */
struct transport {
	const struct transport_ops *ops;
	struct loop *loop;
};

static inline int transport_start(struct transport *tp, struct task *const *tasks, size_t n,
				  struct pl_error *err)
{
	return tp->ops->start(tp, tasks, n, err);
}

static inline bool transport_can(const struct transport *tp, unsigned caps)
{
	return (tp->ops->caps & caps) == caps;
}

static inline void transport_destroy(struct transport *tp)
{
	if (tp != NULL)
		tp->ops->destroy(tp);
}

/* ---- the transports; each has its own header for what only it knows ---- */

/* Every name is a host and every host is this machine. */
struct transport *local_create(struct loop *loop, struct pl_error *err);

#endif
