/*
 * lua_transport.c - the module perilune.core.transport: local, ssh, openssh, sim.
 *
 * What a transport asks of Lua (a simulated host's answer, a note) comes from loop callbacks, which
 * never enter Lua: it is queued and handed to a task of its own.
 */
#include "lua_transport.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "binding.h"
#include "lua_run.h"
#include "lua_sim.h"
#include "sched.h"
#include "ssh/ssh.h"
#include "ssh/ssh_supervisor_text.h"

#define CLASS "perilune.transport"

int luaopen_perilune_core_transport(lua_State *L);

/* Notes of an ssh transport on their way to a function, which the registry holds under `call`. */
struct notes {
	struct sched_call call;
	struct sched *sched;
	char **texts;
	size_t n, cap;
};

struct lua_transport {
	struct transport *tp; /* NULL: gone */
	bool closed;	      /* nothing new may use it */
	struct lua_sim *sim;
	struct notes *notes, *asking; /* to on_note; "begins" and "ends" to on_asking */
};

static struct lua_transport *check(lua_State *L, int arg)
{
	struct lua_transport *t = luaL_checkudata(L, arg, CLASS);

	luaL_argcheck(L, t->tp != NULL && !t->closed, arg, "this transport is closed");
	return t;
}

struct transport *lua_check_transport(lua_State *L, int arg)
{
	return check(L, arg)->tp;
}

/* ---- notes ---- */

static void notes_add(struct notes *notes, const char *text)
{
	ARRAY_GROW(notes->texts, notes->n, notes->cap);
	notes->texts[notes->n++] = xstrdup(text);
	sched_call_soon(notes->sched, &notes->call);
}

static void on_note(void *arg, const char *text)
{
	const struct lua_transport *t = arg;

	if (t->notes != NULL)
		notes_add(t->notes, text);
}

static void on_asking(void *arg, bool begins)
{
	const struct lua_transport *t = arg;

	notes_add(t->asking, begins ? "begins" : "ends");
}

/* Upvalues: on_note; argument: an array of texts. */
static int tell_k(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	while (lua_rawgeti(L, 1, (lua_Integer)++ctx) == LUA_TSTRING) {
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_insert(L, -2);
		lua_callk(L, 1, 0, ctx, tell_k);
	}
	return 0;
}

static int tell(lua_State *L)
{
	return tell_k(L, LUA_OK, 0);
}

static int push_notes(lua_State *L, struct sched_call *call)
{
	struct notes *notes = container_of(call, struct notes, call);

	lua_rawgetp(L, LUA_REGISTRYINDEX, call);
	lua_pushcclosure(L, tell, 1);
	lua_createtable(L, (int)notes->n, 0);
	for (size_t i = 0; i < notes->n; i++) {
		lua_pushstring(L, notes->texts[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
		free(notes->texts[i]);
	}
	notes->n = 0;
	return 1;
}

static struct notes *notes_create(lua_State *L, int fn)
{
	struct notes *notes = xcalloc(1, sizeof(*notes));

	notes->sched = sched_of(L);
	notes->call.name = "notes of ssh";
	notes->call.push = push_notes;
	lua_pushvalue(L, fn);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &notes->call);
	return notes;
}

static void notes_destroy(lua_State *L, struct notes *notes)
{
	if (notes == NULL)
		return;
	sched_call_cancel(&notes->call);
	lua_pushnil(L);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &notes->call);
	for (size_t i = 0; i < notes->n; i++)
		free(notes->texts[i]);
	free(notes->texts);
	free(notes);
}

/* ---- making one ---- */

/* What is wrong stands in a file of the user's, not in the program: nothing is raised. */
static int made(lua_State *L, struct lua_transport *t, const struct pl_error *err)
{
	if (t->tp != NULL)
		return 1;
	lua_pushnil(L);
	lua_pushstring(L, err->text);
	return 2;
}

static int transport_local(lua_State *L)
{
	struct lua_transport *t = binding_new(L, CLASS, sizeof(*t));
	struct pl_error err = { 0 };

	t->tp = local_create(sched_loop(L), &err);
	return made(L, t, &err);
}

