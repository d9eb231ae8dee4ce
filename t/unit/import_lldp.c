/* import_lldp.c - tests of core/map/import_lldp.c: what lldpcli printed beside real lldpds in
 * both of its JSON forms, a sample, and documents with one trap each. */
#include "survey_import.h"

static struct pl_survey *survey_of_fixture(const char *name)
{
	char *text = fixture_text(name);
	struct pl_survey *s = survey_of(NULL, "n1.cluster", text);

	free(text);
	return s;
}

static void what_is_no_list_of_neighbours_is_refused_with_its_place(void **state)
{
	(void)state;
	assert_refused_import("lldp", "h", "", "in:1");
	assert_refused_import("lldp", "h", "{ \"lldp\":\n ] }", "in:2");
	assert_refused_import("lldp", "h", "{}", "no \"lldp\" in it");
	assert_refused_import("lldp", "h", "[]", "no \"lldp\" in it");
	assert_refused_import("lldp", "h", "{\"lldp\":{\"interface\":3}}", "lldp.interface: a list");
	assert_refused_import("lldp", "h", "{\"lldp\":{\"interface\":[3]}}",
			      "lldp.interface[0]: it has no name");
	assert_refused_import("lldp", "h",
			      "{\"lldp\":{\"interface\":[{\"e1\":{\"chassis\":{\"s\":{}}}},"
			      "{\"e2\":{}}]}}",
			      "lldp.interface[1] (e2): a chassis");
}

static void without_a_host_nobody_knows_whose_neighbours_they_are(void **state)
{
	(void)state;
	assert_refused_import("lldp", NULL, "{\"lldp\":{}}", "does not name it");
}

static void one_neighbour_reads_the_same_in_both_forms(void **state)
{
	static const char *const names[] = { "lldp-one.json", "lldp-one.json0" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct pl_survey *s = survey_of_fixture(names[i]);
		struct pl_survey_host *host = host_named(s, "n1");

		assert_string_equal(host->tier[0].text, "leaf-a");
		assert_int_equal(host->n_rails, 1);
		assert_string_equal(host->fabric.text, "ethernet");
		assert_int_equal(host->n_adapters.n, 1);
		assert_int_equal(s->n_notes, 0);
		pl_survey_destroy(s);
	}
}

static void rails_are_in_the_order_of_interfaces_and_the_leaf_is_a_set(void **state)
{
	static const char *const names[] = { "lldp-four.json", "lldp-four.json0" };
	static const char *const rails[] = { "leaf-a", "leaf-a", "leaf-c", "leaf-b" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct pl_survey *s = survey_of_fixture(names[i]);
		struct pl_survey_host *host = host_named(s, "n1");

		/* eth2, eth3, eth4, eth10 */
		assert_int_equal(host->n_rails, 4);
		for (size_t r = 0; r < 4; r++)
			assert_string_equal(host->rails[r].text, rails[r]);
		assert_string_equal(host->tier[0].text, "leaf-a,leaf-b,leaf-c");
		assert_int_equal(host->n_adapters.n, 4);
		pl_survey_destroy(s);
	}
}

static void the_sample_of_lldpds_own_tests_is_read(void **state)
{
	char *text = sample_text("lldp/lldpcli-json-neighbors-expected.json");
	struct pl_survey *s = survey_of(NULL, "n1", text);

	(void)state;
	assert_string_equal(host_named(s, "n1")->tier[0].text, "ns-2.example.com");
	pl_survey_destroy(s);
	free(text);
}

static void a_switch_without_a_name_goes_by_its_id(void **state)
{
	struct pl_survey *s = survey_of(
		NULL, "h", "{\"lldp\":{\"interface\":{\"e1\":{\"chassis\":{\"id\":{\"type\":\"mac\","
			   "\"value\":\"00:11\"}}}}}}");

	(void)state;
	assert_string_equal(s->hosts[0].tier[0].text, "00:11");
	pl_survey_destroy(s);
}

static void a_station_and_a_port_for_administration_are_left_out(void **state)
{
	struct pl_survey *s = survey_of(
		NULL, "h",
		"{\"lldp\":{\"interface\":[{\"p0\":{\"chassis\":{\"dpu\":{\"capability\":"
		"{\"type\":\"Station\",\"enabled\":true}}}}},{\"oob_net0\":{\"chassis\":"
		"{\"sw-oob\":{}}}},{\"e1\":{\"chassis\":{\"leaf\":{\"capability\":[{\"type\":"
		"\"Bridge\",\"enabled\":true},{\"type\":\"Station\",\"enabled\":true}]}}}}]}}");

	(void)state;
	assert_string_equal(s->hosts[0].tier[0].text, "leaf");
	assert_int_equal(s->hosts[0].n_adapters.n, 1);
	assert_note(s, "behind p0 is dpu, which is no switch");
	assert_note(s, "oob_net0, to sw-oob, is for administration");
	pl_survey_destroy(s);
}

static void two_neighbours_behind_one_interface_are_one_adapter(void **state)
{
	struct pl_survey *s = survey_of(
		NULL, "h", "{\"lldp\":{\"interface\":[{\"e1\":{\"via\":\"LLDP\",\"chassis\":"
			   "{\"b\":{}}}},{\"e1\":{\"via\":\"CDPv2\",\"chassis\":{\"b\":{}}}},"
			   "{\"e1\":{\"chassis\":{\"a\":{}}}}]}}");

	(void)state;
	assert_string_equal(s->hosts[0].tier[0].text, "a");
	assert_int_equal(s->hosts[0].n_adapters.n, 1);
	assert_note(s, "behind e1 are a and b: the first is taken");
	pl_survey_destroy(s);
}

static void names_become_one_word_each(void **state)
{
	struct pl_survey *s = survey_of(
		NULL, "h",
		"{\"lldp\":{\"interface\":{\"e1\":{\"chassis\":{\"leaf 1,a\":{}}}}}}");

	(void)state;
	assert_string_equal(s->hosts[0].tier[0].text, "leaf_1_a");
	pl_survey_destroy(s);
}

static void a_host_without_neighbours_is_told(void **state)
{
	struct pl_survey *s = survey_of(NULL, "h", "{\"lldp\":[{}]}");

	(void)state;
	assert_null(s->hosts[0].tier[0].text);
	assert_note(s, "h: LLDP knows no neighbour that is a switch");
	pl_survey_destroy(s);
}

static void deep_nesting_is_refused(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_adds(&text, "{\"lldp\":");
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&text, '[');
	assert_refused_import("lldp", "h", strbuf_str(&text), "in:1");
	strbuf_fini(&text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_list_of_neighbours_is_refused_with_its_place),
	cmocka_unit_test(without_a_host_nobody_knows_whose_neighbours_they_are),
	cmocka_unit_test(one_neighbour_reads_the_same_in_both_forms),
	cmocka_unit_test(rails_are_in_the_order_of_interfaces_and_the_leaf_is_a_set),
	cmocka_unit_test(the_sample_of_lldpds_own_tests_is_read),
	cmocka_unit_test(a_switch_without_a_name_goes_by_its_id),
	cmocka_unit_test(a_station_and_a_port_for_administration_are_left_out),
	cmocka_unit_test(two_neighbours_behind_one_interface_are_one_adapter),
	cmocka_unit_test(names_become_one_word_each),
	cmocka_unit_test(a_host_without_neighbours_is_told),
	cmocka_unit_test(deep_nesting_is_refused),
};

UNIT_MAIN(tests)
