/* mapcost.c - see mapcost.h */
#include "map/mapcost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/runsort.h"

/* One family being scored. */
struct scoring {
	const struct pl_topo *topo;
	const uint32_t *pe;
	struct pl_groups groups;
	uint32_t *offset; /* of member i from the group's first rank, where groups are generated */
	uint32_t *member; /* PE of member i of the group at hand */
	uint32_t *place;  /* the members' PEs, ascending */
	uint32_t *scratch; /* as long */
	uint64_t *key;    /* of place: units of every level lie together */
	uint32_t g;       /* the group at hand */
	uint32_t size;    /* its members */
	double gbyte;     /* its volume */
	double far_gbyte; /* the same for peers beyond the NVLink domain */
	uint32_t domain_start, domain_end; /* members in the NVLink domain of the run at hand */
	double slowest;   /* group so far */
	double allowed;   /* a group slower than this settles it: the placement is of no interest */
	struct pl_map_worst worst;
	uint32_t straddling, widest, off_rail;
	double *volume; /* by level, added to */
	struct uplinks *uplinks;
	struct rails *rails;
};

/* The group at hand needs so long at a level. */
static void note_time(struct scoring *s, double time, size_t level)
{
	if (time > s->slowest) {
		s->slowest = time;
		s->worst = (struct pl_map_worst){ .group = s->g, .level = (int)level };
	}
}

/* The members that one unit of a level holds, as a run of s->key. */
static uint32_t run_end(const struct scoring *s, uint32_t from, unsigned shift)
{
	uint64_t unit = s->key[from] >> shift;
	uint32_t i = from + 1;

	while (i < s->size && s->key[i] >> shift == unit)
		i++;
	return i;
}

static void load_group(struct scoring *s, uint32_t g)
{
	double share = pl_groups_share(&s->groups, g);
	uint32_t first = pl_groups_rank(&s->groups, g, 0);
	bool listed = s->groups.ranks != NULL, sorted = true;

	s->size = pl_groups_size(&s->groups, g);
	s->gbyte = s->groups.gbyte * share;
	s->far_gbyte = s->groups.far_gbyte * share;
	for (uint32_t i = 0; i < s->size; i++) {
		s->member[i] = s->pe[listed ? pl_groups_rank(&s->groups, g, i)
		                            : first + s->offset[i]];
		s->place[i] = s->member[i];
		sorted = sorted && (i == 0 || s->place[i - 1] < s->place[i]);
	}
	if (!sorted)
		runs_sort(s->place, s->size, s->scratch);
	for (uint32_t i = 0; i < s->size; i++)
		s->key[i] = s->topo->key[s->place[i]];
}

/* Whether one unit holds the whole group. */
static bool together(const struct scoring *s, unsigned shift)
{
	return s->key[0] >> shift == s->key[s->size - 1] >> shift;
}

/* How many NVLink domains the group touches. */
static void count_domains(struct scoring *s)
{
	int level = s->topo->domain_level;
	uint32_t domains = 0;

	if (level < 0)
		return;
	if (together(s, s->topo->shift[level])) {
		s->widest += s->widest == 0;
		return;
	}
	for (uint32_t i = 0; i < s->size; i = run_end(s, i, s->topo->shift[level]))
		domains++;
	s->straddling += domains > 1;
	if (domains > s->widest)
		s->widest = domains;
}

static unsigned inner_shift(const struct scoring *s, size_t level)
{
	return level > 0 ? s->topo->shift[level - 1] : 0;
}

/* Members in the unit that has fewest of them, of several. */
static uint32_t fewest_together(const struct scoring *s, unsigned shift)
{
	uint32_t fewest = s->size;

	for (uint32_t i = 0, end; i < s->size && fewest > 1; i = end) {
		end = run_end(s, i, shift);
		if (end - i < fewest)
			fewest = end - i;
	}
	return fewest;
}

