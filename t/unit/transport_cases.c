/* transport_cases.c - see transport_cases.h */
#include "transport_cases.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/tagged.h"

#define SHELL_ONLY(st)                                                                             \
	do {                                                                                       \
		if (!(st)->tut->shell)                                                             \
			skip();                                                                    \
	} while (0)

#define NEEDS(st, cap)                                                                             \
	do {                                                                                       \
		if (!transport_can((st)->tp, (cap)))                                               \
			skip();                                                                    \
	} while (0)

static const struct plain_case plain_cases[] = {
	{ .line = "true", .outcome = OUTCOME_OK },
	{ .line = "exit 1", .outcome = OUTCOME_EXIT, .code = 1 },
	{ .line = "exit 7", .outcome = OUTCOME_EXIT, .code = 7 },
	{ .line = "exit 255", .outcome = OUTCOME_EXIT, .code = 255 },
	{ .line = "kill -TERM $$", .outcome = OUTCOME_SIGNAL, .signal = "TERM" },
	{ .line = "kill -KILL $$", .outcome = OUTCOME_SIGNAL, .signal = "KILL" },
	{ .line = "printf no-newline", .outcome = OUTCOME_OK, .out = "no-newline" },
	{ .line = "printf out; printf err >&2", .outcome = OUTCOME_OK, .out = "out", .err = "err" },
	{ .line = "printf a; printf b >&2; exit 3",
	  .outcome = OUTCOME_EXIT,
	  .code = 3,
	  .out = "a",
	  .err = "b" },
	{ .line = "printf 1; printf 2 >&2; printf 3",
	  .merge = true,
	  .outcome = OUTCOME_OK,
	  .out = "123" },
	{ .line = "printf 'x\\000\\377\\001\\n'",
	  .outcome = OUTCOME_OK,
	  .out = "x\0\377\001\n",
	  .out_len = 5 },
};

const struct plain_case *plain_case_find(const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(plain_cases); i++) {
		if (strcmp(plain_cases[i].line, line) == 0)
			return &plain_cases[i];
	}
	return NULL;
}

void much_output(struct strbuf *out)
{
	for (int i = 1; i <= 1500000; i++)
		strbuf_addf(out, "%d\n", i);
}

static void assert_bytes(const struct strbuf *b, const char *expected, size_t len)
{
	if (expected == NULL)
		expected = "";
	if (len == 0)
		len = strlen(expected);
	assert_int_equal(b->len, len);
	assert_memory_equal(strbuf_str(b), expected, len);
}

/* ---- misuse ---- */

static void a_request_that_makes_no_sense_is_refused_and_nothing_happens(void **state)
{
	static const char *const words[] = { "true", NULL };
	struct stage *st = *state;
	struct probe p;
	struct task *task = &p.task;

	probe_line(&p, st, 0, "true");
	p.command.argv = words;
	assert_int_equal(transport_start(st->tp, &task, 1, NULL), -1);
	p.command = (struct command){ .mode = -1 };
	assert_int_equal(transport_start(st->tp, &task, 1, NULL), -1);
	for (int i = 0; i < 3; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	assert_int_equal(p.dones + p.starts + p.phases, 0);
}

static void calls_after_the_end_do_nothing(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_run(&p, st, "true");
	probe_cancel(&p);
	probe_write(&p, "x", 1);
	probe_close_stdin(&p);
	probe_pause(&p);
	probe_resume(&p);
	assert_int_equal(st->tp->ops->signal(&p.task, SIGTERM, NULL), -1);
	for (int i = 0; i < 3; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	probe_ended(&p, OUTCOME_OK);
	probe_fini(&p);
}

/* ---- plain commands ---- */

static void plain_commands_end_as_they_should(void **state)
{
	struct stage *st = *state;

	for (size_t i = 0; i < ARRAY_LEN(plain_cases); i++) {
		const struct plain_case *c = &plain_cases[i];
		struct probe p;

		probe_line(&p, st, 0, c->line);
		p.command.merge = c->merge;
		probe_start(&p);
		probe_wait(&p);
		probe_ended(&p, c->outcome);
		assert_int_equal(p.result.code, c->code);
		assert_string_equal(p.result.signal, c->signal != NULL ? c->signal : "");
		assert_int_equal(p.starts, 1);
		assert_true(p.result.begun);
		assert_bytes(&p.out, c->out, c->out_len);
		assert_bytes(&p.err, c->err, 0);
		probe_fini(&p);
	}
}

static void two_hundred_tasks_run_at_once(void **state)
{
	enum { MANY = 200 };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));
	struct task *tasks[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], st, i, "printf no-newline");
		tasks[i] = &p[i].task;
	}
	st->inside++;
	assert_int_equal(transport_start(st->tp, tasks, MANY, NULL), 0);
	st->inside--;
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		assert_string_equal(strbuf_str(&p[i].out), "no-newline");
		probe_fini(&p[i]);
	}
	free(p);
}

