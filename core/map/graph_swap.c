/* graph_swap.c - see graph_swap.h */
#include "map/graph_swap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_CANDIDATES 16

/*
 * Vertices on places at one level: ranks on GPUs, or what is on a unit, on units. A home is a unit
 * one level further out: a run of places that are equally far from everything outside it, and
 * `near` from each other.
 */
struct level_swap {
	const struct swap_plan *plan;
	const struct work_graph *graph;
	uint32_t *at;       /* place by vertex */
	uint32_t *who;      /* vertex by place */
	uint64_t *key;      /* by place: as in the topology, without the bits inside a place */
	const uint64_t *looks; /* by place: only equal ones may be traded; NULL: all are equal */
	uint32_t *home;     /* by place */
	uint32_t *home_first; /* by home, and one more */
	float by_bit[64];   /* distance by the highest differing bit of two keys */
	float near;
	uint8_t *wants;     /* by vertex: 1 when something near it has moved */
};

static float distance(const struct level_swap *s, uint32_t p, uint32_t q)
{
	uint64_t differing = s->key[p] ^ s->key[q];

	return differing == 0 ? 0 : s->by_bit[63 - __builtin_clzll(differing)];
}

/*
 * What J loses when v leaves place p for a place in the home of `there`, everybody else staying.
 * Neighbours in that home count as near, also one on the very place.
 */
static double saves(const struct level_swap *s, uint32_t v, uint32_t p, uint32_t there)
{
	const struct work_graph *g = s->graph;
	uint32_t home = s->home[there];
	double sum = 0;

	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
		uint32_t q = s->at[g->to[a]];
		float now = distance(s, p, q);
		float then = s->home[q] == home ? s->near : distance(s, there, q);

		sum += (double)g->weight[a] * (now - then);
	}
	return sum;
}

static float weight_between(const struct work_graph *g, uint32_t u, uint32_t v)
{
	for (uint32_t a = g->first[u]; a < g->first[u + 1]; a++) {
		if (g->to[a] == v)
			return g->weight[a];
	}
	return 0;
}

/* ---- where a vertex would like to be ---- */

struct candidate {
	uint32_t home;
	float weight;
};

/* Keeps the homes of the heaviest ties, the heaviest first; a home counts with its heaviest. */
static unsigned note_candidate(struct candidate *list, unsigned n, unsigned max, uint32_t home,
                               float weight)
{
	unsigned i = 0, k;

	while (i < n && list[i].weight >= weight && list[i].home != home)
		i++;
	if (i < n && list[i].home == home && list[i].weight >= weight)
		return n;
	for (k = i; k < n && list[k].home != home; k++)
		;
	if (k == n) {
		if (n == max && i == max)
			return n;
		n += n < max;
		k = n - 1;
	}
	memmove(list + i + 1, list + i, (k - i) * sizeof(*list));
	list[i] = (struct candidate){ home, weight };
	return n;
}

static unsigned find_candidates(const struct level_swap *s, uint32_t v,
                                struct candidate list[MAX_CANDIDATES])
{
	const struct work_graph *g = s->graph;
	uint32_t own = s->home[s->at[v]];
	unsigned n = 0, max = s->plan->candidates;

	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
		uint32_t home = s->home[s->at[g->to[a]]];

		if (home == own || (n == max && list[n - 1].weight >= g->weight[a]))
			continue;
		n = note_candidate(list, n, max, home, g->weight[a]);
	}
	return n;
}

/* ---- trading ---- */

struct trade {
	uint32_t place; /* that v goes to */
	double gain;
};

/* The best place of a home to trade for. */
static void try_home(const struct level_swap *s, uint32_t v, uint32_t home, struct trade *best)
{
	uint32_t p = s->at[v], first = s->home_first[home];
	double mine = saves(s, v, p, first);

	if (mine <= 0)
		return;
	for (uint32_t q = first; q < s->home_first[home + 1]; q++) {
		uint32_t u = s->who[q];
		double gain;

		if (s->looks != NULL && s->looks[p] != s->looks[q])
			continue;
		gain = mine + saves(s, u, q, p);
		if (gain <= best->gain)
			continue;
		/* what they say to each other stays as far as it is */
		gain -= 2.0 * weight_between(s->graph, v, u) * (distance(s, p, q) - s->near);
		if (gain > best->gain)
			*best = (struct trade){ q, gain };
	}
}