/* Inside a node the ring leaves each unit that the group touches once. */
static void load_ring(struct scoring *s, size_t level)
{
	unsigned shift = inner_shift(s, level);

	for (uint32_t i = 0; i < s->size; i = run_end(s, i, shift))
		uplinks_add(s->uplinks, level, s->place[i], s->gbyte);
}

static void time_ring(struct scoring *s)
{
	size_t node = s->uplinks->node;

	for (size_t level = 0; level < s->topo->n_levels; level++) {
		double most = s->gbyte * map_cost_alone(s->topo, level);

		if (together(s, inner_shift(s, level)))
			break;
		if (most > s->slowest)
			note_time(s, most / fewest_together(s, inner_shift(s, level)), level);
		if (level >= s->uplinks->first && level < node)
			load_ring(s, level);
		else if (level == node)
			uplinks_add_ring(s->uplinks, s->member, s->size, s->gbyte);
	}
}

/* How many members have a next one. */
static uint32_t count_links(const struct scoring *s)
{
	bool closed = s->groups.pattern == PL_RING || s->groups.wraps;

	return s->size > 2 && closed ? s->size : s->size - 1;
}

/* Adds the traffic between neighbours of the group to the volume per level. */
static void add_neighbours(struct scoring *s, double gbyte)
{
	uint32_t size = s->size, pairs = count_links(s);

	for (uint32_t i = 0; i < pairs; i++) {
		uint32_t next = i + 1 < size ? i + 1 : 0;

		s->volume[pl_topo_common_level(s->topo, s->member[i], s->member[next])] += gbyte;
	}
}

static void score_ring(struct scoring *s)
{
	/* a ring of two sends both ways over its one pair */
	add_neighbours(s, s->size == 2 ? 2 * s->gbyte : s->gbyte);
	time_ring(s);
}

/* Whether the way to a neighbour who is met at `common` leads through `level`: beyond the domain it
 * does not lead over NVLink. */
static bool passes(const struct scoring *s, int common, int level)
{
	return level <= common && (common <= s->topo->domain_level || level > s->topo->domain_level);
}

/* A rank sends to the neighbours it meets at these levels, -1 for none. */
static void send_p2p(struct scoring *s, uint32_t from, int before, int next)
{
	int outermost = before > next ? before : next;

	for (int level = 0; level <= outermost; level++) {
		double gbyte = s->gbyte * (passes(s, before, level) + passes(s, next, level));

		note_time(s, gbyte * map_cost_alone(s->topo, (size_t)level), (size_t)level);
		if ((size_t)level >= s->uplinks->first)
			uplinks_add(s->uplinks, (size_t)level, from, gbyte);
	}
}

/* The level at which member `i` meets the one that follows. */
static int level_of_next(const struct scoring *s, uint32_t i)
{
	return pl_topo_common_level(s->topo, s->member[i], s->member[i + 1 < s->size ? i + 1 : 0]);
}

/* One micro-batch goes forward while another comes back: a rank sends to both neighbours at once.
 *  */
static void score_p2p(struct scoring *s)
{
	uint32_t links = count_links(s);
	int before = links == s->size ? level_of_next(s, s->size - 1) : -1;

	add_neighbours(s, 2 * s->gbyte);
	for (uint32_t i = 0; i < s->size; i++) {
		int next = i < links ? level_of_next(s, i) : -1;

		send_p2p(s, s->member[i], before, next);
		before = next;
	}
}

/* Members of the group in the same NVLink domain as the run that begins at `from`; all of them for
 * a level beyond it. Runs come in ascending order. */
static uint32_t reachable(struct scoring *s, size_t level, uint32_t from)
{
	unsigned shift;

	if ((int)level > s->topo->domain_level)
		return s->size;
	if (from == 0 || from >= s->domain_end) {
		shift = s->topo->shift[s->topo->domain_level];
		s->domain_start = from;
		s->domain_end = run_end(s, from, shift);
	}
	return s->domain_end - s->domain_start;
}

