/*
 * disjoint.h - which ranks belong together: disjoint sets that are joined. Internal to map/.
 */
#ifndef PL_MAP_DISJOINT_H
#define PL_MAP_DISJOINT_H

#include "map/job.h"

struct disjoint {
	uint32_t n;
	uint32_t *parent; /* the lowest rank of a set is its root, and its own parent */
};

/* `n` ranks, each by itself. */
void disjoint_init(struct disjoint *d, uint32_t n);
void disjoint_fini(struct disjoint *d);

/* The lowest rank of the set. O(log n) amortised. */
uint32_t disjoint_root(struct disjoint *d, uint32_t rank);
void disjoint_join(struct disjoint *d, uint32_t a, uint32_t b);

/* Joins the ranks of every group. */
void disjoint_join_groups(struct disjoint *d, const struct pl_groups *groups);

/* Joins every `block` consecutive ranks. */
void disjoint_join_blocks(struct disjoint *d, uint32_t block);

#endif
