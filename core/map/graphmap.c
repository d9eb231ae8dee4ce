/* graphmap.c - see graphmap.h */
#include "map/graphmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "map/graph_rework.h"
#include "map/graph_split.h"
#include "map/graph_swap.h"
#include "map/slots.h"

static const char *const effort_names[] = { "fast", "normal", "best", NULL };

const char *pl_effort_name(enum pl_effort effort)
{
	return effort_names[effort];
}

int pl_effort_parse(const char *name, struct pl_error *err)
{
	char hint[64];

	for (int i = 0; effort_names[i] != NULL; i++) {
		if (strcmp(effort_names[i], name) == 0)
			return i;
	}
	return pl_errorf(err, PL_EUSAGE, "unknown effort '%s'%s: fast, normal or best", name,
	                 nearest_hint(name, effort_names, hint, sizeof(hint)));
}

/* ---- cost ---- */

void pl_graph_cost(const struct pl_topo *topo, const struct pl_commgraph *g, const uint32_t *pe,
                   struct pl_graph_cost *cost)
{
	*cost = (struct pl_graph_cost){ 0 };
	for (uint32_t v = 0; v < g->n; v++) {
		for (uint32_t a = g->first[v]; a < g->first[v + 1] && g->to[a] < v; a++) {
			int level = pl_topo_common_level(topo, pe[v], pe[g->to[a]]);

			cost->volume[level] += g->weight[a];
		}
	}
	for (size_t level = 0; level < topo->n_levels; level++)
		cost->weighted += cost->volume[level] * topo->levels[level].distance;
}

/* ---- the bound ---- */

static int compare_weights(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x > y ? -1 : x < y;
}

/* Twice the least that one rank's edges cost: capacity[l] - 1 of them stay within level l. */
static double bound_rank(const struct pl_topo *t, const uint32_t *capacity, const float *weight,
                         uint32_t n)
{
	double sum = 0;
	size_t level = 0;

	for (uint32_t i = 0; i < n; i++) {
		while (level + 1 < t->n_levels && i + 1 >= capacity[level])
			level++;
		sum += weight[i] * t->levels[level].distance;
	}
	return sum;
}

double pl_graph_bound(const struct pl_graphmap_request *r)
{
	const struct pl_commgraph *g = r->graph;
	uint32_t capacity[PL_TOPO_MAX_LEVELS];
	uint32_t *slots = xmalloc(((size_t)r->n_slots + 1) * sizeof(*slots));
	float *row = xmalloc(((size_t)g->first[g->n] + 1) * sizeof(*row));
	double twice = 0;

	memcpy(slots, r->slots, r->n_slots * sizeof(*slots));
	slots_group(r->topo, slots, r->n_slots);
	slots_capacity(r->topo, slots, r->n_slots, capacity);
	for (uint32_t v = 0; v < g->n; v++) {
		uint32_t n = g->first[v + 1] - g->first[v];

		memcpy(row, g->weight + g->first[v], n * sizeof(*row));
		qsort(row, n, sizeof(*row), compare_weights);
		twice += bound_rank(r->topo, capacity, row, n);
	}
	free(slots);
	free(row);
	return twice / 2;
}

/* ---- placing ---- */

/* How much is done; the figures were tried out on graphs of each kind. */
struct depth {
	struct multisect_effort cut;
	uint32_t retry_size;
	unsigned retries, candidates, sweeps;
	unsigned most_attempts;
	uint64_t attempts; /* work in all attempts together, see work_of() */
	uint64_t rework;   /* work in what is laid out anew afterwards */
	unsigned patience; /* see struct rework_plan */
};

static const struct depth depths[] = {
	[PL_EFFORT_FAST] = { { { 1, 4, 3 }, 0, 8 }, 0, 1, 3, 4, 1, 0, 0, 0 },
	[PL_EFFORT_NORMAL] = { { { 3, 4, 3 }, 1, 8 }, 0, 1, 6, 12, 4, 350000, 700000, 64 },
	[PL_EFFORT_BEST] = { { { 4, 8, 6 }, 3, 4 }, 128, 2, 12, 40, 8, 2500000, 8000000, 200 },
};

/* A placement being looked for. */
struct attempt {
	const struct pl_graphmap_request *request;
	const struct depth *depth;
	struct chance chance;
	uint32_t *slot;    /* by place: the slots, units together */
	uint32_t *at;      /* place by rank */
	uint32_t *best_at; /* of the best found so far */
	uint32_t *pe;      /* by rank */
	struct pl_graph_cost found; /* of best_at */
	bool settled;      /* two attempts cost the same at every level: it is hardly a chance */
	double best;       /* J of what lies in out: that, or the order given */
	uint32_t *out;
};

