/* hostlist.c - tests of host sets: expressions, files, groups, wildcards, algebra */
#include "unit.h"

#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "set/hostlist.h"

static struct pl_hostlist *parsed(const char *text, const struct pl_hostlist_resolver *resolver)
{
	struct pl_error err = { 0 };
	struct pl_hostlist *h = pl_hostlist_parse(text, resolver, &err);

	if (h == NULL)
		fail_msg("'%s': %s", text, err.text);
	return h;
}

static void assert_names(const char *text, const struct pl_hostlist_resolver *resolver,
			 const char *names)
{
	struct pl_hostlist *h = parsed(text, resolver);
	char *joined = pl_hostlist_join(h, " ");

	if (strcmp(joined, names) != 0)
		fail_msg("'%s' is '%s', not '%s'", text, joined, names);
	free(joined);
	pl_hostlist_destroy(h);
}

static void assert_refused(const char *text, const struct pl_hostlist_resolver *resolver,
			   enum pl_error_code code, const char *words)
{
	struct pl_error err = { 0 };

	if (pl_hostlist_parse(text, resolver, &err) != NULL)
		fail_msg("'%s' was taken", text);
	if (strstr(err.text, words) == NULL)
		fail_msg("'%s': '%s' does not say '%s'", text, err.text, words);
	assert_int_equal(err.code, code);
}

/* ---- misuse ---- */

static void malformed_text_is_refused_with_the_column_and_the_cure(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "column 1: it is empty" },
		{ " \t ", "column 1: it is empty" },
		{ "node[1-3", "column 5: '[' is never closed; write ']'" },
		{ "node[", "column 5: '[' is never closed" },
		{ "a,node1]", "column 8: ']' without '['" },
		{ "node[[1-2]]", "column 6: brackets do not nest" },
		{ "node[1[2]]", "column 7: brackets do not nest" },
		{ "node[]", "column 6: no range in these brackets" },
		{ "node[,1]", "column 6: no range in these brackets" },
		{ "node[1,,2]", "column 8: a number is expected" },
		{ "node[1,]", "column 8: a number is expected" },
		{ "node[1-]", "column 8: a number is expected" },
		{ "node[-1]", "column 6: a number is expected" },
		{ "node[a-c]", "column 6: a number is expected" },
		{ "a,[::1]:22", "column 3: an IPv6 address is written without brackets: ::1; " },
		{ "[fe80::1%eth0]", "column 1: an IPv6 address is written without brackets: "
				    "fe80::1%eth0; its port" },
		{ "root@[2001:db8::1]", "column 6: an IPv6 address is written without brackets" },
		{ "[2001:db8::1,b]", "a number is expected" },
		{ "[1:2]", "a number is expected" },
		{ "node[1 2]", "column 8: a number is expected" },
		{ "node[1-2-3]", "column 9: a number is expected" },
		{ "node[9-1]", "column 6: range 9-1 runs backwards; write 1-9" },
		{ "node[01-3]", "column 6: the ends of 01-3 are padded differently; write 01-03" },
		{ "node[1-03]", "padded differently; write 01-03" },
		{ "node[08-112]", "padded differently; write 008-112" },
		{ "node[1-9/0]", "column 10: a step of 0 never ends" },
		{ "node[1/2]", "column 7: a step needs a range" },
		{ "node[1-9/]", "column 10: a number is expected" },
		{ "n[1-1234567890123456789]", "column 5: a number in brackets has at most 18" },
		{ ",a", "column 1: ',' has nothing on its left" },
		{ "&a", "column 1: '&' has nothing on its left" },
		{ "a,", "column 2: ',' has nothing on its right" },
		{ "a!", "column 2: '!' has nothing on its right" },
		{ "a ,, b", "column 3: ',' has nothing on its right" },
		{ "a !& b", "column 3: '!' has nothing on its right" },
		{ "a^", "column 2: '^' has nothing on its right" },
		{ "^", "column 1: a file's name" },
		{ "(a,b)&c", "column 1: parentheses do not group" },
		{ "n{1..3}", "column 2: '{' cannot be in a host name; ranges are written" },
		{ "a|b", "column 2: '|' is no operator; the union is ','" },
		{ "'a'", "column 1: ''' cannot be in a host name" },
		{ "a\001b", "column 2: control character 0x01" },
		{ "@rack1", "column 1: no groups are known here" },
		{ "a,@", "column 3: a group's name is expected" },
		{ "@src:", "column 1: a group's name is expected" },
		{ "n*", "column 1: no inventory is known here" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i].text, NULL, PL_EUSAGE, cases[i].words);
	assert_null(pl_hostlist_parse("n[", NULL, NULL));
}