static void read_ssh_options(lua_State *L, struct ssh_options *o)
{
	static const char *const known[] = { "user",	     "port",	"config", "connect_timeout",
					     "keep_sessions", "hostkey", "on_note", "max_auth_fail",
					     "connect_rate", "no_supervisor", "audit",
					     "on_asking", "ask_password", "ask_sudo", NULL };
	const char *hostkey;
	double seconds;

	binding_check_keys(L, 1, "transport.ssh", known);
	o->user = binding_opt_string(L, 1, "user", NULL);
	o->port = (int)binding_opt_int(L, 1, "port", 0);
	o->config_path = binding_opt_string(L, 1, "config", NULL);
	seconds = binding_opt_number(L, 1, "connect_timeout", 0);
	if (!(seconds >= 0 && seconds < 1e6))
		luaL_error(L, "field 'connect_timeout' must be seconds, 0 to a million");
	o->connect_timeout_us = (int64_t)ceil(seconds * 1e6);
	o->connect_rate = binding_opt_number(L, 1, "connect_rate", 0);
	if (!(o->connect_rate >= 0 && o->connect_rate < 1e6))
		luaL_error(L, "field 'connect_rate' must be logins per second, up to a million");
	o->max_auth_fail = (unsigned)binding_opt_int(L, 1, "max_auth_fail", 0);
	o->keep_sessions = (size_t)binding_opt_int(L, 1, "keep_sessions", 0);
	o->no_supervisor = binding_opt_bool(L, 1, "no_supervisor", 0) != 0;
	o->audit = binding_opt_bool(L, 1, "audit", 0) != 0;
	hostkey = binding_opt_string(L, 1, "hostkey", "strict");
	if (strcmp(hostkey, "accept-new") == 0)
		o->hostkey = SSH_HOSTKEY_ACCEPT_NEW;
	else if (strcmp(hostkey, "strict") != 0)
		luaL_error(L, "field 'hostkey' must be 'strict' or 'accept-new', not '%s'",
			   hostkey);
}

static bool ask_login_password(const struct ssh_options *options, char **password,
			       struct pl_error *err)
{
	if (options->system_ssh) {
		pl_errorf(err, PL_EUNSUPPORTED, "--ask-password: the system's ssh takes no "
			  "password from us; use --transport ssh");
		return false;
	}
	*password = secret_ask("password: ", err);
	if (*password == NULL)
		pl_error_prefix(err, "--ask-password");
	return *password != NULL;
}

/* What sudo is to be told on every host. Without a terminal, or with an empty answer, it has to do
 * without. False: the person who was asked wants no more of this. */
static bool ask_sudo_password(char **password, struct pl_error *err)
{
	*password = secret_ask("sudo password there (empty: none is needed): ", err);
	if (*password == NULL) {
		pl_error_prefix(err, "--sudo");
		return err->code == PL_EUNSUPPORTED;
	}
	if (**password == '\0') {
		secret_free(*password);
		*password = NULL;
	}
	return true;
}

/* Passwords never become strings of Lua's, which could not be wiped. */
static struct transport *create_ssh(lua_State *L, struct ssh_options *options,
				    struct pl_error *err)
{
	struct transport *tp = NULL;
	char *login = NULL, *sudo = NULL;

	if ((!binding_opt_bool(L, 1, "ask_password", 0) ||
	     ask_login_password(options, &login, err)) &&
	    (!binding_opt_bool(L, 1, "ask_sudo", 0) || ask_sudo_password(&sudo, err))) {
		options->password = login;
		options->sudo_password = sudo;
		tp = ssh_create(sched_loop(L), options, err);
	}
	secret_free(login);
	secret_free(sudo);
	return tp;
}

/* Both kinds take the same table. */
static int make_ssh(lua_State *L, bool system_ssh)
{
	struct ssh_options options = { .system_ssh = system_ssh };
	struct pl_error err = { 0 };
	struct lua_transport *t;

	if (lua_isnoneornil(L, 1)) {
		lua_settop(L, 0);
		lua_newtable(L);
	}
	read_ssh_options(L, &options);
	t = binding_new(L, CLASS, sizeof(*t));
	options.note_arg = t;
	if (lua_getfield(L, 1, "on_note") == LUA_TFUNCTION) {
		t->notes = notes_create(L, -1);
		options.on_note = on_note;
	}
	if (lua_getfield(L, 1, "on_asking") == LUA_TFUNCTION) {
		t->asking = notes_create(L, -1);
		options.on_asking = on_asking;
	}
	lua_pop(L, 2);
	t->tp = create_ssh(L, &options, &err);
	return made(L, t, &err);
}

static int transport_ssh(lua_State *L)
{
	return make_ssh(L, false);
}

static int transport_openssh(lua_State *L)
{
	return make_ssh(L, true);
}

static int transport_sim(lua_State *L)
{
	static const char *const known[] = { "responder", NULL };
	struct pl_error err = { 0 };
	struct lua_transport *t;

	if (!lua_isnoneornil(L, 1)) {
		binding_check_keys(L, 1, "transport.sim", known);
		if (lua_getfield(L, 1, "responder") != LUA_TNIL)
			luaL_checktype(L, -1, LUA_TFUNCTION);
	}
	lua_settop(L, 2);
	t = binding_new(L, CLASS, sizeof(*t));
	if (lua_isfunction(L, 2))
		t->sim = lua_sim_create(L, 2);
	t->tp = sim_create(sched_loop(L), t->sim != NULL ? lua_sim_ask : NULL, t->sim, &err);
	return made(L, t, &err);
}

