/* graph_rework.c - see graph_rework.h */
#include "map/graph_rework.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define OUTSIDE UINT32_MAX

struct rework {
	const struct rework_plan *plan;
	const struct pl_topo *topo;
	const struct pl_commgraph *graph;
	uint32_t *at;     /* place by rank */
	uint32_t *who;    /* rank by place */
	uint32_t *number; /* by rank: in the piece at hand, or OUTSIDE */
	size_t levels[PL_TOPO_MAX_LEVELS]; /* whose units are small enough to be in a piece */
	size_t n_levels;
};

/* Some ranks with the places they are on, both in the order of the places. */
struct piece {
	uint32_t n;
	uint32_t *rank, *place;
	uint32_t *pe;  /* of place i */
	uint32_t *now; /* by rank: the place found */
	struct pl_commgraph inside;
};

static uint32_t pe_at(const struct rework *r, uint32_t place)
{
	return r->plan->split->pe[place];
}

/* ---- a piece ---- */

/* The run of places of one unit. */
static void find_run(const struct rework *r, uint32_t place, size_t level, uint32_t run[2])
{
	uint64_t unit = pl_topo_unit(r->topo, pe_at(r, place), level);

	for (run[0] = place; run[0] > 0; run[0]--) {
		if (pl_topo_unit(r->topo, pe_at(r, run[0] - 1), level) != unit)
			break;
	}
	for (run[1] = place + 1; run[1] < r->graph->n; run[1]++) {
		if (pl_topo_unit(r->topo, pe_at(r, run[1]), level) != unit)
			break;
	}
}

static void add_run(struct rework *r, struct piece *p, const uint32_t run[2])
{
	for (uint32_t place = run[0]; place < run[1]; place++) {
		p->place[p->n] = place;
		p->pe[p->n] = pe_at(r, place);
		p->rank[p->n] = r->who[place];
		r->number[r->who[place]] = p->n++;
	}
}

static void add_rows(const struct rework *r, struct piece *p)
{
	const struct pl_commgraph *g = r->graph;
	uint32_t end = 0;
	size_t n_arcs = 0;

	for (uint32_t i = 0; i < p->n; i++)
		n_arcs += g->first[p->rank[i] + 1] - g->first[p->rank[i]];
	p->inside = (struct pl_commgraph){ .n = p->n };
	p->inside.first = xmalloc(((size_t)p->n + 1) * sizeof(uint32_t));
	p->inside.to = xmalloc((n_arcs + 1) * sizeof(uint32_t));
	p->inside.weight = xmalloc((n_arcs + 1) * sizeof(float));
	for (uint32_t i = 0; i < p->n; i++) {
		p->inside.first[i] = end;
		for (uint32_t a = g->first[p->rank[i]]; a < g->first[p->rank[i] + 1]; a++) {
			if (r->number[g->to[a]] == OUTSIDE)
				continue;
			p->inside.to[end] = r->number[g->to[a]];
			p->inside.weight[end++] = g->weight[a];
		}
	}
	p->inside.first[p->n] = end;
}

/* The contents of the units that hold two places. */
static struct piece take_piece(struct rework *r, uint32_t a, uint32_t b, size_t level)
{
	struct piece p = { 0 };
	uint32_t run[2][2], n;

	find_run(r, a < b ? a : b, level, run[0]);
	find_run(r, a < b ? b : a, level, run[1]);
	n = run[0][1] - run[0][0] + run[1][1] - run[1][0];
	p.rank = xmalloc(4 * (size_t)n * sizeof(*p.rank));
	p.place = p.rank + n;
	p.pe = p.place + n;
	p.now = p.pe + n;
	add_run(r, &p, run[0]);
	add_run(r, &p, run[1]);
	add_rows(r, &p);
	return p;
}

static void piece_fini(struct rework *r, struct piece *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		r->number[p->rank[i]] = OUTSIDE;
	free(p->rank);
	free(p->inside.first);
	free(p->inside.to);
	free(p->inside.weight);
}

/* ---- what it is worth ---- */

