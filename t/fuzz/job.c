/*
 * job.c - fuzz target: any text is a job whose groups hold ranks of it, and which reads back as
 * itself, or a clean error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "map/job.h"

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

/* The corners of each family: its first and last group, their first and last member. */
static void check_groups(const struct pl_job *job, const char *text)
{
	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		struct pl_groups g;

		pl_job_groups(job, f, &g);
		if (g.n_groups == 0)
			continue;
		for (unsigned corner = 0; corner < 2; corner++) {
			uint32_t i = corner * (g.n_groups - 1), size = pl_groups_size(&g, i);

			if (size == 0 || size > g.size || pl_groups_rank(&g, i, 0) >= job->world ||
			    pl_groups_rank(&g, i, size - 1) >= job->world)
				fail("a group that the job cannot have", text);
		}
		if (!(g.gbyte >= 0) || !(pl_groups_share(&g, 0) >= 0))
			fail("a volume that is none", text);
	}
}

static void check_blocks(const struct pl_job *job, const char *text)
{
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n = job_blocks(job, blocks);

	for (size_t i = 0; i < n; i++) {
		if (blocks[i] <= 1 || job->world % blocks[i] != 0 ||
		    (i > 0 && blocks[i] <= blocks[i - 1]))
			fail("blocks that are none", text);
	}
}

/* What it prints of itself is the same job. */
static void check_format(const struct pl_job *job)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct pl_error err = { 0 };
	struct pl_job again;

	pl_job_format(job, &first);
	if (pl_job_parse(&again, strbuf_str(&first), &err) < 0)
		fail(err.text, strbuf_str(&first));
	pl_job_format(&again, &second);
	if (again.world != job->world || strcmp(strbuf_str(&first), strbuf_str(&second)) != 0)
		fail("read back it is another", strbuf_str(&first));
	strbuf_fini(&first);
	strbuf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct pl_error err = { 0 };
	struct pl_job job;

	if (pl_job_parse(&job, text, &err) < 0) {
		if (err.code != PL_EUSAGE || err.text[0] == '\0')
			fail("refused without a word", text);
	} else {
		check_groups(&job, text);
		check_blocks(&job, text);
		check_format(&job);
	}
	free(text);
	return 0;
}
