/* import_topograph.c - tests of core/map/import_topograph.c and import_topograph_json.c */
#include "survey_import.h"

static void a_model_gives_tiers_and_domains(void **state)
{
	struct pl_survey *s = survey_known("# a comment\n"
					   "switches:\n"
					   "  core:\n"
					   "    switches: [leaf1, leaf2]\n"
					   "blocks:\n"
					   "- switch: leaf1\n"
					   "  nodes: [\"n[01-02]\", x9]\n"
					   "  annotations:\n"
					   "    accelerator.topology.test/domain: nvl1\n"
					   "    accelerator.topology.test/sub-domain: rack1\n"
					   "- switch: leaf2\n"
					   "  nodes: [\"[1101-1102]\"]\n",
					   "topograph-model");

	(void)state;
	assert_int_equal(s->n_hosts, 5);
	assert_int_equal(s->n_switches, 3);
	assert_tiers(s, "n02", "leaf1 core");
	assert_domain(s, "n02", "nvl1");
	assert_string_equal(host_named(s, "x9")->block.text, "rack1");
	assert_tiers(s, "1102", "leaf2 core");
	assert_domain(s, "1102", "none");
	pl_survey_destroy(s);
}

static void nodes_and_capacity_blocks_are_read_in_either_section(void **state)
{
	struct pl_survey *s = survey_known("switches:\n"
					   "  core: {switches: [spine]}\n"
					   "  spine: {switches: [leaf]}\n"
					   "  leaf: {nodes: ['n[1-2]', n3]}\n"
					   "nodes:\n"
					   "  n3: {capacity_block: cb2, attributes: {nvlink: nvl2}}\n"
					   "capacity_blocks:\n"
					   "  cb1: {nodes: ['n[1-2]'], attributes: {nvlink: nvl1}}\n"
					   "  cb3: {}\n",
					   "topograph-model");

	(void)state;
	assert_int_equal(s->n_hosts, 3);
	assert_tiers(s, "n3", "leaf spine core");
	assert_domain(s, "n3", "nvl2");
	assert_domain(s, "n1", "nvl1");
	assert_string_equal(host_named(s, "n3")->block.text, "cb2");
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static void the_oldest_form_has_lists_with_names(void **state)
{
	struct pl_survey *s = survey_known("switches:\n"
					   "- {name: top, switches: [a]}\n"
					   "- {name: a, capacity_blocks: [cb]}\n"
					   "capacity_blocks:\n"
					   "- {name: cb, nvlink: nvl7, nodes: [n1]}\n",
					   "topograph-model");

	(void)state;
	assert_tiers(s, "n1", "a top");
	assert_domain(s, "n1", "nvl7");
	pl_survey_destroy(s);
}

static void a_model_that_is_no_tree_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused_import("topograph-model", NULL,
			      "switches:\n  a: {switches: [c]}\n  b:\n    switches:\n    - c\n",
			      "in:5: switch 'c' is below this one and below 'a'");
	assert_refused_import("topograph-model", NULL,
			      "switches:\n  a: {switches: [b]}\n  b: {switches: [a]}\n"
			      "blocks:\n- {switch: a, nodes: [n1]}\n",
			      "in:5: above switch 'a' there are more than 8 tiers");
	assert_refused_import("topograph-model", NULL,
			      "blocks:\n- switch: a\n  nodes:\n  - n[1-\n", "in:4: ");
	assert_refused_import("topograph-model", NULL,
			      "blocks:\n- switch: a\n  nodes:\n  - n[1-2000000]\n", "in:4: ");
	assert_refused_import("topograph-model", NULL, "blocks:\n- [a\n", "this is no YAML");
	assert_refused_import("topograph-model", NULL, "a: &x [1]\nb: *x\n", "in:1: anchors");
	assert_refused_import("topograph-model", NULL, "a: 1\n", "no topograph model");
	assert_refused_import("topograph-model", NULL, "switches: {a: {switches: [b]}}\n",
			      "names no hosts");
	assert_refused_import("topograph-model", NULL, "", "nothing in it");
	assert_refused_import("topograph-model", NULL, "blocks: []\n---\nblocks: []\n",
			      "in:2: a second document");
}

static void a_host_told_twice_keeps_the_first_and_both_are_noted(void **state)
{
	struct pl_survey *s = survey_known("switches: {t: {switches: [a, b]}}\n"
					   "\nblocks:\n"
					   "- {switch: a, nodes: [n1]}\n"
					   "- {switch: b, nodes: [n1]}\n",
					   "topograph-model");

	(void)state;
	assert_tiers(s, "n1", "a t");
	assert_note(s, "its switch at tier 0 is a by in, and b by in");
	pl_survey_destroy(s);
}

