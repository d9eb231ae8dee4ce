/*
 * lua_boot.c - the module perilune.core.boot, and how `require` finds what is inside the program:
 *
 *	perilune		bindings/prelude/init.lua
 *	perilune.NAME		bindings/prelude/NAME.lua
 *	perilune.verb.NAME	scripts/NAME.lua
 *	perilune.core.NAME	bindings/lua_NAME.c
 */
#include "lua_boot.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/version.h"
#include "embedded.h"
#include "traceback.h"

int luaopen_perilune_core_boot(lua_State *L);

/* ---- the table of files ---- */

struct place {
	const char *kind, *name;
};

static int compare_place(const void *key, const void *entry)
{
	const struct place *place = key;
	const struct embedded_file *file = entry;
	int diff = strcmp(place->kind, file->kind);

	return diff != 0 ? diff : strcmp(place->name, file->name);
}

const struct embedded_file *embedded_find(const char *kind, const char *name)
{
	struct place place = { kind, name };

	return bsearch(&place, embedded_files, embedded_file_count, sizeof(embedded_files[0]),
		       compare_place);
}

/* ---- require ---- */

static int find_core(lua_State *L, const char *name)
{
	for (const luaL_Reg *m = core_modules; m->name != NULL; m++) {
		if (strcmp(m->name, name) == 0) {
			lua_pushcfunction(L, m->func);
			lua_pushfstring(L, "perilune.core.%s", name);
			return 2;
		}
	}
	lua_pushfstring(L, "no C module '%s' in this program", name);
	return 1;
}

/* Loads the embedded module; its chunk name is "=perilune/NAME", also where it is bytecode. */
static int load_module(lua_State *L, const char *name)
{
	const struct embedded_file *file = embedded_find(EMBEDDED_MODULES, name);
	const char *chunk;

	if (file == NULL) {
		lua_pushfstring(L, "no module '%s' in this program", name);
		return 1;
	}
	chunk = lua_pushfstring(L, TRACEBACK_OURS "%s", name);
	if (luaL_loadbufferx(L, file->data, file->len, chunk, "bt") != LUA_OK)
		return lua_error(L);
	lua_pushstring(L, chunk + 1);
	return 2;
}

static int searcher(lua_State *L)
{
	const char *module = luaL_checkstring(L, 1);

	if (strcmp(module, "perilune") == 0)
		return load_module(L, "init.lua");
	if (strncmp(module, "perilune.", 9) != 0)
		return 0;
	if (strncmp(module + 9, "core.", 5) == 0)
		return find_core(L, module + 14);
	return load_module(L, lua_pushfstring(L, "%s.lua", luaL_gsub(L, module + 9, ".", "/")));
}

/* The searchers: preloaded, ours, then files of package.path. No shared objects. */
void lua_boot_install(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_pushliteral(L, "");
	lua_setfield(L, -2, "path");
	lua_pushliteral(L, "");
	lua_setfield(L, -2, "cpath");
	lua_getfield(L, -1, "searchers");
	lua_rawgeti(L, -1, 2);
	lua_rawseti(L, -2, 3);
	lua_pushcfunction(L, searcher);
	lua_rawseti(L, -2, 2);
	lua_pushnil(L);
	lua_rawseti(L, -2, 4);
	lua_pop(L, 2);
}

/* ---- the module ---- */

/* has(kind, name) -> boolean: whether there is such a file */
static int boot_has(lua_State *L)
{
	lua_pushboolean(L, embedded_find(luaL_checkstring(L, 1), luaL_checkstring(L, 2)) != NULL);
	return 1;
}

/* resource(kind, name) -> text | nil. Of modules nothing is told: they may be bytecode. */
static int boot_resource(lua_State *L)
{
	const char *kind = luaL_checkstring(L, 1);
	const struct embedded_file *file = embedded_find(kind, luaL_checkstring(L, 2));

	luaL_argcheck(L, strcmp(kind, EMBEDDED_MODULES) != 0, 1, "modules are for require");
	if (file == NULL)
		return 0;
	lua_pushlstring(L, file->data, file->len);
	return 1;
}

/* resources(kind) -> names, in order */
static int boot_resources(lua_State *L)
{
	const char *kind = luaL_checkstring(L, 1);
	lua_Integer n = 0;

	lua_newtable(L);
	for (const struct embedded_file *f = embedded_files; f->kind != NULL; f++) {
		if (strcmp(f->kind, kind) != 0)
			continue;
		lua_pushstring(L, f->name);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* nearest(word, names) -> name | nil: see base/nearest.h */
static int boot_nearest(lua_State *L)
{
	const char *word = luaL_checkstring(L, 1);
	const char **names;
	lua_Integer n;

	luaL_checktype(L, 2, LUA_TTABLE);
	n = (lua_Integer)lua_rawlen(L, 2);
	names = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof(*names), 0);
	for (lua_Integer i = 0; i < n; i++) {
		if (lua_rawgeti(L, 2, i + 1) != LUA_TSTRING)
			return luaL_argerror(L, 2, "an array of strings");
		names[i] = lua_tostring(L, -1); /* the table holds it */
		lua_pop(L, 1);
	}
	names[n] = NULL;
	lua_pushstring(L, nearest_name(word, names));
	return 1;
}

int luaopen_perilune_core_boot(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "has", boot_has },
		{ "nearest", boot_nearest },
		{ "resource", boot_resource },
		{ "resources", boot_resources },
		{ NULL, NULL },
	};

	luaL_newlib(L, functions);
	lua_pushliteral(L, PL_DATADIR);
	lua_setfield(L, -2, "datadir");
	lua_pushstring(L, pl_version());
	lua_setfield(L, -2, "version");
	return 1;
}
