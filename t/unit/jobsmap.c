/* jobsmap.c - tests of several jobs on one machine: core/map/occupied.h and jobsmap.h */
#include "unit.h"
#include "rankmap_stage.h"

#include "map/jobsmap.h"
#include "map/occupied.h"

static void another_jobs_load_makes_uplinks_slower(void **state)
{
	/* in either unit each job has two hosts, and sends from one unit to the other */
	static const uint32_t theirs[] = { 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23 };
	static const uint32_t ours[] = { 8, 9, 10, 11, 12, 13, 14, 15,
					 24, 25, 26, 27, 28, 29, 30, 31 };
	struct pl_topo *t = create_rails("", "");
	struct pl_map_cost alone, shared;
	struct pl_error err = { 0 };
	struct pl_job job;

	(void)state;
	assert_int_equal(pl_job_parse(&job, "tp=8 axis=x=2:ring:1G order=tp-x", NULL), 0);
	pl_map_cost(t, &job, ours, &alone);
	assert_int_equal(pl_topo_occupy(t, theirs, 16, &job, &err), 0);
	pl_map_cost(t, &job, ours, &shared);
	/* never below a fair share, here a half */
	assert_true(shared.family[PL_FAMILIES] > alone.family[PL_FAMILIES]);
	assert_true(shared.family[PL_FAMILIES] <= 2 * alone.family[PL_FAMILIES] * (1 + 1e-9));
	assert_int_equal(pl_topo_occupy(t, theirs, 16, &job, &err), -1);
	assert_says(err.text, "GPU 0 of h0 is taken by two jobs");
	assert_int_equal(pl_topo_occupy(t, ours, 12, &job, &err), -1);
	assert_says(err.text, "the map has 12 ranks, its job 16");
	pl_topo_destroy(t);
}

/* ---- several jobs at once ---- */

/* Units of two racks of two hosts of four GPUs; 1:8 above the units. */
static struct pl_topo *create_units(unsigned units)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "rack", .count = 2, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "su", .count = 2, .bandwidth_gbyte_s = 100 },
		{ .name = "fabric", .count = units, .bandwidth_gbyte_s = 100,
		  .oversubscription = 8 },
	};
	char names[32];
	struct pl_hostlist *hosts;
	struct pl_topo_spec spec = { .name = "units", .gpus_per_host = 4, .levels = levels,
				     .n_levels = ARRAY_LEN(levels) };
	struct pl_topo *t;

	snprintf(names, sizeof(names), "h[1-%u]", 4 * units);
	spec.hosts = hosts = pl_hostlist_parse(names, NULL, NULL);
	t = pl_topo_create(&spec, NULL);
	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

#define MAX_JOBS 4

struct jobs {
	struct pl_job job[MAX_JOBS];
	struct pl_map_request request[MAX_JOBS];
	struct pl_rankmap *map[MAX_JOBS];
	size_t n;
};

static int place_jobs(struct jobs *j, const struct pl_topo *t, const char *const *texts,
                      struct pl_error *err)
{
	*j = (struct jobs){ .n = 0 };
	for (; texts[j->n] != NULL; j->n++) {
		assert_int_equal(pl_job_parse(&j->job[j->n], texts[j->n], err), 0);
		j->request[j->n] = (struct pl_map_request){ .topo = t, .job = &j->job[j->n] };
	}
	return pl_rankmap_place_jobs(j->request, j->n, j->map, err);
}

static void jobs_fini(struct jobs *j)
{
	for (size_t i = 0; i < j->n; i++) {
		pl_rankmap_destroy(j->map[i]);
		pl_job_fini(&j->job[i]);
	}
}

static void assert_disjoint(const struct jobs *j, const struct pl_topo *t)
{
	uint8_t *seen = xcalloc(t->n_pes, 1);

	for (size_t i = 0; i < j->n; i++) {
		assert_int_equal(j->map[i]->n_ranks, j->job[i].world);
		assert_ptr_equal(j->map[i]->topo, t);
		for (uint32_t r = 0; r < j->map[i]->n_ranks; r++) {
			uint32_t pe = j->map[i]->places[r].pe;

			assert_false(t->unusable[pe]);
			assert_int_equal(seen[pe]++, 0);
		}
	}
	free(seen);
}

/* The step of the job slowed down most, relative to what it would be alone; before: in the order
 * given. */