static void the_graph_lists_tiers_closest_first(void **state)
{
	struct pl_survey *s = survey_known(
		"{\"instances\": [\n"
		" {\"id\": \"n1\", \"network_layers\": [\"leaf-a\", \"spine-a\"],\n"
		"  \"attributes\": {\"nvlink\": \"nvl-1\"}},\n"
		" {\"id\": \"n2\", \"network_layers\": null, \"labels\":\n"
		"  {\"accelerator.topograph.run/domain\": \"nvl-2\"}}]}",
		"topograph-graph");

	(void)state;
	assert_tiers(s, "n1", "leaf-a spine-a");
	assert_domain(s, "n1", "nvl-1");
	assert_tiers(s, "n2", "");
	assert_domain(s, "n2", "nvl-2");
	pl_survey_destroy(s);
	assert_refused_import("topograph-graph", NULL,
			      "{\"instances\": [{\"id\": \"a\"}, {\"id\": \"b c\"}]}",
			      "in: instances[1].id");
	assert_refused_import("topograph-graph", NULL,
			      "{\"instances\": [{\"id\": \"a\", \"network_layers\": [\"l\", 3]}]}",
			      "instances[0].network_layers[1]");
	assert_refused_import("topograph-graph", NULL, "{\"instances\":\n [}",
			      "in:2: this is no JSON");
	assert_refused_import("topograph-graph", NULL, "{\"instances\": []}", "no instances");
}

static void a_payload_names_hosts_and_no_switches(void **state)
{
	struct pl_survey *s = survey_known(
		"{\"provider\": {\"name\": \"oci\", \"creds\": {\"password\": \"hunter2\"}},\n"
		" \"engine\": {\"name\": \"slurm\"},\n"
		" \"nodes\": [{\"region\": \"r\", \"instances\": {\"i-1\": \"n1\", \"i-2\": \"n2\"}}]}",
		"topograph-payload");

	(void)state;
	assert_int_equal(s->n_hosts, 2);
	assert_tiers(s, "n1", "");
	assert_note(s, "2 hosts and no switches");
	assert_int_equal(notes_with(s, "hunter2"), 0);
	pl_survey_destroy(s);
	assert_refused_import("topograph-payload", NULL,
			      "{\"provider\": {\"params\": {\"modelFileName\": \"m.yaml\"}}, \"engine\": {}}",
			      "import its model, m.yaml");
}

static void samples_have_the_hosts_that_their_drawings_show(void **state)
{
	static const struct {
		const char *name;
		size_t hosts, switches;
		const char *host, *tiers, *domain;
	} samples[] = {
		{ "model-small-tree", 6, 3, "I25", "S2 S1", "nvl2" },
		{ "model-medium", 8, 7, "1402", "sw14 sw22 sw3", "nvl4" },
		{ "model-large", 96, 19, "srv4208", "leaf-4-2 spine-4 core", "nvl-4-2" },
		{ "model-nvl72", 72, 7, "node2118", "leaf-2-1 spine-2 core", "nvl-2-1" },
		{ "model-dual-xclr-regular", 96, 19, "srv4101", "leaf-4-1 spine-4 core", "nvl-2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		char *path = xasprintf("topograph/%s.yaml", samples[i].name);
		struct pl_survey *s = sample_known(path, "topograph-model");

		assert_int_equal(s->n_hosts, samples[i].hosts);
		assert_int_equal(s->n_switches, samples[i].switches);
		assert_tiers(s, samples[i].host, samples[i].tiers);
		assert_domain(s, samples[i].host, samples[i].domain);
		pl_survey_destroy(s);
		free(path);
	}
}

static void sample_payloads_say_what_to_import_instead(void **state)
{
	static const char *const samples[][2] = {
		{ "topograph/payload-aws-sim-block.json", "tests/models/medium.yaml" },
		{ "topograph/payload-test-block.json", "large.yaml" },
		{ "topograph/payload-test-tree.json", "import what topograph answers" },
		{ "topograph/payload-example-netq.json", "import what topograph answers" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		char *text = sample_text(samples[i][0]);

		assert_refused_import(NULL, NULL, text, samples[i][1]);
		free(text);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_model_gives_tiers_and_domains),
	cmocka_unit_test(nodes_and_capacity_blocks_are_read_in_either_section),
	cmocka_unit_test(the_oldest_form_has_lists_with_names),
	cmocka_unit_test(a_model_that_is_no_tree_is_refused_with_its_line),
	cmocka_unit_test(a_host_told_twice_keeps_the_first_and_both_are_noted),
	cmocka_unit_test(the_graph_lists_tiers_closest_first),
	cmocka_unit_test(a_payload_names_hosts_and_no_switches),
	cmocka_unit_test(samples_have_the_hosts_that_their_drawings_show),
	cmocka_unit_test(sample_payloads_say_what_to_import_instead),
};

UNIT_MAIN(tests)
