/*
 * nest.h - an order of ranks in which the groups of a job lie together. Internal to map/.
 *
 * Placements lay out ranks in order, and blocks of ranks that are whole groups. That is what the
 * generators of a job give; groups that were dumped may have any labels. This finds such an order:
 * families that send most for their size come first; ranks that share a group of the first become
 * one cluster, clusters that share one of the second become larger ones, and so on. A job that was
 * generated and then had its labels shuffled gets an order like the one it was generated in.
 */
#ifndef PL_MAP_NEST_H
#define PL_MAP_NEST_H

#include "map/job.h"

struct nest {
	uint32_t *order; /* the rank at each position */
	uint32_t blocks[PL_JOB_MAX_BLOCKS]; /* as job_blocks(), of positions */
	size_t n_blocks;
};

/* Blocks of `atom` consecutive ranks stay together and in order. O(world * families). nest_fini()
 * frees. */
void nest_init(struct nest *nest, const struct pl_job *job, uint32_t atom);

/* Whether the order is another than that of the ranks. */
bool nest_reorders(const struct nest *nest, const struct pl_job *job);
void nest_fini(struct nest *nest);

#endif
