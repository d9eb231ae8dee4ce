/* job.c - tests of core/map/job.h */
#include "unit.h"

#include "base/mem.h"
#include "map/job.h"

static struct pl_job parse(const char *text)
{
	struct pl_error err = { 0 };
	struct pl_job job;

	if (pl_job_parse(&job, text, &err) < 0)
		fail_msg("'%s': %s", text, err.text);
	return job;
}

static void a_wrong_job_is_refused_and_says_why(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "tp=4 ordr=tp-pp", "did you mean 'order'" },
		{ "layerz=3", "did you mean 'layers'" },
		{ "frobnicate=1", "unknown key 'frobnicate'" },
		{ "tp", "not KEY=VALUE" },
		{ "tp=", "not KEY=VALUE" },
		{ "=4", "not KEY=VALUE" },
		{ "tp=0", "whole number" },
		{ "tp=-1", "whole number" },
		{ "tp=4x", "whole number" },
		{ "tp=2.5", "whole number" },
		{ "tp=99999999999999999999", "whole number" },
		{ "tp=2 tp=2", "given twice" },
		{ "tp=4096 dp=4096 pp=4096", "more than" },
		{ "hidden=many", "positive number" },
		{ "params=-3B", "positive number" },
		{ "tp=2 order=tp-cp-dp-tp", "names tp twice" },
		{ "tp=2 order=tp-xp", "'xp' is none" },
		{ "tp=2 order=tp-", "'' is none" },
		{ "tp=2 pp=2 order=tp-cp-dp", "pp is 2 but the order" },
		{ "tp=2 ep=2 dp=2 order=tp-cp-dp-pp", "ep is 2 but the order" },
		{ "tp=4 dp=3 ep=8", "do not divide" },
		{ "tp=4 dp=2 ep=2 etp=8", "do not divide" },
		/* 4 dense ranks before pp, but 2 of the experts, which have no tp */
		{ "tp=4 ep=2 pp=2 dp=2 order=tp-ep-pp-dp", "pipeline groups" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };
		struct pl_job job;

		assert_int_equal(pl_job_parse(&job, cases[i].text, &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.text,
			         cases[i].says);
	}
}

static void sizes_multiply_to_the_world(void **state)
{
	struct pl_job j = parse("tp=4 cp=2 pp=8 dp=80 ep=16");

	(void)state;
	assert_int_equal(j.world, 5120);
	assert_int_equal(j.edp, 4 * 2 * 80 / 16);
	assert_int_equal(parse("").world, 1);
	assert_int_equal(parse("tp=2,dp=3\tpp=4\n").world, 24);
	assert_true(parse("params=405B").model[PL_MODEL_PARAMS] == 405e9);
	assert_true(parse("seq=32k").model[PL_MODEL_SEQ] == 32000);
}

static void a_job_is_written_as_it_is_read(void **state)
{
	static const char *const cases[] = { "tp=4 cp=2 pp=8 dp=80 ep=16",
		                             "dp=7",
		                             "",
		                             "tp=8 ep=2 etp=8 dp=2 order=tp-cp-ep-dp-pp",
		                             "tp=2 cp=2 pp=3 dp=5 order=tp-cp-ep-pp-dp",
		                             "tp=2" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_job a = parse(cases[i]), b;
		struct strbuf out = STRBUF_INIT;

		pl_job_format(&a, &out);
		b = parse(strbuf_str(&out));
		assert_memory_equal(&a, &b, sizeof(a));
		strbuf_fini(&out);
	}
}

/* Whether rank a and b are in one group of the family. */
static bool partners(const struct pl_job *job, enum pl_family family, uint32_t a, uint32_t b)
{
	struct pl_groups g;

	pl_job_groups(job, family, &g);
	for (uint32_t k = 0; k < g.n_groups; k++) {
		bool has_a = false, has_b = false;

		for (uint32_t i = 0; i < g.size; i++) {
			has_a |= pl_groups_rank(&g, k, i) == a;
			has_b |= pl_groups_rank(&g, k, i) == b;
		}
		if (has_a)
			return has_b;
	}
	return false;
}

static void sixteen_ranks_of_four_axes_of_two_pair_as_in_print(void **state)
{
	struct pl_job j = parse("tp=2 cp=2 pp=2 dp=2");

	(void)state;
	assert_true(partners(&j, PL_FAMILY_TP, 0, 1));
	assert_true(partners(&j, PL_FAMILY_CP, 0, 2));
	assert_true(partners(&j, PL_FAMILY_DP, 0, 4));
	assert_true(partners(&j, PL_FAMILY_PP, 0, 8));
	assert_false(partners(&j, PL_FAMILY_TP, 0, 2));
	assert_false(partners(&j, PL_FAMILY_PP, 0, 4));
}

static void context_16_by_data_2_groups_as_in_print(void **state)
{
	struct pl_job j = parse("cp=16 dp=2");
	struct pl_groups cp, dp;

	(void)state;
	pl_job_groups(&j, PL_FAMILY_CP, &cp);
	pl_job_groups(&j, PL_FAMILY_DP, &dp);
	assert_int_equal(cp.n_groups, 2);
	assert_int_equal(dp.n_groups, 16);
	for (uint32_t i = 0; i < 16; i++) {
		assert_int_equal(pl_groups_rank(&cp, 0, i), i);
		assert_int_equal(pl_groups_rank(&cp, 1, i), 16 + i);
		assert_int_equal(pl_groups_rank(&dp, i, 0), i);
		assert_int_equal(pl_groups_rank(&dp, i, 1), 16 + i);
	}
}

