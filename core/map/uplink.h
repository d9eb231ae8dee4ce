/*
 * uplink.h - what leaves each unit of the machine, added up over all groups. Internal to map/.
 *
 * A group by itself is held up by its slowest adapter (mapcost.c); together the groups of a phase
 * share what joins the units: a unit of n GPUs whose level has 1:4 sends at a quarter of its n
 * adapters. Only levels beyond the NVLink domain are counted. Boundary l is the way out of a unit
 * of level l - 1.
 */
#ifndef PL_MAP_UPLINK_H
#define PL_MAP_UPLINK_H

#include "map/topo.h"

struct uplink_boundary {
	uint32_t n;      /* units */
	uint32_t *unit;  /* by PE: the index of its unit */
	uint32_t *pes;   /* by unit: its GPUs */
	double *phase;   /* by unit: GB sent out by the family at hand */
	double *in_step; /* by unit: by all families */
};

struct uplinks {
	const struct pl_topo *topo;
	size_t first; /* the innermost boundary that is counted */
	size_t node;  /* the boundary of what a ring goes through in one piece: NVLink domain or host */
	uint32_t *passed; /* by node: the last ring that came by */
	uint32_t rings;
	struct uplink_boundary at[PL_TOPO_MAX_LEVELS];
};

/* O(GPUs * levels). */
void uplinks_init(struct uplinks *u, const struct pl_topo *topo);
/* Forgets all that was counted. */
void uplinks_clear(struct uplinks *u);
void uplinks_fini(struct uplinks *u);

/* Counts `gbyte` that the unit of this PE sends out. */
static inline void uplinks_add(struct uplinks *u, size_t level, uint32_t pe, double gbyte)
{
	struct uplink_boundary *b = &u->at[level];

	b->phase[b->unit[pe]] += gbyte;
}

/*
 * Counts a ring of these PEs, `member` in the order of ranks, at the boundaries from u->node on.
 * As NCCL connects it: node after node in the order of their first ranks, so that a unit whose
 * ranks are not in a row is left more than once. O(n + nodes * levels).
 */
void uplinks_add_ring(struct uplinks *u, const uint32_t *member, uint32_t n, double gbyte);

/* Ends a phase: the longest time that any unit needs for it, *level the boundary, *unit the index
 * of that unit. */
double uplinks_end_phase(struct uplinks *u, int *level, uint32_t *unit);

/* GB that leave the worst unit of boundary `level` in the phases ended so far; *unit its index. */
double uplinks_worst(const struct uplinks *u, size_t level, uint32_t *unit);

#endif
