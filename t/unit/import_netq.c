/* import_netq.c - tests of core/map/import_netq.c and import_nmx.c */
#include "survey_import.h"

#define NODE(id, name, tier) "{\"id\":\"" id "\",\"name\":\"" name "\",\"tier\":" tier "}"
#define CABLE(a, ia, b, ib)                                                                        \
	"{\"id\":\"x\",\"interfaces\":[{\"node\":\"" a "\",\"interface\":\"" ia                    \
	"\"},{\"node\":\"" b "\",\"interface\":\"" ib "\"}]}"

/* Two scalable units of two rails: a host has a cable to two leaves, a leaf to both spines. */
static const char two_units[] =
	"[{\"nodes\":[\n"
	"{\"compounded_nodes\":[" NODE("1", "spine1", "2") "," NODE("2", "spine2", "2") "]},\n"
	"{\"compounded_nodes\":[" NODE("11", "leaf1", "1") "," NODE("12", "leaf2", "1") ",\n"
	NODE("13", "leaf3", "1") "," NODE("14", "leaf4", "1") "]},\n"
	"{\"compounded_nodes\":[" NODE("a", "h1.example.org", "-1") ",\n"
	NODE("b", "h2", "-1") "]}],\n"
	"\"links\":[\n"
	"{\"id\":\"a-*-11\",\"compounded_links\":[" CABLE("11", "swp1", "a", "ens10") "]},\n"
	"{\"id\":\"a-*-12\",\"compounded_links\":[" CABLE("a", "ens9", "12", "swp1") "]},\n"
	"{\"id\":\"b-*-13\",\"compounded_links\":[" CABLE("b", "ens9", "13", "swp1") "]},\n"
	"{\"id\":\"b-*-14\"},\n"
	"{\"id\":\"11-*-1\"},{\"id\":\"11-*-2\"},{\"id\":\"12-*-1\"},{\"id\":\"12-*-2\"},\n"
	"{\"id\":\"13-*-1\"},{\"id\":\"13-*-2\"},{\"id\":\"14-*-1\"},{\"id\":\"14-*-2\"},\n"
	"{\"id\":\"14-*-99\"}]}]\n";

static void a_clos_fabric_gives_leaves_rails_and_shared_groups(void **state)
{
	struct pl_survey *s = survey_known(two_units, "netq-graph");
	const struct pl_survey_host *h1 = host_named(s, "h1");

	(void)state;
	assert_int_equal(s->n_hosts, 2);
	assert_int_equal(s->n_switches, 6);
	assert_tiers(s, "h1", "leaf2 spine[1-2]");
	assert_tiers(s, "h2", "leaf4 spine[1-2]");
	assert_int_equal(h1->n_rails, 2);
	assert_string_equal(h1->rails[0].text, "leaf2");
	assert_string_equal(h1->rails[1].text, "leaf1");
	assert_int_equal(h1->n_adapters.n, 2);
	assert_string_equal(h1->fabric.text, "ethernet");
	assert_note(s, "links[12]: 14-*-99 names a node that is not there");
	pl_survey_destroy(s);
}

static void a_graph_that_is_none_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused_import("netq-graph", NULL, "[]", "no host is linked to a switch");
	assert_refused_import("netq-graph", NULL,
			      "{\"nodes\":[{\"compounded_nodes\":[{\"id\":\"1\"}]}]}",
			      "in: nodes[0].compounded_nodes[0]");
	assert_refused_import("netq-graph", NULL,
			      "{\"nodes\":[{\"compounded_nodes\":[" NODE("1", "a", "1") "," NODE(
			      "1", "b", "1") "]}]}",
			      "another node of id 1");
	assert_refused_import("netq-graph", NULL, "{\"links\":[{\"id\":\"1\"}]}",
			      "in: links[0].id");
	assert_refused_import("netq-graph", NULL, "[\n", "this is no JSON");
}

static void compute_nodes_have_domains_and_places(void **state)
{
	struct pl_survey *s = survey_known(
		"[{\"Name\":\"n1\",\"DomainUUID\":\"3fbf-1\",\"Health\":\"HEALTHY\",\n"
		"  \"GpuIDList\":[\"a\",\"b\",\"c\",\"d\"],\n"
		"  \"LocationInfo\":{\"ChassisSerialNumber\":\"1825\",\"SlotID\":5}},\n"
		" {\"Name\":\"n2\",\"DomainUUID\":\"00000000-0000-0000-0000-000000000000\",\n"
		"  \"GpuIDList\":[\"e\"],\"Health\":\"UNHEALTHY\"}]",
		"nmx");

	(void)state;
	assert_domain(s, "n1", "3fbf-1");
	assert_int_equal(host_named(s, "n1")->n_gpus.n, 4);
	assert_string_equal(host_named(s, "n1")->chassis.text, "1825");
	assert_int_equal(host_named(s, "n1")->slot.n, 5);
	assert_domain(s, "n2", "none");
	assert_note(s, "names no NVLink domain");
	assert_int_equal(host_named(s, "n2")->gpus[0].health, PL_HEALTH_BAD);
	pl_survey_destroy(s);
	assert_refused_import("nmx", NULL, "[{\"Name\":\"n1\"},{\"Name\":\"\"}]", "in: [1].Name");
	assert_refused_import("nmx", NULL, "{}", "no list of compute nodes");
}

static void a_domain_that_the_driver_told_is_not_contradicted(void **state)
{
	struct pl_survey *s = pl_survey_create();
	uint32_t source = survey_add_source(s, "nvidia-smi", "smi", 0);
	const char *text = "[{\"Name\":\"n1\",\"DomainUUID\":\"other\",\"GpuIDList\":[]}]";
	struct survey_input in = { .bytes = text, .len = strlen(text), .name = "in" };
	struct pl_survey_host *host = survey_host(s, "n1", 2);

	(void)state;
	survey_set(s, host, &host->domain, "uuid.1", 6, source, "NVLink domain");
	assert_int_equal(pl_survey_import(s, &in, NULL, NULL), 0);
	assert_domain(s, "n1", "uuid.1");
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static void samples_of_netq_are_read(void **state)
{
	struct pl_survey *s = sample_known("topograph/netq-topologyGraph.json", "netq-graph");

	(void)state;
	assert_int_equal(s->n_hosts, 8);
	assert_int_equal(s->n_switches, 3);
	assert_tiers(s, "dgx-05", "net-unit-l2 net-unit-s1");
	assert_tiers(s, "dgx-03", "net-unit-l1 net-unit-s1");
	assert_int_equal(host_named(s, "dgx-05")->n_adapters.n, 4);
	assert_int_equal(host_named(s, "dgx-05")->n_rails, 0);
	pl_survey_destroy(s);
	s = sample_known("topograph/netq-computeNodes.json", "nmx");
	assert_domain(s, "node2", "3fbfc98b-7f95-4749-ab11-bd351a2aab3e");
	assert_int_equal(host_named(s, "node2")->slot.n, 22);
	pl_survey_destroy(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_clos_fabric_gives_leaves_rails_and_shared_groups),
	cmocka_unit_test(a_graph_that_is_none_is_refused_with_its_place),
	cmocka_unit_test(compute_nodes_have_domains_and_places),
	cmocka_unit_test(a_domain_that_the_driver_told_is_not_contradicted),
	cmocka_unit_test(samples_of_netq_are_read),
};

UNIT_MAIN(tests)
