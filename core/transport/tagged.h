/*
 * tagged.h - the processes on this machine that carry PERILUNE_TASK in their environment.
 *
 * A command may start children that leave its session; what they cannot shake off without an exec
 * of their own making is the environment they were given.
 */
#ifndef PL_TRANSPORT_TAGGED_H
#define PL_TRANSPORT_TAGGED_H

#include <sys/types.h>

#define TASK_TAG_NAME "PERILUNE_TASK"

typedef void (*tagged_f)(void *arg, pid_t pid, const char *tag);

/*
 * Calls fn for every process of ours, this one excepted, whose environment at its exec had a tag.
 * Reads all of /proc: near 10 us a process, so callers ask for many tags at once. A process amid
 * an exec is not seen.
 */
void tagged_each(tagged_f fn, void *arg);

#endif
