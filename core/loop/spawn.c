/*
 * spawn.c - from a child_spec to a running program.
 *
 * Everything that allocates is done before vfork; between vfork and exec the child makes system
 * calls only and writes nothing but its own stack. A failure travels through a close-on-exec pipe.
 */
#include "loop/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

/* What the child could not do, and its errno. */
struct failure {
	enum { FAILED_CWD = 1, FAILED_EXEC } what;
	int errnum;
};

/* Both ends of each pipe: [0] is read, [1] written. in: child reads; out, err: child writes. */
struct pipes {
	int in[2], out[2], err[2], report[2];
};

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

static void close_pipes(struct pipes *p)
{
	close_pipe(p->in);
	close_pipe(p->out);
	close_pipe(p->err);
	close_pipe(p->report);
}

/* A pipe whose ends can be moved to 0, 1, 2 without treading on each other. */
static int open_pipe(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		int low = fds[i];

		if (low > 2)
			continue;
		fds[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		close(low);
		if (fds[i] < 0)
			return -1;
	}
	return 0;
}

static int open_pipes(struct pipes *p, const struct child_spec *spec)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (open_pipe(p->report) == 0 && (spec->socket > 0 || open_pipe(p->out) == 0) &&
	    (spec->merge || open_pipe(p->err) == 0) &&
	    (!spec->stdin_open || open_pipe(p->in) == 0))
		return 0;
	close_pipes(p);
	return -1;
}

/* ---- the environment ---- */

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_overridden(const char *entry, const char *const *env)
{
	for (size_t i = 0; env[i] != NULL; i++) {
		if (same_name(env[i], entry))
			return true;
	}
	return false;
}

/* Ours with `env` added; the array is the caller's, the strings are borrowed. */
static const char **merge_env(const char *const *env)
{
	size_t n_ours = 0, n_theirs = 0, n = 0;
	const char **all;

	while (environ != NULL && environ[n_ours] != NULL)
		n_ours++;
	while (env[n_theirs] != NULL)
		n_theirs++;
	all = xcalloc(n_ours + n_theirs + 1, sizeof(*all));
	for (size_t i = 0; i < n_ours; i++) {
		if (!is_overridden(environ[i], env))
			all[n++] = environ[i];
	}
	for (size_t i = 0; i < n_theirs; i++) {
		if (!is_overridden(env[i], env + i + 1))
			all[n++] = env[i];
	}
	return all;
}

/* ---- in the child ---- */

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int signo = 1; signo < NSIG; signo++)
		sigaction(signo, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Marks descriptors above 2 to close at exec; the failure report must stay open until then. */
static void close_others(void)
{
	struct rlimit limit;

	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* before Linux 5.11. Ours are close-on-exec already; these were inherited, so are low */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = 3; fd < (int)limit.rlim_cur; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void set_streams(const struct child_spec *spec, const struct pipes *p)
{
	int out = spec->socket > 0 ? spec->socket : p->out[1];
	int in = spec->socket > 0 ? spec->socket : p->in[0]; /* -1: none was opened */

	if (in < 0 && spec->stdin_terminal)
		in = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (in > 0)
		dup2(in, 0);
	else if (in == 0)
		fcntl(0, F_SETFD, 0);
	dup2(out, 1);
	dup2(spec->merge ? out : p->err[1], 2);
}

static void report_failure(int fd, int what)
{
	struct failure f = { what, errno };
	ssize_t n = write(fd, &f, sizeof(f));

	(void)n;
	_exit(127);
}

/* The parent may have died before it was asked for. */
static void die_with(pid_t parent, int signo)
{
	prctl(PR_SET_PDEATHSIG, signo);
	if (getppid() != parent)
		_exit(127);
}

static void become(const struct child_spec *spec, const struct pipes *p, const char **env,
		   pid_t parent)
{
	if (spec->new_session)
		setsid();
	if (spec->death_signal != 0)
		die_with(parent, spec->death_signal);
	set_streams(spec, p);
	close_others();
	if (spec->cwd != NULL && chdir(spec->cwd) < 0)
		report_failure(p->report[1], FAILED_CWD);
	reset_signals();
	execvpe(spec->argv[0], (char *const *)spec->argv, (char *const *)env);
	report_failure(p->report[1], FAILED_EXEC);
}

/* ---- in the parent ---- */

/* All signals are blocked meanwhile: a handler must not run in the child on our memory. */
static pid_t fork_and_exec(const struct child_spec *spec, const struct pipes *p, const char **env)
{
	sigset_t all, before;
	pid_t parent = getpid(), pid;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork();
	if (pid == 0)
		become(spec, p, env, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Waits for exec or the report of a failure. */
static int await_exec(struct pipes *p, const struct child_spec *spec, pid_t pid,
		      struct pl_error *err)
{
	struct failure f;
	ssize_t n;

	close(p->report[1]);
	p->report[1] = -1;
	do
		n = read(p->report[0], &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(f))
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (f.what == FAILED_CWD)
		pl_error_sys(err, f.errnum, "cannot enter the directory '%s'", spec->cwd);
	else
		pl_error_sys(err, f.errnum, "cannot run '%s'", spec->argv[0]);
	if (err != NULL)
		err->code = f.errnum == ENOENT || f.errnum == ENOTDIR ? PL_ENOENT : PL_EUSAGE;
	return -1;
}

static int take_end(int *fd)
{
	int taken = *fd;

	*fd = -1;
	if (taken >= 0)
		fcntl(taken, F_SETFL, O_NONBLOCK);
	return taken;
}

int spawn_process(const struct child_spec *spec, struct spawned *s, struct pl_error *err)
{
	const char **merged = spec->env != NULL ? merge_env(spec->env) : NULL;
	const char **env = merged != NULL ? merged : (const char **)environ;
	struct pipes p;
	int rc = -1;

	if (open_pipes(&p, spec) < 0) {
		pl_error_sys(err, errno, "cannot run '%s': no pipe", spec->argv[0]);
		goto out;
	}
	s->pid = fork_and_exec(spec, &p, env);
	if (s->pid < 0) {
		pl_error_sys(err, errno, "cannot run '%s': fork", spec->argv[0]);
		goto out_pipes;
	}
	rc = await_exec(&p, spec, s->pid, err);
	if (rc == 0) {
		s->in = take_end(&p.in[1]);
		s->out = take_end(&p.out[0]);
		s->err = take_end(&p.err[0]);
	}
out_pipes:
	close_pipes(&p);
out:
	free(merged);
	return rc;
}
