/* screen.c - tests of core/base/screen: nothing that a host says drives a terminal */
#include "unit.h"

#include "base/mem.h"
#include "base/screen.h"
#include "base/utf8.h"

static void what_a_terminal_would_obey_is_shown(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "", "" },
		{ "plain\ttext", "plain\ttext" },
		{ "\033[31mred\a", "^[[31mred^G" },
		{ "\033]0;title\033\\", "^[]0;title^[\\" },
		{ "\033]52;c;ZXZpbA==\a", "^[]52;c;ZXZpbA==^G" },
		{ "\033[6n\005", "^[[6n^E" },
		{ "progress\rbar", "progress^Mbar" },
		{ "dos line\r", "dos line" },
		{ "over\b\b\b\bwritten", "over^H^H^H^Hwritten" },
		{ "\x7f", "^?" },
		{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x99", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x99" },
		/* CSI and NEL as UTF-8 has them, CSI as a byte */
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m" },
		{ "\xc2\x85x", "\\xc2\\x85x" },
		{ "\xc2\xa0x", "\xc2\xa0x" },
		{ "\x9b" "31m", "\\x9b31m" },
		{ "\x9b\xff", "\\x9b\\xff" },
		{ "cut \xe2\x82", "cut \\xe2\\x82" },
		{ "\xc0\x9b", "\\xc0\\x9b" },
		{ "\xe0\x82\x9b", "\\xe0\\x82\\x9b" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe2\x80\xaegpj.exe", "\\u202egpj.exe" },
		{ "\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9", "\\u202a\\u2066\\u2069" },
		{ "\xe2\x80\x8f\xd8\x9c\xe2\x80\xa8", "\\u200f\\u061c\\u2028" },
		{ "two\nlines", "two^Jlines" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf b = STRBUF_INIT;

		screen_text(&b, cases[i].text, strlen(cases[i].text));
		assert_string_equal(strbuf_str(&b), cases[i].shown);
		strbuf_fini(&b);
	}
}

static void lines_stay_lines(void **state)
{
	struct strbuf b = STRBUF_INIT;

	(void)state;
	screen_lines(&b, "a\033\r\nb\r\n\nc", 9);
	assert_string_equal(strbuf_str(&b), "a^[\nb\n\nc");
	strbuf_fini(&b);
}

/* Whatever the bytes, what is shown is UTF-8 without any control. */
static void any_bytes_are_harmless(void **state)
{
	unsigned long long seed = 20260101;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		static const char favourites[] = "\033\r\n\t\x9b\xc2\xe2\x80\xae[]\a\x7f\xf0\x00";
		struct strbuf b = STRBUF_INIT;
		char text[24];

		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			text[i] = seed >> 63 ? (char)(seed >> 40)
					     : favourites[(seed >> 33) % sizeof(favourites)];
		}
		screen_text(&b, text, sizeof(text));
		assert_true(utf8_valid(b.s, b.len));
		for (size_t i = 0; i < b.len; i++) {
			size_t n = utf8_length(b.s + i, b.len - i);

			assert_true((unsigned char)b.s[i] >= ' ' || b.s[i] == '\t');
			assert_true(b.s[i] != 0x7f);
			assert_int_equal(n > 0 ? screen_mischief(b.s + i, n) : 0, 0);
		}
		strbuf_fini(&b);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_a_terminal_would_obey_is_shown),
	cmocka_unit_test(lines_stay_lines),
	cmocka_unit_test(any_bytes_are_harmless),
};

UNIT_MAIN(tests)
