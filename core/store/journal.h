/*
 * journal.h - the truth about one run: a file of JSON objects, one a line, append-only.
 *
 * One writer holds the file locked (flock). An event is one write(), so after a crash at most the
 * last line is torn: readers leave it out, the next writer cuts it off.
 *
 * Every event has "t" (seconds since 1970, six decimals; the order is that of the lines, whatever
 * the clock did) and "ev". The events, in the order in which they can come ([] where not always
 * there):
 *
 *	begin	  "id" "kind" "name" [what the verb adds]
 *	call	  "call" "kind" "tasks" "hosts" (folded) "command" or "argv" [or "local" "remote"]
 *		  ["sudo"] ["survive"] ["detach"]
 *		  ["cwd"] ["commands": how many different ones, then the first is shown]
 *		  of a recipe: "point" "key" ["step"] "digest" ["where"] ["once"]
 *		  ["again": the call of this key that came first and lacks results; results of this
 *		  one are only those that it lacked]
 *		  before anything of it is sent
 *	attempt	  "call" "task" "attempt" (from 2; of calls that survive)
 *	result	  "call" "task" (from 1) "host" ["index"] "outcome" ["phase"] ["code"] ["signal"]
 *		  "seconds" "out" "err" (bytes that came) ["attempts"] ["why"] ["out_path"] ["err_path"]
 *		  of a recipe also the bytes: ["stdout"] ["stderr"], past STORE_INLINE_BYTES the files
 *		  ["stdout_file"] ["stderr_file"], and all that came in those of out_path and err_path;
 *		  where fewer are there than came, the first of them. Paths are from the run folder
 *	call_end  "call" "ok" "failed"
 *	interrupt ["point"] what is canceled from here on is no result: the run is ended from outside
 *		  (of one point: by a mistake of the recipe)
 *	point	  "point" (from 1) "name" "options"
 *	diverged  "point" ["where"] "kept": what was called in this point before counts no more, but for
 *		  the calls of these ranges [[FIRST, LAST], ...]
 *	point_end "point" "verdict" ["cause"] "status" ["why"] "entry": the whole of it as in the report
 *		  ["inputs": files that maps of it were made from, with their SHA-256]
 *	print	  "text": what a recipe printed
 *	(others)  what recipes and verbs record through store_run_append()
 *	end	  "status" "verdict"
 *	resume	  "call": the last that was there. A controller goes on; what follows counts as before
 *
 * A key is POINT/PASS/TASK/N: the Lua task by the order in which tasks were started ("1.2": the
 * second task that the first one started), and the N-th call of it.
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

/* Opens for appending and cuts a torn last line off, on a file system where files only grow by
 * renaming a copy into its place. PL_EBUSY while another process writes it. */
struct journal *journal_open(const char *path, struct pl_error *err);

/* The same where another process may write it: a copy takes its place, and what that process still
 * writes goes nowhere. O(its size). */
struct journal *journal_take_over(const char *path, struct pl_error *err);

void journal_close(struct journal *j); /* NULL is a no-op */

/* Appends one event. `fields`: "name":value pairs with commas between, "" for none. After an error
 * the file holds whole lines again, or takes no more. */
int journal_append(struct journal *j, int64_t wall_us, const char *ev, const char *fields,
		   struct pl_error *err);
int journal_sync(struct journal *j, struct pl_error *err);

/* Gives each event (borrowed) to fn until it returns false. *torn (may be NULL): the last line had
 * no end and was left out. A line inside that is no JSON object is an error with its number. */
int journal_read(const char *path, bool (*fn)(void *arg, const json_t *event), void *arg,
		 bool *torn, struct pl_error *err);

#endif
