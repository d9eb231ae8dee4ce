/* redact.c - tests of core/run/redact: words that are struck wherever the pieces were cut */
#include "unit.h"

#include "base/mem.h"
#include "run/redact.h"

static void redact(const struct redactor *r, const char *text, size_t step, struct strbuf *all)
{
	struct redact_held held = { 0 };
	struct strbuf shown = STRBUF_INIT;
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += step) {
		redact_add(r, &held, text + at, len - at < step ? len - at : step, false, &shown);
		strbuf_add(all, shown.s, shown.len);
	}
	redact_add(r, &held, "", 0, true, &shown);
	strbuf_add(all, shown.s, shown.len);
	strbuf_fini(&shown);
	redact_held_fini(&held);
	redact_held_fini(&held);
}

static const struct {
	const char *words[3], *text, *shown;
} cases[] = {
	{ { "hunter2" }, "", "" },
	{ { "hunter2" }, "say hunter2!", "say *******!" },
	{ { "hunter2" }, "hunter2", "*******" },
	{ { "hunter2" }, "hunter1 hunte", "hunter1 hunte" },
	{ { "hunter2" }, "hhunter2hunter2", "h**************" },
	{ { "abcabc" }, "abcabcxabcx", "******xabcx" },
	{ { "abcabc" }, "abcabcabcx", "*********x" },
	{ { "aaaa" }, "aaaaaaab", "*******b" },
	{ { "abcd", "cdef" }, "xabcdefx", "x******x" },
	{ { "abcd", "abcdefgh" }, "abcdefg abcdefgh", "****efg ********" },
};

static void words_are_struck_at_every_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct redactor *r = redactor_create();

		for (size_t w = 0; w < 3 && cases[i].words[w] != NULL; w++)
			redactor_add(r, cases[i].words[w], strlen(cases[i].words[w]));
		for (size_t step = 1; step <= strlen(cases[i].text) + 1; step++) {
			struct strbuf all = STRBUF_INIT;

			redact(r, cases[i].text, step, &all);
			assert_string_equal(strbuf_str(&all), cases[i].shown);
			strbuf_fini(&all);
		}
		redactor_destroy(r);
	}
}

static void what_cannot_begin_a_word_is_not_held(void **state)
{
	struct redactor *r = redactor_create();
	struct redact_held held = { 0 };
	struct strbuf shown = STRBUF_INIT;

	(void)state;
	redactor_add(r, "hunter2", 7);
	redact_add(r, &held, "password: hun", 13, false, &shown);
	assert_string_equal(strbuf_str(&shown), "password: ");
	redact_add(r, &held, "ger", 3, false, &shown);
	assert_string_equal(strbuf_str(&shown), "hunger");
	redact_held_fini(&held);
	strbuf_fini(&shown);
	redactor_destroy(r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(words_are_struck_at_every_cut),
	cmocka_unit_test(what_cannot_begin_a_word_is_not_held),
};

UNIT_MAIN(tests)
