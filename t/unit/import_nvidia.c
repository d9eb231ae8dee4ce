/* import_nvidia.c - tests of core/map/import_nvidia_smi.c and import_nvidia_csv.c: samples of real
 * GB200 trays, and documents with one trap each. */
#include "survey_import.h"

#define CLUSTER "a1b2c3d4-0000-1111-2222-333344445555"

/* A document of one GPU, with more in its <gpu>. */
static struct pl_survey *survey_of_gpu(const char *more)
{
	char *text = xasprintf("<?xml version=\"1.0\" ?>\n<nvidia_smi_log><attached_gpus>1"
			       "</attached_gpus>\n<gpu id=\"00000000:9D:00.0\">"
			       "<product_name>NVIDIA GB300</product_name><uuid>GPU-1</uuid>"
			       "<pci><pci_bus_id>00000000:9D:00.0</pci_bus_id></pci>\n%s</gpu>\n"
			       "</nvidia_smi_log>\n",
			       more);
	struct pl_survey *s = survey_of(NULL, "r1t1.example", text);

	free(text);
	return s;
}

static struct pl_survey *survey_of_fabric(const char *state, const char *status,
					  const char *clique, const char *cluster,
					  const char *summary)
{
	char *more = xasprintf("<fabric><state>%s</state><status>%s</status><cliqueId>%s</cliqueId>"
			       "<clusterUuid>%s</clusterUuid><health><summary>%s</summary>"
			       "<bandwidth>Full</bandwidth></health></fabric>",
			       state, status, clique, cluster, summary);
	struct pl_survey *s = survey_of_gpu(more);

	free(more);
	return s;
}

static void what_is_no_report_is_refused_with_the_line(void **state)
{
	(void)state;
	assert_refused_import("nvidia-smi-xml", "h", "", "in:");
	assert_refused_import("nvidia-smi-xml", "h", "NVIDIA-SMI has failed", "in:1");
	assert_refused_import("nvidia-smi-xml", "h", "<a>\n</a>", "<nvidia_smi_log> is expected");
	assert_refused_import("nvidia-smi-xml", "h", "<nvidia_smi_log>\n<gpu>\n</nvidia_smi_log>",
			      "in:3");
	assert_refused_import("nvidia-smi-xml", "h", "<nvidia_smi_log>\n</nvidia_smi_log>",
			      "no <gpu>");
}

static void without_a_host_nobody_knows_whose_gpus_they_are(void **state)
{
	(void)state;
	assert_refused_import("nvidia-smi-xml", NULL, "<nvidia_smi_log><gpu/></nvidia_smi_log>",
			      "does not name it; say which one");
	assert_refused_import("nvidia-smi-csv", NULL, CLUSTER ", 1\n", "does not name it");
}

static void a_real_tray_has_its_gpus_chassis_and_slot(void **state)
{
	char *text = sample_text("nvidia-smi/qx-gb200.xml");
	struct pl_survey *s = survey_of(NULL, "r1t1", text);
	struct pl_survey_host *host = host_named(s, "r1t1");

	(void)state;
	assert_int_equal(host->n_gpus.n, 4);
	assert_int_equal(host->n_gpus_seen, 4);
	assert_string_equal(host->gpus[1].bus_id, "0000:3f:00.0");
	assert_string_equal(host->gpus[0].model, "NVIDIA GB200");
	assert_non_null(host->gpus[0].uuid);
	assert_string_equal(host->chassis.text, "1820000000001");
	assert_int_equal(host->slot.n, 14);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(host->gpus[i].index, i);
	pl_survey_destroy(s);
	free(text);
}

static void a_degraded_fabric_is_bad_health_with_the_reason(void **state)
{
	char *text = sample_text("nvidia-smi/qx-gb200-fabric-degraded-mock.xml");
	struct pl_survey *s = survey_of(NULL, "r1t1", text);
	struct pl_survey_host *host = host_named(s, "r1t1");

	(void)state;
	assert_int_equal(host->n_gpus_seen, 2);
	assert_int_equal(host->gpus[1].health, PL_HEALTH_BAD);
	assert_string_equal(host->gpus[1].why,
			    "NVLink fabric: Unhealthy; NVLink route unhealthy: True");
	assert_string_equal(host->gpus[1].domain, "00000000-0000-0000-0000-000000000001.0");
	pl_survey_destroy(s);
	free(text);
}

