/* past.c - tests of core/store/past: what a journal says has been, and which of it counts */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "store/past.h"

struct stage {
	char dir[32];
	char *path;
	struct loop *loop;
	struct past *past;
};

/* Lines without their time, a line each. */
static void stage_open(struct stage *st, const char *const *lines, size_t n)
{
	struct strbuf text = STRBUF_INIT;
	int fd;

	strcpy(st->dir, "/tmp/pl-past-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	st->path = xasprintf("%s/journal", st->dir);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(&text, "{\"t\":%zu.000000,\"ev\":%s}\n", i, lines[i]);
	fd = open(st->path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, text.s, text.len), text.len);
	close(fd);
	strbuf_fini(&text);
	st->loop = loop_create(LOOP_VIRTUAL, NULL);
	st->past = past_open(st->dir, st->loop, NULL);
}

static void stage_close(struct stage *st)
{
	past_unref(st->past);
	loop_destroy(st->loop);
	unlink(st->path);
	assert_int_equal(rmdir(st->dir), 0);
	free(st->path);
}

#define BEGIN "\"begin\",\"id\":\"x\",\"kind\":\"run\",\"name\":\"x\""
#define CALL(n, key) "\"call\",\"call\":" #n ",\"tasks\":2,\"point\":1,\"key\":\"" key "\"," \
		     "\"digest\":\"d" #n "\",\"hosts\":\"h[1-2]\""
#define AGAIN(n, first, key) CALL(n, key) ",\"again\":" #first
#define RESULT(n, task, outcome) \
	"\"result\",\"call\":" #n ",\"task\":" #task ",\"host\":\"h" #task "\",\"outcome\":\"" outcome "\""

/* "KEY:LEFT" of calls that lack results, with a space after each. */
static const char *left(const struct past *p)
{
	static char text[512];
	const json_t *event;
	size_t i;

	text[0] = '\0';
	json_array_foreach(past_left(p), i, event) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s:%zu ",
			 json_string_value(json_object_get(event, "key")),
			 json_array_size(json_object_get(event, "left")));
	}
	return text;
}

/* The digest of the call of this key; "" when there is none. */
static const char *digest_of(struct past *p, const char *key)
{
	struct pl_error err;
	struct past_call *c = past_find(p, key, &err);

	assert_int_equal(err.code, PL_EOK);
	return c != NULL ? json_string_value(json_object_get(past_call_event(c), "digest")) : "";
}

static void a_journal_that_is_none_is_refused(void **state)
{
	static const char *const other[] = { "\"note\",\"text\":\"x\"" };
	struct loop *loop = loop_create(LOOP_VIRTUAL, NULL);
	struct pl_error err;
	struct stage st;

	(void)state;
	assert_null(past_open("/nowhere", loop, &err));
	assert_int_equal(err.code, PL_ENOENT);
	loop_destroy(loop);
	stage_open(&st, other, ARRAY_LEN(other));
	assert_null(st.past);
	stage_close(&st);
}

static void calls_are_found_by_their_keys_and_those_that_lack_results_are_known(void **state)
{
	static const char *const lines[] = {
		BEGIN,
		CALL(1, "1/1/1/1"), RESULT(1, 1, "ok"), RESULT(1, 2, "exit"),
		CALL(2, "1/1/1.1/1"), CALL(3, "1/1/1.2/1"), RESULT(3, 2, "ok"),
		RESULT(2, 1, "ok"), "\"call_end\",\"call\":2,\"ok\":1,\"failed\":1",
	};
	struct stage st;
	struct pl_error err;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	assert_string_equal(left(st.past), "1/1/1.1/1:1 1/1/1.2/1:1 ");
	assert_int_equal(past_last_call(st.past), 3);
	assert_string_equal(digest_of(st.past, "1/1/1.2/1"), "d3");
	assert_string_equal(digest_of(st.past, "1/1/1/1"), "d1");
	assert_string_equal(digest_of(st.past, "1/1/1/2"), "");
	assert_true(past_call_is_whole(st.past, past_find(st.past, "1/1/1/1", &err)));
	assert_false(past_call_is_whole(st.past, past_find(st.past, "1/1/1.1/1", &err)));
	stage_close(&st);
}

