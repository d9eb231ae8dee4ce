/*
 * hostlist_tool.c - host sets from a shell: hostlist_tool fold|expand|count [EXPRESSION]...
 *
 * Without expressions it reads them from standard input, one a line, and answers one line each:
 * the folded form, the names with blanks between, the count, or "error: " and the message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "set/hostlist.h"

static void answer(const char *mode, const struct pl_hostlist *h)
{
	char *text;

	if (strcmp(mode, "count") == 0) {
		printf("%zu\n", pl_hostlist_count(h));
		return;
	}
	text = strcmp(mode, "fold") == 0 ? pl_hostlist_fold(h) : pl_hostlist_join(h, " ");
	puts(text);
	free(text);
}

static int evaluate(const char *mode, const char *expression)
{
	struct pl_error err = { 0 };
	struct pl_hostlist *h = pl_hostlist_parse(expression, NULL, &err);

	if (h == NULL) {
		printf("error: %s\n", err.text);
		return 1;
	}
	answer(mode, h);
	pl_hostlist_destroy(h);
	return 0;
}

static void evaluate_lines(const char *mode)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		evaluate(mode, line);
	}
	free(line);
}

int main(int argc, char **argv)
{
	int rc = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: hostlist_tool fold|expand|count [EXPRESSION]...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		rc |= evaluate(argv[1], argv[i]);
	if (argc == 2)
		evaluate_lines(argv[1]);
	return rc;
}
