/* topo.c - tests of core/map/topo.h */
#include "unit.h"

#include "base/mem.h"
#include "map/topo.h"

/* 3 racks of 18 trays of 4 GPUs, two racks to an SU: the last SU is half filled. */
static const struct pl_topo_level levels[] = {
	{ .name = "tray", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
	{ .name = "rack", .count = 18, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
	{ .name = "su", .count = 2, .bandwidth_gbyte_s = 100, .switches = 4 },
	{ .name = "fabric",
	  .count = 2,
	  .bandwidth_gbyte_s = 100,
	  .oversubscription = 4,
	  .switches = 3 },
};

static struct pl_topo_spec racks_spec(const struct pl_hostlist *hosts)
{
	return (struct pl_topo_spec){ .name = "racks",
		                      .hosts = hosts,
		                      .gpus_per_host = 4,
		                      .adapters_per_host = 4,
		                      .levels = levels,
		                      .n_levels = ARRAY_LEN(levels) };
}

static struct pl_topo *create_racks(void)
{
	struct pl_hostlist *hosts = pl_hostlist_parse("r[1-3]t[01-18]", NULL, NULL);
	struct pl_topo_spec spec = racks_spec(hosts);
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

static void assert_refused(const struct pl_topo_spec *spec, const char *word)
{
	struct pl_error err = { 0 };

	assert_null(pl_topo_create(spec, &err));
	assert_int_equal(err.code, PL_EUSAGE);
	assert_says(err.text, word);
}

static void a_machine_that_cannot_be_is_refused(void **state)
{
	struct pl_hostlist *hosts = pl_hostlist_parse("r[1-3]t[01-18]", NULL, NULL);
	struct pl_topo_level broken[ARRAY_LEN(levels)];
	struct pl_topo_spec spec = racks_spec(NULL);

	(void)state;
	assert_refused(&spec, "no hosts");
	spec = racks_spec(hosts);
	spec.n_levels = 0;
	assert_refused(&spec, "0 levels");
	spec = racks_spec(hosts);
	spec.gpus_per_host = 3;
	assert_refused(&spec, "host of 3 GPUs is no unit");
	spec = racks_spec(hosts);
	spec.n_levels = 2;
	assert_refused(&spec, "the levels hold 72 GPUs");
	memcpy(broken, levels, sizeof(levels));
	spec = racks_spec(hosts);
	spec.levels = broken;
	broken[1].count = 0;
	assert_refused(&spec, "'rack' has no count");
	broken[1].count = 18;
	broken[2].bandwidth_gbyte_s = 0;
	assert_refused(&spec, "'su' has no bandwidth");
	broken[2].bandwidth_gbyte_s = 100;
	broken[3].oversubscription = 0.5;
	assert_refused(&spec, "oversubscription 0.5");
	broken[3].oversubscription = 1;
	broken[0].name = NULL;
	assert_refused(&spec, "level 1 has no name");
	pl_hostlist_destroy(hosts);
}

static void pe_numbers_count_the_whole_machine_in_host_order(void **state)
{
	struct pl_topo *t = create_racks();

	(void)state;
	assert_int_equal(t->n_pes, 216);
	assert_int_equal(pl_topo_pe(t, pl_hostlist_find(t->hosts, "r2t01"), 3), 75);
	assert_int_equal(pl_topo_pe(t, 54, 0), UINT32_MAX);
	assert_int_equal(pl_topo_pe(t, 0, 4), UINT32_MAX);
	for (uint32_t pe = 0; pe < t->n_pes; pe++)
		assert_int_equal(pl_topo_pe(t, pl_topo_host(t, pe), pl_topo_gpu(t, pe)), pe);
	pl_topo_destroy(t);
}

/* By division, as the levels are defined. */
static int slow_common_level(const struct pl_topo *t, uint32_t a, uint32_t b)
{
	uint32_t span = 1;

	if (a == b)
		return -1;
	for (size_t i = 0; i < t->n_levels; i++) {
		span *= t->levels[i].count;
		if (a / span == b / span)
			return (int)i;
	}
	return 99;
}

static void the_common_level_agrees_with_division_for_every_pair(void **state)
{
	struct pl_topo *t = create_racks();

	(void)state;
	for (uint32_t a = 0; a < t->n_pes; a++) {
		for (uint32_t b = 0; b < t->n_pes; b++)
			assert_int_equal(pl_topo_common_level(t, a, b), slow_common_level(t, a, b));
	}
	pl_topo_destroy(t);
}

static void the_nvlink_domain_is_the_outermost_nvlink_level(void **state)
{
	struct pl_topo *t = create_racks(), *tree = pl_topo_parse_tree("4:2:2", "1:2:10", NULL);

	(void)state;
	assert_int_equal(t->domain_level, 1);
	assert_int_equal(t->host_level, 0);
	assert_int_equal(tree->domain_level, 1);
	pl_topo_destroy(t);
	pl_topo_destroy(tree);
}

static void counts_name_what_is_known_and_nothing_else(void **state)
{
	struct pl_topo *t = create_racks(), *tree = pl_topo_parse_tree("4:2", "1:3", NULL);
	struct strbuf out = STRBUF_INIT;

	(void)state;
	pl_topo_format_counts(t, &out);
	/* two SUs, one of them half filled, and the fabric */
	assert_string_equal(out.s,
	                    "54 hosts, 216 GPUs, 3 NVLink domains, 11 switches, 216 adapters");
	strbuf_reset(&out);
	pl_topo_format_counts(tree, &out);
	assert_string_equal(out.s, "2 hosts, 8 GPUs");
	strbuf_fini(&out);
	pl_topo_destroy(t);
	pl_topo_destroy(tree);
}

static void unusable_gpus_are_marked_by_host_set_and_range(void **state)
{
	struct pl_topo *t = create_racks();
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(pl_topo_mark_unusable(t, "r1t02:1,r[2-3]t[01,04]:2-3,r3t18", NULL), 0);
	assert_int_equal(t->n_unusable, 1 + 8 + 4);
	assert_true(t->unusable[pl_topo_pe(t, 1, 1)]);
	assert_false(t->unusable[pl_topo_pe(t, 1, 2)]);
	assert_true(t->unusable[215]);
	assert_int_equal(pl_topo_mark_unusable(t, "r1t02:1", NULL), 0);
	assert_int_equal(t->n_unusable, 13);
	pl_topo_format_counts(t, &out);
	assert_non_null(strstr(out.s, ", 13 GPUs unusable"));
	strbuf_fini(&out);
	pl_topo_destroy(t);
}

static void a_wrong_mask_marks_nothing(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "r1t01:0,r9t01", "r9t01 is no host" }, { "r1t01:0,r1t02:4", "from 0 to 3" },
		{ "r1t01:0,r1t02:3-1", "from 0 to 3" },  { "r1t01:0,r1t02:x", "from 0 to 3" },
		{ "r1t01:0,r[1t02", "unusable" },
	};
	struct pl_topo *t = create_racks();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_int_equal(pl_topo_mark_unusable(t, cases[i].text, &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(t->n_unusable, 0);
	}
	pl_topo_destroy(t);
}

static void a_tree_of_numbers_is_a_machine(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("4:18:7:20", "1:3:10:30", NULL);

	(void)state;
	assert_int_equal(t->n_pes, 10080);
	assert_int_equal(t->gpus_per_host, 4);
	assert_int_equal(pl_topo_common_level(t, 0, 71), 1);
	assert_true(t->levels[3].distance == 30);
	pl_topo_destroy(t);
}

static void a_tree_that_is_none_is_refused(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },         { "4:", "1:2" },
		{ "4:0", "1:2" },   { "4:18", "1" },
		{ "4:x", "1:2" },   { "4:2.5", "1:2" },
		{ "4:18", "1:-3" }, { "4:9999999", "1:2" },
		{ "4:18 ", "1:2" }, { "1:1:1:1:1:1:1:1:1", "1:1:1:1:1:1:1:1:1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_null(pl_topo_parse_tree(cases[i][0], cases[i][1], &err));
		assert_int_equal(err.code, PL_EUSAGE);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_machine_that_cannot_be_is_refused),
	cmocka_unit_test(pe_numbers_count_the_whole_machine_in_host_order),
	cmocka_unit_test(the_common_level_agrees_with_division_for_every_pair),
	cmocka_unit_test(the_nvlink_domain_is_the_outermost_nvlink_level),
	cmocka_unit_test(counts_name_what_is_known_and_nothing_else),
	cmocka_unit_test(unusable_gpus_are_marked_by_host_set_and_range),
	cmocka_unit_test(a_wrong_mask_marks_nothing),
	cmocka_unit_test(a_tree_of_numbers_is_a_machine),
	cmocka_unit_test(a_tree_that_is_none_is_refused),
};

UNIT_MAIN(tests)
