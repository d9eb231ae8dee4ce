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

static const char *const SHELLS[] = { "/bin/sh",       "/bin/dash",    "/bin/bash", "/bin/zsh",
				      "/usr/bin/fish", "/bin/tcsh",    "/bin/csh",  "/bin/mksh",
				      "/bin/ksh93",    "/bin/busybox", NULL };

/* Shells are told by path; busybox needs its applet's name. */
static bool is_there(const char *shell)
{
	return access(shell, X_OK) == 0;
}

/* Runs `line` as sshd does: SHELL -c line. The output, and the exit status in *code. */
static char *run(const char *shell, const char *line, int *code)
{
	bool busybox = strstr(shell, "busybox") != NULL;
	struct strbuf out = STRBUF_INIT;
	int fds[2], status;
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		setenv("SHELL", busybox ? "/bin/sh" : shell, 1);
		setenv("SHLVL", "5", 1); /* no ~/.bashrc */
		if (busybox)
			execl(shell, "sh", "-c", line, NULL);
		execl(shell, shell, "-c", line, NULL);
		_exit(126);
	}
	close(fds[1]);
	while ((n = read(fds[0], strbuf_reserve(&out, 4096), 4096)) > 0)
		out.len += (size_t)n;
	close(fds[0]);
	waitpid(pid, &status, 0);
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	strbuf_addc(&out, '\0');
	return strbuf_detach(&out);
}

static char *exec_line(const struct command *cmd)
{
	struct strbuf line = STRBUF_INIT;
	struct pl_error err = { 0 };

	if (ssh_command_check(cmd, "a-tag.1", &err) != 0)
		fail_msg("%s", err.text);
	ssh_command_exec(&line, cmd, "a-tag.1");
	return strbuf_detach(&line);
}

/* ---- misuse ---- */

static void requests_that_make_no_sense_are_refused(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const words[] = { "true", NULL };
	static const char *const no_eq[] = { "NAME", NULL };
	static const char *const no_name[] = { "=x", NULL };
	static const char *const option[] = { "-i=x", NULL };
	char *huge = xcalloc(1, SSH_COMMAND_MAX + 2);
	const struct command cases[] = {
		{ .line = NULL },
		{ .line = "x", .argv = words },
		{ .argv = none },
		{ .line = "x", .env = no_eq },
		{ .line = "x", .env = no_name },
		{ .line = "x", .env = option },
		{ .line = huge },
	};

	(void)state;
	memset(huge, 'x', SSH_COMMAND_MAX + 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pl_error err = { 0 };

		assert_int_equal(ssh_command_check(&cases[i], "t", &err), -1);
		assert_int_equal(err.code, PL_EUSAGE);
	}
	free(huge);
}

/* ---- text ---- */

static void lines_are_as_short_as_can_be(void **state)
{
	static const char *const words[] = { "echo", "a b", NULL };
	static const char *const odd[] = { "a=b", NULL };
	static const char *const env[] = { "N=v w", NULL };
	static const struct {
		struct command cmd;
		const char *line;
	} cases[] = {
		{ { .line = "hostname" },
		  "exec env PERILUNE_TASK=a-tag.1 \"$SHELL\" -c hostname </dev/null" },
		{ { .line = "a; b", .stdin_open = true },
		  "exec env PERILUNE_TASK=a-tag.1 \"$SHELL\" -c 'a; b'" },
		{ { .argv = words, .env = env },
		  "exec env PERILUNE_TASK=a-tag.1 'N=v w' echo 'a b' </dev/null" },
		{ { .argv = odd },
		  "exec env PERILUNE_TASK=a-tag.1 sh -c 'exec \"$@\"' sh a=b </dev/null" },
		{ { .line = "x", .cwd = "/tmp", .merge = true },
		  "exec env PERILUNE_TASK=a-tag.1 sh -c 'cd -- \"$1\" || exit 1; shift; exec "
		  "\"$@\" 2>&1' sh /tmp \"$SHELL\" -c x </dev/null" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *line = exec_line(&cases[i].cmd);

		assert_string_equal(line, cases[i].line);
		free(line);
	}
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
	for (const char *const *shell = SHELLS; *shell != NULL; shell++) {
		if (!is_there(*shell)) {
			print_message("no %s here\n", *shell);
			continue;
		}
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			char *line = exec_line(&cases[i].cmd);
			int code;
			char *out = run(*shell, line, &code);

			if (strcmp(out, cases[i].out) != 0 || code != cases[i].code)
				fail_msg("%s: %s: '%s', exit %d", *shell, line, out, code);
			free(out);
			free(line);
		}
	}
}

static void a_kill_finds_what_carries_the_tag_and_nothing_else(void **state)
{
	(void)state;
	for (const char *const *shell = SHELLS; *shell != NULL; shell++) {
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
	cmocka_unit_test(every_shell_runs_them_alike),
	cmocka_unit_test(a_kill_finds_what_carries_the_tag_and_nothing_else),
	cmocka_unit_test(a_kill_finds_the_login_shell_that_is_about_to_set_the_tag),
};

UNIT_MAIN(tests)
