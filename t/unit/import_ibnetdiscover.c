/* import_ibnetdiscover.c - tests of core/map/import_ibnetdiscover.c: real output of
 * ibnetdiscover on a simulated fabric (ibsim), a sample, and small fabrics with one trap each. */
#include "survey_import.h"

/* A fabric as text: switch and adapter sections, GUIDs from names. */
static void add_switch(struct strbuf *out, const char *id, const char *desc)
{
	strbuf_addf(out, "\nSwitch\t64 \"S-%s\"\t\t# \"%s\" base port 0 lid 3 lmc 0\n", id, desc);
}

static void add_adapter(struct strbuf *out, unsigned port, const char *id, const char *desc)
{
	strbuf_addf(out, "[%u]\t\"H-%s\"[1](%s) \t\t# \"%s\" lid 9 4xNDR\n", port, id, id, desc);
}

static void add_link(struct strbuf *out, unsigned port, const char *id, const char *desc)
{
	strbuf_addf(out, "[%u]\t\"S-%s\"[7]\t\t# \"%s\" lid 4 4xNDR\n", port, id, desc);
}

static struct pl_survey *survey_of_fabric(struct strbuf *text)
{
	struct pl_survey *s = survey_of("ibnetdiscover", NULL, strbuf_str(text));

	strbuf_fini(text);
	return s;
}

static struct pl_survey *two_su(void)
{
	char *text = fixture_text("ibnetdiscover-two-su.txt");
	struct pl_survey *s = survey_of(NULL, NULL, text);

	free(text);
	return s;
}

static void what_is_no_fabric_is_refused_with_the_line(void **state)
{
	(void)state;
	assert_refused_import("ibnetdiscover", NULL, "", "in:1: no switch and no adapter");
	assert_refused_import("ibnetdiscover", NULL, "# hello\n\n", "no switch and no adapter");
	assert_refused_import("ibnetdiscover", NULL, "vendid=0x1\nhello\n", "in:2: neither");
	assert_refused_import("ibnetdiscover", NULL, "[1]\t\"S-1\"[2]\n", "in:1: a port before");
	assert_refused_import("ibnetdiscover", NULL, "Switch many \"S-1\"\n", "number of ports");
	assert_refused_import("ibnetdiscover", NULL, "Switch\t2 \"S-1\"\n[1]\t\"H-2\n",
			      "in:2: a port is written");
	assert_refused_import("ibnetdiscover", NULL, "Switch\t2 \"S-1\"\n[99999999999]\t\"H-2\"[1]\n",
			      "in:2: a port is written");
}

static void a_nul_byte_is_refused(void **state)
{
	static const char text[] = "Switch\t2 \"S-1\"\n[1]\t\"H-2\0\"[1]\n";
	struct pl_survey *s = pl_survey_create();
	struct pl_error err = { 0 };

	(void)state;
	assert_int_equal(import_bytes(s, "ibnetdiscover", NULL, text, sizeof(text) - 1, &err), -1);
	assert_says(err.text, "in:2: a NUL byte");
	pl_survey_destroy(s);
}

static void a_real_fabric_has_rails_leaves_and_spines(void **state)
{
	struct pl_survey *s = two_su();
	struct pl_survey_host *host = host_named(s, "r001t02");

	(void)state;
	assert_int_equal(s->n_hosts, 8);
	assert_int_equal(s->n_switches, 6);
	assert_int_equal(host->n_adapters.n, 2);
	assert_int_equal(host->n_rails, 2);
	assert_string_equal(host->rails[0].text, "leaf-s1-r0");
	assert_string_equal(host->rails[1].text, "leaf-s1-r1");
	assert_string_equal(host->tier[0].text, "leaf-s1-r0");
	/* two links to each spine are two spines still */
	assert_string_equal(host->tier[1].text, "spine-[1-2]");
	assert_null(host->tier[2].text);
	assert_string_equal(host->fabric.text, "infiniband");
	assert_string_equal(s->sources[0].format, "ibnetdiscover");
	pl_survey_destroy(s);
}

