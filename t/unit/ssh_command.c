/*
 * ssh_command.c - tests of core/ssh/ssh_command.h: what is sent is run here as sshd would,
 * under every shell that is installed.
 */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_preamble.h"

static const char *const SHELLS[] = { "/bin/sh",       "/bin/dash",    "/bin/bash", "/bin/zsh",
				      "/usr/bin/fish", "/bin/tcsh",    "/bin/csh",  "/bin/mksh",
				      "/bin/ksh93",    "/bin/busybox", NULL };

static const char *const FEW_SHELLS[] = { "/bin/sh", "/bin/tcsh", NULL };
static const char *const *shells = SHELLS;

/* Shells are told by path; busybox needs its applet's name. */
static bool is_there(const char *shell)
{
	return access(shell, X_OK) == 0;
}

/* Writes all of it to a new pipe, in a process of its own; returns the end to read from. */
static int feed(const struct strbuf *bytes)
{
	size_t at = 0;
	ssize_t n;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	if (fork() == 0) {
		close(fds[0]);
		while (at < bytes->len && (n = write(fds[1], bytes->s + at, bytes->len - at)) > 0)
			at += (size_t)n;
		_exit(0);
	}
	close(fds[1]);
	return fds[0];
}

/* Runs `line` as sshd does: SHELL -c line, with this stdin. The output, and the exit status in
 * *code. */
static char *run_fed(const char *shell, const char *line, const struct strbuf *in, int *code)
{
	bool busybox = strstr(shell, "busybox") != NULL;
	struct strbuf out = STRBUF_INIT;
	int fds[2], status, stdin_fd = feed(in);
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(stdin_fd, 0);
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		setenv("SHELL", busybox ? "/bin/sh" : shell, 1);
		setenv("SHLVL", "5", 1); /* no ~/.bashrc */
		setenv("LC_ALL", "C.UTF-8", 1); /* in C, fish recodes what it inherits */
		if (busybox)
			execl(shell, "sh", "-c", line, NULL);
		execl(shell, shell, "-c", line, NULL);
		_exit(126);
	}
	close(fds[1]);
	close(stdin_fd);
	while ((n = read(fds[0], strbuf_reserve(&out, 4096), 4096)) > 0)
		out.len += (size_t)n;
	close(fds[0]);
	waitpid(pid, &status, 0);
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	strbuf_addc(&out, '\0');
	return strbuf_detach(&out);
}

static char *run(const char *shell, const char *line, int *code)
{
	struct strbuf nothing = STRBUF_INIT;

	return run_fed(shell, line, &nothing, code);
}

static struct ssh_request request_of(const struct command *cmd, const char *const *more)
{
	struct ssh_request request = SSH_REQUEST_INIT;
	struct pl_error err = { 0 };

	if (ssh_command_check(cmd, &err) != 0)
		fail_msg("%s", err.text);
	ssh_command_exec(&request, cmd, "a-tag.1", more);
	assert_true(request.line.len <= SSH_COMMAND_MAX);
	return request;
}

static void request_fini(struct ssh_request *request)
{
	strbuf_fini(&request->line);
	strbuf_fini(&request->preamble);
}

/* Runs a command under a login shell of this kind, `in` behind the preamble. */
static char *run_command(const char *shell, const struct command *cmd, const char *in, int *code)
{
	struct ssh_request request = request_of(cmd, NULL);
	char *out;

	strbuf_adds(&request.preamble, in);
	out = run_fed(shell, request.line.s, &request.preamble, code);
	request_fini(&request);
	return out;
}

/* ---- misuse ---- */

