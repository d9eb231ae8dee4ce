/*
 * graph_bisect.h - a graph cut in two of given sizes, lightly. Internal to map/.
 *
 * Multilevel: coarsened to some dozens of vertices, cut there in several ways, and the best cut
 * refined on the way back (Karypis and Kumar, SIAM J. Sci. Comput. 20, 1998).
 */
#ifndef PL_MAP_GRAPH_BISECT_H
#define PL_MAP_GRAPH_BISECT_H

#include "map/graph_work.h"

struct bisect_effort {
	unsigned tries;  /* whole multilevel cuts, of which the lightest is taken; at least 1, and
			    half as many for a graph with long rows */
	unsigned starts; /* cuts of the smallest graph */
	unsigned passes; /* of refinement at each level */
};

/*
 * Puts exactly `target` of the vertices, which have size 1, on side 0 and the others on side 1.
 * Returns the weight of the cut. O(edges * tries), a logarithm for the refinement.
 */
double graph_bisect(const struct work_graph *g, uint32_t target, const struct bisect_effort *effort,
                    struct chance *chance, uint8_t *side);

#endif