static double distance(const struct rework *r, uint32_t a, uint32_t b)
{
	int level = pl_topo_common_level(r->topo, a, b);

	return level < 0 ? 0 : r->topo->levels[level].distance;
}

/* What J loses when every rank of the piece goes to its new place. */
static double gain_of(const struct rework *r, const struct piece *p)
{
	const struct pl_commgraph *g = r->graph;
	double sum = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t v = p->rank[i], was = p->pe[i], is = p->pe[p->now[i]];

		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			uint32_t j = r->number[g->to[a]];
			uint32_t pe = pe_at(r, r->at[g->to[a]]);

			if (j == OUTSIDE)
				sum += g->weight[a] * (distance(r, was, pe) - distance(r, is, pe));
			else if (j > i)
				sum += g->weight[a] * (distance(r, was, pe) -
				                       distance(r, is, p->pe[p->now[j]]));
		}
	}
	return sum;
}

static void take_over(struct rework *r, const struct piece *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		r->at[p->rank[i]] = p->place[p->now[i]];
		r->who[p->place[p->now[i]]] = p->rank[i];
	}
}

/* ---- which ---- */

static uint32_t any_arc(const struct rework *r, uint32_t v)
{
	const struct pl_commgraph *g = r->graph;

	return g->first[v] + chance_below(r->plan->split->chance, g->first[v + 1] - g->first[v]);
}

/* Two places of different units whose ranks talk; false where chance found none. */
static bool choose_places(const struct rework *r, size_t level, uint32_t place[2])
{
	const struct pl_commgraph *g = r->graph;

	for (int i = 0; i < 50; i++) {
		uint32_t v = chance_below(r->plan->split->chance, g->n);

		if (g->first[v] == g->first[v + 1])
			continue;
		place[0] = r->at[v];
		place[1] = r->at[g->to[any_arc(r, v)]];
		if (pl_topo_unit(r->topo, pe_at(r, place[0]), level) !=
		    pl_topo_unit(r->topo, pe_at(r, place[1]), level))
			return true;
	}
	return false;
}

static double rework_once(struct rework *r, size_t level, uint64_t *spent)
{
	struct split_plan split = *r->plan->split;
	struct piece p;
	uint32_t place[2];
	double gain;

	*spent += 8;
	if (!choose_places(r, level, place))
		return 0;
	p = take_piece(r, place[0], place[1], level);
	*spent += p.n;
	split.pe = p.pe;
	graph_split(&split, &p.inside, p.now);
	gain = gain_of(r, &p);
	if (gain >= 0)
		take_over(r, &p);
	piece_fini(r, &p);
	return gain > 0 ? gain : 0;
}

static void find_levels(struct rework *r)
{
	for (size_t level = 0; level + 1 < r->topo->n_levels; level++) {
		uint32_t units = 1, n = r->graph->n;

		for (uint32_t p = 1; p < n; p++)
			units += pl_topo_unit(r->topo, pe_at(r, p), level) !=
			         pl_topo_unit(r->topo, pe_at(r, p - 1), level);
		if (units > 1 && 2 * (n / units) <= r->plan->largest && n / units > 4)
			r->levels[r->n_levels++] = level;
	}
}

double graph_rework(const struct rework_plan *plan, const struct pl_commgraph *graph, uint32_t *at)
{
	struct rework r = { .plan = plan, .topo = plan->split->topo, .graph = graph, .at = at };
	unsigned tries = 0, dry = 0;
	uint64_t spent = 0;
	double gained = 0;

	r.who = xmalloc(2 * ((size_t)graph->n + 1) * sizeof(*r.who));
	r.number = r.who + graph->n + 1;
	for (uint32_t v = 0; v < graph->n; v++) {
		r.who[at[v]] = v;
		r.number[v] = OUTSIDE;
	}
	find_levels(&r);
	while (r.n_levels > 0 && spent < plan->budget && dry < plan->patience) {
		double gain = rework_once(&r, r.levels[tries++ % r.n_levels], &spent);

		gained += gain;
		dry = gain > 0 ? 0 : dry + 1;
	}
	free(r.who);
	return gained;
}
