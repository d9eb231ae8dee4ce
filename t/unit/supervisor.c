/*
 * supervisor.c - tests of core/ssh/supervisor.sh: its text, as it is sent, under each shell there
 * is, over real processes. This program stands for the sshd of a session: the supervisor and the
 * commands are its children.
 *
 * Every process of a command inherits the roll, the write end of a pipe, whatever it sheds
 * otherwise: what was started is gone when the roll ends.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/shellquote.h"
#include "base/strbuf.h"
#include "ssh/ssh_supervisor_text.h"

#define ROLL 9
#define LONG_MS 20000

/* The pipe that everything started with it holds on to. */
struct roll {
	int out, in; /* in is closed in this process by all_gone() */
};

/* The supervisor of one session, under a shell. */
struct super {
	const char *shell;
	uid_t uid;
	char *path; /* PATH=..., or NULL for that of CLEAN_ENV */
	pid_t pid;
	int in, out;
};

static char token[17]; /* of this program alone: others may be tested on this machine */
static pid_t running;  /* the supervisor of the case that goes on */

static const char *const SHELLS[] = { "dash", "bash", "bash --posix", "busybox sh" };
#define PATH "/usr/sbin:/usr/bin:/sbin:/bin"
static char *const CLEAN_ENV[] = { "PATH=" PATH, NULL };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool ready(int fd, int64_t ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, (int)ms) > 0;
}

/* The next line of a pipe, without its end; "" at the end of the stream. */
static const char *line_of(int fd)
{
	static char line[200];
	size_t n = 0;

	while (n < sizeof(line) - 1) {
		if (!ready(fd, LONG_MS))
			fail_msg("nothing is said for %d ms", LONG_MS);
		if (read(fd, line + n, 1) != 1 || line[n] == '\n')
			break;
		n++;
	}
	line[n] = '\0';
	return line;
}

/* ---- processes ---- */

/* A child that runs a line of sh as uid, in a session of its own, as sshd starts commands. */
static pid_t spawn(const char *line, char *const env[], uid_t uid, int in, int out, int roll)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	setsid();
	dup2(in >= 0 ? in : open("/dev/null", O_RDONLY), 0);
	dup2(out >= 0 ? out : open("/dev/null", O_WRONLY), 1);
	if (roll >= 0 && dup2(roll, ROLL) == ROLL)
		fcntl(ROLL, F_SETFD, 0); /* it may have stood there already, to be closed */
	if (uid != geteuid() && setresuid(uid, uid, uid) < 0)
		_exit(126);
	execle("/bin/sh", "sh", "-c", line, (char *)NULL, env);
	_exit(127);
}

static void roll_open(struct roll *r)
{
	int fds[2];

	assert_return_code(pipe2(fds, O_CLOEXEC), errno);
	r->out = fds[0];
	r->in = fds[1];
}

/* A tag that ends with a colon gets the token. */
static pid_t command_as(struct roll *r, const char *tag, const char *line, uid_t uid, int in)
{
	bool ours = tag[strlen(tag) - 1] == ':';
	char task[100];
	char *env[] = { CLEAN_ENV[0], task, NULL };

	snprintf(task, sizeof(task), "PERILUNE_TASK=%s%s", tag, ours ? token : "");
	return spawn(line, env, uid, in, -1, r->in);
}

static pid_t command(struct roll *r, const char *tag, const char *line)
{
	return command_as(r, tag, line, geteuid(), -1);
}

/* The pid of the next one to come up. */
static pid_t up(struct roll *r)
{
	return atoi(line_of(r->out));
}

/* Whether everybody on the roll is gone within ms. Nobody can be added after this. */
static bool all_gone(struct roll *r, int64_t ms)
{
	int64_t end = now_ms() + ms;
	char c;

	if (r->in >= 0)
		close(r->in);
	r->in = -1;
	do {
		for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG)) > 0;)
			running = pid == running ? 0 : running;
		if (ready(r->out, 20) && read(r->out, &c, 1) == 0)
			return true;
	} while (now_ms() < end);
	return false;
}

