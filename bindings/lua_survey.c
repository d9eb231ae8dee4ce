/*
 * lua_survey.c - perilune.core.survey: what sources say of a machine, before it is a tree.
 *
 *	new() -> survey
 *	formats() -> array of { name=, about= }
 *	recognise(bytes) -> the name of a format, or nil
 *	survey:import(bytes, { name=, host=, taken_at=, format= })
 *	survey:expect(hosts), survey:alias(name, host) -> boolean: see survey.h
 *	survey:keep(hosts) -> the others: see survey.h
 *	survey:topo(gpus_per_host) -> topo; 0: every host's GPUs are known. Ends the survey.
 *	survey:notes() -> array of sentences, those alike folded
 *	survey:facts() -> who said what of whom: see lua_survey_facts.c
 *
 * Bytes that are not of their format, and sources that make no machine, give nil and a message.
 */
#include "lua_survey.h"

#include "binding.h"
#include "lua_hostset.h"
#include "lua_topo.h"

#define SURVEY_CLASS "perilune.survey"

int luaopen_perilune_core_survey(lua_State *L);

struct lua_survey {
	struct pl_survey *survey;
};

struct pl_survey *lua_check_survey(lua_State *L)
{
	struct lua_survey *s = luaL_checkudata(L, 1, SURVEY_CLASS);

	luaL_argcheck(L, s->survey != NULL, 1, "a closed survey");
	return s->survey;
}

/* What a person handed in is wrong, not what the caller did. */
static int refuse(lua_State *L, const struct pl_error *err)
{
	luaL_pushfail(L);
	lua_pushstring(L, err->text);
	return 2;
}

static int survey_new(lua_State *L)
{
	struct lua_survey *s = binding_new(L, SURVEY_CLASS, sizeof(*s));

	s->survey = pl_survey_create();
	return 1;
}

static int survey_gc(lua_State *L)
{
	struct lua_survey *s = luaL_checkudata(L, 1, SURVEY_CLASS);

	pl_survey_destroy(s->survey);
	s->survey = NULL;
	return 0;
}

static int survey_import(lua_State *L)
{
	static const char *const keys[] = { "name", "host", "taken_at", "format", NULL };
	struct pl_survey *s = lua_check_survey(L);
	struct survey_input in = { 0 };
	struct pl_error err = { 0 };
	const char *format;

	in.bytes = luaL_checklstring(L, 2, &in.len);
	binding_check_keys(L, 3, "survey import", keys);
	in.name = binding_opt_string(L, 3, "name", "input");
	in.host = binding_opt_string(L, 3, "host", NULL);
	in.taken_at = binding_opt_int(L, 3, "taken_at", 0);
	format = binding_opt_string(L, 3, "format", NULL);
	if (pl_survey_import(s, &in, format, &err) < 0)
		return refuse(L, &err);
	lua_pushboolean(L, 1);
	return 1;
}

static int survey_topo(lua_State *L)
{
	struct pl_survey *s = lua_check_survey(L);
	lua_Integer gpus = luaL_optinteger(L, 2, 0);
	struct pl_error err = { 0 };
	struct pl_topo *t;

	luaL_argcheck(L, gpus >= 0 && gpus <= 1024, 2, "a number of GPUs from 0 to 1024");
	t = pl_survey_topo(s, (uint32_t)gpus, &err);
	if (t == NULL)
		return refuse(L, &err);
	lua_push_topo(L, t);
	return 1;
}

static int survey_expect(lua_State *L)
{
	pl_survey_expect(lua_check_survey(L), lua_check_hostset(L, 2));
	return 0;
}

static int survey_alias(lua_State *L)
{
	lua_pushboolean(L, pl_survey_alias(lua_check_survey(L), luaL_checkstring(L, 2),
					   luaL_checkstring(L, 3)));
	return 1;
}

static int survey_keep(lua_State *L)
{
	struct pl_survey *s = lua_check_survey(L);

	lua_push_hostset(L, pl_survey_keep(s, lua_check_hostset(L, 2)));
	return 1;
}

static int survey_notes(lua_State *L)
{
	struct pl_survey *s = lua_check_survey(L);

	pl_survey_fold_notes(s);
	lua_createtable(L, (int)s->n_notes, 0);
	for (size_t i = 0; i < s->n_notes; i++) {
		lua_pushstring(L, s->notes[i].text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int survey_formats_list(lua_State *L)
{
	lua_newtable(L);
	for (size_t i = 0; survey_formats[i].name != NULL; i++) {
		lua_createtable(L, 0, 2);
		binding_set_string(L, "name", survey_formats[i].name);
		binding_set_string(L, "about", survey_formats[i].about);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int survey_recognise(lua_State *L)
{
	size_t len;
	const char *bytes = luaL_checklstring(L, 1, &len);
	const struct survey_format *f = pl_survey_recognise(bytes, len);

	if (f == NULL)
		luaL_pushfail(L);
	else
		lua_pushstring(L, f->name);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "alias", survey_alias },
	{ "expect", survey_expect },
	{ "facts", lua_survey_facts },
	{ "import", survey_import },
	{ "keep", survey_keep },
	{ "topo", survey_topo },
	{ "notes", survey_notes },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "new", survey_new },
	{ "formats", survey_formats_list },
	{ "recognise", survey_recognise },
	{ NULL, NULL },
};

int luaopen_perilune_core_survey(lua_State *L)
{
	binding_class(L, SURVEY_CLASS, methods, NULL, survey_gc);
	luaL_newlib(L, functions);
	return 1;
}
