/*
 * graph_swap.h - things that trade places while J falls: ranks, then whole trays, racks, groups.
 * Internal to map/.
 */
#ifndef PL_MAP_GRAPH_SWAP_H
#define PL_MAP_GRAPH_SWAP_H

#include "map/graph_work.h"
#include "map/topo.h"

/* The n_slots first places of the tree, with what is on them. */
struct swap_plan {
	const struct pl_topo *topo;
	const uint32_t *pe;  /* by place, in the order of the tree */
	unsigned candidates; /* units that are tried for one vertex, those it is tied to most */
	unsigned sweeps;     /* over all vertices, at most */
	struct chance *chance;
};

/*
 * Betters the places at[] of the ranks of a graph: first ranks, then units of each level over the
 * quotient graph of what is on them, and again while it gains. Units trade places only where their
 * usable slots look the same. O(edges * candidates) a sweep.
 */
void graph_swap(const struct swap_plan *plan, const struct pl_commgraph *graph, uint32_t *at);

#endif
