/* disjoint.c - see disjoint.h */
#include "map/disjoint.h"

#include <stdlib.h>

#include "base/mem.h"

void disjoint_init(struct disjoint *d, uint32_t n)
{
	d->n = n;
	d->parent = xcalloc(n, sizeof(*d->parent));
	for (uint32_t r = 0; r < n; r++)
		d->parent[r] = r;
}

void disjoint_fini(struct disjoint *d)
{
	free(d->parent);
	*d = (struct disjoint){ 0 };
}

uint32_t disjoint_root(struct disjoint *d, uint32_t rank)
{
	while (d->parent[rank] != rank) {
		d->parent[rank] = d->parent[d->parent[rank]];
		rank = d->parent[rank];
	}
	return rank;
}

void disjoint_join(struct disjoint *d, uint32_t a, uint32_t b)
{
	a = disjoint_root(d, a);
	b = disjoint_root(d, b);
	if (a < b)
		d->parent[b] = a;
	else
		d->parent[a] = b;
}

void disjoint_join_groups(struct disjoint *d, const struct pl_groups *groups)
{
	for (uint32_t g = 0; g < groups->n_groups; g++) {
		uint32_t first = pl_groups_rank(groups, g, 0);

		for (uint32_t i = 1; i < pl_groups_size(groups, g); i++)
			disjoint_join(d, first, pl_groups_rank(groups, g, i));
	}
}

void disjoint_join_blocks(struct disjoint *d, uint32_t block)
{
	for (uint32_t r = 0; r < d->n; r++)
		disjoint_join(d, r - r % block, r);
}
