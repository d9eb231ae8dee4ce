/*
 * index.h - what all runs came to, in one SQLite file, so that listing is fast. It only repeats
 * what the journals say and can be made anew from them.
 *
 * The schema's version is in user_version; an older file is brought up step by step when opened,
 * a newer one is refused. Several processes may use it at once.
 */
#ifndef PL_STORE_INDEX_H
#define PL_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "store/store.h"

#define INDEX_VERSION 2

struct index;

/*
 * Opens, making or migrating it. Errors: PL_EUNSUPPORTED made by a newer program; PL_EBUSY locked
 * for long; PL_ENOENT damaged (the caller may make it anew); PL_ESYS.
 */
struct index *index_open(const char *path, struct pl_error *err);
void index_close(struct index *ix); /* NULL is a no-op */

/* Adds or replaces the row of row->id. One transaction, unless inside begin and commit. */
int index_put(struct index *ix, const struct store_row *row, struct pl_error *err);

/* begin with `empty` also takes all rows out; nothing is seen by others before the commit. */
int index_begin(struct index *ix, bool empty, struct pl_error *err);
int index_commit(struct index *ix, struct pl_error *err);
void index_rollback(struct index *ix);

/* Newest first, at most `limit` (0: all), of ids that begin with `prefix` ("": any). */
int index_list(struct index *ix, const char *prefix, size_t limit,
	       bool (*fn)(void *arg, const struct store_row *row), void *arg, struct pl_error *err);

#endif
