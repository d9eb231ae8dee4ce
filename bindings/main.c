/*
 * main.c - the program: hands the words of the command line to the Lua side.
 *
 * The module perilune.cli finds the verb (embedded, or perilune-VERB.lua on PATH) and returns the
 * exit status. One hidden entry, for tests: `perilune _lua FILE [ARGS]` runs a Lua file as the
 * main task; it may require what lies beside it.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "embedded.h"
#include "lua_host.h"

#define STATUS_USAGE 2

static void push_words(lua_State *L, int argc, char **argv)
{
	luaL_checkstack(L, argc, "too many words");
	for (int i = 0; i < argc; i++)
		lua_pushstring(L, argv[i]);
}

/* ---- perilune _lua FILE ---- */

static void look_beside(lua_State *L, const char *file)
{
	const char *slash = strrchr(file, '/');
	int len = slash != NULL ? (int)(slash - file) : 1;

	lua_getglobal(L, "package");
	lua_pushlstring(L, slash != NULL ? file : ".", (size_t)len);
	lua_pushliteral(L, "/?.lua");
	lua_concat(L, 2);
	lua_setfield(L, -2, "path");
	lua_pop(L, 1);
}

static int run_file(struct lua_host *host, int argc, char **argv)
{
	lua_State *L = lua_host_state(host);

	if (argc < 1) {
		fputs("perilune: _lua needs a file\n", stderr);
		return STATUS_USAGE;
	}
	look_beside(L, argv[0]);
	if (luaL_loadfilex(L, argv[0], "t") != LUA_OK) {
		fprintf(stderr, "perilune: %s\n", lua_tostring(L, -1));
		return STATUS_USAGE;
	}
	push_words(L, argc - 1, argv + 1);
	return lua_host_run(host, argc - 1);
}

/* ---- perilune VERB ---- */

static int cli_main_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 1;
}

/* require("perilune.cli").main(words) */
static int cli_main(lua_State *L)
{
	lua_getglobal(L, "require");
	lua_pushliteral(L, "perilune.cli");
	lua_call(L, 1, 1);
	lua_getfield(L, -1, "main");
	lua_pushvalue(L, 1);
	lua_callk(L, 1, 1, 0, cli_main_k);
	return 1;
}

static int run_cli(struct lua_host *host, int argc, char **argv)
{
	lua_State *L = lua_host_state(host);

	lua_pushcfunction(L, cli_main);
	lua_createtable(L, argc, 0);
	for (int i = 0; i < argc; i++) {
		lua_pushstring(L, argv[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return lua_host_run(host, 1);
}

/* A descriptor that was closed for us must not become a file of ours: it is open, the wrong way. */
static void secure_standard_streams(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(STATUS_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct pl_error err = { 0 };
	struct lua_host *host;
	int status;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("perilune %s\n", pl_version()) < 0;
	secure_standard_streams();
	signal(SIGPIPE, SIG_IGN);
	log_configure(getenv("PERILUNE_LOG"));
	host = lua_host_create(LOOP_REAL, &err);
	if (host == NULL) {
		fprintf(stderr, "perilune: %s\n", err.text);
		return STATUS_USAGE;
	}
	if (argc > 1 && strcmp(argv[1], "_lua") == 0)
		status = run_file(host, argc - 2, argv + 2);
	else
		status = run_cli(host, argc - 1, argv + 1);
	lua_host_destroy(host);
	if (fflush(stdout) != 0 && status == 0)
		status = STATUS_USAGE;
	return status;
}
