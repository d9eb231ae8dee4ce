/*
 * lane.h - threads for calls that may hang for good, such as getaddrinfo(3): unlike the pool's,
 * nobody waits for them in the end. What a thread still has in hand then, it drops by itself.
 */
#ifndef PL_LOOP_LANE_H
#define PL_LOOP_LANE_H

#include <stdbool.h>

#include "loop/loop.h"

struct lane;

/* What is done with the `arg` of a job. */
struct lane_steps {
	void (*work)(void *arg); /* on a thread; touches only what arg owns */
	void (*done)(void *arg); /* on the loop's thread, in a later turn */
	/* instead of done, where the lane was destroyed first: frees arg, on whatever thread */
	void (*drop)(void *arg);
};

struct lane *lane_create(struct loop *loop, const struct lane_steps *steps);

/* Begins a job at once: an idle thread takes it, or a new one. The caller bounds how many there
 * are. False when no thread is to be had; then arg is still the caller's. */
bool lane_start(struct lane *lane, void *arg);

/* Before loop_destroy. Waits for nothing; NULL is a no-op. */
void lane_destroy(struct lane *lane);

#endif
