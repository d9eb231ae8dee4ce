/*
 * lua_topo.c - perilune.core.topo: the machine as a tree of levels.
 *
 *	new{ name=, source=, hosts=set, gpus_per_host=, adapters_per_host=, levels={...},
 *	     unusable="host:gpu,...", missing="host:gpu,...", rails="host:1/0/2/3,...",
 *	     switches=, adapters=, calibrated="what was measured", unknown=true,
 *	     told=true }
 *	tree(tree, distance)
 *
 * A level is { name=, count=, link=, bandwidth_gbyte_s=, latency_us=, oversubscription=, distance=,
 * rails=, switches=, islands={names}, units={host sets} }, from the GPU outwards; units instead of
 * count where they are of different sizes. PE numbers count from 0.
 */
#include "lua_topo.h"

#include <stdlib.h>

#include "map/drawing.h"
#include "map/occupied.h"
#include "map/rankmap_read.h"

#include "binding.h"
#include "lua_hostset.h"

#define TOPO_CLASS "perilune.topo"

int luaopen_perilune_core_topo(lua_State *L);

struct lua_topo {
	struct pl_topo *topo;
};

struct pl_topo *lua_check_topo(lua_State *L, int arg)
{
	struct lua_topo *t = luaL_checkudata(L, arg, TOPO_CLASS);

	luaL_argcheck(L, t->topo != NULL, arg, "a closed topology");
	return t->topo;
}

/* ---- reading the description ---- */

static uint32_t opt_count(lua_State *L, int arg, const char *field)
{
	int64_t n = binding_opt_int(L, arg, field, 0);

	if (n < 0 || n > PL_TOPO_MAX_PES)
		luaL_error(L, "topology: %s is %I: a number from 0 to %d", field, (LUAI_UACINT)n,
		           PL_TOPO_MAX_PES);
	return (uint32_t)n;
}

/* Names of islands; the array is a userdata left on the stack, the strings stay in the table. */
static void read_islands(lua_State *L, int arg, struct pl_topo_level *level)
{
	const char **names;
	lua_Integer n;
	int table;

	if (lua_getfield(L, arg, "islands") == LUA_TNIL) {
		lua_pop(L, 1);
		return;
	}
	table = lua_gettop(L);
	luaL_checktype(L, table, LUA_TTABLE);
	n = luaL_len(L, table);
	names = lua_newuserdatauv(L, (size_t)(n > 0 ? n : 1) * sizeof(*names), 0);
	for (lua_Integer i = 1; i <= n; i++) {
		if (lua_geti(L, table, i) != LUA_TSTRING)
			luaL_error(L, "topology: islands are names");
		names[i - 1] = lua_tostring(L, -1);
		lua_pop(L, 1);
	}
	level->islands = names;
	level->n_islands = (size_t)n;
}

static enum pl_link read_link(lua_State *L, int arg)
{
	const char *name = binding_opt_string(L, arg, "link", NULL);
	int link = name != NULL ? pl_link_parse(name) : PL_LINK_UNKNOWN;

	if (link < 0)
		luaL_error(L, "topology: link '%s' is none of nvlink, infiniband, ethernet", name);
	return (enum pl_link)link;
}

static void read_level(lua_State *L, int arg, struct pl_topo_level *level)
{
	static const char *const keys[] = { "name",
		                            "count",
		                            "link",
		                            "distance",
		                            "bandwidth_gbyte_s",
		                            "latency_us",
		                            "rails",
		                            "oversubscription",
		                            "switches",
		                            "islands",
		                            "units",
		                            NULL };

	binding_check_keys(L, arg, "topology level", keys);
	level->name = binding_opt_string(L, arg, "name", NULL);
	level->count = opt_count(L, arg, "count");
	level->link = read_link(L, arg);
	level->bandwidth_gbyte_s = binding_opt_number(L, arg, "bandwidth_gbyte_s", 0);
	level->latency_us = binding_opt_number(L, arg, "latency_us", 0);
	level->oversubscription = binding_opt_number(L, arg, "oversubscription", 0);
	level->distance = binding_opt_number(L, arg, "distance", 0);
	level->rails = opt_count(L, arg, "rails");
	level->switches = opt_count(L, arg, "switches");
	read_islands(L, arg, level);
}

