/* livecost.c - see livecost.h */
#include "map/livecost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static double fourth(double x)
{
	return x * x * x * x;
}

static size_t first_boundary(const struct livecost *live)
{
	return live->gauge->uplinks.first;
}

static uint32_t unit_of(const struct livecost *live, size_t boundary, uint32_t pe)
{
	return live->gauge->uplinks.at[boundary].unit[pe];
}

static uint32_t n_units(const struct livecost *live, size_t boundary)
{
	return live->gauge->uplinks.at[boundary].n;
}

/* ---- one group ---- */

/* GB that `count` of the group's members send out of their unit. */
static double sent_out(const struct livecost_family *f, uint32_t g, uint32_t count)
{
	uint32_t size = pl_groups_size(&f->groups, g);
	double share = pl_groups_share(&f->groups, g);

	if (count == 0 || count == size)
		return 0;
	if (f->groups.pattern == PL_RING)
		return f->groups.gbyte * share;
	return f->groups.far_gbyte * share / (size - 1) * count * (size - count);
}

/* Members in the unit that has fewest and in the one that has most. */
static void find_extremes(const struct livecost *live, const struct livecost_family *f, uint32_t g,
                          size_t boundary, uint32_t *fewest, uint32_t *most)
{
	uint32_t n = n_units(live, boundary);
	const uint16_t *row = f->count[boundary] + (size_t)g * n;
	uint16_t low = UINT16_MAX, high = 0;

	for (uint32_t u = 0; u < n; u++) {
		uint16_t or_none = (uint16_t)(row[u] - 1); /* none: the largest there is */

		low = or_none < low ? or_none : low;
		high = row[u] > high ? row[u] : high;
	}
	*fewest = low + 1u;
	*most = high;
}

static double counted_time(const struct livecost *live, const struct livecost_family *f, uint32_t g)
{
	const struct pl_topo *t = live->gauge->topo;
	double share = pl_groups_share(&f->groups, g), time = 0;
	uint32_t size = pl_groups_size(&f->groups, g), fewest, most;
	bool ring = f->groups.pattern == PL_RING;

	for (size_t l = first_boundary(live); l < t->n_levels; l++) {
		find_extremes(live, f, g, l, &fewest, &most);
		if (l == first_boundary(live) && size > 1)
			time = f->groups.gbyte * share * map_cost_alone(t, 0) *
			       (ring ? 1 : (most - 1.0) / (size - 1));
		if (fewest == size)
			break;
		time = fmax(time, ring ? f->groups.gbyte * share * map_cost_alone(t, l) / fewest
				       : f->groups.far_gbyte * share * map_cost_alone(t, l) *
						 (size - fewest) / (size - 1));
	}
	return time;
}

/* A rank sends to the neighbours it meets at these levels, -1 for none: its time, and what leaves
 * its units is added `sign` times. */
static double send_both(const struct livecost *live, struct livecost_family *f, uint32_t from,
                        int before, int next, double gbyte, double sign)
{
	int outermost = before > next ? before : next, first = (int)first_boundary(live);
	double time = 0;

	for (int l = outermost < first ? outermost : first; l >= 0 && l <= outermost; l++) {
		double sent = gbyte * ((before >= l) + (next >= l));

		time = fmax(time, sent * map_cost_alone(live->gauge->topo, (size_t)l));
		if (l >= first)
			f->load[l][unit_of(live, (size_t)l, from)] += sign * sent;
	}
	return time;
}

/* Neighbours: their time, and what they send is added `sign` times. */
static double walk_links(const struct livecost *live, struct livecost_family *f, uint32_t g,
                         double sign)
{
	uint32_t size = pl_groups_size(&f->groups, g);
	uint32_t links = size > 2 && f->groups.wraps ? size : size - 1;
	double gbyte = f->groups.gbyte * pl_groups_share(&f->groups, g), time = 0;
	uint32_t pe = live->pe[pl_groups_rank(&f->groups, g, 0)], first = pe;
	int before = -1;

	if (links == size) {
		uint32_t last = live->pe[pl_groups_rank(&f->groups, g, size - 1)];

		before = pl_topo_common_level(live->gauge->topo, last, first);
	}
	for (uint32_t i = 0; i < size; i++) {
		uint32_t to = i + 1 < size ? live->pe[pl_groups_rank(&f->groups, g, i + 1)] : first;
		int next = i < links ? pl_topo_common_level(live->gauge->topo, pe, to) : -1;

		time = fmax(time, send_both(live, f, pe, before, next, gbyte, sign));
		before = next;
		pe = to;
	}
	return time;
}

static bool is_counted(const struct livecost_family *f)
{
	return f->groups.pattern != PL_P2P;
}

