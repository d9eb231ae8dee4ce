/* unpack.c - tests of core/transport/tarhead.h and unpack.h: archives as they are, and as a host
 * that means harm would send them */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "transport/tarhead.h"
#include "transport/unpack.h"

/* ---- a place of its own: the folder "in", and room around it ---- */

static char place[] = "/tmp/perilune-unpack.XXXXXX";

static int enter(void **state)
{
	(void)state;
	return mkdtemp(place) == NULL || chdir(place) != 0;
}

static int leave(void **state)
{
	char *line = xasprintf("rm -rf '%s'", place);
	int rc = system(line);

	(void)state;
	free(line);
	return rc;
}

static int fresh(void **state)
{
	(void)state;
	return system("rm -rf in out* && mkdir in");
}

/* ---- archives ---- */

static void add(struct strbuf *a, char type, const char *path, const char *link, const char *data,
		size_t size)
{
	struct tar_entry e = { .type = type, .mode = 0640, .size = size, .mtime = 1000000000,
			       .path = path, .link = link };
	static const char zeros[TAR_BLOCK];

	tar_head_write(a, &e);
	strbuf_add(a, data, size);
	strbuf_add(a, zeros, tar_padding(size));
}

static void add_text(struct strbuf *a, char type, const char *path, const char *text)
{
	add(a, type, path, "", text, strlen(text));
}

/* Unpacks in pieces: the result; why is the reason. The archive is freed. */
static struct pl_error why;
static bool whole;

static int unpack_in(struct strbuf *a, size_t piece)
{
	struct unpack *u;
	const char *first;
	int rc = 0;

	why = (struct pl_error){ 0 };
	u = unpack_create(tree_create("in", false, NULL, &why), true);
	for (size_t at = 0; rc == 0 && at < a->len; at += piece)
		rc = unpack_add(u, a->s + at, a->len - at < piece ? a->len - at : piece, &why);
	whole = unpack_is_whole(u) && unpack_left_out(u, &first) == 0;
	unpack_destroy(u);
	strbuf_fini(a);
	return rc;
}

static void refused(struct strbuf *a, const char *words)
{
	assert_int_equal(unpack_in(a, 1000), -1);
	if (strstr(why.text, words) == NULL)
		fail_msg("'%s' is not in '%s'", words, why.text);
	assert_int_equal(system("test -z \"$(find . -name 'out*')\""), 0);
}

static void holds(const char *path, const char *text)
{
	char *line = xasprintf("test \"$(cat '%s')\" = '%s'", path, text);

	assert_int_equal(system(line), 0);
	free(line);
}

/* ---- heads ---- */

static void same_head(const struct tar_entry *e)
{
	struct strbuf a = STRBUF_INIT;
	struct tar_names names;
	struct tar_entry r;

	tar_head_write(&a, e);
	assert_int_equal(a.len, tar_head_length(e));
	assert_true(tar_head_read(a.s + a.len - TAR_BLOCK, &r, &names));
	assert_int_equal(r.type, e->type);
	assert_int_equal(r.size, e->size);
	assert_int_equal(r.mtime, e->mtime);
	assert_int_equal(r.mode, e->mode);
	assert_memory_equal(r.path, e->path, strlen(r.path));
	strbuf_fini(&a);
}

static void a_head_is_read_as_it_was_written(void **state)
{
	struct tar_entry e = { .type = TAR_FILE, .mode = 0755, .path = "a", .link = "" };
	char name[300] = "";

	(void)state;
	for (size_t len = 1; len < 290; len += 33) {
		memset(name, 'n', len);
		e.path = name;
		same_head(&e);
	}
	e.size = UINT64_C(1) << 40;
	e.mtime = INT64_C(1) << 35;
	same_head(&e);
	e.mtime = 0;
	e.size = (UINT64_C(1) << 33) - 1;
	same_head(&e);
}

static void a_head_whose_sum_is_wrong_is_refused(void **state)
{
	struct strbuf a = STRBUF_INIT;

	(void)state;
	add_text(&a, TAR_FILE, "f", "text");
	a.s[0] ^= 1;
	refused(&a, "malformed");
}

/* ---- what is unpacked ---- */

static void it_makes_no_difference_in_which_pieces_it_comes(void **state)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 100000 };
	char name[150] = "";

	memset(name, 'n', sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct strbuf a = STRBUF_INIT;

		fresh(state);
		add_text(&a, TAR_FOLDER, "d/", "");
		add_text(&a, TAR_FILE, "d/f", "some text");
		add_text(&a, TAR_FILE, "empty", "");
		add_text(&a, TAR_PAX, "x", "14 path=paxed\n");
		add_text(&a, TAR_FILE, "short", "named by pax");
		add_text(&a, TAR_FILE, name, "long");
		add(&a, TAR_SYMLINK, "d/l", "f", "", 0);
		add(&a, TAR_HARDLINK, "h", "d/f", "", 0);
		assert_int_equal(unpack_in(&a, pieces[i]), 0);
		assert_true(whole);
		holds("in/d/l", "some text");
		holds("in/h", "some text");
		holds("in/paxed", "named by pax");
		holds("in/empty", "");
		assert_int_equal(system("test -s in/n*n && ! test -e in/short"), 0);
	}
}

