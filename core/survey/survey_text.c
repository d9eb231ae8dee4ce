/* survey_text.c - a survey for a person; see survey.h */
#include <time.h>

#include "survey/survey.h"

/* More sources than these are counted only: a rack's trays come as one file each. */
#define SOURCES_NAMED 4

static void add_taken_at(struct strbuf *out, int64_t taken_at)
{
	time_t at = (time_t)taken_at;
	char text[32];
	struct tm tm;

	if (taken_at > 0 && gmtime_r(&at, &tm) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm) > 0)
		strbuf_addf(out, " of %s", text);
}

void pl_survey_format_sources(const struct pl_survey *s, struct strbuf *out)
{
	for (size_t i = 0; i < s->n_sources && i < SOURCES_NAMED; i++) {
		strbuf_addf(out, "%s%s (%s", i > 0 ? ", " : "", s->sources[i].name,
			    s->sources[i].format);
		add_taken_at(out, s->sources[i].taken_at);
		strbuf_addc(out, ')');
	}
	if (s->n_sources > SOURCES_NAMED)
		strbuf_addf(out, " and %zu more", s->n_sources - SOURCES_NAMED);
}