/* Whether peers that meet at a level are in different NVLink domains. */
static bool is_far(const struct pl_topo *topo, size_t level)
{
	return topo->domain_level >= 0 && (int)level > topo->domain_level;
}

static double gbyte_at(const struct scoring *s, size_t level)
{
	return is_far(s->topo, level) ? s->far_gbyte : s->gbyte;
}

/* The members in one unit of level - 1, [from, end), send to all who are not. */
static void load_alltoall(struct scoring *s, size_t level, uint32_t from, uint32_t end)
{
	double per_peer = gbyte_at(s, level) / (s->size - 1);
	uint32_t inside = end - from;

	note_time(s, per_peer * (reachable(s, level, from) - inside) * map_cost_alone(s->topo, level),
	          level);
	if (level >= s->uplinks->first && inside < s->size)
		uplinks_add(s->uplinks, level, s->place[from],
		            per_peer * inside * (s->size - inside));
}

/* Counts pairs at the level where they meet, and charges a rank for all it sends outside. */
static void score_alltoall(struct scoring *s)
{
	uint32_t size = s->size;

	for (size_t level = 0; level < s->topo->n_levels; level++) {
		double per_peer = gbyte_at(s, level) / (size - 1);

		if (together(s, inner_shift(s, level)))
			break;
		for (uint32_t i = 0, end; i < size; i = end) {
			end = run_end(s, i, s->topo->shift[level]);
			for (uint32_t k = i, inner_end; k < end; k = inner_end) {
				inner_end = run_end(s, k, inner_shift(s, level));
				s->volume[level] += per_peer * (end - i - (inner_end - k)) *
				                    (inner_end - k);
				load_alltoall(s, level, k, inner_end);
			}
		}
	}
}

/* Only what leaves the NVLink domain is on a rail. */
static void score_rails(struct scoring *s)
{
	if (s->topo->rail == NULL || together(s, s->rails->shift))
		return;
	s->off_rail += rails_count_off(s->rails, s->uplinks, s->place, s->size,
				       s->groups.pattern == PL_ALLTOALL ? s->far_gbyte : s->gbyte);
}

