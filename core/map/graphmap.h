/*
 * graphmap.h - a map from a communication graph alone.
 *
 * The map is one-to-one and minimises J, the sum over edges of weight * distance of the level
 * where both GPUs meet. The graph is cut from the outermost level inwards, each time into parts
 * of exactly the sizes of the units (graph_split.h), which needs no n^2 memory and no look
 * outside: whatever is cut at one level is equally far from all parts inside. Then ranks and
 * whole units trade places while J falls (graph_swap.h). The same request gives the same map.
 */
#ifndef PL_MAP_GRAPHMAP_H
#define PL_MAP_GRAPHMAP_H

#include "map/commgraph.h"
#include "map/rankmap.h"

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

/* ---- the map that others read ---- */

/* What a map for a graph is worth. */
struct pl_graph_score {
	struct pl_graph_cost cost, baseline /* of the order given */;
	double bound;
};

/*
 * The usable PEs of some hosts in their order, NULL: of all; an array the caller frees. NULL and
 * PL_EUSAGE when there is a host that the machine has not, PL_ENOENT when no GPU is usable.
 */
PL_API uint32_t *pl_graphmap_slots(const struct pl_topo *topo, const struct pl_hostlist *hosts,
                                   uint32_t *n_slots, struct pl_error *err);

/* The costs of a placement beside those of rank r on slots[r], and the bound. Any thread. */
PL_API struct pl_graph_score pl_graphmap_score(const struct pl_graphmap_request *request,
                                               const uint32_t *pe);

/* A map for every format and explanation; `made_by` ("graph", "graph.map") is borrowed. */
PL_API struct pl_rankmap *pl_graphmap_rankmap(const struct pl_topo *topo, const uint32_t *pe,
                                              uint32_t n, const struct pl_graph_score *score,
                                              const char *made_by);

/*
 * Reads a map that somebody else made, in any format of rankmap_read.h. Fills pe[0 .. n-1].
 * PL_EUSAGE: what pl_rankmap_read() refuses, fewer or more than n ranks, one on an unusable GPU.
 */
PL_API int pl_graphmap_read(const char *bytes, size_t len, const char *name,
                            const struct pl_topo *topo, uint32_t n, uint32_t *pe,
                            struct pl_error *err);

/* "fast", "normal", "best" and back, -1 with the nearest name in err. */
PL_API const char *pl_effort_name(enum pl_effort effort);
PL_API int pl_effort_parse(const char *name, struct pl_error *err);

#endif
