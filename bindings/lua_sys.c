/*
 * lua_sys.c - the module perilune.core.sys: who and where we are;
 * files are in lua_fs.c, descriptors in lua_fdio.c
 */
#include <lauxlib.h>
#include <lualib.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/screen.h"
#include "base/secret.h"
#include "binding.h"
#include "lua_fdio.h"
#include "lua_fs.h"

#define DEFAULT_WIDTH 80

int luaopen_perilune_core_sys(lua_State *L);

/* ---- the person, the machine, the process ---- */

static int sys_isatty(lua_State *L)
{
	lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
	return 1;
}

static int sys_getenv(lua_State *L)
{
	lua_pushstring(L, getenv(luaL_checkstring(L, 1)));
	return 1;
}

/* ask_secret(prompt) -> text | nil, message: read from the terminal without showing it; everything
 * waits, so it is for the time before anything runs */
static int sys_ask_secret(lua_State *L)
{
	struct pl_error err = { 0 };
	char *secret = secret_ask(luaL_checkstring(L, 1), &err);

	if (secret == NULL)
		return binding_fail(L, &err);
	lua_pushstring(L, secret);
	secret_free(secret);
	return 1;
}

static int sys_uname(lua_State *L)
{
	struct utsname u;

	uname(&u);
	lua_createtable(L, 0, 3);
	lua_pushstring(L, u.sysname);
	lua_setfield(L, -2, "sysname");
	lua_pushstring(L, u.machine);
	lua_setfield(L, -2, "machine");
	lua_pushstring(L, u.release);
	lua_setfield(L, -2, "release");
	return 1;
}

static int sys_hostname(lua_State *L)
{
	struct utsname u;

	uname(&u);
	lua_pushstring(L, u.nodename);
	return 1;
}

static int sys_uid(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)geteuid());
	return 1;
}

static int sys_pid(lua_State *L)
{
	lua_pushinteger(L, (lua_Integer)getpid());
	return 1;
}

/* The login name of the effective user; its number when the machine does not know it. */
static int sys_user(lua_State *L)
{
	struct passwd *pw = getpwuid(geteuid());

	if (pw != NULL)
		lua_pushstring(L, pw->pw_name);
	else
		lua_pushfstring(L, "%d", (int)geteuid());
	return 1;
}

/* HOME, else what the machine knows; nil without either. */
static int sys_home(lua_State *L)
{
	const char *home = getenv("HOME");
	struct passwd *pw;

	if (home == NULL || *home == '\0') {
		pw = getpwuid(geteuid());
		home = pw != NULL ? pw->pw_dir : NULL;
	}
	lua_pushstring(L, home);
	return 1;
}

static int sys_cpu_seconds(lua_State *L)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	lua_pushnumber(L, (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
			  (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
	return 1;
}

/* random_generator(a, b) -> a function like math.random, with a sequence of its own */
static int sys_random_generator(lua_State *L)
{
	lua_Integer a = luaL_checkinteger(L, 1), b = luaL_checkinteger(L, 2);

	lua_pushcfunction(L, luaopen_math); /* the state is shared by what one opening made */
	lua_call(L, 0, 1);
	lua_getfield(L, -1, "randomseed");
	lua_pushinteger(L, a);
	lua_pushinteger(L, b);
	lua_call(L, 2, 0);
	lua_getfield(L, -1, "random");
	return 1;
}

/* visible(text, one_line): what a terminal would obey is shown; newlines too if it is one line. */
static int sys_visible(lua_State *L)
{
	struct strbuf shown = STRBUF_INIT;
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);

	if (lua_toboolean(L, 2))
		screen_text(&shown, text, len);
	else
		screen_lines(&shown, text, len);
	lua_pushlstring(L, strbuf_str(&shown), shown.len);
	strbuf_fini(&shown);
	return 1;
}

/* Columns of the terminal on standard output, or standard error; COLUMNS; 80. */
static int sys_terminal_width(lua_State *L)
{
	struct winsize size = { 0 };
	const char *columns = getenv("COLUMNS");
	int width = columns != NULL ? atoi(columns) : 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ||
	    ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		width = size.ws_col > 0 ? size.ws_col : width;
	lua_pushinteger(L, width > 0 ? width : DEFAULT_WIDTH);
	return 1;
}

/* Raises the limit of descriptors to what is allowed, and returns it. */
static int sys_nofile_limit(lua_State *L)
{
	struct rlimit limit = { 1024, 1024 };

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		rlim_t before = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			limit.rlim_cur = before;
	}
	lua_pushinteger(L, limit.rlim_cur > INT32_MAX ? INT32_MAX : (lua_Integer)limit.rlim_cur);
	return 1;
}

int luaopen_perilune_core_sys(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "cpu_seconds", sys_cpu_seconds },
		{ "ask_secret", sys_ask_secret },
		{ "getenv", sys_getenv },
		{ "home", sys_home },
		{ "hostname", sys_hostname },
		{ "isatty", sys_isatty },
		{ "nofile_limit", sys_nofile_limit },
		{ "pid", sys_pid },
		{ "random_generator", sys_random_generator },
		{ "terminal_width", sys_terminal_width },
		{ "uid", sys_uid },
		{ "uname", sys_uname },
		{ "user", sys_user },
		{ "visible", sys_visible },
		{ NULL, NULL },
	};

	luaL_newlib(L, functions);
	lua_fdio_add(L);
	lua_fs_add(L);
	return 1;
}