/* Leaves what the levels borrow on the stack. */
static size_t read_levels(lua_State *L, int arg, struct pl_topo_level levels[PL_TOPO_MAX_LEVELS])
{
	lua_Integer n;
	int table;

	if (lua_getfield(L, arg, "levels") != LUA_TTABLE)
		luaL_error(L, "topology: levels is a list of tables, from the GPU outwards");
	table = lua_gettop(L);
	n = luaL_len(L, table);
	if (n < 1 || n > PL_TOPO_MAX_LEVELS)
		luaL_error(L, "topology: %I levels: from 1 to %d are possible", (LUAI_UACINT)n,
		           PL_TOPO_MAX_LEVELS);
	luaL_checkstack(L, 4 * PL_TOPO_MAX_LEVELS, NULL);
	for (lua_Integer i = 1; i <= n; i++) {
		if (lua_geti(L, table, i) != LUA_TTABLE)
			luaL_error(L, "topology: level %I is no table", (LUAI_UACINT)i);
		read_level(L, lua_gettop(L), &levels[i - 1]);
	}
	return (size_t)n;
}

/* ---- making one ---- */

static struct lua_topo *push_topo(lua_State *L)
{
	return binding_new(L, TOPO_CLASS, sizeof(struct lua_topo));
}

static int topo_new(lua_State *L)
{
	static const char *const keys[] = {
		"name",   "source",   "hosts", "gpus_per_host", "adapters_per_host",
		"levels", "unusable", "missing", "switches", "adapters", "rails",
		"calibrated", "unknown", "told", NULL
	};
	const uint32_t *units[PL_TOPO_MAX_LEVELS] = { NULL };
	struct pl_topo_level levels[PL_TOPO_MAX_LEVELS] = { 0 };
	struct pl_topo_spec spec = { .levels = levels };
	struct pl_error err = { 0 };
	const char *unusable, *missing, *rails;
	struct lua_topo *t;

	binding_check_keys(L, 1, "topology", keys);
	spec.name = binding_opt_string(L, 1, "name", NULL);
	spec.source = binding_opt_string(L, 1, "source", NULL);
	spec.calibrated = binding_opt_string(L, 1, "calibrated", NULL);
	lua_getfield(L, 1, "unknown");
	spec.unknown = lua_toboolean(L, -1);
	lua_getfield(L, 1, "told");
	spec.told = lua_toboolean(L, -1);
	spec.gpus_per_host = opt_count(L, 1, "gpus_per_host");
	spec.adapters_per_host = opt_count(L, 1, "adapters_per_host");
	spec.n_switches = opt_count(L, 1, "switches");
	spec.n_adapters = opt_count(L, 1, "adapters");
	unusable = binding_opt_string(L, 1, "unusable", "");
	missing = binding_opt_string(L, 1, "missing", "");
	rails = binding_opt_string(L, 1, "rails", "");
	if (lua_getfield(L, 1, "hosts") == LUA_TNIL)
		return luaL_error(L, "topology: no hosts");
	spec.hosts = lua_check_hostset(L, lua_gettop(L));
	spec.n_levels = read_levels(L, 1, levels);
	if (lua_topo_read_units(L, 1, &spec, units))
		spec.host_units = units;
	t = push_topo(L);
	t->topo = pl_topo_create(&spec, &err);
	if (t->topo == NULL || pl_topo_mark_missing(t->topo, missing, &err) < 0 ||
	    pl_topo_mark_unusable(t->topo, unusable, &err) < 0 ||
	    pl_topo_set_rails(t->topo, rails, &err) < 0)
		return binding_fail(L, &err);
	return 1;
}

static int topo_tree(lua_State *L)
{
	const char *tree = luaL_checkstring(L, 1), *distance = luaL_checkstring(L, 2);
	struct pl_error err = { 0 };
	struct lua_topo *t = push_topo(L);

	t->topo = pl_topo_parse_tree(tree, distance, &err);
	return t->topo != NULL ? 1 : binding_fail(L, &err);
}

static int topo_gc(lua_State *L)
{
	struct lua_topo *t = luaL_checkudata(L, 1, TOPO_CLASS);

	pl_topo_destroy(t->topo);
	t->topo = NULL;
	return 0;
}

void lua_push_topo(lua_State *L, struct pl_topo *topo)
{
	push_topo(L)->topo = topo;
}

/* ---- asking it ---- */

static int topo_name(lua_State *L)
{
	lua_pushstring(L, lua_check_topo(L, 1)->name);
	return 1;
}

