/*
 * survey_stage.h - what tests of importers share: text in, a survey or an error out; the samples of
 * $PERILUNE_SAMPLES; what a host was told.
 */
#ifndef PL_T_SURVEY_STAGE_H
#define PL_T_SURVEY_STAGE_H

#include "unit.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "survey/survey.h"

/* Imports bytes that the right importer must recognise by itself; NULL with *err. */
static inline struct pl_survey *stage_import_bytes(const char *bytes, size_t len,
						   const char *format, const char *host,
						   struct pl_error *err)
{
	struct pl_survey *s = pl_survey_create();
	struct survey_input in = { .bytes = bytes, .len = len, .name = "in", .host = host };

	if (pl_survey_import(s, &in, NULL, err) == 0) {
		assert_string_equal(s->sources[0].format, format);
		return s;
	}
	pl_survey_destroy(s);
	return NULL;
}

static inline struct pl_survey *stage_import(const char *text, const char *format)
{
	struct pl_error err = { 0 };
	struct pl_survey *s = stage_import_bytes(text, strlen(text), format, "here", &err);

	if (s == NULL)
		fail_msg("refused: %s", err.text);
	return s;
}

/* A text that is of this format and yet wrong: refused, and the message has the words. */
static inline void stage_refused(const char *text, const char *format, const char *words)
{
	struct pl_survey *s = pl_survey_create();
	struct survey_input in = { .bytes = text, .len = strlen(text), .name = "in" };
	struct pl_error err = { 0 };

	assert_int_equal(pl_survey_import(s, &in, format, &err), -1);
	assert_int_equal(err.code, PL_EUSAGE);
	assert_says(err.text, words);
	pl_survey_destroy(s);
}

/* The content of $PERILUNE_SAMPLES/NAME. Skips the test where there are no samples. */
static inline struct strbuf stage_sample(const char *name)
{
	const char *folder = getenv("PERILUNE_SAMPLES");
	struct strbuf content = STRBUF_INIT;
	char *path, piece[4096];
	FILE *f;
	size_t n;

	if (folder == NULL) {
		print_message("# skipped: PERILUNE_SAMPLES names no folder of samples\n");
		skip();
	}
	path = xasprintf("%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("no sample %s", path);
	free(path);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		strbuf_add(&content, piece, n);
	fclose(f);
	return content;
}

static inline struct pl_survey *stage_import_sample(const char *name, const char *format)
{
	struct strbuf content = stage_sample(name);
	struct pl_error err = { 0 };
	struct pl_survey *s =
		stage_import_bytes(strbuf_str(&content), content.len, format, "here", &err);

	strbuf_fini(&content);
	if (s == NULL)
		fail_msg("%s: %s", name, err.text);
	return s;
}

static inline const struct pl_survey_host *stage_host(const struct pl_survey *s, const char *name)
{
	for (size_t i = 0; i < s->n_hosts; i++) {
		if (strcmp(s->hosts[i].name, name) == 0)
			return &s->hosts[i];
	}
	fail_msg("no host %s", name);
	return NULL;
}

/* Tiers as "leaf spine core". */
static inline void assert_tiers(const struct pl_survey *s, const char *name, const char *tiers)
{
	const struct pl_survey_host *host = stage_host(s, name);
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < PL_SURVEY_TIERS && host->tier[i].text != NULL; i++)
		strbuf_addf(&b, "%s%s", i > 0 ? " " : "", host->tier[i].text);
	assert_string_equal(strbuf_str(&b), tiers);
	strbuf_fini(&b);
}

static inline void assert_domain(const struct pl_survey *s, const char *name, const char *domain)
{
	const struct pl_survey_host *host = stage_host(s, name);

	assert_string_equal(host->domain.text != NULL ? host->domain.text : "none", domain);
}

/* Whether some note has these words. */
static inline bool stage_notes(const struct pl_survey *s, const char *words)
{
	for (size_t i = 0; i < s->n_notes; i++) {
		if (strstr(s->notes[i].text, words) != NULL)
			return true;
	}
	return false;
}

#endif
