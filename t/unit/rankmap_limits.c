/* rankmap_limits.c - tests of what constrains a map: islands, hosts, blocks, holes; first a
 * few by hand, then what holds for any machine and job */
#include "unit.h"
#include "rankmap_stage.h"

#include "base/mem.h"
#include "map/islands.h"
#include "map/rankmap.h"

static const char *const island_names[] = { "ib", "eth", "roce" };

struct shape {
	uint32_t gpus, trays, racks, islands; /* in a tray, rack, island, machine */
	uint32_t rails;
	const char *unusable;
};

/* Islands of racks of trays; hosts are h000 to the last. */
static struct pl_topo *create_islands(const struct shape *s)
{
	struct pl_topo_level levels[] = {
		{ .name = "tray", .count = s->gpus, .link = PL_LINK_NVLINK,
		  .bandwidth_gbyte_s = 900 },
		{ .name = "rack", .count = s->trays, .link = PL_LINK_NVLINK,
		  .bandwidth_gbyte_s = 900 },
		{ .name = "island", .count = s->racks, .bandwidth_gbyte_s = 100,
		  .rails = s->rails },
		{ .name = "site", .count = s->islands, .bandwidth_gbyte_s = 12.5,
		  .islands = island_names, .n_islands = s->islands },
	};
	struct pl_topo_spec spec = { .name = "mixed", .gpus_per_host = s->gpus, .levels = levels,
				     .n_levels = s->islands > 1 ? 4 : 3 };
	struct pl_hostlist *hosts;
	struct pl_topo *t;
	char names[64];

	snprintf(names, sizeof(names), "h[000-%03u]", s->trays * s->racks * s->islands - 1);
	spec.hosts = hosts = pl_hostlist_parse(names, NULL, NULL);
	assert_non_null(hosts);
	t = pl_topo_create(&spec, NULL);
	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	if (s->unusable != NULL)
		assert_int_equal(pl_topo_mark_unusable(t, s->unusable, NULL), 0);
	return t;
}

/* ---- what must hold ---- */

static void assert_one_rank_per_gpu(const struct pl_rankmap *m)
{
	uint8_t *taken = xcalloc(m->topo->n_pes, 1);

	for (uint32_t r = 0; r < m->n_ranks; r++) {
		assert_true(m->places[r].pe < m->topo->n_pes);
		assert_false(m->topo->unusable[m->places[r].pe]);
		assert_int_equal(taken[m->places[r].pe]++, 0);
	}
	free(taken);
}

static void assert_equal_hosts(const struct pl_rankmap *m)
{
	uint32_t per_host = 1;

	while (per_host < m->n_ranks && m->places[per_host].host == m->places[0].host)
		per_host++;
	assert_int_equal(m->n_ranks % per_host, 0);
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		assert_int_equal(m->places[r].local_rank, r % per_host);
		assert_int_equal(m->places[r].node_rank, r / per_host);
	}
}

/* The names of families whose groups are in two islands, "pp dp-cp ". */
static void find_crossing(const struct pl_rankmap *m, struct strbuf *out)
{
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;
		bool crosses = false;

		pl_job_groups(&m->job, f, &g);
		for (uint32_t i = 0; i < g.n_groups; i++) {
			uint32_t first = m->places[pl_groups_rank(&g, i, 0)].pe;

			for (uint32_t k = 1; k < pl_groups_size(&g, i); k++)
				crosses = crosses ||
					  islands_apart(m->topo, first,
							m->places[pl_groups_rank(&g, i, k)].pe);
		}
		if (crosses)
			strbuf_addf(out, "%s ", g.name);
	}
}

/* Only the families of pp and dp cross. */
static void assert_islands_respected(const struct pl_rankmap *m)
{
	static const char *const barred[] = { "tp ", "cp ", "ep " };
	struct strbuf crossing = STRBUF_INIT;

	find_crossing(m, &crossing);
	for (size_t i = 0; i < ARRAY_LEN(barred) && crossing.len > 0; i++) {
		const char *at = strstr(crossing.s, barred[i]);

		if (at != NULL && (at == crossing.s || at[-1] == ' '))
			fail_msg("%s cross", crossing.s);
	}
	strbuf_fini(&crossing);
}

