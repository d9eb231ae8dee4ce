/* printer.c - tests of core/run/printer and of what it is made of: jsontext, outlet */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/jsontext.h"
#include "run/outlet.h"
#include "run/printer.h"
#include "base/utf8.h"
#include "sim_fleet.h"

static const struct command command = { .line = "x", .mode = -1 };

/* ---- text ---- */

static void utf8_is_told_from_bytes(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} cases[] = {
		{ "", true },
		{ "plain text that is longer than eight", true },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x8c\x99", true },
		{ "\xc0\xaf", false },		/* overlong */
		{ "\xe0\x80\xaf", false },	/* overlong */
		{ "\xed\xa0\x80", false },	/* surrogate */
		{ "\xf4\x90\x80\x80", false },	/* past U+10FFFF */
		{ "cut \xe2\x82", false },
		{ "12345678\x80", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
}

static void bytes_become_json(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *json;
	} cases[] = {
		{ "", 0, "\"s\":\"\"" },
		{ "a\"b\\c\n\t\r", 8, "\"s\":\"a\\\"b\\\\c\\n\\t\\r\"" },
		{ "\0\033\x7f", 3, "\"s\":\"\\u0000\\u001b\\u007f\"" },
		{ "\xc3\xa9", 2, "\"s\":\"\xc3\xa9\"" },
		/* UTF-8 that would drive a terminal */
		{ "\xc2\x9b" "1m\xc2\xa0", 6, "\"s\":\"\\u009b1m\xc2\xa0\"" },
		{ "a\xe2\x80\xae" "b", 5, "\"s\":\"a\\u202eb\"" },
		{ "\xff", 1, "\"s_base64\":\"/w==\"" },
		{ "\xff\xfe", 2, "\"s_base64\":\"//4=\"" },
		{ "\xff\xfe\xfd", 3, "\"s_base64\":\"//79\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct strbuf b = STRBUF_INIT;

		jsontext_bytes(&b, "s", cases[i].bytes, cases[i].len);
		assert_string_equal(strbuf_str(&b), cases[i].json);
		strbuf_fini(&b);
	}
}

/* ---- printing into files ---- */

struct stage {
	struct fleet fleet;
	char dir[32];
	int out_fd, err_fd;
	struct printer_options options;
	struct printer *printer;
};

static int open_in(const struct stage *st, const char *name)
{
	char *path = xasprintf("%s/%s", st->dir, name);
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	free(path);
	return fd;
}

static void stage_open(struct stage *st)
{
	strcpy(st->dir, "/tmp/pl-printer-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	fleet_open(&st->fleet);
	st->out_fd = open_in(st, "stdout");
	st->err_fd = open_in(st, "stderr");
	st->options = (struct printer_options){ .prefix = true,
						.out_fd = st->out_fd,
						.err_fd = st->err_fd };
	st->printer = NULL;
}

static void stage_close(struct stage *st)
{
	char *rm = xasprintf("rm -r '%s'", st->dir);

	printer_destroy(st->printer);
	fleet_close(&st->fleet);
	close(st->out_fd);
	close(st->err_fd);
	assert_int_equal(system(rm), 0);
	free(rm);
}

static void make_printer(struct stage *st)
{
	st->printer = printer_create(st->fleet.loop, &st->options, NULL);
	assert_non_null(st->printer);
}

static void print(struct stage *st, const char *const *hosts, size_t n)
{
	if (st->printer == NULL)
		make_printer(st);
	run_destroy(fleet_run(&st->fleet, hosts, n, &command, printer_sink(st->printer)));
	while (printer_pending(st->printer) > 0)
		loop_turn(st->fleet.loop, LOOP_WAIT);
	assert_false(printer_busy(st->printer));
}

/* The content of the file; one buffer. */
static const char *content(int fd)
{
	static char text[65536];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void lines_go_out_with_their_host_and_failures_to_standard_error(void **state)
{
	static const char *const hosts[] = { "say1", "exit1", "say2", "down1", "name3" };
	struct stage st;

	(void)state;
	stage_open(&st);
	print(&st, hosts, ARRAY_LEN(hosts));
	assert_string_equal(content(st.out_fd), "say1: hello\nsay2: hello\nname3: name3\n");
	assert_non_null(strstr(content(st.err_fd), "perilune: exit1: exit 3\n"));
	assert_non_null(strstr(content(st.err_fd), "perilune: down1: unreachable (connect)"));
	stage_close(&st);
}

static void quiet_means_no_word_about_failures(void **state)
{
	static const char *const hosts[] = { "exit1", "say1" };
	struct stage st;

	(void)state;
	stage_open(&st);
	st.options.quiet = true;
	print(&st, hosts, 2);
	assert_string_equal(content(st.out_fd), "say1: hello\n");
	assert_string_equal(content(st.err_fd), "");
	stage_close(&st);
}

static void without_prefix_lines_stay_whole_and_one_host_passes_as_it_is(void **state)
{
	static const char *const hosts[] = { "name1", "say1", "name2" };
	struct stage st;

	(void)state;
	stage_open(&st);
	st.options.prefix = false;
	print(&st, hosts, 3);
	assert_string_equal(content(st.out_fd), "name1\nhello\nname2\n");
	stage_close(&st);
	stage_open(&st);
	st.options.prefix = false;
	print(&st, hosts, 1);
	assert_string_equal(content(st.out_fd), "name1");
	stage_close(&st);
}

static void the_prefix_is_padded_and_colored_when_asked(void **state)
{
	static const char *const hosts[] = { "say1" };
	struct stage st;

	(void)state;
	stage_open(&st);
	st.options.width = 8;
	print(&st, hosts, 1);
	assert_string_equal(content(st.out_fd), "say1:    hello\n");
	stage_close(&st);
	stage_open(&st);
	st.options.color = true;
	print(&st, hosts, 1);
	assert_string_equal(content(st.out_fd), "\033[34msay1:\033[0m hello\n");
	stage_close(&st);
}

static void json_is_an_object_a_host_and_a_summary(void **state)
{
	static const char *const hosts[] = { "say1", "exit1", "down1", "sig1" };
	struct stage st;
	char *save, *line;
	size_t n = 0;
	json_t *o = NULL, *summary;

	(void)state;
	stage_open(&st);
	st.options.mode = PRINTER_JSON;
	print(&st, hosts, 4);
	assert_string_equal(content(st.err_fd), "");
	for (line = strtok_r((char *)content(st.out_fd), "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json_decref(o);
		o = json_loads(line, 0, NULL);
		assert_true(json_is_object(o));
		n++;
		if (strstr(line, "\"say1\"") != NULL) {
			assert_string_equal(json_string_value(json_object_get(o, "stdout")),
					    "hello\n");
			assert_int_equal(json_integer_value(json_object_get(o, "code")), 0);
			assert_null(json_object_get(o, "phase"));
		}
		if (strstr(line, "\"down1\"") != NULL) {
			assert_string_equal(json_string_value(json_object_get(o, "phase")),
					    "connect");
			assert_null(json_object_get(o, "code"));
		}
	}
	assert_int_equal(n, 5);
	summary = json_object_get(o, "summary");
	assert_int_equal(json_integer_value(json_object_get(summary, "tasks")), 4);
	assert_int_equal(json_integer_value(json_object_get(summary, "signal")), 1);
	assert_int_equal(json_integer_value(json_object_get(summary, "lost")), 0);
	json_decref(o);
	stage_close(&st);
}

static void each_host_has_its_files(void **state)
{
	static const char *const hosts[] = { "say1", "ok1", "say/../x" };
	struct stage st;
	struct stat file;
	char *path;
	int fd;

	(void)state;
	stage_open(&st);
	st.options.mode = PRINTER_FILES;
	st.options.outdir = "/nowhere";
	assert_null(printer_create(st.fleet.loop, &st.options, NULL));
	st.options.outdir = st.dir;
	make_printer(&st);
	print(&st, hosts, 3);
	print(&st, hosts, 3); /* a second run writes them anew */
	fd = open_in(&st, "say1.out");
	assert_string_equal(content(fd), "hello\n");
	close(fd);
	fd = open_in(&st, "say%2F..%2Fx.out");
	assert_string_equal(content(fd), "hello\n");
	close(fd);
	path = xasprintf("%s/ok1.err", st.dir);
	assert_int_equal(stat(path, &file), 0);
	free(path);
	assert_string_equal(content(st.out_fd), "");
	stage_close(&st);
}

static void both_streams_to_one_file_keep_their_order(void **state)
{
	static const char *const hosts[] = { "exit1", "say1", "down1" };
	struct stage st;

	(void)state;
	stage_open(&st);
	st.options.err_fd = dup(st.out_fd);
	print(&st, hosts, 3);
	assert_non_null(strstr(content(st.out_fd), "exit 3\nsay1: hello\n"));
	close(st.options.err_fd);
	stage_close(&st);
}

/* ---- readers that are slow, or gone ---- */

/* Takes what is in the pipe; how many bytes that was. */
static size_t read_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char bytes[65536];
	size_t got = 0;

	while (poll(&p, 1, 0) == 1)
		got += (size_t)read(fd, bytes, sizeof(bytes));
	return got;
}

static void a_slow_reader_pauses_the_run_and_loses_nothing(void **state)
{
	static const char *const hosts[] = { "big1", "big2" };
	struct run_task tasks[2] = { { hosts[0], 0, &command }, { hosts[1], 0, &command } };
	struct stage st;
	struct run_spec spec;
	struct run_sink *sink;
	struct run *run;
	int ends[2];
	size_t most = 0, got = 0;

	(void)state;
	stage_open(&st);
	assert_int_equal(pipe(ends), 0);
	st.options.out_fd = ends[1];
	make_printer(&st);
	sink = printer_sink(st.printer);
	spec = (struct run_spec){ .loop = st.fleet.loop, .transport = st.fleet.tp, .id = "t",
				  .tasks = tasks, .n_tasks = 2, .fanout = 2,
				  .max_fail = RUN_NO_LIMIT, .keep_bytes = 1000 };
	run = run_start(&spec, &sink, 1, NULL);
	while (printer_pending(st.printer) == 0) /* virtual time comes to the first output */
		assert_true(loop_turn(st.fleet.loop, LOOP_WAIT) > 0);
	while (!run_ended(run) || printer_pending(st.printer) > 0) {
		/* nobody reads meanwhile; then virtual time goes on, if that is what it needs */
		for (int i = 0; i < 50; i++)
			loop_turn(st.fleet.loop, LOOP_NOWAIT);
		most = printer_pending(st.printer) > most ? printer_pending(st.printer) : most;
		got += read_ready(ends[0]);
		loop_turn(st.fleet.loop, LOOP_WAIT);
	}
	got += read_ready(ends[0]);
	/* 64 bytes a line, and "big1: " before each */
	assert_int_equal(got, 2 * (BIG + BIG / 64 * 6));
	assert_true(most > OUTLET_LOW);
	assert_true(most < OUTLET_HIGH + 1024 * 1024);
	run_destroy(run);
	close(ends[0]);
	close(ends[1]);
	stage_close(&st);
}

static void a_reader_that_left_cancels_the_run(void **state)
{
	static const char *const hosts[] = { "say1", "slow1", "slow2" };
	struct stage st;
	struct run *run;
	int ends[2];

	(void)state;
	stage_open(&st);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	st.options.out_fd = ends[1];
	make_printer(&st);
	run = fleet_run(&st.fleet, hosts, 3, &command, printer_sink(st.printer));
	assert_int_equal(run_outcome(run, 0), OUTCOME_OK);
	assert_int_equal(run_outcome(run, 1), OUTCOME_CANCELED);
	assert_int_equal(run_outcome(run, 2), OUTCOME_CANCELED);
	assert_int_equal(printer_failed(st.printer), EPIPE);
	assert_int_equal(printer_pending(st.printer), 0);
	assert_string_equal(content(st.err_fd), "");
	run_destroy(run);
	/* and so does every later one */
	run = fleet_run(&st.fleet, hosts, 1, &command, printer_sink(st.printer));
	assert_int_equal(run_outcome(run, 0), OUTCOME_CANCELED);
	run_destroy(run);
	close(ends[1]);
	stage_close(&st);
}

static void a_terminal_is_shown_controls_but_a_file_gets_them(void **state)
{
	static const char *const hosts[] = { "name\033[31m1" };
	struct stage st;
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	int slave;
	char text[256] = "";

	(void)state;
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
		print_message("# no pseudo-terminals here\n");
		skip();
	}
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	stage_open(&st);
	st.options.prefix = false;
	st.options.out_fd = slave;
	print(&st, hosts, 1);
	assert_true(read(master, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "name^[[31m1\r\n");
	close(slave);
	close(master);
	stage_close(&st);
	stage_open(&st);
	st.options.prefix = false;
	print(&st, hosts, 1);
	assert_string_equal(content(st.out_fd), "name\033[31m1");
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(utf8_is_told_from_bytes),
	cmocka_unit_test(bytes_become_json),
	cmocka_unit_test(lines_go_out_with_their_host_and_failures_to_standard_error),
	cmocka_unit_test(quiet_means_no_word_about_failures),
	cmocka_unit_test(without_prefix_lines_stay_whole_and_one_host_passes_as_it_is),
	cmocka_unit_test(the_prefix_is_padded_and_colored_when_asked),
	cmocka_unit_test(json_is_an_object_a_host_and_a_summary),
	cmocka_unit_test(each_host_has_its_files),
	cmocka_unit_test(both_streams_to_one_file_keep_their_order),
	cmocka_unit_test(a_slow_reader_pauses_the_run_and_loses_nothing),
	cmocka_unit_test(a_reader_that_left_cancels_the_run),
	cmocka_unit_test(a_terminal_is_shown_controls_but_a_file_gets_them),
};

UNIT_MAIN(tests)
