/* nearest.c - tests of core/base/nearest.h */
#include "unit.h"

#include "base/mem.h"
#include "base/nearest.h"

static void the_nearest_name_is_found_or_none(void **state)
{
	static const char *const names[] = { "hosts", "exclude", "fanout", "timeout", "tp", NULL };
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{ "host", "hosts" },    { "FANOUT", "fanout" },
		{ "fanuot", "fanout" }, { "timout", "timeout" },
		{ "zzzzzz", NULL },     { "tpp", "tp" },
		{ "", NULL },           { "xy", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *name = nearest_name(cases[i].word, names);

		if (cases[i].nearest == NULL)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].nearest);
	}
}

static void a_word_without_end_has_no_nearest(void **state)
{
	static const char *const names[] = { "hosts", NULL };
	char word[5000];

	(void)state;
	memset(word, 'h', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(nearest_name(word, names));
}

static void the_hint_is_empty_where_nothing_is_near(void **state)
{
	static const char *const names[] = { "hosts", NULL };
	char buf[40];

	(void)state;
	assert_string_equal(nearest_hint("hots", names, buf, sizeof(buf)),
	                    " (did you mean 'hosts'?)");
	assert_string_equal(nearest_hint("queue", names, buf, sizeof(buf)), "");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_nearest_name_is_found_or_none),
	cmocka_unit_test(a_word_without_end_has_no_nearest),
	cmocka_unit_test(the_hint_is_empty_where_nothing_is_near),
};

UNIT_MAIN(tests)