static void an_aggregation_node_is_no_host(void **state)
{
	struct pl_survey *s = two_su();

	(void)state;
	assert_int_equal(notes_with(s, "Aggregation"), 0);
	for (size_t i = 0; i < s->n_hosts; i++)
		assert_int_equal(s->hosts[i].name[0], 'r');
	pl_survey_destroy(s);
}

static void an_adapter_with_the_firmwares_description_is_listed_as_unnamed(void **state)
{
	struct pl_survey *s = two_su();

	(void)state;
	assert_note(s, "adapter H-000000000010001e on leaf-s2-r1 port 9 is unnamed (\"MT4129 "
		       "ConnectX7");
	pl_survey_destroy(s);
}

static void a_host_with_fewer_adapters_than_its_peers_is_told(void **state)
{
	struct pl_survey *s = two_su();
	struct pl_survey_host *host = host_named(s, "r002t04");

	(void)state;
	assert_note(s, "r002t04 has 1 of the 2 adapters that its peers have: mlx5_3 is missing");
	assert_int_equal(host->n_rails, 2);
	assert_null(host->rails[1].text);
	assert_string_equal(host->tier[0].text, "leaf-s2-r0");
	pl_survey_destroy(s);
}

static void swapped_rails_are_told_and_move_no_host(void **state)
{
	struct pl_survey *s = two_su();
	struct pl_survey_host *host = host_named(s, "r002t01");

	(void)state;
	assert_note(s, "r002t01: rails 0 and 1 are swapped: mlx5_0 is on leaf-s2-r1");
	assert_int_equal(notes_with(s, "swapped"), 1);
	assert_string_equal(host->rails[0].text, "leaf-s2-r1");
	assert_string_equal(host->tier[0].text, "leaf-s2-r0");
	pl_survey_destroy(s);
}

static void swapped_rails_are_those_of_the_machines_gpus(void **state)
{
	struct pl_survey *s = two_su();
	struct strbuf rails = STRBUF_INIT;
	struct pl_error err = { 0 };
	struct pl_topo *t = pl_survey_topo(s, 4, &err);

	(void)state;
	if (t == NULL)
		fail_msg("%s", err.text);
	pl_topo_format_rails(t, &rails);
	assert_string_equal(strbuf_str(&rails), "r002t01:1/1/0/0"); /* two rails for four GPUs */
	strbuf_fini(&rails);
	pl_topo_destroy(t);
	pl_survey_destroy(s);
}

static void a_host_on_a_spine_makes_it_no_leaf(void **state)
{
	struct pl_survey *s = two_su();

	(void)state;
	assert_note(s, "ufm01 is left out: it is on spine-1, a switch above the leaves");
	pl_survey_destroy(s);
}

static void a_lone_adapter_is_a_host_with_a_word(void **state)
{
	char *text = sample_text("topograph/ibnetdiscover-bad.out");
	struct pl_survey *s = survey_of(NULL, NULL, text);

	(void)state;
	assert_int_equal(s->n_hosts, 1);
	assert_string_equal(s->hosts[0].name, "dgx-gb200-n01-c1");
	assert_int_equal(s->hosts[0].n_adapters.n, 1);
	assert_null(s->hosts[0].tier[0].text);
	assert_note(s, "in:10: HCA-1 of dgx-gb200-n01-c1 is connected to nothing");
	pl_survey_destroy(s);
	free(text);
}

static void every_style_of_description_names_its_host(void **state)
{
	static const char *const named[] = { "n1 mlx5_5", "n2 HCA-6", "'n3' HCA-1", "n4",
					     "n5.cluster.example mlx5_0", "MT1234 mlx5_0" };
	static const char *const unnamed[] = { "",	    "MT4129 ConnectX7   Mellanox Technologies",
					       "localhost mlx5_0", "(none) mlx5_0",
					       "ConnectX-7 HCA",   "n1 mlx5_0 and more" };
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;
	char id[17];

	(void)state;
	add_switch(&text, "0000000000000001", "MF0;leaf:MQM9700/U1");
	for (unsigned i = 0; i < ARRAY_LEN(named) + ARRAY_LEN(unnamed); i++) {
		snprintf(id, sizeof(id), "%016x", 100 + i);
		add_adapter(&text, 1 + i, id,
			    i < ARRAY_LEN(named) ? named[i] : unnamed[i - ARRAY_LEN(named)]);
	}
	s = survey_of_fabric(&text);
	assert_int_equal(s->n_hosts, ARRAY_LEN(named));
	host_named(s, "n3");
	host_named(s, "n5");
	host_named(s, "MT1234");
	assert_int_equal(notes_with(s, "is unnamed"), ARRAY_LEN(unnamed));
	pl_survey_destroy(s);
}