static void requests_that_make_no_sense_are_refused(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const words[] = { "true", NULL };
	static const char *const no_eq[] = { "NAME", NULL };
	static const char *const no_name[] = { "=x", NULL };
	static const char *const option[] = { "-i=x", NULL };
	static const char *const no_shell_sets[] = { "a.b=x", NULL };
	char *huge = xcalloc(1, SSH_WORD_MAX + 2);
	const char *const huge_word[] = { "echo", huge, NULL };
	const char *const huge_env[] = { huge, NULL };
	const struct command cases[] = {
		{ .line = NULL },
		{ .line = "x", .argv = words },
		{ .argv = none },
		{ .line = "x", .env = no_eq },
		{ .line = "x", .env = no_name },
		{ .line = "x", .env = option },
		{ .line = "x", .env = no_shell_sets },
		{ .line = "x", .env = huge_env },
		{ .argv = huge_word },
	};

	(void)state;
	memset(huge, 'x', SSH_WORD_MAX + 1);
	huge[1] = '=';
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_int_equal(ssh_command_check(&cases[i], &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
	}
	free(huge);
}

/* ---- text ---- */

static void lines_are_as_short_as_can_be(void **state)
{
	static const char *const words[] = { "echo", "a b", NULL };
	static const char *const odd[] = { "a=b", NULL };
	static const struct {
		struct command cmd;
		const char *line;
	} cases[] = {
		{ { .line = "hostname" },
		  "exec env PERILUNE_TASK=a-tag.1 \"$SHELL\" -c hostname </dev/null" },
		{ { .line = "a; b", .stdin_open = true },
		  "exec env PERILUNE_TASK=a-tag.1 \"$SHELL\" -c 'a; b'" },
		{ { .argv = words },
		  "exec env PERILUNE_TASK=a-tag.1 echo 'a b' </dev/null" },
		{ { .argv = odd },
		  "exec env PERILUNE_TASK=a-tag.1 sh -c 'exec \"$@\"' sh a=b </dev/null" },
		{ { .line = "x", .cwd = "/tmp", .merge = true },
		  "exec env PERILUNE_TASK=a-tag.1 sh -c 'cd -- \"$1\" || exit 1; shift; exec "
		  "\"$@\" 2>&1' sh /tmp \"$SHELL\" -c x </dev/null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ssh_request request = request_of(&cases[i].cmd, NULL);

		assert_string_equal(request.line.s, cases[i].line);
		assert_int_equal(request.preamble.len, 0);
		request_fini(&request);
	}
}

static void no_variable_stands_on_the_line_but_the_locale(void **state)
{
	static const char *const env[] = { "SECRET_NAME=secret value", NULL };
	static const char *const more[] = { "LANG=C.UTF-8", "LC_ALL=it's", "MINE=2", "odd.name=3",
					    NULL };
	const struct command cmd = { .line = "hostname", .env = env };
	const struct command bare = { .line = "hostname" };
	static const char *const locale[] = { "LANG=C.UTF-8", NULL };
	struct ssh_request request = request_of(&cmd, more);

	(void)state;
	assert_string_equal(request.line.s, "exec env PERILUNE_TASK=a-tag.1 LANG=C.UTF-8 sh -c '"
			    SSH_PREAMBLE_READER "' sh \"$SHELL\"");
	assert_string_equal(request.preamble.s,
			    "export LC_ALL='it'\\''s'\nexport MINE=2\n"
			    "export SECRET_NAME='secret value'\n"
			    "exec \"$1\" -c hostname </dev/null\n");
	request_fini(&request);
	request = request_of(&bare, locale);
	assert_string_equal(request.line.s, "exec env PERILUNE_TASK=a-tag.1 LANG=C.UTF-8 \"$SHELL\" "
			    "-c hostname </dev/null");
	assert_int_equal(request.preamble.len, 0);
	request_fini(&request);
}

/* ---- under real shells ---- */

static void every_shell_runs_them_alike(void **state)
{
	static const char *const words[] = { "printf", "[%s]", "a b", "it's", "", "$HOME", "*",
					     "!x",     "\\",   "~",   "\"",   NULL };
	static const char *const env[] = { "N=it's  $x", NULL };
	static const char *const newlines[] = { "printf", "[%s]", "a\necho b\n", "\n", "\\n%b\\",
						NULL };
	static const char *const two_lines[] = { "N=1\necho 2", NULL };
	static const char *const print_two[] = { "printenv", "N", NULL };
	static const struct {
		struct command cmd;
		const char *out;
		int code;
	} cases[] = {
		{ { .argv = words }, "[a b][it's][][$HOME][*][!x][\\][~][\"]", 0 },
		{ { .line = "printenv PERILUNE_TASK" }, "a-tag.1\n", 0 },
		{ { .line = "sh -c 'printenv PERILUNE_TASK; exit 9'" }, "a-tag.1\n", 9 },
		{ { .line = "printenv N", .env = env }, "it's  $x\n", 0 },
		{ { .line = "cat; echo done" }, "done\n", 0 },
		{ { .line = "echo a\necho b" }, "a\nb\n", 0 },
		{ { .argv = newlines, .env = two_lines }, "[a\necho b\n][\n][\\n%b\\]", 0 },
		{ { .argv = print_two, .env = two_lines }, "1\necho 2\n", 0 },
		{ { .line = "pwd", .cwd = "/" }, "/\n", 0 },
		{ { .line = "echo no", .cwd = "/nonexistent" }, "", 1 },
		{ { .line = "sh -c 'echo e >&2'", .merge = true }, "e\n", 0 },
		{ { .line = "exit 3" }, "", 3 },
	};

	(void)state;
	for (const char *const *shell = shells; *shell != NULL; shell++) {
		if (!is_there(*shell)) {
			print_message("no %s here\n", *shell);
			continue;
		}
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			int code;
			char *out = run_command(*shell, &cases[i].cmd, "", &code);

			if (strcmp(out, cases[i].out) != 0 || code != cases[i].code)
				fail_msg("%s: case %zu: '%s', exit %d", *shell, i, out, code);
			free(out);
		}
	}
}

/* Every byte that a variable can hold, each behind one that could swallow it. */
static void values_and_words_hold_any_byte(void **state)
{
	char variable[600] = "N=", *out, *expected;
	const char *const env[] = { variable, NULL };
	const char *const words[] = { "printf", "%s,%s", variable + 2, "end", NULL };
	const struct command of_env = { .line = "printenv N", .env = env };
	const struct command of_words = { .argv = words };
	size_t len = 2;
	int code;

	(void)state;
	for (int c = 1; c < 256; c++) {
		variable[len++] = (char)0xc3;
		variable[len++] = (char)c;
	}
	for (const char *const *shell = shells; *shell != NULL; shell++) {
		if (!is_there(*shell))
			continue;
		out = run_command(*shell, &of_env, "", &code);
		expected = xasprintf("%s\n", variable + 2);
		assert_string_equal(out, expected);
		free(out);
		free(expected);
		out = run_command(*shell, &of_words, "", &code);
		expected = xasprintf("%s,end", variable + 2);
		assert_string_equal(out, expected);
		free(out);
		free(expected);
	}
}

static void stdin_behind_a_preamble_is_untouched(void **state)
{
	static const char *const env[] = { "N=1", NULL };
	static const char in[] = "exit 7\n\\\n  two  \nno newline";
	const struct command cmd = { .line = "cat", .env = env, .stdin_open = true };

	(void)state;
	for (const char *const *shell = shells; *shell != NULL; shell++) {
		int code;
		char *out;

		if (!is_there(*shell))
			continue;
		out = run_command(*shell, &cmd, in, &code);
		assert_string_equal(out, in);
		assert_int_equal(code, 0);
		free(out);
	}
}

/* Longer than a request, and then longer than a word. */
static void a_line_is_as_long_as_it_likes(void **state)
{
	static const size_t lengths[] = { SSH_COMMAND_MAX, 200000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct strbuf line = STRBUF_INIT;

		while (line.len < lengths[i])
			strbuf_addf(&line, ": '%0900d'\n", 0);
		strbuf_adds(&line, "cat; exit 3");
		for (const char *const *shell = shells; *shell != NULL; shell++) {
			struct command cmd = { .line = line.s, .stdin_open = true };
			int code;
			char *out;

			if (!is_there(*shell))
				continue;
			out = run_command(*shell, &cmd, "fed", &code);
			if (strcmp(out, "fed") != 0 || code != 3)
				fail_msg("%s: '%s', exit %d", *shell, out, code);
			free(out);
			cmd.stdin_open = false;
			out = run_command(*shell, &cmd, "fed", &code);
			assert_string_equal(out, "");
			free(out);
		}
		strbuf_fini(&line);
	}
}

/* What a preamble needs of a host's sh, of every kind. */
static void every_sh_reads_a_preamble(void **state)
{
	static const char *const kinds[] = { "/bin/dash", "/bin/bash", "/bin/busybox", "/bin/mksh",
					     "/bin/ksh93", NULL };
	const char *before = getenv("PATH");
	char dir[] = "/tmp/perilune-sh.XXXXXX";
	char *sh, *path = xasprintf("%s:%s", mkdtemp(dir), before), *saved = xstrdup(before);

	sh = xasprintf("%s/sh", dir);
	setenv("PATH", path, 1);
	for (const char *const *kind = kinds; *kind != NULL; kind++) {
		if (!is_there(*kind))
			continue;
		assert_int_equal(symlink(*kind, sh), 0);
		print_message("sh is %s\n", *kind);
		every_shell_runs_them_alike(state);
		values_and_words_hold_any_byte(state);
		stdin_behind_a_preamble_is_untouched(state);
		a_line_is_as_long_as_it_likes(state);
		unlink(sh);
		shells = FEW_SHELLS; /* which shell starts it has been seen */
	}
	shells = SHELLS;
	setenv("PATH", saved, 1);
	rmdir(dir);
	free(sh);
	free(path);
	free(saved);
}

static void a_kill_finds_what_carries_the_tag_and_nothing_else(void **state)
{
	(void)state;
	for (const char *const *shell = shells; *shell != NULL; shell++) {
		struct strbuf line = STRBUF_INIT;
		char tag[64], mine[96], other[96];
		pid_t victim, bystander;
		int code, status;

		if (!is_there(*shell))
			continue;
		snprintf(tag, sizeof(tag), "unit-%ld.1", (long)getpid());
		snprintf(mine, sizeof(mine), "PERILUNE_TASK=%s", tag);
		snprintf(other, sizeof(other), "PERILUNE_TASK=%s1", tag);
		victim = fork();
		if (victim == 0)
			execlp("env", "env", mine, "sleep", "307", NULL);
		bystander = fork();
		if (bystander == 0)
			execlp("env", "env", other, "sleep", "308", NULL);
		/* the tags are there once env has become sleep: until then nobody is found */
		do {
			strbuf_reset(&line);
			ssh_command_kill(&line, tag, SIGTERM, 1000000);
			free(run(*shell, line.s, &code));
		} while (code == SSH_KILL_NONE);
		assert_int_equal(code, 0);
		assert_int_equal(waitpid(victim, &status, 0), victim);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
		assert_int_equal(waitpid(bystander, &status, WNOHANG), 0);
		kill(bystander, SIGKILL);
		waitpid(bystander, &status, 0);
		strbuf_reset(&line);
		ssh_command_kill(&line, tag, SIGTERM, -1);
		free(run(*shell, line.s, &code));
		assert_int_equal(code, SSH_KILL_NONE);
		strbuf_fini(&line);
	}
}

/* Runs a line as a child, as sshd runs a login shell, and waits until it has begun. */
static pid_t start_shell(const char *line)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(126);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static int kill_tag(const char *tag)
{
	struct strbuf line = STRBUF_INIT;
	int code;

	ssh_command_kill(&line, tag, SIGTERM, 1000000);
	free(run("/bin/sh", line.s, &code));
	strbuf_fini(&line);
	return code;
}

/* The tag is only in its words: env, which would set it, has not been run yet. */
static void a_kill_finds_the_login_shell_that_is_about_to_set_the_tag(void **state)
{
	static const char line[] = "echo; while :; do sleep 0.1; done; exec env PERILUNE_TASK=%s x";
	char tag[64], other_tag[64];
	char *mine, *other;
	pid_t shell, bystander;
	int status;

	(void)state;
	snprintf(tag, sizeof(tag), "unit-%ld.a", (long)getpid());
	snprintf(other_tag, sizeof(other_tag), "unit-%ld.b", (long)getpid());
	mine = xasprintf(line, tag);
	other = xasprintf(line, other_tag);
	shell = start_shell(mine);
	bystander = start_shell(other);
	assert_int_equal(kill_tag(tag), 0);
	assert_int_equal(waitpid(shell, &status, 0), shell);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(waitpid(bystander, &status, WNOHANG), 0);
	kill(bystander, SIGKILL);
	waitpid(bystander, &status, 0);
	free(mine);
	free(other);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(requests_that_make_no_sense_are_refused),
	cmocka_unit_test(lines_are_as_short_as_can_be),
	cmocka_unit_test(no_variable_stands_on_the_line_but_the_locale),
	cmocka_unit_test(every_sh_reads_a_preamble),
	cmocka_unit_test(a_kill_finds_what_carries_the_tag_and_nothing_else),
	cmocka_unit_test(a_kill_finds_the_login_shell_that_is_about_to_set_the_tag),
};

UNIT_MAIN(tests)