/* GPUs that follow each other among those of the map's hosts: none of another rank between. */
static void assert_blocks_kept(const struct pl_rankmap *m, uint32_t keep)
{
	uint32_t *rank_at = xcalloc(m->topo->n_pes, sizeof(*rank_at)); /* 1 + rank */

	for (uint32_t r = 0; r < m->n_ranks; r++)
		rank_at[m->places[r].pe] = r + 1;
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		uint32_t pe = m->places[r].pe, before = r > 0 ? m->places[r - 1].pe : 0;

		if (r % keep == 0)
			continue;
		for (uint32_t i = before + 1; i < pe; i++) /* backwards only by rail on a host */
			assert_int_equal(rank_at[i], 0);
		assert_true(pe > before || m->places[r].host == m->places[r - 1].host);
		if (keep <= m->topo->gpus_per_host)
			assert_int_equal(m->places[r].host, m->places[r - 1].host);
	}
	free(rank_at);
}

static void assert_sound(const struct pl_rankmap *m, const struct pl_map_request *request)
{
	assert_one_rank_per_gpu(m);
	if (pl_launcher_keeps_hosts(request->launcher))
		assert_equal_hosts(m);
	if (request->cross == NULL)
		assert_islands_respected(m);
	if (request->keep_blocks > 1)
		assert_blocks_kept(m, request->keep_blocks);
	/* the order given may be one that is not allowed, and cheaper for it */
	if (!notes_say(m, "the order given is no choice"))
		assert_true(m->cost.step <= m->baseline.step * (1 + 1e-9));
}

static struct pl_rankmap *place(struct pl_map_request *request, const char *text)
{
	struct pl_error err = { 0 };
	struct pl_rankmap *m = try_place(request, text, &err);

	if (m == NULL)
		fail_msg("%s: %s", text, err.text);
	assert_sound(m, request);
	return m;
}

static void assert_refused(struct pl_map_request *request, const char *text,
			   enum pl_error_code code, const char *words)
{
	struct pl_error err = { 0 };

	assert_null(try_place(request, text, &err));
	assert_int_equal(err.code, code);
	assert_says(err.text, words);
}

/* ---- islands ---- */

static void groups_that_may_not_cross_are_placed_in_one_island(void **state)
{
	/* 60 of 64 GPUs work in the first island: 7 groups of 8 fit, the eighth would cross */
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 2, 0, "h003" });
	static const char *const jobs[] = { "tp=2 dp=60 ep=8", "cp=8 dp=15", "tp=8 dp=15",
					    "tp=2 cp=2 pp=2 dp=15", "tp=4 pp=3 dp=10",
					    "tp=2 dp=12 cp=5 order=tp-dp-cp-pp" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		for (int launcher = 0; launcher <= PL_FOR_ENV; launcher++) {
			struct pl_map_request request = { .topo = t,
							  .launcher = (enum pl_launcher)launcher };
			struct pl_rankmap *m = place(&request, jobs[i]);

			assert_true(notes_say(m, "only pp and dp may cross between islands"));
			pl_rankmap_destroy(m);
		}
	}
	pl_topo_destroy(t);
}

static void a_job_that_fits_one_island_crosses_nothing(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 2, 0, "h[000-003]" });
	struct pl_map_request request = { .topo = t };
	struct pl_rankmap *m = place(&request, "tp=4 pp=2 dp=8");
	struct strbuf crossing = STRBUF_INIT;

	(void)state;
	find_crossing(m, &crossing);
	assert_string_equal(strbuf_str(&crossing), "");
	assert_true(notes_say(m, "ranks in each: eth 64"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void the_border_costs_what_its_link_gives(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 1, 1, 2, 2, 0, NULL });
	struct pl_map_request request = { .topo = t, .launcher = PL_FOR_ENV };
	struct pl_rankmap *near, *far;

	(void)state;
	near = place(&request, "axis=x=2:p2p:1G order=x"); /* fits one island */
	request.cross = "x";
	far = place(&request, "axis=x=4:p2p:1G order=x");
	assert_float_equal(near->cost.step, 1 / 100., 1e-9);
	assert_float_equal(far->cost.step, 1 / 12.5, 1e-9);
	pl_rankmap_destroy(near);
	pl_rankmap_destroy(far);
	pl_topo_destroy(t);
}

static void sizes_that_no_island_holds_are_refused_with_those_that_fit(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 2, 0, NULL });
	struct pl_map_request request = { .topo = t };

	(void)state;
	assert_refused(&request, "ep=128 dp=128", PL_ENOENT,
		       "only pp,dp may cross, and no island has room left for 128 ranks that "
		       "belong together; ep=64 would fit");
	assert_refused(&request, "tp=8 ep=24 etp=1 dp=15", PL_ENOENT, "or ep=8 would fit");
	request.cross = "pp,dp,ep";
	pl_rankmap_destroy(place(&request, "ep=128 dp=128"));
	pl_topo_destroy(t);
}

