/* lua_host.c - see lua_host.h */
#include "lua_host.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/screen.h"
#include "lua_boot.h"
#include "lua_memory.h"
#include "lua_run.h"
#include "lua_sched.h"
#include "sched_private.h"

#define STATUS_ERROR 2

struct lua_host {
	struct lua_memory memory;
	lua_State *L;
	struct sched *sched;
};

static int boot(lua_State *L)
{
	luaL_openlibs(L);
	lua_boot_install(L);
	lua_sched_install(L);
	return 0;
}

struct lua_host *lua_host_create(enum loop_time time, struct pl_error *err)
{
	struct lua_host *host = xcalloc(1, sizeof(*host));

	host->L = lua_memory_newstate(&host->memory);
	if (host->L == NULL) {
		pl_errorf(err, PL_ESYS, "cannot start Lua: out of memory");
		goto fail;
	}
	host->sched = sched_create(host->L, time, err);
	if (host->sched == NULL)
		goto fail;
	host->memory.sched = host->sched;
	host->sched->memory = &host->memory;
	lua_pushcfunction(host->L, boot);
	if (lua_pcall(host->L, 0, 0, 0) != LUA_OK) {
		pl_errorf(err, PL_ESYS, "cannot start Lua: %s", lua_tostring(host->L, -1));
		goto fail;
	}
	return host;
fail:
	lua_host_destroy(host);
	return NULL;
}

lua_State *lua_host_state(struct lua_host *host)
{
	return host->L;
}

/* ---- what the main task came to ---- */

/* The string field of the table at idx, "" where it has none; valid while the table holds it. */
static const char *error_field(lua_State *L, int idx, const char *name)
{
	const char *text = "";

	if (lua_type(L, idx) != LUA_TTABLE)
		return text;
	if (lua_getfield(L, idx, name) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

/* Pushes the words of the error at idx. */
static const char *push_message(lua_State *L, int idx)
{
	idx = lua_absindex(L, idx);
	if (lua_type(L, idx) == LUA_TTABLE && lua_getfield(L, idx, "message") == LUA_TSTRING)
		return lua_tostring(L, -1);
	return luaL_tolstring(L, idx, NULL);
}

/* Protected: stack is the error and the traceback. */
static int print_error(lua_State *L)
{
	const char *kind = error_field(L, 1, "kind");
	const char *trace = lua_tostring(L, 2);

	if (strcmp(kind, "exit") == 0)
		return 0;
	fflush(stdout);
	screen_printf(stderr, "perilune: %s\n", push_message(L, 1));
	if (strcmp(kind, "usage") != 0 && strcmp(kind, "cancel") != 0 && trace != NULL)
		screen_printf(stderr, "%s", trace);
	return 0;
}

static int error_status(struct lua_host *host, int idx)
{
	lua_State *L = host->L;
	int status = STATUS_ERROR;

	if (lua_type(L, idx) != LUA_TTABLE)
		return status;
	if (host->sched->signo != 0 && strcmp(error_field(L, idx, "kind"), "cancel") == 0)
		return 128 + host->sched->signo;
	if (lua_getfield(L, idx, "status") == LUA_TNUMBER)
		status = (int)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return status;
}

static int value_status(lua_State *L, int idx)
{
	if (lua_isinteger(L, idx))
		return (int)lua_tointeger(L, idx) & 255;
	return lua_isboolean(L, idx) && !lua_toboolean(L, idx) ? 1 : 0;
}

/* The userdata of the ended main task is at -1. */
static int main_status(struct lua_host *host, struct sched_task *t)
{
	lua_State *L = host->L;
	int status;

	if (t->state == SCHED_DONE)
		return t->n_results > 0 ? value_status(t->thread, -t->n_results) : 0;
	lua_pushcfunction(L, print_error);
	lua_pushvalue(t->thread, -1);
	lua_xmove(t->thread, L, 1);
	status = error_status(host, lua_gettop(L));
	lua_getiuservalue(L, -3, TASK_TRACE);
	if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
		screen_printf(stderr, "perilune: an error that cannot be printed: %s\n",
			      lua_tostring(L, -1));
		lua_pop(L, 1);
	}
	return status;
}

int lua_host_run(struct lua_host *host, int n_args)
{
	lua_State *L = host->L;
	struct sched_task *t = sched_spawn(L, n_args);
	int status;

	lua_pushliteral(L, "main");
	lua_setiuservalue(L, -2, TASK_NAME);
	sched_run(host->sched, t);
	status = main_status(host, t);
	lua_pop(L, 1);
	if (status == 0 && host->sched->lost > 0)
		status = STATUS_ERROR;
	return status;
}

void lua_host_destroy(struct lua_host *host)
{
	if (host == NULL)
		return;
	if (host->L != NULL) {
		if (host->sched != NULL)
			lua_run_shutdown(host->L);
		host->memory.sched = NULL;
		lua_close(host->L);
	}
	sched_destroy(host->sched);
	lua_memory_fini(&host->memory);
	free(host);
}
