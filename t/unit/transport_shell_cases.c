/* transport_shell_cases.c - the cases that need a real shell on this machine at the other end */
#include "transport_cases.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/tagged.h"

#define NEEDS(st, cap)                                                                             \
	do {                                                                                       \
		if (!transport_can((st)->tp, (cap)))                                               \
			skip();                                                                    \
	} while (0)

static void tasks_of_one_host_are_told_apart_by_their_tag(void **state)
{
	struct stage *st = *state;
	struct probe p[4];

	for (unsigned i = 0; i < 4; i++) {
		probe_line(&p[i], st, 0, "printf %s \"${PERILUNE_TASK%%:*}\"");
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

	probe_line(&p, st, 0, "echo ran");
	p.command.cwd = "/nonexistent/directory";
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_EXIT);
	assert_true(p.result.code != 0);
	assert_int_equal(p.out.len, 0);
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

static void cancel_on_output(struct probe *p)
{
	probe_cancel(p);
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
	p.on_output = cancel_on_output;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_nothing_left(&p);
	probe_fini(&p);
}

static void cancel_ends_children_and_those_that_left_the_session(void **state)
{
	struct stage *st = *state;

	cancel_leaves_nothing_behind(st, "sleep 301 & setsid sleep 302 >/dev/null 2>&1 & "
					 "setsid sleep 303 & echo there; wait");
}

static void cancel_ends_what_ignores_the_request(void **state)
{
	struct stage *st = *state;

	cancel_leaves_nothing_behind(st, "trap '' TERM HUP PIPE; setsid sleep 304 & "
					 "echo there; while :; do sleep 305; done");
}

static void cancel_ends_a_command_whose_background_holds_the_output(void **state)
{
	struct stage *st = *state;

	cancel_leaves_nothing_behind(st, "sleep 306 & echo there; exit 0");
}

static void a_command_lasts_until_its_output_is_closed(void **state)
{
	struct stage *st = *state;
	struct probe p;

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
	make_files(&f, 10);
	run_copy(&p, st, TASK_PUT, f.back, f.there, -1); /* no such source */
	probe_ended(&p, OUTCOME_EXIT);
	run_copy(&p, st, TASK_PUT, f.from, "/nonexistent/folder/x", -1);
	probe_ended(&p, OUTCOME_EXIT);
	run_copy(&p, st, TASK_PUT, f.from, "", -1);
	probe_ended(&p, OUTCOME_EXIT);
	assert_string_equal(p.result.signal, "");
	remove_files(&f);
}

const struct CMUnitTest transport_shell_cases[] = {
	TRANSPORT_CASE(tasks_of_one_host_are_told_apart_by_their_tag),
	TRANSPORT_CASE(words_arrive_exactly),
	TRANSPORT_CASE(a_program_that_is_not_there_is_exit_127),
	TRANSPORT_CASE(hostile_environment_arrives_exactly),
	TRANSPORT_CASE(a_command_runs_in_its_directory),
	TRANSPORT_CASE(a_directory_that_is_not_there_fails_the_command),
	TRANSPORT_CASE(stdin_is_streamed_and_half_closed),
	TRANSPORT_CASE(on_drain_paces_the_writer),
	TRANSPORT_CASE(stdin_that_was_not_asked_for_is_empty),
	TRANSPORT_CASE(a_reader_that_goes_away_does_no_harm),
	TRANSPORT_CASE(cancel_ends_children_and_those_that_left_the_session),
	TRANSPORT_CASE(cancel_ends_what_ignores_the_request),
	TRANSPORT_CASE(cancel_ends_a_command_whose_background_holds_the_output),
	TRANSPORT_CASE(a_command_lasts_until_its_output_is_closed),
	TRANSPORT_CASE(a_signal_reaches_the_command),
	TRANSPORT_CASE(a_file_is_put_with_its_mode),
	TRANSPORT_CASE(a_file_is_fetched),
	TRANSPORT_CASE(a_copy_that_cannot_be_made_says_so),
};

const size_t transport_shell_cases_n = ARRAY_LEN(transport_shell_cases);
