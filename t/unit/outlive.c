/*
 * outlive.c - tests of core/transport/outlive.h: its programs are run here as a host would, under
 * every sh that is installed, without a connection.
 */
#include "unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "transport/outlive.h"

#define TAG "20260101-000000-abc123-1.host.0.1"

static const char *const SHELLS[] = { "/bin/dash", "/bin/bash", "/bin/busybox", NULL };

struct yard {
	char dir[32];
	char *path, *state, *env[3];
	struct command cmd;
	const char *words[4];
};

/* A folder whose bin has this shell as sh, and from busybox its other programs too. */
static void open_yard(struct yard *y, const char *shell, const char *line)
{
	static const char *const programs[] = { "awk", "tail", "ls", "cat", "setsid" };
	bool busybox = strstr(shell, "busybox") != NULL;
	char *name;

	*y = (struct yard){ .dir = "/tmp/outlive.XXXXXX", .words = { "sh", "-c", line } };
	assert_non_null(mkdtemp(y->dir));
	name = xasprintf("%s/sh", y->dir);
	assert_int_equal(symlink(shell, name), 0);
	free(name);
	for (size_t i = 0; busybox && i < ARRAY_LEN(programs); i++) {
		name = xasprintf("%s/%s", y->dir, programs[i]);
		assert_int_equal(symlink(shell, name), 0);
		free(name);
	}
	y->path = xasprintf("PATH=%s:/usr/bin:/bin", y->dir);
	y->state = xasprintf("XDG_STATE_HOME=%s", y->dir);
	y->cmd = (struct command){ .argv = y->words, .survive = true };
}

static void close_yard(struct yard *y)
{
	char *line = xasprintf("rm -rf %s", y->dir);

	assert_int_equal(system(line), 0);
	free(line);
	free(y->path);
	free(y->state);
}

static char *file_of(const struct yard *y, const char *ext)
{
	return xasprintf("%s/perilune/20260101-000000-abc123/" TAG ".%s", y->dir, ext);
}

/* One of its programs, running; what it writes to both streams is in `out`. */
struct program {
	pid_t pid;
	int out;
};

static struct program begin(const struct yard *y, struct outlive *o)
{
	struct program p;
	char *argv[10];
	int fds[2];

	for (size_t i = 0; i < 10; i++)
		argv[i] = (char *)o->argv[i];
	assert_int_equal(pipe(fds), 0);
	p.pid = fork();
	if (p.pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		putenv(y->path);
		putenv(y->state);
		putenv((char *)"PERILUNE_TASK=" TAG);
		execvp(argv[0], argv);
		_exit(126);
	}
	close(fds[1]);
	p.out = fds[0];
	outlive_fini(o);
	return p;
}

/* Its output; its wait status in *status. */
static char *end(struct program p, int *status)
{
	struct strbuf out = STRBUF_INIT;
	ssize_t n;

	while ((n = read(p.out, strbuf_reserve(&out, 4096), 4096)) > 0)
		out.len += (size_t)n;
	close(p.out);
	assert_int_equal(waitpid(p.pid, status, 0), p.pid);
	strbuf_addc(&out, '\0');
	return strbuf_detach(&out);
}

static void assert_ends(struct program p, const char *out, int status)
{
	int got;
	char *text = end(p, &got);

	assert_string_equal(text, out);
	assert_int_equal(got, status);
	free(text);
}

static struct program start(struct yard *y)
{
	struct outlive o;

	outlive_start(&o, &y->cmd, TAG, "sh");
	return begin(y, &o);
}

static struct program attach(struct yard *y, uint64_t from_out, uint64_t from_err)
{
	struct outlive o;

	outlive_attach(&o, &y->cmd, TAG, from_out, from_err);
	return begin(y, &o);
}

static void wait_for_file(const char *path)
{
	for (int i = 0; i < 1500; i++) {
		struct stat st;

		if (stat(path, &st) == 0 && st.st_size > 0)
			return;
		usleep(20000);
	}
	fail_msg("waited 30 s in vain for %s", path);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define EACH_SHELL(shell)                                                                          \
	for (const char *const *shell = SHELLS; *shell != NULL; shell++)                           \
		if (access(*shell, X_OK) == 0)

static void it_ends_as_the_command_does(void **state)
{
	static const struct {
		const char *line, *out;
		int status;
	} cases[] = {
		{ "echo hi; exit 3", "hi\n", 3 << 8 },
		{ "printf x; exit 143", "x", 143 << 8 },
		{ "kill -TERM $$", "", 15 },
		{ "kill -KILL $$", "", 9 },
		{ "kill -INT $$; echo alive", "", 2 },
		{ "echo $PERILUNE_TASK", TAG "\n", 0 },
		{ "umask -S", "u=rwx,g=rx,o=rx\n", 0 },
	};

	(void)state;
	umask(022);
	EACH_SHELL(shell) {
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			bool guesses = strstr(*shell, "busybox") != NULL &&
				       cases[i].status == 143 << 8;
			struct yard y;

			open_yard(&y, *shell, cases[i].line);

			if (!guesses)
				assert_ends(start(&y), cases[i].out, cases[i].status);
			close_yard(&y);
		}
	}
}

