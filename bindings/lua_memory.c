/* lua_memory.c - see lua_memory.h */
#include "lua_memory.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "sched_private.h"
#include "traceback.h"

#define LARGE (64u << 20) /* more than Lua's own stack can ask for */

/* While Lua moves its stack its frames must not be looked at; nothing this large is a stack. */
static void note_where(struct lua_memory *m, size_t size)
{
	lua_State *L = m->sched != NULL ? m->sched->running : NULL;

	if (L != NULL && size >= LARGE)
		traceback_where(L, m->where, sizeof(m->where));
}

static void ask_hook(struct lua_memory *m)
{
	if (m->limit == 0 || m->used <= m->limit || m->used <= m->next || m->due)
		return;
	if (m->sched == NULL || m->sched->running == NULL)
		return;
	m->due = true;
	sched_hook_set(m->sched->running, 1);
}

static void *allocate(void *arg, void *ptr, size_t old_size, size_t size)
{
	struct lua_memory *m = arg;
	size_t old = ptr != NULL ? old_size : 0; /* else it is the type of what is made */
	void *p;

	if (size == 0) {
		m->used -= old;
		free(ptr);
		return NULL;
	}
	if (m->limit > 0 && size > old && m->used + (size - old) > 2 * m->limit) {
		note_where(m, size);
		return NULL; /* Lua collects and asks once more */
	}
	p = realloc(ptr, size);
	if (p == NULL)
		return NULL;
	m->used = m->used - old + size;
	ask_hook(m);
	return p;
}

static int on_panic(lua_State *L)
{
	fprintf(stderr, "perilune: an error outside of any protection: %s\n",
		lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "no text");
	return 0;
}

/* What a finalizer raised comes in pieces. It ends the task that was running as any error would;
 * where none was, it is at least said. */
static void on_warning(void *arg, const char *text, int more)
{
	struct lua_memory *m = arg;
	struct sched_task *t = m->sched != NULL ? m->sched->current : NULL;

	if (m->warning.len == 0 && *text == '@')
		return; /* what warn() takes as a command */
	strbuf_adds(&m->warning, text);
	if (more)
		return;
	if (t != NULL) {
		sched_cancel(t, "limit", strbuf_str(&m->warning));
		sched_hook_set(m->sched->running, 1);
	} else {
		fprintf(stderr, "perilune: %s\n", strbuf_str(&m->warning));
	}
	strbuf_reset(&m->warning);
}

lua_State *lua_memory_newstate(struct lua_memory *m)
{
	lua_State *L = lua_newstate(allocate, m);

	if (L == NULL)
		return NULL;
	lua_atpanic(L, on_panic);
	lua_setwarnf(L, on_warning, m);
	return L;
}

void lua_memory_fini(struct lua_memory *m)
{
	strbuf_fini(&m->warning);
}
