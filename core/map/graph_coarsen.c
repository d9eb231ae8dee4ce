/* graph_coarsen.c - see graph_coarsen.h */
#include "map/graph_coarsen.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NOBODY UINT32_MAX

/* Vertices in clusters, each named by its first member until they are numbered. */
struct clusters {
	const struct work_graph *g;
	uint32_t *leader; /* by vertex; NOBODY: not asked yet, and nobody's leader */
	uint32_t *size;   /* in ranks, by leader */
	uint32_t max_size;
};

static uint32_t cluster_of(const struct clusters *c, uint32_t v)
{
	return c->leader[v] != NOBODY ? c->leader[v] : v;
}

/*
 * The cluster that v is tied to most and that has room for it; v itself when there is none. Of
 * equal ones, the first from a random place in the row on: neighbours stand there in the order of
 * their numbers, and a mesh would be joined along its lines.
 */
static uint32_t choose_cluster(const struct clusters *c, uint32_t v, struct chance *chance)
{
	const struct work_graph *g = c->g;
	uint32_t first = g->first[v], n = g->first[v + 1] - first;
	uint32_t turn = n > 0 ? chance_below(chance, n) : 0;
	uint32_t size = work_graph_size(g, v), best = v;
	float best_rating = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t a = first + (i + turn < n ? i + turn : i + turn - n);
		uint32_t leader = cluster_of(c, g->to[a]);
		float rating = g->weight[a] * g->weight[a] / (float)c->size[leader];

		if (rating > best_rating && c->size[leader] + size <= c->max_size) {
			best_rating = rating;
			best = leader;
		}
	}
	return best;
}

static void join(struct clusters *c, uint32_t v, uint32_t leader)
{
	c->leader[v] = leader;
	if (leader == v)
		return;
	c->leader[leader] = leader;
	c->size[leader] += c->size[v];
}

/* Gives clusters numbers in the order of their leaders; returns how many there are. */
static uint32_t number_clusters(const struct clusters *c, uint32_t *cluster)
{
	uint32_t n = 0;

	for (uint32_t v = 0; v < c->g->n; v++) {
		if (c->leader[v] == v)
			cluster[v] = n++;
	}
	for (uint32_t v = 0; v < c->g->n; v++)
		cluster[v] = cluster[c->leader[v]];
	return n;
}

/* Vertices cluster by cluster; start has n_clusters + 1 entries. */
static uint32_t *list_members(const uint32_t *cluster, uint32_t n, uint32_t n_clusters,
                              uint32_t *start)
{
	uint32_t *member = xmalloc(((size_t)n + 1) * sizeof(*member));

	for (uint32_t v = 0; v < n; v++)
		start[cluster[v] + 1]++;
	for (uint32_t c = 0; c < n_clusters; c++)
		start[c + 1] += start[c];
	for (uint32_t v = n; v-- > 0;)
		member[--start[cluster[v] + 1]] = v;
	/* every start has moved down by its own cluster: entry c + 1 is where c begins */
	memmove(start, start + 1, n_clusters * sizeof(*start));
	start[n_clusters] = n;
	return member;
}

/* One row of the coarse graph; at[c] is where c stands in the row, if that lies in the row. */
static uint32_t merge_rows(const struct work_graph *g, const uint32_t *cluster, uint32_t self,
                           const uint32_t *member, uint32_t n_members, struct work_graph *out,
                           uint32_t *at)
{
	uint32_t start = out->first[self], end = start;

	for (uint32_t i = 0; i < n_members; i++) {
		uint32_t v = member[i];

		out->size[self] += work_graph_size(g, v);
		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			uint32_t c = cluster[g->to[a]], k = at[c];

			if (c == self)
				continue;
			if (k >= start && k < end && out->to[k] == c) {
				out->weight[k] += g->weight[a];
				continue;
			}
			at[c] = end;
			out->to[end] = c;
			out->weight[end++] = g->weight[a];
		}
	}
	return end;
}

static struct work_graph contract(const struct work_graph *g, const uint32_t *cluster, uint32_t n)
{
	struct work_graph out = work_graph_create(n, g->first[g->n], true);
	uint32_t *start = xcalloc((size_t)n + 2, sizeof(*start));
	uint32_t *member = list_members(cluster, g->n, n, start);
	uint32_t *at = xcalloc((size_t)n + 1, sizeof(*at));

	for (uint32_t c = 0; c < n; c++) {
		out.first[c + 1] = merge_rows(g, cluster, c, member + start[c],
		                              start[c + 1] - start[c], &out, at);
		if (out.size[c] > out.largest)
			out.largest = out.size[c];
	}
	out.total = g->total;
	work_graph_trim(&out);
	free(start);
	free(member);
	free(at);
	return out;
}

struct work_graph graph_coarsen(const struct work_graph *g, uint32_t max_size,
                                struct chance *chance, uint32_t **cluster)
{
	struct clusters c = { .g = g, .max_size = max_size };
	uint32_t *order = chance_order(chance, g->n);
	uint32_t n;

	c.leader = xmalloc(((size_t)g->n + 1) * sizeof(*c.leader));
	c.size = xmalloc(((size_t)g->n + 1) * sizeof(*c.size));
	for (uint32_t v = 0; v < g->n; v++) {
		c.leader[v] = NOBODY;
		c.size[v] = work_graph_size(g, v);
	}
	for (uint32_t i = 0; i < g->n; i++) {
		if (c.leader[order[i]] == NOBODY)
			join(&c, order[i], choose_cluster(&c, order[i], chance));
	}
	*cluster = order; /* the order has been used up */
	n = number_clusters(&c, *cluster);
	free(c.leader);
	free(c.size);
	return contract(g, *cluster, n);
}
