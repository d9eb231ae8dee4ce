/*
 * graph_multisect.h - a graph cut into many parts of given sizes, lightly. Internal to map/.
 *
 * By cutting it in two again and again. The parts that come of different cuts have never seen each
 * other: pairs of them that talk most are then refined as if they were two halves (Sanders and
 * Schulz, ESA 2011, refine pairs of blocks so).
 */
#ifndef PL_MAP_GRAPH_MULTISECT_H
#define PL_MAP_GRAPH_MULTISECT_H

#include "map/graph_bisect.h"

struct multisect_effort {
	struct bisect_effort bisect;
	unsigned rounds;      /* over pairs of parts; 0: none */
	uint32_t least_size;  /* smaller parts are left as they are */
};

/*
 * Puts every vertex, all of size 1, into one of `k` parts; part i begins at first[i] and ends at
 * first[i + 1] when they are laid in a row, first[k] - first[0] being all vertices.
 * O(edges * log k * tries).
 */
void graph_multisect(const struct work_graph *g, const uint32_t *first, uint32_t k,
                     const struct multisect_effort *effort, struct chance *chance, uint32_t *part);

#endif