static void rails_may_be_subnets_of_their_own_in_one_source(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "01", "MF0;l0:M/U1");
	add_adapter(&text, 1, "11", "n1 mlx5_0");
	add_adapter(&text, 2, "21", "n2 mlx5_0");
	add_switch(&text, "02", "MF0;l1:M/U1");
	add_adapter(&text, 1, "12", "n1 mlx5_1");
	add_adapter(&text, 2, "22", "n2 mlx5_1");
	s = survey_of_fabric(&text);
	assert_note(s, "2 subnets that no link joins; 2 of 2 hosts are in several: rails are");
	assert_string_equal(host_named(s, "n2")->rails[1].text, "l1");
	assert_null(host_named(s, "n2")->tier[1].text);
	pl_survey_destroy(s);
}

static void a_source_for_each_rail_adds_rails_and_contradicts_nothing(void **state)
{
	static const char *const rails[] = { "leaf-a", "leaf-b" };
	struct pl_survey *s = pl_survey_create();

	(void)state;
	for (int rail = 0; rail < 2; rail++) {
		struct strbuf text = STRBUF_INIT;
		char desc[32];

		add_switch(&text, rails[rail], rails[rail]);
		snprintf(desc, sizeof(desc), "n1 mlx5_%d", rail);
		add_adapter(&text, 1, rails[rail], desc);
		assert_int_equal(import_bytes(s, NULL, NULL, strbuf_str(&text), text.len, NULL), 0);
		strbuf_fini(&text);
	}
	survey_settle_nets(s);
	assert_int_equal(s->n_notes, 0);
	assert_int_equal(s->n_switches, 2);
	assert_int_equal(s->hosts[0].n_adapters.n, 2);
	assert_int_equal(s->hosts[0].n_rails, 2);
	assert_string_equal(s->hosts[0].rails[1].text, "leaf-b");
	assert_string_equal(s->hosts[0].tier[0].text, "leaf-a");
	pl_survey_destroy(s);
}

static void the_same_source_twice_says_nothing_new(void **state)
{
	char *text = fixture_text("ibnetdiscover-two-su.txt");
	struct pl_survey *s = survey_of(NULL, NULL, text);
	size_t n_notes = s->n_notes;

	(void)state;
	assert_int_equal(import_bytes(s, NULL, NULL, text, strlen(text), NULL), 0);
	assert_int_equal(s->n_hosts, 8);
	assert_int_equal(s->n_switches, 6);
	assert_int_equal(host_named(s, "r001t01")->n_adapters.n, 2);
	/* what is odd about the fabric is told again, no contradiction is */
	assert_int_equal(s->n_notes, 2 * n_notes);
	assert_int_equal(notes_with(s, "the first is taken"), 0);
	pl_survey_destroy(s);
	free(text);
}

/* Two pods of two leaves and a spine each, and a core above. */
static void three_tiers_nest(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	for (int leaf = 0; leaf < 4; leaf++) {
		char id[16], host[24], spine[16];

		snprintf(id, sizeof(id), "leaf%d", leaf);
		snprintf(host, sizeof(host), "n%d HCA-1", leaf);
		snprintf(spine, sizeof(spine), "spine%d", leaf / 2);
		add_switch(&text, id, id);
		add_adapter(&text, 1, host, host);
		add_link(&text, 2, spine, spine);
	}
	add_switch(&text, "core0", "core0");
	add_link(&text, 1, "spine0", "spine0");
	add_link(&text, 2, "spine1", "spine1");
	s = survey_of_fabric(&text);
	assert_string_equal(host_named(s, "n1")->tier[0].text, "leaf1");
	assert_string_equal(host_named(s, "n1")->tier[1].text, "spine0");
	assert_string_equal(host_named(s, "n3")->tier[1].text, "spine1");
	assert_string_equal(host_named(s, "n1")->tier[2].text, "core0");
	assert_string_equal(host_named(s, "n3")->tier[2].text, "core0");
	assert_int_equal(s->n_switches, 7);
	pl_survey_destroy(s);
}

