/* import_kubernetes.c - tests of core/map/import_kubernetes.c and nodelabels.c */
#include "survey_import.h"

/* A node: name, labels, GPUs it has and offers, and further fields of spec. */
static void add_node(struct strbuf *b, const char *name, const char *labels, int capacity,
		     int offered, const char *spec)
{
	strbuf_addf(b,
		    "%s{\"apiVersion\": \"v1\", \"kind\": \"Node\",\n"
		    " \"metadata\": {\"name\": \"%s\", \"labels\": {%s}},\n \"spec\": {%s},\n"
		    " \"status\": {\"allocatable\": {\"cpu\": \"64\", \"nvidia.com/gpu\": \"%d\"},\n"
		    "  \"capacity\": {\"nvidia.com/gpu\": \"%d\"},\n"
		    "  \"conditions\": [{\"type\": \"Ready\", \"status\": \"%s\"}],\n"
		    "  \"nodeInfo\": {}}}\n",
		    b->len > 0 && b->s[b->len - 1] != '[' ? "," : "", name, labels, spec, offered, capacity,
		    strstr(name, "sick") != NULL ? "False" : "True");
}

static void begin(struct strbuf *b)
{
	strbuf_adds(b, "{\"apiVersion\": \"v1\", \"items\": [");
}

static struct pl_survey *finish(struct strbuf *b)
{
	struct pl_survey *s;

	strbuf_adds(b, "], \"kind\": \"List\"}\n");
	s = survey_known(strbuf_str(b), "kubernetes");
	strbuf_fini(b);
	return s;
}

static struct pl_survey *one_node(const char *labels)
{
	struct strbuf b = STRBUF_INIT;

	begin(&b);
	add_node(&b, "n1", labels, 4, 4, "");
	return finish(&b);
}

static void each_family_of_labels_gives_tiers_leaf_first(void **state)
{
	static const char *const cases[] = {
		"\"fabric.topograph.run/tier-1\": \"s\", \"fabric.topograph.run/tier-0\": \"l\"",
		"\"network.topology.nvidia.com/spine\": \"s\","
		"\"network.topology.nvidia.com/leaf\": \"l\"",
		"\"topology.k8s.aws/network-node-layer-2\": \"s\","
		"\"topology.k8s.aws/network-node-layer-3\": \"l\"",
		"\"cloud.google.com/gce-topology-block\": \"s\","
		"\"cloud.google.com/gce-topology-subblock\": \"l\","
		"\"cloud.google.com/gce-topology-host\": \"h\"",
		"\"oci.oraclecloud.com/rdma.network_block_id\": \"s\","
		"\"oci.oraclecloud.com/rdma.local_block_id\": \"l\"",
		"\"oci.oraclecloud.com/host.network_block_id\": \"s\","
		"\"oci.oraclecloud.com/host.rack_id\": \"l\"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_survey *s = one_node(cases[i]);

		assert_tiers(s, "n1", "l s");
		assert_int_equal(host_named(s, "n1")->n_gpus.n, 4);
		assert_int_equal(s->n_notes, 0);
		pl_survey_destroy(s);
	}
}

static void the_clique_of_the_driver_is_the_domain_before_all_others(void **state)
{
	struct pl_survey *s = one_node(
		"\"accelerator.topograph.run/domain\": \"other\","
		"\"accelerator.topograph.run/sub-domain\": \"rack1\","
		"\"nvidia.com/gpu.clique\": \"3fbfc98b-7f95-4749-ab11-bd351a2aab3e.32766\"");

	(void)state;
	assert_domain(s, "n1", "3fbfc98b-7f95-4749-ab11-bd351a2aab3e.32766");
	assert_string_equal(host_named(s, "n1")->block.text, "rack1");
	pl_survey_destroy(s);
	s = one_node("\"network.topology.nvidia.com/accelerator\": \"nvl1\"");
	assert_domain(s, "n1", "nvl1");
	pl_survey_destroy(s);
}

static void a_clique_of_no_cluster_is_no_domain(void **state)
{
	struct pl_survey *s =
		one_node("\"nvidia.com/gpu.clique\": \"00000000-0000-0000-0000-000000000000.0\"");

	(void)state;
	assert_domain(s, "n1", "none");
	assert_note(s, "names no NVLink domain");
	pl_survey_destroy(s);
}

