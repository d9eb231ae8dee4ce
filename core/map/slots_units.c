/* slots_units.c - slots by the units of the machine they are in; see slots.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/slots.h"

/* Sort key of a slot: at each level the order in which its unit first appeared. */
struct ordered {
	uint64_t units;
	uint32_t at; /* place in the list given */
	uint32_t pe;
};

static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->units != y->units)
		return x->units < y->units ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool ascending(const uint32_t *pe, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (pe[i - 1] >= pe[i])
			return false;
	}
	return true;
}

/* Adds, for one level, the index of each slot's unit among its siblings in order of appearance.
 * The bits of the level in the key are reused: there are as many siblings as they can count. */
static void rank_units(const struct pl_topo *t, struct ordered *o, uint32_t n, size_t level)
{
	unsigned inner = level > 0 ? t->shift[level - 1] : 0;
	uint32_t n_units = level > 0 ? pl_topo_units(t, level - 1) : t->n_pes;
	uint32_t n_parents = pl_topo_units(t, level);
	uint32_t *rank = xcalloc(n_units, sizeof(*rank)); /* 1 + rank of the unit, 0: not seen */
	uint32_t *seen = xcalloc(n_parents, sizeof(*seen));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t unit = level > 0 ? pl_topo_unit_index(t, o[i].pe, level - 1) : o[i].pe;
		uint32_t parent = pl_topo_unit_index(t, o[i].pe, level);

		if (rank[unit] == 0)
			rank[unit] = ++seen[parent];
		o[i].units |= (uint64_t)(rank[unit] - 1) << inner;
	}
	free(rank);
	free(seen);
}

void slots_group(const struct pl_topo *t, uint32_t *pe, uint32_t n)
{
	struct ordered *o;

	if (ascending(pe, n))
		return;
	o = xcalloc(n, sizeof(*o));
	for (uint32_t i = 0; i < n; i++)
		o[i] = (struct ordered){ 0, i, pe[i] };
	for (size_t level = 1; level < t->n_levels; level++)
		rank_units(t, o, n, level);
	qsort(o, n, sizeof(*o), compare_ordered);
	for (uint32_t i = 0; i < n; i++)
		pe[i] = o[i].pe;
	free(o);
}

static uint32_t run_end(const struct pl_topo *t, const uint32_t *pe, uint32_t n, uint32_t from,
                        size_t level)
{
	uint64_t unit = pl_topo_unit(t, pe[from], level);
	uint32_t i = from + 1;

	while (i < n && pl_topo_unit(t, pe[i], level) == unit)
		i++;
	return i;
}

uint32_t slots_trim_to(const struct pl_topo *t, uint32_t *pe, uint32_t n, size_t level,
                       uint32_t block, uint32_t most)
{
	uint32_t kept = 0;

	for (uint32_t i = 0, end; i < n; i = end) {
		uint32_t keep;

		end = run_end(t, pe, n, i, level);
		keep = (end - i < most ? end - i : most) / block * block;
		memmove(pe + kept, pe + i, keep * sizeof(*pe));
		kept += keep;
	}
	return kept;
}

uint32_t slots_trim(const struct pl_topo *t, uint32_t *pe, uint32_t n, size_t level, uint32_t block)
{
	return slots_trim_to(t, pe, n, level, block, UINT32_MAX);
}

void slots_capacity(const struct pl_topo *t, const uint32_t *pe, uint32_t n,
                    uint32_t capacity[PL_TOPO_MAX_LEVELS])
{
	for (size_t level = 0; level < t->n_levels; level++) {
		capacity[level] = 0;
		for (uint32_t i = 0, end; i < n; i = end) {
			end = run_end(t, pe, n, i, level);
			if (end - i > capacity[level])
				capacity[level] = end - i;
		}
	}
}