/* Sets of switches are written with commas elsewhere: no name here may look like one. */
static void names_of_switches_and_groups_hold_no_comma(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "01", "leaf,1");
	add_adapter(&text, 1, "11", "n1 HCA-1");
	add_link(&text, 2, "02", "spine-1");
	add_link(&text, 3, "03", "spine-3");
	s = survey_of_fabric(&text);
	assert_string_equal(host_named(s, "n1")->tier[0].text, "leaf_1");
	assert_string_equal(host_named(s, "n1")->tier[1].text, "spine-1 and 1 more");
	pl_survey_destroy(s);
}

static void switches_of_one_name_are_told_apart(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "01", "MF0;dir:CS7500/L01/U1");
	add_adapter(&text, 1, "11", "n1 HCA-1");
	add_switch(&text, "02", "MF0;dir:CS7500/L02/U1");
	add_adapter(&text, 1, "12", "n2 HCA-1");
	add_switch(&text, "03", "Quantum Mellanox Technologies");
	add_adapter(&text, 1, "13", "n3 HCA-1");
	add_switch(&text, "04", "same");
	add_adapter(&text, 1, "14", "n4 HCA-1");
	add_switch(&text, "05", "same");
	add_adapter(&text, 1, "15", "n5 HCA-1");
	s = survey_of_fabric(&text);
	assert_string_equal(host_named(s, "n1")->tier[0].text, "dir:CS7500/L01/U1");
	assert_string_equal(host_named(s, "n2")->tier[0].text, "dir:CS7500/L02/U1");
	assert_string_equal(host_named(s, "n3")->tier[0].text, "S-03");
	assert_string_equal(host_named(s, "n4")->tier[0].text, "same S-04");
	assert_string_equal(host_named(s, "n5")->tier[0].text, "same S-05");
	pl_survey_destroy(s);
}

/* GPU hosts use adapters 0, 3, 4; storage hosts others: rails are counted for each kind. */
static void kinds_of_hosts_number_their_rails_apart(void **state)
{
	static const char *const descs[] = { "g1 mlx5_0",  "g1 mlx5_3",	 "g1 mlx5_10", "g2 mlx5_0",
					     "g2 mlx5_3",  "g2 mlx5_10", "s1 mlx5_1",  "s1 mlx5_2",
					     "g3 mlx5_10", "g3 mlx5_0",	 "g3 mlx5_3" };
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "01", "l");
	for (unsigned i = 0; i < ARRAY_LEN(descs); i++)
		add_adapter(&text, i + 1, descs[i], descs[i]);
	s = survey_of_fabric(&text);
	assert_int_equal(s->n_notes, 0);
	assert_int_equal(host_named(s, "g3")->n_rails, 3);
	assert_int_equal(host_named(s, "s1")->n_rails, 2);
	assert_string_equal(host_named(s, "g3")->rails[2].text, "l");
	assert_string_equal(host_named(s, "s1")->rails[0].text, "l");
	pl_survey_destroy(s);
}

static void the_speed_is_the_usual_one_and_slow_links_are_told(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "01", "l");
	add_adapter(&text, 1, "11", "n1 HCA-1");
	add_adapter(&text, 2, "12", "n2 HCA-1");
	strbuf_adds(&text, "[3]\t\"H-13\"[1](13) \t\t# \"n3 HCA-1\" lid 9 4xHDR s=4 w=2\n");
	strbuf_adds(&text, "[4]\t\"H-14\"[1](14) \t\t# \"n4 HCA-1\" lid 9 4x???\n");
	s = survey_of_fabric(&text);
	assert_true(s->fabric_gbyte_s == 50);
	assert_note(s, "1 adapters run slower than the others' 50 GB/s, as HCA-1 of n3 with 25");
	pl_survey_destroy(s);
}

