/* occupied.c - see occupied.h */
#include "map/occupied.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "map/mapcost.h"

static int check(const struct pl_topo *t, const uint32_t *pe, uint32_t n, const struct pl_job *job,
		 struct pl_error *err)
{
	if (job != NULL && job->world != n)
		return pl_errorf(err, PL_EUSAGE, "the map has %u ranks, its job %u", n, job->world);
	for (uint32_t r = 0; r < n; r++) {
		if (t->unusable[pe[r]] == PL_TOPO_OCCUPIED)
			return pl_errorf(err, PL_EUSAGE,
					 "GPU %u of %s is taken by two jobs: rank %u of this one",
					 pl_topo_gpu(t, pe[r]),
					 pl_hostlist_name(t->hosts, pl_topo_host(t, pe[r])), r);
	}
	return 0;
}

/* Adds the share of the step that each way out of a unit is busy for. */
static void add_busy(struct pl_topo *t, const struct uplinks *u, size_t level, double step)
{
	const struct uplink_boundary *b = &u->at[level];

	if (t->busy[level] == NULL)
		t->busy[level] = xcalloc(b->n, sizeof(*t->busy[level]));
	for (uint32_t i = 0; i < b->n; i++)
		t->busy[level][i] += b->in_step[i] * t->per_gbyte[level] / b->pes[i] / step;
}

static void add_load(struct pl_topo *t, const uint32_t *pe, const struct pl_job *job)
{
	struct map_gauge gauge;
	struct pl_map_cost cost;

	map_gauge_init(&gauge, t, job);
	map_gauge_cost(&gauge, pe, INFINITY, &cost);
	for (size_t level = gauge.uplinks.first; level < t->n_levels && cost.step > 0; level++)
		add_busy(t, &gauge.uplinks, level, cost.step);
	map_gauge_fini(&gauge);
}

int pl_topo_occupy(struct pl_topo *t, const uint32_t *pe, uint32_t n, const struct pl_job *job,
		   struct pl_error *err)
{
	if (check(t, pe, n, job, err) < 0)
		return -1;
	if (job != NULL) {
		add_load(t, pe, job);
		t->n_jobs++;
	}
	for (uint32_t r = 0; r < n; r++)
		topo_mark(t, pe[r], PL_TOPO_OCCUPIED);
	return 0;
}
