/* jobsmap.c - see jobsmap.h */
#include "map/jobsmap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/jobsmap_parts.h"
#include "map/occupied.h"
#include "map/rankmap_build.h"

#define MAX_ORDERS 3

/* Who comes first, and where each may go. */
struct arrangement {
	size_t order[PL_JOBS_MAX];
	enum part_rule rule;
	bool given; /* nobody asked for anything: jobs and ranks in their order */
};

struct outcome {
	double worst, sum; /* of the steps, each relative to that of the job alone */
};

struct jobs {
	const struct pl_map_request *requests;
	size_t n;
	const struct pl_topo *machine;
	struct pl_topo view;      /* of the machine, with the jobs placed so far on it */
	double alone[PL_JOBS_MAX]; /* the step by itself */
	double *own[PL_JOBS_MAX][PL_TOPO_MAX_LEVELS]; /* by job: its part of view.busy */
	struct pl_map_cost cost[PL_JOBS_MAX];         /* beside the others */
};

/* ---- the machine as the jobs leave it ---- */

static void drop_busy(double *busy[PL_TOPO_MAX_LEVELS])
{
	for (size_t level = 0; level < PL_TOPO_MAX_LEVELS; level++) {
		free(busy[level]);
		busy[level] = NULL;
	}
}

/* The units that have a way out at a level: those of the level inside it. */
static size_t n_ways(const struct pl_topo *t, size_t level)
{
	return level > 0 ? pl_topo_units(t, level - 1) : t->n_pes;
}

static void copy_busy(const struct pl_topo *from, double *to[PL_TOPO_MAX_LEVELS])
{
	for (size_t level = 0; level < from->n_levels; level++) {
		size_t n = n_ways(from, level);

		if (from->busy[level] == NULL)
			continue;
		to[level] = xcalloc(n, sizeof(*to[level]));
		memcpy(to[level], from->busy[level], n * sizeof(*to[level]));
	}
}

static void view_fini(struct jobs *j)
{
	drop_busy(j->view.busy);
	free(j->view.unusable);
	j->view.unusable = NULL;
	for (size_t i = 0; i < j->n; i++)
		drop_busy(j->own[i]);
}

/* Everything is shared with the machine but what jobs change. */
static void view_init(struct jobs *j)
{
	j->view = *j->machine;
	memset(j->view.busy, 0, sizeof(j->view.busy));
	copy_busy(j->machine, j->view.busy);
	j->view.unusable = xmalloc(j->view.n_pes);
	memcpy(j->view.unusable, j->machine->unusable, j->view.n_pes);
}

static uint32_t *places_of(const struct pl_rankmap *m)
{
	uint32_t *pe = xcalloc(m->n_ranks, sizeof(*pe));

	for (uint32_t r = 0; r < m->n_ranks; r++)
		pe[r] = m->places[r].pe;
	return pe;
}

/* Adds (sign 1) or takes away (-1) what a job sends. */
static void add_own(struct jobs *j, size_t i, double sign)
{
	for (size_t level = 0; level < j->view.n_levels; level++) {
		size_t n = j->own[i][level] != NULL ? n_ways(&j->view, level) : 0;

		for (size_t k = 0; k < n; k++)
			j->view.busy[level][k] += sign * j->own[i][level][k];
	}
}

static int take_part(struct jobs *j, size_t i, const struct pl_rankmap *m, struct pl_error *err)
{
	uint32_t *pe = places_of(m);
	double *before[PL_TOPO_MAX_LEVELS] = { NULL };
	int rc;

	copy_busy(&j->view, before);
	rc = pl_topo_occupy(&j->view, pe, m->n_ranks, j->requests[i].job, err);
	copy_busy(&j->view, j->own[i]);
	for (size_t level = 0; level < j->view.n_levels; level++) {
		size_t n = before[level] != NULL ? n_ways(&j->view, level) : 0;

		for (size_t k = 0; k < n; k++)
			j->own[i][level][k] -= before[level][k];
	}
	drop_busy(before);
	free(pe);
	return rc;
}

/* ---- one arrangement ---- */

static void destroy_maps(struct jobs *j, struct pl_rankmap **maps)
{
	for (size_t i = 0; i < j->n; i++) {
		pl_rankmap_destroy(maps[i]);
		maps[i] = NULL;
	}
}

static int name_job(size_t i, const struct pl_job *job, struct pl_error *err)
{
	struct pl_error why = { 0 };
	struct strbuf text = STRBUF_INIT;

	if (err != NULL)
		why = *err;
	pl_job_format(job, &text);
	pl_errorf(err, why.code, "job %zu (%s): %s", i + 1, strbuf_str(&text), why.text);
	strbuf_fini(&text);
	return -1;
}

/* Makes the maps on the view, which then holds all of them. */
static int arrange(struct jobs *j, const struct arrangement *a, bool price,
                   struct pl_rankmap **maps, struct pl_error *err)
{
	view_fini(j);
	view_init(j);
	for (size_t k = 0; k < j->n; k++) {
		size_t i = a->order[k];
		struct pl_map_request request = j->requests[i];

		request.topo = &j->view;
		request.price = price && request.price;
		if (a->given)
			request.strategy = PL_STRATEGY_KEEP_ORDER;
		maps[i] = part_place(&request, j->machine, a->rule, err);
		if (maps[i] == NULL || take_part(j, i, maps[i], err) < 0) {
			destroy_maps(j, maps);
			return name_job(i, request.job, err);
		}
	}
	return 0;
}