static void tasks_of_one_host_are_told_apart_by_their_tag(void **state)
{
	struct stage *st = *state;
	struct probe p[4];

	SHELL_ONLY(st);
	for (unsigned i = 0; i < 4; i++) {
		probe_line(&p[i], st, 0, "printf %s \"$PERILUNE_TASK\"");
		p[i].task.index = i;
		probe_start(&p[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		assert_string_equal(strbuf_str(&p[i].out), p[i].tag);
		probe_fini(&p[i]);
	}
}

/* ---- where and with what a command runs ---- */

static void words_arrive_exactly(void **state)
{
	static const char *const argv[] = {
		"printf", "[%s]", "a b", "it's", "", "*", "line\nbreak", "$HOME `id` \"q\" \\",
		"-n",	  "!x",	  "~",	 NULL,
	};
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_init(&p, st, 0);
	p.command.argv = argv;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out),
			    "[a b][it's][][*][line\nbreak][$HOME `id` \"q\" \\][-n][!x][~]");
	probe_fini(&p);
}

static void a_program_that_is_not_there_is_exit_127(void **state)
{
	static const char *const argv[] = { "/nonexistent/program", "x", NULL };
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_init(&p, st, 0);
	p.command.argv = argv;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 127);
	probe_fini(&p);
}

static void hostile_environment_arrives_exactly(void **state)
{
	static const char *const env[] = {
		"PL_T_A=a b  c", "PL_T_B=it's \"q\"", "PL_T_C=$HOME `id` $(id) \\ ;&|<>*?!#~",
		"PL_T_D=two\nlines", "PL_T_E=", "PL_T_F==x=", "PL_T_G=\303\251\t\001", NULL,
	};
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_line(&p, st, 0,
		   "printf '[%s]' \"$PL_T_A\" \"$PL_T_B\" \"$PL_T_C\" \"$PL_T_D\" "
		   "\"${PL_T_E-unset}\" \"$PL_T_F\" \"$PL_T_G\"");
	p.command.env = env;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out),
			    "[a b  c][it's \"q\"][$HOME `id` $(id) \\ ;&|<>*?!#~][two\nlines][]"
			    "[=x=][\303\251\t\001]");
	probe_fini(&p);
}

static void a_command_runs_in_its_directory(void **state)
{
	char dir[] = "/tmp/perilune cwd's.XXXXXX";
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	assert_non_null(mkdtemp(dir));
	probe_line(&p, st, 0, "printf %s \"$(pwd)\"");
	p.command.cwd = dir;
	probe_start(&p);
	probe_wait(&p);
	rmdir(dir);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), dir);
	probe_fini(&p);
}

static void a_directory_that_is_not_there_fails_the_command(void **state)
{
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_line(&p, st, 0, "echo ran");
	p.command.cwd = "/nonexistent/directory";
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_true(p.result.code != 0);
	assert_int_equal(p.out.len, 0);
	probe_fini(&p);
}

/* ---- back-pressure ---- */

static void pause_at_each_hundredth(struct probe *p)
{
	if (p->chunks % 100 == 1)
		probe_pause(p);
}

static void much_output_arrives_exactly_through_pauses(void **state)
{
	struct stage *st = *state;
	struct strbuf expected = STRBUF_INIT;
	struct probe p;
	int pauses = 0;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = pause_at_each_hundredth;
	probe_start(&p);
	while (p.dones == 0) {
		assert_true(loop_turn(st->loop, LOOP_WAIT) > 0);
		if (!p.paused)
			continue;
		/* nothing may come, however often we look */
		for (int i = 0; i < 20; i++)
			loop_turn(st->loop, LOOP_NOWAIT);
		pauses++;
		probe_resume(&p);
	}
	probe_ended(&p, OUTCOME_OK);
	assert_true(pauses > 0);
	much_output(&expected);
	assert_int_equal(p.out.len, expected.len);
	assert_memory_equal(p.out.s, expected.s, expected.len);
	strbuf_fini(&expected);
	probe_fini(&p);
}

