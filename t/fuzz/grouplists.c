/*
 * grouplists.c - fuzz target: any bytes are groups that hold what their header promises, or a clean
 * error that names them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "map/grouplists.h"

static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void check_list(const struct pl_group_lists *lists, const struct pl_listed *l)
{
	uint32_t n = l->start[l->n_groups];

	if (l->n_groups == 0 || l->start[0] != 0 || (!l->partial && n != lists->world))
		fail("a family that does not hold every rank once");
	for (uint32_t g = 0; g < l->n_groups; g++) {
		if (l->start[g + 1] <= l->start[g] || l->start[g + 1] - l->start[g] > l->size)
			fail("a group that is empty or larger than the largest");
	}
	for (uint32_t i = 0; i < n; i++) {
		if (l->ranks[i] >= lists->world)
			fail("a rank past the world");
	}
}

static void check_job(struct pl_group_lists *lists)
{
	struct pl_job job;

	pl_job_init(&job);
	if (pl_job_take_lists(&job, lists, NULL) < 0)
		fail("groups that a job without sizes refuses");
	for (unsigned f = 0; f < pl_job_n_families(&job); f++) {
		struct pl_groups g;

		pl_job_groups(&job, f, &g);
		if (g.n_groups > 0 && pl_groups_rank(&g, g.n_groups - 1, 0) >= job.world)
			fail("a rank that the job has not");
	}
	pl_job_fini(&job);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_error err = { 0 };
	struct pl_group_lists *lists =
	        pl_group_lists_parse((const char *)data, size, "input", &err);

	if (lists == NULL) {
		if (err.code != PL_EUSAGE || strstr(err.text, "input") == NULL)
			fail("refused without a word");
		return 0;
	}
	for (size_t i = 0; i < lists->n; i++)
		check_list(lists, &lists->items[i]);
	check_job(lists);
	pl_group_lists_unref(lists);
	return 0;
}
