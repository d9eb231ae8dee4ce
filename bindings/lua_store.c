/* lua_store.c - see lua_store.h */
#include "lua_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "binding.h"
#include "lua_json.h"
#include "lua_sink.h"
#include "sched.h"
#include "store/controller.h"
#include "store/store.h"

int luaopen_perilune_core_store(lua_State *L);

struct lua_store {
	struct store *store; /* NULL: closed */
};

struct lua_record {
	struct store_run *run; /* NULL: finished */
	/* who hears of requests, once it was told to: */
	struct sched *sched; /* NULL: nobody */
	struct sched_call call;
	json_t *asked; /* requests that were not handed on yet */
};

static struct store *check_store(lua_State *L, int arg)
{
	struct lua_store *s = luaL_checkudata(L, arg, LUA_STORE_CLASS);

	luaL_argcheck(L, s->store != NULL, arg, "this store is closed");
	return s->store;
}

static struct store_run *check_record(lua_State *L, int arg)
{
	struct lua_record *r = luaL_checkudata(L, arg, LUA_RECORD_CLASS);

	luaL_argcheck(L, r->run != NULL, arg, "this record is finished");
	return r->run;
}

static int push_true(lua_State *L)
{
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- records ---- */

/* The record is over: nobody is asked any more. */
static void stop_listening(lua_State *L, struct lua_record *r)
{
	if (r->sched == NULL)
		return;
	sched_call_cancel(&r->call);
	json_decref(r->asked);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, r);
	r->asked = NULL;
	r->sched = NULL;
}

static int record_gc(lua_State *L)
{
	struct lua_record *r = luaL_checkudata(L, 1, LUA_RECORD_CLASS);

	stop_listening(L, r);
	store_run_abandon(r->run);
	r->run = NULL;
	return 0;
}

static void on_request(void *arg, const json_t *request)
{
	struct lua_record *r = arg;

	json_array_append(r->asked, (json_t *)request);
	sched_call_soon(r->sched, &r->call);
}

/* The function given to listen(), with the next request. */
static int push_request(lua_State *L, struct sched_call *call)
{
	struct lua_record *r = container_of(call, struct lua_record, call);

	if (json_array_size(r->asked) == 0)
		return -1;
	lua_rawgetp(L, LUA_REGISTRYINDEX, r);
	lua_push_json(L, json_array_get(r->asked, 0));
	json_array_remove(r->asked, 0);
	if (json_array_size(r->asked) > 0)
		sched_call_soon(r->sched, &r->call);
	return 1;
}

/* rec:listen(fn): a task of its own calls fn(request) for each that others ask of the controller */
static int record_listen(lua_State *L)
{
	struct store_run *run = check_record(L, 1);
	struct lua_record *r = lua_touserdata(L, 1);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_settop(L, 2);
	stop_listening(L, r);
	lua_rawsetp(L, LUA_REGISTRYINDEX, r);
	r->asked = json_array();
	r->sched = sched_of(L);
	r->call.name = "a request";
	r->call.push = push_request;
	store_run_listen(run, on_request, r);
	return 0;
}

static int record_id(lua_State *L)
{
	lua_pushstring(L, store_run_id(check_record(L, 1)));
	return 1;
}

static int record_dir(lua_State *L)
{
	lua_pushstring(L, store_run_dir(check_record(L, 1)));
	return 1;
}

