/* portfolio.c - see portfolio.h */
#include "map/portfolio.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Other orders of axes that are scored: as many as make so many ranks in all, within limits. */
#define AXES_RANKS 50000
#define AXES_LEAST 1
#define AXES_MOST  40

/* Ranks moved to try swaps, by effort, and how many ranks a job may have for them. */
static const struct {
	uint64_t moved;
	uint32_t most;
} swapping[] = {
	[PL_EFFORT_FAST] = { 0, 0 },
	[PL_EFFORT_NORMAL] = { 2000, 5000 },
	[PL_EFFORT_BEST] = { 400000, PL_JOB_MAX_WORLD },
};
static struct placement *append(struct portfolio *p, const struct placement *like,
				const uint32_t *pe)
{
	size_t size = p->n_ranks * sizeof(*pe);
	struct placement *item;

	ARRAY_GROW(p->items, p->n, p->cap);
	item = &p->items[p->n++];
	*item = *like;
	item->nested = p->nest.order != NULL;
	item->pe = xmalloc(size);
	memcpy(item->pe, pe, size);
	return item;
}

/* Whether blocks and clusters are where they may be. */
static bool is_allowed(const struct portfolio *p, const uint32_t *pe)
{
	const struct slots *s = p->slots;

	return slots_keep_blocks(s, pe, p->n_ranks) &&
	       (s->island_level < 0 ||
		clusters_torn(&s->clusters, p->topo, s->island_level, pe) == UINT32_MAX);
}

static void add_by_rank(struct portfolio *p, const struct placement *like, const uint32_t *pe)
{
	size_t size = p->n_ranks * sizeof(*pe);
	bool allowed = is_allowed(p, pe);
	struct pl_map_cost cost;
	struct placement *item;

	for (size_t i = 0; i < p->n; i++) {
		if (memcmp(p->items[i].pe, pe, size) == 0)
			return;
	}
	if (p->n > 0 && !allowed)
		return;
	if (!map_gauge_cost(&p->gauge, pe, p->limit, &cost))
		return;
	item = append(p, like, pe);
	item->cost = cost;
	item->barred = !allowed;
	if (allowed && p->bounded && cost.step < p->limit)
		p->limit = cost.step;
}

void portfolio_add(struct portfolio *p, const struct placement *like, const uint32_t *pe)
{
	uint32_t *by_rank;

	if (p->collect) {
		append(p, like, pe);
		return;
	}
	if (p->nest.order == NULL) {
		add_by_rank(p, like, pe);
		return;
	}
	by_rank = xcalloc(p->n_ranks, sizeof(*by_rank));
	for (uint32_t i = 0; i < p->n_ranks; i++)
		by_rank[p->nest.order[i]] = pe[i];
	add_by_rank(p, like, by_rank);
	free(by_rank);
}

size_t portfolio_blocks(const struct portfolio *p, uint32_t blocks[PL_JOB_MAX_BLOCKS])
{
	if (p->nest.order == NULL)
		return job_blocks(p->job, blocks);
	memcpy(blocks, p->nest.blocks, sizeof(p->nest.blocks));
	return p->nest.n_blocks;
}

static void add_placement(struct portfolio *p, enum pl_strategy strategy, const uint32_t *pe,
                          uint32_t block, int level)
{
	struct placement like = { .strategy = strategy, .block = block, .level = level };

	portfolio_add(p, &like, pe);
}

/* ---- aligned: blocks of ranks that must not split, whole in each unit ---- */