static void an_order_that_is_to_be_kept_but_crosses_is_refused(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 2, 0, "h003" });
	struct pl_map_request request = { .topo = t, .strategy = PL_STRATEGY_KEEP_ORDER };

	(void)state;
	assert_refused(&request, "tp=8 dp=15", PL_EUSAGE,
		       "lets the tp group of rank 56 cross between islands");
	pl_topo_destroy(t);
}

static void islands_are_chosen_by_name(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 3, 0, NULL });
	struct pl_map_request request = { .topo = t, .islands = "roce, ib" };
	struct pl_rankmap *m = place(&request, "tp=4 dp=32");

	(void)state;
	assert_true(notes_say(m, "ranks in each: ib 64, roce 64"));
	pl_rankmap_destroy(m);
	assert_refused(&request, "tp=4 dp=33", PL_ENOENT, "128 are usable on 32 hosts");
	request.islands = "eht";
	assert_refused(&request, "tp=4 dp=1", PL_EUSAGE, "did you mean 'eth'?");
	request.islands = NULL;
	request.cross = "pq";
	assert_refused(&request, "tp=4 dp=1", PL_EUSAGE, "'pq' is no axis");
	pl_topo_destroy(t);
	t = create_islands(&(struct shape){ 4, 4, 4, 1, 0, NULL });
	request = (struct pl_map_request){ .topo = t, .islands = "ib" };
	assert_refused(&request, "tp=4 dp=1", PL_EUSAGE, "'mixed' has no islands");
	request = (struct pl_map_request){ .topo = t, .cross = "pp" };
	assert_refused(&request, "tp=4 dp=1", PL_EUSAGE, "has no islands that axes could cross");
	pl_topo_destroy(t);
}

/* ---- blocks ---- */

static void blocks_are_kept_on_gpus_that_follow_each_other(void **state)
{
	struct pl_topo *t =
		create_islands(&(struct shape){ 4, 4, 4, 1, 0, "h001:2,h006,h009:0-1" });
	static const uint32_t keeps[] = { 2, 3, 4, 6, 8, 12 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keeps); i++) {
		for (int launcher = 0; launcher <= PL_FOR_ENV; launcher++) {
			struct pl_map_request request = { .topo = t,
							  .launcher = (enum pl_launcher)launcher,
							  .keep_blocks = keeps[i] };

			pl_rankmap_destroy(place(&request, "tp=2 pp=2 dp=6"));
		}
	}
	pl_topo_destroy(t);
}

static void blocks_that_do_not_divide_the_ranks_are_refused(void **state)
{
	struct pl_topo *t = create_islands(&(struct shape){ 4, 4, 4, 1, 0, NULL });
	struct pl_map_request request = { .topo = t, .keep_blocks = 5 };

	(void)state;
	assert_refused(&request, "tp=4 dp=3", PL_EUSAGE, "10 or 15 ranks would do");
	pl_topo_destroy(t);
}

/* ---- groups that should be whole ---- */

