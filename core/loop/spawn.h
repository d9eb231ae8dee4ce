/*
 * spawn.h - the moment between fork and exec, apart from what a child is afterwards.
 */
#ifndef PL_LOOP_SPAWN_H
#define PL_LOOP_SPAWN_H

#include "loop/child.h"

/* Our ends of a new process, all above 2, non-blocking and close-on-exec; -1: there is none. */
struct spawned {
	pid_t pid;
	int in, out, err;
};

/*
 * Starts spec; returns when the program runs, or -1 with the reason why it does not.
 * The address space is shared until then (vfork), so the cost does not grow with our memory.
 */
int spawn_process(const struct child_spec *spec, struct spawned *s, struct pl_error *err);

#endif
