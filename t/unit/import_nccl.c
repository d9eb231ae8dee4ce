/* import_nccl.c - tests of core/map/import_nccl.c, import_hwloc.c and hostdevices.c */
#include "survey_import.h"

static const struct pl_survey_gpu *gpu_of(const struct pl_survey *s, uint32_t index)
{
	for (size_t i = 0; i < s->hosts[0].n_gpus_seen; i++) {
		if (s->hosts[0].gpus[i].index == index)
			return &s->hosts[0].gpus[i];
	}
	fail_msg("no GPU %u", index);
	return NULL;
}

static void assert_gpu(const struct pl_survey *s, uint32_t index, const char *bus_id,
		       const char *adapter, int numa)
{
	const struct pl_survey_gpu *gpu = gpu_of(s, index);

	assert_string_equal(gpu->bus_id != NULL ? gpu->bus_id : "none", bus_id);
	assert_string_equal(gpu->adapter != NULL ? gpu->adapter : "none", adapter);
	assert_int_equal(gpu->numa, numa);
}

#define NET(n, more)                                                                               \
	"<nic><net name=\"mlx5_" n "\" dev=\"" n "\" speed=\"400000\" guid=\"0x1" n "\"" more      \
	"/></nic>"

static void a_gpu_has_the_adapter_of_its_bridge(void **state)
{
	struct pl_survey *s = survey_known(
		"<system version=\"1\">\n"
		"<cpu numaid=\"0\" host_hash=\"0x1\">\n"
		" <pci busid=\"0000:0A:00.0\" class=\"0x060400\">\n"
		"  <pci busid=\"0000:0B:00.0\" class=\"0x030200\"><gpu dev=\"1\" rank=\"1\"/></pci>\n"
		"  <pci busid=\"0000:0C:00.0\" class=\"0x020700\">" NET("0", "") "</pci>\n"
		" </pci>\n"
		"</cpu>\n"
		"<cpu numaid=\"1\" host_hash=\"0x1\">\n"
		" <pci busid=\"0000:1b:00.0\" class=\"0x030200\"><gpu dev=\"0\"/></pci>\n"
		" <pci busid=\"0000:1c:00.0\" class=\"0x020700\">" NET("1", "") "</pci>\n"
		"</cpu></system>\n",
		"nccl");

	(void)state;
	assert_string_equal(s->hosts[0].name, "here");
	assert_int_equal(s->hosts[0].n_gpus.n, 2);
	assert_int_equal(s->hosts[0].n_adapters.n, 2);
	assert_string_equal(s->hosts[0].fabric.text, "infiniband");
	assert_gpu(s, 1, "0000:0b:00.0", "mlx5_0", 0);
	assert_gpu(s, 0, "0000:1b:00.0", "mlx5_1", 1);
	assert_true(s->fabric_gbyte_s > 49.9 && s->fabric_gbyte_s < 50.1);
	pl_survey_destroy(s);
}

static void on_grace_gpus_and_adapters_meet_at_their_socket(void **state)
{
	struct pl_survey *s = survey_known(
		"<system version=\"1\">"
		"<cpu numaid=\"0\" arch=\"arm64\">"
		"<pci busid=\"0008:01:00.0\" class=\"0x030200\"><gpu dev=\"0\"/></pci>"
		"<pci busid=\"0009:01:00.0\" class=\"0x030200\"><gpu dev=\"1\"/></pci>"
		"<pci busid=\"0003:01:00.0\" class=\"0x020000\">" NET("1", "") "</pci>"
		"<pci busid=\"0002:01:00.0\" class=\"0x020000\">" NET("0", "") "</pci>"
		"</cpu></system>",
		"nccl");

	(void)state;
	assert_gpu(s, 0, "0008:01:00.0", "mlx5_0", 0);
	assert_gpu(s, 1, "0009:01:00.0", "mlx5_1", 0);
	assert_string_equal(s->hosts[0].fabric.text, "ethernet");
	pl_survey_destroy(s);
}

static void a_swapped_rail_and_planes_are_noted(void **state)
{
	struct pl_survey *s = survey_known(
		"<system version=\"2\"><cpu numaid=\"0\">"
		"<pci busid=\"0000:01:00.0\" class=\"0x060400\">"
		"<pci busid=\"0000:02:00.0\" class=\"0x030200\"><gpu dev=\"0\"/></pci>"
		"<pci busid=\"0000:03:00.0\" class=\"0x020000\">"
		NET("0", " rail=\"1\" plane=\"1\"") "</pci></pci>"
		"</cpu></system>",
		"nccl");

	(void)state;
	assert_note(s, "here: GPU 0 is on rail 1, by its nearest adapter mlx5_0");
	assert_note(s, "2 planes");
	pl_survey_destroy(s);
}

