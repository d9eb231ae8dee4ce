/* rankmap_format.c - tests of core/map/rankmap_format.h */
#include "unit.h"

#include <jansson.h>

#include "base/mem.h"
#include "map/rankmap_format.h"

/* Two hosts of two GPUs, and a map made by hand. */
static struct pl_rankmap *place(const struct pl_topo *topo, const char *text,
                                enum pl_launcher launcher)
{
	struct pl_job job;
	struct pl_map_request request = { .topo = topo, .job = &job, .launcher = launcher };
	struct pl_rankmap *m;

	assert_int_equal(pl_job_parse(&job, text, NULL), 0);
	m = pl_rankmap_place(&request, NULL);
	assert_non_null(m);
	return m;
}

static void assert_format(const struct pl_rankmap *m, const char *format, const char *expected)
{
	struct strbuf out = STRBUF_INIT;
	struct pl_error err = { 0 };

	if (pl_rankmap_format(m, format, &out, &err) < 0)
		fail_msg("%s: %s", format, err.text);
	assert_string_equal(strbuf_str(&out), expected);
	strbuf_fini(&out);
}

static void assert_refused(const struct pl_rankmap *m, const char *format, enum pl_error_code code,
                           const char *says)
{
	struct strbuf out = STRBUF_INIT;
	struct pl_error err = { 0 };

	assert_int_equal(pl_rankmap_format(m, format, &out, &err), -1);
	assert_int_equal(err.code, code);
	assert_says(err.text, says);
	assert_int_equal(out.len, 0);
	strbuf_fini(&out);
}