/* It stands in the journal as it is. */
static const char *check_event(lua_State *L, int arg)
{
	size_t len;
	const char *ev = luaL_checklstring(L, arg, &len);
	size_t fit = strspn(ev, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");

	luaL_argcheck(L, len > 0 && fit == len, arg,
		      "the name of an event is letters, digits, '_', '-' and '.'");
	return ev;
}

/* rec:append(ev [, fields]) */
static int record_append(lua_State *L)
{
	struct store_run *run = check_record(L, 1);
	const char *ev = check_event(L, 2);
	struct pl_error err = { 0 };
	json_t *fields = NULL;

	if (!lua_isnoneornil(L, 3)) {
		luaL_checktype(L, 3, LUA_TTABLE);
		fields = lua_to_json(L, 3);
		if (!json_is_object(fields)) {
			/* an empty table is an array to JSON, and nothing to add to us */
			json_decref(fields);
			fields = NULL;
			luaL_argcheck(L, lua_rawlen(L, 3) == 0, 3, "fields have names");
		}
	}
	if (store_run_append(run, ev, fields, &err) != 0)
		return binding_fail(L, &err);
	return push_true(L);
}

static int record_sync(lua_State *L)
{
	struct pl_error err = { 0 };

	if (store_run_sync(check_record(L, 1), &err) != 0)
		return binding_fail(L, &err);
	return push_true(L);
}

static int sink_gc(lua_State *L)
{
	struct lua_sink *s = luaL_checkudata(L, 1, LUA_RECORD_SINK_CLASS);

	store_sink_destroy(s->sink);
	s->sink = NULL;
	return 0;
}

/* Not closable: it would go away under its run. */
static void sink_class(lua_State *L)
{
	binding_class(L, LUA_RECORD_SINK_CLASS, NULL, NULL, sink_gc);
	luaL_getmetatable(L, LUA_RECORD_SINK_CLASS);
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, LUA_SINK_MARK);
	lua_pop(L, 1);
}

/* The table at arg: what a call of a recipe is known by. */
static void read_key(lua_State *L, int arg, struct store_key *key)
{
	static const char *const known[] = { "point", "key", "digest", "step", "where",
					     "once",  "again", NULL };

	luaL_checktype(L, arg, LUA_TTABLE);
	binding_check_keys(L, arg, "the key of a call", known);
	key->point = (unsigned)binding_opt_int(L, arg, "point", 0);
	key->key = binding_opt_string(L, arg, "key", NULL);
	key->digest = binding_opt_string(L, arg, "digest", NULL);
	key->step = binding_opt_string(L, arg, "step", NULL);
	key->where = binding_opt_string(L, arg, "where", NULL);
	key->once = binding_opt_bool(L, arg, "once", 0);
	key->again = (unsigned)binding_opt_int(L, arg, "again", 0);
	luaL_argcheck(L, key->key != NULL && key->digest != NULL, arg, "needs key and digest");
}

/* rec:sink(call [, key]) */
static int record_sink(lua_State *L)
{
	struct store_run *run = check_record(L, 1);
	lua_Integer call = luaL_checkinteger(L, 2);
	struct store_key key;
	struct lua_sink *s;

	luaL_argcheck(L, call >= 1 && call <= UINT32_MAX, 2, "calls count from 1");
	lua_settop(L, 3);
	if (!lua_isnil(L, 3))
		read_key(L, 3, &key);
	s = binding_new(L, LUA_RECORD_SINK_CLASS, sizeof(*s));
	s->sink = store_sink_create(run, (unsigned)call);
	if (!lua_isnil(L, 3))
		store_sink_key(s->sink, &key);
	return 1;
}

/* rec:check(): true, or nil and why it cannot be recorded any more */
static int record_check(lua_State *L)
{
	struct pl_error err = { 0 };

	if (store_run_check(check_record(L, 1), &err) != 0)
		return binding_fail(L, &err);
	return push_true(L);
}

/* rec:finish(status, verdict) */
static int record_finish(lua_State *L)
{
	static const char *const verdicts[] = { "pass", "fail", "error", "canceled", NULL };
	struct lua_record *r = luaL_checkudata(L, 1, LUA_RECORD_CLASS);
	struct store_run *run = check_record(L, 1);
	int status = (int)luaL_checkinteger(L, 2);
	const char *verdict = verdicts[luaL_checkoption(L, 3, NULL, verdicts)];
	struct pl_error err = { 0 };

	stop_listening(L, r);
	r->run = NULL;
	if (store_run_finish(run, status, verdict, &err) != 0)
		return binding_fail(L, &err);
	return push_true(L);
}

/* ---- the store ---- */

static int store_gc(lua_State *L)
{
	struct lua_store *s = luaL_checkudata(L, 1, LUA_STORE_CLASS);

	store_close(s->store);
	s->store = NULL;
	return 0;
}

static int store_open_lua(lua_State *L)
{
	const char *dir = luaL_checkstring(L, 1);
	struct lua_store *s = binding_new(L, LUA_STORE_CLASS, sizeof(*s));
	struct pl_error err = { 0 };

	s->store = store_open(dir, sched_loop(L), &err);
	return s->store != NULL ? 1 : binding_fail(L, &err);
}