static int topo_source(lua_State *L)
{
	lua_pushstring(L, lua_check_topo(L, 1)->source);
	return 1;
}

/* topo:calibrated() -> what was measured, or nil */
static int topo_calibrated(lua_State *L)
{
	lua_pushstring(L, lua_check_topo(L, 1)->calibrated);
	return 1;
}

/* topo:set_source(text): where it came from, in other words */
static int topo_set_source(lua_State *L)
{
	pl_topo_set_source(lua_check_topo(L, 1), luaL_checkstring(L, 2));
	return 0;
}

static int topo_hosts(lua_State *L)
{
	lua_push_hostset(L, pl_hostlist_copy(lua_check_topo(L, 1)->hosts));
	return 1;
}

static int topo_gpus_per_host(lua_State *L)
{
	lua_pushinteger(L, lua_check_topo(L, 1)->gpus_per_host);
	return 1;
}

static int topo_usable(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);

	lua_pushinteger(L, t->n_pes - t->n_unusable);
	return 1;
}

/* topo:pe(host, gpu) -> number, or nil */
static int topo_pe(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);
	size_t host = pl_hostlist_find(t->hosts, luaL_checkstring(L, 2));
	lua_Integer gpu = luaL_checkinteger(L, 3);
	uint32_t pe = gpu < 0 || gpu > UINT32_MAX ? UINT32_MAX : pl_topo_pe(t, host, (uint32_t)gpu);

	if (pe == UINT32_MAX)
		return luaL_pushfail(L), 1;
	lua_pushinteger(L, pe);
	return 1;
}

static uint32_t check_pe(lua_State *L, const struct pl_topo *t, int arg)
{
	lua_Integer pe = luaL_checkinteger(L, arg);

	luaL_argcheck(L, pe >= 0 && pe < t->n_pes, arg, "no PE of this machine");
	return (uint32_t)pe;
}

/* topo:place(pe) -> host, gpu */
static int topo_place(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);
	uint32_t pe = check_pe(L, t, 2);

	lua_pushstring(L, pl_hostlist_name(t->hosts, pl_topo_host(t, pe)));
	lua_pushinteger(L, pl_topo_gpu(t, pe));
	return 2;
}

/* topo:common_level(pe, pe) -> name, index from 1; nil for a PE and itself */
static int topo_common_level(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);
	int level = pl_topo_common_level(t, check_pe(L, t, 2), check_pe(L, t, 3));

	if (level < 0)
		return luaL_pushfail(L), 1;
	lua_pushstring(L, t->levels[level].name);
	lua_pushinteger(L, level + 1);
	return 2;
}

static int topo_mark_unusable(lua_State *L)
{
	struct pl_error err = { 0 };

	if (pl_topo_mark_unusable(lua_check_topo(L, 1), luaL_checkstring(L, 2), &err) < 0)
		return binding_fail(L, &err);
	lua_settop(L, 1);
	return 1;
}

typedef void format_f(const struct pl_topo *topo, struct strbuf *out);

static int push_text(lua_State *L, format_f *format)
{
	struct strbuf out = STRBUF_INIT;

	format(lua_check_topo(L, 1), &out);
	lua_pushlstring(L, strbuf_str(&out), out.len);
	strbuf_fini(&out);
	return 1;
}

static int topo_counts(lua_State *L)
{
	return push_text(L, pl_topo_format_counts);
}

static int topo_describe(lua_State *L)
{
	return push_text(L, pl_topo_format_text);
}

static void draw_machine(const struct pl_topo *t, struct strbuf *out)
{
	pl_draw(t, NULL, out);
}

/* topo:draw() -> SVG */
static int topo_draw(lua_State *L)
{
	return push_text(L, draw_machine);
}

/* topo:set_rails("HOSTS:1/0/2/3,...") */
static int topo_set_rails(lua_State *L)
{
	struct pl_error err = { 0 };

	if (pl_topo_set_rails(lua_check_topo(L, 1), luaL_checkstring(L, 2), &err) < 0)
		return binding_fail(L, &err);
	return 0;
}

/* The job in the argument; false where there is none. Raises for a wrong one. */
static bool read_job(lua_State *L, int arg, struct pl_job *job)
{
	struct pl_error err = { 0 };

	if (lua_isnoneornil(L, arg))
		return false;
	if (pl_job_parse(job, luaL_checkstring(L, arg), &err) < 0)
		binding_fail(L, &err);
	return true;
}