static void roll_close(struct roll *r)
{
	assert_true(all_gone(r, LONG_MS));
	close(r->out);
}

/* ---- the supervisor ---- */

static void start_first(struct super *s, const char *options)
{
	char mark[60];
	char *env[] = { s->path != NULL ? s->path : CLEAN_ENV[0], mark, NULL };
	struct strbuf line = STRBUF_INIT;
	int in[2], out[2];

	snprintf(mark, sizeof(mark), "PERILUNE_SUPERVISOR=%s", token);
	strbuf_addf(&line, "exec %s -c '%s' perilune %s %s", s->shell, ssh_supervisor_first, token,
		    options);
	assert_return_code(pipe2(in, O_CLOEXEC), errno);
	assert_return_code(pipe2(out, O_CLOEXEC), errno);
	running = s->pid = spawn(line.s, env, s->uid, in[0], out[1], -1);
	close(in[0]);
	close(out[1]);
	s->in = in[1];
	s->out = out[0];
	strbuf_fini(&line);
}

static void say(const struct super *s, const char *line)
{
	assert_int_equal(write(s->in, line, strlen(line)), (ssize_t)strlen(line));
}

static void super_start(struct super *s, const char *options)
{
	start_first(s, options);
	say(s, ssh_supervisor_rest);
	say(s, "\n");
	assert_string_equal(line_of(s->out), "hello 1");
}

/* One that never ticks by itself. */
static struct super under(void **state, uid_t uid)
{
	struct super s = { .shell = *state, .uid = uid };

	super_start(&s, "'' 60 5");
	return s;
}

/* What its clock does every 5 s; the answer to a signal for nobody says that it is done. */
static void tick(const struct super *s)
{
	assert_return_code(kill(s->pid, SIGUSR1), errno);
	say(s, "signal nobody 18\n");
	assert_string_equal(line_of(s->out), "signalled nobody 3");
}

/* Its stdin ends; it ends, and nobody holds its stdout after it. */
static void hang_up(struct super *s)
{
	close(s->in);
	assert_string_equal(line_of(s->out), "");
	close(s->out);
}

/* ---- what commands leave behind ---- */

#define STAY "echo $$ >&9; exec sleep 300"
#define TASK "r.h.1.1:"

static const char *const CHILDREN[] = {
	STAY,
	"setsid sh -c '" STAY "' & wait",
	"(setsid sh -c '" STAY "' &); exit 0",
	"trap '' TERM HUP INT; echo $$ >&9; sleep 300; sleep 300",
	"echo $$ >&9; kill -STOP $$; sleep 300",
	"env -i setsid sh -c '" STAY "' & wait",
};

static void start_all(struct roll *r)
{
	size_t n = sizeof(CHILDREN) / sizeof(CHILDREN[0]);

	for (size_t i = 0; i < n; i++)
		command(r, TASK, CHILDREN[i]);
	for (size_t i = 0; i < n; i++)
		up(r);
}

static void the_end_of_the_session_ends_everything(void **state)
{
	struct super s = under(state, geteuid());
	struct roll r;

	roll_open(&r);
	start_all(&r);
	hang_up(&s);
	roll_close(&r);
}

static void silence_ends_everything(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;

	roll_open(&r);
	start_all(&r);
	super_start(&s, "'' 0.2 5");
	assert_string_equal(line_of(s.out), "orphaned");
	assert_string_equal(line_of(s.out), "");
	close(s.in);
	close(s.out);
	roll_close(&r);
}

static void the_first_part_alone_ends_everything(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;

	roll_open(&r);
	start_first(&s, "'' 60 5");
	start_all(&r);
	hang_up(&s);
	roll_close(&r);
}

static void silence_ends_everything_without_the_rest(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;

	roll_open(&r);
	start_all(&r);
	start_first(&s, "'' 0.2 5");
	assert_string_equal(line_of(s.out), "orphaned");
	assert_string_equal(line_of(s.out), "");
	close(s.in);
	close(s.out);
	roll_close(&r);
}

