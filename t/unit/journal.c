/* journal.c - tests of core/store/journal: append-only, one writer, torn lines */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "store/journal.h"

struct stage {
	char dir[32];
	char *path;
};

static void stage_open(struct stage *st)
{
	strcpy(st->dir, "/tmp/pl-journal-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	st->path = xasprintf("%s/journal", st->dir);
}

static void stage_close(struct stage *st)
{
	unlink(st->path);
	assert_int_equal(rmdir(st->dir), 0);
	free(st->path);
}

static void write_file(const struct stage *st, const char *text)
{
	int fd = open(st->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static const char *content(const struct stage *st)
{
	static char text[4096];
	int fd = open(st->path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

/* Names of events, with a space after each. */
static bool note(void *arg, const json_t *event)
{
	strbuf_addf(arg, "%s ", json_string_value(json_object_get(event, "ev")));
	return true;
}

static void a_journal_is_never_overwritten(void **state)
{
	struct pl_error err;
	struct stage st;
	struct journal *j;

	(void)state;
	stage_open(&st);
	assert_null(journal_open(st.path, &err));
	j = journal_create(st.path, &err);
	assert_non_null(j);
	assert_null(journal_create(st.path, &err));
	assert_int_equal(err.code, PL_EBUSY);
	journal_close(j);
	assert_null(journal_create(st.path, NULL));
	assert_null(journal_create("/nowhere/journal", &err));
	assert_int_equal(err.code, PL_ESYS);
	stage_close(&st);
}

static void events_are_lines_of_json(void **state)
{
	struct stage st;
	struct journal *j;

	(void)state;
	stage_open(&st);
	j = journal_create(st.path, NULL);
	assert_int_equal(journal_append(j, 1700000000000042, "begin", "\"id\":\"x\"", NULL), 0);
	assert_int_equal(journal_append(j, 1700000001500000, "end", "", NULL), 0);
	assert_int_equal(journal_sync(j, NULL), 0);
	assert_string_equal(content(&st), "{\"t\":1700000000.000042,\"ev\":\"begin\",\"id\":\"x\"}\n"
					  "{\"t\":1700000001.500000,\"ev\":\"end\"}\n");
	journal_close(j);
	stage_close(&st);
}

static void a_torn_last_line_is_left_out_and_cut_off(void **state)
{
	static const struct {
		const char *text, *events;
		bool torn;
	} cases[] = {
		{ "", "", false },
		{ "{\"ev\":\"a\"}\n", "a ", false },
		{ "{\"ev\":\"a\"}\n{\"ev\":\"b\"}\n{\"ev\":\"c\"", "a b ", true },
		{ "{\"ev\":\"a\"}\n{\"ev\":\"b\"}", "a ", true },
		{ "{\"ev", "", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf seen = STRBUF_INIT;
		struct stage st;
		struct journal *j;
		bool torn = true;

		stage_open(&st);
		write_file(&st, cases[i].text);
		assert_int_equal(journal_read(st.path, note, &seen, &torn, NULL), 0);
		assert_string_equal(strbuf_str(&seen), cases[i].events);
		assert_int_equal(torn, cases[i].torn);
		j = journal_open(st.path, NULL);
		assert_int_equal(journal_append(j, 0, "z", "", NULL), 0);
		journal_close(j);
		strbuf_reset(&seen);
		assert_int_equal(journal_read(st.path, note, &seen, &torn, NULL), 0);
		assert_false(torn);
		strbuf_addf(&seen, "%s", "");
		assert_memory_equal(seen.s, cases[i].events, strlen(cases[i].events));
		assert_string_equal(seen.s + strlen(cases[i].events), "z ");
		strbuf_fini(&seen);
		stage_close(&st);
	}
}

static void a_long_torn_line_is_cut_off_too(void **state)
{
	char *text = xmalloc(300001);
	struct stage st;
	struct journal *j;

	(void)state;
	stage_open(&st);
	memset(text, 'x', 300000);
	text[300000] = '\0';
	memcpy(text, "{\"ev\":\"a\"}\n{", 12);
	write_file(&st, text);
	j = journal_open(st.path, NULL);
	assert_non_null(j);
	assert_string_equal(content(&st), "{\"ev\":\"a\"}\n");
	journal_close(j);
	free(text);
	stage_close(&st);
}

static void garbage_inside_is_an_error_with_its_line(void **state)
{
	static const char *const texts[] = { "{\"ev\":\"a\"}\nnonsense\n{\"ev\":\"b\"}\n",
					     "{\"ev\":\"a\"}\n[1]\n" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct strbuf seen = STRBUF_INIT;
		struct pl_error err;
		struct stage st;

		stage_open(&st);
		write_file(&st, texts[i]);
		assert_int_equal(journal_read(st.path, note, &seen, NULL, &err), -1);
		assert_non_null(strstr(err.text, "line 2"));
		assert_string_equal(strbuf_str(&seen), "a ");
		strbuf_fini(&seen);
		stage_close(&st);
	}
}

static void two_processes_never_write_one_journal(void **state)
{
	struct stage st;
	struct journal *j;
	int status;
	pid_t pid;

	(void)state;
	stage_open(&st);
	j = journal_create(st.path, NULL);
	pid = fork();
	if (pid == 0) {
		struct pl_error err;
		struct journal *other = journal_open(st.path, &err);

		_exit(other == NULL && err.code == PL_EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	journal_close(j);
	j = journal_open(st.path, NULL);
	assert_non_null(j);
	journal_close(j);
	stage_close(&st);
}

/* A limit on the file's size takes a part of a write, as a disk that fills up does. */
static int write_until_full(const char *path)
{
	struct rlimit limit = { 100, 100 };
	struct journal *j = journal_create(path, NULL);
	struct pl_error err;
	int n = 0;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	while (journal_append(j, 0, "event", "", &err) == 0)
		n++;
	journal_close(j);
	return strstr(err.text, "No space left") != NULL ? n : -1;
}

static void a_full_disk_leaves_whole_lines(void **state)
{
	struct strbuf seen = STRBUF_INIT;
	struct stage st;
	int status;
	bool torn;
	pid_t pid;

	(void)state;
	stage_open(&st);
	pid = fork();
	if (pid == 0)
		_exit(write_until_full(st.path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(journal_read(st.path, note, &seen, &torn, NULL), 0);
	assert_false(torn);
	assert_string_equal(seen.s, "event event event ");
	strbuf_fini(&seen);
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_journal_is_never_overwritten),
	cmocka_unit_test(events_are_lines_of_json),
	cmocka_unit_test(a_torn_last_line_is_left_out_and_cut_off),
	cmocka_unit_test(a_long_torn_line_is_cut_off_too),
	cmocka_unit_test(garbage_inside_is_an_error_with_its_line),
	cmocka_unit_test(two_processes_never_write_one_journal),
	cmocka_unit_test(a_full_disk_leaves_whole_lines),
};

UNIT_MAIN(tests)