static void tensor_groups_are_whole_on_hosts_of_fewer_ranks(void **state)
{
	/* four ranks on each of six hosts would do, but cut every other group */
	struct pl_topo *t = create_rails("", "");
	struct pl_map_request request = { .topo = t };
	struct pl_rankmap *m = place(&request, "tp=3 dp=8");

	(void)state;
	assert_int_equal(m->cost.straddling[PL_FAMILY_TP], 0);
	assert_true(notes_say(m, "3 of 4 GPUs of a host are used"));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

static void groups_that_cannot_be_whole_have_a_reason(void **state)
{
	struct pl_topo *t = create_rails("", "h[0-3]:0");
	struct pl_map_request request = { .topo = t, .launcher = PL_FOR_ENV };
	struct pl_rankmap *m = place(&request, "tp=4 dp=7");

	(void)state;
	assert_true(notes_say(m, "tp groups straddle hosts: the usable GPUs hold only 4 whole "
				 "ones"));
	pl_rankmap_destroy(m);
	request.launcher = PL_FOR_TORCHRUN;
	m = place(&request, "tp=4 axis=x=3:ring:1 dp=2 order=x-tp-dp");
	assert_true(m->cost.straddling[PL_FAMILY_TP] == 0 ||
		    notes_say(m, "tp groups straddle hosts: "));
	pl_rankmap_destroy(m);
	pl_topo_destroy(t);
}

/* ---- any machine, any job ---- */

static uint32_t seed;

/* 0 to n - 1, the same in every run. */
static uint32_t draw(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct pl_topo *draw_machine(void)
{
	static const uint32_t gpus[] = { 2, 4, 8 };
	struct pl_topo *t = create_islands(&(struct shape){
		gpus[draw(3)], 1 + draw(6), 1 + draw(5), 1 + draw(3), 2 * draw(3), NULL });
	uint32_t broken = draw(3) > 0 ? draw(t->n_pes / 4 + 1) : 0;

	for (uint32_t i = 0; i < broken; i++)
		topo_mark(t, draw(t->n_pes), PL_TOPO_UNUSABLE);
	for (uint32_t i = draw(3); i > 0 && t->rail != NULL; i--) { /* cables are swapped */
		uint32_t pe = draw(t->n_pes / 2) * 2;
		uint16_t rail = t->rail[pe];

		t->rail[pe] = t->rail[pe + 1];
		t->rail[pe + 1] = rail;
	}
	if (draw(2)) { /* a tray is gone */
		uint32_t first = draw(t->n_pes / t->gpus_per_host) * t->gpus_per_host;

		for (uint32_t i = 0; i < t->gpus_per_host; i++)
			topo_mark(t, first + i, PL_TOPO_UNUSABLE);
	}
	return t;
}

static void draw_job(uint32_t gpus, char *text, size_t size)
{
	static const char *const orders[] = { "tp-cp-ep-dp-pp", "tp-cp-pp-dp", "tp-dp-cp-pp",
					      "tp-pp-cp-dp" };
	uint32_t tp = 1 + draw(4), cp = 1 + draw(2), pp = 1 + draw(3), ep = 1;
	uint32_t replica = tp * cp * pp, dp = gpus / replica;

	dp = dp > 1 ? 1 + draw(dp) : 1;
	if (cp == 1 && draw(2))
		ep = dp;
	snprintf(text, size, "tp=%u cp=%u pp=%u dp=%u ep=%u order=%s", tp, cp, pp, dp, ep,
		 ep > 1 ? orders[0] : orders[draw(ARRAY_LEN(orders))]);
}

static uint32_t count_usable(const struct pl_topo *t)
{
	return t->n_pes - t->n_unusable;
}

static void draw_request(struct pl_map_request *request)
{
	request->launcher = (enum pl_launcher)draw(PL_FOR_ENV + 1);
	request->objective = (enum pl_objective)draw(3);
	if (draw(3) == 0)
		request->keep_blocks = 1 + draw(6);
	if (draw(4) == 0)
		request->spares = (struct pl_map_spares){ draw(2), draw(2) != 0 };
}

/* A tensor group straddles only with a reason. */
static void assert_told(const struct pl_rankmap *m)
{
	if (m->cost.straddling[PL_FAMILY_TP] > 0 &&
	    m->job.tp <= m->topo->span[m->topo->domain_level])
		assert_true(notes_say(m, "tp groups straddle"));
}

static void every_map_keeps_to_its_limits(void **state)
{
	uint32_t placed = 0;

	(void)state;
	for (seed = 1; seed < 400; seed++) {
		uint32_t before = seed;
		struct pl_topo *t = draw_machine();
		struct pl_map_request request = { .topo = t };
		struct pl_error err = { 0 };
		struct pl_rankmap *m;
		struct pl_job job;
		char text[128];

		draw_job(count_usable(t) + 1, text, sizeof(text));
		draw_request(&request);
		if (pl_job_parse(&job, text, NULL) == 0) {
			m = try_place(&request, text, &err);
			if (m == NULL && err.text[0] == '\0')
				fail_msg("seed %u: %s: no map and no reason", before, text);
			if (m != NULL && request.objective == PL_OBJECTIVE_TIME)
				assert_sound(m, &request);
			if (m != NULL)
				assert_told(m);
			placed += m != NULL;
			pl_rankmap_destroy(m);
		}
		pl_topo_destroy(t);
		seed = before;
	}
	assert_true(placed > 150);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(groups_that_may_not_cross_are_placed_in_one_island),
	cmocka_unit_test(a_job_that_fits_one_island_crosses_nothing),
	cmocka_unit_test(the_border_costs_what_its_link_gives),
	cmocka_unit_test(sizes_that_no_island_holds_are_refused_with_those_that_fit),
	cmocka_unit_test(an_order_that_is_to_be_kept_but_crosses_is_refused),
	cmocka_unit_test(islands_are_chosen_by_name),
	cmocka_unit_test(blocks_are_kept_on_gpus_that_follow_each_other),
	cmocka_unit_test(blocks_that_do_not_divide_the_ranks_are_refused),
	cmocka_unit_test(tensor_groups_are_whole_on_hosts_of_fewer_ranks),
	cmocka_unit_test(groups_that_cannot_be_whole_have_a_reason),
	cmocka_unit_test(every_map_keeps_to_its_limits),
};

UNIT_MAIN(tests)