/* It leaves alone what is not of its session, and what of a session survives it. */
static void the_first_part_alone_ends_nobody_else(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;
	pid_t pids[3];

	roll_open(&r);
	start_first(&s, "'' 60 5");
	pids[0] = command(&r, "r.h.1.1", STAY);
	pids[1] = command(&r, "r.h.1.1:00decade00decade", STAY);
	pids[2] = command(&r, TASK, "true");
	up(&r);
	up(&r);
	say(&s, "bye\n");
	hang_up(&s);
	assert_false(all_gone(&r, 0));
	assert_return_code(kill(pids[0], SIGKILL), errno);
	assert_return_code(kill(pids[1], SIGKILL), errno);
	roll_close(&r);
}

static void after_a_bye_it_ends_what_was_left(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;

	roll_open(&r);
	start_first(&s, "'' 60 5");
	command(&r, TASK, "(setsid sh -c '" STAY "' &); exit 0");
	up(&r);
	say(&s, ".\nbye\n");
	hang_up(&s);
	roll_close(&r);
}

static void a_word_now_and_then_breaks_the_silence(void **state)
{
	struct super s = under(state, geteuid());

	for (int i = 0; i < 6; i++)
		tick(&s);
	hang_up(&s);
}

static void a_task_is_ended_and_its_neighbours_are_not(void **state)
{
	struct super s = under(state, geteuid());
	struct roll r, next;
	pid_t other;

	roll_open(&r);
	roll_open(&next);
	start_all(&r);
	command(&next, "r.h.1.11:", STAY);
	up(&next);
	command(&next, "r.h.1.1:00decade00decade", "(setsid sh -c '" STAY "' &)");
	other = up(&next);
	say(&s, "end r.h.1.1 15 5\n");
	assert_string_equal(line_of(s.out), "ended r.h.1.1 0");
	assert_true(all_gone(&r, LONG_MS));
	close(r.out);
	say(&s, "end r.h.1.1 15 5\n");
	assert_string_equal(line_of(s.out), "ended r.h.1.1 3");
	hang_up(&s);
	assert_return_code(kill(other, SIGKILL), errno); /* not its own session's: still there */
	roll_close(&next);
}

static void a_signal_goes_to_everything_of_a_task_once(void **state)
{
	struct super s = under(state, geteuid());
	struct roll r;

	roll_open(&r);
	command(&r, TASK, "trap 'echo told >&9' USR2; echo $$ >&9; while :; do sleep 0.02; done");
	up(&r);
	say(&s, "signal r.h.1.1 12\n");
	/* its sleep dies of it, too: a child is somebody of the task */
	assert_string_equal(line_of(r.out), "told");
	assert_string_equal(line_of(s.out), "signalled r.h.1.1 0");
	hang_up(&s);
	roll_close(&r);
}

static void ends_go_on_side_by_side(void **state)
{
	struct super s = under(state, geteuid());
	struct roll r;

	roll_open(&r);
	command(&r, TASK, "trap '' TERM; echo $$ >&9; sleep 300; sleep 300");
	up(&r);
	say(&s, "end r.h.1.1 15 600\nend r.h.2.1 15 600\n");
	assert_string_equal(line_of(s.out), "ended r.h.2.1 3");
	hang_up(&s);
	roll_close(&r);
}

/* ---- what was seen, and what was not ---- */

/*
 * A command's child has shed environment and session, and when it is alone its parent goes, too.
 * Whether it is ended with the session; `seen` when there was a tick while the parent was there.
 */
static bool ends_the_orphan(void **state, uid_t uid, bool seen)
{
	struct super s = under(state, uid);
	pid_t parent, orphan;
	struct roll r;
	int gate[2];
	bool ended;

	roll_open(&r);
	assert_return_code(pipe2(gate, O_CLOEXEC), errno);
	parent = command_as(&r, TASK, "env -i setsid sh -c '" STAY "' & read x", uid, gate[0]);
	orphan = up(&r);
	if (seen)
		tick(&s);
	close(gate[0]);
	close(gate[1]);
	waitpid(parent, NULL, 0);
	hang_up(&s);
	ended = all_gone(&r, 0);
	if (!ended)
		kill(orphan, SIGKILL);
	roll_close(&r);
	return ended;
}

