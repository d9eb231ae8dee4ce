/* child.c - tests of core/loop/child.c */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "loop/child.h"

/* A child and what it told. */
struct watched {
	struct child *child;
	struct strbuf out, err;
	int chunks, drains, exits, status;
	bool after_exit; /* something fired after on_exit */
};

static void on_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct watched *w = arg;

	w->after_exit |= w->exits > 0;
	w->chunks++;
	strbuf_add(stream == CHILD_STDOUT ? &w->out : &w->err, bytes, len);
}

static void on_drain(void *arg)
{
	struct watched *w = arg;

	w->after_exit |= w->exits > 0;
	w->drains++;
}

static void on_exit_destroy(void *arg, int status)
{
	struct watched *w = arg;

	w->exits++;
	w->status = status;
	child_destroy(w->child);
	w->child = NULL;
}

static const struct child_events events = {
	.on_output = on_output,
	.on_drain = on_drain,
	.on_exit = on_exit_destroy,
};

static int open_loop(void **state)
{
	*state = loop_create(LOOP_REAL, NULL);
	return *state == NULL;
}

static int close_loop(void **state)
{
	loop_destroy(*state);
	return 0;
}

static void spawn(struct loop *loop, struct watched *w, const struct child_spec *spec)
{
	struct pl_error err = { 0 };

	*w = (struct watched){ .exits = 0 };
	w->child = child_spawn(loop, spec, &events, w, &err);
	if (w->child == NULL)
		fail_msg("%s", err.text);
}

#define SHELL(line) ((const char *const[]){ "sh", "-c", (line), NULL })

static void spawn_shell(struct loop *loop, struct watched *w, const char *line)
{
	spawn(loop, w, &(struct child_spec){ .argv = SHELL(line) });
}

static void wait_exit(struct loop *loop, struct watched *w)
{
	while (w->exits == 0)
		assert_true(loop_turn(loop, LOOP_WAIT) > 0);
	assert_int_equal(w->exits, 1);
	assert_false(w->after_exit);
}

static void end(struct watched *w)
{
	strbuf_fini(&w->out);
	strbuf_fini(&w->err);
}

/* ---- misuse ---- */

static void what_cannot_be_run_is_an_error_at_once(void **state)
{
	static const struct {
		const char *program, *cwd;
		enum pl_error_code code;
		const char *says;
	} cases[] = {
		{ "/nonexistent/program", NULL, PL_ENOENT, "/nonexistent/program" },
		{ "no-such-program-in-path", NULL, PL_ENOENT, "no-such-program-in-path" },
		{ "/etc/passwd", NULL, PL_EUSAGE, "/etc/passwd" },
		{ "true", "/nonexistent/folder", PL_ENOENT, "/nonexistent/folder" },
		{ "true", "/etc/passwd", PL_ENOENT, "/etc/passwd" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *argv[] = { cases[i].program, NULL };
		struct child_spec spec = { .argv = argv, .cwd = cases[i].cwd };
		struct watched w = { .exits = 0 };
		struct pl_error err = { 0 };

		assert_null(child_spawn(*state, &spec, &events, &w, &err));
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(child_spawn(*state, &spec, &events, &w, NULL));
		assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombie */
		assert_int_equal(w.exits, 0);
	}
	child_destroy(NULL);
}

/* ---- a life ---- */

static void a_child_tells_its_output_apart_and_how_it_ended(void **state)
{
	struct watched w;

	spawn_shell(*state, &w, "echo out; echo err >&2; exit 3");
	wait_exit(*state, &w);
	assert_string_equal(strbuf_str(&w.out), "out\n");
	assert_string_equal(strbuf_str(&w.err), "err\n");
	assert_true(WIFEXITED(w.status));
	assert_int_equal(WEXITSTATUS(w.status), 3);
	end(&w);
	spawn_shell(*state, &w, "kill -9 $$");
	wait_exit(*state, &w);
	assert_true(WIFSIGNALED(w.status));
	assert_int_equal(WTERMSIG(w.status), SIGKILL);
	end(&w);
}

static void environment_directory_and_merge_are_as_asked(void **state)
{
	static const char *const env[] = { "PL_T_NEW=a b", "PL_T_OLD=2", "PL_T_OLD=3", NULL };
	struct watched w;

	setenv("PL_T_OLD", "1", 1);
	setenv("PL_T_OURS", "ours", 1);
	spawn(*state, &w,
	      &(struct child_spec){
		      .argv = SHELL("echo $PL_T_NEW,$PL_T_OLD,$PL_T_OURS; pwd >&2; echo end"),
		      .env = env,
		      .cwd = "/",
		      .merge = true,
	      });
	wait_exit(*state, &w);
	assert_string_equal(strbuf_str(&w.out), "a b,3,ours\n/\nend\n");
	assert_int_equal(w.err.len, 0);
	assert_string_equal(getenv("PL_T_OLD"), "1");
	end(&w);
}

/* The mask behind `name` in the text of /proc/PID/status. */
static unsigned long long mask_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 16);
}