/* ---- all groups ---- */

static void find_slowest(struct livecost_family *f)
{
	f->slowest = 0;
	for (uint32_t g = 0; g < f->groups.n_groups; g++) {
		if (f->time[g] > f->slowest) {
			f->slowest = f->time[g];
			f->slowest_group = g;
		}
	}
}

static void count_group(struct livecost *live, struct livecost_family *f, uint32_t g)
{
	uint32_t size = pl_groups_size(&f->groups, g);

	for (uint32_t i = 0; i < size; i++)
		f->group_of[pl_groups_rank(&f->groups, g, i)] = g;
	for (size_t l = first_boundary(live); l < live->gauge->topo->n_levels && is_counted(f); l++) {
		uint32_t n = n_units(live, l);
		uint16_t *row = f->count[l] + (size_t)g * n;

		for (uint32_t i = 0; i < size; i++)
			row[unit_of(live, l, live->pe[pl_groups_rank(&f->groups, g, i)])]++;
		for (uint32_t u = 0; u < n; u++)
			f->load[l][u] += sent_out(f, g, row[u]);
	}
	f->time[g] = is_counted(f) ? counted_time(live, f, g) : walk_links(live, f, g, 1);
}

static void family_init(struct livecost *live, struct livecost_family *f,
                        const struct pl_groups *groups)
{
	*f = (struct livecost_family){ .groups = *groups };
	f->group_of = xmalloc(live->n_ranks * sizeof(*f->group_of));
	memset(f->group_of, 0xff, live->n_ranks * sizeof(*f->group_of));
	f->time = xcalloc(groups->n_groups, sizeof(*f->time));
	f->stamp = xcalloc(groups->n_groups, sizeof(*f->stamp));
	for (size_t l = first_boundary(live); l < live->gauge->topo->n_levels; l++) {
		f->load[l] = xcalloc(n_units(live, l), sizeof(**f->load));
		if (is_counted(f))
			f->count[l] = xcalloc((size_t)groups->n_groups * n_units(live, l),
			                      sizeof(**f->count));
	}
	for (uint32_t g = 0; g < groups->n_groups; g++)
		count_group(live, f, g);
	find_slowest(f);
}

static bool sends(const struct pl_groups *g)
{
	return g->size > 1 && g->n_groups > 0 && g->gbyte > 0;
}

/* How many counts of 16 bits the families need; a group of more members does not count. */
static bool counts_fit(const struct map_gauge *gauge)
{
	uint64_t counts = 0;

	for (unsigned i = 0; i < gauge->n_families; i++) {
		const struct pl_groups *g = &gauge->groups[i];

		if (!sends(g) || g->pattern == PL_P2P)
			continue;
		if (g->size >= UINT16_MAX)
			return false;
		for (size_t l = gauge->uplinks.first; l < gauge->topo->n_levels; l++)
			counts += (uint64_t)g->n_groups * gauge->uplinks.at[l].n;
	}
	return counts <= LIVECOST_MAX_COUNTS;
}

bool livecost_init(struct livecost *live, const struct map_gauge *gauge, uint32_t *pe,
                   uint32_t n_ranks)
{
	size_t n_groups = 0;

	if (!counts_fit(gauge) || gauge->uplinks.first >= gauge->topo->n_levels)
		return false;
	*live = (struct livecost){ .gauge = gauge, .pe = pe, .n_ranks = n_ranks };
	for (unsigned i = 0; i < gauge->n_families; i++) {
		if (!sends(&gauge->groups[i]))
			continue;
		family_init(live, &live->family[live->n_families++], &gauge->groups[i]);
		n_groups += gauge->groups[i].n_groups;
	}
	live->changed = xcalloc(n_groups + 1, sizeof(*live->changed));
	return true;
}

void livecost_fini(struct livecost *live)
{
	for (unsigned i = 0; i < live->n_families; i++) {
		struct livecost_family *f = &live->family[i];

		free(f->group_of);
		free(f->time);
		free(f->stamp);
		for (size_t l = 0; l < PL_TOPO_MAX_LEVELS; l++) {
			free(f->count[l]);
			free(f->load[l]);
		}
	}
	free(live->changed);
}

/* ---- changes ---- */

/* Notes that a group changes with the swap at hand; its old neighbours no longer count. */
static void touch(struct livecost *live, unsigned i, uint32_t g)
{
	struct livecost_family *f = &live->family[i];

	if (f->stamp[g] == live->swaps)
		return;
	f->stamp[g] = live->swaps;
	live->changed[live->n_changed++] = (uint64_t)i << 32 | g;
	if (!is_counted(f))
		walk_links(live, f, g, -1);
}

