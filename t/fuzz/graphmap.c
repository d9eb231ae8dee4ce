/*
 * graphmap.c - fuzz target: any graph gets a map, one rank on each GPU and no dearer than the order
 * given; any bytes are a map of others or a clean error.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "map/graphmap.h"

#define RANKS 300 /* the largest graph that is placed */
#define GPUS  360

static struct pl_topo *machine(void)
{
	static struct pl_topo *topo;

	if (topo == NULL)
		topo = pl_topo_parse_tree("4:3:5:6", "1:3:10:30", NULL);
	return topo;
}

static void check_distinct(const uint32_t *pe, uint32_t n)
{
	unsigned char taken[GPUS] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		if (pe[i] >= GPUS || taken[pe[i]]++)
			abort();
	}
}

static void check_place(const struct pl_commgraph *g, enum pl_effort effort)
{
	uint32_t slots[GPUS], pe[RANKS];
	struct pl_graphmap_request request = {
		.topo = machine(), .graph = g, .slots = slots, .n_slots = GPUS, .effort = effort
	};
	struct pl_graph_score score;

	for (uint32_t i = 0; i < GPUS; i++)
		slots[i] = i;
	if (pl_graphmap_place(&request, pe, NULL) < 0)
		abort();
	check_distinct(pe, g->n);
	score = pl_graphmap_score(&request, pe);
	if (!(score.cost.weighted <= score.baseline.weighted))
		abort();
}

static void check_read(const char *bytes, size_t size)
{
	struct pl_error err = { 0 };
	uint32_t pe[4];

	if (pl_graphmap_read(bytes, size, "map", machine(), 4, pe, &err) == 0)
		check_distinct(pe, 4);
	else if (err.code != PL_EUSAGE || err.text[0] == '\0')
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_commgraph *g = pl_commgraph_parse((const char *)data, size, "graph", NULL);

	if (g != NULL && g->n <= RANKS)
		check_place(g, size % 16 == 0 ? PL_EFFORT_BEST : PL_EFFORT_NORMAL);
	pl_commgraph_destroy(g);
	check_read((const char *)data, size);
	return 0;
}