static void a_child_starts_with_plain_signals_and_three_descriptors(void **state)
{
	static const char *const signals[] = { "grep", "^Sig[BI]", "/proc/self/status", NULL };
	int inherited = fcntl(1, F_DUPFD, 50); /* not close-on-exec */
	sigset_t set, before;
	struct watched w;

	assert_true(inherited >= 50);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &before);
	spawn(*state, &w, &(struct child_spec){ .argv = signals });
	wait_exit(*state, &w);
	assert_int_equal(mask_of(strbuf_str(&w.out), "SigBlk:"), 0);
	/* 32 and 33 are the C library's own, out of reach for programs */
	assert_int_equal(mask_of(strbuf_str(&w.out), "SigIgn:") & ~0x180000000ull, 0);
	end(&w);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR1, SIG_DFL);
	/* the glob of the shell itself needs a fourth to read the folder */
	spawn_shell(*state, &w, "cd /proc/$$/fd; for fd in 4 5 6 7 8 9 1? 5?; do "
				"[ -e $fd ] && echo open $fd; done; readlink 0");
	wait_exit(*state, &w);
	assert_string_equal(strbuf_str(&w.out), "/dev/null\n");
	end(&w);
	close(inherited);
}

static void a_new_session_is_led_by_the_child(void **state)
{
	struct watched w;
	pid_t pid;

	spawn(*state, &w, &(struct child_spec){ .argv = SHELL("read x"), .stdin_open = true,
						.new_session = true });
	pid = child_pid(w.child);
	assert_int_equal(getsid(pid), pid);
	child_close_stdin(w.child);
	wait_exit(*state, &w);
	end(&w);
	spawn(*state, &w, &(struct child_spec){ .argv = SHELL("read x"), .stdin_open = true });
	assert_int_equal(getsid(child_pid(w.child)), getsid(0));
	child_close_stdin(w.child);
	wait_exit(*state, &w);
	end(&w);
}

static void the_end_comes_when_dead_and_drained_whichever_is_last(void **state)
{
	struct watched w;

	spawn_shell(*state, &w, "{ sleep 0.1; echo late; } & exit 4");
	wait_exit(*state, &w);
	assert_string_equal(strbuf_str(&w.out), "late\n");
	assert_int_equal(WEXITSTATUS(w.status), 4);
	end(&w);
	spawn_shell(*state, &w, "exec >&- 2>&-; sleep 0.1; exit 5");
	wait_exit(*state, &w);
	assert_int_equal(WEXITSTATUS(w.status), 5);
	end(&w);
}

static void three_hundred_live_at_once(void **state)
{
	enum { MANY = 300 };
	struct watched *w = xcalloc(MANY, sizeof(*w));

	for (int i = 0; i < MANY; i++)
		spawn(*state, &w[i],
		      &(struct child_spec){ .argv = SHELL("read x; echo $x"),
					    .stdin_open = true, .merge = true });
	for (int i = 0; i < MANY; i++) {
		child_write(w[i].child, "hello\n", 6);
		child_close_stdin(w[i].child);
	}
	for (int i = 0; i < MANY; i++) {
		wait_exit(*state, &w[i]);
		assert_string_equal(strbuf_str(&w[i].out), "hello\n");
		end(&w[i]);
	}
	free(w);
}

/* ---- streams ---- */

static void much_goes_in_and_comes_out_unchanged(void **state)
{
	static const char *const cat[] = { "cat", NULL };
	size_t len = 10 * 1000 * 1000;
	char *bytes = xmalloc(len);
	struct watched w;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 17 + i / 1000);
	spawn(*state, &w, &(struct child_spec){ .argv = cat, .stdin_open = true });
	child_write(w.child, bytes, len);
	assert_int_equal(child_stdin_pending(w.child), len);
	while (w.drains == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	assert_int_equal(child_stdin_pending(w.child), 0);
	child_write(w.child, "end", 3);
	child_close_stdin(w.child);
	child_write(w.child, "too late", 8);
	wait_exit(*state, &w);
	assert_int_equal(w.out.len, len + 3);
	assert_memory_equal(w.out.s, bytes, len);
	assert_string_equal(w.out.s + len, "end");
	free(bytes);
	end(&w);
}

static void a_paused_child_waits_and_loses_nothing(void **state)
{
	struct watched w;

	spawn_shell(*state, &w, "seq 1 100000");
	child_pause(w.child);
	for (int i = 0; i < 100; i++)
		loop_turn(*state, LOOP_NOWAIT);
	assert_int_equal(w.chunks + w.exits, 0);
	child_resume(w.child);
	wait_exit(*state, &w);
	assert_int_equal(w.out.len, 588895);
	end(&w);
}

