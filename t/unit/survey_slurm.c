/* survey_slurm.c - tests of core/map/import_slurm.c and import_slurm_yaml.c */
#include "survey_import.h"

#include "survey/survey.h"

#define CONF "slurm-topology-conf"
#define YAML "slurm-topology-yaml"
#define SCONTROL "slurm-scontrol"

static void assert_refused_with(const char *format, const char *text, const char *words)
{
	assert_refused_import(format, NULL, text, words);
}

static const char *tier(struct pl_survey *s, const char *host, int at)
{
	const char *said = host_named(s, host)->tier[at].text;

	return said != NULL ? said : "";
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	(void)state;
	assert_refused_with(CONF, "", "no switch and no block");
	assert_refused_with(CONF, "SwitchName=a Nodes=n1\n\nSwitchName=a Nodes=n2\n",
			    "in:3: switch 'a' was named on line 1 already");
	assert_refused_with(CONF, "# x\nSwitchName=a Node=n1\n",
			    "in:2: 'Node' is no key of Slurm's topology (did you mean "
			    "'Nodes'?)");
	assert_refused_with(CONF, "SwitchName=a Nodes=n[1-\n", "in:1: ");
	assert_refused_with(CONF, "SwitchName=a Nodes=n1 Nodes=n2\n",
			    "in:1: Nodes is there twice");
	assert_refused_with(CONF, "Nodes=n1\n", "in:1: neither SwitchName nor BlockName");
	assert_refused_with(CONF, "SwitchName=a nodes\n", "in:1: 'nodes' is no Key=Value");
	assert_refused_with(CONF, "BlockName=b Nodes=n1\nBlockName=b Nodes=n2\n",
			    "in:2: block 'b' was named before");
	assert_refused_with(CONF, "SwitchName=a Nodes=n[1-9999999]\n", "in:1: ");
}

static void a_ring_of_switches_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused_with(CONF, "SwitchName=a Switches=a\n",
			    "in:1: switch 'a' is below itself");
	assert_refused_with(CONF,
			    "SwitchName=l Nodes=n1\nSwitchName=a Switches=b\nSwitchName=b "
			    "Switches=a\n",
			    "in:2: switch 'a' is below itself");
	assert_refused_with(CONF,
			    "SwitchName=l Nodes=n1\nSwitchName=a Switches=b,l\nSwitchName=b "
			    "Switches=a\n",
			    "in:1: above switch 'l' are more than 8 tiers, or a ring");
	assert_refused_with(CONF, "SwitchName=l Nodes=n1\nSwitchName=a Switches=l\nSwitchName=b "
				  "Switches=l\n",
			    "in:3: switch 'l' is below 'b', and below 'a' on line 2");
	assert_refused_with(CONF, "SwitchName=a Switches=l[1-2]\nSwitchName=l1 Nodes=n1\n",
			    "in:1: switch 'a' has 'l2' below it, which is named nowhere");
}

static void assert_fixture(struct pl_survey *s)
{
	assert_int_equal(s->n_hosts, 17);
	assert_int_equal(s->n_switches, 6);
	assert_string_equal(tier(s, "r002t03", 0), "leaf1");
	assert_string_equal(tier(s, "r002t03", 1), "su1");
	assert_string_equal(tier(s, "r002t03", 2), "core");
	/* a branch without the middle tier repeats its leaf there */
	assert_string_equal(tier(s, "r004t04", 0), "leaf3");
	assert_string_equal(tier(s, "r004t04", 1), "leaf3");
	assert_string_equal(tier(s, "r004t04", 2), "core");
	assert_string_equal(tier(s, "login2", 3), "");
	assert_int_equal(s->n_notes, 0);
}

static void a_tree_of_uneven_depth_is_read_from_conf_and_from_scontrol(void **state)
{
	static const char *const files[] = { "slurm-topology.conf", "slurm-scontrol.txt" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *text = fixture_text(files[i]);
		struct pl_survey *s = survey_of(NULL, NULL, text);
		struct pl_topo *t;

		assert_string_equal(s->sources[0].format, i == 0 ? CONF : SCONTROL);
		assert_fixture(s);
		t = pl_survey_topo(s, 4, NULL);
		assert_non_null(t);
		assert_int_equal(t->n_levels, 4);
		assert_int_equal(pl_topo_units(t, 1), 4);
		assert_int_equal(pl_topo_units(t, 2), 3);
		pl_topo_destroy(t);
		pl_survey_destroy(s);
		free(text);
	}
}

