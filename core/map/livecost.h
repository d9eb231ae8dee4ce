/*
 * livecost.h - the cost of a placement of which a few ranks at a time change places. Internal to
 * map/.
 *
 * The model of mapcost.h beyond the NVLink domain, kept as counts: how many members of each group a
 * unit has. Trays and the like inside a domain are left out, and a ring is taken to leave each unit
 * once, so that it compares placements of one search; what is chosen is scored by map_gauge_cost().
 */
#ifndef PL_MAP_LIVECOST_H
#define PL_MAP_LIVECOST_H

#include "map/mapcost.h"

struct livecost_family {
	struct pl_groups groups;
	uint32_t *group_of; /* by rank; UINT32_MAX: none */
	double *time;       /* by group */
	uint16_t *count[PL_TOPO_MAX_LEVELS]; /* by boundary: group * units + unit; p2p: NULL */
	double *load[PL_TOPO_MAX_LEVELS];    /* by boundary and unit: GB */
	uint32_t *stamp;                     /* by group: the last swap that changed it */
	double slowest;                      /* group */
	uint32_t slowest_group;
};

struct livecost {
	const struct map_gauge *gauge;
	uint32_t *pe; /* by rank; the caller's, changed by swaps */
	uint32_t n_ranks;
	struct livecost_family family[PL_JOB_MAX_FAMILIES]; /* those that send */
	unsigned n_families;
	uint32_t swaps;
	uint64_t *changed; /* family << 32 | group */
	size_t n_changed;
};

/* What is compared, in this order. */
struct livecost_sum {
	double step;
	double uplink[PL_TOPO_MAX_LEVELS];
	uint32_t worst_unit; /* of the outermost boundary */
	double crowd;        /* how many are nearly as slow as the slowest; without unit */
};

/* O(world * families + groups * units). False, nothing to free, where the counts would take more
 * than LIVECOST_MAX_COUNTS. */
bool livecost_init(struct livecost *live, const struct map_gauge *gauge, uint32_t *pe,
                   uint32_t n_ranks);
void livecost_fini(struct livecost *live);

#define LIVECOST_MAX_COUNTS 4000000u

/* Ranks [a, a + n) and [b, b + n), which do not overlap, change places one by one. Again: back.
 * O(n * families * units). */
void livecost_swap(struct livecost *live, uint32_t a, uint32_t b, uint32_t n);

/* O(groups + units). */
void livecost_sum(const struct livecost *live, struct livecost_sum *sum);

/* <0 when a is better. */
int livecost_compare(const struct livecost_sum *a, const struct livecost_sum *b);

#endif