static void what_is_no_topology_of_one_host_is_refused(void **state)
{
	struct strbuf deep = STRBUF_INIT;
	const char *several = "<system>\n<cpu host_hash=\"0x1\"/>\n<cpu host_hash=\"0x2\"/></system>";

	(void)state;
	assert_refused_import(NULL, NULL, "<system><cpu busid=\"\"/></system>", "names no host");
	assert_refused_import(NULL, "h", several, "in:3: it describes several hosts");
	assert_refused_import(NULL, "h", "<system><cpu busid=''/></system>", "it has no GPUs");
	assert_refused_import(NULL, "h", "<system>\n<cpu busid=''>\n</system>",
			      "in:3: this is no XML: mismatched tag");
	strbuf_adds(&deep, "<system><cpu busid='1'>");
	for (int i = 0; i < 300; i++)
		strbuf_adds(&deep, "<pci>");
	assert_refused_import(NULL, "h", strbuf_str(&deep), "nested more than 256 deep");
	strbuf_fini(&deep);
}

static void entities_that_grow_without_end_are_refused(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_adds(&b, "<!DOCTYPE system [<!ENTITY e0 \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\">");
	for (int i = 1; i < 9; i++)
		strbuf_addf(&b,
			    "<!ENTITY e%d \"&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;&e%d;\">", i,
			    i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
	strbuf_adds(&b, "]><system><cpu busid=\"\">&e8;</cpu></system>");
	assert_refused_import(NULL, "h", strbuf_str(&b), "amplification");
	strbuf_fini(&b);
}

static void sample_topologies_of_nccl_pair_each_gpu(void **state)
{
	struct pl_survey *s = sample_known("nccl/azure-ndv5-topo.xml", "nccl");

	(void)state;
	assert_int_equal(s->hosts[0].n_gpus.n, 8);
	assert_int_equal(s->hosts[0].n_adapters.n, 8);
	assert_gpu(s, 0, "0001:00:00.0", "0101:00:00.0", 0);
	assert_gpu(s, 7, "000c:00:00.0", "0108:00:00.0", 1);
	pl_survey_destroy(s);
	s = sample_known("nccl/azure-ndv4-topo.xml", "nccl");
	assert_gpu(s, 0, "0001:00:00.0", "0101:00:00.0", 1);
	assert_gpu(s, 3, "0004:00:00.0", "0104:00:00.0", 0);
	pl_survey_destroy(s);
	s = sample_known("nccl/azure-ncv4-topo.xml", "nccl");
	assert_int_equal(s->hosts[0].n_gpus.n, 4);
	assert_int_equal(s->hosts[0].n_adapters.n, 0);
	assert_gpu(s, 3, "0004:00:00.0", "none", 3);
	assert_note(s, "sockets");
	pl_survey_destroy(s);
}

static void a_graph_of_nccl_is_no_topology(void **state)
{
	char *graph = sample_text("nccl/azure-ncv4-graph.xml");

	(void)state;
	assert_refused_import(NULL, "h", graph, "in:1: this is NCCL's graph");
	free(graph);
}

/* Two sockets: one GPU with an InfiniBand adapter beside it, one with an Ethernet adapter that does
 * RDMA and a plain one. */
static const char hwloc_text[] =
	"<?xml version=\"1.0\"?>\n<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
	"<topology version=\"2.0\"><object type=\"Machine\" os_index=\"0\">\n"
	"<info name=\"HostName\" value=\"gpu7.example.org\"/>\n"
	"<object type=\"Package\"><object type=\"NUMANode\" os_index=\"4\"/>\n"
	" <object type=\"Bridge\" pci_busid=\"0000:00:01.0\" pci_type=\"0604 [1000:c010]\">\n"
	"  <object type=\"PCIDev\" pci_busid=\"0000:01:00.0\" pci_type=\"0302 [10de:2330] a1\">\n"
	"   <object type=\"OSDev\" name=\"nvml1\" osdev_type=\"1\">\n"
	"    <info name=\"GPUModel\" value=\"NVIDIA H100\"/>\n"
	"    <info name=\"NVIDIAUUID\" value=\"GPU-1\"/></object></object>\n"
	"  <object type=\"PCIDev\" pci_busid=\"0000:02:00.0\" pci_type=\"0207 [15b3:1021]\">\n"
	"   <object type=\"OSDev\" name=\"ib0\" osdev_type=\"2\"/>\n"
	"   <object type=\"OSDev\" name=\"mlx5_5\" osdev_type=\"3\">\n"
	"    <info name=\"NodeGUID\" value=\"a088:c203\"/></object></object></object></object>\n"
	"<object type=\"Package\"><object type=\"NUMANode\" os_index=\"5\"/>\n"
	" <object type=\"NUMANode\" os_index=\"6\"/>\n"
	" <object type=\"PCIDev\" pci_busid=\"0000:81:00.0\" pci_type=\"0200 [8086:1521]\">\n"
	"  <object type=\"OSDev\" name=\"eno1\" osdev_type=\"2\"/></object>\n"
	" <object type=\"PCIDev\" pci_busid=\"0000:82:00.0\" pci_type=\"0200 [15b3:a2dc]\">\n"
	"  <object type=\"OSDev\" name=\"mlx5_6\" osdev_type=\"3\">\n"
	"   <info name=\"NodeGUID\" value=\"a088:c204\"/></object></object>\n"
	" <object type=\"PCIDev\" pci_busid=\"0000:83:00.0\" pci_type=\"0300 [10de:2330] a1\"/>\n"
	" <object type=\"PCIDev\" pci_busid=\"0000:84:00.0\" pci_type=\"0300 [1a03:2000] a1\"/>\n"
	"</object></object></topology>\n";

static void hwloc_tells_gpus_adapters_and_numa_nodes(void **state)
{
	struct pl_survey *s = survey_of(NULL, NULL, hwloc_text);

	(void)state;
	assert_string_equal(s->sources[0].format, "hwloc");
	assert_string_equal(s->hosts[0].name, "gpu7");
	assert_int_equal(s->hosts[0].n_gpus.n, 2);
	assert_int_equal(s->hosts[0].n_adapters.n, 2);
	assert_gpu(s, 1, "0000:01:00.0", "mlx5_5", 4);
	assert_gpu(s, 0, "0000:83:00.0", "mlx5_6", 5);
	assert_string_equal(gpu_of(s, 1)->model, "NVIDIA H100");
	assert_string_equal(gpu_of(s, 1)->uuid, "GPU-1");
	assert_string_equal(s->hosts[0].fabric.text, "infiniband"); /* what the GPU is near */
	pl_survey_destroy(s);
}

static void hwloc_without_devices_says_how_to_get_them(void **state)
{
	(void)state;
	assert_refused_import("hwloc", NULL, "<topology><object type=\"Machine\"/></topology>",
			      "names no host");
	assert_refused_import("hwloc", NULL, "<topology>\n<object/></topology>",
			      "in:2: an object without a type");
	assert_refused_import("hwloc", NULL,
			      "<topology><info name=\"HostName\" value=\"a\"/></topology>",
			      "lstopo --whole-io");
	assert_refused_import("hwloc", NULL, "<machine/>", "begins with <machine>");
}

static void sample_topologies_of_hwloc_of_version_3_are_read(void **state)
{
	char *none = sample_text("hwloc/nvidia-dgx-gb10.xml");
	struct pl_survey *s = sample_known("hwloc/nvidiaDGX2.xml", "hwloc");

	(void)state;
	assert_int_equal(s->hosts[0].n_gpus.n, 16);
	assert_string_equal(gpu_of(s, 7)->model, "Tesla V100-SXM3-32GB-H");
	assert_gpu(s, 0, "0000:34:00.0", "none", 0);
	pl_survey_destroy(s);
	assert_refused_import(NULL, NULL, none, "lstopo --whole-io");
	free(none);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_gpu_has_the_adapter_of_its_bridge),
	cmocka_unit_test(on_grace_gpus_and_adapters_meet_at_their_socket),
	cmocka_unit_test(a_swapped_rail_and_planes_are_noted),
	cmocka_unit_test(what_is_no_topology_of_one_host_is_refused),
	cmocka_unit_test(entities_that_grow_without_end_are_refused),
	cmocka_unit_test(sample_topologies_of_nccl_pair_each_gpu),
	cmocka_unit_test(a_graph_of_nccl_is_no_topology),
	cmocka_unit_test(hwloc_tells_gpus_adapters_and_numa_nodes),
	cmocka_unit_test(hwloc_without_devices_says_how_to_get_them),
	cmocka_unit_test(sample_topologies_of_hwloc_of_version_3_are_read),
};

UNIT_MAIN(tests)
