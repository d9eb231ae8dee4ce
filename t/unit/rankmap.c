/* rankmap.c - tests of core/map/rankmap.h: what holds for every map, then what a few look like */
#include "unit.h"

#include "base/mem.h"
#include "map/rankmap.h"

/* Racks of 18 trays of 4 GPUs; eight racks to an SU. */
static struct pl_topo *create_racks(unsigned racks, const char *unusable)
{
	struct pl_topo_level levels[] = {
		{ .name = "tray", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "rack", .count = 18, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "su", .count = 8, .bandwidth_gbyte_s = 100 },
		{ .name = "fabric", .count = (racks + 7) / 8, .bandwidth_gbyte_s = 100 },
	};
	char names[64];
	struct pl_hostlist *hosts;
	struct pl_topo_spec spec = {
		.name = "racks", .gpus_per_host = 4, .levels = levels, .n_levels = ARRAY_LEN(levels)
	};
	struct pl_topo *t;

	snprintf(names, sizeof(names), "r[101-%u]t[01-18]", 100 + racks);
	spec.hosts = hosts = pl_hostlist_parse(names, NULL, NULL);
	assert_non_null(hosts);
	t = pl_topo_create(&spec, NULL);
	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	assert_int_equal(pl_topo_mark_unusable(t, unusable, NULL), 0);
	return t;
}

/* Two pods of 8 hosts of 4 GPUs, 1:16 between them. */
static struct pl_topo *create_oversubscribed(void)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 450 },
		{ .name = "pod", .count = 8, .bandwidth_gbyte_s = 50 },
		{ .name = "fabric", .count = 2, .bandwidth_gbyte_s = 50, .oversubscription = 16 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse("n[01-16]", NULL, NULL);
	struct pl_topo_spec spec = { .hosts = hosts, .gpus_per_host = 4, .levels = levels,
		                     .n_levels = ARRAY_LEN(levels) };
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	return t;
}

struct setup {
	const struct pl_topo *topo;
	const char *job, *hosts; /* hosts NULL: all */
	enum pl_launcher launcher;
	enum pl_strategy strategy;
	enum pl_effort effort;
	uint64_t seed;
};

static struct pl_rankmap *try_place(const struct setup *s, struct pl_error *err)
{
	struct pl_hostlist *hosts = s->hosts ? pl_hostlist_parse(s->hosts, NULL, NULL) : NULL;
	struct pl_job job;
	struct pl_map_request request = { .topo = s->topo,
		                          .job = &job,
		                          .hosts = hosts,
		                          .launcher = s->launcher,
		                          .strategy = s->strategy,
		                          .effort = s->effort,
		                          .seed = s->seed };
	struct pl_rankmap *m;

	assert_int_equal(pl_job_parse(&job, s->job, err), 0);
	m = pl_rankmap_place(&request, err);
	pl_hostlist_destroy(hosts);
	return m;
}

/* One rank per GPU, only usable ones, of the hosts asked for. */
static void assert_one_to_one(const struct pl_rankmap *m)
{
	uint8_t *taken = xcalloc(m->topo->n_pes, 1);

	assert_int_equal(m->n_ranks, m->job.world);
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		const struct pl_place *p = &m->places[r];

		assert_true(p->pe < m->topo->n_pes);
		assert_false(m->topo->unusable[p->pe]);
		assert_int_equal(taken[p->pe]++, 0);
		assert_int_equal(pl_topo_pe(m->topo, p->host, p->gpu), p->pe);
		assert_int_equal(pl_rankmap_find(m, p->pe), r);
	}
	free(taken);
}

/* Each host's ranks follow one another, equally many on each. */
static void assert_equal_hosts(const struct pl_rankmap *m)
{
	uint32_t per_host = 1;

	while (per_host < m->n_ranks && m->places[per_host].host == m->places[0].host)
		per_host++;
	assert_int_equal(m->n_ranks % per_host, 0);
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		assert_int_equal(m->places[r].local_rank, r % per_host);
		assert_int_equal(m->places[r].node_rank, r / per_host);
		assert_int_equal(m->places[r].host, m->places[r - r % per_host].host);
	}
}

