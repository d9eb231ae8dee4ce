/* rankmap_slowest.c - where the slowest group of a phase is held up; see rankmap_build.h */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "map/rankmap_build.h"

static int compare_pes(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The unit of level - 1, or the GPU, that holds a PE. */
static uint64_t unit_inside(const struct pl_topo *t, uint32_t pe, int level)
{
	return level > 0 ? pl_topo_unit(t, pe, (size_t)level - 1) : pe;
}

uint32_t rankmap_narrowest(const struct pl_rankmap *m, const struct pl_groups *g, uint32_t group,
                           int level, uint32_t *pe)
{
	uint32_t size = pl_groups_size(g, group), fewest = UINT32_MAX, end;
	uint32_t *at = xcalloc(size, sizeof(*at));

	for (uint32_t i = 0; i < size; i++)
		at[i] = m->places[pl_groups_rank(g, group, i)].pe;
	qsort(at, size, sizeof(*at), compare_pes);
	for (uint32_t i = 0; i < size; i = end) {
		end = i + 1;
		while (end < size && unit_inside(m->topo, at[end], level) ==
					     unit_inside(m->topo, at[i], level))
			end++;
		if (end - i < fewest) {
			fewest = end - i;
			*pe = at[i];
		}
	}
	free(at);
	return fewest;
}

/* What the group pays for a gigabyte at a level, in terms that compare between levels; 0 where it
 * does not cross it. */
static double paid_at(const struct pl_rankmap *m, const struct pl_groups *g, uint32_t group,
                      int level)
{
	uint32_t pe, size = pl_groups_size(g, group);
	uint32_t inside = rankmap_narrowest(m, g, group, level, &pe);
	double alone = m->topo->per_gbyte[level] / m->topo->levels[level].oversubscription;

	if (inside == size)
		return 0;
	switch (g->pattern) {
	case PL_RING:
		return alone / inside;
	case PL_ALLTOALL:
		return alone * (size - inside);
	case PL_P2P:
		return alone;
	}
	return 0;
}

int pl_rankmap_slowest_level(const struct pl_rankmap *m, unsigned family)
{
	const struct pl_map_worst *w = &m->cost.worst[family];
	int level = w->level;
	struct pl_groups g;
	double paid;

	if (level < 0 || w->uplink)
		return level;
	pl_job_groups(&m->job, family, &g);
	paid = paid_at(m, &g, w->group, level);
	for (int outer = level + 1; outer < (int)m->topo->n_levels; outer++) {
		if (fabs(paid_at(m, &g, w->group, outer) - paid) <= 1e-9 * paid)
			level = outer;
	}
	return level;
}
