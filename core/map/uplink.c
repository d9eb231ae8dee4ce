/* uplink.c - see uplink.h */
#include "map/uplink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Numbers the units of level - 1 in PE order. */
static void number_units(struct uplink_boundary *b, const struct pl_topo *t, size_t level)
{
	b->unit = xcalloc(t->n_pes, sizeof(*b->unit));
	b->n = 1;
	for (uint32_t pe = 0; pe < t->n_pes; pe++) {
		if (pe > 0 &&
		    pl_topo_unit(t, pe, level - 1) != pl_topo_unit(t, pe - 1, level - 1))
			b->n++;
		b->unit[pe] = b->n - 1;
	}
	b->pes = xcalloc(b->n, sizeof(*b->pes));
	for (uint32_t pe = 0; pe < t->n_pes; pe++)
		b->pes[b->unit[pe]]++;
	b->phase = xcalloc(b->n, sizeof(*b->phase));
	b->in_step = xcalloc(b->n, sizeof(*b->in_step));
}

void uplinks_init(struct uplinks *u, const struct pl_topo *t)
{
	*u = (struct uplinks){ .topo = t, .first = (size_t)(t->domain_level + 1) };
	if (u->first == 0)
		u->first = 1; /* a GPU's own way out is its adapter */
	for (size_t level = u->first; level < t->n_levels; level++)
		number_units(&u->at[level], t, level);
	u->node = (size_t)(t->host_level + 1);
	if (u->node < u->first)
		u->node = u->first;
	if (u->node < t->n_levels)
		u->passed = xcalloc(u->at[u->node].n, sizeof(*u->passed));
}

void uplinks_clear(struct uplinks *u)
{
	for (size_t level = u->first; level < u->topo->n_levels; level++) {
		struct uplink_boundary *b = &u->at[level];

		memset(b->phase, 0, b->n * sizeof(*b->phase));
		memset(b->in_step, 0, b->n * sizeof(*b->in_step));
	}
}

void uplinks_fini(struct uplinks *u)
{
	free(u->passed);
	for (size_t level = 0; level < PL_TOPO_MAX_LEVELS; level++) {
		free(u->at[level].unit);
		free(u->at[level].pes);
		free(u->at[level].phase);
		free(u->at[level].in_step);
	}
}

/* One link of a ring. */
static void add_link(struct uplinks *u, uint32_t from, uint32_t to, double gbyte)
{
	int common = pl_topo_common_level(u->topo, from, to);

	for (size_t level = u->node; (int)level <= common; level++)
		uplinks_add(u, level, from, gbyte);
}

void uplinks_add_ring(struct uplinks *u, const uint32_t *member, uint32_t n, double gbyte)
{
	const uint32_t *node;
	uint32_t at = member[0];

	if (u->node >= u->topo->n_levels)
		return;
	node = u->at[u->node].unit;
	u->rings++;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t *passed = &u->passed[node[member[i]]];

		if (*passed == u->rings)
			continue;
		*passed = u->rings;
		add_link(u, at, member[i], gbyte);
		at = member[i];
	}
	add_link(u, at, member[0], gbyte);
}

/* What other jobs leave of the way out of a unit: the rest of it, or a fair share. */
static double share_left(const struct pl_topo *t, size_t level, uint32_t unit)
{
	double fair = 1. / (t->n_jobs + 1), rest;

	if (t->busy[level] == NULL)
		return 1;
	rest = 1 - t->busy[level][unit];
	return rest > fair ? rest : fair;
}

double uplinks_end_phase(struct uplinks *u, int *level, uint32_t *unit)
{
	double longest = 0;

	for (size_t l = u->first; l < u->topo->n_levels; l++) {
		struct uplink_boundary *b = &u->at[l];

		for (uint32_t i = 0; i < b->n; i++) {
			double time = b->phase[i] * u->topo->per_gbyte[l] / b->pes[i] /
				      share_left(u->topo, l, i);

			if (time > longest) {
				longest = time;
				*level = (int)l;
				*unit = i;
			}
			b->in_step[i] += b->phase[i];
			b->phase[i] = 0;
		}
	}
	return longest;
}

double uplinks_worst(const struct uplinks *u, size_t level, uint32_t *unit)
{
	const struct uplink_boundary *b = &u->at[level];
	double worst = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		if (b->in_step[i] > worst) {
			worst = b->in_step[i];
			*unit = i;
		}
	}
	return worst;
}