static void a_paused_task_does_not_end_before_its_output_is_read(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, "printf no-newline");
	probe_start(&p);
	probe_pause(&p);
	for (int i = 0; i < 50; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	assert_int_equal(p.dones, 0);
	probe_resume(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "no-newline");
	probe_fini(&p);
}

/* ---- stdin ---- */

static void stdin_is_streamed_and_half_closed(void **state)
{
	enum { PIECE = 100 * 1000, PIECES = 30 };
	struct stage *st = *state;
	char *piece = xmalloc(PIECE);
	struct probe p;

	NEEDS(st, TRANSPORT_STDIN);
	for (int i = 0; i < PIECE; i++)
		piece[i] = (char)(i * 7 + i / 256);
	probe_line(&p, st, 0, "cat; printf end");
	p.command.stdin_open = true;
	probe_start(&p);
	for (int i = 0; i < PIECES; i++)
		probe_write(&p, piece, PIECE);
	probe_close_stdin(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_int_equal(p.out.len, PIECE * PIECES + 3);
	for (int i = 0; i < PIECES; i++)
		assert_memory_equal(p.out.s + (size_t)i * PIECE, piece, PIECE);
	assert_true(p.drains >= 1);
	free(piece);
	probe_fini(&p);
}

static void write_three_then_close(struct probe *p)
{
	if (p->drains < 3)
		probe_write(p, "more\n", 5);
	else
		probe_close_stdin(p);
}

static void on_drain_paces_the_writer(void **state)
{
	struct stage *st = *state;
	struct probe p;

	NEEDS(st, TRANSPORT_STDIN);
	probe_line(&p, st, 0, "cat");
	p.command.stdin_open = true;
	p.on_drain = write_three_then_close;
	probe_start(&p);
	probe_write(&p, "first\n", 6);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "first\nmore\nmore\n");
	assert_int_equal(p.drains, 3);
	probe_fini(&p);
}

static void stdin_that_was_not_asked_for_is_empty(void **state)
{
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_run(&p, st, "cat; printf end");
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "end");
	probe_fini(&p);
}

static void a_reader_that_goes_away_does_no_harm(void **state)
{
	struct stage *st = *state;
	size_t len = 4 * 1000 * 1000;
	char *bytes = xcalloc(1, len);
	struct probe p;

	NEEDS(st, TRANSPORT_STDIN);
	probe_line(&p, st, 0, "head -c 10 >/dev/null; exit 4");
	p.command.stdin_open = true;
	probe_start(&p);
	probe_write(&p, bytes, len);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 4);
	free(bytes);
	probe_fini(&p);
}

/* ---- cancel and signals ---- */

static void cancelled_at_once_it_ends_as_canceled_once(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_ENDLESS);
	probe_start(&p);
	probe_cancel(&p);
	probe_cancel(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void cancel_it(struct probe *p)
{
	probe_cancel(p);
	probe_cancel(p);
}

static void cancelled_when_it_starts_it_ends_as_canceled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_ENDLESS);
	p.on_start = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void cancelled_amid_its_output_it_ends_as_canceled(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void pause_and_cancel(struct probe *p)
{
	probe_pause(p);
	probe_cancel(p);
}

static void cancelled_while_paused_it_ends_all_the_same(void **state)
{
	struct stage *st = *state;
	struct probe p;

	probe_line(&p, st, 0, LINE_MUCH);
	p.on_output = pause_and_cancel;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	probe_fini(&p);
}

static void fifty_are_cancelled_together(void **state)
{
	enum { MANY = 50 };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));

	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], st, i, LINE_ENDLESS);
		probe_start(&p[i]);
	}
	for (int i = 0; i < 5; i++)
		loop_turn(st->loop, LOOP_NOWAIT);
	for (unsigned i = 0; i < MANY; i++)
		probe_cancel(&p[i]);
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_CANCELED);
		probe_fini(&p[i]);
	}
	free(p);
}

