/* binding.c - see binding.h */
#include "binding.h"

#include <string.h>

#include "base/nearest.h"

#define LEN_MAX (1 << 28)

static const char *code_name(enum pl_error_code code)
{
	switch (code) {
	case PL_ENOENT:
		return "noent";
	case PL_EUNSUPPORTED:
		return "unsupported";
	case PL_EBUSY:
		return "busy";
	case PL_EOK:
	case PL_EUSAGE:
	case PL_ESYS:
		break;
	}
	return "sys";
}

int binding_fail(lua_State *L, const struct pl_error *err)
{
	if (err->code == PL_EUSAGE)
		return luaL_error(L, "%s", err->text);
	lua_pushnil(L);
	lua_pushstring(L, err->text);
	lua_pushstring(L, code_name(err->code));
	return 3;
}

void *binding_new(lua_State *L, const char *name, size_t size)
{
	void *p = lua_newuserdatauv(L, size, 1);

	memset(p, 0, size);
	luaL_setmetatable(L, name);
	return p;
}

void binding_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *meta,
		   lua_CFunction gc)
{
	if (luaL_newmetatable(L, name)) {
		if (meta != NULL)
			luaL_setfuncs(L, meta, 0);
		if (methods != NULL) {
			lua_newtable(L);
			luaL_setfuncs(L, methods, 0);
			lua_setfield(L, -2, "__index");
		}
		if (gc != NULL) {
			lua_pushcfunction(L, gc);
			lua_setfield(L, -2, "__gc");
		}
	}
	lua_pop(L, 1);
}

void binding_closable(lua_State *L, const char *name)
{
	luaL_getmetatable(L, name);
	lua_getfield(L, -1, "__gc");
	lua_setfield(L, -2, "__close");
	lua_pop(L, 1);
}

size_t binding_len(lua_State *L, int arg)
{
	lua_Integer n;

	luaL_checktype(L, arg, LUA_TTABLE);
	n = luaL_len(L, arg);
	if (n < 0 || n > LEN_MAX)
		luaL_error(L, "an array cannot have %I elements", (LUAI_UACINT)n);
	return (size_t)n;
}

static void refuse_field(lua_State *L, const char *field, const char *wanted)
{
	luaL_error(L, "field '%s' must be %s, not %s", field, wanted, luaL_typename(L, -1));
}

int64_t binding_opt_int(lua_State *L, int arg, const char *field, int64_t def)
{
	int is_int = 1;

	if (lua_getfield(L, arg, field) != LUA_TNIL)
		def = lua_tointegerx(L, -1, &is_int);
	if (!is_int)
		refuse_field(L, field, "an integer");
	lua_pop(L, 1);
	return def;
}

double binding_opt_number(lua_State *L, int arg, const char *field, double def)
{
	int type = lua_getfield(L, arg, field);

	if (type == LUA_TNUMBER)
		def = lua_tonumber(L, -1);
	else if (type != LUA_TNIL)
		refuse_field(L, field, "a number");
	lua_pop(L, 1);
	return def;
}

int binding_opt_bool(lua_State *L, int arg, const char *field, int def)
{
	int type = lua_getfield(L, arg, field);

	if (type == LUA_TBOOLEAN)
		def = lua_toboolean(L, -1);
	else if (type != LUA_TNIL)
		refuse_field(L, field, "true or false");
	lua_pop(L, 1);
	return def;
}

const char *binding_opt_string(lua_State *L, int arg, const char *field, const char *def)
{
	int type = lua_getfield(L, arg, field);

	if (type == LUA_TSTRING)
		def = lua_tostring(L, -1);
	else if (type != LUA_TNIL)
		refuse_field(L, field, "a string");
	lua_pop(L, 1);
	return def;
}

static int is_known(const char *key, const char *const *known)
{
	for (; *known != NULL; known++) {
		if (strcmp(key, *known) == 0)
			return 1;
	}
	return 0;
}

void binding_check_keys(lua_State *L, int arg, const char *what, const char *const *known)
{
	char hint[128];

	luaL_checktype(L, arg, LUA_TTABLE);
	arg = lua_absindex(L, arg);
	for (lua_pushnil(L); lua_next(L, arg) != 0; lua_pop(L, 1)) {
		const char *key;

		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "%s: keys must be names, not %s", what, luaL_typename(L, -2));
		key = lua_tostring(L, -2);
		if (!is_known(key, known))
			luaL_error(L, "%s: unknown key '%s'%s", what, key,
				   nearest_hint(key, known, hint, sizeof(hint)));
	}
}

void binding_set_string(lua_State *L, const char *field, const char *text)
{
	lua_pushstring(L, text);
	lua_setfield(L, -2, field);
}

void binding_set_integer(lua_State *L, const char *field, lua_Integer n)
{
	lua_pushinteger(L, n);
	lua_setfield(L, -2, field);
}

void binding_set_number(lua_State *L, const char *field, lua_Number n)
{
	lua_pushnumber(L, n);
	lua_setfield(L, -2, field);
}
