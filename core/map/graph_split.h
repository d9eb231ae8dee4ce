/*
 * graph_split.h - a graph laid out over the tree of the machine, from the outside inwards. Internal
 * to map/.
 *
 * Places are slots in the order of the tree: units of every level are runs of them. The ranks of a
 * run that is one unit are cut into as many parts as there are units inside it, of exactly their
 * sizes, and so on within each.
 */
#ifndef PL_MAP_GRAPH_SPLIT_H
#define PL_MAP_GRAPH_SPLIT_H

#include "map/graph_multisect.h"
#include "map/topo.h"

struct split_plan {
	const struct pl_topo *topo;
	const uint32_t *pe; /* by place, as many as the graph has ranks */
	struct multisect_effort effort;
	unsigned outer_tries; /* in place of effort.bisect.tries where the whole graph is cut: what
				 went wrong there is mended nowhere further in */
	uint32_t retry_size; /* units of at most so many ranks are laid out... */
	unsigned retries;    /* ... so many times, the best counts; at least 1 */
	struct chance *chance;
};

/* Fills at[], the place of each rank. */
void graph_split(const struct split_plan *plan, const struct pl_commgraph *graph, uint32_t *at);

#endif
