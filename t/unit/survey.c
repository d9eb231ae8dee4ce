/* survey.c - tests of core/map/survey.h: facts become a machine */
#include "survey_import.h"

static struct pl_survey *create(void)
{
	struct pl_survey *s = pl_survey_create();

	survey_add_source(s, "test", "first.txt", 0);
	survey_add_source(s, "test", "second.txt", 86400);
	return s;
}

#define SET(s, name, field, text, what)                                                            \
	survey_set((s), survey_host((s), (name), strlen(name)),                                    \
		   &survey_host((s), (name), strlen(name))->field, (text), strlen(text), 0, (what))

static void set_domain(struct pl_survey *s, const char *host, const char *domain)
{
	SET(s, host, domain, domain, "NVLink domain");
}

/* The domains of hosts t0, t1, ...; NULL ends them. */
static void set_domains(struct pl_survey *s, const char *const *domains)
{
	for (int i = 0; domains[i] != NULL; i++) {
		char name[16];

		snprintf(name, sizeof(name), "t%d", i);
		set_domain(s, name, domains[i]);
	}
}

static void set_tier(struct pl_survey *s, const char *host, int tier, const char *name)
{
	SET(s, host, tier[tier], name, "switch");
}

static struct pl_topo *topo_of(struct pl_survey *s, uint32_t gpus)
{
	struct pl_error err = { 0 };
	struct pl_topo *t = pl_survey_topo(s, gpus, &err);

	if (t == NULL)
		fail_msg("%s", err.text);
	return t;
}

static uint32_t pe_of(const struct pl_topo *t, const char *host)
{
	size_t at = pl_hostlist_find(t->hosts, host);

	assert_int_not_equal(at, SIZE_MAX);
	return pl_topo_pe(t, at, 0);
}

static const char *between(const struct pl_topo *t, const char *a, const char *b)
{
	return t->levels[pl_topo_common_level(t, pe_of(t, a), pe_of(t, b))].name;
}

static void assert_counts(const struct pl_topo *t, const char *expected)
{
	struct strbuf counts = STRBUF_INIT;

	pl_topo_format_counts(t, &counts);
	assert_string_equal(strbuf_str(&counts), expected);
	strbuf_fini(&counts);
}

static void destroy(struct pl_survey *s, struct pl_topo *t)
{
	pl_topo_destroy(t);
	pl_survey_destroy(s);
}

static void nothing_known_is_no_machine(void **state)
{
	struct pl_survey *s = create();
	struct pl_error err = { 0 };

	(void)state;
	assert_null(pl_survey_topo(s, 4, &err));
	assert_says(err.text, "name no host");
	survey_host(s, "a", 1)->n_gpus.n = 8;
	survey_host(s, "b", 1);
	assert_null(pl_survey_topo(s, 0, &err));
	assert_says(err.text, "how many GPUs b has: say --gpus-per-host");
	destroy(s, NULL);
}

static void a_tree_of_nothing_is_one_flat_level_in_the_order_named(void **state)
{
	struct pl_survey *s = create();
	struct pl_topo *t;

	(void)state;
	survey_host(s, "n9.site.example", 15);
	survey_host(s, "n2", 2);
	t = topo_of(s, 4);
	assert_int_equal(t->n_levels, 2);
	assert_string_equal(pl_hostlist_name(t->hosts, 0), "n9");
	assert_string_equal(between(t, "n2", "n9"), "network");
	assert_int_equal(notes_with(s, "one flat network"), 1);
	assert_string_equal(t->source, "first.txt (test), second.txt (test of 1970-01-02 00:00 "
				       "UTC)");
	destroy(s, t);
}

/* Racks of 3, 1 and 2 trays, named in turn; the first two on one leaf. */
static struct pl_survey *create_uneven(void)
{
	static const char *const where[][3] = {
		{ "a1", "A", "leaf1" }, { "b1", "B", "leaf1" }, { "c1", "C", "leaf2" },
		{ "a2", "A", "leaf1" }, { "c2", "C", "leaf2" }, { "a3", "A", "leaf1" },
	};
	struct pl_survey *s = create();

	for (size_t i = 0; i < 6; i++) {
		set_domain(s, where[i][0], where[i][1]);
		set_tier(s, where[i][0], 0, where[i][2]);
		set_tier(s, where[i][0], 1, "spine1,spine2");
		survey_host(s, where[i][0], 2)->n_gpus.n = 4;
	}
	return s;
}

static void units_of_different_sizes_make_a_tree(void **state)
{
	struct pl_survey *s = create_uneven();
	struct pl_topo *t = topo_of(s, 0);
	char *order = pl_hostlist_join(t->hosts, " ");

	(void)state;
	assert_string_equal(order, "a1 a2 a3 b1 c1 c2");
	free(order);
	assert_int_equal(t->n_levels, 4);
	assert_string_equal(between(t, "a1", "a3"), "domain");
	assert_string_equal(between(t, "a3", "b1"), "leaf");
	assert_string_equal(between(t, "b1", "c1"), "spine");
	assert_int_equal(pl_topo_units(t, 1), 3);
	assert_int_equal(pl_topo_units(t, 2), 2);
	assert_int_equal(t->levels[1].count, 3);
	assert_int_equal(t->span[1], 12);
	assert_int_equal(pl_topo_unit_index(t, pe_of(t, "c2"), 1), 2);
	assert_int_equal(pl_topo_unit_index(t, pe_of(t, "c2"), 0), 5);
	assert_int_equal(t->domain_level, 1);
	assert_int_equal(t->host_level, 0);
	assert_counts(t, "6 hosts, 24 GPUs, 3 NVLink domains");
	assert_int_equal(s->n_notes, 0);
	destroy(s, t);
}

