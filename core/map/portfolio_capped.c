/* portfolio_capped.c - placements that take fewer GPUs of each NVLink domain than it has */
#include "map/portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Ranks that are placed in all to try other numbers. */
#define CAPPED_RANKS 100000

struct capped {
	struct portfolio *portfolio;
	uint32_t *grouped; /* the slots, units together */
	uint32_t *taken;   /* scratch, as long */
	size_t level;      /* of the domain */
	uint32_t capacity; /* of the fullest domain */
	uint32_t budget;   /* candidates left */
};

/* Every domain gives a multiple of `block`, at most `most`. */
static void add_one(struct capped *c, uint32_t block, uint32_t most)
{
	struct portfolio *p = c->portfolio;
	struct placement like = { .strategy = PL_STRATEGY_ALIGNED,
		                  .block = block,
		                  .level = (int)c->level };
	uint32_t n = p->slots->n;

	memcpy(c->taken, c->grouped, n * sizeof(*c->taken));
	n = slots_trim_to(p->topo, c->taken, n, c->level, block, most);
	if (n < p->n_ranks || c->budget == 0)
		return;
	c->budget--;
	portfolio_add(p, &like, c->taken);
}

/* Multiples of the block: as many ranks in every domain that has them, and none in the others; or
 * up to so many in each. */
static void add_multiples(struct capped *c, uint32_t block)
{
	for (uint32_t most = c->capacity / block * block; most >= block; most -= block) {
		if (most > block)
			add_one(c, most, UINT32_MAX);
		add_one(c, block, most);
	}
}

void portfolio_add_capped(struct portfolio *p)
{
	const struct pl_topo *t = p->topo;
	struct capped c = { .portfolio = p, .budget = CAPPED_RANKS / p->n_ranks };
	uint32_t blocks[PL_JOB_MAX_BLOCKS], capacity[PL_TOPO_MAX_LEVELS], last = 0;
	size_t n_blocks = portfolio_blocks(p, blocks), size = p->slots->n * sizeof(*c.grouped);

	c.level = (size_t)(t->domain_level >= 0 ? t->domain_level : 0);
	if (c.budget == 0 || c.level + 1 >= t->n_levels || (int)c.level < t->host_level)
		return;
	c.grouped = xmalloc(size);
	c.taken = xmalloc(size);
	memcpy(c.grouped, p->slots->pe, size);
	slots_group(t, c.grouped, p->slots->n);
	slots_capacity(t, c.grouped, p->slots->n, capacity);
	c.capacity = capacity[c.level];
	for (size_t i = n_blocks; i-- > 0;) {
		uint64_t block = portfolio_lcm(blocks[i], p->slots->atom);

		if (block != last && block <= c.capacity)
			add_multiples(&c, (uint32_t)block);
		last = (uint32_t)block;
	}
	free(c.grouped);
	free(c.taken);
}
