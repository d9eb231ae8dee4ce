/* local.c - tests of core/transport/local.c beyond what every transport promises */
#include "transport_cases.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/tagged.h"

static struct transport *create(struct loop *loop, void *arg)
{
	(void)arg;
	return local_create(loop, NULL);
}

static const struct transport_under_test local = {
	.name = "local",
	.time = LOOP_REAL,
	.shell = true,
	.create = create,
};

static int open_stage(void **state)
{
	*state = (void *)&local;
	return open_transport_stage(state);
}

/* ---- misuse ---- */

static void a_copy_without_both_paths_is_refused(void **state)
{
	struct stage *st = *state;
	struct pl_error err = { 0 };
	struct probe p;
	struct task *task = &p.task;

	probe_init(&p, st, 0);
	p.command = (struct command){ .kind = TASK_PUT, .local_path = "/etc/passwd", .mode = -1 };
	assert_int_equal(transport_start(st->tp, &task, 1, &err), -1);
	assert_int_equal(err.code, PL_EUSAGE);
	p.command = (struct command){ .argv = (const char *const[]){ NULL } };
	assert_int_equal(transport_start(st->tp, &task, 1, &err), -1);
}

static void one_wrong_task_refuses_the_whole_batch(void **state)
{
	struct stage *st = *state;
	struct probe good, bad;
	struct task *tasks[] = { &good.task, &bad.task };

	probe_line(&good, st, 0, "true");
	probe_init(&bad, st, 1);
	assert_int_equal(transport_start(st->tp, tasks, 2, NULL), -1);
	assert_int_equal(loop_turn(st->loop, LOOP_WAIT), 0);
	assert_int_equal(good.phases + good.dones, 0);
}

/* ---- where commands run ---- */

static void a_line_runs_in_the_login_shell(void **state)
{
	char *before = xstrdup(getenv("SHELL"));
	struct probe p;
	struct stage st;

	(void)state;
	setenv("SHELL", "/bin/bash", 1);
	stage_open(&st, &local);
	probe_run(&p, &st, "echo $0 ${BASH_VERSION:+bash}");
	probe_ended(&p, OUTCOME_OK);
	assert_string_equal(strbuf_str(&p.out), "/bin/bash bash\n");
	probe_fini(&p);
	stage_close(&st);
	if (before != NULL)
		setenv("SHELL", before, 1);
	else
		unsetenv("SHELL");
	free(before);
}

static void a_command_starts_where_we_are(void **state)
{
	struct stage *st = *state;
	char here[4096], printed[4200];
	struct probe p;

	assert_non_null(getcwd(here, sizeof(here)));
	probe_run(&p, st, "pwd -P");
	probe_ended(&p, OUTCOME_OK);
	snprintf(printed, sizeof(printed), "%s\n", here);
	assert_string_equal(strbuf_str(&p.out), printed);
	probe_fini(&p);
}

static void programs_that_cannot_be_run_end_as_a_shell_would_say(void **state)
{
	static const struct {
		const char *program;
		int code;
	} cases[] = { { "/nonexistent", 127 }, { "no-such-program", 127 }, { "/etc/passwd", 126 } };
	struct stage *st = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const argv[] = { cases[i].program, NULL };
		struct probe p;

		probe_init(&p, st, 0);
		p.command.argv = argv;
		probe_start(&p);
		probe_wait(&p);
		probe_ended(&p, OUTCOME_EXIT);
		assert_int_equal(p.result.code, cases[i].code);
		assert_non_null(strstr(p.result.why, cases[i].program));
		probe_fini(&p);
	}
}

/* ---- many ---- */

static void a_thousand_run_in_one_batch(void **state)
{
	enum { MANY = 1000 };
	static const char *const argv[] = { "true", NULL };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));
	struct task **tasks = xcalloc(MANY, sizeof(*tasks));

	for (unsigned i = 0; i < MANY; i++) {
		probe_init(&p[i], st, i);
		p[i].command.argv = argv;
		tasks[i] = &p[i].task;
	}
	assert_int_equal(transport_start(st->tp, tasks, MANY, NULL), 0);
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
	}
	free(tasks);
	free(p);
}

static void more_tasks_than_descriptors_wait_for_their_turn(void **state)
{
	enum { MANY = 100 };
	struct stage *st = *state;
	struct probe *p = xcalloc(MANY, sizeof(*p));
	struct rlimit before, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 160;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned i = 0; i < MANY; i++) {
		probe_line(&p[i], st, i, "read x; echo $x");
		p[i].command.stdin_open = true;
		probe_start(&p[i]);
		probe_write(&p[i], "hello\n", 6);
	}
	for (unsigned i = 0; i < MANY; i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
		assert_string_equal(strbuf_str(&p[i].out), "hello\n");
		probe_fini(&p[i]);
	}
	setrlimit(RLIMIT_NOFILE, &before);
	free(p);
}

/* ---- what is ended and what is left alone ---- */

struct found {
	const char *tag;
	pid_t pid;
};