static void one_without_parent_and_environment_is_known_from_a_tick(void **state)
{
	assert_true(ends_the_orphan(state, geteuid(), true));
}

/* As documented: nothing tells that it was ours. */
static void one_who_sheds_all_between_two_ticks_escapes(void **state)
{
	struct passwd *nobody = getpwnam("nobody");

	if (geteuid() == 0 && nobody == NULL)
		skip(); /* root has cgroups */
	assert_false(ends_the_orphan(state, geteuid() == 0 ? nobody->pw_uid : geteuid(), false));
}

static bool has_cgroups(void)
{
	return access("/sys/fs/cgroup/cgroup.procs", W_OK) == 0 ||
	       access("/sys/fs/cgroup/unified/cgroup.procs", W_OK) == 0 ||
	       access("/sys/fs/cgroup/systemd/cgroup.procs", W_OK) == 0;
}

static void nobody_escapes_a_cgroup(void **state)
{
	char path[200];

	if (!has_cgroups())
		skip();
	assert_true(ends_the_orphan(state, geteuid(), false));
	snprintf(path, sizeof(path), "ls -d /sys/fs/cgroup/*perilune-%s "
		 "/sys/fs/cgroup/*/perilune-%s 2>/dev/null", token, token);
	assert_int_not_equal(system(path), 0);
}

static void one_with_a_tag_of_no_session_survives_it(void **state)
{
	struct super s = under(state, geteuid());
	struct roll r;
	pid_t parent, child;

	roll_open(&r);
	parent = command(&r, "r.h.1.1", "env -i setsid sh -c '" STAY "' & wait");
	child = up(&r);
	tick(&s);
	hang_up(&s);
	assert_false(all_gone(&r, 0));
	assert_return_code(kill(parent, SIGKILL), errno);
	assert_return_code(kill(child, SIGKILL), errno);
	roll_close(&r);
}

/* ---- amid an exec ---- */

/* What this program was given as its environment; /proc/PID/environ shows what stands there. */
static char *env_text;
static size_t env_len;

static void find_env(void)
{
	char **e = environ;

	env_text = *e;
	while (*e != NULL)
		e++;
	env_len = env_text == NULL ? 0 : (size_t)(e[-1] + strlen(e[-1]) + 1 - env_text);
}

/*
 * Starts one who shows no environment, as amid an exec, and upon SIGUSR1 a tag of no session; below
 * sshd, or without a parent. Its pid.
 */
static pid_t start_shy(struct roll *r, const struct super *s, bool orphan)
{
	pid_t pid = fork();
	sigset_t set;
	int signo;

	assert_true(pid >= 0);
	if (pid > 0)
		return up(r);
	setsid();
	if (orphan && fork() != 0)
		_exit(0);
	alarm(60);
	close(s->in);
	close(s->out);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memset(env_text, 0, env_len);
	dprintf(r->in, "%d\n", (int)getpid());
	sigwait(&set, &signo);
	strcpy(env_text, "PERILUNE_TASK=r.h.1.1");
	for (;;)
		pause();
}

/* A sleep that lasts until the one of whom DIR/shy tells has shown itself; not for the clock. */
static void write_sleep(const char *dir)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s/sleep", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n[ $1 = 60 ] || { read -r pid <%s/shy; for i in $(seq 300); do "
		"kill -USR1 $pid; grep -q PERILUNE_TASK= /proc/$pid/environ && break; done; }\n"
		"exec env PATH=" PATH " sleep \"$@\"\n", dir);
	fclose(file);
	chmod(path, 0755);
}

static void check_the_shy_one(void **state, const char *dir, bool orphan)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	char path[200], line[200];
	struct roll r;
	pid_t shy;

	snprintf(path, sizeof(path), "PATH=%s:" PATH, dir);
	s.path = path;
	super_start(&s, "tick=60 grace=5");
	roll_open(&r);
	shy = start_shy(&r, &s, orphan);
	snprintf(line, sizeof(line), "echo %d >%s/shy", (int)shy, dir);
	assert_int_equal(system(line), 0);
	hang_up(&s);
	assert_false(all_gone(&r, 0));
	assert_return_code(kill(shy, SIGKILL), errno);
	roll_close(&r);
}

