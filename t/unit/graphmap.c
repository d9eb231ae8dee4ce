/* graphmap.c - tests of core/map/graphmap.h: what holds for every map, then known optima */
#include "unit.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "map/graphmap.h"

struct setup {
	struct pl_topo *topo;
	struct pl_commgraph *graph;
	uint32_t *slots, n_slots;
};

static struct setup set_up(const char *tree, const char *distance, const char *unusable,
                           struct strbuf *csv)
{
	struct setup s = { .topo = pl_topo_parse_tree(tree, distance, NULL) };
	struct pl_error err = { 0 };

	assert_non_null(s.topo);
	if (unusable != NULL)
		assert_int_equal(pl_topo_mark_unusable(s.topo, unusable, NULL), 0);
	s.graph = pl_commgraph_parse(csv->s, csv->len, "csv", &err);
	assert_string_equal(err.text, "");
	s.slots = pl_graphmap_slots(s.topo, NULL, &s.n_slots, NULL);
	assert_non_null(s.slots);
	strbuf_fini(csv);
	return s;
}

static void tear_down(struct setup *s)
{
	pl_topo_destroy(s->topo);
	pl_commgraph_destroy(s->graph);
	free(s->slots);
}

static struct pl_graphmap_request request_of(const struct setup *s, enum pl_effort effort,
                                             uint64_t seed)
{
	return (struct pl_graphmap_request){ .topo = s->topo,
		                             .graph = s->graph,
		                             .slots = s->slots,
		                             .n_slots = s->n_slots,
		                             .effort = effort,
		                             .seed = seed };
}

/* A map of the setup, checked: usable GPUs, one rank on each, no dearer than the order given. */
static uint32_t *place(const struct setup *s, enum pl_effort effort, uint64_t seed, double *j)
{
	struct pl_graphmap_request request = request_of(s, effort, seed);
	uint32_t n = s->graph->n, *pe = xcalloc(n, sizeof(*pe));
	uint8_t *taken = xcalloc(s->topo->n_pes, 1);
	struct pl_graph_score score;

	assert_int_equal(pl_graphmap_place(&request, pe, NULL), 0);
	for (uint32_t r = 0; r < n; r++) {
		assert_in_range(pe[r], 0, s->topo->n_pes - 1);
		assert_false(s->topo->unusable[pe[r]]);
		assert_int_equal(taken[pe[r]]++, 0);
	}
	score = pl_graphmap_score(&request, pe);
	assert_true(score.cost.weighted <= score.baseline.weighted);
	assert_true(score.bound <= score.cost.weighted * (1 + 1e-6));
	*j = score.cost.weighted;
	free(taken);
	return pe;
}

static double best_of(const struct setup *s, enum pl_effort effort)
{
	double j;

	free(place(s, effort, 1, &j));
	return j;
}

static void add_edge(struct strbuf *csv, unsigned a, unsigned b, double weight)
{
	strbuf_addf(csv, "%u,%u,%g\n", a, b, weight);
}

/* n groups of `size` ranks, all talking to all inside; group g has the ranks g, g + n, ... */
static void add_scattered_groups(struct strbuf *csv, unsigned n, unsigned size)
{
	for (unsigned g = 0; g < n; g++) {
		for (unsigned i = 0; i < size; i++) {
			for (unsigned k = 0; k < i; k++)
				add_edge(csv, g + n * i, g + n * k, 10);
		}
	}
}

static void add_grid(struct strbuf *csv, unsigned width, unsigned height)
{
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++) {
			if (x + 1 < width)
				add_edge(csv, x + width * y, x + 1 + width * y, 1);
			if (y + 1 < height)
				add_edge(csv, x + width * y, x + width * (y + 1), 1);
		}
	}
}

static void groups_that_fit_a_tray_are_put_on_one(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;

	(void)state;
	add_scattered_groups(&csv, 36, 4);
	s = set_up("4:9:4", "1:5:50", NULL, &csv);
	for (int effort = PL_EFFORT_FAST; effort <= PL_EFFORT_BEST; effort++)
		assert_true(best_of(&s, (enum pl_effort)effort) == 36 * 6 * 10);
	tear_down(&s);
}

static void groups_that_need_a_rack_are_put_in_one(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;

	(void)state;
	add_scattered_groups(&csv, 6, 36);
	s = set_up("4:9:6", "1:5:50", NULL, &csv);
	/* in a tray 6 pairs of its 4 ranks, and 9 trays */
	assert_true(best_of(&s, PL_EFFORT_NORMAL) == 6 * 10.0 * (54 * 1 + (630 - 54) * 5));
	tear_down(&s);
}

static void a_grid_on_trays_of_four_is_cut_as_lightly_as_it_can_be(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;

	(void)state;
	add_grid(&csv, 8, 8);
	s = set_up("4:4:4", "1:3:10", NULL, &csv);
	/* squares of 2x2 in squares of 4x4: 64 edges in trays, 32 in racks, 16 between */
	assert_true(best_of(&s, PL_EFFORT_NORMAL) == 64 + 32 * 3 + 16 * 10);
	tear_down(&s);
}

static void unusable_gpus_take_no_rank_and_uneven_units_work(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;
	double j;

	(void)state;
	add_grid(&csv, 11, 5);
	s = set_up("4:4:4", "1:3:10", "n0:1,n3,n7:0-2,n15:3", &csv);
	assert_int_equal(s.n_slots, 55);
	free(place(&s, PL_EFFORT_NORMAL, 1, &j));
	free(place(&s, PL_EFFORT_BEST, 2, &j));
	assert_true(j < 500);
	tear_down(&s);
}

