/*
 * importers.c - fuzz target: whatever the bytes, an importer gives facts about hosts or a clean
 * error that names the input. The first line names the format; where there is no such format the
 * bytes are looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "survey/survey.h"

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

static const char *format_of(const char *line, size_t len)
{
	for (const struct survey_format *f = survey_formats; f->name != NULL; f++) {
		if (strlen(f->name) == len && memcmp(f->name, line, len) == 0)
			return f->name;
	}
	return NULL;
}

static void check(const struct pl_survey *s)
{
	for (size_t i = 0; i < s->n_hosts; i++) {
		const struct pl_survey_host *host = &s->hosts[i];

		if (host->name == NULL || host->name[0] == '\0')
			fail("a host without a name", "");
		if (host->n_gpus.source > s->n_sources)
			fail("a fact without a source", host->name);
	}
	for (size_t i = 0; i < s->n_notes; i++) {
		if (s->notes[i].text[0] == '\0')
			fail("an empty note", "");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *newline = size > 0 ? memchr(bytes, '\n', size) : NULL;
	size_t line = newline != NULL ? (size_t)(newline - bytes) + 1 : 0;
	/* a copy of its own, so that a sanitizer sees who reads past the end */
	char *body = xmalloc(size - line + 1);
	struct survey_input in = { .bytes = body, .len = size - line, .name = "in", .host = "h" };
	struct pl_survey *s = pl_survey_create();
	struct pl_error err = { 0 };

	memcpy(body, bytes + line, size - line);
	body = xrealloc(body, in.len > 0 ? in.len : 1);
	in.bytes = body;
	if (pl_survey_import(s, &in, line > 0 ? format_of(bytes, line - 1) : NULL, &err) < 0 &&
	    (err.code == PL_EOK || strncmp(err.text, "in:", 3) != 0))
		fail("refused, and no word of where", err.text);
	check(s);
	pl_survey_destroy(s);
	free(body);
	return 0;
}
