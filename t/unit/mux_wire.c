/* mux_wire.c - packets on the control socket of ssh: whole ones, parts of them, and nonsense */
#include "unit.h"

#include "base/mem.h"
#include "ssh/mux_wire.h"

static void a_packet_that_was_written_is_read_again(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct field_reader r;
	struct field s;
	size_t begun;

	(void)state;
	begun = mux_begin_packet(&out, MUX_CHANNEL_DATA);
	field_add_u32(&out, 0xfedcba98u);
	field_add_string(&out, "a\0b", 3);
	mux_put_bool(&out, true);
	mux_end(&out, begun);
	assert_int_equal(mux_frame(out.s, out.len, &r), (int)out.len);
	assert_int_equal(field_take_byte(&r), 0);
	assert_int_equal(field_take_byte(&r), MUX_CHANNEL_DATA);
	assert_int_equal(field_take_u32(&r), 0xfedcba98u);
	s = field_take_string(&r);
	assert_int_equal(s.len, 3);
	assert_memory_equal(s.p, "a\0b", 3);
	assert_int_equal(field_take_byte(&r), 1);
	assert_int_equal(r.left, 0);
	assert_false(r.bad);
	strbuf_fini(&out);
}

static void a_packet_is_there_once_its_last_byte_is(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct field_reader r;

	(void)state;
	mux_end(&out, mux_begin_packet(&out, MUX_CHANNEL_EOF));
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(mux_frame(out.s, len, &r), 0);
	strbuf_adds(&out, "the next");
	assert_int_equal(mux_frame(out.s, out.len, &r), 6);
	strbuf_fini(&out);
}

static void a_packet_that_nobody_sends_is_refused_before_it_comes(void **state)
{
	struct field_reader r;

	(void)state;
	assert_int_equal(mux_frame("\0\4\0\0", 4, &r), 0);
	assert_int_equal(mux_frame("\0\4\0\1", 4, &r), -1);
	assert_int_equal(mux_frame("\377\377\377\377", 4, &r), -1);
}

static void reading_past_the_end_gives_nothing_from_then_on(void **state)
{
	static const char *const packets[] = { "", "\0\0\0", "\0\0\0\5abcd", "\377\377\377\377ab" };
	static const size_t sizes[] = { 0, 3, 8, 6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(packets); i++) {
		struct field_reader r = { (const unsigned char *)packets[i], sizes[i], false };
		struct field s = field_take_string(&r);

		assert_non_null(s.p);
		assert_int_equal(s.len, 0);
		assert_true(r.bad);
		assert_int_equal(field_take_byte(&r), 0);
		assert_int_equal(field_take_u32(&r), 0);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_packet_that_was_written_is_read_again),
	cmocka_unit_test(a_packet_is_there_once_its_last_byte_is),
	cmocka_unit_test(a_packet_that_nobody_sends_is_refused_before_it_comes),
	cmocka_unit_test(reading_past_the_end_gives_nothing_from_then_on),
};

int main(void)
{
	return cmocka_run_group_tests_name("mux_wire", tests, NULL, NULL);
}
