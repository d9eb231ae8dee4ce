/* portfolio_swap.c - the best placement so far, with blocks of ranks that change places */
#include "map/portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/livecost.h"

#define MAX_SIZES 8

struct search {
	struct livecost live;
	struct livecost_sum best;
	uint32_t size[MAX_SIZES]; /* of blocks that may change places, in ranks, ascending */
	uint32_t n_sizes;
	uint64_t random;
	uint64_t budget; /* ranks that may still be moved to try something */
	uint32_t swaps;  /* that were kept */
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint32_t draw(struct search *s, uint32_t below)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % below);
}

/* A rank in the slowest group of a family: the longer a family takes, the more often it is. */
static uint32_t slow_rank(struct search *s)
{
	double at = draw(s, 1u << 20) / (double)(1u << 20) * s->best.step;
	const struct livecost_family *f = &s->live.family[0];
	uint32_t g;

	for (unsigned i = 0; i < s->live.n_families; i++) {
		f = &s->live.family[i];
		at -= f->slowest;
		if (at < 0)
			break;
	}
	g = f->slowest_group;
	return pl_groups_rank(&f->groups, g, draw(s, pl_groups_size(&f->groups, g)));
}

/* A rank in the unit whose way out is the fullest, if a few draws find one. */
static uint32_t crowded_rank(struct search *s)
{
	const struct pl_topo *t = s->live.gauge->topo;
	const uint32_t *unit = s->live.gauge->uplinks.at[t->n_levels - 1].unit;
	uint32_t rank = draw(s, s->live.n_ranks);

	for (int i = 0; i < 32 && unit[s->live.pe[rank]] != s->best.worst_unit; i++)
		rank = draw(s, s->live.n_ranks);
	return rank;
}

/* Blocks of equal size change places and stay there if that is better. */
static void try_swap(struct search *s, uint32_t a, uint32_t b, uint32_t size)
{
	struct livecost_sum sum;

	s->budget -= size < s->budget ? size : s->budget;
	livecost_swap(&s->live, a, b, size);
	livecost_sum(&s->live, &sum);
	if (livecost_compare(&sum, &s->best) < 0) {
		s->best = sum;
		s->swaps++;
		return;
	}
	livecost_swap(&s->live, a, b, size);
}

static uint32_t chosen_rank(struct search *s)
{
	return draw(s, 2) == 0 ? slow_rank(s) : crowded_rank(s);
}

static void try_blocks(struct search *s)
{
	uint32_t size = s->size[draw(s, s->n_sizes)], n = s->live.n_ranks / size;
	uint32_t a = chosen_rank(s) / size, b = draw(s, n);

	if (a != b && a < n)
		try_swap(s, a * size, b * size, size);
	else
		s->budget--;
}

/* The ranks around this one, of its block of `size`, that are in the same domain: from *first
 * on. */
static uint32_t part_around(const struct search *s, uint32_t rank, uint32_t size, uint32_t *first)
{
	const struct uplinks *u = &s->live.gauge->uplinks;
	const uint32_t *unit = u->at[u->first].unit, *pe = s->live.pe;
	uint32_t begin = rank - rank % size, end = rank + 1;

	for (*first = rank; *first > begin && unit[pe[*first - 1]] == unit[pe[rank]];)
		(*first)--;
	while (end < begin + size && end < s->live.n_ranks && unit[pe[end]] == unit[pe[rank]])
		end++;
	return end - *first;
}

/* The part of a block that is in one domain and as large a part of another block change places: the
 * parts stay as they are, but lie with other ones. */
static void try_parts(struct search *s)
{
	uint32_t size = s->size[draw(s, s->n_sizes)], a, b;
	uint32_t n = part_around(s, chosen_rank(s), size, &a);

	s->budget--;
	for (int i = 0; i < 16 && n % s->size[0] == 0 && n < size; i++) {
		uint32_t rank = draw(s, s->live.n_ranks);

		if (rank / size == a / size || part_around(s, rank, size, &b) != n)
			continue;
		try_swap(s, a, b, n);
		return;
	}
}

static void find_sizes(struct search *s, const struct portfolio *p)
{
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n = job_blocks(p->job, blocks);

	for (size_t i = 0; i < n && s->n_sizes < MAX_SIZES; i++) {
		uint64_t size = portfolio_lcm(blocks[i], p->slots->atom);
		bool known = s->n_sizes > 0 && s->size[s->n_sizes - 1] >= size;

		if (!known && size <= p->n_ranks / 4)
			s->size[s->n_sizes++] = (uint32_t)size;
	}
}

/* Whether there is something to gain that would count. */
static bool is_worthwhile(const struct portfolio *p, const struct placement *best)
{
	double least = 0;

	if (best->barred || p->slots->keep > 1 || p->objective != PL_OBJECTIVE_TIME)
		return false;
	for (unsigned i = 0; i < p->gauge.n_families; i++)
		least += p->gauge.least[i];
	return best != &p->items[0] || least < best->cost.step * (1 - PL_MAP_MIN_GAIN);
}

void portfolio_add_swapped(struct portfolio *p, uint64_t budget, uint64_t seed)
{
	const struct placement *best = portfolio_best(p);
	size_t size = p->n_ranks * sizeof(*best->pe);
	struct placement like = *best;
	struct search s = { .random = seed, .budget = budget };
	uint32_t *pe;

	find_sizes(&s, p);
	if (s.n_sizes == 0 || !is_worthwhile(p, best))
		return;
	pe = xmalloc(size);
	memcpy(pe, best->pe, size);
	if (livecost_init(&s.live, &p->gauge, pe, p->n_ranks)) {
		livecost_sum(&s.live, &s.best);
		while (s.budget > 0) {
			try_blocks(&s);
			if (s.budget > 0)
				try_parts(&s);
		}
		livecost_fini(&s.live);
		like.swaps = s.swaps;
		if (s.swaps > 0)
			portfolio_add(p, &like, pe);
	}
	free(pe);
}
