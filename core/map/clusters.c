/* clusters.c - see clusters.h */
#include "map/clusters.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/disjoint.h"
#include "map/islands.h"

static bool talks(const struct pl_groups *g)
{
	return g->size > 1 && (g->gbyte > 0 || g->far_gbyte > 0);
}

/* Numbers the sets by their lowest ranks. */
static void number_clusters(struct clusters *c, struct disjoint *sets)
{
	uint32_t before = 0;

	c->of = xcalloc(c->n_ranks, sizeof(*c->of));
	c->size = xcalloc(c->n_ranks, sizeof(*c->size));
	c->in_order = true;
	for (uint32_t r = 0; r < c->n_ranks; r++) {
		uint32_t root = disjoint_root(sets, r);

		c->of[r] = root == r ? c->n++ : c->of[root];
		c->in_order = c->in_order && c->of[r] >= before;
		before = c->of[r];
		if (++c->size[c->of[r]] > c->largest)
			c->largest = c->size[c->of[r]];
	}
}

void clusters_init(struct clusters *c, const struct pl_job *job,
		   const bool may[PL_JOB_MAX_FAMILIES], uint32_t atom)
{
	struct disjoint sets;

	*c = (struct clusters){ .n_ranks = job->world };
	disjoint_init(&sets, job->world);
	disjoint_join_blocks(&sets, atom);
	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		struct pl_groups g;

		pl_job_groups(job, f, &g);
		if (!may[f] && talks(&g))
			disjoint_join_groups(&sets, &g);
	}
	number_clusters(c, &sets);
	disjoint_fini(&sets);
}

void clusters_fini(struct clusters *c)
{
	free(c->of);
	free(c->size);
	*c = (struct clusters){ 0 };
}

void clusters_sort(const struct clusters *c, uint32_t *order)
{
	uint32_t *start = xcalloc(c->n, sizeof(*start));
	uint32_t *sorted = xmalloc(c->n_ranks * sizeof(*sorted));

	for (uint32_t i = 1; i < c->n; i++)
		start[i] = start[i - 1] + c->size[i - 1];
	for (uint32_t i = 0; i < c->n_ranks; i++)
		sorted[start[c->of[order[i]]]++] = order[i];
	memcpy(order, sorted, c->n_ranks * sizeof(*order));
	free(start);
	free(sorted);
}

bool clusters_split(const struct clusters *c, const uint32_t *room, const uint32_t *most,
		    uint32_t n_islands, uint32_t *take)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < n_islands; i++) {
		take[i] = 0;
		while (next < c->n && take[i] + c->size[next] <= room[i] &&
		       (most == NULL || take[i] < most[i]))
			take[i] += c->size[next++];
	}
	return next == c->n;
}

uint32_t clusters_torn(const struct clusters *c, const struct pl_topo *topo, int level,
		       const uint32_t *pe)
{
	uint32_t *island = xcalloc(c->n, sizeof(*island)); /* 1 + its number; 0: not seen */
	uint32_t torn = UINT32_MAX;

	for (uint32_t r = 0; r < c->n_ranks && torn == UINT32_MAX; r++) {
		uint32_t here = 1 + island_of(topo, level, pe[r]), *of = &island[c->of[r]];

		if (*of != 0 && *of != here)
			torn = r;
		*of = here;
	}
	free(island);
	return torn;
}