/* store:begin(head [, run_dir]) */
static int store_begin(lua_State *L)
{
	struct store *store = check_store(L, 1);
	const char *run_dir = luaL_optstring(L, 3, NULL);
	struct lua_record *r;
	struct pl_error err = { 0 };
	json_t *head;

	luaL_checktype(L, 2, LUA_TTABLE);
	r = binding_new(L, LUA_RECORD_CLASS, sizeof(*r));
	head = lua_to_json(L, 2);
	r->run = store_run_begin(store, head, run_dir, &err);
	json_decref(head);
	return r->run != NULL ? 1 : binding_fail(L, &err);
}

/* store:resume(run_dir [, takeover]) */
static int store_resume(lua_State *L)
{
	struct store *store = check_store(L, 1);
	const char *run_dir = luaL_checkstring(L, 2);
	bool takeover = lua_toboolean(L, 3);
	struct lua_record *r = binding_new(L, LUA_RECORD_CLASS, sizeof(*r));
	struct pl_error err = { 0 };

	r->run = store_run_resume(store, run_dir, takeover, &err);
	return r->run != NULL ? 1 : binding_fail(L, &err);
}

/* Rows are gathered in C first: nothing may raise while the query is open. */
struct rows {
	struct row {
		char *id, *kind, *name, *verdict, *dir;
		struct store_row row;
	} *rows;
	size_t n, cap;
};

static bool add_row(void *arg, const struct store_row *row)
{
	struct rows *rows = arg;
	struct row *to;

	ARRAY_GROW(rows->rows, rows->n, rows->cap);
	to = &rows->rows[rows->n++];
	to->row = *row;
	to->id = xstrdup(row->id);
	to->kind = xstrdup(row->kind);
	to->name = xstrdup(row->name);
	to->verdict = xstrdup(row->verdict);
	to->dir = xstrdup(row->dir);
	return true;
}

static int rows_gc(lua_State *L)
{
	struct rows *rows = lua_touserdata(L, 1);

	for (size_t i = 0; i < rows->n; i++) {
		free(rows->rows[i].id);
		free(rows->rows[i].kind);
		free(rows->rows[i].name);
		free(rows->rows[i].verdict);
		free(rows->rows[i].dir);
	}
	free(rows->rows);
	*rows = (struct rows){ 0 };
	return 0;
}

static void push_row(lua_State *L, const struct row *row)
{
	lua_createtable(L, 0, 10);
	binding_set_string(L, "id", row->id);
	binding_set_string(L, "kind", row->kind);
	binding_set_string(L, "name", row->name);
	binding_set_string(L, "dir", row->dir);
	binding_set_number(L, "begun", row->row.begun);
	binding_set_integer(L, "hosts", (lua_Integer)row->row.hosts);
	binding_set_integer(L, "failed", (lua_Integer)row->row.failed);
	if (row->row.ended <= 0)
		return;
	binding_set_number(L, "ended", row->row.ended);
	binding_set_integer(L, "status", row->row.status);
	binding_set_string(L, "verdict", row->verdict);
}

