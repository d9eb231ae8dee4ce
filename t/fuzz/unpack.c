/*
 * unpack.c - fuzz target: any bytes are an archive, or a clean error; nothing is made outside the
 * folder. Blocks get the checksum that they should have, which mutations would never hit. The first
 * byte says in pieces of which size it comes. Writes below a folder of its own, in memory.
 */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz.h"
#include "transport/tarhead.h"
#include "transport/unpack.h"

#define CHECKSUM 148
#define CHECKSUM_LEN 8

static char *root, *in, *canary; /* a folder, which holds another one, and a file */

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

/* Removes what is below `folder`; `too`: itself as well. */
static void empty(char *folder, bool too)
{
	char *roots[] = { folder, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (walk != NULL && (e = fts_read(walk)) != NULL) {
		if (e->fts_info == FTS_D)
			chmod(e->fts_accpath, 0700);
		else if (e->fts_level > 0 || too)
			remove(e->fts_accpath);
	}
	if (walk != NULL)
		fts_close(walk);
}

static void leave(void)
{
	empty(root, true);
	free(root);
	free(in);
	free(canary);
}

static void make_root(void)
{
	FILE *f = NULL;

	root = xstrdup(access("/dev/shm", W_OK) == 0 ? "/dev/shm/perilune-fuzz.XXXXXX"
						     : "/tmp/perilune-fuzz.XXXXXX");
	if (mkdtemp(root) == NULL)
		fail("no folder", root);
	in = xasprintf("%s/in", root);
	canary = xasprintf("%s/canary", root);
	if (mkdir(in, 0700) != 0 || (f = fopen(canary, "w")) == NULL)
		fail("no folder", in);
	fclose(f);
	atexit(leave);
}

static void correct_checksum(char *block)
{
	unsigned sum = 0;

	memset(block + CHECKSUM, ' ', CHECKSUM_LEN);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + CHECKSUM, CHECKSUM_LEN, "%06o", sum);
}

static void look_around(void)
{
	struct stat st;
	char *roots[] = { root, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (walk != NULL && (e = fts_read(walk)) != NULL) {
		if (e->fts_level == 1 && strcmp(e->fts_name, "in") != 0 &&
		    strcmp(e->fts_name, "canary") != 0)
			fail("made outside the folder", e->fts_name);
		if (e->fts_level == 1)
			fts_set(walk, e, FTS_SKIP);
	}
	if (walk != NULL)
		fts_close(walk);
	if (stat(canary, &st) != 0 || st.st_size != 0 || st.st_nlink != 1)
		fail("touched outside the folder", "canary");
}

static void unpack(const char *bytes, size_t len, size_t piece)
{
	struct pl_error err = { 0 };
	struct tree *tree = tree_create(in, true, NULL, &err);
	struct unpack *u;
	const char *first;
	int rc = 0;

	if (tree == NULL)
		fail("no tree", err.text);
	u = unpack_create(tree, true);
	for (size_t at = 0; at < len && rc == 0; at += piece)
		rc = unpack_add(u, bytes + at, len - at < piece ? len - at : piece, &err);
	if (rc != 0 && (err.code == PL_EOK || *err.text == '\0'))
		fail("refused without a word", err.text);
	if (unpack_left_out(u, &first) > 0 && first == NULL)
		fail("left out", "nothing");
	unpack_destroy(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes;

	if (root == NULL)
		make_root();
	if (size < 1)
		return 0;
	bytes = xmalloc(size);
	memcpy(bytes, data + 1, size - 1);
	for (size_t at = 0; at + TAR_BLOCK <= size - 1; at += TAR_BLOCK) {
		if (!tar_block_is_empty(bytes + at))
			correct_checksum(bytes + at);
	}
	unpack(bytes, size - 1, 1 + (size_t)data[0] * 7);
	look_around();
	empty(in, false);
	free(bytes);
	return 0;
}
