/*
 * portfolio_islands.c - placements on machines of islands: ranks that may not be apart are in one.
 *
 * Each island takes a run of whole clusters (clusters.h), and is then a machine of its own with so
 * many ranks: every strategy places them, and what one strategy made of all islands is a candidate.
 * Which runs: as few islands as will do, all evenly, and the same with clusters so large that only
 * one of the axes crosses that may.
 */
#include "map/portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/islands.h"

struct split {
	struct portfolio *portfolio;
	enum pl_strategy strategy;
	uint32_t n_islands;
	uint32_t *first; /* by island: where its slots begin in pe; one more for the end */
	uint32_t *pe;    /* the slots, by island, then in their order */
	uint32_t *take;  /* by island: ranks */
	uint32_t *room;  /* by island: slots, less those of islands left out */
	uint32_t *most;
};

/* ---- the slots by island ---- */

static void sort_slots(struct split *s)
{
	const struct portfolio *p = s->portfolio;
	const struct slots *slots = p->slots;
	uint32_t *at;

	for (uint32_t i = 0; i < slots->n; i++)
		s->first[1 + island_of(p->topo, slots->island_level, slots->pe[i])]++;
	for (uint32_t i = 0; i < s->n_islands; i++)
		s->first[i + 1] += s->first[i];
	at = xmalloc(s->n_islands * sizeof(*at));
	memcpy(at, s->first, s->n_islands * sizeof(*at));
	for (uint32_t i = 0; i < slots->n; i++)
		s->pe[at[island_of(p->topo, slots->island_level, slots->pe[i])]++] = slots->pe[i];
	free(at);
}

static void split_init(struct split *s)
{
	const struct portfolio *p = s->portfolio;

	s->n_islands = pl_topo_units(p->topo, (size_t)p->slots->island_level - 1);
	s->first = xcalloc(s->n_islands + 1, sizeof(*s->first));
	s->pe = xcalloc(p->slots->n, sizeof(*s->pe));
	s->take = xcalloc(s->n_islands, sizeof(*s->take));
	s->room = xcalloc(s->n_islands, sizeof(*s->room));
	s->most = xcalloc(s->n_islands, sizeof(*s->most));
	sort_slots(s);
}

static void split_fini(struct split *s)
{
	free(s->first);
	free(s->pe);
	free(s->take);
	free(s->room);
	free(s->most);
}

/* ---- one split ---- */

static void add_plain(struct portfolio *part)
{
	struct placement like = { .strategy = PL_STRATEGY_ALIGNED, .block = 1, .level = -1 };

	portfolio_add(part, &like, part->slots->pe);
}

/* Every strategy for the ranks of one island. */
static void fill_part(struct split *s, uint32_t island, struct slots *slots, struct portfolio *part)
{
	*slots = *s->portfolio->slots;
	slots->pe = s->pe + s->first[island];
	slots->n = s->first[island + 1] - s->first[island];
	*part = (struct portfolio){ .topo = s->portfolio->topo,
				    .job = s->portfolio->job,
				    .slots = slots,
				    .n_ranks = s->take[island],
				    .collect = true,
				    .nest = s->portfolio->nest };
	add_plain(part);
	portfolio_add_strategies(part, s->strategy);
}

static bool same_recipe(const struct placement *a, const struct placement *b)
{
	return a->strategy == b->strategy && a->block == b->block && a->level == b->level;
}

/* What the recipe made in another island; there the order at hand where it made nothing. */
static const struct placement *find_recipe(const struct portfolio *part, size_t at,
					   const struct placement *like)
{
	if (at < part->n && same_recipe(&part->items[at], like))
		return &part->items[at];
	for (size_t i = 0; i < part->n; i++) {
		if (same_recipe(&part->items[i], like))
			return &part->items[i];
	}
	return &part->items[0];
}

