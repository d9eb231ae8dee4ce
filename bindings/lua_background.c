/*
 * lua_background.c - perilune.core.background: a process that goes on when the terminal has gone.
 *
 *	fd, pid = background.start(words)	this program again, in the foreground so far
 *	background.wait(pid)			its exit status, 128+n for a signal
 *	fd = background.waiting_fd()		in that process: where the one before reads; nil: nobody
 *	background.leave(log)			in it: away from the terminal, all that is said goes there
 *	background.tell(fd, text)		the last word to who waits; closes fd
 *	background.quit(status)			ends the process as the second Ctrl-C does
 *
 * It is started anew, not forked: the loop, its threads and what libraries hold do not outlive a
 * fork. Until it leaves it shares terminal, session and process group with the one that waits: it
 * says itself what is wrong, may ask for a secret, and hears Ctrl-C.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "binding.h"
#include "leave.h"

#define VARIABLE "PERILUNE_WAITING_FD"
#define ITS_FD 3
#define ITS_FD_TEXT "3"
#define INHERITED_MAX 65536 /* ours are close-on-exec; those of a shell are low */

int luaopen_perilune_core_background(lua_State *L);

/* ---- in the one that waits ---- */

/* Only streams and the pipe: a lock or a pipe of the caller's shell would be held for hours. */
static void keep_descriptors(int fd)
{
	dup2(fd, ITS_FD); /* loses close-on-exec, unless it is the same */
	fcntl(ITS_FD, F_SETFD, 0);
#ifdef CLOSE_RANGE_CLOEXEC
	if (close_range(ITS_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		return;
#endif
	for (int other = ITS_FD + 1; other < INHERITED_MAX; other++) /* before Linux 5.11 */
		fcntl(other, F_SETFD, FD_CLOEXEC);
}

/* By its name, which `ps` then shows; by the link of /proc where it was replaced meanwhile. */
static _Noreturn void become(char *const *argv, int fd)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	keep_descriptors(fd);
	self[n > 0 ? n : 0] = '\0';
	execv(self, argv);
	execv("/proc/self/exe", argv);
	_exit(127);
}

static pid_t start(char *const *argv, int *fd, struct pl_error *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return pl_error_sys(err, errno, "cannot go on in the background: no pipe");
	setenv(VARIABLE, ITS_FD_TEXT, 1);
	pid = fork();
	if (pid == 0)
		become(argv, ends[1]);
	if (pid < 0)
		pl_error_sys(err, errno, "cannot go on in the background");
	unsetenv(VARIABLE);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*fd = ends[0];
	return pid;
}

/* start(words): as if these had been typed */
static int background_start(lua_State *L)
{
	size_t n = binding_len(L, 1);
	const char **argv;
	struct pl_error err = { 0 };
	int fd = -1;
	pid_t pid;

	luaL_checktype(L, 1, LUA_TTABLE);
	argv = lua_newuserdatauv(L, (n + 2) * sizeof(*argv), 0);
	argv[0] = "perilune";
	luaL_checkstack(L, (int)n, "too many words");
	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(L, 1, (lua_Integer)i);
		argv[i] = luaL_checkstring(L, -1); /* stays on the stack, so that it stays */
	}
	argv[n + 1] = NULL;
	pid = start((char *const *)argv, &fd, &err);
	if (pid < 0)
		return binding_fail(L, &err);
	lua_pushinteger(L, fd);
	lua_pushinteger(L, pid);
	return 2;
}

/* wait(pid): holds everything; for a process that is known to end */
static int background_wait(lua_State *L)
{
	pid_t pid = (pid_t)luaL_checkinteger(L, 1);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return luaL_error(L, "no child %d: %s", (int)pid, strerror(errno));
	}
	lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 1;
}

/* ---- in the one that is started ---- */

/* Asked once: no process of ours may take itself for it. */
static int background_waiting_fd(lua_State *L)
{
	const char *text = getenv(VARIABLE);
	bool is_ours = text != NULL && strcmp(text, ITS_FD_TEXT) == 0 &&
		       fcntl(ITS_FD, F_SETFD, FD_CLOEXEC) == 0;

	unsetenv(VARIABLE);
	if (!is_ours)
		return 0;
	lua_pushinteger(L, ITS_FD);
	return 1;
}

static int move_stream(const char *path, int flags, int to)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	int rc = fd < 0 ? -1 : dup2(fd, to);

	if (fd > 2)
		close(fd);
	return rc;
}

/* leave(log): no terminal, no session of the login, no SIGHUP; what is said is appended to log */
static int background_leave(lua_State *L)
{
	const char *log = luaL_checkstring(L, 1);
	struct pl_error err = { 0 };

	if (move_stream(log, O_WRONLY | O_CREAT | O_APPEND, STDOUT_FILENO) < 0 ||
	    move_stream("/dev/null", O_RDONLY, STDIN_FILENO) < 0) {
		pl_error_sys(&err, errno, "cannot go on in the background with '%s'", log);
		return binding_fail(L, &err);
	}
	dup2(STDOUT_FILENO, STDERR_FILENO);
	setsid(); /* fails where we lead a group: then somebody else took us off the terminal */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	lua_pushboolean(L, 1);
	return 1;
}

/* tell(fd, text): a few bytes that fit into a pipe */
static int background_tell(lua_State *L)
{
	int fd = (int)luaL_checkinteger(L, 1);
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);
	ssize_t n = write(fd, text, len);

	close(fd);
	lua_pushboolean(L, n == (ssize_t)len);
	return 1;
}

static int background_quit(lua_State *L)
{
	leave_now((int)luaL_checkinteger(L, 1));
}

int luaopen_perilune_core_background(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "leave", background_leave },	 { "quit", background_quit },
		{ "start", background_start },	 { "tell", background_tell },
		{ "wait", background_wait },	 { "waiting_fd", background_waiting_fd },
		{ NULL, NULL },
	};

	luaL_newlib(L, functions);
	return 1;
}
