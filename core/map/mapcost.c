/* mapcost.c - see mapcost.h */
#include "map/mapcost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One family being scored. */
struct scoring {
	const struct pl_topo *topo;
	const uint32_t *pe;
	struct pl_groups groups;
	uint32_t *offset; /* of member i from the group's first rank */
	uint32_t *member; /* PE of member i of the group at hand */
	uint64_t *key;    /* the members' keys, ascending: units of every level lie together */
	double slowest;   /* group so far */
	uint32_t straddling, widest;
	double *volume; /* by level, added to */
};

/* The members that one unit of a level holds, as a run of s->key. */
static uint32_t run_end(const struct scoring *s, uint32_t from, unsigned shift)
{
	uint64_t unit = s->key[from] >> shift;
	uint32_t i = from + 1;

	while (i < s->groups.size && s->key[i] >> shift == unit)
		i++;
	return i;
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void load_group(struct scoring *s, uint32_t g)
{
	uint32_t first = pl_groups_rank(&s->groups, g, 0);
	bool sorted = true;

	for (uint32_t i = 0; i < s->groups.size; i++) {
		s->member[i] = s->pe[first + s->offset[i]];
		s->key[i] = s->topo->key[s->member[i]];
		sorted = sorted && (i == 0 || s->key[i - 1] < s->key[i]);
	}
	if (!sorted)
		qsort(s->key, s->groups.size, sizeof(*s->key), compare_keys);
}

/* How many NVLink domains the group touches. */
static void count_domains(struct scoring *s)
{
	int level = s->topo->domain_level;
	uint32_t domains = 0;

	if (level < 0)
		return;
	for (uint32_t i = 0; i < s->groups.size; i = run_end(s, i, s->topo->shift[level]))
		domains++;
	s->straddling += domains > 1;
	if (domains > s->widest)
		s->widest = domains;
}

static unsigned inner_shift(const struct scoring *s, size_t level)
{
	return level > 0 ? s->topo->shift[level - 1] : 0;
}

/* Members in the unit that has fewest of them; the size itself when one unit has all. */
static uint32_t fewest_together(const struct scoring *s, unsigned shift)
{
	uint32_t fewest = s->groups.size;

	for (uint32_t i = 0, end; i < s->groups.size; i = end) {
		end = run_end(s, i, shift);
		if (end - i < fewest)
			fewest = end - i;
	}
	return fewest;
}

static double ring_time(const struct scoring *s)
{
	double time = 0;

	for (size_t level = 0; level < s->topo->n_levels; level++) {
		uint32_t fewest = fewest_together(s, inner_shift(s, level));

		if (fewest == s->groups.size)
			break;
		time = fmax(time, s->groups.gbyte * s->topo->per_gbyte[level] / fewest);
	}
	return time;
}

/* Adds the traffic between neighbours of the group to the volume per level; returns the outermost
 * level that a pair meets at. */
static int add_neighbours(struct scoring *s, double gbyte)
{
	uint32_t size = s->groups.size;
	uint32_t pairs = size > 2 ? size : size - 1;
	int outermost = 0;

	for (uint32_t i = 0; i < pairs; i++) {
		uint32_t next = i + 1 < size ? i + 1 : 0;
		int level = pl_topo_common_level(s->topo, s->member[i], s->member[next]);

		s->volume[level] += gbyte;
		if (level > outermost)
			outermost = level;
	}
	return outermost;
}

static void score_ring(struct scoring *s)
{
	/* a ring of two sends both ways over its one pair */
	add_neighbours(s, s->groups.size == 2 ? 2 * s->groups.gbyte : s->groups.gbyte);
	s->slowest = fmax(s->slowest, ring_time(s));
}

static void score_p2p(struct scoring *s)
{
	int outermost = add_neighbours(s, 2 * s->groups.gbyte);
	double slowest = 0;

	for (int level = 0; level <= outermost; level++)
		slowest = fmax(slowest, s->topo->per_gbyte[level]);
	s->slowest = fmax(s->slowest, slowest * s->groups.gbyte);
}

/* Counts pairs at the level where they meet, and charges a rank for all it sends outside. */
static void score_alltoall(struct scoring *s)
{
	uint32_t size = s->groups.size;
	double per_peer = s->groups.gbyte / (size - 1);

	for (size_t level = 0; level < s->topo->n_levels; level++) {
		for (uint32_t i = 0, end; i < size; i = end) {
			end = run_end(s, i, s->topo->shift[level]);
			for (uint32_t k = i, inner_end; k < end; k = inner_end) {
				uint32_t inside;

				inner_end = run_end(s, k, inner_shift(s, level));
				inside = inner_end - k;
				s->volume[level] += per_peer * (end - i - inside) * inside;
				s->slowest = fmax(s->slowest, per_peer * (size - inside) *
				                                      s->topo->per_gbyte[level]);
			}
		}
	}
}

static void score_group(struct scoring *s)
{
	count_domains(s);
	if (s->groups.gbyte == 0)
		return;
	switch (s->groups.pattern) {
	case PL_RING:
		score_ring(s);
		break;
	case PL_ALLTOALL:
		score_alltoall(s);
		break;
	case PL_P2P:
		score_p2p(s);
		break;
	}
}

static void score_family(struct scoring *s)
{
	uint32_t size = s->groups.size;

	if (size < 2)
		return;
	s->offset = xcalloc(size, sizeof(*s->offset));
	s->member = xcalloc(size, sizeof(*s->member));
	s->key = xcalloc(size, sizeof(*s->key));
	for (uint32_t i = 0; i < size; i++)
		s->offset[i] = pl_groups_rank(&s->groups, 0, i);
	for (uint32_t g = 0; g < s->groups.n_groups; g++) {
		load_group(s, g);
		score_group(s);
	}
	free(s->offset);
	free(s->member);
	free(s->key);
}

void pl_map_cost(const struct pl_topo *topo, const struct pl_job *job, const uint32_t *pe,
                 struct pl_map_cost *cost)
{
	*cost = (struct pl_map_cost){ 0 };
	for (int f = 0; f < PL_FAMILIES; f++) {
		struct scoring s = { .topo = topo, .pe = pe, .volume = cost->volume };

		pl_job_groups(job, (enum pl_family)f, &s.groups);
		score_family(&s);
		cost->family[f] = s.slowest;
		cost->straddling[f] = s.straddling;
		cost->widest[f] = s.widest;
		cost->step += s.slowest;
	}
	for (size_t level = 0; level < topo->n_levels; level++)
		cost->weighted += cost->volume[level] * topo->levels[level].distance;
}

/* The best a group can do at a level when the units inside it hold at most `cap` ranks. */
static double bound_beyond(const struct pl_groups *g, uint32_t cap, double per_gbyte)
{
	uint32_t parts = (g->size + cap - 1) / cap;
	uint32_t most = g->size / parts; /* in the smallest part */

	switch (g->pattern) {
	case PL_RING:
		return g->gbyte * per_gbyte / most;
	case PL_ALLTOALL:
		return g->gbyte / (g->size - 1) * (g->size - most) * per_gbyte;
	case PL_P2P:
		return g->gbyte * per_gbyte;
	}
	return 0;
}

static double bound_family(const struct pl_topo *topo, const struct pl_groups *g,
                           const uint32_t capacity[PL_TOPO_MAX_LEVELS])
{
	double bound = 0;

	for (size_t level = 0; level < topo->n_levels && g->size > 1; level++) {
		uint32_t cap = level > 0 ? capacity[level - 1] : 1;

		if (cap > 0 && g->size > cap)
			bound = fmax(bound, bound_beyond(g, cap, topo->per_gbyte[level]));
	}
	return bound;
}

void map_cost_bound(const struct pl_topo *topo, const struct pl_job *job,
                    const uint32_t capacity[PL_TOPO_MAX_LEVELS], struct pl_map_cost *bound)
{
	*bound = (struct pl_map_cost){ 0 };
	for (int f = 0; f < PL_FAMILIES; f++) {
		struct pl_groups g;

		pl_job_groups(job, (enum pl_family)f, &g);
		bound->family[f] = bound_family(topo, &g, capacity);
		bound->step += bound->family[f];
	}
}

int map_cost_compare(const struct pl_map_cost *a, const struct pl_map_cost *b)
{
	double slack = 1e-9 * fmax(a->step, b->step);

	if (fabs(a->step - b->step) > slack)
		return a->step < b->step ? -1 : 1;
	if (fabs(a->weighted - b->weighted) > 1e-9 * fmax(a->weighted, b->weighted))
		return a->weighted < b->weighted ? -1 : 1;
	return 0;
}
