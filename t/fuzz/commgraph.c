/*
 * commgraph.c - fuzz target: any bytes are a graph whose rows agree, or a clean error.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "map/commgraph.h"

static int lists(const struct pl_commgraph *g, uint32_t v, uint32_t u, float weight)
{
	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
		if (g->to[a] == u)
			return g->weight[a] == weight;
	}
	return 0;
}

static void check_graph(const struct pl_commgraph *g)
{
	for (uint32_t v = 0; v < g->n; v++) {
		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			if (g->to[a] >= g->n || g->to[a] == v)
				abort();
			if (a > g->first[v] && g->to[a] <= g->to[a - 1])
				abort();
			if (!lists(g, g->to[a], v, g->weight[a]))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_error err = { 0 };
	struct pl_commgraph *g = pl_commgraph_parse((const char *)data, size, "graph", &err);

	if (g != NULL)
		check_graph(g);
	else if (err.code != PL_EUSAGE || err.text[0] == '\0')
		abort();
	pl_commgraph_destroy(g);
	return 0;
}