static void score_group(struct scoring *s)
{
	count_domains(s);
	if (s->gbyte == 0)
		return;
	score_rails(s);
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

/* False once a group is slower than allowed. */
static bool score_family(struct scoring *s)
{
	uint32_t size = s->groups.size;

	if (size < 2)
		return true;
	s->offset = xcalloc(size, sizeof(*s->offset));
	s->member = xcalloc(size, sizeof(*s->member));
	s->place = xcalloc(size, sizeof(*s->place));
	s->scratch = xcalloc(size, sizeof(*s->scratch));
	s->key = xcalloc(size, sizeof(*s->key));
	for (uint32_t i = 0; i < size && s->groups.ranks == NULL; i++)
		s->offset[i] = pl_groups_rank(&s->groups, 0, i);
	for (s->g = 0; s->g < s->groups.n_groups && s->slowest <= s->allowed; s->g++) {
		load_group(s, s->g);
		if (s->size > 1)
			score_group(s);
	}
	free(s->offset);
	free(s->member);
	free(s->place);
	free(s->scratch);
	free(s->key);
	return s->slowest <= s->allowed;
}

/* The phase is over: what all its groups share may have held them up longer. */
static void end_phase(struct scoring *s)
{
	int level = -1;
	uint32_t unit = 0;
	double shared = uplinks_end_phase(s->uplinks, &level, &unit);

	if (shared > s->slowest * (1 + 1e-9)) {
		s->slowest = shared;
		s->worst.level = level;
		s->worst.uplink = true;
		s->worst.unit = unit;
	}
}

/* The families in the order they are scored: experts first, whose cost differs most from placement
 * to placement, so that a limit is met soon. */
static unsigned scored_at(unsigned i)
{
	if (i == 0)
		return PL_FAMILY_EP;
	return i <= PL_FAMILY_EP ? i - 1 : i;
}

/* False once the family takes longer than allowed. */
static bool cost_family(struct map_gauge *gauge, const uint32_t *pe, unsigned f, double allowed,
                        struct pl_map_cost *cost)
{
	struct scoring s = { .topo = gauge->topo,
		             .pe = pe,
		             .groups = gauge->groups[f],
		             .volume = cost->volume,
		             .allowed = allowed,
		             .worst = { .level = -1 },
		             .uplinks = &gauge->uplinks,
		             .rails = &gauge->rails };

	if (!score_family(&s))
		return false;
	end_phase(&s);
	cost->family[f] = s.slowest;
	cost->worst[f] = s.worst;
	cost->straddling[f] = s.straddling;
	cost->widest[f] = s.widest;
	cost->off_rail[f] = s.off_rail;
	cost->step += s.slowest;
	return s.slowest <= allowed;
}

void map_gauge_init(struct map_gauge *gauge, const struct pl_topo *topo, const struct pl_job *job)
{
	*gauge = (struct map_gauge){ .topo = topo };
	gauge->n_families = pl_job_n_families(job);
	for (unsigned f = 0; f < gauge->n_families; f++)
		pl_job_groups(job, f, &gauge->groups[f]);
	uplinks_init(&gauge->uplinks, topo);
	rails_init(&gauge->rails, topo);
}

void map_gauge_fini(struct map_gauge *gauge)
{
	uplinks_fini(&gauge->uplinks);
	rails_fini(&gauge->rails);
}

void map_gauge_expect(struct map_gauge *gauge, const struct pl_map_cost *bound)
{
	memcpy(gauge->least, bound->family, sizeof(gauge->least));
}

bool map_gauge_cost(struct map_gauge *gauge, const uint32_t *pe, double limit,
                    struct pl_map_cost *cost)
{
	const struct pl_topo *topo = gauge->topo;
	double rest = 0; /* at least, of the families that are to come */

	*cost = (struct pl_map_cost){ 0 };
	uplinks_clear(&gauge->uplinks);
	for (unsigned f = 0; f < gauge->n_families; f++)
		rest += gauge->least[f];
	for (unsigned i = 0; i < gauge->n_families; i++) {
		unsigned f = scored_at(i);

		rest -= gauge->least[f];
		if (!cost_family(gauge, pe, f, limit * (1 + 1e-9) - cost->step - rest, cost))
			return false;
	}
	for (size_t level = 0; level < topo->n_levels; level++) {
		cost->weighted += cost->volume[level] * topo->levels[level].distance;
		if (level >= gauge->uplinks.first)
			cost->uplink[level] = uplinks_worst(&gauge->uplinks, level,
			                                    &cost->uplink_unit[level]);
	}
	return true;
}

void pl_map_cost(const struct pl_topo *topo, const struct pl_job *job, const uint32_t *pe,
                 struct pl_map_cost *cost)
{
	struct map_gauge gauge;

	map_gauge_init(&gauge, topo, job);
	map_gauge_cost(&gauge, pe, INFINITY, cost);
	map_gauge_fini(&gauge);
}

/* What a gigabyte costs at least that leaves a unit of level - 1: inside the NVLink domain it may
 * also go by the adapter, at the same time where a rank has many peers. */
static double least_per_gbyte(const struct pl_topo *t, size_t level, enum pl_pattern pattern)
{
	double here = map_cost_alone(t, level), by_adapter;

	if (pattern == PL_RING || (int)level > t->domain_level ||
	    (size_t)t->domain_level + 1 >= t->n_levels)
		return here;
	by_adapter = map_cost_alone(t, (size_t)t->domain_level + 1);
	return pattern == PL_P2P ? fmin(here, by_adapter)
				 : here * by_adapter / (here + by_adapter);
}

/* The best a group can do at a level when the units inside it hold at most `cap` ranks. */
static double bound_beyond(const struct pl_groups *g, double gbyte, uint32_t cap,
                           double per_gbyte)
{
	uint32_t parts = (g->size + cap - 1) / cap;
	uint32_t most = g->size / parts; /* in the smallest part */

	switch (g->pattern) {
	case PL_RING:
		return gbyte * per_gbyte / most;
	case PL_ALLTOALL:
		return gbyte / (g->size - 1) * (g->size - most) * per_gbyte;
	case PL_P2P:
		return gbyte * per_gbyte;
	}
	return 0;
}

static double bound_family(const struct pl_topo *topo, const struct pl_groups *g,
                           const uint32_t capacity[PL_TOPO_MAX_LEVELS])
{
	double bound = 0;

	for (size_t level = 0; level < topo->n_levels && g->size > 1; level++) {
		uint32_t cap = level > 0 ? capacity[level - 1] : 1;
		double gbyte = is_far(topo, level) ? g->far_gbyte : g->gbyte;

		if (cap > 0 && g->size > cap)
			bound = fmax(bound, bound_beyond(g, gbyte, cap,
			                         least_per_gbyte(topo, level,
			                                         g->pattern)));
	}
	return bound;
}

void map_cost_bound(const struct pl_topo *topo, const struct pl_job *job,
                    const uint32_t capacity[PL_TOPO_MAX_LEVELS], struct pl_map_cost *bound)
{
	*bound = (struct pl_map_cost){ 0 };
	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		struct pl_groups g;

		pl_job_groups(job, f, &g);
		bound->family[f] = bound_family(topo, &g, capacity);
		bound->step += bound->family[f];
	}
}