static void one_amid_an_exec_may_be_one_who_survives(void **state)
{
	char dir[] = "/tmp/perilune-shy.XXXXXX", line[100];

	if (env_len < 100)
		skip();
	assert_non_null(mkdtemp(dir));
	write_sleep(dir);
	check_the_shy_one(state, dir, false);
	check_the_shy_one(state, dir, true);
	snprintf(line, sizeof(line), "rm -r %s", dir);
	assert_int_equal(system(line), 0);
}

static void root_ends_one_who_became_somebody_else(void **state)
{
	struct passwd *nobody = getpwnam("nobody");

	if (geteuid() != 0 || nobody == NULL)
		skip();
	struct super s = under(state, 0);
	struct roll r;

	roll_open(&r);
	command_as(&r, TASK, STAY, nobody->pw_uid, -1);
	up(&r);
	hang_up(&s);
	roll_close(&r);
}

/* As documented: only a supervisor under sudo can end what runs as root. */
static void a_root_child_outlives_a_supervisor_that_is_not_root(void **state)
{
	struct passwd *nobody = getpwnam("nobody");

	if (geteuid() != 0 || nobody == NULL)
		skip();
	struct super s = under(state, nobody->pw_uid);
	struct roll r;
	pid_t root;

	roll_open(&r);
	root = command_as(&r, TASK, STAY, 0, -1);
	up(&r);
	hang_up(&s);
	assert_false(all_gone(&r, 0));
	assert_return_code(kill(root, SIGKILL), errno);
	roll_close(&r);
}

static void a_kernel_without_lists_of_children_will_do(void **state)
{
	struct super s = { .shell = *state, .uid = geteuid() };
	struct roll r;

	super_start(&s, "'' 60 5 1");
	roll_open(&r);
	start_all(&r);
	tick(&s);
	hang_up(&s);
	roll_close(&r);
}

/* ---- the text ---- */

static void every_login_shell_reads_the_line_alike(void **state)
{
	static const char *const shells[] = { "sh", "bash", "tcsh", "fish", "busybox sh" };
	struct strbuf line = STRBUF_INIT, quoted = STRBUF_INIT;

	(void)state;
	assert_null(strpbrk(ssh_supervisor_first, "'\\!\n\t"));
	assert_null(strpbrk(ssh_supervisor_rest, "'\\!\n\t"));
	strbuf_addf(&line, "exec env PERILUNE_SUPERVISOR=%s sh -c '%s' perilune %s", token,
		    ssh_supervisor_first, token);
	shellquote_word(&quoted, line.s);
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		char command_line[16000];
		char said[100] = "";
		FILE *out;

		snprintf(command_line, sizeof(command_line),
			 "command -v %s >/dev/null && echo 'echo hello 1' | %s -c %s || echo hello 1",
			 shells[i], shells[i], quoted.s);
		out = popen(command_line, "r");
		assert_non_null(out);
		assert_non_null(fgets(said, sizeof(said), out));
		assert_string_equal(said, "hello 1\n");
		assert_int_equal(pclose(out), 0);
	}
	strbuf_fini(&line);
	strbuf_fini(&quoted);
}

static void its_sum_is_that_of_the_text(void **state)
{
	char sum[SSH_SUPERVISOR_SUM_MAX];
	struct strbuf line = STRBUF_INIT;
	char said[SSH_SUPERVISOR_SUM_MAX] = "";
	FILE *out;

	(void)state;
	ssh_supervisor_sum(sum);
	strbuf_addf(&line, "printf '%%s\n%%s' '%s' '%s' | sha256sum", ssh_supervisor_first,
		    ssh_supervisor_rest);
	out = popen(line.s, "r");
	assert_non_null(out);
	assert_non_null(fgets(said, sizeof(said), out));
	pclose(out);
	assert_string_equal(said, sum);
	strbuf_fini(&line);
}