static void touch_rank(struct livecost *live, uint32_t rank)
{
	for (unsigned i = 0; i < live->n_families; i++) {
		if (live->family[i].group_of[rank] != UINT32_MAX)
			touch(live, i, live->family[i].group_of[rank]);
	}
}

static void recount(const struct livecost *live, struct livecost_family *f, uint32_t g, size_t l,
                    uint32_t unit, int by)
{
	uint16_t *count = &f->count[l][(size_t)g * n_units(live, l) + unit];

	f->load[l][unit] -= sent_out(f, g, *count);
	*count = (uint16_t)(*count + by);
	f->load[l][unit] += sent_out(f, g, *count);
}

static void move_rank(struct livecost *live, uint32_t rank, uint32_t to)
{
	uint32_t from = live->pe[rank];

	live->pe[rank] = to;
	for (unsigned i = 0; i < live->n_families; i++) {
		struct livecost_family *f = &live->family[i];
		uint32_t g = f->group_of[rank];

		if (g == UINT32_MAX || !is_counted(f))
			continue;
		for (size_t l = first_boundary(live); l < live->gauge->topo->n_levels; l++) {
			uint32_t a = unit_of(live, l, from), b = unit_of(live, l, to);

			if (a == b)
				break; /* and so further out */
			recount(live, f, g, l, a, -1);
			recount(live, f, g, l, b, 1);
		}
	}
}

static void settle(struct livecost *live)
{
	bool slower[PL_JOB_MAX_FAMILIES] = { false };

	for (size_t i = 0; i < live->n_changed; i++) {
		unsigned at = (unsigned)(live->changed[i] >> 32);
		struct livecost_family *f = &live->family[at];
		uint32_t g = (uint32_t)live->changed[i];

		f->time[g] = is_counted(f) ? counted_time(live, f, g) : walk_links(live, f, g, 1);
		slower[at] = true;
	}
	for (unsigned i = 0; i < live->n_families; i++) {
		if (slower[i])
			find_slowest(&live->family[i]);
	}
}

void livecost_swap(struct livecost *live, uint32_t a, uint32_t b, uint32_t n)
{
	live->swaps++;
	live->n_changed = 0;
	for (uint32_t i = 0; i < n; i++) {
		touch_rank(live, a + i);
		touch_rank(live, b + i);
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t pe = live->pe[a + i];

		move_rank(live, a + i, live->pe[b + i]);
		move_rank(live, b + i, pe);
	}
	settle(live);
}

/* ---- the sum ---- */

/* The longest time that the way out of a unit needs for the family. */
static double shared_time(const struct livecost *live, const struct livecost_family *f)
{
	const struct pl_topo *t = live->gauge->topo;
	double longest = 0;

	for (size_t l = first_boundary(live); l < t->n_levels; l++) {
		const struct uplink_boundary *b = &live->gauge->uplinks.at[l];

		for (uint32_t u = 0; u < b->n; u++)
			longest = fmax(longest, f->load[l][u] * t->per_gbyte[l] / b->pes[u]);
	}
	return longest;
}

static void sum_uplinks(const struct livecost *live, struct livecost_sum *sum)
{
	for (size_t l = first_boundary(live); l < live->gauge->topo->n_levels; l++) {
		for (uint32_t u = 0; u < n_units(live, l); u++) {
			double load = 0;

			for (unsigned i = 0; i < live->n_families; i++)
				load += live->family[i].load[l][u];
			if (load > sum->uplink[l]) {
				sum->uplink[l] = load;
				sum->worst_unit = u;
			}
		}
	}
}

void livecost_sum(const struct livecost *live, struct livecost_sum *sum)
{
	*sum = (struct livecost_sum){ 0 };
	for (unsigned i = 0; i < live->n_families; i++) {
		const struct livecost_family *f = &live->family[i];
		double time = fmax(f->slowest, shared_time(live, f)), crowd = 0;

		sum->step += time;
		for (uint32_t g = 0; g < f->groups.n_groups && time > 0; g++)
			crowd += fourth(f->time[g] / time);
		sum->crowd += crowd * time;
	}
	sum_uplinks(live, sum);
}

static int compare_figures(double a, double b)
{
	if (fabs(a - b) <= 1e-9 * fmax(a, b))
		return 0;
	return a < b ? -1 : 1;
}

int livecost_compare(const struct livecost_sum *a, const struct livecost_sum *b)
{
	int order = compare_figures(a->step, b->step);

	for (size_t l = PL_TOPO_MAX_LEVELS; l-- > 0 && order == 0;)
		order = compare_figures(a->uplink[l], b->uplink[l]);
	return order != 0 ? order : compare_figures(a->crowd, b->crowd);
}
