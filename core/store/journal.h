/*
 * journal.h - the truth about one run: a file of JSON objects, one a line, append-only.
 *
 * One writer holds the file locked (flock). An event is one write(), so after a crash at most the
 * last line is torn: readers leave it out, the next writer cuts it off.
 *
 * Every event has "t" (seconds since 1970, six decimals) and "ev". The events, in the order in
 * which they can come ([] where not always there):
 *
 *	begin	  "id" "kind" "name" [what the verb adds]
 *	call	  "call" "kind" "tasks" "hosts" (folded) "command" or "argv" [or "local" "remote"]
 *		  ["sudo"]
 *		  ["cwd"] ["commands": how many different ones, then the first is shown]
 *		  before anything of it is sent
 *	result	  "call" "task" (from 1) "host" ["index"] "outcome" ["phase"] ["code"] ["signal"]
 *		  "seconds" "out" "err" (bytes that came) ["attempts"] ["why"] ["out_path"] ["err_path"]
 *	call_end  "call" "ok" "failed"
 *	(others)  what recipes and verbs record through store_run_append()
 *	end	  "status" "verdict"
 *
 * Bytes that are no UTF-8 come under NAME_base64.
 */
#ifndef PL_STORE_JOURNAL_H
#define PL_STORE_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct journal;

/* Makes the file, 0600. An existing one is PL_EBUSY. */
struct journal *journal_create(const char *path, struct pl_error *err);

/* Opens for appending and cuts a torn last line off. PL_EBUSY while another process writes it. */
struct journal *journal_open(const char *path, struct pl_error *err);
void journal_close(struct journal *j); /* NULL is a no-op */

/* Appends one event. `fields`: "name":value pairs with commas between, "" for none. After an error
 * the file holds whole lines again. */
int journal_append(struct journal *j, int64_t wall_us, const char *ev, const char *fields,
		   struct pl_error *err);
int journal_sync(struct journal *j, struct pl_error *err);

/* Gives each event (borrowed) to fn until it returns false. *torn (may be NULL): the last line had
 * no end and was left out. A line inside that is no JSON object is an error with its number. */
int journal_read(const char *path, bool (*fn)(void *arg, const json_t *event), void *arg,
		 bool *torn, struct pl_error *err);

#endif
