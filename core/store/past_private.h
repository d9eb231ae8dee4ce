/*
 * past_private.h - the insides of what has been, shared by past_scan.c (the first reading), past.c
 * (the cursor) and recorded.c (who hands it out).
 */
#ifndef PL_STORE_PAST_PRIVATE_H
#define PL_STORE_PAST_PRIVATE_H

#include <stdio.h>

#include "base/strtable.h"
#include "store/past.h"

/* Lines of a journal up to a certain byte. */
struct past_reader {
	FILE *file;
	char *line;
	size_t cap, len;
	uint64_t at;   /* where `line` begins */
	uint64_t next; /* where the next one does */
	uint64_t end;
};

/* The next line in r->line: 1, 0 at the end, -1 with err. */
int past_read_line(struct past_reader *r, struct pl_error *err);

/* The name of the event of a line, as the writer puts it: `{"t":...,"ev":"NAME"`; *rest is what
 * follows. NULL: the line is none of our writer's. */
const char *past_line_event(const struct past_reader *r, size_t *len, const char **rest);

/* Which calls do not count any more, from where in the journal on that is so. */
struct past_void {
	uint64_t at;
	unsigned point;
	json_t *kept; /* of its event */
};

/* Calls of which canceled results are none: of the points in `points`, or all. */
struct past_interrupts {
	bool all;
	unsigned *points;
	size_t n, cap;
};

struct past_call {
	json_t *event;
	char *key;
	unsigned point;
	unsigned *numbers; /* the calls that it was; most often one */
	size_t n_numbers, cap_numbers;
	size_t n_tasks, n_at;
	uint64_t *at;	   /* by task: 1 + where its result is; 0: not read (yet) */
	unsigned attempts;	   /* most that a task of it took that survives; 0: one */
	struct recorded *recorded; /* who hands it out; NULL: nobody yet */
};

struct past {
	unsigned refs;
	struct loop *loop;
	char *dir;
	json_t *head, *events, *left;
	unsigned last_call;
	struct past_void *voids;
	size_t n_voids, cap_voids;
	struct strtable left_keys; /* keys of `left` */
	unsigned *skipped;	   /* points */
	size_t n_skipped, cap_skipped;

	/* the cursor */
	struct past_reader reader;
	struct past_interrupts interrupts;
	struct strtable by_key;	   /* calls read and not handed out whole */
	struct strtable by_number; /* the same, by each of their numbers */

	/* who was handed out, as ranges of numbers */
	struct past_range {
		unsigned point, first, last;
	} *kept;
	size_t n_kept, cap_kept;

	struct recorded_turns *turns; /* recorded.c */
};

/* past_scan.c */
int past_scan(struct past *p, struct pl_error *err);
void past_interrupts_take(struct past_interrupts *in, const char *ev, const json_t *event);
bool past_is_void(const struct past *p, uint64_t at, unsigned point, unsigned number);

/*
 * Reads on: the next result of a call that counts is put at its place. 1: *call and *task (from 0)
 * say whose; a call event alone gives *task SIZE_MAX. 0 at the end, -1 with err.
 */
int past_advance(struct past *p, struct past_call **call, size_t *task, struct pl_error *err);

/* The event at 1 + `at - 1` of the journal; the caller's. NULL with err. */
json_t *past_read_at(struct past *p, uint64_t at, struct pl_error *err);

/* Handed out whole: it is forgotten. */
void past_call_done(struct past *p, struct past_call *c);

/* Its numbers count as handed out. */
void past_keep(struct past *p, const struct past_call *c);

/* recorded.c */
/* A result of a call was read: who waits for it is told in a later turn. */
void recorded_note(struct past_call *call, size_t task);
void recorded_turns_destroy(struct recorded_turns *t);

#endif
