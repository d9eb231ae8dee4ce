/* store_private.h - the insides of a store, shared by the files of this room called store*.c */
#ifndef PL_STORE_STORE_PRIVATE_H
#define PL_STORE_STORE_PRIVATE_H

#include "store/controller.h"
#include "store/index.h"
#include "store/journal.h"
#include "store/requests.h"
#include "store/store.h"

struct store {
	char *dir;  /* absolute */
	char *runs; /* DIR/runs */
	struct loop *loop;
	int64_t clock_ahead_us; /* of ours before the loop's: not 0 when that is virtual */
	struct index *index; /* NULL until first needed */
	unsigned refs;	     /* the caller's and one per run that is not over */
};

struct store_sink;

struct store_run {
	struct store *store;
	struct journal *journal;
	struct controller *controller; /* of a recipe's run, else NULL */
	struct requests *requests;     /* with a controller */
	struct loop_signal *on_poke;   /* somebody here has asked */
	void (*on_request)(void *arg, const json_t *request); /* NULL: nobody listens yet */
	void *on_request_arg;
	struct loop_defer hear; /* what others ask */
	int64_t looks;		/* for requests, one in REQUESTS_LOOK_US */
	char *id, *dir, *kind, *name;
	struct store_row row; /* counts so far; the same as a digest of the journal */
	struct store_sink *sinks;
	bool broken; /* an event could not be written */
	struct pl_error first_error;
};

/* The index, opened now if need be; NULL with err. */
struct index *store_index(struct store *store, struct pl_error *err);
void store_unref(struct store *store);

/* Microseconds since 1970 for what is recorded. A rehearsal begins when it does for the person who
 * runs it, and its hours pass from there. */
int64_t store_wall_us(const struct store *store);

/* Makes a folder and those above it; one that exists is fine. */
int store_make_folders(const char *path, struct pl_error *err);

/* An event with fields as in journal_append, for events nobody waits for: an error is told once
 * and kept for the end. */
void store_run_note(struct store_run *run, const char *ev, const char *fields);

/* Something could not be recorded: told once, and kept for the end. */
void store_run_break(struct store_run *run, const struct pl_error *err);

/* A new file, 0600, of these bytes, in the place of one that is there; its folder (0700) is made
 * when missing. */
int store_write_new(const char *folder, const char *path, const void *bytes, size_t len,
		    struct pl_error *err);

/* Puts rows into the index that it lacks or that are out of date: runs that go on, or that ended
 * without an end. */
int store_catch_up(struct store *store, struct pl_error *err);

/* store_sink.c: its run is over; what comes later is not written. */
void store_sink_detach(struct store_sink *sink);

#endif
