/*
 * survey.c - fuzz target: several sources, apart by a line of two dashes, each of the format that
 * it looks to be of, make one machine or are refused with a word.
 */
#include "survey_fuzz.h"

#define SEPARATOR "\n--\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct pl_survey *s = pl_survey_create();

	while (at < end) {
		const char *stop = memmem(at, (size_t)(end - at), SEPARATOR, strlen(SEPARATOR));
		struct survey_input in = { .bytes = at, .name = "input", .host = "h1" };

		in.len = (size_t)((stop != NULL ? stop : end) - at);
		survey_fuzz_source(s, &in, NULL);
		at = stop != NULL ? stop + strlen(SEPARATOR) : end;
	}
	survey_fuzz_machine(s);
	pl_survey_destroy(s);
	return 0;
}
