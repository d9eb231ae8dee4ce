/*
 * store.h - every run is kept: a plain folder per run and an index over all of them.
 *
 * Run folder STATE/runs/ID/ (0700):
 *	journal		JSON objects, one a line, appended by one writer; the truth
 *	controller	who conducts a run of a recipe, while it goes on: see controller.h
 *	requests	what others ask of that one: see requests.h
 *	log		what a detached run said, as it would have on the terminal
 *	out/		streams that exceeded memory
 *	attachments/	what a recipe attached
 * The index STATE/index.db (SQLite, schema version in user_version, migrated on open) only repeats
 * what the journals say, so that listing is fast; store_reindex() rebuilds it.
 *
 * An event of the journal has "t" (seconds since 1970, microseconds as decimals) and "ev" (its
 * name); see the table in journal.h for the others.
 */
#ifndef PL_STORE_STORE_H
#define PL_STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "run/sink.h"

#define STORE_INLINE_BYTES (16 * 1024) /* of a stream, in a line of the journal */

struct store;
struct store_run;

/* Opens (creating it, 0700) the state folder; the index is opened when first needed. */
struct store *store_open(const char *state_dir, struct loop *loop, struct pl_error *err);
void store_close(struct store *store); /* NULL is a no-op; runs that go on keep what they need */

/*
 * Begins a run. `head` (borrowed) is an object with at least "kind" ("exec", "run", "push"...) and
 * "name"; it becomes the journal's first event "begin". The id is made here:
 * YYYYMMDD-HHMMSS-xxxxxx (UTC), unique among the folders. run_dir: NULL for STATE/runs/ID; else a
 * folder, made when missing, that holds no run yet: STATE/runs/ID then is a link to it.
 */
struct store_run *store_run_begin(struct store *store, json_t *head, const char *run_dir,
				  struct pl_error *err);

/*
 * Goes on with the run of a recipe in this folder (of kind "run"): becomes its controller and cuts
 * a torn line off. PL_EBUSY while another process conducts it, unless `takeover` says to take its
 * place. Who goes on reads what has been (past.h) and appends "resume" before anything else.
 */
struct store_run *store_run_resume(struct store *store, const char *run_dir, bool takeover,
				   struct pl_error *err);

/* 0 while what happens can be recorded: -1 once a write failed, and for the run of a recipe once
 * another process has taken it over (PL_EBUSY). Such a run should end: nothing is lost that was
 * recorded, and it can be resumed. */
int store_run_check(struct store_run *run, struct pl_error *err);

/*
 * From now on, what others ask of the controller of this run is given to fn (the request is
 * borrowed): within a second, at once where store_ask() was called on this machine. In virtual
 * time only there. fn NULL ends it. Of the run of a recipe.
 */
void store_run_listen(struct store_run *run, void (*fn)(void *arg, const json_t *request),
		      void *arg);

/* Asks whoever conducts the run in this folder: see requests.h. */
int store_ask(const char *run_dir, const json_t *request, struct pl_error *err);

const char *store_run_id(const struct store_run *run);
const char *store_run_dir(const struct store_run *run);

/* Appends one event; takes over the reference to `fields` (an object, or NULL). Durable against a
 * crash of this process at once, against one of the machine after store_run_sync(). */
int store_run_append(struct store_run *run, const char *ev, json_t *fields, struct pl_error *err);
int store_run_sync(struct store_run *run, struct pl_error *err);

/*
 * A sink that journals a fan-out: its intent before anything is sent, each result, its end. `call`
 * names it within the run (from 1). Owned by the caller, who destroys it after the fan-out's
 * on_end; once the store_run is finished it writes nothing any more. Errors while writing are told
 * once on standard error and again by store_run_finish().
 */
struct run_sink *store_sink_create(struct store_run *run, unsigned call);
void store_sink_destroy(struct run_sink *sink); /* NULL is a no-op */

/* What a call of a recipe is found by when its run is resumed or replayed: see journal.h. */
struct store_key {
	unsigned point;
	const char *key, *digest;
	const char *step, *where; /* or NULL */
	bool once;
	unsigned again; /* the call that came first; 0 */
};

/* Before the fan-out starts: it is a call of a recipe. Outputs are recorded too, a fan-out that
 * cannot be recorded is canceled before anything of it is sent, and results that came from the
 * record are not written again. *key is copied. */
void store_sink_key(struct run_sink *sink, const struct store_key *key);

/* Appends "end" with the exit status and a verdict ("pass", "fail", "error", "canceled"), syncs,
 * indexes the run and frees it, also on error. NULL is a no-op. */
int store_run_finish(struct store_run *run, int status, const char *verdict, struct pl_error *err);

/* Frees without an end, as a crash would leave it. NULL is a no-op. */
void store_run_abandon(struct store_run *run);

/* One row of the index. Strings are valid during the callback. */
struct store_row {
	const char *id, *kind, *name, *verdict, *dir;
	double begun, ended; /* seconds since 1970; ended 0: not ended */
	int status;	     /* exit status; -1: not ended */
	int64_t hosts, failed;
};
/* Newest first, at most `limit` (0: all). fn returns false to stop. Runs that are not in the index
 * (they go on, or ended with a crash) are looked up in their folders first. */
int store_list(struct store *store, size_t limit,
	       bool (*fn)(void *arg, const struct store_row *row), void *arg, struct pl_error *err);

/* The folder of the run whose id begins with `prefix` ("last" is the newest); caller frees.
 * PL_ENOENT when none, PL_EUSAGE when several begin so. */
char *store_find(struct store *store, const char *prefix, struct pl_error *err);

/* Reads a journal from a run folder: fn gets each event (borrowed) in order. A torn last line is
 * left out and *torn set. */
int store_read(const char *run_dir, bool (*fn)(void *arg, const json_t *event), void *arg,
	       bool *torn, struct pl_error *err);

/* "3.40.1": the SQLite that this program runs with. */
const char *store_library_version(void);

/* Rebuilds the index from the folders; returns how many runs it holds, -1 on error. A damaged index
 * file is moved aside to index.db.damaged. */
int store_reindex(struct store *store, struct pl_error *err);

#endif
