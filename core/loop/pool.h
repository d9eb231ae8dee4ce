/*
 * pool.h - a few threads for work that would block: key files, a long mapping, fsync.
 * What may hang for good goes on a lane (lane.h): jobs of the pool are waited for at the end.
 *
 * The work function runs on a thread and must touch only what `arg` owns; the done function runs
 * on the loop's thread, in a later turn, exactly once for every submitted job.
 * On a virtual loop the work runs in place (deferred), so that runs are the same every time.
 */
#ifndef PL_LOOP_POOL_H
#define PL_LOOP_POOL_H

#include "loop/loop.h"

typedef void (*pool_work_f)(void *arg); /* on a pool thread */
typedef void (*pool_done_f)(void *arg); /* on the loop's thread */

/* Threads start as jobs come, at most POOL_THREADS of them. Jobs start in order. */
#define POOL_THREADS 10

void pool_submit(struct loop *loop, pool_work_f work, pool_done_f done, void *arg);

/* Jobs submitted and not yet done. */
size_t pool_pending(const struct loop *loop);

#endif