/* topo:occupy(map text, its name, [job]): its GPUs and links are another job's */
static int topo_occupy(lua_State *L)
{
	struct pl_topo *t = lua_check_topo(L, 1);
	struct pl_error err = { 0 };
	struct pl_job job;
	bool known = read_job(L, 4, &job);
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);
	uint32_t *pe = NULL, n;
	int rc = pl_rankmap_read(t, luaL_checkstring(L, 3), text, len, &pe, &n, &err);

	if (rc == 0)
		rc = pl_topo_occupy(t, pe, n, known ? &job : NULL, &err);
	if (known)
		pl_job_fini(&job);
	free(pe);
	if (rc < 0)
		return binding_fail(L, &err);
	lua_pushinteger(L, n);
	return 1;
}

/* topo:rails() -> as set_rails() reads them */
static int topo_rails(lua_State *L)
{
	return push_text(L, pl_topo_format_rails);
}

static void push_level(lua_State *L, const struct pl_topo *t, size_t i)
{
	const struct pl_topo_level *l = &t->levels[i];

	lua_createtable(L, 0, 8);
	binding_set_string(L, "name", l->name);
	binding_set_integer(L, "count", l->count);
	binding_set_integer(L, "units", pl_topo_units(t, i));
	binding_set_integer(L, "gpus", t->span[i]);
	binding_set_string(L, "link", pl_link_name(l->link));
	binding_set_number(L, "bandwidth_gbyte_s", l->bandwidth_gbyte_s);
	binding_set_number(L, "latency_us", l->latency_us);
	binding_set_number(L, "oversubscription", l->oversubscription);
	binding_set_integer(L, "rails", l->rails);
	binding_set_number(L, "distance", l->distance);
	lua_pushboolean(L, t->host_unit[i] != NULL);
	lua_setfield(L, -2, "uneven");
	if (l->n_islands == 0)
		return;
	lua_createtable(L, (int)l->n_islands, 0);
	for (size_t k = 0; k < l->n_islands; k++) {
		lua_pushstring(L, l->islands[k]);
		lua_rawseti(L, -2, (lua_Integer)k + 1);
	}
	lua_setfield(L, -2, "islands");
}

/* topo:levels() -> array of { name, count, units, gpus, link, bandwidth_gbyte_s, latency_us,
 * oversubscription, rails, distance, uneven, [islands] } */
static int topo_levels(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);

	lua_createtable(L, (int)t->n_levels, 0);
	for (size_t i = 0; i < t->n_levels; i++) {
		push_level(L, t, i);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* topo:figures() -> { adapters_per_host, adapters, switches, by_bandwidth, host_level }; the level
 * counts from 1, 0 where a host is a GPU */
static int topo_figures(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);

	lua_createtable(L, 0, 5);
	binding_set_integer(L, "adapters_per_host", t->adapters_per_host);
	binding_set_integer(L, "adapters", t->n_adapters);
	binding_set_integer(L, "switches", t->n_switches);
	binding_set_integer(L, "host_level", t->host_level + 1);
	lua_pushboolean(L, t->by_bandwidth);
	lua_setfield(L, -2, "by_bandwidth");
	return 1;
}

static int topo_len(lua_State *L)
{
	lua_pushinteger(L, lua_check_topo(L, 1)->n_pes);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "name", topo_name },
	{ "source", topo_source },
	{ "calibrated", topo_calibrated },
	{ "set_source", topo_set_source },
	{ "hosts", topo_hosts },
	{ "gpus_per_host", topo_gpus_per_host },
	{ "usable", topo_usable },
	{ "pe", topo_pe },
	{ "place", topo_place },
	{ "common_level", topo_common_level },
	{ "mark_unusable", topo_mark_unusable },
	{ "set_rails", topo_set_rails },
	{ "occupy", topo_occupy },
	{ "rails", topo_rails },
	{ "counts", topo_counts },
	{ "describe", topo_describe },
	{ "draw", topo_draw },
	{ "levels", topo_levels },
	{ "figures", topo_figures },
	{ "units", lua_topo_units },
	{ "marked", lua_topo_marked },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__len", topo_len },
	{ "__tostring", topo_counts },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "new", topo_new },
	{ "tree", topo_tree },
	{ NULL, NULL },
};

int luaopen_perilune_core_topo(lua_State *L)
{
	binding_class(L, TOPO_CLASS, methods, meta, topo_gc);
	luaL_newlib(L, functions);
	return 1;
}