/* store:list([limit]): newest first; ended, status and verdict only of runs that ended */
static int store_list_lua(lua_State *L)
{
	struct store *store = check_store(L, 1);
	lua_Integer limit = luaL_optinteger(L, 2, 0);
	struct rows *rows = binding_new(L, "perilune.store.rows", sizeof(*rows));
	struct pl_error err = { 0 };

	luaL_argcheck(L, limit >= 0, 2, "a limit cannot be negative");
	if (store_list(store, (size_t)limit, add_row, rows, &err) != 0)
		return binding_fail(L, &err);
	lua_createtable(L, (int)rows->n, 0);
	for (size_t i = 0; i < rows->n; i++) {
		push_row(L, &rows->rows[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* store:find(prefix): nil, message, code also when several begin so: a person typed it */
static int store_find_lua(lua_State *L)
{
	struct pl_error err = { 0 };
	char *dir = store_find(check_store(L, 1), luaL_checkstring(L, 2), &err);

	if (dir == NULL) {
		lua_pushnil(L);
		lua_pushstring(L, err.text);
		lua_pushstring(L, err.code == PL_ENOENT	 ? "noent"
				  : err.code == PL_EUSAGE ? "usage"
							  : "sys");
		return 3;
	}
	lua_pushstring(L, dir);
	free(dir);
	return 1;
}

static int store_reindex_lua(lua_State *L)
{
	struct pl_error err = { 0 };
	int n = store_reindex(check_store(L, 1), &err);

	if (n < 0)
		return binding_fail(L, &err);
	lua_pushinteger(L, n);
	return 1;
}

/* ---- reading a journal ---- */

static bool keep_event(void *arg, const json_t *event)
{
	json_array_append((json_t *)arg, (json_t *)event);
	return true;
}

static int json_gc(lua_State *L)
{
	json_t **array = lua_touserdata(L, 1);

	json_decref(*array);
	*array = NULL;
	return 0;
}

/* read(dir): array of events, whether the last line was torn */
static int store_read_lua(lua_State *L)
{
	const char *dir = luaL_checkstring(L, 1);
	json_t **events = binding_new(L, "perilune.store.events", sizeof(json_t *));
	struct pl_error err = { 0 };
	bool torn;

	*events = json_array();
	if (store_read(dir, keep_event, *events, &torn, &err) != 0)
		return binding_fail(L, &err);
	lua_push_json(L, *events);
	lua_pushboolean(L, torn);
	return 2;
}

/* controller(dir): { state, host, pid, since, beats, silent }; state is "none", "alive", "dead"
 * (both of this machine) or "elsewhere" */
static int store_controller(lua_State *L)
{
	struct controller_info info;
	struct pl_error err = { 0 };

	if (controller_read(luaL_checkstring(L, 1), &info, &err) != 0)
		return binding_fail(L, &err);
	lua_createtable(L, 0, 6);
	binding_set_string(L, "state", controller_state_name(info.state));
	if (info.state == CONTROLLER_NONE)
		return 1;
	binding_set_string(L, "host", info.host);
	binding_set_integer(L, "pid", (lua_Integer)info.pid);
	binding_set_number(L, "since", info.since);
	binding_set_integer(L, "beats", (lua_Integer)info.beats);
	binding_set_number(L, "silent", info.silent_s);
	return 1;
}

/* ask(dir, request): of the controller of the run in this folder */
static int store_ask_lua(lua_State *L)
{
	const char *dir = luaL_checkstring(L, 1);
	struct pl_error err = { 0 };
	json_t *request;
	int rc;

	luaL_checktype(L, 2, LUA_TTABLE);
	request = lua_to_json(L, 2);
	rc = store_ask(dir, request, &err);
	json_decref(request);
	return rc == 0 ? push_true(L) : binding_fail(L, &err);
}

int luaopen_perilune_core_store(lua_State *L)
{
	static const luaL_Reg store_methods[] = {
		{ "begin", store_begin },
		{ "resume", store_resume },
		{ "list", store_list_lua },
		{ "find", store_find_lua },
		{ "reindex", store_reindex_lua },
		{ "close", store_gc },
		{ NULL, NULL },
	};
	static const luaL_Reg record_methods[] = {
		{ "id", record_id },	 { "dir", record_dir },	  { "append", record_append },
		{ "sync", record_sync }, { "sink", record_sink }, { "finish", record_finish },
		{ "check", record_check }, { "listen", record_listen },
		{ NULL, NULL },
	};
	static const luaL_Reg functions[] = {
		{ "open", store_open_lua },
		{ "read", store_read_lua },
		{ "controller", store_controller },
		{ "ask", store_ask_lua },
		{ NULL, NULL },
	};

	binding_class(L, LUA_STORE_CLASS, store_methods, NULL, store_gc);
	binding_class(L, LUA_RECORD_CLASS, record_methods, NULL, record_gc);
	binding_closable(L, LUA_STORE_CLASS);
	binding_closable(L, LUA_RECORD_CLASS);
	binding_class(L, "perilune.store.rows", NULL, NULL, rows_gc);
	binding_class(L, "perilune.store.events", NULL, NULL, json_gc);
	sink_class(L);
	luaL_newlib(L, functions);
	binding_set_string(L, "sqlite_version", store_library_version());
	return 1;
}
