/* nest.c - see nest.h */
#include "map/nest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct clusters {
	uint32_t world;
	uint32_t *parent;  /* union-find; the root is the lowest rank */
	uint32_t *start;   /* scratch: where the ranks of a root begin */
	uint32_t *scratch; /* the order being made */
};

static uint32_t find_root(struct clusters *c, uint32_t rank)
{
	while (c->parent[rank] != rank) {
		c->parent[rank] = c->parent[c->parent[rank]];
		rank = c->parent[rank];
	}
	return rank;
}

static void join(struct clusters *c, uint32_t a, uint32_t b)
{
	a = find_root(c, a);
	b = find_root(c, b);
	if (a < b)
		c->parent[b] = a;
	else
		c->parent[a] = b;
}

static void join_groups(struct clusters *c, const struct pl_groups *groups)
{
	for (uint32_t g = 0; g < groups->n_groups; g++) {
		uint32_t first = pl_groups_rank(groups, g, 0);

		for (uint32_t i = 1; i < pl_groups_size(groups, g); i++)
			join(c, first, pl_groups_rank(groups, g, i));
	}
}

/* Sorts the order by cluster and keeps it within one (counting sort). Returns the size of the
 * clusters, 0 where they differ. */
static uint32_t sort_by_cluster(struct clusters *c, uint32_t *order)
{
	uint32_t at = 0, size = 0;
	bool equal = true;

	memset(c->start, 0, c->world * sizeof(*c->start));
	for (uint32_t r = 0; r < c->world; r++)
		c->start[find_root(c, r)]++;
	for (uint32_t r = 0; r < c->world; r++) {
		uint32_t n = c->start[r];

		if (n > 0 && size == 0)
			size = n;
		equal = equal && (n == 0 || n == size);
		c->start[r] = at;
		at += n;
	}
	for (uint32_t i = 0; i < c->world; i++)
		c->scratch[c->start[find_root(c, order[i])]++] = order[i];
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

void nest_init(struct nest *nest, const struct pl_job *job)
{
	struct pl_groups families[PL_JOB_MAX_FAMILIES];
	unsigned n = sort_families(job, families);
	struct clusters c = { .world = job->world };

	*nest = (struct nest){ .order = xcalloc(job->world, sizeof(*nest->order)) };
	c.parent = xcalloc(job->world, sizeof(*c.parent));
	c.start = xcalloc(job->world, sizeof(*c.start));
	c.scratch = xcalloc(job->world, sizeof(*c.scratch));
	for (uint32_t r = 0; r < job->world; r++)
		nest->order[r] = c.parent[r] = r;
	for (unsigned f = 0; f < n; f++) {
		join_groups(&c, &families[f]);
		add_block(nest, sort_by_cluster(&c, nest->order), job->world);
	}
	free(c.parent);
	free(c.start);
	free(c.scratch);
}

void nest_fini(struct nest *nest)
{
	free(nest->order);
	*nest = (struct nest){ 0 };
}
