/* traceback.c - see traceback.h */
#include "traceback.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "lua_sched.h"

#define LINES_MAX 30
#define AGAIN_MAX 100 /* to find a frame costs as much as there are frames above it */

static bool is_ours(const lua_Debug *ar)
{
	return strncmp(ar->source, TRACEBACK_OURS, strlen(TRACEBACK_OURS)) == 0;
}

/* A function of Lua in the user's files, or in any when we debug ourselves. */
static bool is_shown(const lua_Debug *ar)
{
	if (strcmp(ar->what, "C") == 0 || ar->currentline < 0)
		return false;
	return !is_ours(ar) || log_on(LOG_LUA, LOG_DEBUG);
}

static void add_frame(luaL_Buffer *b, lua_State *L, const lua_Debug *ar)
{
	if (strcmp(ar->what, "main") == 0)
		lua_pushfstring(L, "    %s:%d: in the file itself\n", ar->short_src,
				ar->currentline);
	else if (*ar->namewhat != '\0')
		lua_pushfstring(L, "    %s:%d: in %s '%s'\n", ar->short_src, ar->currentline,
				strcmp(ar->namewhat, "metamethod") == 0 ? "metamethod" : "function",
				ar->name);
	else
		lua_pushfstring(L, "    %s:%d: in the function of line %d\n", ar->short_src,
				ar->currentline, ar->linedefined);
	luaL_addvalue(b);
}

static bool is_again(const lua_Debug *ar, const lua_Debug *before)
{
	return ar->currentline == before->currentline && ar->linedefined == before->linedefined &&
	       strcmp(ar->short_src, before->short_src) == 0;
}

static void add_again(luaL_Buffer *b, lua_State *L, int *times)
{
	if (*times == 0)
		return;
	lua_pushfstring(L, "    and %s%d more of the same\n", *times == AGAIN_MAX ? "over " : "",
			*times);
	luaL_addvalue(b);
	*times = 0;
}

void traceback_push(lua_State *L, lua_State *of, int level)
{
	luaL_Buffer b;
	lua_Debug ar, before = { .currentline = -1 };
	int lines = 0, again = 0;

	luaL_buffinit(L, &b);
	for (; lines < LINES_MAX && lua_getstack(of, level, &ar) != 0; level++) {
		lua_getinfo(of, "Slnt", &ar);
		if (!is_shown(&ar))
			continue;
		if (is_again(&ar, &before)) { /* a function that calls itself */
			if (++again == AGAIN_MAX)
				break;
			continue;
		}
		add_again(&b, L, &again);
		add_frame(&b, L, &ar);
		before = ar;
		lines++;
	}
	add_again(&b, L, &again);
	if (lines == LINES_MAX)
		luaL_addstring(&b, "    ...\n");
	luaL_pushresult(&b);
}

/* Fills *ar with the innermost function of the user's at or above `level`. */
static bool find_user(lua_State *of, int level, lua_Debug *ar)
{
	for (; lua_getstack(of, level, ar) != 0; level++) {
		lua_getinfo(of, "Sl", ar);
		if (strcmp(ar->what, "C") != 0 && ar->currentline >= 0 && !is_ours(ar))
			return true;
	}
	return false;
}

void traceback_where(lua_State *of, char *buf, size_t size)
{
	lua_Debug ar;

	buf[0] = '\0';
	if (find_user(of, 0, &ar))
		snprintf(buf, size, "%s:%d", ar.short_src, ar.currentline);
}

bool traceback_in_ours(lua_State *L)
{
	lua_Debug ar;

	return lua_getstack(L, 0, &ar) != 0 && lua_getinfo(L, "S", &ar) != 0 && is_ours(&ar);
}

/* What follows a position "perilune/NAME.lua:LINE: " at the start of a message, or NULL. */
static const char *after_our_position(const char *message)
{
	const char *ours = &TRACEBACK_OURS[1]; /* without the "=" */
	const char *p;

	if (strncmp(message, ours, strlen(ours)) != 0)
		return NULL;
	p = strstr(message, ".lua:");
	if (p == NULL || memchr(message, ' ', (size_t)(p - message)) != NULL)
		return NULL;
	p += strlen(".lua:");
	while (isdigit((unsigned char)*p))
		p++;
	return strncmp(p, ": ", 2) == 0 ? p + 2 : NULL;
}

void traceback_name_user(lua_State *L, int level)
{
	lua_Debug ar;
	const char *rest;

	if (lua_type(L, 1) != LUA_TSTRING || log_on(LOG_LUA, LOG_DEBUG))
		return;
	rest = after_our_position(lua_tostring(L, 1));
	if (rest == NULL || !find_user(L, level, &ar))
		return;
	lua_pushfstring(L, "%s:%d: %s", ar.short_src, ar.currentline, rest);
	lua_replace(L, 1);
}

/* The name under which the function at -1 is found in a loaded standard library, or NULL. */
static const char *library_name(lua_State *L, char *buf, size_t size)
{
	static const char *const libraries[] = { "_G", "table", "string", "utf8", "os", "io" };
	int fn = lua_gettop(L);
	const char *found = NULL;

	lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
	for (size_t i = 0; found == NULL && i < sizeof(libraries) / sizeof(*libraries); i++) {
		if (lua_getfield(L, -1, libraries[i]) != LUA_TTABLE) {
			lua_pop(L, 1);
			continue;
		}
		for (lua_pushnil(L); found == NULL && lua_next(L, -2) != 0; lua_pop(L, 1)) {
			if (!lua_rawequal(L, -1, fn) || lua_type(L, -2) != LUA_TSTRING)
				continue;
			snprintf(buf, size, "%s%s%s", i > 0 ? libraries[i] : "", i > 0 ? "." : "",
				 lua_tostring(L, -2));
			found = buf;
			lua_pop(L, 2);
			lua_pushnil(L); /* what the loop's pop takes */
			lua_pushnil(L);
		}
		lua_settop(L, fn + 1);
	}
	lua_settop(L, fn);
	return found;
}

/* The name of the C function at -1 of L, active in frame ar: NULL for one that lets yields pass. */
static const char *barrier_name(lua_State *L, const lua_Debug *ar, char *buf, size_t size)
{
	lua_CFunction fn = lua_tocfunction(L, -1);

	if (lua_sched_passes_waits(fn))
		return NULL;
	if (lua_sched_refuses(L, fn))
		return lua_tostring(L, -1);
	if (library_name(L, buf, size) != NULL)
		return strcmp(buf, "pcall") == 0 || strcmp(buf, "dofile") == 0 ? NULL : buf;
	snprintf(buf, size, "%s", ar->name != NULL ? ar->name : "a function written in C");
	return buf;
}

void traceback_barrier(lua_State *L, lua_State *of, char *buf, size_t size)
{
	lua_Debug ar;
	const char *name;
	int top = lua_gettop(L);

	snprintf(buf, size, "a function written in C");
	for (int level = of == L ? 1 : 0; lua_getstack(of, level, &ar) != 0; level++) {
		lua_getinfo(of, "Snf", &ar);
		lua_xmove(of, L, 1);
		if (strcmp(ar.namewhat, "metamethod") == 0 && strcmp(ar.name, "__gc") == 0) {
			snprintf(buf, size, "a finalizer (__gc)");
			break;
		}
		if (strcmp(ar.what, "C") != 0)
			continue;
		name = barrier_name(L, &ar, buf, size);
		if (name != NULL) {
			if (name != buf)
				snprintf(buf, size, "%s", name);
			break;
		}
	}
	lua_settop(L, top);
}