struct tag_count {
	const char *tag;
	int n;
};

static void count_tag(void *arg, pid_t pid, const char *tag)
{
	struct tag_count *c = arg;

	(void)pid;
	c->n += strcmp(tag, c->tag) == 0;
}

static void assert_nothing_left(const struct probe *p)
{
	struct tag_count count = { p->tag, 0 };

	tagged_each(count_tag, &count);
	assert_int_equal(count.n, 0);
}

/* Its children are all there when it prints. */
static void cancel_leaves_nothing_behind(struct stage *st, const char *line)
{
	struct probe p;

	probe_line(&p, st, 0, line);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_nothing_left(&p);
	probe_fini(&p);
}

static void cancel_ends_children_and_those_that_left_the_session(void **state)
{
	struct stage *st = *state;

	SHELL_ONLY(st);
	cancel_leaves_nothing_behind(st, "sleep 301 & setsid sleep 302 >/dev/null 2>&1 & "
					 "setsid sleep 303 & echo there; wait");
}

static void cancel_ends_what_ignores_the_request(void **state)
{
	struct stage *st = *state;

	SHELL_ONLY(st);
	cancel_leaves_nothing_behind(st, "trap '' TERM HUP PIPE; setsid sleep 304 & "
					 "echo there; while :; do sleep 305; done");
}

static void cancel_ends_a_command_whose_background_holds_the_output(void **state)
{
	struct stage *st = *state;

	SHELL_ONLY(st);
	cancel_leaves_nothing_behind(st, "sleep 306 & echo there; exit 0");
}

static void a_command_lasts_until_its_output_is_closed(void **state)
{
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	probe_run(&p, st, "{ sleep 0.2; printf late; } & exit 6");
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 6);
	assert_string_equal(strbuf_str(&p.out), "late");
	probe_fini(&p);
}

static void send_usr1(struct probe *p)
{
	if (p->chunks == 1)
		assert_int_equal(p->st->tp->ops->signal(&p->task, SIGUSR1, NULL), 0);
}

static void a_signal_reaches_the_command(void **state)
{
	struct stage *st = *state;
	struct probe p;

	SHELL_ONLY(st);
	NEEDS(st, TRANSPORT_SIGNAL);
	probe_line(&p, st, 0, "trap 'exit 5' USR1; echo ready; while :; do sleep 0.05; done");
	p.on_output = send_usr1;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_int_equal(p.result.code, 5);
	probe_fini(&p);
}

/* ---- files ---- */

struct files {
	char dir[64], from[96], there[96], back[96];
};

static void make_files(struct files *f, size_t len)
{
	FILE *file;

	snprintf(f->dir, sizeof(f->dir), "/tmp/perilune-copy.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->from, sizeof(f->from), "%s/from", f->dir);
	snprintf(f->there, sizeof(f->there), "%s/it's there", f->dir);
	snprintf(f->back, sizeof(f->back), "%s/back", f->dir);
	file = fopen(f->from, "w");
	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		putc((int)(i * 31 + i / 999) & 0xff, file);
	fclose(file);
}

static void remove_files(struct files *f)
{
	unlink(f->from);
	unlink(f->there);
	unlink(f->back);
	assert_int_equal(rmdir(f->dir), 0); /* nothing half-written is left */
}

static void run_copy(struct probe *p, struct stage *st, enum task_kind kind, const char *here,
		     const char *there, int mode)
{
	probe_init(p, st, 0);
	p->command = (struct command){
		.kind = kind, .local_path = here, .remote_path = there, .mode = mode
	};
	probe_start(p);
	probe_wait(p);
	if (p->broken != NULL)
		fail_msg("broken promise: %s", p->broken);
}

static void assert_same_file(const char *a, const char *b)
{
	FILE *fa = fopen(a, "r"), *fb = fopen(b, "r");
	int ca, cb;

	assert_non_null(fa);
	assert_non_null(fb);
	do {
		ca = getc(fa);
		cb = getc(fb);
	} while (ca == cb && ca != EOF);
	fclose(fa);
	fclose(fb);
	assert_int_equal(ca, cb);
}

static int mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void a_file_is_put_with_its_mode(void **state)
{
	struct stage *st = *state;
	static const size_t sizes[] = { 0, 1, 1000003 };

	NEEDS(st, TRANSPORT_PUT);
	SHELL_ONLY(st);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct files f;
		struct probe p;

		make_files(&f, sizes[i]);
		chmod(f.from, 0751);
		run_copy(&p, st, TASK_PUT, f.from, f.there, -1);
		probe_ended(&p, OUTCOME_OK);
		assert_same_file(f.from, f.there);
		assert_int_equal(mode_of(f.there), 0751);
		/* over what is there, with a mode of its own */
		run_copy(&p, st, TASK_PUT, f.from, f.there, 0640);
		probe_ended(&p, OUTCOME_OK);
		assert_int_equal(mode_of(f.there), 0640);
		remove_files(&f);
	}
}

