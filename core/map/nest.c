/* nest.c - see nest.h */
#include "map/nest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/disjoint.h"

struct clusters {
	uint32_t world;
	struct disjoint sets;
	uint32_t *start;   /* scratch: where the ranks of a root begin */
	uint32_t *scratch; /* the order being made */
};

/* Sorts the order by cluster and keeps it within one (counting sort). Returns the size of the
 * clusters, 0 where they differ. */
static uint32_t sort_by_cluster(struct clusters *c, uint32_t *order)
{
	uint32_t at = 0, size = 0;
	bool equal = true;

	memset(c->start, 0, c->world * sizeof(*c->start));
	for (uint32_t r = 0; r < c->world; r++)
		c->start[disjoint_root(&c->sets, r)]++;
	for (uint32_t r = 0; r < c->world; r++) {
		uint32_t n = c->start[r];

		if (n > 0 && size == 0)
			size = n;
		equal = equal && (n == 0 || n == size);
		c->start[r] = at;
		at += n;
	}
	for (uint32_t i = 0; i < c->world; i++)
		c->scratch[c->start[disjoint_root(&c->sets, order[i])]++] = order[i];
	memcpy(order, c->scratch, c->world * sizeof(*order));
	return equal ? size : 0;
}

/* What a group of the family asks to stay together for: the same volume is worth more to a small
 * group, which has fewer ways out once it is split, and which may be part of a large one. */
static double weight(const struct pl_groups *g)
{
	return g->gbyte / g->size;
}

/* The families that send, the weightiest first. */
static unsigned sort_families(const struct pl_job *job, struct pl_groups *families)
{
	unsigned n = 0;

	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		struct pl_groups g;
		unsigned at = n;

		pl_job_groups(job, f, &g);
		if (g.n_groups == 0 || g.size < 2 || !(g.gbyte > 0))
			continue;
		for (; at > 0 && weight(&families[at - 1]) < weight(&g); at--)
			families[at] = families[at - 1];
		families[at] = g;
		n++;
	}
	return n;
}

static void add_block(struct nest *nest, uint32_t block, uint32_t world)
{
	bool known = nest->n_blocks > 0 && nest->blocks[nest->n_blocks - 1] == block;

	if (block > 1 && block < world && !known && nest->n_blocks < PL_JOB_MAX_BLOCKS)
		nest->blocks[nest->n_blocks++] = block;
}

void nest_init(struct nest *nest, const struct pl_job *job, uint32_t atom)
{
	struct pl_groups families[PL_JOB_MAX_FAMILIES];
	unsigned n = sort_families(job, families);
	struct clusters c = { .world = job->world };

	*nest = (struct nest){ .order = xcalloc(job->world, sizeof(*nest->order)) };
	disjoint_init(&c.sets, job->world);
	c.start = xcalloc(job->world, sizeof(*c.start));
	c.scratch = xcalloc(job->world, sizeof(*c.scratch));
	for (uint32_t r = 0; r < job->world; r++)
		nest->order[r] = r;
	disjoint_join_blocks(&c.sets, atom);
	if (atom > 1)
		add_block(nest, sort_by_cluster(&c, nest->order), job->world);
	for (unsigned f = 0; f < n; f++) {
		disjoint_join_groups(&c.sets, &families[f]);
		add_block(nest, sort_by_cluster(&c, nest->order), job->world);
	}
	disjoint_fini(&c.sets);
	free(c.start);
	free(c.scratch);
}

bool nest_reorders(const struct nest *nest, const struct pl_job *job)
{
	for (uint32_t i = 0; i < job->world; i++) {
		if (nest->order[i] != i)
			return true;
	}
	return false;
}

void nest_fini(struct nest *nest)
{
	free(nest->order);
	*nest = (struct nest){ 0 };
}
