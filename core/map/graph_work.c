/* graph_work.c - see graph_work.h */
#include "map/graph_work.h"

#include <stdlib.h>

#include "base/mem.h"

struct work_graph work_graph_borrow(const struct pl_commgraph *graph)
{
	return (struct work_graph){ .n = graph->n,
		                    .first = graph->first,
		                    .to = graph->to,
		                    .weight = graph->weight,
		                    .total = graph->n,
		                    .largest = 1,
		                    .borrowed = true };
}

struct work_graph work_graph_create(uint32_t n, size_t n_arcs, bool sizes)
{
	struct work_graph g = { .n = n };

	g.first = xcalloc((size_t)n + 1, sizeof(*g.first));
	g.to = xmalloc((n_arcs + 1) * sizeof(*g.to));
	g.weight = xmalloc((n_arcs + 1) * sizeof(*g.weight));
	if (sizes)
		g.size = xcalloc((size_t)n + 1, sizeof(*g.size));
	return g;
}

void work_graph_trim(struct work_graph *g)
{
	size_t n_arcs = (size_t)g->first[g->n] + 1;

	g->to = xreallocarray(g->to, n_arcs, sizeof(*g->to));
	g->weight = xreallocarray(g->weight, n_arcs, sizeof(*g->weight));
}

void work_graph_fini(struct work_graph *g)
{
	if (!g->borrowed) {
		free(g->first);
		free(g->to);
		free(g->weight);
	}
	free(g->size);
	*g = (struct work_graph){ 0 };
}

/* ---- halves ---- */

/* Numbers the vertices of each side, and counts their arcs to their own side. */
static void number_halves(const struct work_graph *g, const uint8_t *side, uint32_t *number,
                          uint32_t n[2], size_t n_arcs[2])
{
	n[0] = n[1] = 0;
	n_arcs[0] = n_arcs[1] = 0;
	for (uint32_t v = 0; v < g->n; v++) {
		number[v] = n[side[v]]++;
		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++)
			n_arcs[side[v]] += side[g->to[a]] == side[v];
	}
}

static void fill_halves(const struct work_graph *g, const uint8_t *side, const uint32_t *number,
                        struct work_graph half[2], uint32_t *member[2])
{
	uint32_t filled[2] = { 0, 0 };

	for (uint32_t v = 0; v < g->n; v++) {
		unsigned s = side[v];
		struct work_graph *h = &half[s];

		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			if (side[g->to[a]] != s)
				continue;
			h->to[filled[s]] = number[g->to[a]];
			h->weight[filled[s]++] = g->weight[a];
		}
		h->first[number[v] + 1] = filled[s];
		member[s][number[v]] = v;
	}
}

void work_graph_halve(const struct work_graph *g, const uint8_t *side, struct work_graph half[2],
                      uint32_t *member[2])
{
	uint32_t *number = xmalloc(((size_t)g->n + 1) * sizeof(*number));
	uint32_t n[2];
	size_t n_arcs[2];

	number_halves(g, side, number, n, n_arcs);
	for (int s = 0; s < 2; s++) {
		half[s] = work_graph_create(n[s], n_arcs[s], false);
		half[s].total = n[s];
		half[s].largest = 1;
		member[s] = xmalloc(((size_t)n[s] + 1) * sizeof(*member[s]));
	}
	fill_halves(g, side, number, half, member);
	free(number);
}

uint32_t *chance_order(struct chance *c, uint32_t n)
{
	uint32_t *order = xmalloc(((size_t)n + 1) * sizeof(*order));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = chance_below(c, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	return order;
}
