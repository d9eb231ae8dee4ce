/* sched_report.c - what a program must hear about its tasks: deadlocks, and failures nobody took */
#include "sched_private.h"

#include <lauxlib.h>
#include <stdio.h>

#include "base/screen.h"
#include "base/strbuf.h"
#include "traceback.h"

#define DEADLOCK_LINES 20

/* Tasks that wait in the user's code; all, where there is none. */
static bool is_told(struct sched *s, struct sched_task *t, bool all)
{
	char where[128];

	(void)s;
	traceback_where(t->thread, where, sizeof(where));
	return all || where[0] != '\0';
}

static bool waits_in_user_code(struct sched *s)
{
	for (struct sched_task *t = s->live.oldest; t != NULL; t = t->newer) {
		if (is_told(s, t, false))
			return true;
	}
	return false;
}

static void describe_waiting(struct sched *s, struct strbuf *text)
{
	bool all = !waits_in_user_code(s);
	int n = 0;
	char where[128];

	strbuf_adds(text, "deadlock: every task waits and nothing is left that could wake one");
	for (struct sched_task *t = s->live.oldest; t != NULL; t = t->newer) {
		if (!is_told(s, t, all) || ++n > DEADLOCK_LINES)
			continue;
		traceback_where(t->thread, where, sizeof(where));
		strbuf_addf(text, "\n  %s waits in %s%s%s", sched_push_name(s->L, t), t->what,
			    where[0] != '\0' ? " at " : "", where);
		lua_pop(s->L, 1);
	}
	if (n > DEADLOCK_LINES)
		strbuf_addf(text, "\n  and %d more", n - DEADLOCK_LINES);
}

static struct sched_task *pick_victim(struct sched *s, struct sched_task *main)
{
	struct sched_task *t = NULL;

	if (lua_rawgeti(s->L, LUA_REGISTRYINDEX, s->victim_ref) == LUA_TUSERDATA)
		t = lua_touserdata(s->L, -1);
	lua_pop(s->L, 1);
	return t != NULL && t->state < SCHED_DONE && t->cancel == CANCEL_NONE ? t : main;
}

void sched_end_deadlock(struct sched *s, struct sched_task *main)
{
	struct strbuf text = STRBUF_INIT;

	describe_waiting(s, &text);
	sched_cancel(pick_victim(s, main), "deadlock", strbuf_str(&text));
	strbuf_fini(&text);
}

/* ---- failures that nobody asked for ---- */

/* A failed task whose result was not taken is found again through a weak table: when its userdata
 * is collected it reports itself, else sched_report_lost() does at the end. */
static void push_failed_table(lua_State *L)
{
	if (luaL_newmetatable(L, "perilune.failed")) {
		lua_pushliteral(L, "v");
		lua_setfield(L, -2, "__mode");
		lua_pushvalue(L, -1);
		lua_setmetatable(L, -2);
	}
}

void sched_note_failed(struct sched *s, struct sched_task *t)
{
	sched_list_add(&s->failed, t);
	push_failed_table(s->L);
	sched_push_task(s->L, t);
	lua_rawsetp(s->L, -2, t);
	lua_pop(s->L, 1);
}

void sched_report_lost_task(lua_State *L, struct sched_task *t, int ud)
{
	const char *name, *trace;

	if (t->joined || t->state != SCHED_FAILED || t == t->sched->main)
		return;
	t->joined = true;
	t->sched->lost++;
	ud = lua_absindex(L, ud);
	name = lua_getiuservalue(L, ud, TASK_NAME) == LUA_TSTRING ? lua_tostring(L, -1) : "a task";
	trace = lua_getiuservalue(L, ud, TASK_TRACE) == LUA_TSTRING ? lua_tostring(L, -1) : "";
	lua_checkstack(t->thread, 2);
	lua_pushvalue(t->thread, -1);
	lua_xmove(t->thread, L, 1);
	screen_printf(stderr, "perilune: %s failed and nobody waited for it: %s\n%s", name,
		      luaL_tolstring(L, -1, NULL), trace);
	lua_pop(L, 4);
}

/* Protected: the table of failed tasks; an error object's own __tostring may raise. */
static int report_lost(lua_State *L)
{
	struct sched *s = sched_of(L);
	struct sched_task *t;

	while ((t = s->failed.oldest) != NULL) {
		sched_list_remove(t);
		if (lua_rawgetp(L, 1, t) == LUA_TUSERDATA)
			sched_report_lost_task(L, t, -1);
		lua_pop(L, 1);
	}
	return 0;
}

void sched_report_lost(struct sched *s)
{
	do {
		lua_pushcfunction(s->L, report_lost);
		push_failed_table(s->L);
		if (lua_pcall(s->L, 1, 0, 0) == LUA_OK)
			continue;
		fprintf(stderr, "perilune: a task failed with an error that cannot be printed\n");
		lua_pop(s->L, 1);
	} while (s->failed.oldest != NULL);
}
