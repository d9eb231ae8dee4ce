/*
 * switchtree.h - switches by name and what each hangs below, while an importer reads: a tree that
 * may be told in any order.
 */
#ifndef PL_MAP_SWITCHTREE_H
#define PL_MAP_SWITCHTREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strtable.h"
#include "survey/survey.h"

struct switchtree {
	struct strtable by_name; /* index + 1 */
	uint32_t *parent;        /* index + 1; 0: none */
	size_t n, cap;
};

#define SWITCHTREE_INIT { STRTABLE_INIT, NULL, 0, 0 }

void switchtree_fini(struct switchtree *t);

/* The index of a switch, which is new when it was not named before. O(1) expected. */
uint32_t switchtree_add(struct switchtree *t, const char *name);

/* Hangs one below another. The name of the parent it already has when that is another one, NULL
 * when all is well. */
const char *switchtree_hang(struct switchtree *t, uint32_t child, uint32_t parent);

/* Sets the tiers of a host that hangs below `leaf`. PL_EUSAGE, without a line: more than
 * PL_SURVEY_TIERS above it, or a ring. O(tiers). */
int switchtree_tell(const struct switchtree *t, uint32_t leaf, struct pl_survey *s,
		    struct pl_survey_host *host, uint32_t source, struct pl_error *err);

#endif
