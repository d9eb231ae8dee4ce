/*
 * recorded.h - a transport that answers the tasks of one call from the record of a run, and those
 * that have no result through another transport.
 *
 * Results come in the order in which they were recorded, over all calls that are handed out at the
 * time, each with the bytes that it had (task_past, task.h says how it was). After the end of a
 * call others wait for a few turns of the loop, so that what the recipe does next comes before
 * them, as it did. One that was canceled is told when a cancel is asked again: before that nothing
 * would have ended it. Tasks are told apart by the number in their tag (ID.HOST.TASK.ATTEMPT).
 */
#ifndef PL_STORE_RECORDED_H
#define PL_STORE_RECORDED_H

#include "store/past.h"
#include "transport/transport.h"

/* What becomes of a task that has no result. */
enum recorded_rest {
	RECORDED_AGAIN,  /* it runs, through the other transport */
	RECORDED_SKIP,	 /* it does not: its outcome is "lost" */
	RECORDED_ATTACH, /* what survives is followed again where it still is; else it runs */
};

/*
 * For one run of this call. `live` may be NULL when the call is whole; it outlives this one. `run`
 * is the id of the recorded run, for the tags of what is attached to. The call is forgotten when
 * its last result was handed out.
 */
struct transport *recorded_create(struct past *past, struct past_call *call,
				  struct transport *live, enum recorded_rest rest, const char *run);

#endif