static void a_file_is_fetched(void **state)
{
	struct stage *st = *state;
	struct files f;
	struct probe p;

	NEEDS(st, TRANSPORT_GET);
	SHELL_ONLY(st);
	make_files(&f, 300007);
	chmod(f.from, 0604);
	run_copy(&p, st, TASK_GET, f.back, f.from, -1);
	probe_ended(&p, OUTCOME_OK);
	assert_same_file(f.from, f.back);
	assert_int_equal(mode_of(f.back), 0604);
	remove_files(&f);
}

static void a_copy_that_cannot_be_made_says_so(void **state)
{
	struct stage *st = *state;
	struct files f;
	struct probe p;

	NEEDS(st, TRANSPORT_PUT);
	SHELL_ONLY(st);
	make_files(&f, 10);
	run_copy(&p, st, TASK_PUT, f.back, f.there, -1); /* no such source */
	probe_ended(&p, OUTCOME_EXIT);
	run_copy(&p, st, TASK_PUT, f.from, "/nonexistent/folder/x", -1);
	probe_ended(&p, OUTCOME_EXIT);
	run_copy(&p, st, TASK_PUT, f.from, f.dir, -1); /* a folder is no name for a file */
	probe_ended(&p, OUTCOME_EXIT);
	assert_string_equal(p.result.signal, "");
	remove_files(&f);
}

/* ---- all of them ---- */

static int open_stage(void **state)
{
	struct stage *st = xcalloc(1, sizeof(*st));

	stage_open(st, *state);
	*state = st;
	return 0;
}

static int close_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_stage, close_stage)

int run_transport_cases(const struct transport_under_test *tut)
{
	struct CMUnitTest tests[] = {
		CASE(a_request_that_makes_no_sense_is_refused_and_nothing_happens),
		CASE(calls_after_the_end_do_nothing),
		CASE(plain_commands_end_as_they_should),
		CASE(two_hundred_tasks_run_at_once),
		CASE(tasks_of_one_host_are_told_apart_by_their_tag),
		CASE(words_arrive_exactly),
		CASE(a_program_that_is_not_there_is_exit_127),
		CASE(hostile_environment_arrives_exactly),
		CASE(a_command_runs_in_its_directory),
		CASE(a_directory_that_is_not_there_fails_the_command),
		CASE(much_output_arrives_exactly_through_pauses),
		CASE(a_paused_task_does_not_end_before_its_output_is_read),
		CASE(stdin_is_streamed_and_half_closed),
		CASE(on_drain_paces_the_writer),
		CASE(stdin_that_was_not_asked_for_is_empty),
		CASE(a_reader_that_goes_away_does_no_harm),
		CASE(cancelled_at_once_it_ends_as_canceled_once),
		CASE(cancelled_when_it_starts_it_ends_as_canceled),
		CASE(cancelled_amid_its_output_it_ends_as_canceled),
		CASE(cancelled_while_paused_it_ends_all_the_same),
		CASE(fifty_are_cancelled_together),
		CASE(cancel_ends_children_and_those_that_left_the_session),
		CASE(cancel_ends_what_ignores_the_request),
		CASE(cancel_ends_a_command_whose_background_holds_the_output),
		CASE(a_command_lasts_until_its_output_is_closed),
		CASE(a_signal_reaches_the_command),
		CASE(a_file_is_put_with_its_mode),
		CASE(a_file_is_fetched),
		CASE(a_copy_that_cannot_be_made_says_so),
	};

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tests[i].initial_state = (void *)tut;
	return cmocka_run_group_tests_name(tut->name, tests, NULL, NULL);
}

int skip_all_transport_cases(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}