static void what_is_cut_is_not_whole_and_leaves_no_part(void **state)
{
	struct strbuf a = STRBUF_INIT;

	(void)state;
	add_text(&a, TAR_FILE, "first", "here");
	add_text(&a, TAR_FILE, "second", "not all of it");
	a.len -= TAR_BLOCK - 5;
	assert_int_equal(unpack_in(&a, 100), 0);
	assert_false(whole);
	assert_int_equal(system("test \"$(ls -A in)\" = first"), 0);
}

static void devices_and_pipes_are_left_out_and_told(void **state)
{
	struct strbuf a = STRBUF_INIT;

	(void)state;
	add_text(&a, '3', "disk", "");
	add_text(&a, '6', "pipe", "");
	add_text(&a, TAR_FILE, "f", "text");
	assert_int_equal(unpack_in(&a, 512), 0);
	assert_false(whole);
	assert_int_equal(system("test \"$(ls -A in)\" = f"), 0);
}

/* ---- harm ---- */

static void names_that_lead_out_are_refused(void **state)
{
	static const char *const names[] = { "../out", "a/../../out", "..", "./../out", "a//../../out" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;

		fresh(state);
		add_text(&a, TAR_FILE, names[i], "x");
		refused(&a, "out of the folder");
		add_text(&b, TAR_LONG_NAME, "n", names[i]);
		add_text(&b, TAR_FILE, "harmless", "x");
		refused(&b, "out of the folder");
	}
}

static void absolute_names_are_refused(void **state)
{
	struct strbuf a = STRBUF_INIT;
	char *name = xasprintf("%s/out", place);

	(void)state;
	add_text(&a, TAR_FILE, name, "x");
	refused(&a, "absolute");
	free(name);
}

static void links_are_not_followed(void **state)
{
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT, c = STRBUF_INIT;

	add(&a, TAR_SYMLINK, "way", "..", "", 0);
	add_text(&a, TAR_FILE, "way/out", "x");
	refused(&a, "in its way");
	fresh(state);
	add(&b, TAR_SYMLINK, "f", "../out", "", 0);
	add_text(&b, TAR_FILE, "f", "x");
	assert_int_equal(unpack_in(&b, 512), 0);
	assert_int_equal(system("! test -e out && test -f in/f && ! test -h in/f"), 0);
	fresh(state);
	add(&c, TAR_HARDLINK, "h", "../in", "", 0);
	refused(&c, "out of the folder");
}

static void fields_that_lie_about_their_length_are_refused(void **state)
{
	static const char *const fields[] = {
		"9999 path=out\n", "6 path=out\n", "0 path=out\n", "path=out\n", "-5 path=out\n",
		"     \n    6 path=out\n", "\n\n\n\n\n\n5 =out\n", "18446744073709551615 path=out\n",
		"13 path=outer", "     \n    6 no such key\n",
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct strbuf a = STRBUF_INIT;

		fresh(state);
		add_text(&a, TAR_PAX, "x", fields[i]);
		add_text(&a, TAR_FILE, "f", "x");
		refused(&a, "malformed");
	}
}

static void sizes_beyond_all_measure_are_refused(void **state)
{
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	struct tar_entry name = { .type = TAR_LONG_NAME, .size = UINT64_C(1) << 32, .path = "n",
				  .link = "" };
	struct tar_entry file = { .type = TAR_FILE, .size = UINT64_MAX / 2 + 5, .path = "f",
				  .link = "" };

	(void)state;
	tar_head_write(&a, &name);
	refused(&a, "4294967296 bytes");
	tar_head_write(&b, &file);
	refused(&b, "malformed");
}

static void a_size_in_the_fields_counts(void **state)
{
	struct strbuf a = STRBUF_INIT;

	(void)state;
	add_text(&a, TAR_PAX, "x", "9 size=3\n");
	add_text(&a, TAR_FILE, "f", "123");
	add_text(&a, TAR_PAX, "x", "11 size=-1\n");
	add_text(&a, TAR_FILE, "endless", "123");
	assert_int_equal(unpack_in(&a, 300), 0);
	assert_false(whole);
	holds("in/f", "123");
	assert_int_equal(system("test \"$(ls -A in)\" = f"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read_as_it_was_written),
		cmocka_unit_test_setup(a_head_whose_sum_is_wrong_is_refused, fresh),
		cmocka_unit_test_setup(it_makes_no_difference_in_which_pieces_it_comes, fresh),
		cmocka_unit_test_setup(what_is_cut_is_not_whole_and_leaves_no_part, fresh),
		cmocka_unit_test_setup(devices_and_pipes_are_left_out_and_told, fresh),
		cmocka_unit_test_setup(names_that_lead_out_are_refused, fresh),
		cmocka_unit_test_setup(absolute_names_are_refused, fresh),
		cmocka_unit_test_setup(links_are_not_followed, fresh),
		cmocka_unit_test_setup(fields_that_lie_about_their_length_are_refused, fresh),
		cmocka_unit_test_setup(sizes_beyond_all_measure_are_refused, fresh),
		cmocka_unit_test_setup(a_size_in_the_fields_counts, fresh),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, enter, leave);
}
