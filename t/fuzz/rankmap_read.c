/*
 * rankmap_read.c - fuzz target: any bytes are a map that puts each rank on a GPU of its own, or a
 * clean error that names them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "map/rankmap_read.h"

#define N_PES 12

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

static void check(const uint32_t *pe, uint32_t n)
{
	bool taken[N_PES] = { false };

	if (n == 0 || n > N_PES)
		fail("a map of no rank, or of more than there are GPUs", "");
	for (uint32_t r = 0; r < n; r++) {
		if (pe[r] >= N_PES || taken[pe[r]])
			fail("a GPU that is none or has two ranks", "");
		taken[pe[r]] = true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pl_topo *t = pl_topo_parse_tree("2:3:2", "1:3:10", NULL);
	struct pl_error err = { 0 };
	uint32_t *pe = NULL, n = 0;

	if (pl_rankmap_read(t, "input", (const char *)data, size, &pe, &n, &err) == 0)
		check(pe, n);
	else if (err.code != PL_EUSAGE || strncmp(err.text, "input", 5) != 0)
		fail("refused, and no word of where", err.text);
	free(pe);
	pl_topo_destroy(t);
	return 0;
}
