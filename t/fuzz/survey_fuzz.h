/*
 * survey_fuzz.h - what fuzz targets of the importers do: the bytes become facts or are refused with
 * a word that names them, a second import of the same adds no host, every fact has a source, and
 * the facts make a machine or are refused as none.
 */
#ifndef PL_T_SURVEY_FUZZ_H
#define PL_T_SURVEY_FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "survey/survey.h"

static inline void survey_fuzz_fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

static inline void check_fact(const struct pl_survey *s, const struct pl_fact *fact)
{
	if (fact->text != NULL && fact->source >= s->n_sources)
		survey_fuzz_fail("a fact without a source", fact->text);
}

static inline void check_facts(const struct pl_survey *s)
{
	for (size_t i = 0; i < s->n_hosts; i++) {
		const struct pl_survey_host *host = &s->hosts[i];

		if (host->name[0] == '\0')
			survey_fuzz_fail("a host without a name", "");
		for (size_t k = 0; k < PL_SURVEY_TIERS; k++)
			check_fact(s, &host->tier[k]);
		for (size_t k = 0; k < host->n_rails; k++)
			check_fact(s, &host->rails[k]);
		check_fact(s, &host->domain);
		check_fact(s, &host->chassis);
		if (host->n_gpus.n > 0 && host->n_gpus.source >= s->n_sources)
			survey_fuzz_fail("a count without a source", host->name);
	}
	for (size_t i = 0; i < s->n_notes; i++) {
		if (s->notes[i].text[0] == '\0')
			survey_fuzz_fail("an empty note", "");
	}
}

/* One source; whether it was taken. */
static inline bool survey_fuzz_source(struct pl_survey *s, const struct survey_input *in,
				      const char *format)
{
	struct pl_error err = { 0 };
	size_t n_hosts;

	if (pl_survey_import(s, in, format, &err) < 0) {
		if (err.code == PL_EOK || strncmp(err.text, "input:", 6) != 0)
			survey_fuzz_fail("refused, and no word of where", err.text);
		return false;
	}
	n_hosts = s->n_hosts;
	if (pl_survey_import(s, in, format, NULL) < 0 || s->n_hosts != n_hosts)
		survey_fuzz_fail("read again it is something else", "");
	return true;
}

/* Once, when all is imported. */
static inline void survey_fuzz_machine(struct pl_survey *s)
{
	struct pl_error err = { 0 };
	struct pl_topo *t;

	check_facts(s);
	t = pl_survey_topo(s, 4, &err);
	if (t == NULL ? err.text[0] == '\0' : t->n_units[t->n_levels - 1] != 1)
		survey_fuzz_fail("neither a machine nor a word why", err.text);
	check_facts(s);
	pl_topo_destroy(t);
}

static inline int survey_fuzz(const char *format, const uint8_t *data, size_t size)
{
	struct survey_input in = {
		.bytes = (const char *)data, .len = size, .name = "input", .host = "h1"
	};
	struct pl_survey *s = pl_survey_create();

	if (survey_fuzz_source(s, &in, format))
		survey_fuzz_machine(s);
	pl_survey_destroy(s);
	return 0;
}

/* For an importer of several formats: the first byte chooses, '0' the first. */
static inline int survey_fuzz_one_of(const char *const *formats, size_t n, const uint8_t *data,
				     size_t size)
{
	return size == 0 ? 0 : survey_fuzz(formats[data[0] % n], data + 1, size - 1);
}

#endif
