/*
 * hostlist.h - ordered host sets: parse, expand, fold, algebra. Pure data.
 *
 * A host set keeps each name once, in the order of first mention, and keeps zero padding. The
 * order is what ranks, tasks and records follow; only folded text is sorted (naturally:
 * node9 < node10).
 *
 * An index by name is built inside when find, add or algebra first need it, also in a const list:
 * a list belongs to one thread at a time.
 *
 * Expressions, operators of equal precedence from left to right:
 *	node[001-128]		ranges, zero padding kept	r[1-8]t[01-18]	several groups
 *	node[0-70/2]		a step				node[1,3,7-9]	a list
 *	A,B  A B		union				A!B		difference
 *	A&B			intersection			A^B		symmetric difference
 *	^FILE			one set a line, # comments; only at the start or after an
 *				operator; ^- and a lone - are standard input
 *	@group  @source:group	asked of the resolver
 *	*  ?			over the inventory, asked of the resolver
 *
 * Both ends of a range are padded alike: [08-11] and [8-11], not [08-112]. A number next to a
 * group is text: n0[8-12] is n08 .. n012. What agrees with ClusterShell's nodeset is tested
 * against it; where nodeset refuses (two groups side by side) or reads otherwise (a space within
 * a name, negative numbers) this header leads.
 */
#ifndef PL_SET_HOSTLIST_H
#define PL_SET_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pl_hostlist;

/* The most names an expression may expand to; more is an error that says so. */
#define PL_HOSTLIST_MAX 10000000

/* What an expression asks of its surroundings. Any function may be NULL: then that is an error
 * that says what is missing. */
struct pl_hostlist_resolver {
	/* Adds the members of a group to `out`. source is "" for @group. Error: PL_ENOENT. */
	int (*group)(void *arg, const char *source, const char *group, struct pl_hostlist *out,
		     struct pl_error *err);
	/* The inventory that * and ? choose from, or NULL with err. Borrowed. */
	const struct pl_hostlist *(*inventory)(void *arg, struct pl_error *err);
	void *arg;
	bool no_files;	  /* refuse ^FILE (text from elsewhere) */
	size_t max_names; /* a limit below PL_HOSTLIST_MAX; 0: PL_HOSTLIST_MAX */
};

PL_API struct pl_hostlist *pl_hostlist_create(void);
PL_API void pl_hostlist_destroy(struct pl_hostlist *h); /* NULL is a no-op */
PL_API struct pl_hostlist *pl_hostlist_copy(const struct pl_hostlist *h);

/*
 * Reads an expression. resolver may be NULL. Returns NULL with the column (from 1) of what is
 * wrong: PL_EUSAGE for the text itself, the resolver's own code for a group or the inventory,
 * PL_ENOENT or PL_ESYS for a ^FILE that cannot be read (an error inside one names its line).
 * O(names).
 */
PL_API struct pl_hostlist *pl_hostlist_parse(const char *text,
					     const struct pl_hostlist_resolver *resolver,
					     struct pl_error *err);

PL_API size_t pl_hostlist_count(const struct pl_hostlist *h);

/* The i-th name, from 0; valid until the list changes. NULL past the end. O(1). */
PL_API const char *pl_hostlist_name(const struct pl_hostlist *h, size_t i);

/* The place of a name, or SIZE_MAX. O(1) expected. */
PL_API size_t pl_hostlist_find(const struct pl_hostlist *h, const char *name);

/* Adds one literal name (no expression) at the end; false when it was there, or is empty. */
PL_API bool pl_hostlist_add(struct pl_hostlist *h, const char *name);

/* Algebra: a changes, b does not. The order of a is kept, new names follow in the order of b. */
PL_API void pl_hostlist_union(struct pl_hostlist *a, const struct pl_hostlist *b);
PL_API void pl_hostlist_subtract(struct pl_hostlist *a, const struct pl_hostlist *b);
PL_API void pl_hostlist_intersect(struct pl_hostlist *a, const struct pl_hostlist *b);
PL_API void pl_hostlist_xor(struct pl_hostlist *a, const struct pl_hostlist *b);

/* Names [first, first + n) as a new list, cut at the end. */
PL_API struct pl_hostlist *pl_hostlist_slice(const struct pl_hostlist *h, size_t first, size_t n);

/* The folded form, "node[001-128],x"; the caller frees it. Never NULL. O(N log N). */
PL_API char *pl_hostlist_fold(const struct pl_hostlist *h);

/* The names in order with sep between; the caller frees it. Never NULL. */
PL_API char *pl_hostlist_join(const struct pl_hostlist *h, const char *sep);

/* Natural order of two names, as folding sorts: digits compare as numbers. <0, 0, >0. */
PL_API int pl_hostlist_compare_names(const char *a, const char *b);

#endif