static void a_machine_may_have_room_to_spare_or_a_single_level(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;

	(void)state;
	add_grid(&csv, 5, 2);
	s = set_up("4:18:7:20", "1:3:10:30", NULL, &csv);
	assert_true(best_of(&s, PL_EFFORT_NORMAL) < 40);
	tear_down(&s);
	add_grid(&csv, 4, 2);
	s = set_up("8", "2", NULL, &csv);
	assert_true(best_of(&s, PL_EFFORT_NORMAL) == 20);
	tear_down(&s);
}

static void the_same_seed_gives_the_same_map(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;
	uint32_t *a, *b;
	double j, again;

	(void)state;
	add_grid(&csv, 24, 21);
	s = set_up("4:18:7", "1:3:10", NULL, &csv);
	a = place(&s, PL_EFFORT_NORMAL, 7, &j);
	b = place(&s, PL_EFFORT_NORMAL, 7, &again);
	assert_memory_equal(a, b, 504 * sizeof(*a));
	assert_true(j == again);
	free(a);
	free(b);
	tear_down(&s);
}

static void an_order_that_cannot_be_bettered_is_kept(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;
	uint32_t *pe;
	double j;

	(void)state;
	for (unsigned r = 0; r + 1 < 288; r++)
		add_edge(&csv, r, r + 1, 1);
	s = set_up("4:18:4", "1:3:10", NULL, &csv);
	pe = place(&s, PL_EFFORT_FAST, 3, &j);
	assert_true(j == 72 * 3 + 68 * 3 + 3 * 10);
	for (uint32_t r = 0; r < 288; r++)
		assert_int_equal(pe[r], r);
	free(pe);
	tear_down(&s);
}

static void ranks_that_talk_to_nobody_and_parts_that_do_not_are_placed(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct setup s;

	(void)state;
	for (unsigned r = 0; r + 1 < 100; r += 7)
		add_edge(&csv, r, r + 1, 2);
	add_edge(&csv, 127, 0, 0);
	s = set_up("4:8:4", "1:3:10", NULL, &csv);
	assert_true(best_of(&s, PL_EFFORT_NORMAL) == 15 * 2);
	tear_down(&s);
}

static void more_ranks_than_gpus_are_refused(void **state)
{
	struct strbuf csv = STRBUF_INIT;
	struct pl_error err = { 0 };
	struct pl_graphmap_request request;
	uint32_t pe[10];
	struct setup s;

	(void)state;
	add_grid(&csv, 5, 2);
	s = set_up("4:2", "1:3", NULL, &csv);
	request = request_of(&s, PL_EFFORT_NORMAL, 1);
	assert_int_equal(pl_graphmap_place(&request, pe, &err), -1);
	assert_int_equal(err.code, PL_ENOENT);
	assert_says(err.text, "10 ranks but only 8 GPUs");
	tear_down(&s);
}

static void a_map_of_others_is_read_or_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *words;
	} wrong[] = {
		{ "0\n1\n", "m: the map has 2 ranks, the graph 3" },
		{ "0\n1\n1\n", "m:3: rank 2 is on GPU 1 of n0, where rank 1 is (line 2)" },
		{ "# c\n0\n8\n1\n", "m:3: PE 8: 'tree' has PEs 0 to 7" },
		{ "0\n1 2\n3\n", "m:2: '1 2' is no PE number" },
		{ "0\n7\n3\n", "m: rank 1 is on GPU 3 of n1, which is unusable" },
		{ "0\n1\n2\n3\n", "m: the map has 4 ranks, the graph 3" },
	};
	struct pl_topo *t = pl_topo_parse_tree("4:2", "1:3", NULL);
	const char *right = "# c\n4\n\n0\n2";
	uint32_t pe[3];

	(void)state;
	assert_int_equal(pl_topo_mark_unusable(t, "n1:3", NULL), 0);
	assert_int_equal(pl_graphmap_read(right, strlen(right), "m", t, 3, pe, NULL), 0);
	assert_int_equal(pe[0] * 100 + pe[1] * 10 + pe[2], 402);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct pl_error err = { 0 };

		assert_int_equal(pl_graphmap_read(wrong[i].text, strlen(wrong[i].text), "m", t, 3,
		                                  pe, &err),
		                 -1);
		assert_says(err.text, wrong[i].words);
	}
	pl_topo_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_that_fit_a_tray_are_put_on_one),
		cmocka_unit_test(groups_that_need_a_rack_are_put_in_one),
		cmocka_unit_test(a_grid_on_trays_of_four_is_cut_as_lightly_as_it_can_be),
		cmocka_unit_test(unusable_gpus_take_no_rank_and_uneven_units_work),
		cmocka_unit_test(a_machine_may_have_room_to_spare_or_a_single_level),
		cmocka_unit_test(the_same_seed_gives_the_same_map),
		cmocka_unit_test(an_order_that_cannot_be_bettered_is_kept),
		cmocka_unit_test(ranks_that_talk_to_nobody_and_parts_that_do_not_are_placed),
		cmocka_unit_test(more_ranks_than_gpus_are_refused),
		cmocka_unit_test(a_map_of_others_is_read_or_refused_with_its_line),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
