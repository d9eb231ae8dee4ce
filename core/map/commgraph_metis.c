/* commgraph_metis.c - the graph files of METIS and its kin; see commgraph.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/commgraph_text.h"

/* What the header says, and what is read so far. */
struct metis {
	struct graph_text *text;
	struct pl_commgraph *graph;
	uint64_t n, edges, n_arcs;
	unsigned skipped; /* sizes and weights of the vertex before its neighbours */
	bool weighted, ascending;
	uint64_t body_line; /* of the first rank */
	const char *body;
};

/* FMT is three digits, sizes, weights of vertices and of edges; leading ones may be missing. */
static int read_format(struct metis *m)
{
	struct graph_text *t = m->text;
	uint64_t fmt = 0, constraints = 1;

	graph_text_blanks(t);
	if (graph_text_line_ended(t))
		return 0;
	if (!graph_text_number(t, 112, &fmt) || fmt % 10 > 1 || fmt / 10 % 10 > 1)
		return graph_text_error(t, "the format must be up to three digits 0 or 1, as 001 "
		                           "for edges with weights");
	graph_text_blanks(t);
	if (!graph_text_line_ended(t) && (!graph_text_number(t, 100, &constraints)))
		return graph_text_error(t, "the number of vertex weights must be below 100");
	m->weighted = fmt % 10 == 1;
	m->skipped = (fmt >= 100) + (fmt / 10 % 10 == 1 ? (unsigned)constraints : 0);
	return 0;
}

static int read_header(struct metis *m)
{
	struct graph_text *t = m->text;

	graph_text_skip_comments(t, '%', true);
	graph_text_blanks(t);
	if (!graph_text_number(t, PL_COMMGRAPH_MAX_RANKS + 1, &m->n) || m->n == 0)
		return graph_text_error(t, "no graph: METIS begins with 'RANKS EDGES [FORMAT]', "
		                           "Matrix Market with '%%%%MatrixMarket', CSV has lines "
		                           "'src,dst,bytes'");
	graph_text_blanks(t);
	if (!graph_text_number(t, UINT32_MAX / 2, &m->edges))
		return graph_text_error(t, "the header needs two numbers, of ranks and of edges");
	if (read_format(m) < 0)
		return -1;
	graph_text_blanks(t);
	if (!graph_text_line_ended(t))
		return graph_text_error(t, "the header goes on after 'RANKS EDGES FORMAT'");
	/* an arc is two bytes of text at least: the counts cannot make us take more memory */
	if (m->edges > (uint64_t)(t->end - t->at) || m->n > (uint64_t)(t->end - t->at) + 1)
		return graph_text_error(t, "the header says %llu ranks and %llu edges, more than "
		                           "the file can hold",
		                        (unsigned long long)m->n, (unsigned long long)m->edges);
	graph_text_next_line(t);
	m->body = t->at;
	m->body_line = t->line;
	return 0;
}

static int skip_vertex_numbers(struct metis *m)
{
	uint64_t ignored;

	for (unsigned i = 0; i < m->skipped; i++) {
		graph_text_blanks(m->text);
		if (!graph_text_number(m->text, UINT64_MAX / 16, &ignored))
			return graph_text_error(m->text, "a weight of the vertex is missing");
	}
	return 0;
}

static int read_weight(struct metis *m, float *weight)
{
	uint64_t number = 1;

	if (m->weighted) {
		graph_text_blanks(m->text);
		if (graph_text_line_ended(m->text))
			return graph_text_error(m->text, "the line ends before the weight of its "
			                                 "last neighbour: is the file whole?");
		if (!graph_text_number(m->text, 1ull << 53, &number) ||
		    !graph_text_word_ended(m->text))
			return graph_text_error(m->text, "the weight of an edge must be a whole "
			                                 "number from 0 to 2^53: scale fractions");
	}
	*weight = (float)number;
	return 0;
}

/* The line of one rank: neighbour [weight] neighbour [weight] ... */
static int read_row(struct metis *m, uint32_t v)
{
	struct graph_text *t = m->text;
	struct pl_commgraph *g = m->graph;
	uint64_t last = 0, u;

	if (skip_vertex_numbers(m) < 0)
		return -1;
	for (graph_text_blanks(t); !graph_text_line_ended(t); graph_text_blanks(t)) {
		if (m->n_arcs == 2 * m->edges)
			return graph_text_error(t, "more edges than the %llu of the header",
			                        (unsigned long long)m->edges);
		if (!graph_text_number(t, m->n + 1, &u) || u == 0 || !graph_text_word_ended(t))
			return graph_text_error(t, "a neighbour must be a number from 1 to %llu",
			                        (unsigned long long)m->n);
		if (u == (uint64_t)v + 1)
			return graph_text_error(t, "vertex %u lists itself", v + 1);
		m->ascending = m->ascending && u > last;
		last = u;
		g->to[m->n_arcs] = (uint32_t)u - 1;
		if (read_weight(m, &g->weight[m->n_arcs++]) < 0)
			return -1;
	}
	g->first[v + 1] = (uint32_t)m->n_arcs;
	return 0;
}

