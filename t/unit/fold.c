/* fold.c - tests of core/run/fold: results that say the same, together */
#include "unit.h"

#include <time.h>

#include "run/fold.h"
#include "sim_fleet.h"

static const struct command command = { .line = "x", .mode = -1 };

static void a_run_without_results_has_no_groups(void **state)
{
	struct fleet f;
	struct run *run;
	struct fold fold;

	(void)state;
	fleet_open(&f);
	run = fleet_run(&f, NULL, 0, &command, NULL);
	fold_init(&fold, run, FOLD_BY_OUTPUT);
	assert_int_equal(fold.n, 0);
	fold_fini(&fold);
	fold_fini(&fold);
	run_destroy(run);
	fleet_close(&f);
}

static void equal_output_and_outcome_go_together_largest_first(void **state)
{
	static const char *const hosts[] = { "ok1",  "say1", "say2", "exit1", "name1", "say3",
					     "down1", "big1", "big2", "name2", "down2", "ok2" };
	/* first member and size of each group */
	static const size_t by_output[][2] = { { 1, 3 }, { 0, 2 }, { 6, 2 }, { 7, 2 },
					       { 3, 1 }, { 4, 1 }, { 9, 1 } };
	static const size_t by_outcome[][2] = { { 0, 9 }, { 6, 2 }, { 3, 1 } };
	struct fleet f;
	struct run *run;
	struct fold fold;

	(void)state;
	fleet_open(&f);
	run = fleet_run(&f, hosts, ARRAY_LEN(hosts), &command, NULL);
	fold_init(&fold, run, FOLD_BY_OUTPUT);
	assert_int_equal(fold.n, ARRAY_LEN(by_output));
	for (size_t i = 0; i < fold.n; i++) {
		assert_int_equal(fold.groups[i].tasks[0], by_output[i][0]);
		assert_int_equal(fold.groups[i].n, by_output[i][1]);
	}
	assert_int_equal(fold.groups[0].tasks[2], 5);
	fold_fini(&fold);
	fold_init(&fold, run, FOLD_BY_OUTCOME);
	assert_int_equal(fold.n, ARRAY_LEN(by_outcome));
	for (size_t i = 0; i < fold.n; i++) {
		assert_int_equal(fold.groups[i].tasks[0], by_outcome[i][0]);
		assert_int_equal(fold.groups[i].n, by_outcome[i][1]);
	}
	fold_fini(&fold);
	run_destroy(run);
	fleet_close(&f);
}

/* 1 MiB is kept and big says 3: big2 then lacks the last byte. */
static void streams_that_exceed_memory_are_told_apart_by_their_rest(void **state)
{
	static const char *const hosts[] = { "big1", "big2" };
	struct fleet f;
	struct run *same;
	struct fold fold;

	(void)state;
	fleet_open(&f);
	same = fleet_run(&f, hosts, 2, &command, NULL);
	fold_init(&fold, same, FOLD_BY_OUTPUT);
	assert_int_equal(fold.n, 1);
	fold_fini(&fold);
	run_destroy(same);
	f.shorter = true;
	same = fleet_run(&f, hosts, 2, &command, NULL);
	fold_init(&fold, same, FOLD_BY_OUTPUT);
	assert_int_equal(fold.n, 2);
	fold_fini(&fold);
	run_destroy(same);
	fleet_close(&f);
}

static void a_hundred_thousand_results_fold_fast(void **state)
{
	size_t n = 100000;
	const char **hosts = xcalloc(n, sizeof(char *));
	struct fleet f;
	struct run *run;
	struct fold fold;
	clock_t before;

	(void)state;
	for (size_t i = 0; i < n; i++)
		hosts[i] = i % 2 == 0 ? "say1" : xasprintf("name%zu", i);
	fleet_open(&f);
	run = fleet_run(&f, hosts, n, &command, NULL);
	before = clock();
	fold_init(&fold, run, FOLD_BY_OUTPUT);
	print_message("# %g ms of CPU\n", (double)(clock() - before) * 1000 / CLOCKS_PER_SEC);
	assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 2);
	assert_int_equal(fold.n, n / 2 + 1);
	assert_int_equal(fold.groups[0].n, n / 2);
	assert_int_equal(fold.groups[0].tasks[1], 2);
	fold_fini(&fold);
	run_destroy(run);
	fleet_close(&f);
	for (size_t i = 1; i < n; i += 2)
		free((char *)hosts[i]);
	free(hosts);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_run_without_results_has_no_groups),
	cmocka_unit_test(equal_output_and_outcome_go_together_largest_first),
	cmocka_unit_test(streams_that_exceed_memory_are_told_apart_by_their_rest),
	cmocka_unit_test(a_hundred_thousand_results_fold_fast),
};

UNIT_MAIN(tests)