static void blocks_are_read_and_aggregated_ones_do_not_count_twice(void **state)
{
	struct pl_survey *s = survey_of(NULL, NULL,
					"BlockName=b1 BlockIndex=0 Nodes=n[1-4] BlockSize=4\n"
					"BlockName=b2 BlockIndex=1 Nodes=n[5-7] BlockSize=4 New=1\n"
					"AggregatedBlock=b[1-2] BlockIndex=2 Nodes=n[1-7]\n");
	struct pl_topo *t = pl_survey_topo(s, 4, NULL);

	(void)state;
	assert_string_equal(s->sources[0].format, SCONTROL);
	assert_int_equal(s->n_hosts, 7);
	assert_string_equal(host_named(s, "n5")->block.text, "b2");
	assert_int_equal(pl_topo_units(t, 1), 2);
	assert_string_equal(t->levels[1].name, "block");
	assert_int_equal(s->n_notes, 0);
	pl_topo_destroy(t);
	pl_survey_destroy(s);
}

static void what_is_not_followed_is_told(void **state)
{
	struct pl_survey *s = survey_of(CONF, NULL,
					"Include more.conf\nBlockName=b Nodes=n1\n"
					"RingName=r Nodes=n[1-2]\nBlockSizes=4,8\n");

	(void)state;
	assert_note(s, "in:1: the file that Include names is not followed");
	assert_note(s, "rings are left out");
	assert_int_equal(s->n_hosts, 1);
	pl_survey_destroy(s);
}

static const char yaml[] = "---\n"
			   "- topology: spare\n  flat: true\n"
			   "- topology: main\n  cluster_default: true\n  tree:\n    switches:\n"
			   "      - switch: top\n        children: s[1-2]\n"
			   "      - switch: s1\n        nodes: n[01-02]\n"
			   "      - switch: s2\n        nodes: n03\n";

static void the_default_topology_of_yaml_is_taken(void **state)
{
	struct pl_survey *s = survey_of(NULL, NULL, yaml);

	(void)state;
	assert_string_equal(s->sources[0].format, YAML);
	assert_int_equal(s->n_hosts, 3);
	assert_string_equal(tier(s, "n03", 0), "s2");
	assert_string_equal(tier(s, "n03", 1), "top");
	assert_note(s, "of 2 topologies 'main' is taken");
	pl_survey_destroy(s);
	assert_refused_with(YAML, "- topology: a\n  flat: true\n",
			    "in:1: topology 'a' is neither");
	assert_refused_with(YAML, "topology: a\n", "in:1: topology.yaml is a list");
	assert_refused_with(YAML, "- topology: a\n  block:\n    blocks:\n      - nodes: n1\n",
			    "in:4: a block without its name");
}

static void the_samples_are_read(void **state)
{
	static const struct {
		const char *name, *format;
		size_t hosts, switches;
	} samples[] = {
		{ "slurm/testsuite-133-1-case1-topology.conf", CONF, 10000, 529 },
		{ "slurm/testsuite-133-1-case6-topology.conf", CONF, 40, 7 },
		{ "slurm/testsuite-backfill-topology.conf", CONF, 32, 0 },
		{ "slurm/topology.conf-man-examples.txt", CONF, 146, 4 },
		{ "slurm/topology.yaml-man-example.yaml", YAML, 4, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		char *text = sample_text(samples[i].name);
		struct pl_survey *s = survey_of(NULL, NULL, text);

		assert_string_equal(s->sources[0].format, samples[i].format);
		assert_int_equal(s->n_hosts, samples[i].hosts);
		assert_int_equal(s->n_switches, samples[i].switches);
		pl_survey_destroy(s);
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_wrong_is_told_with_its_line),
	cmocka_unit_test(a_ring_of_switches_is_refused_with_its_line),
	cmocka_unit_test(a_tree_of_uneven_depth_is_read_from_conf_and_from_scontrol),
	cmocka_unit_test(blocks_are_read_and_aggregated_ones_do_not_count_twice),
	cmocka_unit_test(what_is_not_followed_is_told),
	cmocka_unit_test(the_default_topology_of_yaml_is_taken),
	cmocka_unit_test(the_samples_are_read),
};

UNIT_MAIN(tests)
