/*
 * driver.c - runs a fuzz target without a fuzzer: NAME [FILE]...
 *
 * With files it runs just these, to look at what a fuzzer found. Without, it is a test: every file
 * of $PERILUNE_SRCDIR/t/fuzz/corpus/NAME, then MUTATIONS changed ones, the same in every run.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "fuzz.h"

#define MUTATIONS 20000
#define INPUT_MAX 4096

struct corpus {
	struct strbuf *seeds;
	size_t n, cap;
	uint64_t random; /* xorshift state */
};

static int read_file(const char *path, struct strbuf *content)
{
	FILE *f = fopen(path, "rb");

	if (f == NULL) {
		perror(path);
		return -1;
	}
	content->len = fread(strbuf_reserve(content, INPUT_MAX), 1, INPUT_MAX, f);
	fclose(f);
	return 0;
}

/* The target must see the end of its input under the sanitizer: an exact copy on the heap. */
static void run(const struct strbuf *input)
{
	uint8_t *copy = xmalloc(input->len);

	memcpy(copy, strbuf_str(input), input->len);
	LLVMFuzzerTestOneInput(copy, input->len);
	free(copy);
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In the order of names, so that mutations are the same everywhere. */
static int read_corpus(struct corpus *c, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, not_hidden, alphasort);

	if (n < 0) {
		perror(folder);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", folder, entries[i]->d_name);

		ARRAY_GROW(c->seeds, c->n, c->cap);
		strbuf_init(&c->seeds[c->n]);
		if (read_file(path, &c->seeds[c->n]) == 0)
			c->n++;
		free(path);
		free(entries[i]);
	}
	free(entries);
	return c->n > 0 ? 0 : -1;
}

static size_t pick(struct corpus *c, size_t below)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return below > 0 ? c->random % below : 0;
}

static void insert(struct strbuf *b, size_t at, const char *bytes, size_t len)
{
	struct strbuf tail = STRBUF_INIT;

	strbuf_add(&tail, strbuf_str(b) + at, b->len - at);
	b->len = at;
	strbuf_add(b, bytes, len);
	strbuf_add(b, strbuf_str(&tail), tail.len);
	strbuf_fini(&tail);
}

static void cut(struct strbuf *b, size_t at, size_t len)
{
	memmove(b->s + at, b->s + at + len, b->len - at - len);
	b->len -= len;
}

/* One small change: a byte set, bytes cut out, a piece of a seed put in, a byte put in. */
static void mutate(struct corpus *c, struct strbuf *b)
{
	const struct strbuf *seed = &c->seeds[pick(c, c->n)];
	size_t at = pick(c, b->len + 1);
	size_t left = b->len - at;
	size_t from = pick(c, seed->len + 1);
	char byte = (char)pick(c, 256);

	switch (pick(c, 4)) {
	case 0:
		if (left > 0)
			b->s[at] = byte;
		break;
	case 1:
		if (left > 0)
			cut(b, at, 1 + pick(c, left < 16 ? left : 16));
		break;
	case 2:
		insert(b, at, strbuf_str(seed) + from, pick(c, seed->len - from + 1));
		break;
	default:
		insert(b, at, &byte, 1);
	}
	if (b->len > INPUT_MAX)
		b->len = INPUT_MAX;
}

static void run_mutations(struct corpus *c)
{
	for (int i = 0; i < MUTATIONS; i++) {
		const struct strbuf *seed = &c->seeds[pick(c, c->n)];
		struct strbuf b = STRBUF_INIT;

		strbuf_add(&b, strbuf_str(seed), seed->len);
		for (size_t k = 1 + pick(c, 6); k > 0; k--)
			mutate(c, &b);
		run(&b);
		strbuf_fini(&b);
	}
}

static int run_files(char **paths)
{
	for (; *paths != NULL; paths++) {
		struct strbuf b = STRBUF_INIT;

		if (read_file(*paths, &b) != 0)
			return 1;
		run(&b);
		strbuf_fini(&b);
	}
	return 0;
}

static int run_as_test(const char *name)
{
	struct corpus c = { .random = 0x9e3779b97f4a7c15u };
	const char *source = getenv("PERILUNE_SRCDIR");
	char *folder = xasprintf("%s/t/fuzz/corpus/%s", source != NULL ? source : ".", name);

	if (read_corpus(&c, folder) != 0) {
		printf("not ok 1 - no seeds in %s\n1..1\n", folder);
		free(folder);
		return 1;
	}
	for (size_t i = 0; i < c.n; i++)
		run(&c.seeds[i]);
	printf("ok 1 - %s: %zu seeds\n", name, c.n);
	run_mutations(&c);
	printf("ok 2 - %s: %d changed ones\n1..2\n", name, MUTATIONS);
	for (size_t i = 0; i < c.n; i++)
		strbuf_fini(&c.seeds[i]);
	free(c.seeds);
	free(folder);
	return 0;
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	if (argc > 1)
		return run_files(argv + 1);
	return run_as_test(slash != NULL ? slash + 1 : argv[0]);
}
