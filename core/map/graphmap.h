/*
 * graphmap.h - a map from a communication graph alone.
 *
 * The map is one-to-one and minimises J, the sum over edges of weight * distance of the level where
 * both GPUs meet. The graph is cut from the outermost level inwards, each time into parts of exactly
 * the sizes of the units (graph_split.h), which needs no n^2 memory and no look outside: whatever is
 * cut at one level is equally far from all parts inside. Then ranks and whole units trade places
 * while J falls (graph_swap.h). The same request gives the same map.
 */
#ifndef PL_MAP_GRAPHMAP_H
#define PL_MAP_GRAPHMAP_H

#include "map/commgraph.h"
#include "map/topo.h"

enum pl_effort { PL_EFFORT_FAST, PL_EFFORT_NORMAL, PL_EFFORT_BEST };

/* What a placement of a graph costs. */
struct pl_graph_cost {
	double weighted;                   /* J */
	double volume[PL_TOPO_MAX_LEVELS]; /* weight of the edges that meet at the level */
};

/* What is asked. Everything is borrowed. */
struct pl_graphmap_request {
	const struct pl_topo *topo;
	const struct pl_commgraph *graph;
	const uint32_t *slots; /* PEs to be used, each once, in the order that ranks come in */
	uint32_t n_slots;      /* graph->n of them are used, the first */
	enum pl_effort effort;
	uint64_t seed;
};

/*
 * Fills pe[0 .. graph->n - 1]: never dearer than rank r on slots[r]. PL_ENOENT when there are fewer
 * slots than ranks. Time O((ranks + edges) * log(units)) and a logarithm for refinement; memory
 * about three times the graph. May be called on any thread.
 */
PL_API int pl_graphmap_place(const struct pl_graphmap_request *request, uint32_t *pe,
                             struct pl_error *err);

/* The cost of any placement, graph->n entries below topo->n_pes. O(edges). */
PL_API void pl_graph_cost(const struct pl_topo *topo, const struct pl_commgraph *graph,
                          const uint32_t *pe, struct pl_graph_cost *cost);

/*
 * What no placement on these slots can undercut: each rank by itself has its heaviest neighbours as
 * near as units have room. Often far below what is possible. O(edges log edges).
 */
PL_API double pl_graph_bound(const struct pl_graphmap_request *request);

/* "fast", "normal", "best" and back, -1 with the nearest name in err. */
PL_API const char *pl_effort_name(enum pl_effort effort);
PL_API int pl_effort_parse(const char *name, struct pl_error *err);

#endif