static void unknown_formats_are_refused(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("2:2", "1:5", NULL);
	struct pl_rankmap *m = place(t, "dp=4", PL_FOR_TORCHRUN);

	(void)state;
	assert_refused(m, "vektor", PL_EUSAGE, "did you mean 'vector'");
	assert_refused(m, "", PL_EUSAGE, "unknown map format");
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void each_format_writes_the_regular_map(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{ "vector", "0\n1\n2\n3\n" },
		{ "csv", "rank,host,gpu,local_rank,node_rank,pe\n"
		         "0,n0,0,0,0,0\n1,n0,1,1,0,1\n2,n1,0,0,1,2\n3,n1,1,1,1,3\n" },
		{ "rankfile", "rank 0=n0 slot=S*\nrank 1=n0 slot=S*\nrank 2=n1 slot=S*\n"
		              "rank 3=n1 slot=S*\n" },
		{ "seq", "n0\nn0\nn1\nn1\n" },
		{ "mpich", "n0:1\nn0:1\nn1:1\nn1:1\n" },
		{ "slurm", "n0\nn0\nn1\nn1\n" },
		{ "deepspeed", "n0 slots=2\nn1 slots=2\n" },
		{ "torchrun", "n0\tCUDA_VISIBLE_DEVICES=0,1 torchrun --nnodes=2 --nproc-per-node=2 "
		              "--node-rank=0 "
		              "--master-addr=n0 --master-port=29500\n"
		              "n1\tCUDA_VISIBLE_DEVICES=0,1 torchrun --nnodes=2 --nproc-per-node=2 "
		              "--node-rank=1 "
		              "--master-addr=n0 --master-port=29500\n" },
	};
	struct pl_topo *t = pl_topo_parse_tree("2:2", "1:5", NULL);
	struct pl_rankmap *m = place(t, "tp=2 dp=2", PL_FOR_TORCHRUN);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_format(m, cases[i].format, cases[i].text);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void json_is_an_object_with_all_that_is_promised(void **state)
{
	static const char *const keys[] = { "ranks", "cost", "baseline", "lower_bound", "assumed",
		                            "notes", "job",  "topology", "launcher",    "seconds",
		                            "unit",  "calibrated", "gain", "no_gain_expected",
		                            "volumes" };
	struct pl_topo *t = pl_topo_parse_tree("2:2", "1:5", NULL);
	struct pl_rankmap *m = place(t, "tp=2 dp=2", PL_FOR_TORCHRUN);
	struct strbuf out = STRBUF_INIT;
	json_t *o, *rank;

	(void)state;
	m->seconds = 0.5;
	assert_int_equal(pl_rankmap_format(m, "json", &out, NULL), 0);
	o = json_loads(strbuf_str(&out), 0, NULL);
	assert_non_null(o);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_non_null(json_object_get(o, keys[i]));
	assert_int_equal(json_array_size(json_object_get(o, "ranks")), 4);
	rank = json_array_get(json_object_get(o, "ranks"), 3);
	assert_int_equal(json_integer_value(json_object_get(rank, "rank")), 3);
	assert_string_equal(json_string_value(json_object_get(rank, "host")), "n1");
	assert_int_equal(json_integer_value(json_object_get(rank, "gpu")), 1);
	json_decref(o);
	strbuf_fini(&out);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void a_gpu_that_is_not_the_local_rank_is_said_or_refused(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("3:2", "1:5", NULL);
	struct pl_rankmap *m;

	(void)state;
	assert_int_equal(pl_topo_mark_unusable(t, "n0:1", NULL), 0);
	m = place(t, "dp=5", PL_FOR_MPI);
	assert_format(m, "vector", "0\n2\n3\n4\n5\n");
	assert_refused(m, "seq", PL_EUSAGE, "rank 1 runs on GPU 2 of n0");
	assert_refused(m, "rankfile", PL_EUSAGE, "rank 1 runs on GPU 2 of n0");
	assert_refused(m, "mpich", PL_EUSAGE, "rank 1 ");
	assert_refused(m, "slurm", PL_EUSAGE, "rank 1 ");
	assert_refused(m, "deepspeed", PL_EUSAGE, "rank 1 ");
	assert_refused(m, "torchrun", PL_EUSAGE, "rank 4 on n1 breaks the equal share");
	pl_rankmap_destroy(m);
	m = place(t, "dp=4", PL_FOR_TORCHRUN);
	assert_format(m, "torchrun",
	              "n0\tCUDA_VISIBLE_DEVICES=0,2 torchrun --nnodes=2 --nproc-per-node=2 "
	              "--node-rank=0 --master-addr=n0 --master-port=29500\n"
	              "n1\tCUDA_VISIBLE_DEVICES=0,1 torchrun --nnodes=2 --nproc-per-node=2 "
	              "--node-rank=1 --master-addr=n0 --master-port=29500\n");
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

/* Swaps the places of two ranks, as a mapper that is free to may. */
static void swap_ranks(struct pl_rankmap *m, uint32_t a, uint32_t b)
{
	struct pl_place p = m->places[a];

	m->places[a] = m->places[b];
	m->places[b] = p;
}

static void a_scattered_map_is_refused_by_formats_of_host_blocks(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("2:2", "1:5", NULL);
	struct pl_rankmap *m = place(t, "dp=4", PL_FOR_MPI);

	(void)state;
	swap_ranks(m, 1, 2); /* n0, n1, n0, n1 */
	assert_refused(m, "torchrun", PL_EUSAGE, "rank 2 comes back to n0");
	assert_refused(m, "deepspeed", PL_EUSAGE, "rank 2 comes back to n0");
	assert_refused(m, "mpich", PL_EUSAGE, "rank 2 comes back to n0");
	assert_format(m, "seq", "n0\nn1\nn0\nn1\n");
	assert_format(m, "rankfile",
	              "rank 0=n0 slot=S*\nrank 1=n1 slot=S*\nrank 2=n0 slot=S*\n"
	              "rank 3=n1 slot=S*\n");
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(unknown_formats_are_refused),
	cmocka_unit_test(each_format_writes_the_regular_map),
	cmocka_unit_test(json_is_an_object_with_all_that_is_promised),
	cmocka_unit_test(a_gpu_that_is_not_the_local_rank_is_said_or_refused),
	cmocka_unit_test(a_scattered_map_is_refused_by_formats_of_host_blocks),
};

UNIT_MAIN(tests)
