/* lua_run_spec.c - from the table of run.start to a run's spec; see lua_run.h */
#include "lua_run.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "binding.h"
#include "lua_hostset.h"
#include "lua_sink.h"
#include "lua_transport.h"

#define DEFAULT_FANOUT 64

static const char *const spec_keys[] = {
	"transport",  "id",	   "hosts",	 "tasks",     "kind",	"line",	      "argv",
	"env",	      "cwd",	   "merge",	 "stdin",     "mode",	"local_path", "remote_path",
	"fanout",     "gang",	   "serial",	 "timeout",   "retries", "idle_timeout", "fail_fast",
	"max_fail",   "keep_bytes", "spill_dir", "sinks",     "lines",	 "into_folder",
	"name_host",  "keep_times", "survive",	 "detach",    "sudo",	      "secrets",    NULL,
};
static const char *const task_keys[] = { "host", "index", "line", "argv", "env", "cwd", NULL };

/* ---- memory that goes with the run ---- */

static void *own(struct lua_run_parts *parts, void *p)
{
	ARRAY_GROW(parts->owned, parts->n_owned, parts->cap_owned);
	parts->owned[parts->n_owned++] = p;
	return p;
}

static const char *own_string(struct lua_run_parts *parts, const char *s)
{
	return s != NULL ? own(parts, xstrdup(s)) : NULL;
}

void lua_run_parts_fini(struct lua_run_parts *parts)
{
	for (size_t i = 0; i < parts->n_owned; i++)
		free(parts->owned[i]);
	redactor_destroy(parts->redactor);
	free(parts->owned);
	free(parts->tasks);
	free(parts->sinks);
	memset(parts, 0, sizeof(*parts));
}

/* ---- fields of a command ---- */

/* A string without NUL inside: what a command line can carry. */
static const char *check_text(lua_State *L, int idx, const char *what)
{
	size_t len;
	const char *s;

	if (lua_type(L, idx) != LUA_TSTRING)
		luaL_error(L, "%s must be strings, not %s", what, luaL_typename(L, idx));
	s = lua_tolstring(L, idx, &len);
	if (strlen(s) != len)
		luaL_error(L, "%s cannot hold a zero byte", what);
	return s;
}

/* The array of words at the top of the stack. */
static const char *const *read_argv(lua_State *L, struct lua_run_parts *parts)
{
	size_t n = binding_len(L, -1);
	const char **argv = own(parts, xcalloc(n + 1, sizeof(char *)));

	for (size_t i = 0; i < n; i++) {
		lua_geti(L, -1, (lua_Integer)i + 1);
		if (lua_type(L, -1) == LUA_TNUMBER)
			lua_tostring(L, -1); /* in place, in our copy of the value */
		argv[i] = own_string(parts, check_text(L, -1, "the words of a command"));
		lua_pop(L, 1);
	}
	return argv;
}

