/*
 * lua_survey.h - what the files of perilune.core.survey share.
 */
#ifndef PL_BINDINGS_LUA_SURVEY_H
#define PL_BINDINGS_LUA_SURVEY_H

#include <lua.h>

#include "survey/survey.h"

/* The survey at argument 1; raises when it is none. */
struct pl_survey *lua_check_survey(lua_State *L);

/* survey:facts(), in lua_survey_facts.c */
int lua_survey_facts(lua_State *L);

#endif
