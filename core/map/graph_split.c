/* graph_split.c - see graph_split.h */
#include "map/graph_split.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A part of the graph and the run of places it goes to. */
struct part {
	struct work_graph graph;
	uint32_t *rank;  /* of vertex i; NULL: i itself */
	uint32_t place;  /* the first of graph.n places */
};

struct splitting {
	const struct split_plan *plan;
	uint32_t *at; /* by rank */
};

static uint32_t rank_of(const struct part *p, uint32_t v)
{
	return p->rank != NULL ? p->rank[v] : v;
}

static void part_fini(struct part *p)
{
	work_graph_fini(&p->graph);
	free(p->rank);
	p->rank = NULL;
}

/* In the order given: all places are equally far from each other, or nobody talks. */
static void place_anyhow(struct splitting *s, const struct part *p)
{
	for (uint32_t v = 0; v < p->graph.n; v++)
		s->at[rank_of(p, v)] = p->place + v;
}

/* The level whose unit holds all of a run of at least two places. */
static int level_of_run(const struct split_plan *plan, uint32_t place, uint32_t n)
{
	return pl_topo_common_level(plan->topo, plan->pe[place], plan->pe[place + n - 1]);
}

static bool units_meet(const struct split_plan *plan, uint32_t place, int level)
{
	return pl_topo_unit(plan->topo, plan->pe[place - 1], (size_t)level) !=
	       pl_topo_unit(plan->topo, plan->pe[place], (size_t)level);
}

/* How many places of the run go to the first half: units of the level inside stay whole. */
static uint32_t choose_middle(const struct split_plan *plan, uint32_t place, uint32_t n, int level)
{
	uint32_t half = n / 2;

	for (uint32_t away = 0; away <= half; away++) {
		if (half > away && units_meet(plan, place + half - away, level - 1))
			return half - away;
		if (half + away < n && units_meet(plan, place + half + away, level - 1))
			return half + away;
	}
	return half;
}

static void split_part(struct splitting *s, struct part *p);

/* Ends the part before its halves are worked on: memory is that of one branch. */
static void split_halves(struct splitting *s, struct part *p, uint32_t middle)
{
	uint8_t *side = xmalloc(p->graph.n);
	struct work_graph half[2];
	uint32_t *member[2];

	graph_bisect(&p->graph, middle, &s->plan->bisect, s->plan->chance, side);
	work_graph_halve(&p->graph, side, half, member);
	free(side);
	for (int h = 0; h < 2; h++) {
		for (uint32_t v = 0; v < half[h].n; v++)
			member[h][v] = rank_of(p, member[h][v]);
	}
	work_graph_fini(&p->graph);
	for (int h = 0; h < 2; h++) {
		struct part inner = { half[h], member[h], p->place + (h == 0 ? 0 : middle) };

		split_part(s, &inner);
		part_fini(&inner);
	}
}

/* J within the part, as its ranks lie now. */
static double cost_within(const struct splitting *s, const struct part *p)
{
	const struct split_plan *plan = s->plan;
	const struct work_graph *g = &p->graph;
	double twice = 0;

	for (uint32_t v = 0; v < g->n; v++) {
		uint32_t pe = plan->pe[s->at[rank_of(p, v)]];

		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			uint32_t other = plan->pe[s->at[rank_of(p, g->to[a])]];
			int level = pl_topo_common_level(plan->topo, pe, other);

			twice += g->weight[a] * plan->topo->levels[level].distance;
		}
	}
	return twice / 2;
}

/* A part of its own that split_part may use up, with the rows of p. */
static struct part lend(const struct part *p)
{
	struct part lent = *p;

	lent.graph.borrowed = true;
	lent.graph.size = NULL;
	lent.rank = xmalloc(((size_t)p->graph.n + 1) * sizeof(*lent.rank));
	for (uint32_t v = 0; v < p->graph.n; v++)
		lent.rank[v] = rank_of(p, v);
	return lent;
}

static void save_places(const struct splitting *s, const struct part *p, uint32_t *saved)
{
	for (uint32_t v = 0; v < p->graph.n; v++)
		saved[v] = s->at[rank_of(p, v)];
}

/* Lays out the part several times and keeps the cheapest. */
static void split_often(struct splitting *s, const struct part *p, uint32_t middle)
{
	uint32_t *best = xmalloc(((size_t)p->graph.n + 1) * sizeof(*best));
	double best_cost = 0;

	for (unsigned i = 0; i < s->plan->retries; i++) {
		struct part lent = lend(p);
		double cost;

		split_halves(s, &lent, middle);
		part_fini(&lent);
		cost = cost_within(s, p);
		if (i == 0 || cost < best_cost) {
			best_cost = cost;
			save_places(s, p, best);
		}
	}
	for (uint32_t v = 0; v < p->graph.n; v++)
		s->at[rank_of(p, v)] = best[v];
	free(best);
}

/* True for the largest part that is to be laid out several times: parts inside it are not, again. */
static bool wants_retries(const struct split_plan *plan, const struct part *p, int level)
{
	uint32_t n = p->graph.n;

	return plan->retries > 1 && n <= plan->retry_size && level > 1 - (n <= plan->retry_size / 2);
}

static void split_part(struct splitting *s, struct part *p)
{
	uint32_t n = p->graph.n, middle;
	int level;

	if (n < 2 || p->graph.first[n] == 0) {
		place_anyhow(s, p);
		return;
	}
	level = level_of_run(s->plan, p->place, n);
	if (level == 0) {
		place_anyhow(s, p);
		return;
	}
	middle = choose_middle(s->plan, p->place, n, level);
	if (wants_retries(s->plan, p, level))
		split_often(s, p, middle);
	else
		split_halves(s, p, middle);
}

void graph_split(const struct split_plan *plan, const struct pl_commgraph *graph, uint32_t *at)
{
	struct splitting s = { plan, at };
	struct part whole = { .graph = work_graph_borrow(graph) };

	split_part(&s, &whole);
	part_fini(&whole);
}
