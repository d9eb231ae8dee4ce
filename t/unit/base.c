/* base.c - tests of core/base */
#include "unit.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/shellquote.h"
#include "base/strbuf.h"
#include "base/strtable.h"

static void an_error_is_filled_and_prefixed(void **state)
{
	struct pl_error err = { 0 };

	(void)state;
	assert_int_equal(pl_errorf(&err, PL_EUSAGE, "bad %s", "word"), -1);
	assert_int_equal(pl_error_prefix(&err, "file %d", 3), -1);
	assert_string_equal(err.text, "file 3: bad word");
	assert_int_equal(err.code, PL_EUSAGE);
	assert_int_equal(pl_errorf(NULL, PL_EUSAGE, "nobody listens"), -1);
}

static void a_long_error_is_cut_not_overrun(void **state)
{
	struct pl_error err = { 0 };
	char *big = xmalloc(5000);

	(void)state;
	memset(big, 'x', 4999);
	big[4999] = '\0';
	pl_error_sys(&err, 2, "%s", big);
	pl_error_prefix(&err, "%s", big);
	assert_true(strlen(err.text) < sizeof(err.text));
	free(big);
}

static void words_are_quoted_for_every_shell(void **state)
{
	static const struct {
		const char *word, *quoted;
	} cases[] = {
		{ "", "''" },
		{ "plain-1.2/x=y", "plain-1.2/x=y" },
		{ "a b", "'a b'" },
		{ "it's", "'it'\\''s'" },
		{ "$HOME;`id`", "'$HOME;`id`'" },
		{ "wow!", "'wow'\\!''" },
		{ "back\\slash", "'back'\\\\'slash'" },
		{ "~", "'~'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf b = STRBUF_INIT;

		shellquote_word(&b, cases[i].word);
		assert_string_equal(strbuf_str(&b), cases[i].quoted);
		strbuf_fini(&b);
	}
}

static void a_strbuf_takes_numbers(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	strbuf_addu(&b, 0);
	strbuf_addc(&b, ' ');
	strbuf_addu(&b, UINT64_MAX);
	strbuf_addc(&b, ' ');
	strbuf_add_seconds(&b, 0);
	strbuf_addc(&b, ' ');
	strbuf_add_seconds(&b, 12000345);
	assert_string_equal(b.s, "0 18446744073709551615 0.000000 12.000345");
	strbuf_fini(&b);
}

static void a_strbuf_grows_and_is_consumed(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&b, "%d,", i);
	assert_int_equal(b.len, 3890);
	strbuf_consume(&b, 2);
	assert_memory_equal(b.s, "1,2,", 4);
	strbuf_consume(&b, 100000);
	assert_string_equal(strbuf_str(&b), "");
	strbuf_fini(&b);
	assert_string_equal(strbuf_str(&b), "");
}

static void a_strtable_finds_what_was_put_and_keeps_order(void **state)
{
	struct strtable t = STRTABLE_INIT;
	static int values[5000];
	char key[32];
	size_t pos = 0;

	(void)state;
	assert_null(strtable_get(&t, "nothing"));
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_null(strtable_put(&t, key, &values[i]));
	}
	for (int i = 0; i < 5000; i += 2) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(strtable_remove(&t, key), &values[i]);
		assert_null(strtable_get(&t, key));
	}
	assert_int_equal(strtable_count(&t), 2500);
	assert_ptr_equal(strtable_get(&t, "k4999"), &values[4999]);
	assert_string_equal(strtable_next(&t, &pos)->key, "k1");
	assert_string_equal(strtable_next(&t, &pos)->key, "k3");
	assert_ptr_equal(strtable_put(&t, "k1", &values[0]), &values[1]);
	strtable_fini(&t);
}

static void log_levels_follow_the_text(void **state)
{
	(void)state;
	assert_false(log_on(LOG_SSH, LOG_DEBUG));
	log_configure("ssh=debug, nonsense=7,run");
	assert_true(log_on(LOG_SSH, LOG_DEBUG));
	assert_true(log_on(LOG_RUN, LOG_DEBUG));
	assert_false(log_on(LOG_MAP, LOG_INFO));
	log_configure("warn");
	assert_false(log_on(LOG_SSH, LOG_DEBUG));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(an_error_is_filled_and_prefixed),
	cmocka_unit_test(a_long_error_is_cut_not_overrun),
	cmocka_unit_test(words_are_quoted_for_every_shell),
	cmocka_unit_test(a_strbuf_grows_and_is_consumed),
	cmocka_unit_test(a_strbuf_takes_numbers),
	cmocka_unit_test(a_strtable_finds_what_was_put_and_keeps_order),
	cmocka_unit_test(log_levels_follow_the_text),
};

UNIT_MAIN(tests)
