/* repair.c - tests of core/map/repair.h and core/map/rankmap_read.h */
#include "unit.h"

#include "base/mem.h"
#include "map/rankmap_read.h"
#include "map/repair.h"

/* Racks of 4 hosts of 4 GPUs. */
static struct pl_topo *create_racks(const char *hosts_text, unsigned racks)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "rack", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "fabric", .count = racks, .bandwidth_gbyte_s = 100 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse(hosts_text, NULL, NULL);
	struct pl_topo_spec spec = { .name = "racks", .hosts = hosts, .gpus_per_host = 4,
		                     .levels = levels, .n_levels = ARRAY_LEN(levels) };
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

struct stage {
	struct pl_topo *topo;
	struct pl_job job;
	struct pl_map_request request;
	uint32_t pe[64];
	struct pl_map_repair repair;
};

/* Two racks of 16 GPUs; ranks 0 to n - 1 on the first GPUs of each rack, `per_rack` in one. */
static void stage_init(struct stage *s, const char *job, uint32_t per_rack)
{
	*s = (struct stage){ .topo = create_racks("h[1-8]", 2) };
	assert_int_equal(pl_job_parse(&s->job, job, NULL), 0);
	s->request = (struct pl_map_request){ .topo = s->topo, .job = &s->job,
		                              .launcher = PL_FOR_MPI };
	for (uint32_t r = 0; r < s->job.world; r++)
		s->pe[r] = r / per_rack * 16 + r % per_rack;
	s->repair = (struct pl_map_repair){ .previous = s->pe, .n = s->job.world };
}

static uint32_t count_moved(const struct stage *s, const struct pl_rankmap *m)
{
	uint32_t n = 0;

	for (uint32_t r = 0; r < m->n_ranks; r++) {
		assert_false(s->topo->unusable[m->places[r].pe]);
		n += m->places[r].pe != s->pe[r];
		assert_int_equal(pl_rankmap_find(m, m->places[r].pe), r);
	}
	return n;
}

static void a_spare_in_the_rack_takes_the_rank_and_nobody_else_moves(void **state)
{
	struct stage s;
	struct pl_rankmap *m;

	(void)state;
	stage_init(&s, "tp=4 dp=6", 12);
	assert_int_equal(pl_topo_mark_unusable(s.topo, "h6:2", NULL), 0);
	m = pl_rankmap_repair(&s.request, &s.repair, NULL);
	assert_non_null(m);
	assert_int_equal(count_moved(&s, m), 1);
	assert_int_equal(m->places[18].pe, 28);
	assert_string_equal(m->notes[1], "move rank 18: h6 GPU 2 -> h8 GPU 0 (same rack)");
	pl_rankmap_destroy(m);
	pl_topo_destroy(s.topo);
}