static void wake(struct level_swap *s, uint32_t v)
{
	const struct work_graph *g = s->graph;

	s->wants[v] = 1;
	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++)
		s->wants[g->to[a]] = 1;
}

static void trade_places(struct level_swap *s, uint32_t v, uint32_t q)
{
	uint32_t p = s->at[v], u = s->who[q];

	s->at[v] = q;
	s->at[u] = p;
	s->who[q] = v;
	s->who[p] = u;
	wake(s, v);
	wake(s, u);
}

/* What J lost. */
static double settle(struct level_swap *s, uint32_t v, double least)
{
	struct candidate list[MAX_CANDIDATES];
	struct trade best = { 0, least };
	unsigned n = find_candidates(s, v, list);

	s->wants[v] = 0;
	for (unsigned i = 0; i < n; i++)
		try_home(s, v, list[i].home, &best);
	if (best.gain <= least)
		return 0;
	trade_places(s, v, best.place);
	return best.gain;
}

static double total_weight(const struct work_graph *g)
{
	double sum = 0;

	for (uint32_t a = 0; a < g->first[g->n]; a++)
		sum += g->weight[a];
	return sum;
}

static double run_sweeps(struct level_swap *s)
{
	uint32_t n = s->graph->n;
	double least = 1e-9 * total_weight(s->graph), gained = 0;
	bool again = true;

	memset(s->wants, 1, n);
	for (unsigned i = 0; again && i < s->plan->sweeps; i++) {
		uint32_t *order = chance_order(s->plan->chance, n);
		double before = gained;

		for (uint32_t k = 0; k < n; k++) {
			if (s->wants[order[k]])
				gained += settle(s, order[k], least);
		}
		again = gained > before;
		free(order);
	}
	return gained;
}

/* ---- one level ---- */

/* Distances by bit of a key whose lowest `shift` bits are gone. */
static void set_distances(struct level_swap *s, unsigned shift)
{
	const struct pl_topo *t = s->plan->topo;

	for (unsigned b = 0; b + shift < 64; b++)
		s->by_bit[b] = (float)t->levels[t->level_of_bit[b + shift]].distance;
}

/* Homes are units of topology level `level`; places are in order. */
static void set_homes(struct level_swap *s, unsigned shift, size_t level)
{
	uint32_t n = s->graph->n, homes = 0;
	unsigned out = s->plan->topo->shift[level] - shift;

	for (uint32_t p = 0; p < n; p++) {
		if (p == 0 || s->key[p] >> out != s->key[p - 1] >> out)
			s->home_first[homes++] = p;
		s->home[p] = homes - 1;
	}
	s->home_first[homes] = n;
	s->near = (float)s->plan->topo->levels[level].distance;
}

/* Betters at[] where place p has key[p], of units at level - 1 (level 0: GPUs). Takes key. */
static double swap_level(const struct swap_plan *plan, const struct work_graph *graph, size_t level,
                         uint64_t *key, const uint64_t *looks, uint32_t *at)
{
	struct level_swap s = { .plan = plan, .graph = graph, .at = at, .key = key, .looks = looks };
	unsigned shift = level > 0 ? plan->topo->shift[level - 1] : 0;
	size_t n = (size_t)graph->n + 1;
	uint32_t *memory = xmalloc(3 * n * sizeof(*memory));
	double gained;

	s.who = memory;
	s.home = memory + n;
	s.home_first = memory + 2 * n;
	s.wants = xmalloc(n);
	for (uint32_t v = 0; v < graph->n; v++)
		s.who[at[v]] = v;
	set_distances(&s, shift);
	set_homes(&s, shift, level);
	gained = run_sweeps(&s);
	free(memory);
	free(s.wants);
	free(key);
	return gained;
}

static double swap_ranks(const struct swap_plan *plan, const struct pl_commgraph *graph,
                         uint32_t *at)
{
	struct work_graph g = work_graph_borrow(graph);
	uint64_t *key = xmalloc(((size_t)g.n + 1) * sizeof(*key));

	for (uint32_t p = 0; p < g.n; p++)
		key[p] = plan->topo->key[plan->pe[p]];
	return swap_level(plan, &g, 0, key, NULL, at);
}

/* ---- units as vertices ---- */

struct units {
	uint32_t n;
	uint32_t *first; /* place where each begins, and one more */
	uint32_t *of;    /* by place */
	uint64_t *looks; /* a sum over which slots of the unit are there */
};

