/* rankmap_read.c - tests of core/map/rankmap_read.h */
#include "unit.h"

#include "base/mem.h"
#include "map/rankmap_format.h"
#include "map/rankmap_read.h"

/* Eight hosts h1 to h8 of four GPUs. */
static struct pl_topo *create_hosts(const char *unusable)
{
	static const struct pl_topo_level levels[] = { { .name = "host", .count = 4, .distance = 1 },
		                                       { .name = "net", .count = 8, .distance = 5 } };
	struct pl_topo_spec spec = { .name = "eight",
		                     .gpus_per_host = 4,
		                     .levels = levels,
		                     .n_levels = 2 };
	struct pl_hostlist *hosts = pl_hostlist_parse("h[1-8]", NULL, NULL);
	struct pl_topo *t;

	spec.hosts = hosts;
	t = pl_topo_create(&spec, NULL);
	assert_non_null(t);
	pl_hostlist_destroy(hosts);
	assert_int_equal(pl_topo_mark_unusable(t, unusable, NULL), 0);
	return t;
}

static void what_is_no_map_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "<svg>", "m:1: '<svg>': a line of no format of maps" },
		{ "h1 slots=x\n", "m:1: 'h1 slots=x': a line is 'HOST slots=RANKS'" },
		{ "h1 slots=4\nh2\n", "m:2: 'h2': a line is 'HOST slots=RANKS'" },
		{ "h1 slots=99\n", "m:1: h1 has 4 GPUs, not 99" },
		{ "h1:1\nh2\n", "m:2: 'h2': a line is 'HOST:RANKS'" },
		{ "h1:0\n", "m:1: 'h1:0': a line is 'HOST:RANKS'" },
		{ "h1\nh1\nh1\nh1\nh1\n", "m:5: h1 has GPUs 0 to 3, not 4" },
		{ "h1\nh2 h3\n", "m:2: 'h2 h3': a line is one host" },
		{ "h1\tCUDA_VISIBLE_DEVICES=0,1 torchrun --nproc-per-node=4 --node-rank=0\n",
		  "m:1: h1: 2 GPUs for --nproc-per-node=4" },
		{ "h1\ttorchrun --nproc-per-node=4\n", "m:1: 'h1': no CUDA_VISIBLE_DEVICES" },
		{ "h1\nH33\n", "m:2: H33 is no host of 'eight' (did you mean 'h3'?)" },
		{ "rank 0=h1 slot=0\nrank 4=h2 slot=0\n", "m:2: ranks 1-3 are missing below rank 4" },
	};
	struct pl_topo *t = create_hosts("");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };
		uint32_t *pe, n;

		assert_int_equal(pl_rankmap_read(t, "m", cases[i].text, strlen(cases[i].text), &pe,
		                                 &n, &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
		assert_says(err.text, cases[i].says);
	}
	pl_topo_destroy(t);
}

static void everything_that_is_wrong_is_told_with_its_line(void **state)
{
	static const char text[] = "# mine\n"
	                           "rank 0=h1 slot=0\n"
	                           "rank 0=h1 slot=1\n"
	                           "rank 2=h1 slot=9\n"
	                           "rank 3=hh2 slot=0\n"
	                           "rank 4=h1 slot=0\n"
	                           "rank 6=h2 slot=0-1\n"
	                           "rank 7 h2\n";
	struct strbuf problems = STRBUF_INIT;
	struct pl_topo *t = create_hosts("");
	uint32_t *pe, n;

	(void)state;
	assert_int_equal(pl_rankmap_read_all(t, "m", text, strlen(text), &pe, &n, &problems), -1);
	assert_string_equal(strbuf_str(&problems),
	                    "m:3: rank 0 was placed in line 2 already\n"
	                    "m:4: h1 has GPUs 0 to 3, not 9\n"
	                    "m:5: hh2 is no host of 'eight' (did you mean 'h2'?)\n"
	                    "m:7: rank 6: 'slot=' takes one GPU index or S*, not '0-1'\n"
	                    "m:8: 'rank 7 h2': no rank number and '=': a line is 'rank 0=HOST "
	                    "slot=GPU', or slot=S*\n"
	                    "m:7: ranks 1, 5 are missing below rank 6\n"
	                    "m:6: rank 4 is on GPU 0 of h1, where rank 0 is (line 2)");
	strbuf_fini(&problems);
	pl_topo_destroy(t);
}