static void the_order_decides_which_axis_varies_fastest(void **state)
{
	struct pl_job j = parse("tp=2 cp=2 pp=2 dp=2 order=tp-cp-pp-dp");

	(void)state;
	assert_true(partners(&j, PL_FAMILY_PP, 0, 4));
	assert_true(partners(&j, PL_FAMILY_DP, 0, 8));
}

static void expert_groups_have_a_generator_of_their_own(void **state)
{
	struct pl_job j = parse("tp=2 dp=4 ep=4 pp=2");
	struct pl_groups ep, edp;

	(void)state;
	pl_job_groups(&j, PL_FAMILY_EP, &ep);
	pl_job_groups(&j, PL_FAMILY_EDP, &edp);
	assert_int_equal(ep.n_groups, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(pl_groups_rank(&ep, 1, i), 4 + i);
		assert_int_equal(pl_groups_rank(&ep, 2, i), 8 + i);
	}
	assert_int_equal(edp.size, 2);
	assert_int_equal(pl_groups_rank(&edp, 0, 1), 4);
}

/* Each rank once: the groups of a family split the job. */
static void assert_partition(const struct pl_job *j, enum pl_family family)
{
	uint8_t *seen = xcalloc(j->world, 1);
	struct pl_groups g;

	pl_job_groups(j, family, &g);
	assert_int_equal(g.n_groups * g.size, j->world);
	for (uint32_t k = 0; k < g.n_groups; k++) {
		for (uint32_t i = 0; i < g.size; i++) {
			uint32_t r = pl_groups_rank(&g, k, i);

			assert_true(r < j->world);
			assert_int_equal(seen[r]++, 0);
			assert_true(i == 0 || r > pl_groups_rank(&g, k, i - 1));
		}
	}
	free(seen);
}

static void every_family_splits_the_ranks(void **state)
{
	static const char *const jobs[] = {
		"tp=4 cp=2 pp=2 dp=3 ep=12",
		"tp=4 cp=2 pp=2 dp=3 order=dp-pp-cp-tp",
		"tp=2 cp=3 pp=5 dp=7 ep=2 etp=3 order=tp-cp-ep-dp-pp",
		"dp=17",
		"pp=3",
		"tp=2 ep=4 etp=2 dp=4 pp=2 order=tp-ep-dp-pp",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct pl_job j = parse(jobs[i]);

		for (int f = 0; f < PL_FAMILIES; f++)
			assert_partition(&j, (enum pl_family)f);
	}
}

static void pipeline_groups_are_the_same_in_both_generators(void **state)
{
	struct pl_job j = parse("tp=4 ep=8 etp=1 dp=4 pp=2 order=tp-cp-ep-dp-pp");
	struct pl_groups pp;

	(void)state;
	pl_job_groups(&j, PL_FAMILY_PP, &pp);
	assert_int_equal(pl_groups_rank(&pp, 0, 1), 16);
}

static void volumes_follow_the_published_formulas(void **state)
{
	struct pl_job j = parse("tp=8 pp=4 dp=2 hidden=1000 seq=1000 layers=40 microbatches=10 "
	                        "params=32B");
	struct pl_groups g;

	(void)state;
	/* 8 * b*s*h * 2 bytes * 7/8 * L/p * m */
	assert_true(job_volume(&j, PL_FAMILY_TP) == 8 * 1e6 * 2 * 0.875 * 10 * 10 / 1e9);
	/* b*s*h * 2 bytes * m / t */
	assert_true(job_volume(&j, PL_FAMILY_PP) == 1e6 * 2 * 10 / 8 / 1e9);
	/* 4 bytes * P / (t*p) * 1/2 */
	assert_true(job_volume(&j, PL_FAMILY_DP_CP) == 2.0);
	assert_true(job_volume(&j, PL_FAMILY_EP) == 0);
	pl_job_groups(&j, PL_FAMILY_DP, &g);
	assert_true(g.gbyte == 0);
}

static void figures_that_were_not_given_are_named(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct pl_job j = parse("dp=4");

	(void)state;
	pl_job_format_assumed(&j, &out);
	assert_string_equal(strbuf_str(&out), "params=5e+10");
	strbuf_reset(&out);
	j = parse("dp=4 params=1e9");
	pl_job_format_assumed(&j, &out);
	assert_string_equal(strbuf_str(&out), "");
	strbuf_fini(&out);
}

static void blocks_are_the_products_of_leading_axes(void **state)
{
	struct pl_job j = parse("tp=8 pp=8 dp=63 ep=24");
	uint32_t blocks[PL_JOB_MAX_BLOCKS];

	(void)state;
	assert_int_equal(job_blocks(&j, blocks), 3);
	assert_int_equal(blocks[0], 8);
	assert_int_equal(blocks[1], 24);
	assert_int_equal(blocks[2], 504);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_wrong_job_is_refused_and_says_why),
	cmocka_unit_test(sizes_multiply_to_the_world),
	cmocka_unit_test(a_job_is_written_as_it_is_read),
	cmocka_unit_test(sixteen_ranks_of_four_axes_of_two_pair_as_in_print),
	cmocka_unit_test(context_16_by_data_2_groups_as_in_print),
	cmocka_unit_test(the_order_decides_which_axis_varies_fastest),
	cmocka_unit_test(expert_groups_have_a_generator_of_their_own),
	cmocka_unit_test(every_family_splits_the_ranks),
	cmocka_unit_test(pipeline_groups_are_the_same_in_both_generators),
	cmocka_unit_test(volumes_follow_the_published_formulas),
	cmocka_unit_test(figures_that_were_not_given_are_named),
	cmocka_unit_test(blocks_are_the_products_of_leading_axes),
};

UNIT_MAIN(tests)
