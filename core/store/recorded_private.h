/*
 * recorded_private.h - a task that is answered from the record, shared by recorded.c (the
 * transport), recorded_turns.c (whose turn it is), recorded_tell.c (how a result is told) and
 * recorded_live.c (tasks that have none).
 */
#ifndef PL_STORE_RECORDED_PRIVATE_H
#define PL_STORE_RECORDED_PRIVATE_H

#include <jansson.h>

#include "base/ring.h"
#include "store/past_private.h"
#include "store/recorded.h"
#include "transport/outlive.h"

/*
 *	WAITING -> READY -> TELLING -> (gone)
 *	   |         \-> HELD -> READY
 *	   \-> LIVE [-> CLEARING] -> (gone)
 *	        ^ |
 *	        ATTACHED
 */
enum rec_state {
	REC_WAITING,  /* the cursor has not come to its result */
	REC_READY,    /* it has: in the heap, by its place in the journal */
	REC_TELLING,  /* its bytes are being told */
	REC_HELD,     /* it was canceled: waits for that */
	REC_ATTACHED, /* lives: what survived is followed */
	REC_LIVE,     /* it runs */
	REC_CLEARING, /* what survived has ended, its files are removed */
};

struct rec_task {
	struct recorded *r;
	struct task *task;
	size_t number; /* from 0 */
	uint64_t at;   /* 1 + where its result is */
	struct ring link; /* among all of its transport */
	enum rec_state state;
	bool paused, cancel_asked;

	/* TELLING */
	json_t *event;
	struct rec_stream {
		const char *bytes;
		char *owned;
		size_t len, told;
		int fd; /* of a file with all of it, or -1 */
	} out, err;

	/* with the other transport */
	struct task live;
	struct outlive outlive;
	bool has_outlive;
	size_t attach; /* which of the call's numbers is tried */
	bool absent, spoken; /* nothing of it is there; it has said something */
	char *tag;
	struct task_result result; /* of what has ended and is cleared away */
};

struct recorded {
	struct transport base;
	struct past *past;
	struct past_call *call;
	struct transport *live;
	enum recorded_rest rest;
	char *run;
	struct ring tasks;
	struct rec_task **by_number; /* those whose first attempt it is */
	size_t n_tasks;	  /* of the call */
	size_t n_started; /* of these, by the run */
	size_t n_waiting; /* REC_WAITING */
	size_t n_owed;	  /* WAITING to HELD: what the record may still have to say */
	unsigned *numbers; /* of the call, once it is known that it lacks results */
	size_t n_numbers;
	unsigned attempts;
	struct ring link; /* among those with waiting tasks */
};

/* What all transports of one record share: whose turn it is. */
struct recorded_turns {
	struct past *past;
	struct loop_defer turn;
	struct rec_task **heap; /* READY, the first in the journal on top */
	size_t n, cap;
	struct ring waiting; /* those with REC_WAITING tasks */
	unsigned settle; /* turns to wait */
};

/* recorded.c: the last thing that is done with a task. */
void recorded_deliver(struct rec_task *x, const struct task_result *result);

/* recorded_turns.c */
struct recorded_turns *recorded_turns_of(struct past *past); /* made when needed */
void recorded_wait(struct recorded_turns *t, struct recorded *r); /* one more task of r waits */
void recorded_make_ready(struct recorded_turns *t, struct rec_task *x, uint64_t at);

/* recorded_tell.c: the first reads the result, the second goes on where the task was paused or
 * held; both may deliver it. */
void recorded_begin_telling(struct rec_task *x);
void recorded_tell(struct rec_task *x);
/* The record has nothing more to say of one of its tasks. */
void recorded_settle_one(struct recorded *r);

/* recorded_live.c: a task without a result, through the other transport. */
void recorded_go_live(struct rec_task *x);

#endif
