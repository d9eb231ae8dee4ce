/*
 * lua_json.h - Lua values as JSON and back, for modules that keep or read JSON.
 *
 * A table is an array when its keys are 1..n, n > 0, or json.array() marked it; else an object.
 * json.null stands for null inside tables. Integers stay integers both ways.
 */
#ifndef PL_BINDINGS_LUA_JSON_H
#define PL_BINDINGS_LUA_JSON_H

#include <jansson.h>
#include <lua.h>

#include "base/strbuf.h"

/* A new reference. Raises for what JSON cannot say: functions, NaN, infinities, strings that are
 * not UTF-8, tables with keys of several kinds or nested deeper than JSON_DEPTH_MAX. */
json_t *lua_to_json(lua_State *L, int arg);

/* Pushes the Lua value of json (borrowed). */
void lua_push_json(lua_State *L, const json_t *json);

#define JSON_DEPTH_MAX 100

#endif
