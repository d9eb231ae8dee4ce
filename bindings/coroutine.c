/*
 * coroutine.c - the library `coroutine`, ours: a wait inside a coroutine reaches the scheduler.
 *
 * A coroutine that waits (YIELD_WAIT) or gives way (YIELD_TURN) yields to the coroutine.resume()
 * that runs it; resume passes that up, until the thread of the task yields to the scheduler. When
 * the task is resumed, each resume() on the way resumes the next one down.
 *
 * The body of a coroutine is a protected call of its own, so that its closers may wait when it
 * fails; coroutine.close() ends it by an error raised from its yield, for the same reason.
 */
#include <lauxlib.h>

#include "sched_private.h"

#define CLOSE_TRIES 100

enum resumed { RESUMED_VALUES, RESUMED_WAITS, RESUMED_ERROR };

static const char closed_mark; /* its address is the error that coroutine.close() raises */

static lua_State *check_co(lua_State *L)
{
	lua_State *co = lua_tothread(L, 1);

	luaL_argexpected(L, co != NULL, 1, "coroutine");
	return co;
}

static int co_yield_k(lua_State *L, int status, lua_KContext ctx)
{
	struct sched *s = sched_of(L);

	(void)status;
	(void)ctx;
	if (s->closing == L) {
		s->closing = NULL;
		lua_pushlightuserdata(L, (void *)&closed_mark);
		return lua_error(L);
	}
	return lua_gettop(L);
}

static int co_yield(lua_State *L)
{
	struct sched *s = sched_of(L);

	if (s->depth <= 1)
		return luaL_error(L, "attempt to yield from outside a coroutine");
	s->yield = YIELD_USER;
	return lua_yieldk(L, lua_gettop(L), 0, co_yield_k);
}

/* True when co stands in coroutine.yield(), not in a wait of its task. */
static bool stands_in_yield(lua_State *co)
{
	lua_Debug ar;
	bool yes;

	if (lua_status(co) != LUA_YIELD || lua_getstack(co, 0, &ar) == 0)
		return false;
	lua_getinfo(co, "f", &ar);
	yes = lua_tocfunction(co, -1) == co_yield;
	lua_pop(co, 1);
	return yes;
}

static bool waits_elsewhere(lua_State *co)
{
	return lua_status(co) == LUA_YIELD && !stands_in_yield(co);
}

/* ---- body ---- */

static int body_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)ctx;
	if (status == LUA_OK || status == LUA_YIELD)
		return lua_gettop(L) - 1;
	if (lua_touserdata(L, -1) == (void *)&closed_mark)
		return 0;
	return lua_error(L);
}

static int body(lua_State *L)
{
	lua_pushcfunction(L, sched_on_error);
	lua_insert(L, 1);
	return body_k(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_k), 0);
}

static int co_create(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushcfunction(co, body);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	return 1;
}

/* ---- resume ---- */

/* Resumes co with n_args values of its own stack. Leaves on L's stack the values it gave (how
 * many: *n), or the error; nothing when it waits. */
static enum resumed resume(lua_State *L, lua_State *co, int n_args, int *n)
{
	struct sched *s = sched_of(L);
	int status;

	sched_chain_push(s, co);
	status = lua_resume(co, L, n_args, n);
	sched_chain_pop(s);
	if (status == LUA_YIELD && s->yield != YIELD_USER)
		return RESUMED_WAITS;
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_xmove(co, L, 1);
		return RESUMED_ERROR;
	}
	luaL_checkstack(L, *n + 2, "too many results to resume");
	lua_xmove(co, L, *n);
	return RESUMED_VALUES;
}

/* Moves the arguments above `first` to co; false with a message on L's stack. */
static bool give_args(lua_State *L, lua_State *co, int n_args)
{
	if (waits_elsewhere(co)) {
		lua_pushliteral(L, "cannot resume a coroutine that waits in another task");
		return false;
	}
	if (!lua_checkstack(co, n_args)) {
		lua_pushliteral(L, "too many arguments to resume");
		return false;
	}
	/* body() needs its function below the arguments: it is there already */
	lua_xmove(L, co, n_args);
	return true;
}

/* The first resume finds body and the function on co's stack: one more argument for it. */
static int args_of(lua_State *co, int n_args)
{
	return lua_status(co) == LUA_OK && lua_gettop(co) == n_args + 2 ? n_args + 1 : n_args;
}

static int resume_go(lua_State *L, int n_args);

static int resume_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return resume_go(L, 0);
}

