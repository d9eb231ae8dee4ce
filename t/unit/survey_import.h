/*
 * survey_import.h - what tests of the importers (core/survey/import_*.c) share: bytes, a fixture of
 * t/fixtures or a file of the samples go through the front door, pl_survey_import; what a host was
 * told, what is noted.
 */
#ifndef PL_T_SURVEY_IMPORT_H
#define PL_T_SURVEY_IMPORT_H

#include "unit.h"

#include "base/mem.h"
#include "base/strbuf.h"
#include "survey/survey.h"
#include "survey/survey_nets.h"

/* Imports bytes that are as long as they are and not a byte longer: the sanitizer sees reads behind
 * the end. */
static inline int import_bytes(struct pl_survey *s, const char *format, const char *host,
			       const char *bytes, size_t len, struct pl_error *err)
{
	char *exact = xmalloc(len + (len == 0));
	struct survey_input in = { .bytes = exact, .len = len, .name = "in", .host = host };
	int rc;

	memcpy(exact, bytes, len);
	rc = pl_survey_import(s, &in, format, err);
	free(exact);
	return rc;
}

/* A survey of this text, which must be good; format NULL: recognised. */
static inline struct pl_survey *survey_of(const char *format, const char *host, const char *text)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_error err = { 0 };

	if (import_bytes(s, format, host, text, strlen(text), &err) < 0)
		fail_msg("%s", err.text);
	survey_settle_nets(s);
	return s;
}

/* A survey of this text, which the importer of that format must recognise by itself. */
static inline struct pl_survey *survey_known(const char *text, const char *format)
{
	struct pl_survey *s = survey_of(NULL, "here", text);

	assert_string_equal(s->sources[0].format, format);
	return s;
}

/* The text is refused, and the words say why. */
static inline void assert_refused_import(const char *format, const char *host, const char *text,
					 const char *words)
{
	struct pl_survey *s = pl_survey_create();
	struct pl_error err = { 0 };

	assert_int_equal(import_bytes(s, format, host, text, strlen(text), &err), -1);
	assert_int_equal(err.code, PL_EUSAGE);
	assert_says(err.text, words);
	pl_survey_destroy(s);
}

/* The content of FOLDER/NAME, NULL where it is not there; the caller frees it. */
static inline char *file_text(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct strbuf text = STRBUF_INIT;
	FILE *f = fopen(path, "rb");
	size_t got;

	free(path);
	if (f == NULL)
		return NULL;
	while ((got = fread(strbuf_reserve(&text, 65536), 1, 65536, f)) > 0)
		text.len += got;
	fclose(f);
	strbuf_addc(&text, '\0');
	return strbuf_detach(&text);
}

static inline char *fixture_text(const char *name)
{
	const char *src = getenv("PERILUNE_SRCDIR");
	char *folder = xasprintf("%s/t/fixtures", src != NULL ? src : ".");
	char *text = file_text(folder, name);

	free(folder);
	assert_non_null(text);
	return text;
}

/* Real outputs of machines, in the folder that PERILUNE_SAMPLES names; the test is skipped, with a
 * word, where it names none. */
static inline char *sample_text(const char *name)
{
	const char *folder = getenv("PERILUNE_SAMPLES");
	char *text = folder != NULL ? file_text(folder, name) : NULL;

	if (text == NULL) {
		print_message("# skipped: PERILUNE_SAMPLES names no folder with %s\n", name);
		skip();
	}
	return text;
}

static inline struct pl_survey *sample_known(const char *name, const char *format)
{
	char *text = sample_text(name);
	struct pl_survey *s = survey_known(text, format);

	free(text);
	return s;
}

static inline struct pl_survey_host *host_named(const struct pl_survey *s, const char *name)
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
	const struct pl_survey_host *host = host_named(s, name);
	struct strbuf b = STRBUF_INIT;

	for (size_t i = 0; i < PL_SURVEY_TIERS && host->tier[i].text != NULL; i++)
		strbuf_addf(&b, "%s%s", i > 0 ? " " : "", host->tier[i].text);
	assert_string_equal(strbuf_str(&b), tiers);
	strbuf_fini(&b);
}

static inline void assert_domain(const struct pl_survey *s, const char *name, const char *domain)
{
	const struct pl_survey_host *host = host_named(s, name);

	assert_string_equal(host->domain.text != NULL ? host->domain.text : "none", domain);
}

static inline size_t notes_with(const struct pl_survey *s, const char *words)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_notes; i++)
		n += strstr(s->notes[i].text, words) != NULL;
	return n;
}

static inline void assert_note(const struct pl_survey *s, const char *words)
{
	if (notes_with(s, words) > 0)
		return;
	for (size_t i = 0; i < s->n_notes; i++)
		print_message("# note: %s\n", s->notes[i].text);
	fail_msg("no note says '%s'", words);
}

#endif
