/*
 * sched_cancel.c - how a task is asked to end: the request, the one error it is raised with, and
 * the grace of closers.
 */
#include "sched_private.h"

#include <lauxlib.h>

#include "base/mem.h"

bool sched_must_stop(const struct sched_task *t)
{
	return t->cancel == CANCEL_FINAL || (t->cancel != CANCEL_NONE && t->closers == 0);
}

void sched_grace_is_over(void *arg)
{
	struct sched_task *t = arg;

	t->cancel = CANCEL_FINAL;
	if (t->state == SCHED_WAITING)
		sched_make_ready(t);
}

static void start_grace(struct sched_task *t)
{
	if (t->cancel != CANCEL_FINAL && !loop_timer_armed(&t->grace))
		loop_timer_start(&t->grace, SCHED_CLOSER_GRACE_US);
}

void sched_cancel(struct sched_task *t, const char *kind, const char *why)
{
	if (t->cancel != CANCEL_NONE || t->state >= SCHED_DONE)
		return;
	t->cancel = CANCEL_ASKED;
	t->cancel_kind = kind;
	t->why = xstrdup(why);
	if (t->closers > 0)
		start_grace(t);
	else if (t->state == SCHED_WAITING)
		sched_make_ready(t);
}

void sched_enter_closer(struct sched_task *t)
{
	t->closers++;
	if (t->cancel != CANCEL_NONE)
		start_grace(t);
}

void sched_leave_closer(struct sched_task *t)
{
	t->closers--;
}

static int cancel_tostring(lua_State *L)
{
	lua_getfield(L, 1, "why");
	return 1;
}

static int cancel_make(lua_State *L, struct sched_task *t)
{
	lua_createtable(L, 0, 2);
	lua_pushstring(L, t->cancel_kind);
	lua_setfield(L, -2, "kind");
	lua_pushstring(L, t->why);
	lua_setfield(L, -2, "why");
	if (luaL_newmetatable(L, "perilune.cancel")) {
		lua_pushcfunction(L, cancel_tostring);
		lua_setfield(L, -2, "__tostring");
	}
	lua_setmetatable(L, -2);
	return 1;
}

void sched_push_cancel(lua_State *L, struct sched_task *t)
{
	sched_push_task(L, t);
	if (lua_getiuservalue(L, -1, TASK_CANCEL) == LUA_TNIL) {
		lua_pop(L, 1);
		cancel_make(L, t);
		lua_pushvalue(L, -1);
		lua_setiuservalue(L, -3, TASK_CANCEL);
	}
	lua_remove(L, -2);
}

void sched_check(lua_State *L, struct sched_task *t)
{
	if (!sched_must_stop(t))
		return;
	if (t->cancel == CANCEL_ASKED)
		t->cancel = CANCEL_HEARD;
	luaL_checkstack(L, 5, NULL);
	sched_push_cancel(L, t);
	lua_error(L);
}