static void a_reader_that_went_away_is_told_as_drained(void **state)
{
	size_t len = 1000 * 1000;
	char *bytes = xcalloc(1, len);
	struct watched w;

	spawn(*state, &w,
	      &(struct child_spec){ .argv = SHELL("exec <&-; echo closed; exec sleep 300"),
				    .stdin_open = true, .new_session = true });
	while (w.chunks == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	for (int i = 1; i <= 2; i++) {
		child_write(w.child, bytes, len);
		while (w.drains < i)
			assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	}
	assert_int_equal(child_stdin_pending(w.child), 0);
	child_destroy(w.child);
	free(bytes);
	end(&w);
}

/* ---- signals and death ---- */

static void a_signal_reaches_the_whole_group(void **state)
{
	struct watched w;

	spawn(*state, &w, &(struct child_spec){ .argv = SHELL("sleep 300 & echo there; wait"),
						.new_session = true });
	while (w.chunks == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	child_signal(w.child, SIGTERM);
	wait_exit(*state, &w); /* comes only when the sleep closed the output too */
	assert_int_equal(WTERMSIG(w.status), SIGTERM);
	end(&w);
}

static void a_signal_reaches_a_group_whose_leader_is_dead(void **state)
{
	struct watched w;

	spawn(*state, &w, &(struct child_spec){ .argv = SHELL("sleep 300 & echo there; exit 6"),
						.new_session = true });
	while (w.chunks == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	child_signal(w.child, SIGTERM);
	wait_exit(*state, &w);
	end(&w);
}

/* True when the process is no more, or a zombie that somebody else has to reap. */
static bool is_over(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	f = fopen(path, "r");
	if (f == NULL)
		return true;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return line[0] == '\0' || strstr(line, ") Z ") != NULL;
}

static void tick(void *arg)
{
	loop_timer_start(arg, 2000);
}

static void destroy_kills_the_group_and_tells_nothing(void **state)
{
	struct loop_timer ticker;
	struct watched w;
	pid_t leader, sleeper;

	spawn(*state, &w, &(struct child_spec){ .argv = SHELL("sleep 300 & echo $!; wait"),
						.new_session = true });
	while (w.chunks == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	leader = child_pid(w.child);
	sleeper = (pid_t)strtol(w.out.s, NULL, 10);
	child_destroy(w.child);
	loop_timer_init(&ticker, *state, tick, &ticker);
	loop_timer_start(&ticker, 0);
	while (kill(leader, 0) == 0 || !is_over(sleeper))
		loop_turn(*state, LOOP_WAIT);
	loop_timer_stop(&ticker);
	assert_int_equal(w.exits, 0);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* it was reaped */
	end(&w);
}

static void a_loop_may_go_while_the_killed_are_not_reaped_yet(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	static const char *const argv[] = { "sleep", "300", NULL };
	struct watched w;

	(void)state;
	spawn(loop, &w, &(struct child_spec){ .argv = argv });
	child_destroy(w.child);
	loop_destroy(loop);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void children_of_others_are_left_to_them(void **state)
{
	struct watched w;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(9);
	spawn_shell(*state, &w, "exit 0");
	wait_exit(*state, &w);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
	end(&w);
}

static void sigchld_inherited_as_ignored_does_no_harm(void **state)
{
	struct loop *loop;
	struct watched w;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	loop = loop_create(LOOP_REAL, NULL);
	spawn_shell(loop, &w, "exit 8");
	wait_exit(loop, &w);
	assert_int_equal(WEXITSTATUS(w.status), 8);
	loop_destroy(loop);
	signal(SIGCHLD, SIG_DFL);
	end(&w);
}

static void on_virtual_time_a_child_is_waited_for(void **state)
{
	struct loop *loop = loop_create(LOOP_VIRTUAL, NULL);
	struct loop_timer hour;
	struct watched w;

	(void)state;
	loop_timer_init(&hour, loop, tick, &hour);
	loop_timer_start(&hour, INT64_C(3600000000));
	spawn_shell(loop, &w, "sleep 0.05; exit 2");
	wait_exit(loop, &w);
	assert_in_range(loop_now_us(loop), 40 * 1000, 60 * 1000000);
	loop_timer_stop(&hour);
	loop_destroy(loop);
	end(&w);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_loop, close_loop)

static const struct CMUnitTest tests[] = {
	CASE(what_cannot_be_run_is_an_error_at_once),
	CASE(a_child_tells_its_output_apart_and_how_it_ended),
	CASE(environment_directory_and_merge_are_as_asked),
	CASE(a_child_starts_with_plain_signals_and_three_descriptors),
	CASE(a_new_session_is_led_by_the_child),
	CASE(the_end_comes_when_dead_and_drained_whichever_is_last),
	CASE(three_hundred_live_at_once),
	CASE(much_goes_in_and_comes_out_unchanged),
	CASE(a_paused_child_waits_and_loses_nothing),
	CASE(a_reader_that_went_away_is_told_as_drained),
	CASE(a_signal_reaches_the_whole_group),
	CASE(a_signal_reaches_a_group_whose_leader_is_dead),
	CASE(destroy_kills_the_group_and_tells_nothing),
	CASE(a_loop_may_go_while_the_killed_are_not_reaped_yet),
	CASE(children_of_others_are_left_to_them),
	cmocka_unit_test(sigchld_inherited_as_ignored_does_no_harm),
	cmocka_unit_test(on_virtual_time_a_child_is_waited_for),
};

UNIT_MAIN(tests)
