/*
 * past.h - what a run folder says has been, for who goes on with the run or runs its Lua again.
 *
 * The journal is read twice, each time once from its beginning to where it ended when it was
 * opened. past_open() looks at every line and keeps what is few: the beginning, points and how they
 * ended, calls that lack results. Later a cursor moves over calls and results, no further than is
 * asked for: a call that the recipe makes is found by its key, its results are handed out in the
 * order in which they came (recorded.h). Memory is held for what lies between the cursor and the
 * recipe, not for what has been: about 200 bytes for each call that was read and not asked for yet,
 * and 8 for each task.
 *
 * What counts: not the calls of points that past_skip() names, nor those that a later "diverged"
 * leaves out; not results that are canceled after an "interrupt". Calls with the same key (issued
 * again as the first lacked results) are one.
 */
#ifndef PL_STORE_PAST_H
#define PL_STORE_PAST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"

struct past;
struct past_call;

/* O(journal). Counted: each past_ref() needs a past_unref(). */
struct past *past_open(const char *run_dir, struct loop *loop, struct pl_error *err);
struct past *past_ref(struct past *p);
void past_unref(struct past *p); /* NULL is a no-op */

/* The event "begin"; borrowed. */
const json_t *past_head(const struct past *p);

/* Events of the names point, point_end, diverged, resume, end, in order; borrowed. */
const json_t *past_events(const struct past *p);

/*
 * Calls of recipes that lack results, as their events with "calls" (the numbers it had) and "left"
 * (an array of host names) added; borrowed. Points that have ended have none, but for those that
 * were interrupted.
 */
const json_t *past_left(const struct past *p);

/* The number of the last call; 0: there is none. */
unsigned past_last_call(const struct past *p);

/* Calls of this point do not count. Before the first past_find(). */
void past_skip(struct past *p, unsigned point);

/*
 * The call of this key, NULL when none was recorded (*err has code PL_EOK then) or the journal
 * cannot be read. Stays until it was handed out whole. O(what lies between the cursor and it).
 */
struct past_call *past_find(struct past *p, const char *key, struct pl_error *err);

/* Its event; borrowed. */
const json_t *past_call_event(const struct past_call *c);
size_t past_call_tasks(const struct past_call *c);

/* Whether all of its results are there. Known from the start. */
bool past_call_is_whole(const struct past *p, const struct past_call *c);

/* A call that is made now counts, whatever is left out later. */
void past_keep_number(struct past *p, unsigned point, unsigned number);

/* The numbers of all calls of this point that were handed out or made so far: [[FIRST, LAST], ...].
 * The caller's. */
json_t *past_kept(const struct past *p, unsigned point);

#endif
