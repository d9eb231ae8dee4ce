/*
 * run.h - the same kind of work on many hosts: a window of tasks over a transport, one outcome
 * each. Knows no protocol.
 *
 *	PENDING -> STARTING -> RUNNING -> CLOSING -> DONE | FAILED | TIMEDOUT | CANCELED
 *
 * A task that could not be reached or was lost before the first byte of its exec request was
 * written is tried again up to `retries` times, after a short jittered pause that holds no place in
 * the window. One that had begun never is, nor one whose login or host key was refused: that is an
 * answer.
 */
#ifndef PL_RUN_RUN_H
#define PL_RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "run/redact.h"
#include "run/sink.h"
#include "transport/transport.h"

#define RUN_KEEP_BYTES (1024 * 1024)
#define RUN_KEEP_TOTAL (32 * 1024 * 1024) /* of all tasks together; more is parked on disk */
#define RUN_NO_LIMIT SIZE_MAX

struct run_task {
	const char *host;	       /* borrowed until run_destroy */
	unsigned index;		       /* which of several on this host */
	const struct command *command; /* borrowed until run_destroy; may be shared */
};

struct run_spec {
	struct loop *loop;
	struct transport *transport;
	const char *id; /* prefix of the tags: "ID.HOST.TASK.ATTEMPT"; letters, digits, '.', '-', '_' */
	const struct run_task *tasks; /* copied; in the order in which they start */
	size_t n_tasks;
	size_t fanout;		 /* tasks being started or working at once; >= 1 */
	bool gang;		 /* fanout bounds only those being started: all must run at once,
				  * and one that fails cancels the others */
	size_t serial; /* batches of so many, in order: the next begins when all of one have ended,
			* and only when not more than max_fail failed (NO_LIMIT: none did); 0: all
			* at once. Not with gang. */
	int64_t timeout_us;	 /* from on_start; 0: none */
	int64_t idle_timeout_us; /* without output; 0: none */
	unsigned retries;
	bool fail_fast;	     /* the first failure cancels the rest */
	size_t max_fail;     /* more failures than this cancel the rest; RUN_NO_LIMIT */
	size_t keep_bytes;   /* of each stream of each task kept in memory; the rest spills */
	const struct redactor *redactor; /* what no stream may show; borrowed; NULL: nothing */
	const char *spill_dir; /* folder for what exceeds keep_bytes, made when first needed in one
				* that exists; NULL: it is dropped from memory but counted, and
				* sinks still see every byte */
};

struct run_result {
	const char *host;
	unsigned index;
	struct task_result end; /* outcome NONE while it is not over */
	unsigned attempts;
	int64_t started_us; /* loop time of the last attempt's start of work; -1: never */
	int64_t seconds_us; /* from being handed to the transport to its end */
	const char *out, *err; /* kept bytes, NUL-terminated, NULL when empty */
	size_t out_len, err_len;
	uint64_t out_total, err_total;	 /* bytes that came */
	const char *out_path, *err_path; /* the whole stream on disk once it spilled, else NULL */
	bool past; /* of a record: it did not run now */
};

struct run_summary {
	size_t n_tasks, n_ended;
	size_t by_outcome[OUTCOMES];
};

/*
 * Checks the spec and starts. Sinks are borrowed until on_end; their calls begin in a later turn.
 * Errors: PL_EUSAGE for a spec that makes no sense, PL_EUNSUPPORTED for what the transport
 * cannot do. O(n_tasks).
 */
struct run *run_start(const struct run_spec *spec, struct run_sink *const *sinks, size_t n_sinks,
		      struct pl_error *err);

/* Asks everything to end; what has not started ends as canceled at once (in a later turn). */
void run_cancel(struct run *run);
void run_cancel_task(struct run *run, size_t i); /* one of them */

/* Counted: as many resumes as pauses. While paused no output is read from any task. */
void run_pause(struct run *run);
void run_resume(struct run *run);

/*
 * Bytes for the stdin of task i, or of all with RUN_ALL_TASKS; close ends it. Needs
 * command.stdin_open. Tasks that have not started get it from their start on, so what is written
 * for all is held until the last has had it: past RUN_STDIN_BYTES in a file of spill_dir without
 * a name. run_stdin_pending: most bytes any one task still has queued, to pace a reader of a
 * large file.
 */
#define RUN_ALL_TASKS SIZE_MAX
#define RUN_STDIN_BYTES (1024 * 1024)
void run_write(struct run *run, size_t i, const void *bytes, size_t len);
void run_close_stdin(struct run *run, size_t i);
size_t run_stdin_pending(const struct run *run);

int run_signal(struct run *run, size_t i, int signo, struct pl_error *err);

bool run_ended(const struct run *run);
const char *run_id(const struct run *run);
size_t run_count(const struct run *run);
const char *run_host(const struct run *run, size_t i);
const struct command *run_command(const struct run *run, size_t i);
enum outcome run_outcome(const struct run *run, size_t i); /* NONE while it is not over */

/* Fills *out; what it points to is valid until run_destroy, once the task is over. (A result is
 * kept compact in between: 100,000 of them must fit into few megabytes.) */
void run_result(const struct run *run, size_t i, struct run_result *out);
void run_summary(const struct run *run, struct run_summary *out);

/* The worst exit status of all outcomes so far. Tasks cancelled because a limit was reached
 * (fail_fast, max_fail, gang) do not count: the failures that reached it do. */
int run_exit_status(const struct run *run);

/* Who is being waited for: calls fn for each task handed out and not ended, in order, with its
 * phase (PHASE_STREAM once it runs) and how long it has been in it without a sign of life. */
typedef void (*run_waiting_f)(void *arg, size_t i, const char *host, enum phase phase,
			      int64_t since_us);
void run_waiting(const struct run *run, run_waiting_f fn, void *arg);

/* Only in a later turn than on_end (asserted). NULL is a no-op. */
void run_destroy(struct run *run);

/* The exit status of interface.md for one outcome, and the worse of two (order 2, 130/143, 3, 124,
 * 1, 99). */
int outcome_exit_status(enum outcome o);
int exit_status_worse(int a, int b);

#endif