static int read_rows(struct metis *m)
{
	struct graph_text *t = m->text;

	for (uint32_t v = 0; v < m->n; v++) {
		graph_text_skip_comments(t, '%', false);
		/* an empty last line is easily lost */
		if (t->at == t->end && v + 1 < m->n)
			return graph_text_error(t, "the file ends after %u of %llu vertices", v,
			                        (unsigned long long)m->n);
		if (read_row(m, v) < 0)
			return -1;
		graph_text_next_line(t);
	}
	graph_text_skip_comments(t, '%', true);
	graph_text_blanks(t);
	if (t->at < t->end)
		return graph_text_error(t, "more lines than the %llu vertices of the header",
		                        (unsigned long long)m->n);
	if (m->n_arcs != 2 * m->edges)
		return graph_text_error(t, "%llu neighbours are listed, but %llu edges of the "
		                           "header need %llu, each from both ends",
		                        (unsigned long long)m->n_arcs, (unsigned long long)m->edges,
		                        (unsigned long long)(2 * m->edges));
	return 0;
}

/* ---- rows that agree ---- */

struct arc {
	uint32_t to;
	float weight;
};

static int compare_arcs(const void *a, const void *b)
{
	const struct arc *x = a, *y = b;

	return x->to < y->to ? -1 : x->to > y->to;
}

static void sort_row(struct pl_commgraph *g, uint32_t v, struct arc *row)
{
	uint32_t first = g->first[v], n = g->first[v + 1] - first;

	for (uint32_t i = 0; i < n; i++)
		row[i] = (struct arc){ g->to[first + i], g->weight[first + i] };
	qsort(row, n, sizeof(*row), compare_arcs);
	for (uint32_t i = 0; i < n; i++) {
		g->to[first + i] = row[i].to;
		g->weight[first + i] = row[i].weight;
	}
}

static void sort_rows(struct pl_commgraph *g)
{
	struct arc *row = xmalloc(((size_t)g->first[g->n] + 1) * sizeof(*row));

	for (uint32_t v = 0; v < g->n; v++)
		sort_row(g, v, row);
	free(row);
}

/* Points the message at the line of a vertex, which nobody noted while all went well. */
static void find_line(struct metis *m, uint32_t v)
{
	struct graph_text *t = m->text;

	t->at = m->body;
	t->line = m->body_line;
	for (uint32_t i = 0;; i++) {
		graph_text_skip_comments(t, '%', false);
		if (i == v)
			return;
		graph_text_next_line(t);
	}
}

static int one_sided(struct metis *m, uint32_t v, uint32_t u)
{
	find_line(m, v);
	return graph_text_error(m->text, "vertex %u lists %u, but vertex %u does not list %u with "
	                                 "the same weight: every edge stands in both lines",
	                        v + 1, u + 1, u + 1, v + 1);
}

/*
 * Rows ascend, so that the vertices that list u come by in the order in which u must list them: one
 * cursor per row sees every arc's partner. O(edges).
 */
static int check_symmetry(struct metis *m)
{
	struct pl_commgraph *g = m->graph;
	uint32_t *cursor = xmalloc(((size_t)g->n + 1) * sizeof(*cursor));
	int rc = 0;

	memcpy(cursor, g->first, ((size_t)g->n + 1) * sizeof(*cursor));
	for (uint32_t v = 0; v < g->n && rc == 0; v++) {
		for (uint32_t a = g->first[v]; a < g->first[v + 1] && rc == 0; a++) {
			uint32_t u = g->to[a], back = cursor[u]++;

			if (back >= g->first[u + 1] || g->to[back] != v)
				rc = back < g->first[u + 1] && g->to[back] < v
				             ? one_sided(m, u, g->to[back])
				             : one_sided(m, v, u);
			else if (g->weight[back] != g->weight[a])
				rc = one_sided(m, v, u);
		}
	}
	free(cursor);
	return rc;
}

static int check_doubles(struct metis *m)
{
	struct pl_commgraph *g = m->graph;

	for (uint32_t v = 0; v < g->n; v++) {
		for (uint32_t a = g->first[v] + 1; a < g->first[v + 1]; a++) {
			if (g->to[a] == g->to[a - 1]) {
				find_line(m, v);
				return graph_text_error(m->text, "vertex %u lists %u twice", v + 1,
				                        g->to[a] + 1);
			}
		}
	}
	return 0;
}

struct pl_commgraph *commgraph_read_metis(struct graph_text *text)
{
	struct metis m = { .text = text, .ascending = true };

	if (read_header(&m) < 0)
		return NULL;
	m.graph = commgraph_create((uint32_t)m.n, 2 * m.edges);
	if (read_rows(&m) < 0)
		goto fail;
	if (!m.ascending)
		sort_rows(m.graph);
	if (check_doubles(&m) < 0 || check_symmetry(&m) < 0)
		goto fail;
	return m.graph;
fail:
	pl_commgraph_destroy(m.graph);
	return NULL;
}