static double worst_of(const struct jobs *j, bool before)
{
	double worst = 0;

	for (size_t i = 0; i < j->n; i++) {
		const struct pl_rankmap *m = j->map[i];
		double step = before ? m->baseline.step : m->cost.step;

		if (m->alone_step > 0 && step / m->alone_step > worst)
			worst = step / m->alone_step;
	}
	return worst;
}

static void a_job_that_fits_a_unit_gets_one_whatever_the_order(void **state)
{
	/* 8 GPUs first: in the order given the other two would each lie in two units */
	static const char *const texts[] = { "axis=x=8:ring:1G order=x",
		                             "axis=x=16:alltoall:9G order=x",
		                             "axis=x=16:alltoall:9G order=x", NULL };
	struct pl_topo *t = create_units(3);
	struct jobs j;

	(void)state;
	assert_int_equal(place_jobs(&j, t, texts, NULL), 0);
	assert_disjoint(&j, t);
	for (size_t i = 0; i < j.n; i++) {
		assert_float_equal(j.map[i]->cost.uplink[3], 0, 1e-12);
		assert_float_equal(j.map[i]->cost.step, j.map[i]->alone_step, 1e-12);
	}
	assert_true(worst_of(&j, true) > 2);
	assert_true(notes_say(j.map[2], "job 3 of 3: its step takes 1.00 times as long"));
	jobs_fini(&j);
	pl_topo_destroy(t);
}

static void jobs_that_share_an_uplink_pay_for_it(void **state)
{
	/* together they fill the machine, and each is larger than a unit */
	static const char *const texts[] = { "axis=x=24:alltoall:9G order=x",
		                             "axis=x=24:alltoall:9G order=x", NULL };
	struct pl_topo *t = create_units(3);
	struct jobs j;

	(void)state;
	assert_int_equal(place_jobs(&j, t, texts, NULL), 0);
	assert_disjoint(&j, t);
	assert_true(worst_of(&j, false) > 1.1);
	assert_true(worst_of(&j, false) <= worst_of(&j, true) * (1 + 1e-9));
	jobs_fini(&j);
	pl_topo_destroy(t);
}

static void jobs_that_do_not_fit_together_are_refused_by_number(void **state)
{
	static const char *const texts[] = { "tp=4 dp=4", "tp=4 dp=9", NULL };
	struct pl_topo *t = create_units(3);
	struct pl_error err = { 0 };
	struct jobs j;

	(void)state;
	assert_int_equal(place_jobs(&j, t, texts, &err), -1);
	assert_int_equal(err.code, PL_ENOENT);
	assert_says(err.text, "job 2 (tp=4");
	assert_says(err.text, "36 ranks need 36 GPUs; 32 are usable");
	assert_null(j.map[0]);
	jobs_fini(&j);
	pl_topo_destroy(t);
}

/* Whatever the jobs and the holes, nobody is worse off than in the order given. */
static void the_worst_job_is_never_worse_off_than_as_given(void **state)
{
	static const char *const holes[] = { "", "h[1-2]:3", "h3,h7:0-1", "h[1,4,9]:2,h12" };
	static const char *const texts[][MAX_JOBS + 1] = {
		{ "tp=4 dp=2", "tp=2 dp=6 ep=4", NULL },
		{ "tp=2 dp=4 ep=8", "tp=4 pp=2 dp=2", "dp=4", NULL },
		{ "tp=8 dp=1", "axis=x=10:alltoall:3G order=x", "dp=3", "tp=2 dp=2", NULL },
	};

	(void)state;
	for (size_t h = 0; h < ARRAY_LEN(holes); h++) {
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			struct pl_topo *t = create_units(3);
			struct jobs j;

			assert_int_equal(pl_topo_mark_unusable(t, holes[h], NULL), 0);
			assert_int_equal(place_jobs(&j, t, texts[i], NULL), 0);
			assert_disjoint(&j, t);
			assert_true(worst_of(&j, false) <= worst_of(&j, true) * (1 + 1e-9));
			jobs_fini(&j);
			pl_topo_destroy(t);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(another_jobs_load_makes_uplinks_slower),
	cmocka_unit_test(a_job_that_fits_a_unit_gets_one_whatever_the_order),
	cmocka_unit_test(jobs_that_share_an_uplink_pay_for_it),
	cmocka_unit_test(jobs_that_do_not_fit_together_are_refused_by_number),
	cmocka_unit_test(the_worst_job_is_never_worse_off_than_as_given),
};

UNIT_MAIN(tests)
