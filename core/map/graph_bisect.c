/* graph_bisect.c - see graph_bisect.h */
#include "map/graph_bisect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/graph_coarsen.h"
#include "map/graph_refine.h"

/* The smallest graph has about so many vertices. */
#define COARSEST 50

/* A vertex at most a COARSEST_SHARE-th of the whole: the smallest graph must still be divisible. */
#define COARSEST_SHARE 30

#define MAX_LEVELS 48

/* The graph and ever smaller ones; cluster[i] leads from level i to i + 1. */
struct levels {
	struct work_graph graph[MAX_LEVELS];
	uint32_t *cluster[MAX_LEVELS];
	size_t n;
};

static uint32_t largest_allowed(const struct work_graph *g, uint32_t target)
{
	uint32_t smaller = target < g->total - target ? target : g->total - target;
	uint32_t size = g->total / COARSEST_SHARE;

	if (size > smaller)
		size = smaller;
	return size < 2 ? 2 : size;
}

static void build_levels(struct levels *l, const struct work_graph *g, uint32_t target,
                         struct chance *chance)
{
	uint32_t max_size = largest_allowed(g, target);

	l->graph[0] = *g;
	l->n = 1;
	while (l->n < MAX_LEVELS && l->graph[l->n - 1].n > COARSEST) {
		const struct work_graph *fine = &l->graph[l->n - 1];

		l->graph[l->n] = graph_coarsen(fine, max_size, chance, &l->cluster[l->n - 1]);
		l->n++;
		if (l->graph[l->n - 1].n > fine->n - fine->n / 20)
			break;
	}
}

static void free_levels(struct levels *l)
{
	for (size_t i = 1; i < l->n; i++) {
		work_graph_fini(&l->graph[i]);
		free(l->cluster[i - 1]);
	}
}

/* The lightest of several cuts, each grown from a random vertex. */
static double cut_coarsest(const struct work_graph *g, uint32_t target,
                           const struct bisect_effort *effort, struct chance *chance, uint8_t *side)
{
	uint8_t *tried = xmalloc(g->n);
	double best = INFINITY;

	for (unsigned i = 0; i < effort->starts; i++) {
		uint32_t from = chance_below(chance, g->n);
		double cut = graph_grow(g, target, effort->passes, from, tried);

		if (cut < best) {
			best = cut;
			memcpy(side, tried, g->n);
		}
	}
	free(tried);
	return best;
}

/* From the cut of a coarse graph to that of the finer one. */
static void project(uint8_t *side, const uint32_t *cluster, uint32_t n, uint8_t *spare)
{
	for (uint32_t v = 0; v < n; v++)
		spare[v] = side[cluster[v]];
	memcpy(side, spare, n);
}

static double cut_once(const struct work_graph *g, uint32_t target,
                       const struct bisect_effort *effort, struct chance *chance, uint8_t *side)
{
	struct levels l;
	uint8_t *spare = xmalloc(g->n);
	double cut;

	build_levels(&l, g, target, chance);
	cut = cut_coarsest(&l.graph[l.n - 1], target, effort, chance, side);
	for (size_t i = l.n - 1; i-- > 0;) {
		project(side, l.cluster[i], l.graph[i].n, spare);
		cut = graph_refine(&l.graph[i], target, effort->passes, side);
	}
	free_levels(&l);
	free(spare);
	return cut;
}

/* Rows so long that coarsening is what costs; what is in them leaves less to chance. */
#define LONG_ROW 30

static unsigned count_tries(const struct work_graph *g, unsigned tries)
{
	return g->first[g->n] / (g->n + 1) > LONG_ROW ? (tries + 1) / 2 : tries;
}

double graph_bisect(const struct work_graph *g, uint32_t target, const struct bisect_effort *effort,
                    struct chance *chance, uint8_t *side)
{
	double best = cut_once(g, target, effort, chance, side);
	unsigned tries = count_tries(g, effort->tries);
	uint8_t *tried = tries > 1 ? xmalloc(g->n) : NULL;

	for (unsigned i = 1; i < tries && best > 0; i++) {
		double cut = cut_once(g, target, effort, chance, tried);

		if (cut < best) {
			best = cut;
			memcpy(side, tried, g->n);
		}
	}
	free(tried);
	return best;
}