/* As when the sshd has died before its first statement: the parent it is told of is not there. */
static void it_ends_where_nobody_started_it(void **state)
{
	struct strbuf line = STRBUF_INIT;
	char said[100] = "";
	FILE *out;

	(void)state;
	if (system("unshare -fp true 2>/dev/null") != 0)
		skip();
	strbuf_addf(&line, "echo '%s' | timeout -s KILL 20 unshare -fp --kill-child "
		    "sh -c '%s' perilune %s", ssh_supervisor_rest, ssh_supervisor_first, token);
	out = popen(line.s, "r");
	assert_non_null(out);
	assert_non_null(fgets(said, sizeof(said), out));
	assert_string_equal(said, "hello 1\n");
	assert_int_equal(pclose(out), 0);
	strbuf_fini(&line);
}

/* After a case that failed: the supervisor ends what it left. */
static int tidy(void **state)
{
	(void)state;
	if (running > 0 && kill(running, SIGTERM) == 0)
		waitpid(running, NULL, 0);
	running = 0;
	return 0;
}

#define CASE(function) { #function, function, NULL, tidy, NULL }

/* What hangs on how a shell reads, waits and takes signals. */
static const struct CMUnitTest OF_A_SHELL[] = {
	CASE(the_end_of_the_session_ends_everything),
	CASE(silence_ends_everything),
	CASE(the_first_part_alone_ends_everything),
	CASE(silence_ends_everything_without_the_rest),
	CASE(a_task_is_ended_and_its_neighbours_are_not),
	CASE(ends_go_on_side_by_side),
	CASE(one_without_parent_and_environment_is_known_from_a_tick),
};

#undef CASE
#define CASE(function) { "sh: " #function, function, NULL, tidy, (void *)"sh" }

static const struct CMUnitTest OF_ONE_SHELL[] = {
	CASE(every_login_shell_reads_the_line_alike),
	CASE(its_sum_is_that_of_the_text),
	CASE(it_ends_where_nobody_started_it),
	CASE(the_first_part_alone_ends_nobody_else),
	CASE(after_a_bye_it_ends_what_was_left),
	CASE(a_word_now_and_then_breaks_the_silence),
	CASE(a_signal_goes_to_everything_of_a_task_once),
	CASE(one_who_sheds_all_between_two_ticks_escapes),
	CASE(nobody_escapes_a_cgroup),
	CASE(one_with_a_tag_of_no_session_survives_it),
	CASE(one_amid_an_exec_may_be_one_who_survives),
	CASE(root_ends_one_who_became_somebody_else),
	CASE(a_root_child_outlives_a_supervisor_that_is_not_root),
	CASE(a_kernel_without_lists_of_children_will_do),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool there_is(const char *shell)
{
	char line[100];

	snprintf(line, sizeof(line), "%s -c : 2>/dev/null", shell);
	return system(line) == 0;
}

int main(void)
{
	struct CMUnitTest tests[COUNT(OF_A_SHELL) * COUNT(SHELLS) + COUNT(OF_ONE_SHELL)];
	char names[COUNT(tests)][100];
	size_t n = 0;

	find_env();
	/* by this name a supervisor knows the sshd of its session */
	prctl(PR_SET_NAME, "sshd-test");
	snprintf(token, sizeof(token), "%08x%08x", (unsigned)getpid(), (unsigned)time(NULL));
	memcpy(tests, OF_ONE_SHELL, sizeof(OF_ONE_SHELL));
	n = COUNT(OF_ONE_SHELL);
	for (size_t i = 0; i < COUNT(SHELLS); i++) {
		for (size_t j = 0; there_is(SHELLS[i]) && j < COUNT(OF_A_SHELL); j++, n++) {
			tests[n] = OF_A_SHELL[j];
			snprintf(names[n], sizeof(names[n]), "%s: %s", SHELLS[i], tests[n].name);
			tests[n].name = names[n];
			tests[n].initial_state = (void *)(uintptr_t)SHELLS[i];
		}
	}
	return _cmocka_run_group_tests(__FILE__, tests, n, NULL, NULL);
}
