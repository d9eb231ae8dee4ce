/* import_nvidia_topo.c - tests of core/map/import_nvidia_topo.c: samples of an HGX host and of a
 * Grace tray, and matrices with one trap each. */
#include "survey_import.h"

/* As a terminal gets it: tabs, an underlined header, an empty cell. */
static const char tabs[] =
	"\t\033[4mGPU0\tGPU1\tNIC0\tNIC1\tNIC2\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\033[0m\n"
	"GPU0\t X \tNV18\tPXB\tSYS\tNODE\t0-31\t0\t\tN/A\n"
	"GPU1\tNV18\t X \tNODE\tPIX\tSYS\t\t1\t\tN/A\n"
	"NIC0\tPXB\tNODE\t X \tSYS\tNODE\n"
	"NIC1\tSYS\tPIX\tSYS\t X \tSYS\n"
	"NIC2\tNODE\tSYS\tSYS\tSYS\t X \n\n"
	"Legend:\n\n  X    = Self\n  NV#  = Connection traversing a bonded set of # NVLinks\n\n"
	"NIC Legend:\n\n  NIC0: mlx5_4\n  NIC1: mlx5_bond_0\n  NIC2: mlx5_9\n";

static void what_is_no_matrix_is_refused_with_the_line(void **state)
{
	(void)state;
	assert_refused_import("nvidia-smi-topo", "h", "", "no GPU in it");
	assert_refused_import("nvidia-smi-topo", "h", "\nNVIDIA-SMI has failed\n",
			      "in:2: a header that begins with GPU0");
	assert_refused_import("nvidia-smi-topo", "h", "\tGPU0\tGPU1\nGPU0\t X \n",
			      "in:2: fewer cells");
	assert_refused_import("nvidia-smi-topo", "h", "\tGPU0\tGPU1\nGPU0\t X \tNV4\n",
			      "rows of GPUs are missing");
	assert_refused_import("nvidia-smi-topo", "h", "\tGPU0\nGPU0\t X \nGPU1\t X \n",
			      "in:3: more GPUs");
	assert_refused_import("nvidia-smi-topo", NULL, "\tGPU0\nGPU0\t X \n", "does not name it");
}

static void an_hgx_host_pairs_each_gpu_with_its_adapter(void **state)
{
	char *text = sample_text("nvidia-smi/topo-m-b300-hgx.txt");
	struct pl_survey *s = survey_of(NULL, "h", text);
	struct pl_survey_host *host = host_named(s, "h");

	(void)state;
	assert_int_equal(host->n_gpus.n, 8);
	/* of 11, the three that share a bridge with no GPU are for storage and users */
	assert_int_equal(host->n_adapters.n, 8);
	for (size_t i = 0; i < 8; i++) {
		char adapter[24];

		snprintf(adapter, sizeof(adapter), "NIC%zu", i);
		assert_string_equal(host->gpus[i].adapter, adapter);
		assert_int_equal(host->gpus[i].numa, i / 2);
	}
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
	free(text);
}

static void on_grace_only_numa_nodes_pair(void **state)
{
	char *text = sample_text("nvidia-smi/topo-m-gb200-compute-tray.txt");
	struct pl_survey *s = survey_of(NULL, "h", text);
	struct pl_survey_host *host = host_named(s, "h");

	(void)state;
	assert_int_equal(host->n_gpus.n, 4);
	assert_int_equal(host->n_adapters.n, 8);
	for (size_t i = 0; i < 4; i++) {
		assert_null(host->gpus[i].adapter);
		assert_int_equal(host->gpus[i].numa, i / 2);
	}
	assert_note(s, "they are paired by NUMA node");
	pl_survey_destroy(s);
	free(text);
}

static void what_a_terminal_gets_is_read(void **state)
{
	struct pl_survey *s = survey_of(NULL, "h", tabs);
	struct pl_survey_host *host = host_named(s, "h");

	(void)state;
	assert_int_equal(host->n_gpus.n, 2);
	assert_int_equal(host->n_adapters.n, 2);
	assert_string_equal(host->gpus[0].adapter, "mlx5_4");
	assert_string_equal(host->gpus[1].adapter, "mlx5_bond_0");
	/* an empty CPU affinity moves nothing */
	assert_int_equal(host->gpus[1].numa, 1);
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static void adapters_in_the_header_by_name_are_read(void **state)
{
	struct pl_survey *s = survey_of(NULL, "h",
					"        GPU0    mlx5_0  mlx5_1  CPU Affinity\n"
					"GPU0     X      SYS     PHB     0-71\n"
					"mlx5_0  SYS      X      SYS\n"
					"mlx5_1  PHB     SYS      X \n");

	(void)state;
	assert_string_equal(s->hosts[0].gpus[0].adapter, "mlx5_1");
	assert_int_equal(s->hosts[0].gpus[0].numa, -1);
	assert_int_equal(s->hosts[0].n_adapters.n, 1);
	pl_survey_destroy(s);
}

static void equally_near_adapters_are_shared_out(void **state)
{
	struct pl_survey *s = survey_of("nvidia-smi-topo", "h",
					"\tGPU0\tGPU1\tGPU2\tNIC0\tNIC1\tCPU Affinity\n"
					"GPU0\t X \tNV4\tNV4\tPXB\tPXB\t0\n"
					"GPU1\tNV4\t X \tNV4\tPXB\tPXB\t0\n"
					"GPU2\tNV4\tNV4\t X \tPXB\tPXB\t0\n");

	(void)state;
	assert_string_equal(s->hosts[0].gpus[0].adapter, "NIC0");
	assert_string_equal(s->hosts[0].gpus[1].adapter, "NIC1");
	assert_string_equal(s->hosts[0].gpus[2].adapter, "NIC0");
	pl_survey_destroy(s);
}

static void gpus_without_nvlink_between_them_are_told(void **state)
{
	struct pl_survey *s = survey_of("nvidia-smi-topo", "h",
					"\tGPU0\tGPU1\tCPU Affinity\n"
					"GPU0\t X \tSYS\t0\nGPU1\tSYS\t X \t0\n");

	(void)state;
	assert_note(s, "in:2: GPUs 0 and 1 of h have no NVLink between them");
	pl_survey_destroy(s);
}

static void a_lone_gpu_without_adapters_is_one(void **state)
{
	struct pl_survey *s = survey_of("nvidia-smi-topo", "h",
					"\tGPU0\tCPU Affinity\nGPU0\t X \t0-3\n");

	(void)state;
	assert_int_equal(s->hosts[0].n_gpus.n, 1);
	assert_int_equal(s->hosts[0].n_adapters.n, 0);
	assert_int_equal(s->n_notes, 0);
	pl_survey_destroy(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_matrix_is_refused_with_the_line),
	cmocka_unit_test(an_hgx_host_pairs_each_gpu_with_its_adapter),
	cmocka_unit_test(on_grace_only_numa_nodes_pair),
	cmocka_unit_test(what_a_terminal_gets_is_read),
	cmocka_unit_test(adapters_in_the_header_by_name_are_read),
	cmocka_unit_test(equally_near_adapters_are_shared_out),
	cmocka_unit_test(gpus_without_nvlink_between_them_are_told),
	cmocka_unit_test(a_lone_gpu_without_adapters_is_one),
};

UNIT_MAIN(tests)