static void who_comes_later_begins_where_it_is_told(void **state)
{
	(void)state;
	EACH_SHELL(shell) {
		struct outlive o;
		struct yard y;
		char *code;

		open_yard(&y, *shell, "printf 0123456789; printf abc >&2; exit 4");
		code = file_of(&y, "code");
		free(end(start(&y), &(int){ 0 }));
		assert_ends(attach(&y, 4, 1), "456789bc", 4 << 8);
		assert_ends(attach(&y, 10, 3), "", 4 << 8);
		outlive_clear(&o, &y.cmd, TAG);
		assert_ends(begin(&y, &o), "", 0);
		assert_int_equal(access(code, F_OK), -1);
		*strrchr(code, '/') = '\0';
		assert_int_equal(access(code, F_OK), -1);
		free(code);
		close_yard(&y);
	}
}

static void it_can_be_followed_while_it_runs(void **state)
{
	(void)state;
	EACH_SHELL(shell) {
		struct program p, later;
		struct yard y;
		char *go, *line, *pid;
		char five[5];

		open_yard(&y, *shell, NULL);
		go = xasprintf("%s/go", y.dir);
		line = xasprintf("printf first; while [ ! -e %s ]; do sleep 0.02; done; printf last",
				 go);
		y.words[2] = line;
		pid = file_of(&y, "pid");
		p = start(&y);
		wait_for_file(pid);
		later = attach(&y, 0, 0);
		assert_int_equal(read(later.out, five, 5), 5);
		write_file(go, "go");
		assert_ends(later, "last", 0);
		assert_ends(p, "firstlast", 0);
		free(pid);
		free(line);
		free(go);
		close_yard(&y);
	}
}

static void that_nothing_is_there_or_nobody_knows_is_said(void **state)
{
	(void)state;
	EACH_SHELL(shell) {
		char *pid, *out, *err, *text;
		struct yard y;
		int status;

		open_yard(&y, *shell, "true");
		pid = file_of(&y, "pid");
		out = file_of(&y, "out");
		err = file_of(&y, "err");
		text = end(attach(&y, 0, 0), &status);
		assert_int_equal(status, 73 << 8);
		assert_non_null(strstr(text, "nothing of it is kept in"));
		free(text);
		free(end(start(&y), &status));
		/* as after a restart of the host: there is no code, and the process is another */
		text = file_of(&y, "code");
		assert_int_equal(unlink(text), 0);
		free(text);
		write_file(pid, "1 1\n");
		text = end(attach(&y, 0, 0), &status);
		assert_int_equal(status, 70 << 8);
		assert_non_null(strstr(text, "nobody could say how"));
		free(text);
		free(pid);
		free(out);
		free(err);
		close_yard(&y);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	const struct command both = { .line = "true", .survive = true, .detach = true };
	const struct command fed = { .line = "true", .detach = true, .stdin_open = true };
	struct pl_error err;

	(void)state;
	assert_int_equal(outlive_check(&both, &err), -1);
	assert_int_equal(err.code, PL_EUSAGE);
	assert_int_equal(outlive_check(&fed, &err), -1);
	assert_int_equal(err.code, PL_EUSAGE);
}

static void a_loss_names_the_folder_as_far_as_it_is_known(void **state)
{
	static const char *const absolute[] = { "A=b", "XDG_STATE_HOME=/scratch/me", NULL };
	static const char *const relative[] = { "XDG_STATE_HOME=x", NULL };
	static const struct {
		struct command command;
		const char *says;
	} cases[] = {
		{ { .survive = true }, "in ${XDG_STATE_HOME:-~/.local/state}/perilune/20260101-1" },
		{ { .sudo = true }, "in ${XDG_STATE_HOME:-~root/.local/state}/perilune/20260101-1" },
		{ { .env = absolute }, "in /scratch/me/perilune/20260101-1" },
		{ { .env = relative }, "in ${XDG_STATE_HOME:-~/.local/state}/perilune/20260101-1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct task_result r = { .why = "connection lost" };

		outlive_explain_loss(&r, &cases[i].command, "20260101-1-2.h1.0.1");
		assert_non_null(strstr(r.why, "connection lost; the command goes on there"));
		assert_string_equal(strstr(r.why, "in "), cases[i].says);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(it_ends_as_the_command_does),
	cmocka_unit_test(who_comes_later_begins_where_it_is_told),
	cmocka_unit_test(it_can_be_followed_while_it_runs),
	cmocka_unit_test(that_nothing_is_there_or_nobody_knows_is_said),
	cmocka_unit_test(what_makes_no_sense_is_refused),
	cmocka_unit_test(a_loss_names_the_folder_as_far_as_it_is_known),
};

UNIT_MAIN(tests)