static void what_expands_to_too_much_is_refused_before_it_is_expanded(void **state)
{
	static const struct pl_hostlist_resolver small = { .max_names = 100 };
	struct strbuf text = STRBUF_INIT;

	(void)state;
	assert_refused("n[1-10000001]", NULL, PL_EUSAGE, "more than 10000000 names");
	assert_refused("n[1-99999]x[1-99999]x[1-99999]x[1-99999]", NULL, PL_EUSAGE, "more than");
	assert_refused("n[0-999999999999999999]x[0-999999999999999999]", NULL, PL_EUSAGE, "more");
	assert_refused("n[1-101]", &small, PL_EUSAGE, "column 1: this expands to more than 100");
	assert_refused("n[1-60],m[1-60]", &small, PL_EUSAGE, "column 9: from here on");
	assert_names("n[1-60]!n[3-60],m1", &small, "n1 n2 m1");

	/* 2^64 + 5 names must not look like 5 */
	strbuf_adds(&text, "n[0-446744073709551620");
	for (int i = 0; i < 18; i++)
		strbuf_adds(&text, ",0-999999999999999999");
	strbuf_adds(&text, "]");
	assert_refused(text.s, NULL, PL_EUSAGE, "more than");
	strbuf_reset(&text);
	for (int i = 0; i < 17; i++)
		strbuf_adds(&text, "a[1]");
	assert_refused(text.s, NULL, PL_EUSAGE, "more than 16 number groups");
	strbuf_reset(&text);
	for (int i = 0; i < 1025; i++)
		strbuf_addc(&text, 'a');
	assert_refused(text.s, NULL, PL_EUSAGE, "too long");
	strbuf_fini(&text);
}

static void a_long_expression_is_cut_around_the_place(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&text, "host%d,", i);
	strbuf_adds(&text, "n[3-1],z");
	assert_refused(text.s, NULL, PL_EUSAGE, "host set '...");
	assert_refused(text.s, NULL, PL_EUSAGE, "n[3-1],z', column 7893: range 3-1");
	strbuf_fini(&text);
}

/* ---- expressions ---- */