/* The parts that one recipe made, one after another. */
static void join_parts(struct split *s, const struct portfolio *parts, uint32_t n, size_t at,
		       uint32_t *joined)
{
	const struct placement *like = &parts[0].items[at];
	uint32_t rank = 0;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(joined + rank, find_recipe(&parts[i], at, like)->pe,
		       parts[i].n_ranks * sizeof(*joined));
		rank += parts[i].n_ranks;
	}
	portfolio_add(s->portfolio, like, joined);
}

static void part_fini(struct portfolio *part)
{
	for (size_t i = 0; i < part->n; i++)
		free(part->items[i].pe);
	free(part->items);
}

/* The candidates for the ranks that each island takes. */
static void add_split(struct split *s)
{
	struct portfolio *parts = xcalloc(s->n_islands, sizeof(*parts));
	struct slots *slots = xcalloc(s->n_islands, sizeof(*slots));
	uint32_t *joined = xcalloc(s->portfolio->n_ranks, sizeof(*joined)), n = 0;

	for (uint32_t i = 0; i < s->n_islands; i++) {
		if (s->take[i] > 0) {
			fill_part(s, i, &slots[n], &parts[n]);
			n++;
		}
	}
	for (size_t at = 0; at < parts[0].n; at++)
		join_parts(s, parts, n, at, joined);
	for (uint32_t i = 0; i < n; i++)
		part_fini(&parts[i]);
	free(joined);
	free(slots);
	free(parts);
}

/* ---- which splits ---- */

/* Islands one by one until all ranks are placed, beginning with each. */
static void add_filled(struct split *s, const struct clusters *c)
{
	for (uint32_t begin = 0; begin < s->n_islands; begin++) {
		for (uint32_t i = 0; i < s->n_islands; i++)
			s->room[i] = i >= begin ? s->first[i + 1] - s->first[i] : 0;
		if (clusters_split(c, s->room, NULL, s->n_islands, s->take))
			add_split(s);
	}
}

/* Each island its share. */
static void add_even(struct split *s, const struct clusters *c)
{
	uint64_t n = s->portfolio->slots->n;

	for (uint32_t i = 0; i < s->n_islands; i++) {
		s->room[i] = s->first[i + 1] - s->first[i];
		s->most[i] = (uint32_t)((s->room[i] * (uint64_t)s->portfolio->n_ranks + n - 1) / n);
	}
	if (clusters_split(c, s->room, s->most, s->n_islands, s->take))
		add_split(s);
}

/* Positions in which clusters follow each other: the ranks' own order where that does. */
static void set_order(struct portfolio *p, const struct clusters *c)
{
	if (c->in_order)
		return;
	nest_init(&p->nest, p->job, p->slots->atom);
	clusters_sort(c, p->nest.order);
}

static void add_for_axes(struct split *s, const bool may[PL_JOB_MAX_FAMILIES])
{
	struct portfolio *p = s->portfolio;
	struct clusters c;

	clusters_init(&c, p->job, may, p->slots->atom);
	set_order(p, &c);
	add_filled(s, &c);
	add_even(s, &c);
	nest_fini(&p->nest);
	clusters_fini(&c);
}

void portfolio_add_islands(struct portfolio *p, enum pl_strategy strategy)
{
	static const char *const alone[] = { "pp", "dp" };
	bool may[PL_JOB_MAX_FAMILIES];
	struct split s = { .portfolio = p, .strategy = strategy };

	if (strategy == PL_STRATEGY_KEEP_ORDER)
		return;
	split_init(&s);
	add_for_axes(&s, p->slots->may_cross);
	for (size_t i = 0; i < ARRAY_LEN(alone); i++) {
		islands_parse_cross(p->job, alone[i], may, NULL);
		for (unsigned f = 0; f < PL_JOB_MAX_FAMILIES; f++)
			may[f] = may[f] && p->slots->may_cross[f];
		add_for_axes(&s, may);
	}
	split_fini(&s);
}
