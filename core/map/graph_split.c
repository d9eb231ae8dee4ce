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

/* Where the units of a level begin in a run of places, and its end; an array the caller frees. */
static uint32_t *find_units(const struct split_plan *plan, uint32_t place, uint32_t n,
                            size_t level, uint32_t *k)
{
	uint32_t *first = xmalloc(((size_t)n + 1) * sizeof(*first));

	*k = 0;
	for (uint32_t i = place; i < place + n; i++) {
		if (i == place || pl_topo_unit(plan->topo, plan->pe[i], level) !=
		                          pl_topo_unit(plan->topo, plan->pe[i - 1], level))
			first[(*k)++] = i;
	}
	first[*k] = place + n;
	return first;
}

static void split_part(struct splitting *s, struct part *p);

/* Counts, for each part, the arcs that stay in it; they bound its rows. */
static size_t *count_inner_arcs(const struct work_graph *g, const uint32_t *part, uint32_t k)
{
	size_t *n_arcs = xcalloc((size_t)k + 1, sizeof(*n_arcs));

	for (uint32_t v = 0; v < g->n; v++) {
		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++)
			n_arcs[part[v]] += part[g->to[a]] == part[v];
	}
	return n_arcs;
}

/* Puts every vertex with its row into its part. */
static void fill_parts(const struct part *p, const uint32_t *part, const uint32_t *number,
                       struct part *inner)
{
	const struct work_graph *g = &p->graph;

	for (uint32_t v = 0; v < g->n; v++) {
		struct part *to = &inner[part[v]];
		uint32_t end = to->graph.first[number[v]];

		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			if (part[g->to[a]] != part[v])
				continue;
			to->graph.to[end] = number[g->to[a]];
			to->graph.weight[end++] = g->weight[a];
		}
		to->graph.first[number[v] + 1] = end;
		to->rank[number[v]] = rank_of(p, v);
	}
}

/* The parts by themselves; an array the caller frees after part_fini of each. */
static struct part *carve(const struct part *p, const uint32_t *first, uint32_t k,
                          const uint32_t *part)
{
	struct part *inner = xcalloc(k, sizeof(*inner));
	uint32_t *number = xmalloc(((size_t)p->graph.n + 1) * sizeof(*number));
	size_t *n_arcs = count_inner_arcs(&p->graph, part, k);

	for (uint32_t v = 0; v < p->graph.n; v++)
		number[v] = inner[part[v]].graph.n++;
	for (uint32_t i = 0; i < k; i++) {
		inner[i].place = first[i];
		inner[i].graph = work_graph_create(inner[i].graph.n, n_arcs[i], false);
		inner[i].graph.total = inner[i].graph.n;
		inner[i].graph.largest = 1;
		inner[i].rank = xmalloc(((size_t)inner[i].graph.n + 1) * sizeof(*inner[i].rank));
	}
	fill_parts(p, part, number, inner);
	free(number);
	free(n_arcs);
	return inner;
}

/* Uses up the graph of the part before the units inside are worked on: memory is that of one
 * branch. */
static void split_unit(struct splitting *s, struct part *p, size_t level)
{
	uint32_t k, *first = find_units(s->plan, p->place, p->graph.n, level - 1, &k);
	uint32_t *part = xmalloc(((size_t)p->graph.n + 1) * sizeof(*part));
	struct multisect_effort effort = s->plan->effort;
	struct part *inner;

	if (p->rank == NULL)
		effort.bisect.tries = s->plan->outer_tries;
	graph_multisect(&p->graph, first, k, &effort, s->plan->chance, part);
	inner = carve(p, first, k, part);
	free(part);
	free(first);
	work_graph_fini(&p->graph);
	for (uint32_t i = 0; i < k; i++) {
		split_part(s, &inner[i]);
		part_fini(&inner[i]);
	}
	free(inner);
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
static void split_often(struct splitting *s, const struct part *p, size_t level)
{
	uint32_t *best = xmalloc(((size_t)p->graph.n + 1) * sizeof(*best));
	double best_cost = 0;

	for (unsigned i = 0; i < s->plan->retries; i++) {
		struct part lent = lend(p);
		double cost;

		split_unit(s, &lent, level);
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

static void split_part(struct splitting *s, struct part *p)
{
	uint32_t n = p->graph.n;
	int level = n < 2 ? 0 : level_of_run(s->plan, p->place, n);

	if (level == 0 || p->graph.first[n] == 0)
		place_anyhow(s, p);
	else if (s->plan->retries > 1 && n <= s->plan->retry_size)
		split_often(s, p, (size_t)level);
	else
		split_unit(s, p, (size_t)level);
}

void graph_split(const struct split_plan *plan, const struct pl_commgraph *graph, uint32_t *at)
{
	struct splitting s = { plan, at };
	struct part whole = { .graph = work_graph_borrow(graph) };

	split_part(&s, &whole);
	part_fini(&whole);
}