static void find_units(struct units *u, const struct swap_plan *plan, uint32_t n, size_t level)
{
	uint64_t mask = ((uint64_t)1 << plan->topo->shift[level]) - 1;

	u->n = 0;
	u->first = xmalloc(((size_t)n + 1) * sizeof(*u->first));
	u->of = xmalloc(((size_t)n + 1) * sizeof(*u->of));
	u->looks = xcalloc((size_t)n + 1, sizeof(*u->looks));
	for (uint32_t p = 0; p < n; p++) {
		uint64_t key = plan->topo->key[plan->pe[p]];

		if (p == 0 || key >> plan->topo->shift[level] !=
		                      plan->topo->key[plan->pe[p - 1]] >> plan->topo->shift[level])
			u->first[u->n++] = p;
		u->of[p] = u->n - 1;
		u->looks[u->n - 1] =
		        (u->looks[u->n - 1] ^ ((key & mask) + 1)) * 0x9e3779b97f4a7c15u;
	}
	u->first[u->n] = n;
}

static void units_fini(struct units *u)
{
	free(u->first);
	free(u->of);
	free(u->looks);
}

/* The weight between the contents of units; a row is added up over the ranks of the unit. */
static struct work_graph build_quotient(const struct pl_commgraph *graph, const struct units *u,
                                        const uint32_t *at, const uint32_t *who)
{
	struct work_graph q = work_graph_create(u->n, graph->first[graph->n], false);
	uint32_t *seen = xcalloc((size_t)u->n + 1, sizeof(*seen));
	uint32_t end = 0;

	for (uint32_t i = 0; i < u->n; i++) {
		uint32_t start = end;

		for (uint32_t p = u->first[i]; p < u->first[i + 1]; p++) {
			uint32_t v = who[p];

			for (uint32_t a = graph->first[v]; a < graph->first[v + 1]; a++) {
				uint32_t to = u->of[at[graph->to[a]]], k = seen[to];

				if (to == i)
					continue;
				if (k >= start && k < end && q.to[k] == to) {
					q.weight[k] += graph->weight[a];
					continue;
				}
				seen[to] = end;
				q.to[end] = to;
				q.weight[end++] = graph->weight[a];
			}
		}
		q.first[i + 1] = end;
	}
	free(seen);
	work_graph_trim(&q);
	return q;
}

/* What was on unit i goes to unit moved[i], slot by slot. */
static void move_contents(const struct units *u, const uint32_t *moved, const uint32_t *who,
                          uint32_t n, uint32_t *at)
{
	for (uint32_t p = 0; p < n; p++) {
		uint32_t i = u->of[p];

		at[who[p]] = u->first[moved[i]] + (p - u->first[i]);
	}
}

static double swap_units(const struct swap_plan *plan, const struct pl_commgraph *graph,
                         size_t level, uint32_t *at)
{
	struct units u;
	struct work_graph q;
	uint32_t *who = xmalloc(((size_t)graph->n + 1) * sizeof(*who));
	uint32_t *moved;
	uint64_t *key;
	double gained;

	find_units(&u, plan, graph->n, level);
	for (uint32_t v = 0; v < graph->n; v++)
		who[at[v]] = v;
	q = build_quotient(graph, &u, at, who);
	moved = xmalloc(((size_t)u.n + 1) * sizeof(*moved));
	key = xmalloc(((size_t)u.n + 1) * sizeof(*key));
	for (uint32_t i = 0; i < u.n; i++) {
		moved[i] = i;
		key[i] = plan->topo->key[plan->pe[u.first[i]]] >> plan->topo->shift[level];
	}
	gained = swap_level(plan, &q, level + 1, key, u.looks, moved);
	if (gained > 0)
		move_contents(&u, moved, who, graph->n, at);
	work_graph_fini(&q);
	units_fini(&u);
	free(who);
	free(moved);
	return gained;
}

/* Times that all levels are gone through; the second rarely finds anything. */
#define ROUNDS 3

void graph_swap(const struct swap_plan *plan, const struct pl_commgraph *graph, uint32_t *at)
{
	size_t n_levels = plan->topo->n_levels;

	for (int round = 0; round < ROUNDS; round++) {
		double gained = 0;

		for (size_t level = 0; level + 2 < n_levels; level++)
			gained += swap_units(plan, graph, n_levels - 3 - level, at);
		if (round > 0 && gained == 0)
			return;
		if (n_levels > 1 && swap_ranks(plan, graph, at) == 0)
			return;
	}
}
