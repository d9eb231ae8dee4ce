/*
 * hostlist.c - fuzz target: any text is a host set or a clean error, and what a set folds to reads
 * back as the same set. Touches no file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "set/hostlist.h"

static int group(void *arg, const char *source, const char *name, struct pl_hostlist *out,
		 struct pl_error *err)
{
	(void)arg;
	if (strlen(name) > 4)
		return pl_errorf(err, PL_ENOENT, "no group %s:%s", source, name);
	pl_hostlist_add(out, "n1");
	pl_hostlist_add(out, "n02");
	return 0;
}

static const struct pl_hostlist *inventory(void *arg, struct pl_error *err)
{
	(void)err;
	return arg;
}

static void fail(const char *what, const char *text, const char *folded)
{
	fprintf(stderr, "%s: '%s' folds to '%s'\n", what, text, folded);
	abort();
}

static void check_fold(const char *text, const struct pl_hostlist *h)
{
	char *folded = pl_hostlist_fold(h);
	struct pl_hostlist *back = pl_hostlist_parse(folded, NULL, NULL);

	if (pl_hostlist_count(h) == 0) {
		if (folded[0] != '\0' || back != NULL)
			fail("empty set", text, folded);
	} else if (back == NULL || pl_hostlist_count(back) != pl_hostlist_count(h)) {
		fail("not the same set", text, folded);
	} else {
		pl_hostlist_subtract(back, h);
		if (pl_hostlist_count(back) != 0)
			fail("other names", text, folded);
	}
	pl_hostlist_destroy(back);
	free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pl_hostlist *all;
	char *text = xstrndup((const char *)data, size);
	struct pl_error err = { 0 };
	struct pl_hostlist_resolver resolver = {
		.group = group, .inventory = inventory, .no_files = true, .max_names = 2000
	};
	struct pl_hostlist *h;

	if (all == NULL)
		all = pl_hostlist_parse("n[1-12],m[1-3],r[1-2]t[01-03]", NULL, NULL);
	resolver.arg = all;
	h = pl_hostlist_parse(text, &resolver, &err);
	if (h != NULL)
		check_fold(text, h);
	else if (err.code == PL_EOK || err.text[0] == '\0')
		fail("refused without a word", text, "");
	pl_hostlist_destroy(h);
	free(text);
	return 0;
}
