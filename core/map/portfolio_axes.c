/* portfolio_axes.c - the best placement so far with its blocks laid out along other axes first */
#include "map/portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_DIGITS 4 /* 23 other orders */

/* Rank blocks as numbers with digits: blocks[i] ranks are one step of digit i. */
struct axes {
	struct portfolio *portfolio;
	struct placement like;
	const uint32_t *pe;          /* the placement that is laid out anew */
	uint32_t *laid;
	uint32_t block;              /* ranks that stay as they are */
	uint32_t count[MAX_DIGITS];  /* fastest first */
	uint32_t stride[MAX_DIGITS]; /* in blocks */
	size_t n;
	uint32_t budget; /* placements that may still be scored */
};

/* Splits all blocks of a->block ranks along the larger blocks that divide one another. */
static void find_digits(struct axes *a, const uint32_t *blocks, size_t n_blocks)
{
	uint32_t world = a->portfolio->n_ranks, at = a->block;

	a->n = 0;
	for (size_t i = 0; i <= n_blocks && a->n < MAX_DIGITS; i++) {
		uint32_t next = i < n_blocks && a->n + 1 < MAX_DIGITS ? blocks[i] : world;

		if (next <= at || next % at != 0 || world % next != 0)
			continue;
		a->count[a->n] = next / at;
		a->stride[a->n++] = at / a->block;
		at = next;
	}
}

/* The places of the old order, block by block, go to ranks in the order of `digit`, fastest
 * first. */
static void lay_out(struct axes *a, const size_t digit[MAX_DIGITS])
{
	uint32_t n = a->portfolio->n_ranks / a->block;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t rest = i, to = 0;

		for (size_t d = 0; d < a->n; d++) {
			to += rest % a->count[digit[d]] * a->stride[digit[d]];
			rest /= a->count[digit[d]];
		}
		memcpy(a->laid + (size_t)to * a->block, a->pe + (size_t)i * a->block,
		       a->block * sizeof(*a->laid));
	}
	portfolio_add(a->portfolio, &a->like, a->laid);
	a->budget--;
}

/* Every order but the one there is: the digits from `from` on in each order. */
static void permute(struct axes *a, size_t digit[MAX_DIGITS], size_t from, bool changed)
{
	if (a->budget == 0)
		return;
	if (from + 1 >= a->n) {
		if (changed)
			lay_out(a, digit);
		return;
	}
	for (size_t i = from; i < a->n; i++) {
		size_t chosen = digit[i];

		digit[i] = digit[from];
		digit[from] = chosen;
		permute(a, digit, from + 1, changed || i != from);
		digit[from] = digit[i];
		digit[i] = chosen;
	}
}

/* Whether blocks of this size may go elsewhere: they keep expert groups that fit an NVLink domain
 * together, as far as they were, and what is smaller than a host or kept. */
static bool may_move(const struct portfolio *p, uint32_t block)
{
	uint32_t experts = p->job->etp * p->job->ep;
	int domain = p->topo->domain_level;

	if (p->n_ranks % block != 0 || block % p->slots->atom != 0)
		return false;
	return domain < 0 || p->job->ep == 1 || experts > p->topo->span[domain] ||
	       block % experts == 0;
}

void portfolio_add_axes(struct portfolio *p, uint32_t budget)
{
	const struct placement *best = portfolio_best(p);
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t size = p->n_ranks * sizeof(*best->pe), n = job_blocks(p->job, blocks);
	struct axes a = { .portfolio = p, .like = *best, .budget = budget };
	uint32_t *pe = xmalloc(size);

	memcpy(pe, best->pe, size);
	a.pe = pe;
	a.laid = xmalloc(size);
	/* large blocks first: they keep most of what the placement has */
	for (size_t i = n; i-- > 0 && !best->nested;) {
		size_t digit[MAX_DIGITS] = { 0, 1, 2, 3 };

		if (!may_move(p, blocks[i]))
			continue;
		a.block = a.like.axes = blocks[i];
		find_digits(&a, blocks, n);
		permute(&a, digit, 0, false);
	}
	free(pe);
	free(a.laid);
}
