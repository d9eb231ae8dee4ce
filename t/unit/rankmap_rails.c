/* rankmap_rails.c - tests of maps on machines with rails: core/map/rails.h, slots_rails.c */
#include "unit.h"
#include "rankmap_stage.h"

static struct pl_rankmap *place(struct pl_map_request *request, const char *text)
{
	struct pl_error err = { 0 };
	struct pl_rankmap *m = try_place(request, text, &err);

	if (m == NULL)
		fail_msg("%s: %s", text, err.text);
	return m;
}

static uint32_t count_off(const struct pl_map_cost *cost)
{
	uint32_t n = 0;

	for (unsigned f = 0; f < PL_JOB_MAX_FAMILIES; f++)
		n += cost->off_rail[f];
	return n;
}

static void ranks_of_a_position_are_on_one_rail(void **state)
{
	struct pl_topo *t = create_rails("", "");
	struct pl_map_request request = { .topo = t };
	struct pl_rankmap *m = place(&request, "tp=4 dp=8");

	(void)state;
	assert_int_equal(count_off(&m->cost), 0);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void traffic_between_rails_takes_the_spine(void **state)
{
	struct pl_topo *t = create_rails("", "");
	/* four rings of four hosts of a unit; ranks of h1 the other way round */
	static const uint32_t straight[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const uint32_t turned[] = { 0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct pl_map_cost cost;
	struct pl_job job;

	(void)state;
	assert_int_equal(pl_job_parse(&job, "tp=4 axis=x=4:ring:1G order=tp-x", NULL), 0);
	pl_map_cost(t, &job, straight, &cost);
	assert_int_equal(count_off(&cost), 0);
	assert_float_equal(cost.uplink[2], 0, 1e-12);
	pl_map_cost(t, &job, turned, &cost);
	assert_int_equal(count_off(&cost), 4);
	assert_float_equal(cost.uplink[2], 4, 1e-9);
	/* 4 GB over the 16 adapters of a unit at a quarter of 100 GB/s each */
	assert_float_equal(cost.family[PL_FAMILIES], 0.01, 1e-9);
	pl_topo_destroy(t);
}

static void a_host_with_swapped_rails_has_its_gpus_swapped(void **state)
{
	static const enum pl_launcher can[] = { PL_FOR_TORCHRUN, PL_FOR_MEGATRON, PL_FOR_MPI,
						PL_FOR_ENV };
	static const enum pl_launcher cannot[] = { PL_FOR_DEEPSPEED, PL_FOR_SLURM };
	struct pl_topo *t = create_rails("h2:1/0/2/3", "");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(can); i++) {
		struct pl_map_request request = { .topo = t, .launcher = can[i] };
		struct pl_rankmap *m = place(&request, "tp=4 dp=8");

		assert_int_equal(m->places[8].gpu, 1);
		assert_int_equal(m->places[9].gpu, 0);
		assert_int_equal(count_off(&m->cost), 0);
		assert_true(notes_say(m, "GPUs of h2 are taken in the order of its rails"));
		pl_rankmap_destroy(m);
	}
	for (size_t i = 0; i < ARRAY_LEN(cannot); i++) {
		struct pl_map_request request = { .topo = t, .launcher = cannot[i] };
		struct pl_rankmap *m = place(&request, "tp=4 dp=8");

		assert_int_equal(m->places[8].gpu, 0);
		assert_int_equal(m->cost.off_rail[PL_FAMILY_DP_CP], 2);
		assert_true(notes_say(m, "rails of h2 are swapped, and "));
		assert_true(notes_say(m, "2 of 32 ranks are off the rail of their dp-cp group"));
		pl_rankmap_destroy(m);
	}
	pl_topo_destroy(t);
}

static void hosts_of_which_some_gpus_are_used_use_the_same_rails(void **state)
{
	/* rail 0 is broken on most hosts */
	struct pl_topo *t = create_rails("", "h[1-6]:0");
	struct pl_map_request request = { .topo = t };
	struct pl_rankmap *m = place(&request, "tp=3 dp=8");

	(void)state;
	assert_int_equal(count_off(&m->cost), 0);
	for (uint32_t r = 0; r < 24; r++)
		assert_int_equal(m->places[r].gpu, 1 + r % 3);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
	/* a hole on a rail that is used is filled, and the others keep theirs */
	t = create_rails("", "h2:1");
	request.topo = t;
	m = place(&request, "tp=3 dp=8");
	assert_int_equal(m->places[6].gpu, 0);
	assert_int_equal(m->places[7].gpu, 2);
	assert_int_equal(m->places[8].gpu, 3);
	assert_int_equal(count_off(&m->cost), 0); /* rails 0, 2, 3 everywhere */
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void rails_that_are_wrong_are_refused(void **state)
{
	struct pl_topo *t = create_rails("", "");
	static const char *const wrong[] = { "h2", "h2:1/0/2", "h2:1/0/2/3/0", "h2:1/0/2/4",
					     "h9:1/0/2/3", "h2:a/b/c/d", "h3:1/0/2/3,h2:9" };
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct pl_error err = { 0 };

		assert_int_equal(pl_topo_set_rails(t, wrong[i], &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
	}
	pl_topo_format_rails(t, &out);
	assert_string_equal(strbuf_str(&out), "");
	assert_int_equal(pl_topo_set_rails(t, "h[2-3]:1/0/2/3", NULL), 0);
	pl_topo_format_rails(t, &out);
	assert_string_equal(strbuf_str(&out), "h2:1/0/2/3,h3:1/0/2/3");
	strbuf_fini(&out);
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ranks_of_a_position_are_on_one_rail),
	cmocka_unit_test(traffic_between_rails_takes_the_spine),
	cmocka_unit_test(a_host_with_swapped_rails_has_its_gpus_swapped),
	cmocka_unit_test(hosts_of_which_some_gpus_are_used_use_the_same_rails),
	cmocka_unit_test(rails_that_are_wrong_are_refused),
};

UNIT_MAIN(tests)
