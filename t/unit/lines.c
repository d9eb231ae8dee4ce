/* lines.c - tests of core/run/lines: bytes into lines */
#include "unit.h"

#include "base/mem.h"
#include "run/lines.h"

/* What came: texts joined by '|', with + for LINES_GOES_ON, ~ for LINES_MORE, . for no newline. */
struct seen {
	struct strbuf text;
	size_t n, longest;
};

static void see(void *arg, const char *text, size_t len, unsigned flags)
{
	struct seen *s = arg;

	s->n++;
	if (len > s->longest)
		s->longest = len;
	if (flags & LINES_GOES_ON)
		strbuf_addc(&s->text, '+');
	strbuf_add(&s->text, text, len);
	if (flags & LINES_MORE)
		strbuf_addc(&s->text, '~');
	if (flags & LINES_NO_NEWLINE)
		strbuf_addc(&s->text, '.');
	strbuf_addc(&s->text, '|');
}

static void nothing_comes_of_nothing(void **state)
{
	struct lines l = { 0 };
	struct seen s = { 0 };

	(void)state;
	lines_feed(&l, "", 0, see, &s);
	lines_finish(&l, see, &s);
	lines_finish(&l, see, &s);
	assert_int_equal(s.n, 0);
}

static void bytes_are_cut_into_lines_wherever_they_were_torn(void **state)
{
	static const struct {
		const char *bytes, *lines;
	} cases[] = {
		{ "a\n", "a|" },
		{ "a", "a.|" },
		{ "a\nb\nc", "a|b|c.|" },
		{ "\n\n", "||" },
		{ "a\r\nb\n", "a\r|b|" },
		{ "one line\nanother", "one line|another.|" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t len = strlen(cases[i].bytes);

		for (size_t cut = 1; cut <= len; cut++) {
			struct lines l = { 0 };
			struct seen s = { 0 };

			for (size_t at = 0; at < len; at += cut)
				lines_feed(&l, cases[i].bytes + at,
					   at + cut < len ? cut : len - at, see, &s);
			lines_finish(&l, see, &s);
			assert_string_equal(strbuf_str(&s.text), cases[i].lines);
			strbuf_fini(&s.text);
		}
	}
}

static void a_line_without_end_comes_in_marked_pieces(void **state)
{
	static const size_t cuts[] = { 1, 1000, 4096, LINES_MAX - 1, LINES_MAX, LINES_MAX + 1,
				       1000000 };
	size_t len = 2 * LINES_MAX + 100;
	char *big = xmalloc(len + 1);

	(void)state;
	memset(big, 'x', len);
	big[len] = '\n';
	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		struct lines l = { 0 };
		struct seen s = { 0 };

		for (size_t at = 0; at < len + 1; at += cuts[i])
			lines_feed(&l, big + at, len + 1 - at < cuts[i] ? len + 1 - at : cuts[i],
				   see, &s);
		assert_true(s.longest <= LINES_MAX);
		assert_int_equal(s.n, 3);
		/* all x, two ~, two +, three | */
		assert_int_equal(s.text.len, len + 2 + 2 + 3);
		lines_finish(&l, see, &s);
		assert_int_equal(s.n, 3);
		strbuf_fini(&s.text);
	}
	free(big);
}

static void a_stream_that_ends_at_the_limit_is_told_its_end(void **state)
{
	struct lines l = { 0 };
	struct seen s = { 0 };
	char *big = xmalloc(LINES_MAX);

	(void)state;
	memset(big, 'x', LINES_MAX);
	lines_feed(&l, big, LINES_MAX, see, &s);
	lines_finish(&l, see, &s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.text.s + s.text.len - 5, "~|+.|");
	strbuf_fini(&s.text);
	free(big);
}

static void bytes_that_are_no_text_pass_unchanged(void **state)
{
	struct lines l = { 0 };
	struct seen s = { 0 };

	(void)state;
	lines_feed(&l, "\0\xff\x1b\n\0", 5, see, &s);
	lines_finish(&l, see, &s);
	assert_memory_equal(s.text.s, "\0\xff\x1b|\0.|", 7);
	strbuf_fini(&s.text);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_comes_of_nothing),
	cmocka_unit_test(bytes_are_cut_into_lines_wherever_they_were_torn),
	cmocka_unit_test(a_line_without_end_comes_in_marked_pieces),
	cmocka_unit_test(a_stream_that_ends_at_the_limit_is_told_its_end),
	cmocka_unit_test(bytes_that_are_no_text_pass_unchanged),
};

UNIT_MAIN(tests)
