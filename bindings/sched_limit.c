/*
 * sched_limit.c - what the user's code may use: memory, and time without a wait. Both are looked at
 * in the hook, and only where the user's code is about to go on, which then is stopped by an error
 * with its line. Ours is never stopped: it has a report to write.
 */
#include "sched_private.h"

#include <lauxlib.h>
#include <stdio.h>

#include "lua_memory.h"
#include "traceback.h"

#define MIB (1024 * 1024)

/* Garbage is no use: what counts is what is left. */
static void check_memory(lua_State *L, struct lua_memory *m)
{
	char where[128];

	m->due = false;
	m->next = 0;
	if (traceback_in_ours(L))
		return;
	lua_gc(L, LUA_GCCOLLECT);
	if (m->used <= m->limit) {
		m->next = m->used + m->limit / 8;
		return;
	}
	traceback_where(L, where, sizeof(where));
	luaL_checkstack(L, 2, NULL);
	lua_pushfstring(L, "%s: out of memory: the recipe holds more than %d MiB (--max-memory)",
			where, (int)(m->limit / MIB));
	lua_error(L);
}

static void check_time(lua_State *L, struct sched *s, struct sched_task *t)
{
	char where[128], why[256];

	s->beat_due = 0;
	t->busy_us += SCHED_BEAT_US;
	if (s->busy_limit_us == 0 || t->busy_us < s->busy_limit_us || traceback_in_ours(L))
		return;
	traceback_where(L, where, sizeof(where));
	snprintf(why, sizeof(why), "%s: an endless loop? %.3g s of computing without a wait "
		 "(--max-busy)", where, (double)s->busy_limit_us / 1e6);
	sched_cancel(t, "limit", why);
}

void sched_limits_check(lua_State *L, struct sched *s, struct sched_task *t)
{
	if (s->beat_due)
		check_time(L, s, t);
	if (s->memory != NULL && s->memory->due)
		check_memory(L, s->memory);
}