static void what_is_offered_counts_and_the_rest_is_noted(void **state)
{
	struct strbuf b = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	begin(&b);
	add_node(&b, "control-1", "", 0, 0, "");
	add_node(&b, "n1", "", 4, 4, "");
	add_node(&b, "n2", "", 4, 3, "");
	add_node(&b, "n3", "", 4, 0, "");
	add_node(&b, "n4", "", 4, 4, "\"unschedulable\": true");
	add_node(&b, "n5", "", 4, 4, "\"unschedulable\": true");
	add_node(&b, "sick1", "", 4, 4, "");
	s = finish(&b);
	assert_int_equal(s->n_hosts, 6);
	assert_int_equal(host_named(s, "n2")->n_gpus.n, 3);
	assert_note(s, "n2: 1 of its 4 GPUs cannot be allocated");
	assert_int_equal(host_named(s, "n3")->n_gpus.n, 4);
	assert_int_equal(host_named(s, "n3")->n_gpus_seen, 4);
	assert_int_equal(host_named(s, "n3")->gpus[3].health, PL_HEALTH_BAD);
	assert_note(s, "in: 1 node without GPUs, left out: control-1");
	assert_note(s, "in: 2 nodes unschedulable (cordoned), which the map takes as "
				   "usable: n[4-5]");
	assert_note(s, "1 node not ready");
	pl_survey_destroy(s);
}

static void the_family_that_most_nodes_have_is_taken_for_all(void **state)
{
	struct strbuf b = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	begin(&b);
	add_node(&b, "n1", "\"fabric.topograph.run/tier-0\": \"x\"", 4, 4, "");
	add_node(&b, "n2", "\"topology.k8s.aws/network-node-layer-3\": \"a\"", 4, 4, "");
	add_node(&b, "n3", "\"topology.k8s.aws/network-node-layer-3\": \"b\"", 4, 4, "");
	s = finish(&b);
	assert_tiers(s, "n1", "");
	assert_tiers(s, "n2", "a");
	assert_note(s, "1 node without the label that tells the others' place: n1");
	pl_survey_destroy(s);
}

static void a_node_named_by_its_address_keeps_all_of_it(void **state)
{
	struct strbuf b = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	begin(&b);
	add_node(&b, "10.140.30.89", "", 4, 4, "");
	add_node(&b, "10.140.30.90", "", 4, 4, "");
	add_node(&b, "ip-10-0-0-1.ec2.internal", "", 4, 4, "");
	s = finish(&b);
	assert_int_equal(s->n_hosts, 3);
	host_named(s, "10.140.30.90");
	host_named(s, "ip-10-0-0-1");
	pl_survey_destroy(s);
}

static void one_node_alone_is_read_as_a_list_of_one(void **state)
{
	struct strbuf b = STRBUF_INIT;
	struct pl_survey *s;

	(void)state;
	add_node(&b, "n1", "\"fabric.topograph.run/tier-0\": \"x\"", 8, 8, "");
	s = survey_known(strbuf_str(&b), "kubernetes");
	assert_tiers(s, "n1", "x");
	pl_survey_destroy(s);
	strbuf_fini(&b);
}

static void what_is_no_list_of_nodes_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused_import("kubernetes", NULL, "{\"items\": []}",
			      "kubectl get nodes -o json prints one");
	assert_refused_import("kubernetes", NULL,
			      "{\"items\": [{\"metadata\": {\"name\": \"a\"}}, {\"metadata\": {}}]}",
			      "in: items[1].metadata.name");
	assert_refused_import("kubernetes", NULL,
			      "{\"items\": [{\"metadata\": {\"name\": \"a b\"}}]}",
			      "items[0].metadata.name");
	assert_refused_import("kubernetes", NULL, "{\n\n\"items\": [{]}", "in:3: this is no JSON");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_family_of_labels_gives_tiers_leaf_first),
	cmocka_unit_test(the_clique_of_the_driver_is_the_domain_before_all_others),
	cmocka_unit_test(a_clique_of_no_cluster_is_no_domain),
	cmocka_unit_test(what_is_offered_counts_and_the_rest_is_noted),
	cmocka_unit_test(the_family_that_most_nodes_have_is_taken_for_all),
	cmocka_unit_test(a_node_named_by_its_address_keeps_all_of_it),
	cmocka_unit_test(one_node_alone_is_read_as_a_list_of_one),
	cmocka_unit_test(what_is_no_list_of_nodes_is_refused_with_its_place),
};

UNIT_MAIN(tests)
