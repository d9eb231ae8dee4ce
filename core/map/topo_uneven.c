/* topo_uneven.c - see topo_uneven.h */
#include "map/topo_uneven.h"

#include <string.h>

#include "base/mem.h"

/* The levels inside a host: full ones, down to the GPU. Returns the first level outside. */
static int derive_inside(struct pl_topo *t, const struct pl_topo_spec *spec, size_t *outside,
			 struct pl_error *err)
{
	uint64_t span = 1;
	size_t i = 0;

	for (; i < t->n_levels && spec->host_units[i] == NULL; i++) {
		span *= t->levels[i].count;
		if (span > t->gpus_per_host)
			break;
		t->span[i] = (uint32_t)span;
		t->n_units[i] = t->n_pes / t->span[i];
	}
	if (span != t->gpus_per_host)
		return pl_errorf(err, PL_EUSAGE,
				 "topology: a host has %u GPUs, but the levels inside it hold %llu",
				 t->gpus_per_host, (unsigned long long)span);
	t->host_level = (int)i - 1;
	*outside = i;
	return 0;
}

/* Numbers must count up from 0 by one, and a unit must lie in one unit of the next level. */
static int check_numbers(const struct pl_topo *t, size_t level, struct pl_error *err)
{
	const uint32_t *unit = t->host_unit[level];
	const uint32_t *outer = level + 1 < t->n_levels ? t->host_unit[level + 1] : NULL;
	size_t n = pl_hostlist_count(t->hosts);

	if (unit[0] != 0)
		return pl_errorf(err, PL_EUSAGE, "topology: units of '%s' do not count from 0",
				 t->levels[level].name);
	for (size_t h = 1; h < n; h++) {
		if (unit[h] != unit[h - 1] && unit[h] != unit[h - 1] + 1)
			return pl_errorf(err, PL_EUSAGE,
					 "topology: hosts of one '%s' must follow each other: %s "
					 "comes too early or too late",
					 t->levels[level].name, pl_hostlist_name(t->hosts, h));
		if (outer != NULL && unit[h] == unit[h - 1] && outer[h] != outer[h - 1])
			return pl_errorf(err, PL_EUSAGE,
					 "topology: %s and %s are in one '%s' but not in one '%s'",
					 pl_hostlist_name(t->hosts, h - 1),
					 pl_hostlist_name(t->hosts, h), t->levels[level].name,
					 t->levels[level + 1].name);
	}
	return 0;
}

static int copy_units(struct pl_topo *t, const struct pl_topo_spec *spec, size_t outside,
		      struct pl_error *err)
{
	size_t n = pl_hostlist_count(t->hosts);

	for (size_t i = outside; i < t->n_levels; i++) {
		if (spec->host_units[i] == NULL)
			return pl_errorf(err, PL_EUSAGE, "topology: level '%s' has no units",
					 t->levels[i].name);
		t->host_unit[i] = xmalloc(n * sizeof(uint32_t));
		memcpy(t->host_unit[i], spec->host_units[i], n * sizeof(uint32_t));
	}
	for (size_t i = outside; i < t->n_levels; i++) {
		if (check_numbers(t, i, err) < 0)
			return -1;
		t->n_units[i] = t->host_unit[i][n - 1] + 1;
	}
	if (t->n_units[t->n_levels - 1] != 1)
		return pl_errorf(err, PL_EUSAGE,
				 "topology: the outermost level '%s' has %u units: add a level "
				 "that joins them",
				 t->levels[t->n_levels - 1].name, t->n_units[t->n_levels - 1]);
	return 0;
}

static uint32_t max_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* The most units inside, and the most PEs, of one unit of a level. */
static void derive_sizes(struct pl_topo *t, size_t level)
{
	const uint32_t *unit = t->host_unit[level];
	const uint32_t *inner = level > 0 ? t->host_unit[level - 1] : NULL;
	uint32_t hosts = 0, children = 0, n = (uint32_t)pl_hostlist_count(t->hosts);

	t->levels[level].count = 0;
	for (uint32_t h = 0; h < n; h++) {
		bool first = h == 0 || unit[h] != unit[h - 1];

		hosts = first ? 1 : hosts + 1;
		if (first)
			children = 1;
		else if (inner == NULL || inner[h] != inner[h - 1])
			children++;
		t->levels[level].count = max_of(t->levels[level].count, children);
		t->span[level] = max_of(t->span[level], hosts * t->gpus_per_host);
	}
}

int topo_uneven_derive(struct pl_topo *t, const struct pl_topo_spec *spec, struct pl_error *err)
{
	size_t outside = 0;

	if (derive_inside(t, spec, &outside, err) < 0 || copy_units(t, spec, outside, err) < 0)
		return -1;
	for (size_t i = outside; i < t->n_levels; i++)
		derive_sizes(t, i);
	return 0;
}

size_t topo_uneven_common(const struct pl_topo *t, uint32_t host)
{
	size_t level = (size_t)(t->host_level + 1);

	while (level + 1 < t->n_levels &&
	       t->host_unit[level][host] != t->host_unit[level][host - 1])
		level++;
	return level;
}
