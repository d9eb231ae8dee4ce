/*
 * survey_fuzz.h - what fuzz targets of the importers do: the bytes become facts or are refused with
 * a word, a second import of the same adds no host, and every fact has a source.
 */
#ifndef PL_T_SURVEY_FUZZ_H
#define PL_T_SURVEY_FUZZ_H

#include <stdlib.h>

#include "fuzz.h"
#include "survey/survey.h"

static inline void check_fact(const struct pl_survey *s, const struct pl_fact *fact)
{
	if (fact->text != NULL && fact->source >= s->n_sources)
		abort();
}

static inline void check_facts(const struct pl_survey *s)
{
	for (size_t i = 0; i < s->n_hosts; i++) {
		const struct pl_survey_host *host = &s->hosts[i];

		if (host->name[0] == '\0')
			abort();
		for (size_t k = 0; k < PL_SURVEY_TIERS; k++)
			check_fact(s, &host->tier[k]);
		for (size_t k = 0; k < host->n_rails; k++)
			check_fact(s, &host->rails[k]);
		check_fact(s, &host->domain);
		check_fact(s, &host->chassis);
	}
}

static inline int survey_fuzz(const char *format, const uint8_t *data, size_t size)
{
	struct pl_survey *s = pl_survey_create();
	struct survey_input in = {
		.bytes = (const char *)data, .len = size, .name = "input", .host = "h1"
	};
	struct pl_error err = { 0 };
	size_t n_hosts;

	if (pl_survey_import(s, &in, format, &err) < 0) {
		if (err.code == PL_EOK || err.text[0] == '\0')
			abort();
	} else {
		check_facts(s);
		n_hosts = s->n_hosts;
		if (pl_survey_import(s, &in, format, NULL) < 0 || s->n_hosts != n_hosts)
			abort();
		check_facts(s);
	}
	pl_survey_destroy(s);
	return 0;
}

#endif
