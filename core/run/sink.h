/*
 * sink.h - who wants to know what happens in a run: printer, store, Lua.
 *
 * Every outcome passes this one interface. Calls come on the loop's thread, in order, from inside
 * the loop; a sink that cannot keep up calls run_pause() and later run_resume(), it never drops.
 * Any function may be NULL.
 */
#ifndef PL_RUN_SINK_H
#define PL_RUN_SINK_H

#include <stddef.h>

#include "transport/task.h"

struct run;
struct run_result;
struct run_sink;

struct run_sink_ops {
	void (*on_begin)(struct run_sink *sink, struct run *run);
	/* task i is handed to the transport, for the attempt-th time (from 1) */
	void (*on_attempt)(struct run_sink *sink, struct run *run, size_t i, unsigned attempt);
	/* its command runs */
	void (*on_start)(struct run_sink *sink, struct run *run, size_t i);
	/* bytes as they came, valid during the call */
	void (*on_output)(struct run_sink *sink, struct run *run, size_t i, enum stream stream,
			  const void *bytes, size_t len);
	/* all stdin written to task i so far was taken */
	void (*on_drain)(struct run_sink *sink, struct run *run, size_t i);
	/* exactly once per task, when its outcome is final (retries over) */
	void (*on_result)(struct run_sink *sink, struct run *run, size_t i,
			  const struct run_result *result);
	/* after the last on_result; the run may be destroyed in a later turn, not in here */
	void (*on_end)(struct run_sink *sink, struct run *run);
};

/* The first member of every sink's own struct. */
struct run_sink {
	const struct run_sink_ops *ops;
};

#endif
