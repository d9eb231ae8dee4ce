/* commgraph.c - graphs from bytes or from a list of edges; see commgraph.h */
#include "map/commgraph.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "map/commgraph_text.h"

struct pl_commgraph *commgraph_create(uint32_t n, size_t n_arcs)
{
	struct pl_commgraph *g = xcalloc(1, sizeof(*g));

	g->n = n;
	g->first = xcalloc((size_t)n + 1, sizeof(*g->first));
	g->to = xmalloc((n_arcs + 1) * sizeof(*g->to));
	g->weight = xmalloc((n_arcs + 1) * sizeof(*g->weight));
	return g;
}

void pl_commgraph_destroy(struct pl_commgraph *g)
{
	if (g == NULL)
		return;
	free(g->first);
	free(g->to);
	free(g->weight);
	free(g);
}

/* ---- from a list of edges ---- */

/* Lays every entry into both of its rows, in the order of the list. */
static void fill_rows(struct pl_commgraph *g, const struct graph_entries *e)
{
	uint32_t *next = xmalloc(((size_t)g->n + 1) * sizeof(*next));

	memcpy(next, g->first, ((size_t)g->n + 1) * sizeof(*next));
	for (size_t i = 0; i < e->n; i++) {
		const struct graph_entry *x = &e->items[i];

		if (x->a == x->b)
			continue;
		g->to[next[x->a]] = x->b;
		g->weight[next[x->a]++] = x->weight;
		g->to[next[x->b]] = x->a;
		g->weight[next[x->b]++] = x->weight;
	}
	free(next);
}

static void count_rows(struct pl_commgraph *g, const struct graph_entries *e)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->items[i].a == e->items[i].b)
			continue;
		g->first[e->items[i].a + 1]++;
		g->first[e->items[i].b + 1]++;
	}
	for (uint32_t v = 0; v < g->n; v++)
		g->first[v + 1] += g->first[v];
}

/* The transpose of a symmetric graph is the graph, with every row ascending: one counting sort. */
static struct pl_commgraph *sort_rows(struct pl_commgraph *g)
{
	struct pl_commgraph *sorted = commgraph_create(g->n, g->first[g->n]);
	uint32_t *next = xmalloc(((size_t)g->n + 1) * sizeof(*next));

	memcpy(next, g->first, ((size_t)g->n + 1) * sizeof(*next));
	memcpy(sorted->first, g->first, ((size_t)g->n + 1) * sizeof(*next));
	for (uint32_t v = 0; v < g->n; v++) {
		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			uint32_t at = next[g->to[a]]++;

			sorted->to[at] = v;
			sorted->weight[at] = g->weight[a];
		}
	}
	free(next);
	pl_commgraph_destroy(g);
	return sorted;
}

/* Adds up entries for the same neighbour, which lie together. */
static void merge_doubles(struct pl_commgraph *g)
{
	uint32_t kept = 0, a = 0;

	for (uint32_t v = 0; v < g->n; v++) {
		uint32_t start = kept;

		for (; a < g->first[v + 1]; a++) {
			if (kept > start && g->to[kept - 1] == g->to[a]) {
				g->weight[kept - 1] += g->weight[a];
				continue;
			}
			g->to[kept] = g->to[a];
			g->weight[kept++] = g->weight[a];
		}
		g->first[v + 1] = kept;
	}
}

struct pl_commgraph *commgraph_build(uint32_t n, const struct graph_entries *entries)
{
	struct pl_commgraph *g = commgraph_create(n, 2 * entries->n);

	count_rows(g, entries);
	fill_rows(g, entries);
	g = sort_rows(g);
	merge_doubles(g);
	return g;
}

/* ---- text ---- */

int graph_text_error(const struct graph_text *t, const char *fmt, ...)
{
	struct strbuf words = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&words, fmt, ap);
	va_end(ap);
	pl_errorf(t->err, PL_EUSAGE, "%s:%llu: %s", t->name, (unsigned long long)t->line,
	          strbuf_str(&words));
	strbuf_fini(&words);
	return -1;
}

int graph_text_weight(struct graph_text *t, float *value)
{
	char word[64], *end;
	size_t len = 0;
	double v;

	while (t->at + len < t->end && len < sizeof(word) - 1 &&
	       memchr("0123456789.eE+-", t->at[len], 15) != NULL) {
		word[len] = t->at[len];
		len++;
	}
	word[len] = '\0';
	v = strtod(word, &end);
	if (len == 0 || *end != '\0' || !(v >= 0) || v > 1e30)
		return graph_text_error(t, "a weight must be a number from 0 to 1e30");
	*value = (float)v;
	t->at += len;
	return 0;
}

/* The first line that says something holds a comma. */
static bool looks_like_csv(const struct graph_text *text)
{
	struct graph_text t = *text;
	const char *eol;

	graph_text_skip_comments(&t, '#', true);
	eol = memchr(t.at, '\n', (size_t)(t.end - t.at));
	return memchr(t.at, ',', (size_t)((eol != NULL ? eol : t.end) - t.at)) != NULL;
}

struct pl_commgraph *pl_commgraph_parse(const char *bytes, size_t len, const char *name,
                                        struct pl_error *err)
{
	static const char matrix[] = "%%MatrixMarket";
	struct graph_text t = { .name = name, .line = 1, .err = err };

	t.at = bytes != NULL ? bytes : "";
	t.end = t.at + len;
	if (len >= sizeof(matrix) - 1 && memcmp(bytes, matrix, sizeof(matrix) - 1) == 0)
		return commgraph_read_matrix(&t);
	if (looks_like_csv(&t))
		return commgraph_read_csv(&t);
	return commgraph_read_metis(&t);
}