static void expressions_expand_in_the_order_they_are_written(void **state)
{
	static const struct {
		const char *text, *names;
	} cases[] = {
		{ "node1", "node1" },
		{ "n[1-3]", "n1 n2 n3" },
		{ "n[3,1,2]", "n3 n1 n2" },
		{ "n[08-11]", "n08 n09 n10 n11" },
		{ "n[8-11]", "n8 n9 n10 n11" },
		{ "n[1,02]", "n1 n02" },
		{ "n[0-10/4]", "n0 n4 n8" },
		{ "n[1-5/2,7]", "n1 n3 n5 n7" },
		{ "n[ 1 - 2 , 4 ]", "n1 n2 n4" },
		{ "n[2-3,1-2]", "n2 n3 n1" },
		{ "n[1-2,2-3]", "n1 n2 n3" },
		{ "r[1-2]t[01-02]", "r1t01 r1t02 r2t01 r2t02" },
		{ "r[1-2]t[1-2]-ib0", "r1t1-ib0 r1t2-ib0 r2t1-ib0 r2t2-ib0" },
		{ "gpu-a-[1-2]", "gpu-a-1 gpu-a-2" },
		{ "[1-3]", "1 2 3" },
		{ "1-3", "1-3" },
		{ "10.0.0.[1-2]", "10.0.0.1 10.0.0.2" },
		{ "fe80::1%eth0", "fe80::1%eth0" },
		{ "u@h", "u@h" },
		{ "n0[8-10]", "n08 n09 n010" },
		{ "n[1-2]0", "n10 n20" },
		{ "n[1-2][1-2]", "n11 n12 n21 n22" },
		{ "n[1,11][1,11]", "n11 n111 n1111" },
		{ "n[999999999999999998-999999999999999999]",
		  "n999999999999999998 n999999999999999999" },
		{ "b,a,b", "b a" },
		{ "b a", "b a" },
		{ " b\n a\t", "b a" },
		{ "node1,node01", "node1 node01" },
		{ "a,b!a", "b" },
		{ "a ! a , b", "b" },
		{ "a!a", "" },
		{ "n[1-4]&n[4,3,9]", "n3 n4" },
		{ "n[1-3]^n[3-5]", "n1 n2 n4 n5" },
		{ "n[1-3] ^ n[3-5]", "n1 n2 n4 n5" },
		{ "n[1-3] ^n3", "n1 n2" },
		{ "a,b&b,c", "b c" },
		{ "c b!b a&a", "a" },
		{ "n[1-9]!n[2-8]!n9,n2", "n1 n2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_names(cases[i].text, NULL, cases[i].names);
}

/* ---- groups and wildcards ---- */

static int known_group(void *arg, const char *source, const char *group, struct pl_hostlist *out,
		       struct pl_error *err)
{
	char *log = arg;

	sprintf(log + strlen(log), "%s/%s ", source, group);
	if (strcmp(group, "gone") == 0)
		return pl_errorf(err, PL_ENOENT, "group 'gone' is not in the cluster");
	pl_hostlist_add(out, group);
	pl_hostlist_add(out, "shared");
	return 0;
}

static const struct pl_hostlist *known_inventory(void *arg, struct pl_error *err)
{
	static struct pl_hostlist *all;

	(void)arg;
	(void)err;
	if (all == NULL)
		all = pl_hostlist_parse("n[1-12],m1,m2", NULL, NULL);
	return all;
}

static const struct pl_hostlist *no_inventory(void *arg, struct pl_error *err)
{
	(void)arg;
	return pl_errorf(err, PL_ENOENT, "no cluster was given"), NULL;
}

static void groups_are_asked_of_the_resolver(void **state)
{
	char log[256] = "";
	const struct pl_hostlist_resolver r = { .group = known_group, .arg = log };

	(void)state;
	assert_refused("a,@gone", &r, PL_ENOENT, "column 3: group 'gone' is not in the cluster");
	log[0] = '\0';
	assert_names("@web", &r, "web shared");
	assert_names("x,@rack[1-2]!@slurm:gpu", &r, "x rack1 rack2");
	assert_names("@*", &r, "* shared");
	assert_string_equal(log, "/web /rack1 /rack2 slurm/gpu /* ");
}

static void wildcards_choose_from_the_inventory_in_its_order(void **state)
{
	const struct pl_hostlist_resolver r = { .inventory = known_inventory };
	const struct pl_hostlist_resolver none = { .inventory = no_inventory };

	(void)state;
	assert_refused("n[1-1001]*", &r, PL_EUSAGE, "column 1: 1001 wildcards in one name");
	assert_refused("x&n*", &none, PL_ENOENT, "column 3: no cluster was given");
	assert_names("*&m[1-9]", &r, "m1 m2");
	assert_names("n1?", &r, "n10 n11 n12");
	assert_names("?1", &r, "n1 m1");
	assert_names("n[2,1]*", &r, "n2 n1 n10 n11 n12");
	assert_names("*!n*", &r, "m1 m2");
	assert_names("nothing*", &r, "");
}

/* ---- files ---- */

/* A file of its own for each call; the caller unlinks it. */
static void write_file(char path[64], const void *bytes, size_t len)
{
	int fd;

	strcpy(path, "/tmp/pl-hostlist-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void assert_file_names(const char *content, const char *before, const char *after,
			      const char *names)
{
	char path[64], text[128];

	write_file(path, content, strlen(content));
	snprintf(text, sizeof(text), "%s^%s%s", before, path, after);
	assert_names(text, NULL, names);
	unlink(path);
}

static void files_hold_one_set_a_line_with_comments(void **state)
{
	(void)state;
	assert_file_names("", "", "", "");
	assert_file_names("a\nb", "", "", "a b");
	assert_file_names("# hosts\n\n  a b\r\n\t\nn[1-2] # two\nb\n", "", "", "a b n1 n2");
	assert_file_names("n[1-3]!n2\nx\n", "a,", "", "a n1 n3 x");
	assert_file_names("a\n", "b ! c , ", " , d", "b a d");
	assert_file_names("b\n", "a,b,c!", "", "a c");
	assert_file_names("c\nb\n", "a,b,c&", "", "b c");
	assert_file_names("b\nc\n", "a,b^", "", "a c");
}

static void assert_file_refused(const void *bytes, size_t len, enum pl_error_code code,
				const char *words)
{
	char path[64], text[80];

	write_file(path, bytes, len);
	snprintf(text, sizeof(text), "a,^%s", path);
	assert_refused(text, NULL, code, words);
	unlink(path);
}

static void files_that_cannot_be_read_say_which_and_where(void **state)
{
	static const struct pl_hostlist_resolver no_files = { .no_files = true };

	(void)state;
	assert_refused("^/nonexistent/hosts", NULL, PL_ENOENT, "'/nonexistent/hosts' does not exist");
	assert_refused("^/tmp", NULL, PL_ESYS, "cannot read host file '/tmp'");
	assert_refused("a,^/etc/hostname", &no_files, PL_EUSAGE, "column 3: files cannot be named");
	assert_file_refused("a\n#x\nn[1\n", 9, PL_EUSAGE, "line 3: host set 'n[1', column 2");
	assert_file_refused("a\nb\0c\n", 6, PL_EUSAGE, "line 2: a NUL byte");
	assert_file_refused("a\0", 2, PL_EUSAGE, "line 1: a NUL byte");
	assert_file_refused("@web\n", 5, PL_EUSAGE, "line 1: host set '@web', column 1: no groups");
}

static void a_file_that_names_itself_ends(void **state)
{
	char path[] = "/tmp/pl-hostlist-XXXXXX", line[64];
	int fd = mkstemp(path);
	int len = snprintf(line, sizeof(line), "a\n^%s\n", path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, line, (size_t)len), len);
	close(fd);
	snprintf(line, sizeof(line), "^%s", path);
	assert_refused(line, NULL, PL_EUSAGE, "more than 8 deep");
	unlink(path);
}

/* Standard input holds n1, n2 and x. */
static void assert_names_of_stdin(const char *text, const char *names)
{
	int saved = dup(STDIN_FILENO);
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "n[1-2]\nx\n", 9), 9);
	close(ends[1]);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
	assert_names(text, NULL, names);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static void a_dash_reads_standard_input(void **state)
{
	static const struct pl_hostlist_resolver no_files = { .no_files = true };

	(void)state;
	assert_names_of_stdin("n2,^-", "n2 n1 x");
	assert_names_of_stdin("-", "n1 n2 x");
	assert_names_of_stdin("n[1-3] ! - , y", "n3 y");
	assert_refused("a,-", &no_files, PL_EUSAGE, "column 3: files cannot be named");
	assert_names("-1,-x", NULL, "-1 -x");
}

/* ---- lists as such ---- */

static void an_empty_list_answers_everything(void **state)
{
	struct pl_hostlist *h = pl_hostlist_create();
	struct pl_hostlist *copy = pl_hostlist_copy(h);
	char *text = pl_hostlist_fold(h);

	(void)state;
	assert_int_equal(pl_hostlist_count(copy), 0);
	assert_null(pl_hostlist_name(h, 0));
	assert_int_equal(pl_hostlist_find(h, "a"), SIZE_MAX);
	assert_string_equal(text, "");
	free(text);
	text = pl_hostlist_join(h, ",");
	assert_string_equal(text, "");
	free(text);
	pl_hostlist_xor(h, copy);
	pl_hostlist_intersect(h, copy);
	assert_false(pl_hostlist_add(h, ""));
	assert_true(pl_hostlist_add(h, "a"));
	assert_false(pl_hostlist_add(h, "a"));
	pl_hostlist_destroy(copy);
	pl_hostlist_destroy(h);
	pl_hostlist_destroy(NULL);
}

static void a_list_with_itself(void **state)
{
	struct pl_hostlist *h = parsed("n[1-20]", NULL);

	(void)state;
	pl_hostlist_union(h, h);
	pl_hostlist_intersect(h, h);
	assert_int_equal(pl_hostlist_count(h), 20);
	pl_hostlist_subtract(h, h);
	assert_int_equal(pl_hostlist_count(h), 0);
	assert_true(pl_hostlist_add(h, "n1"));
	pl_hostlist_xor(h, h);
	assert_int_equal(pl_hostlist_count(h), 0);
	pl_hostlist_destroy(h);
}

static void slices_are_cut_at_the_end(void **state)
{
	static const struct {
		size_t first, n;
		const char *names;
	} cases[] = {
		{ 0, 2, "a1 a2" }, { 1, 2, "a2 a3" },	{ 2, 9, "a3" },
		{ 3, 1, "" },	   { 9, 9, "" },	{ 0, 0, "" },
		{ 0, SIZE_MAX, "a1 a2 a3" },		{ 1, SIZE_MAX, "a2 a3" },
	};
	struct pl_hostlist *h = parsed("a[1-3]", NULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_hostlist *part = pl_hostlist_slice(h, cases[i].first, cases[i].n);
		char *joined = pl_hostlist_join(part, " ");

		assert_string_equal(joined, cases[i].names);
		free(joined);
		pl_hostlist_destroy(part);
	}
	pl_hostlist_destroy(h);
}

/* The index must follow appends, removals and names that come back. */
static void names_are_found_after_every_change(void **state)
{
	struct pl_hostlist *h = parsed("n[0-4999]", NULL);
	struct pl_hostlist *odd = parsed("n[1-4999/2]", NULL);

	(void)state;
	assert_int_equal(pl_hostlist_find(h, "n4321"), 4321);
	assert_int_equal(pl_hostlist_find(h, "n5000"), SIZE_MAX);
	pl_hostlist_subtract(h, odd);
	assert_int_equal(pl_hostlist_count(h), 2500);
	assert_int_equal(pl_hostlist_find(h, "n4998"), 2499);
	assert_int_equal(pl_hostlist_find(h, "n4321"), SIZE_MAX);
	pl_hostlist_union(h, odd);
	assert_int_equal(pl_hostlist_find(h, "n1"), 2500);
	assert_string_equal(pl_hostlist_name(h, 4999), "n4999");
	for (int i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "m%d", i);
		assert_true(pl_hostlist_add(h, name));
		assert_false(pl_hostlist_add(h, name));
		assert_int_equal(pl_hostlist_find(h, name), 5000 + i);
	}
	pl_hostlist_destroy(odd);
	pl_hostlist_destroy(h);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(malformed_text_is_refused_with_the_column_and_the_cure),
	cmocka_unit_test(what_expands_to_too_much_is_refused_before_it_is_expanded),
	cmocka_unit_test(a_long_expression_is_cut_around_the_place),
	cmocka_unit_test(expressions_expand_in_the_order_they_are_written),
	cmocka_unit_test(groups_are_asked_of_the_resolver),
	cmocka_unit_test(wildcards_choose_from_the_inventory_in_its_order),
	cmocka_unit_test(files_hold_one_set_a_line_with_comments),
	cmocka_unit_test(files_that_cannot_be_read_say_which_and_where),
	cmocka_unit_test(a_file_that_names_itself_ends),
	cmocka_unit_test(a_dash_reads_standard_input),
	cmocka_unit_test(an_empty_list_answers_everything),
	cmocka_unit_test(a_list_with_itself),
	cmocka_unit_test(slices_are_cut_at_the_end),
	cmocka_unit_test(names_are_found_after_every_change),
};

UNIT_MAIN(tests)