static void problems_without_end_are_counted(void **state)
{
	struct strbuf text = STRBUF_INIT, problems = STRBUF_INIT;
	struct pl_topo *t = create_hosts("");
	uint32_t *pe, n;

	(void)state;
	for (int i = 0; i < 5000; i++)
		strbuf_addf(&text, "rank 0=x%d slot=0\n", i);
	assert_int_equal(pl_rankmap_read_all(t, "m", text.s, text.len, &pe, &n, &problems), -1);
	assert_says(problems.s, "m: and ");
	assert_true(problems.len < 10000);
	strbuf_fini(&text);
	strbuf_fini(&problems);
	pl_topo_destroy(t);
}

/* What a format writes of a map is read back as the same places. */
static void assert_read_back(const struct pl_rankmap *m, const char *format)
{
	struct strbuf out = STRBUF_INIT;
	struct pl_error err = { 0 };
	uint32_t *pe, n;

	assert_int_equal(pl_rankmap_format(m, format, &out, &err), 0);
	if (pl_rankmap_read(m->topo, format, out.s, out.len, &pe, &n, &err) < 0)
		fail_msg("%s: %s", format, err.text);
	assert_int_equal(n, m->n_ranks);
	for (uint32_t r = 0; r < n; r++)
		assert_int_equal(pe[r], m->places[r].pe);
	free(pe);
	strbuf_fini(&out);
}

static struct pl_rankmap *place(const struct pl_topo *t, const char *text,
                                enum pl_launcher launcher)
{
	struct pl_job job;
	struct pl_map_request request = { .topo = t, .job = &job, .launcher = launcher };
	struct pl_rankmap *m;

	assert_int_equal(pl_job_parse(&job, text, NULL), 0);
	m = pl_rankmap_place(&request, NULL);
	assert_non_null(m);
	return m;
}

static void what_each_format_writes_is_read_back(void **state)
{
	struct pl_topo *t = create_hosts("h3"), *holes = create_hosts("h1:0,h3,h5:2");
	struct pl_rankmap *whole = place(t, "tp=4 dp=7", PL_FOR_TORCHRUN);
	struct pl_rankmap *sparse = place(holes, "dp=26", PL_FOR_MPI);

	(void)state;
	for (size_t i = 0; strcmp(pl_rankmap_formats[i], "svg") != 0; i++)
		assert_read_back(whole, pl_rankmap_formats[i]);
	assert_read_back(sparse, "vector");
	assert_read_back(sparse, "json");
	assert_read_back(sparse, "csv");
	pl_rankmap_destroy(whole);
	pl_rankmap_destroy(sparse);
	pl_topo_destroy(t);
	pl_topo_destroy(holes);
}

static void hosts_of_the_ranks_to_come_may_be_in_any_order(void **state)
{
	static const char text[] = "h2:1\nh1:2 # two\n\nh2:1\n";
	static const uint32_t expected[] = { 4, 0, 1, 5 };
	struct pl_topo *t = create_hosts("");
	uint32_t *pe, n;

	(void)state;
	assert_int_equal(pl_rankmap_read(t, "m", text, strlen(text), &pe, &n, NULL), 0);
	assert_int_equal(n, 4);
	assert_memory_equal(pe, expected, sizeof(expected));
	free(pe);
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_no_map_is_refused),
	cmocka_unit_test(everything_that_is_wrong_is_told_with_its_line),
	cmocka_unit_test(problems_without_end_are_counted),
	cmocka_unit_test(what_each_format_writes_is_read_back),
	cmocka_unit_test(hosts_of_the_ranks_to_come_may_be_in_any_order),
};

UNIT_MAIN(tests)