/* "NAME=value" of the pair on the stack. */
static const char *env_entry(lua_State *L, struct lua_run_parts *parts)
{
	const char *name = check_text(L, -2, "names of the environment");
	const char *value;

	if (*name == '\0' || strchr(name, '=') != NULL)
		luaL_error(L, "'%s' cannot name a variable", name);
	lua_pushvalue(L, -1); /* converting the original would confuse lua_next */
	if (lua_type(L, -1) == LUA_TNUMBER)
		lua_tostring(L, -1);
	value = check_text(L, -1, "values of the environment");
	value = own(parts, xasprintf("%s=%s", name, value));
	lua_pop(L, 1);
	return value;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The table { NAME = value } at the top of the stack, sorted: the same in every run. */
static const char *const *read_env(lua_State *L, struct lua_run_parts *parts)
{
	const char **env;
	size_t n = 0;

	luaL_checktype(L, -1, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
		n++;
	env = own(parts, xcalloc(n + 1, sizeof(char *)));
	n = 0;
	for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
		env[n++] = env_entry(L, parts);
	qsort(env, n, sizeof(char *), compare_entries);
	return env;
}

static bool has_field(lua_State *L, int arg, const char *name)
{
	if (lua_getfield(L, arg, name) != LUA_TNIL)
		return true; /* left on the stack */
	lua_pop(L, 1);
	return false;
}

/* line, argv, env, cwd of the table at arg, over what *c has already. */
static void read_command(lua_State *L, int arg, struct lua_run_parts *parts, struct command *c)
{
	if (has_field(L, arg, "line")) {
		c->line = own_string(parts, check_text(L, -1, "command lines"));
		c->argv = NULL;
		lua_pop(L, 1);
	}
	if (has_field(L, arg, "argv")) {
		c->argv = read_argv(L, parts);
		c->line = NULL;
		lua_pop(L, 1);
	}
	if (has_field(L, arg, "env")) {
		c->env = read_env(L, parts);
		lua_pop(L, 1);
	}
	if (has_field(L, arg, "cwd")) {
		c->cwd = own_string(parts, check_text(L, -1, "directories"));
		lua_pop(L, 1);
	}
}

/* stdin: a string is given whole, true says that run:write will feed it. */
static void read_stdin(lua_State *L, int arg, struct lua_run_parts *parts, struct command *c)
{
	int type = lua_getfield(L, arg, "stdin");

	if (type == LUA_TSTRING) {
		const char *text = lua_tolstring(L, -1, &parts->stdin_len);

		parts->stdin_text = memcpy(own(parts, xmalloc(parts->stdin_len)), text,
					   parts->stdin_len);
		c->stdin_open = true;
	} else if (type == LUA_TBOOLEAN) {
		c->stdin_open = lua_toboolean(L, -1) != 0;
	} else if (type != LUA_TNIL) {
		luaL_error(L, "field 'stdin' must be a string or true, not %s",
			   luaL_typename(L, -1));
	}
	lua_pop(L, 1);
}

static struct command *read_base_command(lua_State *L, int arg, struct lua_run_parts *parts)
{
	static const char *const kinds[] = { "exec", "put", "get", NULL };
	struct command *c = own(parts, xcalloc(1, sizeof(*c)));

	lua_getfield(L, arg, "kind");
	c->kind = (enum task_kind)luaL_checkoption(L, lua_gettop(L), "exec", kinds);
	lua_pop(L, 1);
	read_command(L, arg, parts, c);
	read_stdin(L, arg, parts, c);
	c->merge = binding_opt_bool(L, arg, "merge", 0) != 0;
	c->sudo = c->kind == TASK_EXEC && binding_opt_bool(L, arg, "sudo", 0) != 0;
	c->local_path = own_string(parts, binding_opt_string(L, arg, "local_path", NULL));
	c->remote_path = own_string(parts, binding_opt_string(L, arg, "remote_path", NULL));
	c->mode = (int)binding_opt_int(L, arg, "mode", -1);
	c->into_folder = binding_opt_bool(L, arg, "into_folder", 0) != 0;
	c->name_host = binding_opt_bool(L, arg, "name_host", 0) != 0;
	c->keep_times = binding_opt_bool(L, arg, "keep_times", 0) != 0;
	c->survive = binding_opt_bool(L, arg, "survive", 0) != 0;
	c->detach = binding_opt_bool(L, arg, "detach", 0) != 0;
	c->count = &parts->copied;
	return c;
}

/* ---- tasks ---- */

static void tasks_of_set(lua_State *L, int arg, int anchor, struct lua_run_parts *parts,
			 const struct command *base)
{
	size_t n;

	if (!has_field(L, arg, "hosts"))
		luaL_error(L, "a run needs hosts or tasks");
	parts->hosts = lua_check_hostset(L, lua_gettop(L));
	lua_rawseti(L, anchor, ANCHOR_HOSTS);
	n = pl_hostlist_count(parts->hosts);
	parts->tasks = xcalloc(n, sizeof(*parts->tasks));
	for (size_t i = 0; i < n; i++)
		parts->tasks[i] = (struct run_task){ pl_hostlist_name(parts->hosts, i), 0, base };
	parts->n_tasks = n;
}

static bool has_own_command(lua_State *L, int arg)
{
	static const char *const fields[] = { "line", "argv", "env", "cwd" };
	bool found = false;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		found |= lua_getfield(L, arg, fields[i]) != LUA_TNIL;
		lua_pop(L, 1);
	}
	return found;
}

/* The task at the top of the stack. */
static struct run_task read_task(lua_State *L, struct lua_run_parts *parts,
				 const struct command *base)
{
	int arg = lua_gettop(L);
	struct run_task task = { .command = base };
	struct command *c;
	int64_t index;

	binding_check_keys(L, arg, "task", task_keys);
	task.host = own_string(parts, binding_opt_string(L, arg, "host", NULL));
	if (task.host == NULL)
		luaL_error(L, "a task needs a host");
	index = binding_opt_int(L, arg, "index", 0);
	if (index < 0 || index > INT32_MAX)
		luaL_error(L, "field 'index' of a task must be 0 or more, not %I",
			   (LUAI_UACINT)index);
	task.index = (unsigned)index;
	if (!has_own_command(L, arg))
		return task;
	c = own(parts, xmalloc(sizeof(*c)));
	*c = *base;
	read_command(L, arg, parts, c);
	task.command = c;
	return task;
}

static void tasks_of_array(lua_State *L, struct lua_run_parts *parts, const struct command *base)
{
	size_t n = binding_len(L, -1);

	parts->tasks = xcalloc(n, sizeof(*parts->tasks));
	for (size_t i = 0; i < n; i++) {
		lua_geti(L, -1, (lua_Integer)i + 1);
		parts->tasks[i] = read_task(L, parts, base);
		lua_pop(L, 1);
	}
	parts->n_tasks = n;
}

/* ---- limits, sinks ---- */

static int64_t read_seconds(lua_State *L, int arg, const char *name)
{
	double seconds = binding_opt_number(L, arg, name, 0);

	if (!(seconds >= 0 && seconds < 1e9))
		luaL_error(L, "field '%s' must be a number of seconds, not %f", name, seconds);
	return (int64_t)(seconds * 1e6);
}

static size_t read_count(lua_State *L, int arg, const char *name, size_t otherwise, int64_t least)
{
	int64_t n;

	if (!has_field(L, arg, name))
		return otherwise;
	lua_pop(L, 1);
	n = binding_opt_int(L, arg, name, 0);
	if (n < least)
		luaL_error(L, "field '%s' must be at least %I", name, (LUAI_UACINT)least);
	return (size_t)n;
}

static void read_limits(lua_State *L, int arg, struct lua_run_parts *parts)
{
	struct run_spec *spec = &parts->spec;

	spec->fanout = read_count(L, arg, "fanout", DEFAULT_FANOUT, 1);
	spec->gang = binding_opt_bool(L, arg, "gang", 0) != 0;
	spec->serial = read_count(L, arg, "serial", 0, 1);
	spec->timeout_us = read_seconds(L, arg, "timeout");
	spec->idle_timeout_us = read_seconds(L, arg, "idle_timeout");
	spec->retries = (unsigned)read_count(L, arg, "retries", 0, 0);
	spec->fail_fast = binding_opt_bool(L, arg, "fail_fast", 0) != 0;
	spec->max_fail = read_count(L, arg, "max_fail", RUN_NO_LIMIT, 0);
	spec->keep_bytes = read_count(L, arg, "keep_bytes", RUN_KEEP_BYTES, 0);
	spec->spill_dir = own_string(parts, binding_opt_string(L, arg, "spill_dir", NULL));
}

/* secrets: words that the streams may not show. */
static void read_secrets(lua_State *L, int arg, struct lua_run_parts *parts)
{
	if (!has_field(L, arg, "secrets"))
		return;
	if (binding_len(L, -1) > 0)
		parts->redactor = redactor_create();
	for (size_t i = 1; i <= binding_len(L, -1); i++) {
		size_t len = 0;
		const char *word;

		lua_geti(L, -1, (lua_Integer)i);
		word = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
		if (word == NULL || len < REDACT_MIN)
			luaL_error(L, "secrets are strings of %d bytes or more", REDACT_MIN);
		redactor_add(parts->redactor, word, len);
		lua_pop(L, 1);
	}
	parts->spec.redactor = parts->redactor;
	lua_pop(L, 1);
}

struct run_sink *lua_check_sink(lua_State *L, int idx)
{
	struct lua_sink *s = lua_touserdata(L, idx);

	if (s == NULL || luaL_getmetafield(L, idx, LUA_SINK_MARK) == LUA_TNIL)
		luaL_error(L, "a sink is a printer or a record's sink, not %s",
			   luaL_typename(L, idx));
	lua_pop(L, 1);
	if (s->sink == NULL)
		luaL_error(L, "this sink is closed");
	return s->sink;
}

/* Ours first, so that what Lua waits for is there before printers wait for their readers. */
static void read_sinks(lua_State *L, int arg, int anchor, struct lua_run *r)
{
	struct lua_run_parts *parts = &r->parts;
	size_t n = 0;

	if (has_field(L, arg, "sinks"))
		n = binding_len(L, -1);
	else
		lua_pushnil(L);
	parts->sinks = xcalloc(n + 1, sizeof(*parts->sinks));
	parts->sinks[parts->n_sinks++] = &r->sink;
	lua_createtable(L, (int)n, 0);
	for (size_t i = 1; i <= n; i++) {
		lua_geti(L, -2, (lua_Integer)i);
		parts->sinks[parts->n_sinks++] = lua_check_sink(L, lua_gettop(L));
		lua_rawseti(L, -2, (lua_Integer)i);
	}
	lua_rawseti(L, anchor, ANCHOR_SINKS);
	lua_pop(L, 1);
}

void lua_run_read_spec(lua_State *L, int arg, int anchor, struct lua_run *r)
{
	struct lua_run_parts *parts = &r->parts;
	const struct command *base;

	binding_check_keys(L, arg, "run.start", spec_keys);
	lua_getfield(L, arg, "transport");
	parts->spec.transport = lua_check_transport(L, lua_gettop(L));
	lua_rawseti(L, anchor, ANCHOR_TRANSPORT);
	parts->spec.loop = sched_loop(L);
	parts->spec.id = own_string(parts, binding_opt_string(L, arg, "id", NULL));
	base = read_base_command(L, arg, parts);
	if (has_field(L, arg, "tasks")) {
		tasks_of_array(L, parts, base);
		lua_pop(L, 1);
	} else {
		tasks_of_set(L, arg, anchor, parts, base);
	}
	read_limits(L, arg, parts);
	read_secrets(L, arg, parts);
	read_sinks(L, arg, anchor, r);
	parts->lines = binding_opt_bool(L, arg, "lines", 0) != 0;
	parts->spec.tasks = parts->tasks;
	parts->spec.n_tasks = parts->n_tasks;
}
