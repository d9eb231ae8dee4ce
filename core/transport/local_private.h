/*
 * local_private.h - a task of the local transport, shared by local.c (how it begins and runs) and
 * local_ending.c (how it is ended when somebody asks).
 */
#ifndef PL_TRANSPORT_LOCAL_PRIVATE_H
#define PL_TRANSPORT_LOCAL_PRIVATE_H

#include <sys/types.h>

#include "base/ring.h"
#include "base/strbuf.h"
#include "loop/child.h"
#include "transport/copy.h"
#include "transport/outlive.h"
#include "transport/transport.h"

/*
 *	QUEUED -> RUNNING --> (CLEARING) -------> DONE
 *	   |         `-> ENDING -> (KILLED) ------^
 *	   `--------------------------------------'
 */
enum local_state {
	LOCAL_QUEUED,  /* accepted, not begun */
	LOCAL_RUNNING, /* the process lives, its output is open, or what it copied is put in place */
	LOCAL_ENDING,  /* was told to end; the grace runs */
	LOCAL_KILLED,  /* was killed; what remains should go any moment */
	LOCAL_CLEARING, /* what survived has ended: its files are being removed */
	LOCAL_DONE,    /* the result waits for its delivery */
};

struct local_task {
	struct local *local;
	struct task *task;
	struct ring link; /* among the queued or the ending tasks, or in none */
	enum local_state state;
	struct task_result result;
	struct loop_defer done;

	struct child *child; /* NULL before it began and after it is gone */
	pid_t pid;
	struct strbuf early; /* stdin written before the child was there */
	bool early_close;
	bool paused;
	int status; /* of what survived and has ended */

	struct loop_timer grace;
	bool looked;   /* processes with its tag were told to end */
	unsigned left; /* how many of them the last look found */
	unsigned empty_looks; /* in a row */

	struct copy *copy; /* TASK_PUT, TASK_GET */
};

struct local {
	struct transport base;
	char *shell;
	struct copy_sources *copies;
	struct ring queue;  /* tasks that are to begin */
	struct ring ending; /* tasks that are told to end */
	struct loop_defer starter;
	struct loop_timer look;
	int64_t looked_us;
	size_t children;
};

/* local.c: sets the result; on_done follows in a later turn. */
void local_finish(struct local_task *t, enum outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* local.c: frees the child, whatever its state, and its place among those that may run. */
void local_drop_child(struct local_task *t);

/* local_ending.c */
void ending_init(struct local *local);
void ending_init_task(struct local_task *t);
void ending_start(struct local_task *t);  /* RUNNING -> ENDING */
void ending_exited(struct local_task *t); /* its process is gone and its output at the end */
void ending_signal(const struct local_task *t, int signo); /* to all with its tag, once */
void ending_fini_task(struct local_task *t);

#endif
