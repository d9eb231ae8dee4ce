/*
 * lua_memory.h - how much memory Lua may hold. Past the limit the user's code is stopped before its
 * next instruction, by an error with its line (sched_hook.c); past twice the limit, which one large
 * value can reach at once, there is no memory at all.
 */
#ifndef PL_BINDINGS_LUA_MEMORY_H
#define PL_BINDINGS_LUA_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct sched;

struct lua_memory {
	struct sched *sched; /* whose running thread is stopped; NULL: none */
	size_t used;
	size_t limit; /* 0: none */
	size_t next;  /* the hook looks when more than this is used, and more than the limit */
	bool due;     /* it has been asked to */
	struct strbuf warning; /* as far as it has come */
	char where[128]; /* in the user's code: the last large value that was refused, else "" */
};

/* A state whose memory is counted in *m, which outlives it; NULL without memory. */
lua_State *lua_memory_newstate(struct lua_memory *m);
void lua_memory_fini(struct lua_memory *m); /* after lua_close */

#endif
