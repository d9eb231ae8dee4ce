/* grouplists.c - tests of core/map/grouplists.h and of jobs that take lists */
#include "unit.h"

#include "base/mem.h"
#include "map/grouplists.h"
#include "map/rankmap.h"

static struct pl_group_lists *parse(const char *text)
{
	struct pl_error err = { 0 };
	struct pl_group_lists *l = pl_group_lists_parse(text, strlen(text), "FILE", &err);

	if (l == NULL)
		fail_msg("'%s': %s", text, err.text);
	return l;
}

static struct pl_job job_with(const char *job_text, const char *groups)
{
	struct pl_group_lists *l = parse(groups);
	struct pl_error err = { 0 };
	struct pl_job job;

	assert_int_equal(pl_job_parse(&job, job_text, &err), 0);
	if (pl_job_take_lists(&job, l, &err) < 0)
		fail_msg("'%s': %s", job_text, err.text);
	pl_group_lists_unref(l);
	return job;
}

static void wrong_groups_are_refused_and_say_where(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "no group in it" },
		{ "# nothing\n\n", "no group in it" },
		{ "{}", "no group in it" },
		{ "tp 0 1", "FILE line 1: 'tp 0 1': is not NAME:" },
		{ "tp: 0 1\ntp: 2 x\n", "FILE line 2: 'tp': ranks are numbers" },
		{ "tp: 0 1\n\ntp: 1 2\n", "line 3: rank 1 is in a tp group already, see line 1" },
		{ "tp: 0 0\n", "line 1: rank 0 is twice in one tp group" },
		{ "tp: 0 1\ntp: 3 4", "rank 2 of 5 is in no tp group" },
		{ "tp: 0-3\ndp: 0 1", "rank 2 of 4 is in no dp group" },
		{ "tp:\n", "group without ranks" },
		{ "tp: 3-1", "ranges such as 0-3" },
		{ "tp: 0 99999999", "past 16777215" },
		{ "a b: 0", "a name is 1 to 31" },
		{ ": 0", "a name is 1 to 31" },
		{ "moe@2G: 0 1", "NAME@BYTES:ring" },
		{ "moe@2G:star: 0 1", "ring, alltoall or p2p" },
		{ "moe@many:ring: 0 1", "positive number" },
		{ "moe@2G:ring: 0 1\nmoe@3G:ring: 2 3", "line 2: 'moe': its volume is not" },
		{ "{ \"tp\": [[0, 1], [1, 2]] }", "group 2: rank 1 is in a tp group already, see group 1" },
		{ "{ \"tp\": [0, 1] }", "each group is an array" },
		{ "{ \"tp\": 3 }", "an array of groups" },
		{ "{ \"tp\": [[0]], \"dp\": [] }", "an array of groups" },
		{ "{ \"tp\": [[]] }", "each group is an array" },
		{ "{ \"tp\": [[0, -1]] }", "whole number from 0" },
		{ "{ \"tp\": [[0, 1.5]] }", "whole number from 0" },
		{ "{ \"dp_cp\": [[0]], \"dp-cp\": [[0]] }", "there already" },
		{ "{\n\"tp\": [[0,\n 1]", "FILE line 3: no JSON" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_null(pl_group_lists_parse(cases[i].text, strlen(cases[i].text), "FILE",
		                                 &err));
		assert_int_equal(err.code, PL_EUSAGE);
		if (strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.text,
			         cases[i].says);
	}
}

static void both_forms_say_the_same(void **state)
{
	static const char *const forms[] = {
		"# eight ranks\ntp: 0 1\ntp: 2,3\ntp:4-5\n tp : 6 7 # last\r\n"
		"dp_cp: 0 2 4 6\ndata_parallel_group_with_cp: 1 3 5 7\nembd: 0 6\n",
		"{ \"tensor_model_parallel_group\": [[0,1],[2,3],[4,5],[6,7]],"
		" \"dp-cp\": [[0,2,4,6],[1,3,5,7]], \"embd\": [[0,6]] }",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct pl_group_lists *l = parse(forms[i]);
		const struct pl_listed *dp = pl_group_lists_find(l, "dp-cp");

		assert_int_equal(l->world, 8);
		assert_int_equal(l->n, 3);
		assert_string_equal(l->items[0].name, "tp");
		assert_int_equal(l->items[0].n_groups, 4);
		assert_int_equal(l->items[0].block, 2);
		assert_int_equal(dp->size, 4);
		assert_int_equal(dp->block, 8);
		assert_int_equal(dp->ranks[dp->start[1] + 2], 5);
		pl_group_lists_unref(l);
	}
}