/* What each map costs beside the others. */
static void score(struct jobs *j, struct pl_rankmap *const *maps, struct outcome *out)
{
	*out = (struct outcome){ 0 };
	j->view.n_jobs--;
	for (size_t i = 0; i < j->n; i++) {
		uint32_t *pe = places_of(maps[i]);
		double ratio;

		add_own(j, i, -1);
		pl_map_cost(&j->view, j->requests[i].job, pe, &j->cost[i]);
		add_own(j, i, 1);
		ratio = j->alone[i] > 0 ? j->cost[i].step / j->alone[i] : 1;
		out->worst = fmax(out->worst, ratio);
		out->sum += ratio;
		free(pe);
	}
	j->view.n_jobs++;
}

/* ---- the best of them ---- */

/* By what share b is better than a: the worst job counts, the others where it is the same. */
static double gain(const struct outcome *a, const struct outcome *b)
{
	double worst = 1 - b->worst / a->worst;

	return fabs(worst) > 1e-9 ? worst : 1 - b->sum / a->sum;
}

/* The jobs as given, the largest first, the smallest first; equals as given. */
static void make_order(const struct jobs *j, int which, size_t *order)
{
	for (size_t i = 0; i < j->n; i++) {
		size_t at = i;

		for (; which > 0 && at > 0; at--) {
			uint32_t a = j->requests[order[at - 1]].job->world;
			uint32_t b = j->requests[i].job->world;

			if (which == 1 ? a >= b : a <= b)
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
	}
}

struct search {
	struct arrangement best;
	struct outcome outcome;
	bool found;
};

static void try_arrangement(struct jobs *j, const struct arrangement *a, struct search *s)
{
	struct pl_rankmap *maps[PL_JOBS_MAX] = { NULL };
	struct outcome outcome;

	if (arrange(j, a, false, maps, NULL) < 0)
		return;
	score(j, maps, &outcome);
	if (!s->found || gain(&s->outcome, &outcome) > 1e-9) {
		s->best = *a;
		s->outcome = outcome;
		s->found = true;
	}
	destroy_maps(j, maps);
}

static void try_all(struct jobs *j, struct search *s)
{
	for (int which = 0; which < MAX_ORDERS; which++) {
		struct arrangement a;

		make_order(j, which, a.order);
		a.given = false;
		for (a.rule = PART_NEXT; a.rule < PART_RULES; a.rule++)
			try_arrangement(j, &a, s);
	}
}

static int place_alone(struct jobs *j, struct pl_error *err)
{
	for (size_t i = 0; i < j->n; i++) {
		struct pl_map_request request = j->requests[i];
		struct pl_rankmap *m;

		request.price = false;
		m = pl_rankmap_place(&request, err);
		if (m == NULL)
			return name_job(i, request.job, err);
		j->alone[i] = m->cost.step;
		pl_rankmap_destroy(m);
	}
	return 0;
}

/* The arrangement given, its costs in `given`, unless it cannot be made. */
static bool score_given(struct jobs *j, struct arrangement *a, struct outcome *outcome,
                        struct pl_map_cost *given)
{
	struct pl_rankmap *maps[PL_JOBS_MAX] = { NULL };

	*a = (struct arrangement){ .rule = PART_NEXT, .given = true };
	make_order(j, 0, a->order);
	if (arrange(j, a, false, maps, NULL) < 0)
		return false;
	score(j, maps, outcome);
	memcpy(given, j->cost, j->n * sizeof(*given));
	destroy_maps(j, maps);
	return true;
}

static void finish(struct jobs *j, struct pl_rankmap **maps, const struct pl_map_cost *given,
                   bool kept)
{
	for (size_t i = 0; i < j->n; i++) {
		struct pl_rankmap *m = maps[i];

		m->topo = j->machine;
		m->cost = j->cost[i];
		m->baseline = given != NULL ? given[i] : j->cost[i];
		m->alone_step = j->alone[i];
		m->no_gain = kept;
		rankmap_note(m, "job %zu of %zu: its step takes %.2f times as long as it would with "
			     "the machine to itself", i + 1, j->n,
			     j->alone[i] > 0 ? m->cost.step / j->alone[i] : 1);
	}
	if (kept)
		rankmap_note(maps[0], "no gain expected: keep your order, of jobs and of ranks");
}

static int place_all(struct jobs *j, struct pl_rankmap **maps, struct pl_error *err)
{
	struct pl_map_cost *given = xcalloc(j->n, sizeof(*given));
	struct search s = { .found = false };
	struct arrangement as_given;
	struct outcome before;
	bool known = score_given(j, &as_given, &before, given), keep;
	int rc;

	try_all(j, &s);
	keep = known && (!s.found || gain(&before, &s.outcome) < PL_MAP_MIN_GAIN);
	if (!s.found)
		s.best = as_given; /* which is told what is wrong where it cannot be made either */
	rc = arrange(j, keep ? &as_given : &s.best, true, maps, err);
	if (rc == 0) {
		score(j, maps, &s.outcome);
		finish(j, maps, known ? given : NULL, keep);
	}
	free(given);
	return rc;
}

int pl_rankmap_place_jobs(const struct pl_map_request *requests, size_t n,
                          struct pl_rankmap **maps, struct pl_error *err)
{
	struct jobs *j;
	int rc;

	if (n == 0 || n > PL_JOBS_MAX)
		return pl_errorf(err, PL_EUSAGE, "%zu jobs: 1 to %d can be placed at once", n,
		                 PL_JOBS_MAX);
	j = xcalloc(1, sizeof(*j));
	j->requests = requests;
	j->n = n;
	j->machine = requests[0].topo;
	memset(maps, 0, n * sizeof(*maps));
	rc = place_alone(j, err);
	if (rc == 0)
		rc = place_all(j, maps, err);
	view_fini(j);
	free(j);
	return rc;
}