void lua_push_transport(lua_State *L, struct transport *tp, int keep)
{
	struct lua_transport *t = binding_new(L, CLASS, sizeof(*t));

	t->tp = tp;
	lua_pushvalue(L, keep);
	lua_setiuservalue(L, -2, 1);
}

/* ---- methods ---- */

static int transport_gc(lua_State *L)
{
	struct lua_transport *t = luaL_checkudata(L, 1, CLASS);

	lua_sim_destroy(L, t->sim);
	t->sim = NULL;
	transport_destroy(t->tp);
	t->tp = NULL;
	notes_destroy(L, t->notes);
	notes_destroy(L, t->asking);
	t->notes = t->asking = NULL;
	return 0;
}

/* Runs that go on keep it: it goes away when the last of them has, and is collected then. */
static int transport_close(lua_State *L)
{
	struct lua_transport *t = luaL_checkudata(L, 1, CLASS);

	t->closed = true;
	return t->tp != NULL && lua_run_uses(L, t->tp) ? 0 : transport_gc(L);
}

static int transport_name(lua_State *L)
{
	lua_pushstring(L, check(L, 1)->tp->ops->name);
	return 1;
}

static int transport_lua_can(lua_State *L)
{
	static const char *const names[] = { "stdin", "put", "get", "signal", "places", NULL };
	static const unsigned caps[] = { TRANSPORT_STDIN, TRANSPORT_PUT, TRANSPORT_GET,
					 TRANSPORT_SIGNAL, TRANSPORT_PLACES };
	struct lua_transport *t = check(L, 1);

	lua_pushboolean(L, transport_can(t->tp, caps[luaL_checkoption(L, 2, NULL, names)]));
	return 1;
}

static int transport_close_idle(lua_State *L)
{
	struct lua_transport *t = check(L, 1);

	t->tp->ops->close_idle(t->tp);
	return 0;
}

static bool is_ssh(const struct lua_transport *t)
{
	return strcmp(t->tp->ops->name, "ssh") == 0 || strcmp(t->tp->ops->name, "openssh") == 0;
}

/* Counts of an ssh transport; an empty table for the others. */
static int transport_stats(lua_State *L)
{
	struct lua_transport *t = check(L, 1);
	struct ssh_stats stats;

	lua_newtable(L);
	if (!is_ssh(t))
		return 1;
	ssh_stats(t->tp, &stats);
	binding_set_integer(L, "logins", (lua_Integer)stats.logins);
	binding_set_integer(L, "idle_sessions", (lua_Integer)stats.idle_sessions);
	binding_set_integer(L, "channels", (lua_Integer)stats.channels);
	return 1;
}

static int transport_target(lua_State *L)
{
	struct lua_transport *t = check(L, 1);
	struct ssh_target target;
	struct pl_error err = { 0 };

	luaL_argcheck(L, is_ssh(t), 1, "only ssh knows where a host is");
	if (ssh_target(t->tp, luaL_checkstring(L, 2), &target, &err) < 0)
		return binding_fail(L, &err);
	lua_createtable(L, 0, 3);
	binding_set_string(L, "user", target.user);
	binding_set_string(L, "hostname", target.hostname);
	binding_set_integer(L, "port", target.port);
	return 1;
}

/* The libraries that transports stand on. */
static int transport_versions(lua_State *L)
{
	lua_createtable(L, 0, 4);
	binding_set_string(L, "libssh2", ssh_library_version());
	return 1;
}

/* The program that runs beside commands on hosts, and its SHA-256. */
static int transport_supervisor(lua_State *L)
{
	char sum[SSH_SUPERVISOR_SUM_MAX];

	ssh_supervisor_sum(sum);
	lua_pushfstring(L, "%s\n%s", ssh_supervisor_first, ssh_supervisor_rest);
	lua_pushstring(L, sum);
	return 2;
}

int luaopen_perilune_core_transport(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "local", transport_local },
		{ "openssh", transport_openssh },
		{ "sim", transport_sim },
		{ "ssh", transport_ssh },
		{ "supervisor", transport_supervisor },
		{ "versions", transport_versions },
		{ NULL, NULL },
	};
	static const luaL_Reg methods[] = {
		{ "can", transport_lua_can }, { "close", transport_close },
		{ "close_idle", transport_close_idle }, { "name", transport_name },
		{ "stats", transport_stats }, { "target", transport_target },
		{ NULL, NULL },
	};

	binding_class(L, CLASS, methods, NULL, transport_gc);
	luaL_newlib(L, functions);
	return 1;
}