static void keep_if_better(struct attempt *a)
{
	struct pl_graph_cost cost;
	uint32_t n = a->request->graph->n;

	for (uint32_t v = 0; v < n; v++)
		a->pe[v] = a->slot[a->at[v]];
	pl_graph_cost(a->request->topo, a->request->graph, a->pe, &cost);
	a->settled = a->settled || memcmp(&cost, &a->found, sizeof(cost)) == 0;
	if (cost.weighted < a->found.weighted) {
		a->found = cost;
		memcpy(a->best_at, a->at, n * sizeof(*a->at));
	}
	if (cost.weighted < a->best) {
		a->best = cost.weighted;
		memcpy(a->out, a->pe, n * sizeof(*a->pe));
	}
}

static void swap_and_keep(struct attempt *a)
{
	struct swap_plan plan = { .topo = a->request->topo,
		                  .pe = a->slot,
		                  .candidates = a->depth->candidates,
		                  .sweeps = a->depth->sweeps,
		                  .chance = &a->chance };

	graph_swap(&plan, a->request->graph, a->at);
	keep_if_better(a);
}

static struct split_plan split_plan(struct attempt *a)
{
	return (struct split_plan){ .topo = a->request->topo,
		                    .pe = a->slot,
		                    .effort = a->depth->cut,
		                    .outer_tries = a->depth->cut.bisect.tries,
		                    .retry_size = a->depth->retry_size,
		                    .retries = a->depth->retries,
		                    .chance = &a->chance };
}

/* What laying out the graph costs, in entries of rows: a rank is worth some thirty of them. */
static uint64_t work_of(const struct pl_commgraph *g)
{
	return 30 * (uint64_t)g->n + g->first[g->n] + 1;
}

/* From here on half as many cuts are tried: some 100,000 ranks. */
#define MUCH_WORK 4000000

static void split_and_keep(struct attempt *a)
{
	struct split_plan plan = split_plan(a);

	if (work_of(a->request->graph) > MUCH_WORK)
		plan.effort.bisect.tries = plan.outer_tries = (plan.outer_tries + 1) / 2;
	else if (work_of(a->request->graph) < a->depth->attempts)
		plan.outer_tries *= 2;
	graph_split(&plan, a->request->graph, a->at);
	swap_and_keep(a);
}

/* Small graphs are laid out several times. */
static unsigned count_attempts(const struct attempt *a)
{
	uint64_t n = a->depth->attempts / work_of(a->request->graph);

	return n < 1 ? 1 : n < a->depth->most_attempts ? (unsigned)n : a->depth->most_attempts;
}

/* Ranks of a piece that is laid out anew: two racks of 72, or many small units. */
#define LARGEST_PIECE 160

static void rework_and_keep(struct attempt *a)
{
	const struct pl_commgraph *g = a->request->graph;
	struct split_plan split = split_plan(a);
	struct rework_plan plan = { .split = &split,
		                    .largest = LARGEST_PIECE,
		                    .patience = a->depth->patience };

	if (a->settled)
		plan.patience = (plan.patience + 3) / 4;
	split.effort.bisect.tries = split.outer_tries = 1;
	plan.budget = (uint64_t)((double)a->depth->rework / (double)work_of(g) * g->n);
	memcpy(a->at, a->best_at, g->n * sizeof(*a->at));
	if (graph_rework(&plan, g, a->at) > 0)
		swap_and_keep(a);
}

/* The order given is worth bettering by itself where cutting up the graph found little more. */
static void better_given_order(struct attempt *a, double given)
{
	if (given > 1.1 * a->best)
		return;
	for (uint32_t v = 0; v < a->request->graph->n; v++)
		a->at[v] = v;
	swap_and_keep(a);
}

static void run_attempts(struct attempt *a)
{
	struct pl_graph_cost given;

	memcpy(a->out, a->request->slots, a->request->graph->n * sizeof(*a->out));
	pl_graph_cost(a->request->topo, a->request->graph, a->out, &given);
	a->best = given.weighted;
	a->found.weighted = INFINITY;
	for (unsigned i = count_attempts(a); i-- > 0 && !a->settled;)
		split_and_keep(a);
	better_given_order(a, given.weighted);
	if (a->depth->rework > 0)
		rework_and_keep(a);
}

int pl_graphmap_place(const struct pl_graphmap_request *request, uint32_t *pe,
                      struct pl_error *err)
{
	uint32_t n = request->graph->n;
	struct attempt a = { .request = request,
		             .depth = &depths[request->effort],
		             .chance = { request->seed },
		             .out = pe };

	if (n > request->n_slots)
		return pl_errorf(err, PL_ENOENT,
		                 "the graph has %u ranks but only %u GPUs are usable: one rank runs "
		                 "on one GPU",
		                 n, request->n_slots);
	a.slot = xmalloc(4 * ((size_t)n + 1) * sizeof(*a.slot));
	a.at = a.slot + n + 1;
	a.best_at = a.at + n + 1;
	a.pe = a.best_at + n + 1;
	memcpy(a.slot, request->slots, n * sizeof(*a.slot));
	slots_group(request->topo, a.slot, n);
	run_attempts(&a);
	free(a.slot);
	return 0;
}