static int compare_figures(double a, double b)
{
	if (fabs(a - b) <= 1e-9 * fmax(a, b))
		return 0;
	return a < b ? -1 : 1;
}

/* The outermost level where the worst uplinks differ; -1 for none. */
static int differing_uplink(const struct pl_map_cost *a, const struct pl_map_cost *b)
{
	for (int level = PL_TOPO_MAX_LEVELS - 1; level >= 0; level--) {
		if (compare_figures(a->uplink[level], b->uplink[level]) != 0)
			return level;
	}
	return -1;
}

static int compare_rails(const struct pl_map_cost *a, const struct pl_map_cost *b)
{
	uint64_t off_a = 0, off_b = 0;

	for (unsigned f = 0; f < PL_JOB_MAX_FAMILIES; f++) {
		off_a += a->off_rail[f];
		off_b += b->off_rail[f];
	}
	return off_a < off_b ? -1 : off_a > off_b;
}

int map_cost_compare(const struct pl_map_cost *a, const struct pl_map_cost *b,
                     enum pl_objective objective)
{
	int level = differing_uplink(a, b);
	int time = compare_figures(a->step, b->step);
	int load = level >= 0 ? compare_figures(a->uplink[level], b->uplink[level]) : 0;
	int volume = compare_figures(a->weighted, b->weighted);

	switch (objective) {
	case PL_OBJECTIVE_TIME:
		return time != 0     ? time
		       : load != 0   ? load
		       : volume != 0 ? volume
				     : compare_rails(a, b);
	case PL_OBJECTIVE_LOAD:
		return load != 0 ? load : time != 0 ? time : volume;
	case PL_OBJECTIVE_VOLUME:
		return volume != 0 ? volume : time;
	}
	return 0;
}

static double gain(double from, double to)
{
	return from > 0 ? 1 - to / from : 0;
}

double map_cost_gain(const struct pl_map_cost *from, const struct pl_map_cost *to,
                     enum pl_objective objective)
{
	int level = differing_uplink(from, to);

	switch (objective) {
	case PL_OBJECTIVE_TIME:
		return gain(from->step, to->step);
	case PL_OBJECTIVE_LOAD:
		return level >= 0 ? gain(from->uplink[level], to->uplink[level]) : 0;
	case PL_OBJECTIVE_VOLUME:
		return gain(from->weighted, to->weighted);
	}
	return 0;
}
