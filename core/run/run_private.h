/*
 * run_private.h - the insides of a run, shared by the files of this room that begin with run_ and
 * by fold.c.
 *
 * A slot is what a task costs while it is idle or over; an attempt is what it costs while it is
 * handed out or waits to be tried again. Only so many of these exist as the window is wide.
 */
#ifndef PL_RUN_RUN_PRIVATE_H
#define PL_RUN_RUN_PRIVATE_H

#include "base/ring.h"
#include "base/strbuf.h"
#include "run/output.h"
#include "run/run.h"

/*
 *	PENDING -> STARTING -> RUNNING -> DONE | FAILED
 *	   ^           |          |
 *	   +-- retry --+----------+-> CLOSING -> TIMEDOUT | CANCELED | DONE | FAILED
 */
enum slot_state {
	SLOT_PENDING,  /* not handed out; with an attempt: waits to be tried again */
	SLOT_STARTING, /* handed to the transport */
	SLOT_RUNNING,  /* its command runs */
	SLOT_CLOSING,  /* told to end; without an attempt: swept in the next turn */
	SLOT_DONE,
	SLOT_FAILED,
	SLOT_TIMEDOUT,
	SLOT_CANCELED,
};

enum slot_event {
	SLOT_ON_HAND_OUT, /* there is a place in the window */
	SLOT_ON_START,	  /* the command runs */
	SLOT_ON_TIMER,	  /* its timer fired */
	SLOT_ON_CANCEL,	  /* somebody asked */
	SLOT_ON_END,	  /* the transport's result is there */
};

struct attempt;

/* Bytes for the stdin of tasks that have not started yet: first those in the file, then those in
 * memory. */
struct stdin_log {
	int fd;		   /* of the file; 0: none */
	uint64_t in_file;  /* bytes there */
	struct strbuf bytes;
	bool refused;	   /* the disk did not take it: the rest stays in memory */
	bool closed;
};

struct slot {
	const char *host;
	const struct command *command;
	struct attempt *attempt;
	struct output *out, *err;  /* NULL until a byte came */
	struct stdin_log *input;   /* NULL: the run's */
	char *why, *detail;	   /* NULL: nothing to say */
	int64_t started_us, seconds_us;
	uint64_t bytes; /* of a copy */
	int code;
	unsigned index;
	unsigned attempts;
	char signal[16];
	uint8_t state;	 /* enum slot_state */
	uint8_t outcome; /* enum outcome */
	uint8_t phase;	 /* enum phase */
	bool begun;
	bool past;
	bool had_input; /* what waited for its stdin was handed over, or never will be */
};

struct attempt {
	struct run *run;
	struct slot *slot;
	struct ring link; /* in run->live or run->again */
	struct task task;
	struct loop_timer timer; /* deadlines while RUNNING, the pause before a retry in PENDING */
	int64_t handed_us;
	int64_t sign_us;    /* last sign of life */
	size_t stdin_queued; /* written and not yet known to be taken */
	uint64_t stdin_at;   /* while behind: how much of run->input it has had */
	bool behind;	     /* gets its stdin from run->input, as it takes it */
	enum phase phase;
	enum outcome ending; /* what an end by our request will be called */
	struct redact_held held[2]; /* by stream, while there is a redactor */
	char tag[];
};

struct run {
	struct run_spec spec; /* strings are our own copies */
	char *id, *spill_dir;
	struct slot *slots;
	struct run_sink **sinks;
	size_t n_sinks;
	struct loop_defer tick;
	size_t next;		/* first slot never handed out */
	size_t batch_end;	/* slots from here on belong to later batches */
	size_t batch_left;	/* of those before, not ended */
	size_t n_live;		/* handed out and not ended */
	size_t n_starting;	/* of these, not yet RUNNING */
	size_t n_unstarted;	/* tasks whose stdin has not been handed over */
	size_t n_behind;	/* attempts that are behind */
	size_t n_ended, n_failed;
	size_t by_outcome[OUTCOMES];
	struct ring live;	/* attempts that are handed out */
	struct ring again;	/* attempts to be handed out again, first come first */
	struct stdin_log input; /* for all */
	unsigned paused;
	enum { RUN_NEW, RUN_GOING, RUN_ENDED } state;
	struct output_budget budget; /* of what the tasks have written */
	bool sweep;	  /* slots CLOSING without an attempt wait for their end */
	bool limited;	  /* a limit was reached and has cancelled the rest */
	bool interrupted; /* somebody asked to cancel, not a limit */
	bool disk_told;	  /* a failed spill was reported */
};

#define RUN_TELL(run, call, ...)                                                                   \
	do {                                                                                       \
		for (size_t s_ = 0; s_ < (run)->n_sinks; s_++) {                                   \
			struct run_sink *sink_ = (run)->sinks[s_];                                 \
			if (sink_->ops->call != NULL)                                              \
				sink_->ops->call(sink_, (run), ##__VA_ARGS__);                     \
		}                                                                                  \
	} while (0)

static inline size_t slot_number(const struct run *run, const struct slot *slot)
{
	return (size_t)(slot - run->slots);
}

/* run_slot.c: the one place where a slot changes its state */
void slot_step(struct run *run, struct slot *slot, enum slot_event event,
	       const struct task_result *result);

/* run_limits.c */
void limits_arm(struct attempt *a);	       /* deadlines, from the start of the command */
enum outcome limits_check(struct attempt *a);  /* TIMEOUT, IDLE, or NONE and armed again */
bool limits_may_retry(const struct slot *slot, unsigned retries, const struct task_result *result);
void limits_pause(struct attempt *a);	       /* arms the pause before the next attempt */
bool limits_reached(const struct run *run);    /* too many failed */
bool limits_end_batches(const struct run *run); /* the batch that has ended was the last */
void limits_explain(const struct run *run, enum outcome why, char *text, size_t size);

/* run_stdin.c */
void stdin_hand_over(struct attempt *a); /* at the start of the command: all that waits for it */
void stdin_catch_up(struct attempt *a);	 /* it has taken what it was given */
void stdin_leave(struct attempt *a);	 /* it has ended */
void stdin_forget(struct run *run, struct slot *slot); /* it will never start */
void stdin_fini(struct run *run);

#endif