static void keys_grow_with_the_pe_and_units_match_them(void **state)
{
	struct pl_survey *s = create_uneven();
	struct pl_topo *t = topo_of(s, 0);

	(void)state;
	for (uint32_t pe = 1; pe < t->n_pes; pe++) {
		assert_true(t->key[pe] > t->key[pe - 1]);
		for (size_t level = 0; level < t->n_levels; level++)
			assert_int_equal(pl_topo_unit(t, pe, level) ==
						 pl_topo_unit(t, pe - 1, level),
					 pl_topo_unit_index(t, pe, level) ==
						 pl_topo_unit_index(t, pe - 1, level));
	}
	destroy(s, t);
}

static void a_tray_with_fewer_gpus_lacks_them(void **state)
{
	struct pl_survey *s = create_uneven();
	struct pl_topo *t;
	struct pl_error err = { 0 };

	(void)state;
	survey_host(s, "a2", 2)->n_gpus.n = 3;
	survey_gpu(survey_host(s, "b1", 2), 1, 0)->health = PL_HEALTH_BAD;
	t = topo_of(s, 0);
	assert_counts(t, "6 hosts, 23 GPUs, 3 NVLink domains, 1 GPU unusable");
	assert_int_equal(t->unusable[pe_of(t, "a2") + 3], PL_TOPO_MISSING);
	assert_int_equal(t->unusable[pe_of(t, "b1") + 1], PL_TOPO_UNUSABLE);
	assert_int_equal(notes_with(s, "b1: GPU 1 is unusable: reported as not healthy"), 1);
	assert_int_equal(pl_topo_mark_unusable(t, "a2,c1:0", &err), 0);
	assert_counts(t, "6 hosts, 23 GPUs, 3 NVLink domains, 5 GPUs unusable");
	assert_int_equal(t->n_unusable, 6);
	destroy(s, t);
}

static void a_host_without_a_leaf_stays_by_itself_and_is_named(void **state)
{
	struct pl_survey *s = create();
	struct pl_topo *t;

	(void)state;
	set_tier(s, "n1", 0, "leaf1");
	survey_host(s, "lost", 4);
	set_tier(s, "n2", 0, "leaf1");
	t = topo_of(s, 8);
	assert_string_equal(between(t, "n1", "n2"), "leaf");
	assert_string_equal(between(t, "n1", "lost"), "network");
	assert_int_equal(notes_with(s, "1 of 3 hosts has no leaf switch that a source knows: "
					 "lost"), 1);
	destroy(s, t);
}

static void leaves_that_share_a_spine_are_one_group(void **state)
{
	struct pl_survey *s = create();
	struct pl_topo *t;

	(void)state;
	for (int leaf = 0; leaf < 4; leaf++) {
		static const char *const spines[] = { "s1,s2", "s2,s3", "s4,s5", "s5" };
		char name[16], on[16];

		for (int i = 0; i < 2; i++) {
			snprintf(name, sizeof(name), "n%d", 2 * leaf + i);
			snprintf(on, sizeof(on), "leaf%d", leaf);
			set_tier(s, name, 0, on);
			set_tier(s, name, 1, spines[leaf]);
		}
	}
	t = topo_of(s, 8);
	assert_string_equal(between(t, "n0", "n1"), "leaf");
	assert_string_equal(between(t, "n0", "n3"), "spine");
	assert_string_equal(between(t, "n4", "n6"), "spine");
	assert_string_equal(between(t, "n0", "n4"), "network");
	assert_int_equal(notes_with(s, "2 trees of switches that nothing joins"), 1);
	destroy(s, t);
}

static void a_domain_on_two_leaves_joins_them_and_says_so(void **state)
{
	struct pl_survey *s = create();
	struct pl_topo *t;

	(void)state;
	set_domains(s, (const char *const[]){ "A", "A", "A", "B", NULL });
	for (int i = 0; i < 4; i++)
		set_tier(s, s->hosts[i].name, 0, i < 2 ? "leaf1" : "leaf2");
	t = topo_of(s, 4);
	assert_string_equal(between(t, "t0", "t2"), "domain");
	assert_string_equal(between(t, "t0", "t3"), "leaf");
	assert_int_equal(notes_with(s, "below leaf switch leaf1 and leaf2"), 1);
	destroy(s, t);
}

