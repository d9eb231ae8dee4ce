/*
 * clusters.h - ranks that must be in one island, and which islands they go to. Internal to map/.
 *
 * Ranks that share a group which may not cross between islands (islands.h), or a host, make a
 * cluster. In most jobs clusters are blocks of consecutive ranks of one size.
 */
#ifndef PL_MAP_CLUSTERS_H
#define PL_MAP_CLUSTERS_H

#include "map/job.h"
#include "map/topo.h"

struct clusters {
	uint32_t n_ranks, n;
	uint32_t *of;    /* by rank: its cluster; they are numbered by their first ranks */
	uint32_t *size;  /* by cluster */
	uint32_t largest;
	bool in_order;   /* clusters are runs of consecutive ranks */
};

/* Ranks that may not be apart: by groups of families that may not cross, and by blocks of `atom`
 * consecutive ranks. O(world * families). */
void clusters_init(struct clusters *c, const struct pl_job *job,
		   const bool may[PL_JOB_MAX_FAMILIES], uint32_t atom);
void clusters_fini(struct clusters *c);

/* Sorts positions by cluster, keeping the order within one. */
void clusters_sort(const struct clusters *c, uint32_t *order);

/*
 * How many ranks each island takes, in turn: whole clusters, in the order of their numbers, as many
 * as there is room for, but no more than about most[i]. Sizes as they come in `order` (a rank at
 * each position, sorted; NULL: rank order). False when some are left.
 */
bool clusters_split(const struct clusters *c, const uint32_t *room, const uint32_t *most,
		    uint32_t n_islands, uint32_t *take);

/* The first rank of a cluster that a placement puts in two islands; UINT32_MAX for none. */
uint32_t clusters_torn(const struct clusters *c, const struct pl_topo *topo, int level,
		       const uint32_t *pe);

#endif
