/*
 * child.h - a process of ours on this machine, with its three streams.
 *
 * on_exit fires exactly once, when the process has died AND both output streams are at their end
 * (whichever comes last), and nothing fires after it. State: RUNNING -> (DEAD | DRAINED) -> GONE.
 */
#ifndef PL_LOOP_CHILD_H
#define PL_LOOP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "loop/loop.h"

struct child;

enum child_stream { CHILD_STDOUT = 1, CHILD_STDERR = 2 };

struct child_spec {
	const char *const *argv;  /* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *env;	  /* NULL-terminated "NAME=value", added to ours; NULL: none */
	const char *cwd;	  /* NULL: ours */
	bool stdin_open;	  /* false: /dev/null */
	int socket;		  /* above 2: becomes its stdin and stdout; 0: none */
	bool stdin_terminal;	  /* our controlling terminal instead, where there is one */
	bool merge;		  /* stderr into stdout */
	bool new_session;	  /* setsid(): the child leads a session and group of its own */
	int death_signal;	  /* what it gets when we are gone, SIGKILLed even; 0: nothing */
};

struct child_events {
	/* bytes are valid during the call */
	void (*on_output)(void *arg, enum child_stream stream, const void *bytes, size_t len);
	/* what was written to stdin has been taken by the pipe; may be NULL */
	void (*on_drain)(void *arg);
	/* status as from waitpid(2). The child may be destroyed in here. */
	void (*on_exit)(void *arg, int status);
};

/*
 * Starts a process. Signals are at their defaults and unblocked in it, descriptors above 2 closed.
 * A program that cannot be executed is an error here (not exit 127 later): PL_ENOENT when it or cwd
 * is not there, PL_EUSAGE when it is there but cannot be run or entered, PL_ESYS when there is no
 * process or descriptor to be had. The cost does not depend on how much memory we hold.
 */
struct child *child_spawn(struct loop *loop, const struct child_spec *spec,
			  const struct child_events *events, void *arg, struct pl_error *err);

pid_t child_pid(const struct child *c);

/* Queues bytes for stdin (copied). child_stdin_pending tells how many still wait. A reader that
 * went away drops them silently, as a closed pipe does; on_drain fires for those too. */
void child_write(struct child *c, const void *bytes, size_t len);
size_t child_stdin_pending(const struct child *c);
void child_close_stdin(struct child *c); /* after what is queued */

void child_pause(struct child *c); /* stops reading its output: back-pressure through the pipe */
void child_resume(struct child *c);

/* Signals the process, or its whole group when it leads one: also while its leader is dead and
 * others of the group hold its output. After on_exit a no-op. */
void child_signal(struct child *c, int signo);

/* Kills every child of the loop (SIGKILL, groups included) and reaps none: for a program that
 * leaves at once. Async-signal-safe while no other function of the loop is running. */
void child_kill_all(struct loop *loop);

/* Kills what still runs (SIGKILL, group included), reaps it and frees; no callback fires.
 * NULL is a no-op. */
void child_destroy(struct child *c);

#endif