static int resume_go(lua_State *L, int n_args)
{
	int n = 0;

	switch (resume(L, lua_tothread(L, 1), n_args, &n)) {
	case RESUMED_WAITS:
		return lua_yieldk(L, 0, 0, resume_k);
	case RESUMED_ERROR:
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
		return 2;
	case RESUMED_VALUES:
		break;
	}
	lua_pushboolean(L, 1);
	lua_insert(L, -(n + 1));
	return n + 1;
}

static int co_resume(lua_State *L)
{
	lua_State *co = check_co(L);
	int n_args = lua_gettop(L) - 1;

	if (!give_args(L, co, n_args)) {
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
		return 2;
	}
	return resume_go(L, args_of(co, n_args));
}

/* ---- wrap ---- */

static int wrap_go(lua_State *L, int n_args);

static int wrap_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return wrap_go(L, 0);
}

static int wrap_go(lua_State *L, int n_args)
{
	int n = 0;

	switch (resume(L, lua_tothread(L, lua_upvalueindex(1)), n_args, &n)) {
	case RESUMED_WAITS:
		return lua_yieldk(L, 0, 0, wrap_k);
	case RESUMED_ERROR:
		return lua_error(L);
	case RESUMED_VALUES:
		break;
	}
	return n;
}

static int wrap_call(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int n_args = lua_gettop(L);

	if (!give_args(L, co, n_args))
		return lua_error(L);
	return wrap_go(L, args_of(co, n_args));
}

static int co_wrap(lua_State *L)
{
	co_create(L);
	lua_pushcclosure(L, wrap_call, 1);
	return 1;
}

/* ---- the rest ---- */

static const char *co_state(lua_State *L, lua_State *co)
{
	lua_Debug ar;

	if (L == co)
		return "running";
	if (lua_status(co) == LUA_YIELD)
		return stands_in_yield(co) ? "suspended" : "normal";
	if (lua_status(co) != LUA_OK)
		return "dead";
	if (lua_getstack(co, 0, &ar) != 0)
		return "normal";
	return lua_gettop(co) == 0 ? "dead" : "suspended";
}

static int co_status(lua_State *L)
{
	lua_pushstring(L, co_state(L, check_co(L)));
	return 1;
}

static int co_isyieldable(lua_State *L)
{
	lua_State *co = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;

	lua_pushboolean(L, co != sched_of(L)->chain[0] && lua_isyieldable(co));
	return 1;
}

static int co_running(lua_State *L)
{
	lua_pushthread(L);
	lua_pushboolean(L, sched_of(L)->depth <= 1);
	return 2;
}

static int close_go(lua_State *L, int tries);

static int close_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	lua_settop(L, 1);
	return close_go(L, (int)ctx);
}

/* Whatever is left of a coroutine that does not end when it is told to. */
static int close_hard(lua_State *L, lua_State *co)
{
	lua_pushboolean(L, lua_resetthread(co) == LUA_OK);
	if (lua_toboolean(L, -1))
		return 1;
	lua_xmove(co, L, 1);
	return 2;
}

static int close_go(lua_State *L, int tries)
{
	lua_State *co = lua_tothread(L, 1);
	struct sched *s = sched_of(L);
	int n = 0;

	for (; lua_status(co) == LUA_YIELD && tries < CLOSE_TRIES; tries++) {
		if (stands_in_yield(co))
			s->closing = co;
		switch (resume(L, co, 0, &n)) {
		case RESUMED_WAITS:
			return lua_yieldk(L, 0, tries, close_k);
		case RESUMED_ERROR:
			lua_resetthread(co);
			lua_settop(co, 0);
			lua_pushboolean(L, 0);
			lua_insert(L, -2);
			return 2;
		case RESUMED_VALUES:
			lua_settop(L, 1);
		}
	}
	return close_hard(L, co);
}

static int co_close(lua_State *L)
{
	lua_State *co = check_co(L);
	const char *state = co_state(L, co);

	if (waits_elsewhere(co))
		return luaL_error(L, "cannot close a coroutine that waits in another task");
	if (*state == 'n' || *state == 'r')
		return luaL_error(L, "cannot close a %s coroutine", state);
	lua_settop(L, 1);
	return close_go(L, 0);
}

bool coroutine_passes_waits(lua_CFunction fn)
{
	return fn == body || fn == co_resume || fn == wrap_call || fn == co_close;
}

int luaopen_perilune_coroutine(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "close", co_close },
		{ "create", co_create },
		{ "isyieldable", co_isyieldable },
		{ "resume", co_resume },
		{ "running", co_running },
		{ "status", co_status },
		{ "wrap", co_wrap },
		{ "yield", co_yield },
		{ NULL, NULL },
	};

	luaL_newlib(L, functions);
	return 1;
}