static void a_completed_registration_is_a_domain(void **state)
{
	struct pl_survey *s = survey_of_fabric("Completed", "Success", "32766", CLUSTER, "Healthy");
	struct pl_survey_host *host = host_named(s, "r1t1");

	(void)state;
	assert_string_equal(host->gpus[0].domain, CLUSTER ".32766");
	assert_string_equal(host->domain.text, CLUSTER ".32766");
	assert_string_equal(host->gpus[0].bus_id, "0000:9d:00.0");
	assert_int_equal(host->gpus[0].health, PL_HEALTH_OK);
	assert_null(host->gpus[0].why);
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static void a_fabric_that_cannot_be_believed_is_no_domain(void **state)
{
	static const char zeros[] = "00000000-0000-0000-0000-000000000000";
	static const struct {
		const char *state, *status, *clique, *cluster, *why;
	} cases[] = {
		{ "Completed", "Success", "0", zeros, "all zeros" },
		{ "Completed", "Insufficient Resources", "0", zeros, "Insufficient Resources" },
		{ "Completed", "Insufficient Resources", "3", CLUSTER, "Insufficient Resources" },
		{ "In Progress", "N/A", "N/A", "N/A", "In Progress" },
		{ "Not Started", "N/A", "0", CLUSTER, "Not Started" },
		{ "N/A", "N/A", "N/A", "N/A", "(N/A)" },
		{ "Completed", "Success", "N/A", CLUSTER, "(N/A)" },
		{ "Completed", "Success", "7", "what ever", "no UUID" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_survey *s = survey_of_fabric(cases[i].state, cases[i].status,
						       cases[i].clique, cases[i].cluster, "N/A");

		assert_null(s->hosts[0].gpus[0].domain);
		assert_null(s->hosts[0].domain.text);
		assert_says(s->hosts[0].gpus[0].why, cases[i].why);
		assert_int_equal(s->hosts[0].gpus[0].health, PL_HEALTH_UNKNOWN);
		pl_survey_destroy(s);
	}
}

static void what_is_wrong_with_a_gpu_is_told(void **state)
{
	static const struct {
		const char *more, *why;
	} cases[] = {
		{ "<mig_mode><current_mig>Enabled</current_mig></mig_mode>", "(MIG)" },
		{ "<ecc_errors><volatile><dram_uncorrectable>3</dram_uncorrectable></volatile>"
		  "</ecc_errors>", "uncorrectable errors in its memory: 3" },
		{ "<remapped_rows><remapped_row_failure>Yes</remapped_row_failure>"
		  "</remapped_rows>", "could not be remapped" },
		{ "<remapped_rows><remapped_row_pending>Yes</remapped_row_pending>"
		  "</remapped_rows>", "wait for a reset" },
		{ "<gpu_recovery_action>Drain and Reset</gpu_recovery_action>",
		  "asks for: Drain and Reset" },
		{ "<fabric><health><bandwidth>Degraded</bandwidth></health></fabric>",
		  "NVLink bandwidth: Degraded" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_survey *s = survey_of_gpu(cases[i].more);

		assert_int_equal(s->hosts[0].gpus[0].health, PL_HEALTH_BAD);
		assert_says(s->hosts[0].gpus[0].why, cases[i].why);
		pl_survey_destroy(s);
	}
}

static void counters_at_rest_are_no_illness(void **state)
{
	struct pl_survey *s = survey_of_gpu(
		"<mig_mode><current_mig>N/A</current_mig></mig_mode><ecc_errors><volatile>"
		"<dram_uncorrectable>0</dram_uncorrectable><sram_uncorrectable_parity>N/A"
		"</sram_uncorrectable_parity></volatile></ecc_errors><gpu_recovery_action>None"
		"</gpu_recovery_action><fabric><health><summary>Healthy</summary>"
		"<incorrect_configuration>None</incorrect_configuration></health></fabric>");

	(void)state;
	assert_int_equal(s->hosts[0].gpus[0].health, PL_HEALTH_OK);
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static void a_report_of_some_gpus_keeps_their_indexes(void **state)
{
	struct pl_survey *s = survey_of("nvidia-smi-xml", "h",
					"<nvidia_smi_log><attached_gpus>4</attached_gpus><gpu>"
					"<minor_number>2</minor_number></gpu></nvidia_smi_log>");

	(void)state;
	assert_int_equal(s->hosts[0].n_gpus.n, 4);
	assert_int_equal(s->hosts[0].gpus[0].index, 2);
	assert_note(s, "4 GPUs are attached and 1 described");
	pl_survey_destroy(s);
}

static void two_columns_are_a_domain_for_each_gpu(void **state)
{
	struct pl_survey *s = survey_of(NULL, "r1t1", CLUSTER ", 5\r\n" CLUSTER ", 5\n\n");

	(void)state;
	assert_int_equal(s->hosts[0].n_gpus.n, 2);
	assert_string_equal(s->hosts[0].gpus[1].domain, CLUSTER ".5");
	assert_string_equal(s->hosts[0].domain.text, CLUSTER ".5");
	pl_survey_destroy(s);
	s = survey_of("nvidia-smi-csv", "r1t1", "fabric.clusterUuid, fabric.cliqueId\nN/A, N/A\n");
	assert_null(s->hosts[0].gpus[0].domain);
	assert_int_equal(s->hosts[0].n_gpus.n, 1);
	pl_survey_destroy(s);
}

static void columns_that_are_others_are_refused_with_the_line(void **state)
{
	(void)state;
	assert_refused_import("nvidia-smi-csv", "h", "", "in:1: no GPU");
	assert_refused_import("nvidia-smi-csv", "h", CLUSTER ", 5\n5\n", "in:2: a cluster UUID");
	assert_refused_import("nvidia-smi-csv", "h", CLUSTER ", 5, 6\n", "in:1:");
	assert_refused_import("nvidia-smi-csv", "h", "Failed to initialize NVML, 5\n", "in:1:");
}

static void gpus_of_one_host_in_two_domains_are_told(void **state)
{
	struct pl_survey *s = survey_of(NULL, "r1t1", CLUSTER ", 5\n" CLUSTER ", 6\n");

	(void)state;
	assert_null(s->hosts[0].domain.text);
	assert_note(s, "r1t1: its GPUs 0 and 1 are not in one NVLink domain");
	pl_survey_destroy(s);
}

static void a_second_report_that_differs_is_told(void **state)
{
	struct pl_survey *s = survey_of(NULL, "r1t1", CLUSTER ", 5\n");

	(void)state;
	assert_int_equal(import_bytes(s, NULL, "r1t1", CLUSTER ", 6\n", 40, NULL), 0);
	assert_string_equal(s->hosts[0].gpus[0].domain, CLUSTER ".5");
	assert_note(s, "the NVLink domain of its GPU 0 is " CLUSTER ".5 by one source");
	pl_survey_destroy(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_report_is_refused_with_the_line),
	cmocka_unit_test(without_a_host_nobody_knows_whose_gpus_they_are),
	cmocka_unit_test(a_real_tray_has_its_gpus_chassis_and_slot),
	cmocka_unit_test(a_degraded_fabric_is_bad_health_with_the_reason),
	cmocka_unit_test(a_completed_registration_is_a_domain),
	cmocka_unit_test(a_fabric_that_cannot_be_believed_is_no_domain),
	cmocka_unit_test(what_is_wrong_with_a_gpu_is_told),
	cmocka_unit_test(counters_at_rest_are_no_illness),
	cmocka_unit_test(a_report_of_some_gpus_keeps_their_indexes),
	cmocka_unit_test(two_columns_are_a_domain_for_each_gpu),
	cmocka_unit_test(columns_that_are_others_are_refused_with_the_line),
	cmocka_unit_test(gpus_of_one_host_in_two_domains_are_told),
	cmocka_unit_test(a_second_report_that_differs_is_told),
};

UNIT_MAIN(tests)