static void find_tag(void *arg, pid_t pid, const char *tag)
{
	struct found *f = arg;

	if (strcmp(tag, f->tag) == 0)
		f->pid = pid;
}

static void what_a_command_leaves_behind_without_its_output_runs_on(void **state)
{
	struct stage *st = *state;
	struct found found;
	struct probe p;

	probe_run(&p, st, "setsid sleep 300 >/dev/null 2>&1 </dev/null & exit 0");
	probe_ended(&p, OUTCOME_OK);
	found = (struct found){ p.tag, 0 };
	for (int looks = 0; looks < 200 && found.pid == 0; looks++)
		tagged_each(find_tag, &found); /* it may be amid its exec */
	assert_true(found.pid > 0);
	assert_int_equal(kill(found.pid, SIGKILL), 0);
	probe_fini(&p);
}

static void cancel_it(struct probe *p)
{
	probe_cancel(p);
}

/* The one that ignores the request counts how often it is asked. Its leader goes at the first, so
 * that processes are looked for more than once. */
static void sigterm_is_sent_once(void **state)
{
	char path[] = "/tmp/perilune-term.XXXXXX", line[400], text[64] = "";
	struct stage *st = *state;
	struct probe p;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	snprintf(line, sizeof(line),
		 "setsid sh -c 'trap \"echo t >>%s\" TERM; echo there; "
		 "while :; do sleep 0.05; done' & wait",
		 path);
	probe_line(&p, st, 0, line);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "t\n");
	close(fd);
	unlink(path);
	probe_fini(&p);
}

static void an_untagged_process_that_holds_the_output_cannot_keep_the_task(void **state)
{
	char path[] = "/tmp/perilune-pid.XXXXXX", line[400];
	struct stage *st = *state;
	struct probe p;
	FILE *file;
	long pid = 0;

	close(mkstemp(path));
	snprintf(line, sizeof(line),
		 "setsid env -i PATH=\"$PATH\" sh -c 'echo $$ >%s; echo there; exec sleep 300' & "
		 "wait",
		 path);
	probe_line(&p, st, 0, line);
	p.on_output = cancel_it;
	probe_start(&p);
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	file = fopen(path, "r");
	assert_int_equal(fscanf(file, "%ld", &pid), 1);
	fclose(file);
	unlink(path);
	assert_true(pid > 1);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* it does run, and is not ours to end */
	probe_fini(&p);
}

/* ---- copies ---- */

struct folder {
	char dir[64], from[96], to[96];
};

static void open_folder(struct folder *f, off_t size)
{
	int fd;

	snprintf(f->dir, sizeof(f->dir), "/tmp/perilune-local.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->from, sizeof(f->from), "%s/from", f->dir);
	snprintf(f->to, sizeof(f->to), "%s/to", f->dir);
	fd = open(f->from, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static void close_folder(struct folder *f)
{
	unlink(f->from);
	unlink(f->to);
	assert_int_equal(rmdir(f->dir), 0); /* nothing half-written is left */
}

static void start_put(struct probe *p, struct stage *st, unsigned i, const struct folder *f)
{
	probe_init(p, st, i);
	p->command = (struct command){
		.kind = TASK_PUT, .local_path = f->from, .remote_path = f->to, .mode = -1
	};
	probe_start(p);
}

static void twenty_hosts_may_put_one_file(void **state)
{
	struct stage *st = *state;
	struct probe p[20];
	struct folder f;

	open_folder(&f, 1000 * 1000);
	for (unsigned i = 0; i < ARRAY_LEN(p); i++)
		start_put(&p[i], st, i, &f);
	for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
		probe_wait(&p[i]);
		probe_ended(&p[i], OUTCOME_OK);
	}
	assert_int_equal(access(f.to, R_OK), 0);
	close_folder(&f);
}

static void a_cancelled_copy_leaves_nothing(void **state)
{
	struct stage *st = *state;
	struct folder f;
	struct probe p;

	open_folder(&f, 1000 * 1000 * 1000); /* sparse, and never copied whole */
	start_put(&p, st, 0, &f);
	p.on_start = cancel_it;
	probe_wait(&p);
	probe_ended(&p, OUTCOME_CANCELED);
	assert_int_equal(access(f.to, F_OK), -1);
	close_folder(&f);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_stage, close_transport_stage)

static const struct CMUnitTest tests[] = {
	CASE(a_copy_without_both_paths_is_refused),
	CASE(one_wrong_task_refuses_the_whole_batch),
	cmocka_unit_test(a_line_runs_in_the_login_shell),
	CASE(a_command_starts_where_we_are),
	CASE(programs_that_cannot_be_run_end_as_a_shell_would_say),
	CASE(a_thousand_run_in_one_batch),
	CASE(more_tasks_than_descriptors_wait_for_their_turn),
	CASE(what_a_command_leaves_behind_without_its_output_runs_on),
	CASE(sigterm_is_sent_once),
	CASE(an_untagged_process_that_holds_the_output_cannot_keep_the_task),
	CASE(twenty_hosts_may_put_one_file),
	CASE(a_cancelled_copy_leaves_nothing),
};

UNIT_MAIN(tests)