struct aligned {
	struct portfolio *portfolio;
	uint32_t *grouped; /* the slots, units together */
	uint32_t *trimmed; /* scratch, as long */
	uint32_t capacity[PL_TOPO_MAX_LEVELS];
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n_blocks;
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

uint64_t portfolio_lcm(uint64_t a, uint64_t b)
{
	return a / gcd(a, b) * b;
}

/* The innermost level, from `from` on, whose fullest unit takes `block` ranks; -1 where only the
 * whole machine does, which then needs no care. */
static int level_for(const struct aligned *a, uint64_t block, size_t from)
{
	for (size_t level = from; level + 1 < a->portfolio->topo->n_levels; level++) {
		if (block <= a->capacity[level])
			return (int)level;
	}
	return -1;
}

/*
 * Keeps the target block and the smaller blocks it is made of whole: each in the innermost level
 * that can take it. Whole atoms only: hosts where hosts must be equal, blocks that are kept.
 */
static int choose_blocks(const struct aligned *a, uint32_t target, size_t from,
                         uint64_t block_at[PL_TOPO_MAX_LEVELS])
{
	int level = -1;

	for (size_t i = 0; i < a->n_blocks && a->blocks[i] <= target; i++) {
		uint64_t block = portfolio_lcm(a->blocks[i], a->portfolio->slots->atom);

		if (target % a->blocks[i] != 0)
			continue;
		level = level_for(a, block, from);
		if (level >= 0)
			block_at[level] = portfolio_lcm(block_at[level], block);
	}
	return level;
}

static void add_aligned(struct aligned *a, uint32_t target, size_t from)
{
	const struct pl_topo *topo = a->portfolio->topo;
	uint32_t n = a->portfolio->slots->n;
	uint64_t block_at[PL_TOPO_MAX_LEVELS];
	int level;

	for (size_t i = 0; i < topo->n_levels; i++)
		block_at[i] = 1;
	level = choose_blocks(a, target, from, block_at);
	if (level < 0)
		return;
	memcpy(a->trimmed, a->grouped, n * sizeof(*a->trimmed));
	for (size_t i = from; i < topo->n_levels; i++) {
		if (block_at[i] > 1 && block_at[i] <= a->capacity[i])
			n = slots_trim(topo, a->trimmed, n, i, (uint32_t)block_at[i]);
	}
	if (n >= a->portfolio->n_ranks)
		add_placement(a->portfolio, PL_STRATEGY_ALIGNED, a->trimmed, target, level);
}

static void portfolio_add_aligned(struct portfolio *p)
{
	struct aligned a = { .portfolio = p };
	size_t from = 0, size = p->slots->n * sizeof(*a.grouped);

	a.grouped = xmalloc(size);
	a.trimmed = xmalloc(size);
	memcpy(a.grouped, p->slots->pe, size);
	slots_group(p->topo, a.grouped, p->slots->n);
	slots_capacity(p->topo, a.grouped, p->slots->n, a.capacity);
	a.n_blocks = portfolio_blocks(p, a.blocks);
	if (p->slots->per_host > 0 && p->topo->host_level > 0)
		from = (size_t)p->topo->host_level; /* hosts stay whole */
	add_placement(p, PL_STRATEGY_ALIGNED, a.grouped, 1, -1);
	for (size_t i = 0; i < a.n_blocks; i++) {
		for (size_t level = from; level + 1 < p->topo->n_levels; level++)
			add_aligned(&a, a.blocks[i], level);
	}
	free(a.grouped);
	free(a.trimmed);
}

/* ---- the choice ---- */

void portfolio_add_strategies(struct portfolio *p, enum pl_strategy strategy)
{
	if (strategy == PL_STRATEGY_BEST || strategy == PL_STRATEGY_ALIGNED)
		portfolio_add_aligned(p);
	if (strategy == PL_STRATEGY_BEST)
		portfolio_add_capped(p);
	if (strategy != PL_STRATEGY_KEEP_ORDER && strategy != PL_STRATEGY_ALIGNED)
		portfolio_add_packed(p);
}

/* How many placements with other orders of axes are worth their time. */
static uint32_t axes_budget(const struct portfolio *p)
{
	uint32_t budget = AXES_RANKS / p->job->world;

	return budget < AXES_LEAST ? AXES_LEAST : budget > AXES_MOST ? AXES_MOST : budget;
}

/* Groups that were dumped, or whose order of axes is unusual, need not lie together in the order of
 * the ranks. */
static void add_nested(struct portfolio *p, enum pl_strategy strategy)
{
	nest_init(&p->nest, p->job, p->slots->atom);
	if (nest_reorders(&p->nest, p->job))
		portfolio_add_strategies(p, strategy);
	nest_fini(&p->nest);
}

/* What no placement on these slots can undercut. */
static void expect_bound(struct portfolio *p)
{
	size_t size = p->slots->n * sizeof(*p->slots->pe);
	uint32_t *grouped = xmalloc(size), capacity[PL_TOPO_MAX_LEVELS];
	struct pl_map_cost bound;

	memcpy(grouped, p->slots->pe, size);
	slots_group(p->topo, grouped, p->slots->n);
	slots_capacity(p->topo, grouped, p->slots->n, capacity);
	map_cost_bound(p->topo, p->job, capacity, &bound);
	map_gauge_expect(&p->gauge, &bound);
	free(grouped);
}

void portfolio_fill(struct portfolio *p, enum pl_strategy strategy)
{
	map_gauge_init(&p->gauge, p->topo, p->job);
	if (strategy != PL_STRATEGY_KEEP_ORDER)
		expect_bound(p);
	p->n_ranks = p->job->world;
	p->limit = INFINITY;
	p->bounded = strategy == PL_STRATEGY_BEST && p->objective == PL_OBJECTIVE_TIME;
	add_placement(p, PL_STRATEGY_KEEP_ORDER, p->slots->pe, 1, -1);
	if (p->slots->island_level >= 0) {
		portfolio_add_islands(p, strategy);
		return;
	}
	portfolio_add_strategies(p, strategy);
	if (strategy != PL_STRATEGY_KEEP_ORDER)
		add_nested(p, strategy);
	if (strategy == PL_STRATEGY_BEST) {
		portfolio_add_axes(p, axes_budget(p));
		if (p->n_ranks <= swapping[p->effort].most)
			portfolio_add_swapped(p, swapping[p->effort].moved, p->seed);
	}
}

void portfolio_fini(struct portfolio *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->items[i].pe);
	free(p->items);
	map_gauge_fini(&p->gauge);
	*p = (struct portfolio){ 0 };
}

const struct placement *portfolio_best(const struct portfolio *p)
{
	const struct placement *best = &p->items[0];

	for (size_t i = 1; i < p->n; i++) {
		if (best->barred || map_cost_compare(&p->items[i].cost, &best->cost, p->objective) < 0)
			best = &p->items[i];
	}
	return best;
}

const struct placement *portfolio_choose(const struct portfolio *p, enum pl_strategy strategy,
                                         double *best_gain)
{
	const struct placement *given = &p->items[0], *best = portfolio_best(p);

	/* a strategy that was asked for counts even where the order given is better */
	for (size_t i = 1; i < p->n && strategy != PL_STRATEGY_BEST; i++) {
		if (best == given || map_cost_compare(&p->items[i].cost, &best->cost, p->objective) < 0)
			best = &p->items[i];
	}
	*best_gain = map_cost_gain(&given->cost, &best->cost, p->objective);
	if (strategy == PL_STRATEGY_BEST && *best_gain < PL_MAP_MIN_GAIN && !given->barred)
		best = given;
	return best->barred ? NULL : best;
}