static void a_call_that_was_issued_again_is_one(void **state)
{
	static const char *const lines[] = {
		BEGIN, CALL(1, "1/1/1/1"), RESULT(1, 2, "ok"), "\"resume\",\"call\":1",
		AGAIN(2, 1, "1/1/1/1"), RESULT(2, 1, "ok"), CALL(3, "1/1/1/2"),
	};
	struct stage st;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	assert_string_equal(left(st.past), "1/1/1/2:2 ");
	assert_string_equal(digest_of(st.past, "1/1/1/1"), "d1");
	stage_close(&st);
}

static void what_an_interrupt_canceled_is_no_result(void **state)
{
	static const char *const lines[] = {
		BEGIN, CALL(1, "1/1/1/1"), RESULT(1, 1, "canceled"), CALL(2, "1/1/1/2"),
		"\"interrupt\"", RESULT(1, 2, "canceled"), RESULT(2, 1, "canceled"),
		RESULT(2, 2, "ok"),
	};
	struct stage st;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	assert_string_equal(left(st.past), "1/1/1/1:1 1/1/1/2:1 ");
	stage_close(&st);
}

static void what_diverged_counts_no_more_but_for_what_was_kept(void **state)
{
	static const char *const lines[] = {
		BEGIN, CALL(1, "1/1/1/1"), CALL(2, "1/1/1/2"), CALL(3, "1/1/1/3"),
		"\"diverged\",\"point\":1,\"kept\":[[1,1]]", CALL(4, "1/1/1/2"),
	};
	struct stage st;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	assert_string_equal(left(st.past), "1/1/1/1:2 1/1/1/2:2 ");
	assert_string_equal(digest_of(st.past, "1/1/1/2"), "d4");
	assert_string_equal(digest_of(st.past, "1/1/1/1"), "d1");
	assert_string_equal(digest_of(st.past, "1/1/1/3"), "");
	stage_close(&st);
}

static void points_that_are_finished_or_skipped_have_no_calls(void **state)
{
	static const char *const lines[] = {
		BEGIN, CALL(1, "1/1/1/1"), "\"point_end\",\"point\":1,\"verdict\":\"pass\"",
	};
	struct stage st;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	assert_string_equal(left(st.past), "");
	past_skip(st.past, 1);
	assert_string_equal(digest_of(st.past, "1/1/1/1"), "");
	stage_close(&st);
}

static void numbers_that_were_handed_out_are_ranges(void **state)
{
	static const char *const lines[] = { BEGIN };
	struct stage st;
	json_t *kept;
	char *text;

	(void)state;
	stage_open(&st, lines, ARRAY_LEN(lines));
	for (unsigned n = 1; n <= 5; n++)
		past_keep_number(st.past, 1, n);
	past_keep_number(st.past, 2, 6);
	past_keep_number(st.past, 1, 8);
	past_keep_number(st.past, 1, 7);
	kept = past_kept(st.past, 1);
	text = json_dumps(kept, JSON_COMPACT);
	assert_string_equal(text, "[[1,5],[7,8]]");
	free(text);
	json_decref(kept);
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_journal_that_is_none_is_refused),
	cmocka_unit_test(calls_are_found_by_their_keys_and_those_that_lack_results_are_known),
	cmocka_unit_test(a_call_that_was_issued_again_is_one),
	cmocka_unit_test(what_an_interrupt_canceled_is_no_result),
	cmocka_unit_test(what_diverged_counts_no_more_but_for_what_was_kept),
	cmocka_unit_test(points_that_are_finished_or_skipped_have_no_calls),
	cmocka_unit_test(numbers_that_were_handed_out_are_ranges),
};

UNIT_MAIN(tests)