/* Every family of a job as text, as a job would dump it whose rank r is called r * times mod the
 * world. */
static void dump_groups(const struct pl_job *job, uint32_t times, struct strbuf *out)
{
	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		struct pl_groups g;

		pl_job_groups(job, f, &g);
		for (uint32_t k = 0; k < g.n_groups && g.size > 1; k++) {
			strbuf_addf(out, "%s:", g.name);
			for (uint32_t i = 0; i < g.size; i++)
				strbuf_addf(out, " %u",
				            pl_groups_rank(&g, k, i) * times % job->world);
			strbuf_addc(out, '\n');
		}
	}
}

static struct pl_topo *create_racks(void)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "rack", .count = 6, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "fabric", .count = 4, .bandwidth_gbyte_s = 100 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse("h[1-24]", NULL, NULL);
	struct pl_topo_spec spec = { .name = "racks",
		                     .gpus_per_host = 4,
		                     .levels = levels,
		                     .n_levels = ARRAY_LEN(levels),
		                     .hosts = hosts };
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

/* The same ranks, listed or generated, cost the same, and have the same sizes. */
static void a_job_from_its_own_dump_costs_what_it_cost(void **state)
{
	static const struct {
		const char *sizes, *figures;
	} jobs[] = {
		{ "tp=4 cp=2 pp=2 dp=6", "hidden=4096" },
		{ "tp=4 pp=2 dp=12 ep=8", "experts=8" },
		{ "pp=4 dp=24 fsdp=12", "params=8e9" },
	};
	struct pl_topo *t = create_racks();
	uint32_t pe[96];

	(void)state;
	for (uint32_t i = 0; i < 96; i++)
		pe[i] = i * 5 % 96;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct strbuf text = STRBUF_INIT, dump = STRBUF_INIT;
		struct pl_map_cost a, b;
		struct pl_job made, listed;

		strbuf_addf(&text, "%s %s", jobs[i].sizes, jobs[i].figures);
		assert_int_equal(pl_job_parse(&made, strbuf_str(&text), NULL), 0);
		dump_groups(&made, 1, &dump);
		listed = job_with(jobs[i].figures, strbuf_str(&dump));
		assert_int_equal(listed.world, 96);
		pl_map_cost(t, &made, pe, &a);
		pl_map_cost(t, &listed, pe, &b);
		for (unsigned f = 0; f < PL_FAMILIES; f++) {
			assert_true(a.family[f] == b.family[f]);
			assert_true(f == PL_FAMILY_ETP || a.straddling[f] == b.straddling[f]);
		}
		assert_true(a.step > 0 && a.step == b.step && a.weighted == b.weighted);
		pl_job_fini(&listed);
		/* and beside sizes that agree */
		listed = job_with(strbuf_str(&text), strbuf_str(&dump));
		pl_map_cost(t, &listed, pe, &b);
		assert_true(a.step == b.step);
		pl_job_fini(&listed);
		strbuf_fini(&text);
		strbuf_fini(&dump);
	}
	pl_topo_destroy(t);
}

static void a_family_of_another_name_has_the_volume_that_is_written(void **state)
{
	struct pl_job j = job_with("", "moe@2G:alltoall: 0 3\nmoe: 1 2 4\nother: 0-4\n");
	struct pl_groups g;

	(void)state;
	assert_int_equal(pl_job_n_families(&j), PL_FAMILIES + 2);
	pl_job_groups(&j, PL_FAMILIES, &g);
	assert_string_equal(g.name, "moe");
	assert_int_equal(g.pattern, PL_ALLTOALL);
	assert_true(g.gbyte == 2);
	assert_int_equal(g.n_groups, 2);
	assert_int_equal(g.size, 3);
	assert_int_equal(pl_groups_size(&g, 0), 2);
	assert_int_equal(pl_groups_rank(&g, 0, 1), 3);
	pl_job_groups(&j, PL_FAMILIES + 1, &g);
	assert_true(g.gbyte == 0);
	pl_job_fini(&j);
}

