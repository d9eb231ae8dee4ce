/*
 * lua_past.c - perilune.core.past: what a run folder says has been (store/past.h), for `resume` and
 * `replay`.
 *
 *	p = past.open(dir)
 *	p:head()		the event "begin"
 *	p:events()		points, how they ended, "diverged", "resume", "end"
 *	p:left()		calls that lack results
 *	p:last_call()		their greatest number
 *	p:skip(point)		its calls do not count
 *	p:find(key)		{ event =, whole = } of a call, or nil
 *	p:keep(point, number)	a call that was made now
 *	p:kept(point)		[[first, last], ...]
 *	p:transport(key, rest, run [, live])	answers the call that find() gave
 */
#include <string.h>

#include "binding.h"
#include "lua_json.h"
#include "lua_transport.h"
#include "sched.h"
#include "store/past.h"
#include "store/recorded.h"

#define CLASS "perilune.past"

int luaopen_perilune_core_past(lua_State *L);

struct lua_past {
	struct past *past; /* NULL: closed */
};

static struct past *check(lua_State *L)
{
	struct lua_past *p = luaL_checkudata(L, 1, CLASS);

	luaL_argcheck(L, p->past != NULL, 1, "this past is closed");
	return p->past;
}

static int past_gc(lua_State *L)
{
	struct lua_past *p = luaL_checkudata(L, 1, CLASS);

	past_unref(p->past);
	p->past = NULL;
	return 0;
}

static int past_open_lua(lua_State *L)
{
	const char *dir = luaL_checkstring(L, 1);
	struct lua_past *p = binding_new(L, CLASS, sizeof(*p));
	struct pl_error err = { 0 };

	p->past = past_open(dir, sched_loop(L), &err);
	return p->past != NULL ? 1 : binding_fail(L, &err);
}

static int past_head_lua(lua_State *L)
{
	lua_push_json(L, past_head(check(L)));
	return 1;
}

static int past_events_lua(lua_State *L)
{
	lua_push_json(L, past_events(check(L)));
	return 1;
}

static int past_left_lua(lua_State *L)
{
	lua_push_json(L, past_left(check(L)));
	return 1;
}

static int past_last_call_lua(lua_State *L)
{
	lua_pushinteger(L, past_last_call(check(L)));
	return 1;
}

static unsigned check_number(lua_State *L, int arg)
{
	lua_Integer n = luaL_checkinteger(L, arg);

	luaL_argcheck(L, n >= 1 && n <= UINT32_MAX, arg, "a number from 1");
	return (unsigned)n;
}

static int past_skip_lua(lua_State *L)
{
	past_skip(check(L), check_number(L, 2));
	return 0;
}

static int past_keep_lua(lua_State *L)
{
	past_keep_number(check(L), check_number(L, 2), check_number(L, 3));
	return 0;
}

static int json_gc(lua_State *L)
{
	json_t **json = lua_touserdata(L, 1);

	json_decref(*json);
	*json = NULL;
	return 0;
}

static int past_kept_lua(lua_State *L)
{
	struct past *past = check(L);
	json_t **json = binding_new(L, CLASS ".json", sizeof(json_t *));

	*json = past_kept(past, check_number(L, 2));
	lua_push_json(L, *json);
	return 1;
}

static int past_find_lua(lua_State *L)
{
	struct past *past = check(L);
	struct pl_error err;
	struct past_call *call = past_find(past, luaL_checkstring(L, 2), &err);

	if (call == NULL && err.code != PL_EOK)
		return binding_fail(L, &err);
	if (call == NULL)
		return 0;
	lua_createtable(L, 0, 2);
	lua_push_json(L, past_call_event(call));
	lua_setfield(L, -2, "event");
	lua_pushboolean(L, past_call_is_whole(past, call));
	lua_setfield(L, -2, "whole");
	return 1;
}

/* past, key, rest, run, live */
static int past_transport_lua(lua_State *L)
{
	static const char *const names[] = { "again", "skip", "attach", NULL };
	struct past *past = check(L);
	const char *key = luaL_checkstring(L, 2);
	enum recorded_rest rest = (enum recorded_rest)luaL_checkoption(L, 3, NULL, names);
	const char *run = luaL_checkstring(L, 4);
	struct transport *live = NULL;
	struct past_call *call;
	struct pl_error err;

	lua_settop(L, 5);
	if (!lua_isnil(L, 5))
		live = lua_check_transport(L, 5);
	call = past_find(past, key, &err);
	luaL_argcheck(L, call != NULL, 2, "no such call");
	lua_push_transport(L, recorded_create(past, call, live, rest, run), 5);
	return 1;
}

int luaopen_perilune_core_past(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "head", past_head_lua },   { "events", past_events_lua },
		{ "left", past_left_lua },   { "last_call", past_last_call_lua },
		{ "skip", past_skip_lua },   { "find", past_find_lua },
		{ "keep", past_keep_lua },   { "kept", past_kept_lua },
		{ "close", past_gc },	     { "transport", past_transport_lua },
		{ NULL, NULL },
	};
	static const luaL_Reg functions[] = { { "open", past_open_lua }, { NULL, NULL } };

	binding_class(L, CLASS, methods, NULL, past_gc);
	binding_class(L, CLASS ".json", NULL, NULL, json_gc);
	luaL_newlib(L, functions);
	return 1;
}
