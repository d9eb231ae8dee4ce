/*
 * lua_host.h - one Lua state with its scheduler: made, run, closed.
 *
 *	host = lua_host_create(LOOP_REAL, &err);
 *	L = lua_host_state(host);
 *	... push a function and its arguments ...
 *	status = lua_host_run(host, n_args);
 *	lua_host_destroy(host);
 */
#ifndef PL_BINDINGS_LUA_HOST_H
#define PL_BINDINGS_LUA_HOST_H

#include <lua.h>

#include "base/error.h"
#include "loop/loop.h"

struct lua_host;

/* A state with the standard libraries, the scheduler and our searchers. Nothing of the prelude is
 * loaded. A program that must run on virtual time from its first line says so here; one that
 * finds out from its options calls sched.virtual_time(). */
struct lua_host *lua_host_create(enum loop_time time, struct pl_error *err);

/* Where to push the function to run. Code there is not protected: push only. */
lua_State *lua_host_state(struct lua_host *host);

/*
 * Runs the function and its n_args arguments, on top of the stack, as the main task; returns when
 * it and every other task have ended. The result is an exit status:
 *  - the integer it returned; 0 for nothing, nil or true; 1 for false
 *  - 2 after an error, which is printed on standard error with its traceback. An error that is a
 *    table may choose its `status`; with kind = "usage" it has no traceback, with kind = "exit" it
 *    is not printed
 *  - 130 or 143 when it was cancelled by SIGINT or SIGTERM
 *  - 2 in place of 0 when a task failed whose result nobody took
 */
int lua_host_run(struct lua_host *host, int n_args);

void lua_host_destroy(struct lua_host *host); /* NULL is a no-op */

#endif