static struct pl_rankmap *place(const struct setup *s)
{
	struct pl_error err = { 0 };
	struct pl_rankmap *m = try_place(s, &err);

	if (m == NULL)
		fail_msg("%s: %s", s->job, err.text);
	assert_one_to_one(m);
	if (pl_launcher_keeps_hosts(s->launcher))
		assert_equal_hosts(m);
	assert_true(s->strategy == PL_STRATEGY_ALIGNED || m->cost.step <= m->baseline.step);
	assert_true(m->bound.step <= m->cost.step * (1 + 1e-9));
	return m;
}

static bool notes_say(const struct pl_rankmap *m, const char *text)
{
	for (size_t i = 0; i < m->n_notes; i++) {
		if (strstr(m->notes[i], text) != NULL)
			return true;
	}
	return false;
}

static void too_few_gpus_name_the_nearest_size(void **state)
{
	struct pl_topo *t = create_racks(2, "r101t01:0");
	static const struct {
		struct setup setup;
		const char *says;
	} cases[] = {
		{ { .job = "tp=4 dp=37" },
		  "148 ranks need 148 GPUs; 143 are usable on 36 hosts; the "
		  "nearest size that fits is dp=35 with 140 GPUs" },
		{ { .job = "dp=144", .launcher = PL_FOR_MPI }, "dp=143 with 143 GPUs" },
		/* expert groups of 8 over tp=4 need an even dp */
		{ { .job = "tp=4 dp=38 ep=8" }, "dp=34 with 136 GPUs" },
		{ { .job = "tp=8 pp=32 dp=2" }, "not even one replica of 256 GPUs" },
		/* a prime number of ranks: only one on each of the 36 hosts */
		{ { .job = "dp=131" }, "but not on hosts with equally many ranks" },
		{ { .job = "tp=4 dp=2", .hosts = "r101t02" },
		  "4 are usable on 1 host; the nearest "
		  "size that fits is dp=1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct setup s = cases[i].setup;
		struct pl_error err = { 0 };

		s.topo = t;
		assert_null(try_place(&s, &err));
		assert_int_equal(err.code, PL_ENOENT);
		assert_says(err.text, cases[i].says);
	}
	pl_topo_destroy(t);
}

static void a_host_of_another_machine_is_refused(void **state)
{
	struct pl_topo *t = create_racks(1, "");
	struct setup s = { .topo = t, .job = "dp=4", .hosts = "r101t01,elsewhere" };
	struct pl_error err = { 0 };

	(void)state;
	assert_null(try_place(&s, &err));
	assert_int_equal(err.code, PL_EUSAGE);
	assert_non_null(strstr(err.text, "elsewhere is no host of 'racks'"));
	pl_topo_destroy(t);
}

static void every_launcher_and_job_gets_a_valid_map(void **state)
{
	static const char *const jobs[] = { "tp=4 dp=30",     "tp=8 dp=17",
		                            "dp=1",           "dp=132",
		                            "tp=3 dp=40",     "tp=2 cp=4 pp=3 dp=5 ep=8",
		                            "tp=6 pp=4 dp=5", "tp=8 dp=16 ep=32",
		                            "pp=72" };
	static const char *const broken[] = { "", "r101t03:2,r102t18", "r[101-102]t[01-18]:3" };

	(void)state;
	for (size_t b = 0; b < ARRAY_LEN(broken); b++) {
		struct pl_topo *t = create_racks(4, broken[b]);

		for (size_t j = 0; j < ARRAY_LEN(jobs); j++) {
			for (int f = PL_FOR_TORCHRUN; f <= PL_FOR_ENV; f++) {
				struct setup s = { .topo = t,
					           .job = jobs[j],
					           .launcher = (enum pl_launcher)f };

				pl_rankmap_destroy(place(&s));
				s.strategy = PL_STRATEGY_ALIGNED;
				pl_rankmap_destroy(place(&s));
			}
		}
		pl_topo_destroy(t);
	}
}

static void a_regular_job_keeps_its_order(void **state)
{
	struct pl_topo *t = create_racks(8, "");
	struct setup s = { .topo = t, .job = "tp=8 cp=2 pp=4 dp=9 ep=72" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_string_equal(m->strategy, "keep-order");
	for (uint32_t r = 0; r < m->n_ranks; r++)
		assert_int_equal(m->places[r].pe, r);
	assert_true(notes_say(m, "no gain expected: keep your order"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void blocks_stay_whole_where_racks_are_uneven(void **state)
{
	/* 70 of 72 GPUs usable in every rack: in the order given every fifth tensor group splits */
	struct pl_topo *t = create_racks(8, "r[101-108]t18:2-3");
	struct setup s = { .topo = t, .job = "tp=8 pp=8 dp=8" };
	static const enum pl_launcher launchers[] = { PL_FOR_TORCHRUN, PL_FOR_MPI };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(launchers); i++) {
		struct pl_rankmap *m;

		s.launcher = launchers[i];
		m = place(&s);
		assert_string_equal(m->strategy, "aligned");
		assert_true(m->baseline.straddling[PL_FAMILY_TP] > 0);
		assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
		for (uint32_t r = 0; r < m->n_ranks; r++)
			assert_int_equal(pl_topo_unit(t, m->places[r].pe, 1),
			                 pl_topo_unit(t, m->places[r - r % 8].pe, 1));
		pl_rankmap_destroy(m);
	}
	pl_topo_destroy(t);
}

static void racks_with_few_gpus_are_left_out_where_that_keeps_groups_whole(void **state)
{
	/* halves of two racks: 64 of each of the other five and none of these is best */
	struct setup s = { .topo = create_racks(7, "r[102,105]t[10-18]"),
		           .job = "tp=4 cp=2 dp=40 ep=32 hidden=8192 kv=1024 layers=96 seq=8192 "
		                  "microbatches=32 topk=8 params=50e9 expert_params=1e12" };
	struct pl_rankmap *m = place(&s);
	uint32_t in_rack[7] = { 0 };

	(void)state;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		in_rack[m->places[r].pe / 72]++;
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(in_rack[i], i == 1 || i == 4 ? 0 : 64);
	pl_rankmap_destroy(m);
	pl_topo_destroy((struct pl_topo *)s.topo);
}

static void tensor_groups_that_find_no_room_are_cut_in_halves(void **state)
{
	/* 8 racks of 70 GPUs take 64 groups of 8; 68 are wanted */
	struct pl_topo *t = create_racks(8, "r[101-108]t18:2-3");
	struct setup s = { .topo = t, .job = "tp=8 pp=4 dp=17" };
	static const enum pl_launcher launchers[] = { PL_FOR_TORCHRUN, PL_FOR_ENV };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(launchers); i++) {
		struct pl_rankmap *m;

		s.launcher = launchers[i];
		m = place(&s);
		assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 4);
		for (uint32_t r = 0; r < m->n_ranks; r++)
			assert_int_equal(pl_topo_unit(t, m->places[r].pe, 1),
			                 pl_topo_unit(t, m->places[r - r % 4].pe, 1));
		/* whole hosts in a row are cut in halves anyway */
		assert_true(s.launcher == PL_FOR_TORCHRUN ||
		            notes_say(m, "at least 4 ranks on either side"));
		pl_rankmap_destroy(m);
	}
	pl_topo_destroy(t);
}

static void expert_groups_get_a_rack_each_where_there_is_room(void **state)
{
	struct pl_topo *t = create_racks(16, "");
	struct setup s = { .topo = t, .job = "tp=4 dp=140 ep=56" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_true(m->baseline.straddling[PL_FAMILY_EP] > 0);
	assert_int_equal(m->cost.straddling[PL_FAMILY_EP], 0);
	assert_int_equal(m->places[56].pe, 72);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void expert_groups_that_do_not_fit_are_cut_in_halves(void **state)
{
	struct pl_topo *t = create_racks(7, "");
	/* 9 groups of 56 in 7 racks of 72: in the order given a group has 8 ranks apart */
	struct setup s = { .topo = t, .job = "tp=4 dp=126 ep=56" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_string_equal(m->strategy, "packed");
	assert_true(m->cost.step < 0.85 * m->baseline.step);
	assert_true(notes_say(m, "at least 20 ranks on either side"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void parts_of_a_group_are_close_where_there_is_room(void **state)
{
	/* as before on 16 racks, where each unit of 8 has room for 10 whole groups and no more */
	struct pl_topo *t = create_racks(16, "");
	struct setup s = { .topo = t, .job = "tp=4 dp=280 ep=56" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		assert_int_equal(pl_topo_unit(t, m->places[r].pe, 2),
		                 pl_topo_unit(t, m->places[r - r % 56].pe, 2));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void an_unusual_order_of_axes_does_not_split_tensor_groups(void **state)
{
	struct pl_topo *t = create_racks(5, "");
	struct setup s = { .topo = t, .job = "tp=8 dp=36 order=dp-tp" };
	static const enum pl_launcher launchers[] = { PL_FOR_TORCHRUN, PL_FOR_ENV };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(launchers); i++) {
		struct pl_rankmap *m;

		s.launcher = launchers[i];
		m = place(&s);
		assert_int_equal(m->baseline.straddling[PL_FAMILY_TP], 36);
		assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
		pl_rankmap_destroy(m);
	}
	pl_topo_destroy(t);
}

static void pipeline_stages_cross_an_oversubscribed_border_where_data_would_cost_more(void **state)
{
	/* in the job's order each data-parallel ring crosses the border; each stage could be whole */
	struct pl_topo *t = create_oversubscribed();
	struct setup s = { .topo = t, .job = "tp=4 pp=2 dp=8 order=tp-pp-dp params=400e9" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		assert_int_equal(pl_topo_unit(t, m->places[r].pe, 1),
		                 pl_topo_unit(t, m->places[r % 8].pe, 1));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void effort_makes_a_map_no_worse_and_a_seed_makes_the_same_one(void **state)
{
	static const char *const jobs[] = { "tp=4 dp=98 ep=56", "tp=2 pp=4 dp=40 ep=20",
		                            "tp=8 cp=2 pp=3 dp=8 ep=32" };
	struct pl_topo *t = create_racks(9, "r101t03:1,r102t05,r104t[01-02],r107t11:0-2,r109t18");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		struct setup s = { .topo = t, .job = jobs[i], .launcher = PL_FOR_ENV, .seed = 7 };
		struct pl_rankmap *fast = place(&s), *best, *again;

		s.effort = PL_EFFORT_BEST;
		best = place(&s);
		again = place(&s);
		assert_true(best->cost.step <= fast->cost.step * (1 + 1e-9));
		for (uint32_t r = 0; r < best->n_ranks; r++)
			assert_int_equal(best->places[r].pe, again->places[r].pe);
		pl_rankmap_destroy(fast);
		pl_rankmap_destroy(best);
		pl_rankmap_destroy(again);
	}
	pl_topo_destroy(t);
}

static void stages_begin_in_racks_of_their_own_where_that_helps(void **state)
{
	struct pl_topo *t = create_racks(16, "r[101-116]t18:2-3");
	struct setup s = { .topo = t, .job = "tp=8 pp=2 dp=63 ep=24" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
	assert_true(m->cost.step < 0.75 * m->baseline.step);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void the_objective_decides_what_is_better(void **state)
{
	static const struct pl_map_cost slow = { .step = 2, .weighted = 1, .uplink = { [2] = 5 } };
	static const struct pl_map_cost fast = { .step = 1, .weighted = 2, .uplink = { [2] = 9 } };

	(void)state;
	assert_true(map_cost_compare(&fast, &slow, PL_OBJECTIVE_TIME) < 0);
	assert_true(map_cost_compare(&fast, &slow, PL_OBJECTIVE_LOAD) > 0);
	assert_true(map_cost_compare(&fast, &slow, PL_OBJECTIVE_VOLUME) > 0);
	assert_true(map_cost_gain(&slow, &fast, PL_OBJECTIVE_TIME) == 0.5);
}

static void an_oversubscribed_level_is_paid_by_all_who_share_it(void **state)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .bandwidth_gbyte_s = 100 },
		{ .name = "leaf", .count = 2, .bandwidth_gbyte_s = 2 },
		{ .name = "fabric", .count = 2, .bandwidth_gbyte_s = 1, .oversubscription = 4 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse("n[0-3]", NULL, NULL);
	struct pl_topo_spec spec = { .hosts = hosts, .gpus_per_host = 4, .levels = levels,
		                     .n_levels = ARRAY_LEN(levels) };
	struct pl_topo *t = pl_topo_create(&spec, NULL);
	struct pl_map_cost cost;
	struct pl_job job;
	uint32_t pe[16];

	(void)state;
	/* pairs of one GB each way: two of them over the fabric, then all eight */
	assert_int_equal(pl_job_parse(&job, "dp=2 tp=8 params=4B layers=1e-9 order=dp-tp", NULL), 0);
	for (uint32_t r = 0; r < 16; r++)
		pe[r] = r;
	pe[1] = 8;
	pe[8] = 1;
	pl_map_cost(t, &job, pe, &cost);
	assert_true(cost.worst[PL_FAMILY_DP_CP].level == 2);
	assert_false(cost.worst[PL_FAMILY_DP_CP].uplink);
	for (uint32_t r = 0; r < 16; r++)
		pe[r] = r / 2 + r % 2 * 8;
	pl_map_cost(t, &job, pe, &cost);
	assert_true(cost.worst[PL_FAMILY_DP_CP].uplink);
	assert_true(cost.family[PL_FAMILY_DP_CP] == 4 * job_volume(&job, PL_FAMILY_DP_CP));
	pl_topo_destroy(t);
	pl_hostlist_destroy(hosts);
}

static void a_broken_host_is_dropped_only_where_hosts_must_be_equal(void **state)
{
	struct pl_topo *t = create_racks(1, "r101t02:1");
	struct setup s = { .topo = t, .job = "tp=4 dp=2", .strategy = PL_STRATEGY_KEEP_ORDER };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_int_equal(m->places[4].pe, 8);
	assert_true(
	        notes_say(m, "torchrun needs equally many ranks on every host (4 here): r101t02"));
	pl_rankmap_destroy(m);
	s.launcher = PL_FOR_MPI;
	m = place(&s);
	assert_int_equal(m->places[4].pe, 4);
	assert_int_equal(m->places[5].pe, 6);
	assert_false(notes_say(m, "r101t02"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void fewer_ranks_per_host_are_used_when_only_they_divide(void **state)
{
	struct pl_topo *t = create_racks(1, "");
	struct setup s = { .topo = t, .job = "dp=6" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_int_equal(m->places[3].host, 1);
	assert_true(notes_say(m, "3 of 4 GPUs of a host are used"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void hosts_keep_the_order_they_were_given_in(void **state)
{
	struct pl_topo *t = create_racks(1, "");
	struct setup s = { .topo = t, .job = "tp=4 dp=2", .hosts = "r101t07,r101t03" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_int_equal(m->places[0].host, 6);
	assert_int_equal(m->places[4].host, 2);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void hosts_in_a_bad_order_are_taken_rack_by_rack(void **state)
{
	struct pl_topo *t = create_racks(2, "");
	/* every tensor group of 8 would have one tray in each rack */
	struct setup s = { .topo = t,
		           .job = "tp=8 dp=2",
		           .hosts = "r102t01,r101t01,r102t02,r101t02" };
	struct pl_rankmap *m = place(&s);

	(void)state;
	assert_int_equal(m->baseline.straddling[PL_FAMILY_TP], 2);
	assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
	/* the rack that was named first stays first */
	assert_int_equal(m->places[0].pe, 72);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void the_same_request_gives_the_same_map(void **state)
{
	struct pl_topo *t = create_racks(8, "r[101-108]t18:2-3");
	struct setup s = { .topo = t, .job = "tp=8 pp=8 dp=8" };
	struct pl_rankmap *a = place(&s), *b = place(&s);

	(void)state;
	assert_memory_equal(a->places, b->places, a->n_ranks * sizeof(*a->places));
	pl_rankmap_destroy(a);
	pl_rankmap_destroy(b);
	pl_topo_destroy(t);
}

static void the_cost_of_a_ring_counts_the_members_in_the_smallest_share(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("4:2", "1:10", NULL);
	static const uint32_t even[] = { 0, 1, 4, 5 }, lone[] = { 0, 1, 2, 4 };
	struct pl_map_cost cost;
	struct pl_job job;

	(void)state;
	assert_int_equal(pl_job_parse(&job, "dp=4 params=1B", NULL), 0);
	/* 3 GB a link; two members on each host share the crossing, a lone one bears it */
	pl_map_cost(t, &job, even, &cost);
	assert_true(cost.family[PL_FAMILY_DP_CP] == 15);
	assert_true(cost.volume[0] == 6 && cost.volume[1] == 6);
	assert_true(cost.weighted == 66);
	pl_map_cost(t, &job, lone, &cost);
	assert_true(cost.family[PL_FAMILY_DP_CP] == 30);
	assert_int_equal(cost.straddling[PL_FAMILY_DP_CP], 1);
	assert_int_equal(cost.widest[PL_FAMILY_DP_CP], 2);
	pl_topo_destroy(t);
}

static void a_rank_of_a_pipeline_sends_to_both_neighbours_at_once(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("2:3", "1:10", NULL);
	static const uint32_t apart[] = { 0, 2, 4 }, pair[] = { 0, 1, 2 };
	struct pl_map_cost cost;
	struct pl_job job;

	(void)state;
	assert_int_equal(pl_job_parse(&job, "axis=stages=3:p2p:1e9 order=stages", NULL), 0);
	pl_map_cost(t, &job, apart, &cost);
	assert_true(cost.step == 20);
	pl_map_cost(t, &job, pair, &cost);
	assert_true(cost.step == 10);
	pl_topo_destroy(t);
}

static void a_ring_leaves_a_unit_as_often_as_the_order_of_ranks_does(void **state)
{
	struct pl_topo *t = pl_topo_parse_tree("1:2:2", "1:10:100", NULL);
	static const uint32_t in_turn[] = { 0, 1, 2, 3 }, to_and_fro[] = { 0, 2, 1, 3 };
	struct pl_map_cost cost;
	struct pl_job job;

	(void)state;
	assert_int_equal(pl_job_parse(&job, "axis=data=4:ring:1e9 order=data", NULL), 0);
	pl_map_cost(t, &job, in_turn, &cost);
	assert_true(cost.uplink[2] == 1);
	pl_map_cost(t, &job, to_and_fro, &cost);
	assert_true(cost.uplink[2] == 2);
	pl_topo_destroy(t);
}

static void the_explanation_begins_with_what_was_assumed(void **state)
{
	struct pl_topo *t = create_racks(1, "");
	struct setup s = { .topo = t, .job = "tp=4 dp=2" };
	struct pl_rankmap *m = place(&s);
	struct strbuf out = STRBUF_INIT;

	(void)state;
	pl_rankmap_explain(m, &out);
	assert_non_null(strstr(out.s, "assumed\n  topology     racks"));
	assert_non_null(strstr(out.s, "figures not given: hidden=8192"));
	assert_non_null(strstr(out.s, "uncalibrated"));
	assert_non_null(strstr(out.s, "overlap      none"));
	assert_non_null(strstr(out.s, "8 b s/c h e (t-1)/t L/p m [1]"));
	assert_non_null(strstr(out.s, "no gain expected: keep your order"));
	assert_non_null(strstr(out.s, "its own links, of GPU 0 of"));
	assert_null(strstr(out.s, "millisec"));
	strbuf_fini(&out);
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void names_of_launchers_and_strategies_are_read_back(void **state)
{
	struct pl_error err = { 0 };

	(void)state;
	for (int i = PL_FOR_TORCHRUN; i <= PL_FOR_ENV; i++)
		assert_int_equal(pl_launcher_parse(pl_launcher_name((enum pl_launcher)i), NULL), i);
	assert_int_equal(pl_launcher_parse("torchun", &err), -1);
	assert_non_null(strstr(err.text, "did you mean 'torchrun'"));
	assert_int_equal(pl_strategy_parse("keep-order", NULL), PL_STRATEGY_KEEP_ORDER);
	assert_int_equal(pl_strategy_parse("", &err), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(too_few_gpus_name_the_nearest_size),
	cmocka_unit_test(a_host_of_another_machine_is_refused),
	cmocka_unit_test(every_launcher_and_job_gets_a_valid_map),
	cmocka_unit_test(a_regular_job_keeps_its_order),
	cmocka_unit_test(blocks_stay_whole_where_racks_are_uneven),
	cmocka_unit_test(racks_with_few_gpus_are_left_out_where_that_keeps_groups_whole),
	cmocka_unit_test(tensor_groups_that_find_no_room_are_cut_in_halves),
	cmocka_unit_test(expert_groups_get_a_rack_each_where_there_is_room),
	cmocka_unit_test(expert_groups_that_do_not_fit_are_cut_in_halves),
	cmocka_unit_test(parts_of_a_group_are_close_where_there_is_room),
	cmocka_unit_test(an_unusual_order_of_axes_does_not_split_tensor_groups),
	cmocka_unit_test(pipeline_stages_cross_an_oversubscribed_border_where_data_would_cost_more),
	cmocka_unit_test(effort_makes_a_map_no_worse_and_a_seed_makes_the_same_one),
	cmocka_unit_test(stages_begin_in_racks_of_their_own_where_that_helps),
	cmocka_unit_test(the_objective_decides_what_is_better),
	cmocka_unit_test(an_oversubscribed_level_is_paid_by_all_who_share_it),
	cmocka_unit_test(a_broken_host_is_dropped_only_where_hosts_must_be_equal),
	cmocka_unit_test(fewer_ranks_per_host_are_used_when_only_they_divide),
	cmocka_unit_test(hosts_keep_the_order_they_were_given_in),
	cmocka_unit_test(hosts_in_a_bad_order_are_taken_rack_by_rack),
	cmocka_unit_test(the_same_request_gives_the_same_map),
	cmocka_unit_test(the_cost_of_a_ring_counts_the_members_in_the_smallest_share),
	cmocka_unit_test(a_rank_of_a_pipeline_sends_to_both_neighbours_at_once),
	cmocka_unit_test(a_ring_leaves_a_unit_as_often_as_the_order_of_ranks_does),
	cmocka_unit_test(the_explanation_begins_with_what_was_assumed),
	cmocka_unit_test(names_of_launchers_and_strategies_are_read_back),
};

UNIT_MAIN(tests)