static void grouped_output_and_complaints_in_it_are_read(void **state)
{
	struct pl_survey *s = survey_of(
		"ibnetdiscover", NULL,
		"ibwarn: [1] _do_madrpc: recv failed\n"
		"Chassis 1 (guid 0x8f10400410015)\n\n# Spine Nodes\n"
		"Switch\t24 \"S-0a\"\t\t# \"sp\" base port 0 lid 6 lmc 0\r\n"
		"[13][ext 1]\t\"S-0b\"[1][ext 2]\t\t# \"lf\" lid 2 4xEDR s=2 w=2 v=4\n"
		"Rt\t2 \"R-0c\"\t\t# \"router\"\n[1](77) \t\"S-0a\"[3]\t\t# lid 1 lmc 0 \"sp\" lid 6 4xEDR\n"
		"Ca\t1 \"H-0d\"\t\t# \"say \"n1\" HCA-1\"\n"
		"Ca\t1 \"H-0e\"\t\t# \"n2 HCA-1\"\n"
		"[1](0f) \t\"S-0b\"[4]\t\t# lid 1 lmc 0 \"lf\" lid 2 4xEDR");

	(void)state;
	assert_int_equal(s->n_hosts, 1);
	assert_string_equal(host_named(s, "n2")->tier[1].text, "sp");
	assert_note(s, "in:9: adapter H-0d on nothing");
	pl_survey_destroy(s);
}

/* A chain of switches, each a tier further from the only host, is read in linear time. */
static void a_fabric_without_end_ends(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "0", "l");
	add_adapter(&text, 1, "1", "n1 HCA-1");
	for (int i = 0; i < 50000; i++) {
		char id[16], next[16];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(next, sizeof(next), "%d", i + 1);
		add_switch(&text, id, "x");
		add_link(&text, 1, next, "x");
	}
	s = survey_of_fabric(&text);
	assert_non_null(s->hosts[0].tier[PL_SURVEY_TIERS - 1].text);
	pl_survey_destroy(s);
}

static void a_host_with_thousands_of_adapters_is_read_in_time(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_switch(&text, "0", "l");
	for (int i = 0; i < 50000; i++) {
		char id[16];

		snprintf(id, sizeof(id), "%d", i);
		add_adapter(&text, 1, id, "n1 HCA-1");
	}
	s = survey_of_fabric(&text);
	assert_int_equal(s->hosts[0].n_adapters.n, 50000);
	pl_survey_destroy(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_fabric_is_refused_with_the_line),
	cmocka_unit_test(a_nul_byte_is_refused),
	cmocka_unit_test(a_real_fabric_has_rails_leaves_and_spines),
	cmocka_unit_test(an_aggregation_node_is_no_host),
	cmocka_unit_test(an_adapter_with_the_firmwares_description_is_listed_as_unnamed),
	cmocka_unit_test(a_host_with_fewer_adapters_than_its_peers_is_told),
	cmocka_unit_test(swapped_rails_are_told_and_move_no_host),
	cmocka_unit_test(swapped_rails_are_those_of_the_machines_gpus),
	cmocka_unit_test(a_host_on_a_spine_makes_it_no_leaf),
	cmocka_unit_test(a_lone_adapter_is_a_host_with_a_word),
	cmocka_unit_test(every_style_of_description_names_its_host),
	cmocka_unit_test(rails_may_be_subnets_of_their_own_in_one_source),
	cmocka_unit_test(a_source_for_each_rail_adds_rails_and_contradicts_nothing),
	cmocka_unit_test(the_same_source_twice_says_nothing_new),
	cmocka_unit_test(three_tiers_nest),
	cmocka_unit_test(names_of_switches_and_groups_hold_no_comma),
	cmocka_unit_test(switches_of_one_name_are_told_apart),
	cmocka_unit_test(kinds_of_hosts_number_their_rails_apart),
	cmocka_unit_test(the_speed_is_the_usual_one_and_slow_links_are_told),
	cmocka_unit_test(grouped_output_and_complaints_in_it_are_read),
	cmocka_unit_test(a_fabric_without_end_ends),
	cmocka_unit_test(a_host_with_thousands_of_adapters_is_read_in_time),
};

UNIT_MAIN(tests)