static void equal_cliques_of_different_clusters_stay_apart(void **state)
{
	struct pl_survey *s = create();
	struct pl_topo *t;

	(void)state;
	set_domains(s, (const char *const[]){ "1111-aa.32766", "1111-aa.32766", "2222-bb.32766",
					      "2222-bb.32766", NULL });
	t = topo_of(s, 4);
	assert_int_equal(pl_topo_units(t, 1), 2);
	assert_string_equal(between(t, "t0", "t1"), "domain");
	assert_string_equal(between(t, "t1", "t2"), "network");
	destroy(s, t);
}

static void contradictions_are_told_in_words(void **state)
{
	struct pl_survey *s = create();
	struct pl_survey_host *host;
	struct pl_topo *t;

	(void)state;
	set_domain(s, "a", "D1");
	SET(s, "a", chassis, "serial1", "rack");
	set_domain(s, "b", "D1");
	SET(s, "b", chassis, "serial2", "rack");
	set_domain(s, "c", "D2");
	SET(s, "c", chassis, "serial2", "rack");
	host = survey_host(s, "c", 1);
	survey_set(s, host, &host->chassis, "serial3", 7, 1, "rack");
	survey_set(s, survey_host(s, "b", 1), &survey_host(s, "b", 1)->chassis, "serial4", 7, 1,
		   "rack");
	host = survey_host(s, "c", 1);
	survey_set_count(s, host, &host->n_gpus, 4, 0, "GPUs");
	survey_set_count(s, host, &host->n_gpus, 8, 1, "GPUs");
	t = topo_of(s, 4);
	assert_int_equal(notes_with(s, "rack: serial2 by first.txt and serial4 by second.txt share "
				       "b, but not c: they contradict each other"), 1);
	assert_int_equal(notes_with(s, "serial2 by first.txt and serial3 by second.txt share c, but "
				       "not b"), 1);
	assert_int_equal(notes_with(s, "c: 4 GPUs by first.txt, and 8 by second.txt"), 1);
	assert_int_equal(notes_with(s, "NVLink domain D1 is in two of a rack, serial1 (a) and "
					 "serial2 (b)"), 1);
	assert_int_equal(notes_with(s, "rack serial2 is in two of a NVLink domain, D1 (b) and D2 "
					 "(c): the rack is split into cliques"), 1);
	destroy(s, t);
}

static void bandwidths_count_where_every_level_has_one(void **state)
{
	struct pl_survey *s = create_uneven();
	struct pl_topo *t;

	(void)state;
	s->nvlink_gbyte_s = 900;
	t = topo_of(s, 0);
	assert_false(t->by_bandwidth);
	assert_true(t->levels[1].bandwidth_gbyte_s == 900 && t->levels[2].bandwidth_gbyte_s == 0);
	assert_true(t->levels[1].distance == 1 && t->levels[2].distance == 10);
	pl_topo_destroy(t);
	s->fabric_gbyte_s = 100;
	t = topo_of(s, 0);
	assert_true(t->by_bandwidth && t->levels[2].distance == 9);
	destroy(s, t);
}

static void host_units_that_are_no_tree_are_refused(void **state)
{
	static const uint32_t inner[][4] = { { 0, 1, 0, 1 }, { 0, 0, 0, 1 }, { 0, 0, 1, 1 } };
	static const uint32_t outer[][4] = { { 0, 0, 0, 0 }, { 0, 1, 1, 1 }, { 0, 0, 1, 1 } };
	static const char *const words[] = { "must follow each other: n3", ("n1 and n2 are in one "
					     "'rack' but not in one 'net'"), "'net' has 2 units" };
	struct pl_topo_level levels[] = { { .name = "host", .count = 4, .distance = 1 },
					  { .name = "rack", .distance = 2 },
					  { .name = "net", .distance = 3 } };
	struct pl_hostlist *hosts = pl_hostlist_parse("n[1-4]", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const uint32_t *units[] = { NULL, inner[i], outer[i] };
		struct pl_topo_spec spec = { .hosts = hosts, .gpus_per_host = 4, .levels = levels,
					     .n_levels = 3, .host_units = units };
		struct pl_error err = { 0 };

		assert_null(pl_topo_create(&spec, &err));
		assert_says(err.text, words[i]);
	}
	pl_hostlist_destroy(hosts);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_known_is_no_machine),
	cmocka_unit_test(a_tree_of_nothing_is_one_flat_level_in_the_order_named),
	cmocka_unit_test(units_of_different_sizes_make_a_tree),
	cmocka_unit_test(keys_grow_with_the_pe_and_units_match_them),
	cmocka_unit_test(a_tray_with_fewer_gpus_lacks_them),
	cmocka_unit_test(a_host_without_a_leaf_stays_by_itself_and_is_named),
	cmocka_unit_test(leaves_that_share_a_spine_are_one_group),
	cmocka_unit_test(a_domain_on_two_leaves_joins_them_and_says_so),
	cmocka_unit_test(equal_cliques_of_different_clusters_stay_apart),
	cmocka_unit_test(contradictions_are_told_in_words),
	cmocka_unit_test(bandwidths_count_where_every_level_has_one),
	cmocka_unit_test(host_units_that_are_no_tree_are_refused),
};

UNIT_MAIN(tests)
