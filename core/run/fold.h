/*
 * fold.h - results that say the same, together: what gather (-b) prints.
 */
#ifndef PL_RUN_FOLD_H
#define PL_RUN_FOLD_H

#include <stddef.h>

#include "run/run.h"

enum fold_by {
	FOLD_BY_OUTPUT,	 /* outcome, phase, exit code, signal and every byte of both streams */
	FOLD_BY_OUTCOME, /* outcome, phase, exit code, signal */
	FOLD_BY_STDOUT,	 /* every byte of this stream, however the tasks ended */
	FOLD_BY_STDERR,
};

struct fold_group {
	size_t *tasks; /* their numbers in the run, ascending; tasks[0] speaks for all */
	size_t n;
};

struct fold {
	struct fold_group *groups; /* largest first; among equals the one with the first task */
	size_t n;
	size_t *numbers; /* what the groups point into */
};

/*
 * Groups the tasks that are over. Streams that exceeded memory are compared by their length, their
 * kept bytes and a 64-bit hash of the rest. The fold holds numbers only, so it may outlive the run.
 * O(bytes kept + groups log groups) expected.
 */
void fold_init(struct fold *fold, const struct run *run, enum fold_by by);
void fold_fini(struct fold *fold); /* safe twice */

#endif