static void a_launcher_that_keeps_hosts_moves_the_host(void **state)
{
	struct stage s;
	struct pl_rankmap *m;

	(void)state;
	stage_init(&s, "tp=4 dp=6", 12);
	s.request.launcher = PL_FOR_TORCHRUN;
	assert_int_equal(pl_topo_mark_unusable(s.topo, "h6:2", NULL), 0);
	m = pl_rankmap_repair(&s.request, &s.repair, NULL);
	assert_non_null(m);
	assert_int_equal(count_moved(&s, m), 4);
	assert_int_equal(m->places[16].pe, 28);
	assert_non_null(strstr(m->notes[m->n_notes - 1], "so all 4 of a host move: with --for mpi "
							 "or env 1 would"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(s.topo);
}

static void without_a_spare_in_the_rack_the_group_moves_with_it(void **state)
{
	struct stage s;
	struct pl_rankmap *m;

	(void)state;
	stage_init(&s, "tp=4 dp=6", 16);
	assert_int_equal(pl_topo_mark_unusable(s.topo, "h2:0", NULL), 0);
	m = pl_rankmap_repair(&s.request, &s.repair, NULL);
	assert_non_null(m);
	assert_int_equal(count_moved(&s, m), 4);
	assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
	pl_rankmap_destroy(m);
	/* unless only the ranks on failed hardware may move */
	s.repair.keep_hosts = true;
	m = pl_rankmap_repair(&s.request, &s.repair, NULL);
	assert_non_null(m);
	assert_int_equal(count_moved(&s, m), 1);
	pl_rankmap_destroy(m);
	s.repair.keep_hosts = false;
	s.repair.max_moves = 3;
	m = pl_rankmap_repair(&s.request, &s.repair, NULL);
	assert_non_null(m);
	assert_int_equal(count_moved(&s, m), 1);
	pl_rankmap_destroy(m);
	pl_topo_destroy(s.topo);
}

static void what_cannot_be_repaired_says_why(void **state)
{
	struct stage s;
	struct pl_error err = { 0 };

	(void)state;
	stage_init(&s, "tp=4 dp=8", 16);
	assert_int_equal(pl_topo_mark_unusable(s.topo, "h2:0", NULL), 0);
	assert_null(pl_rankmap_repair(&s.request, &s.repair, &err));
	assert_int_equal(err.code, PL_ENOENT);
	assert_says(err.text, "no spare for rank 4 of h2");
	s.repair.n = 8;
	assert_null(pl_rankmap_repair(&s.request, &s.repair, &err));
	assert_says(err.text, "the map has 8 ranks, the job 32");
	pl_topo_destroy(s.topo);

	stage_init(&s, "tp=4 dp=6", 12);
	assert_int_equal(pl_topo_mark_unusable(s.topo, "h1,h5", NULL), 0);
	s.repair.max_moves = 5;
	assert_null(pl_rankmap_repair(&s.request, &s.repair, &err));
	assert_says(err.text, "8 ranks would move and 5 may");
	pl_topo_destroy(s.topo);
}

static void an_order_evaluated_costs_what_the_order_costs(void **state)
{
	struct stage s;
	struct pl_rankmap *m;

	(void)state;
	stage_init(&s, "tp=4 dp=6", 16);
	m = pl_rankmap_evaluate(&s.request, s.pe, s.job.world, NULL);
	assert_non_null(m);
	assert_true(m->cost.step == m->baseline.step);
	pl_rankmap_destroy(m);
	pl_topo_destroy(s.topo);
}

static void maps_are_read_in_each_format(void **state)
{
	static const char *const texts[] = {
		"5\n0\n",
		"\n# by hand\nrank 1=h1 slot=0\nrank 0=h2 slots=1 # there\n",
		"rank,host,gpu,local_rank\n0,h2,1,0\n1,h1,0,0\n",
		("{\"ranks\":[\n{\"rank\":0,\"host\":\"h2\",\"gpu\":1},\n"
		 "{\"rank\":1,\"host\":\"h1\",\"gpu\":0}]}"),
	};
	struct pl_topo *t = create_racks("h[1-8]", 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint32_t *pe, n;

		assert_int_equal(pl_rankmap_read(t, "m", texts[i], strlen(texts[i]), &pe, &n, NULL),
				 0);
		assert_int_equal(n, 2);
		assert_int_equal(pe[0], 5);
		assert_int_equal(pe[1], 0);
		free(pe);
	}
	pl_topo_destroy(t);
}

static void what_is_wrong_in_a_map_is_told_with_its_line(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "m:1: no ranks" },
		{ "0\n0\n", "m:2: rank 1 is on GPU 0 of h1, where rank 0 is (line 1)" },
		{ "0\n99\n", "m:2: PE 99: 'racks' has PEs 0 to 31" },
		{ "0\nx\n", "m:2: 'x' is no PE number" },
		{ "rank 0=h1 slot=0\nrank 0=h1 slot=1\n", "m:2: rank 0 was placed in line 1" },
		{ "rank 0=h1 slot=0\n\nrank 2=h1 slot=1\n", "m:3: rank 1 is missing" },
		{ "rank 0=h9 slot=0\n", "m:1: h9 is no host of 'racks'" },
		{ "rank 0=h1 slot=4\n", "m:1: h1 has GPUs 0 to 3, not 4" },
		{ "rank 0=h1 slot=0-3\n", "m:1: rank 0: 'slot=' takes one GPU index" },
		{ "rank 0 h1\n", "m:1: 'rank 0 h1': no rank number" },
		{ "rank 9999999=h1 slot=0\n", "m:1: rank 9999999: the machine has 32 GPUs" },
		{ "rank,host,gpu\n0,h1\n", "m:2: rank 0: no host and GPU" },
		{ "{\n\"ranks\":", "m:2: no JSON" },
		{ "{}", "no \"ranks\"" },
		{ "{\"ranks\":[{\"rank\":-1,\"host\":\"h1\",\"gpu\":0}]}", "entry 1" },
	};
	struct pl_topo *t = create_racks("h[1-8]", 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };
		uint32_t *pe, n;

		assert_int_equal(pl_rankmap_read(t, "m", cases[i].text, strlen(cases[i].text), &pe,
						 &n, &err), -1);
		assert_says(err.text, cases[i].says);
	}
	pl_topo_destroy(t);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_spare_in_the_rack_takes_the_rank_and_nobody_else_moves),
	cmocka_unit_test(a_launcher_that_keeps_hosts_moves_the_host),
	cmocka_unit_test(without_a_spare_in_the_rack_the_group_moves_with_it),
	cmocka_unit_test(what_cannot_be_repaired_says_why),
	cmocka_unit_test(an_order_evaluated_costs_what_the_order_costs),
	cmocka_unit_test(maps_are_read_in_each_format),
	cmocka_unit_test(what_is_wrong_in_a_map_is_told_with_its_line),
};

UNIT_MAIN(tests)