static void a_partial_family_may_leave_ranks_out(void **state)
{
	struct pl_job j = job_with("", "tp: 0-3\nring@1G:ring:partial: 1 2\n");

	(void)state;
	assert_int_equal(j.world, 4);
	pl_job_fini(&j);
}

static void lists_replace_what_sizes_would_make(void **state)
{
	struct pl_job j = job_with("tp=2 dp=4", "tp: 0 4\ntp: 1 5\ntp: 2 6\ntp: 3 7\n"), copy;
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	struct pl_groups tp, dp;

	(void)state;
	pl_job_groups(&j, PL_FAMILY_TP, &tp);
	pl_job_groups(&j, PL_FAMILY_DP, &dp);
	assert_int_equal(pl_groups_rank(&tp, 0, 1), 4);
	assert_int_equal(pl_groups_rank(&dp, 0, 1), 2);
	assert_int_equal(job_blocks(&j, blocks), 1);
	pl_job_copy(&copy, &j);
	pl_job_fini(&j);
	pl_job_groups(&copy, PL_FAMILY_TP, &tp);
	assert_int_equal(pl_groups_rank(&tp, 0, 1), 4);
	pl_job_fini(&copy);
}

static void sizes_that_contradict_the_lists_are_refused(void **state)
{
	static const struct {
		const char *job, *groups, *says;
	} cases[] = {
		{ "tp=2 dp=2", "tp: 0 1\n", "make 4 ranks, the groups listed have 2" },
		{ "tp=2 dp=2", "tp: 0-3\n", "make tp groups of 2 ranks, the groups listed have 4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_group_lists *l = parse(cases[i].groups);
		struct pl_error err = { 0 };
		struct pl_job j;

		assert_int_equal(pl_job_parse(&j, cases[i].job, &err), 0);
		assert_int_equal(pl_job_take_lists(&j, l, &err), -1);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(j.lists);
		pl_group_lists_unref(l);
	}
}

/* Ranks whose labels say nothing are placed as well as those in the order of a generator. */
static void shuffled_labels_of_a_dump_cost_nothing(void **state)
{
	struct pl_topo *t = create_racks();
	struct strbuf dump = STRBUF_INIT;
	struct pl_job made, listed;
	struct pl_map_request request = { .topo = t, .job = &listed, .launcher = PL_FOR_MPI };
	struct pl_map_cost ordered;
	struct pl_rankmap *m;
	uint32_t pe[96];

	(void)state;
	assert_int_equal(pl_job_parse(&made, "tp=4 cp=2 pp=2 dp=6", NULL), 0);
	for (uint32_t i = 0; i < 96; i++)
		pe[i] = i;
	pl_map_cost(t, &made, pe, &ordered);
	dump_groups(&made, 29, &dump);
	listed = job_with("", strbuf_str(&dump));
	m = pl_rankmap_place(&request, NULL);
	assert_non_null(m);
	assert_true(m->baseline.step > 2 * ordered.step);
	assert_true(m->cost.step < 1.01 * ordered.step);
	pl_rankmap_destroy(m);
	pl_job_fini(&listed);
	strbuf_fini(&dump);
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(wrong_groups_are_refused_and_say_where),
	cmocka_unit_test(both_forms_say_the_same),
	cmocka_unit_test(a_job_from_its_own_dump_costs_what_it_cost),
	cmocka_unit_test(a_family_of_another_name_has_the_volume_that_is_written),
	cmocka_unit_test(a_partial_family_may_leave_ranks_out),
	cmocka_unit_test(lists_replace_what_sizes_would_make),
	cmocka_unit_test(shuffled_labels_of_a_dump_cost_nothing),
	cmocka_unit_test(sizes_that_contradict_the_lists_are_refused),
};

UNIT_MAIN(tests)
