/* lua_topo_units.c - see lua_topo.h: units as host sets, in and out */
#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "lua_hostset.h"
#include "lua_topo.h"

/* ---- in ---- */

/* Marks the hosts of one set as of unit `number`, which is not 0. */
static void read_set(lua_State *L, const struct pl_topo_spec *spec, const char *level,
		     const char *text, uint32_t number, uint32_t *unit)
{
	struct pl_hostlist_resolver resolver = { .no_files = true };
	struct pl_error err = { 0 };
	struct pl_hostlist *set = pl_hostlist_parse(text, &resolver, &err);

	if (set == NULL)
		luaL_error(L, "topology level '%s': %s", level, err.text);
	lua_push_hostset(L, set); /* whatever raises below */
	for (size_t i = 0; i < pl_hostlist_count(set); i++) {
		const char *name = pl_hostlist_name(set, i);
		size_t host = pl_hostlist_find(spec->hosts, name);

		if (host == SIZE_MAX)
			luaL_error(L, "topology level '%s': %s is none of the hosts", level, name);
		if (unit[host] != 0)
			luaL_error(L, "topology level '%s': %s is in two units", level, name);
		unit[host] = number;
	}
	lua_pop(L, 1);
}

/* From "the set that names the host, 0 for none" to numbers that count up; `seen` by set. */
static void number_units(lua_State *L, const struct pl_topo_spec *spec, const char *level,
			 uint32_t *unit, bool *seen)
{
	uint32_t before = 0, number = 0;

	for (size_t host = 0; host < pl_hostlist_count(spec->hosts); host++) {
		uint32_t set = unit[host];

		if (host > 0 && (set == 0 || set != before))
			number++;
		if (set != 0 && set != before && seen[set])
			luaL_error(L,
				   "topology level '%s': the hosts of a unit must follow each "
				   "other in hosts: %s does not",
				   level, pl_hostlist_name(spec->hosts, host));
		seen[set] = true;
		unit[host] = number;
		before = set;
	}
}

/* The units at the top of the stack; what is returned is left there instead. */
static const uint32_t *read_units(lua_State *L, const struct pl_topo_spec *spec, const char *level)
{
	int table = lua_gettop(L);
	lua_Integer n = luaL_len(L, table);
	size_t hosts = pl_hostlist_count(spec->hosts);
	uint32_t *unit = lua_newuserdatauv(L, hosts * sizeof(*unit), 0);
	bool *seen = lua_newuserdatauv(L, (size_t)(n > 0 ? n : 0) + 1, 0);

	memset(unit, 0, hosts * sizeof(*unit));
	memset(seen, 0, (size_t)(n > 0 ? n : 0) + 1);
	for (lua_Integer i = 1; i <= n; i++) {
		if (lua_geti(L, table, i) != LUA_TSTRING)
			luaL_error(L, "topology level '%s': units are host sets", level);
		read_set(L, spec, level, lua_tostring(L, -1), (uint32_t)i, unit);
		lua_pop(L, 1);
	}
	number_units(L, spec, level, unit, seen);
	lua_pop(L, 1);
	lua_remove(L, table);
	return unit;
}

/* One unit of all hosts. */
static const uint32_t *whole(lua_State *L, const struct pl_topo_spec *spec)
{
	size_t bytes = pl_hostlist_count(spec->hosts) * sizeof(uint32_t);

	return memset(lua_newuserdatauv(L, bytes, 0), 0, bytes);
}

bool lua_topo_read_units(lua_State *L, int arg, const struct pl_topo_spec *spec,
			 const uint32_t *units[PL_TOPO_MAX_LEVELS])
{
	bool any = false;

	if (pl_hostlist_count(spec->hosts) == 0)
		return false;
	luaL_checkstack(L, 2 * PL_TOPO_MAX_LEVELS, NULL);
	lua_getfield(L, arg, "levels");
	for (size_t i = 0; i < spec->n_levels; i++) {
		int levels = lua_gettop(L);

		lua_geti(L, levels, (lua_Integer)i + 1);
		lua_getfield(L, -1, "units");
		lua_remove(L, -2);
		if (lua_istable(L, -1)) {
			units[i] = read_units(L, spec, spec->levels[i].name);
			any = true;
		} else if (!lua_isnil(L, -1)) {
			luaL_error(L, "topology level '%s': units is a list of host sets",
				   spec->levels[i].name);
		}
		lua_insert(L, levels); /* the list of levels stays at the top */
	}
	lua_pop(L, 1);
	if (any && units[spec->n_levels - 1] == NULL)
		units[spec->n_levels - 1] = whole(L, spec);
	return any;
}

/* ---- out ---- */

int lua_topo_units(lua_State *L)
{
	const struct pl_topo *t = lua_check_topo(L, 1);
	lua_Integer level = luaL_checkinteger(L, 2) - 1;
	uint32_t n_hosts = t->n_pes / t->gpus_per_host, first = 0;

	luaL_argcheck(L,
		      level >= 0 && level < (lua_Integer)t->n_levels && level >= t->host_level, 2,
		      "no level of whole hosts");
	lua_createtable(L, (int)pl_topo_units(t, (size_t)level), 0);
	for (uint32_t h = 1; h <= n_hosts; h++) {
		struct pl_hostlist *hosts;
		char *folded;

		if (h < n_hosts && pl_topo_unit_index(t, h * t->gpus_per_host, (size_t)level) ==
					   pl_topo_unit_index(t, first * t->gpus_per_host,
							      (size_t)level))
			continue;
		hosts = pl_hostlist_slice(t->hosts, first, h - first);
		folded = pl_hostlist_fold(hosts);
		lua_pushstring(L, folded);
		lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
		free(folded);
		pl_hostlist_destroy(hosts);
		first = h;
	}
	return 1;
}

int lua_topo_marked(lua_State *L)
{
	static const char *const names[] = { "usable", "unusable", "missing", "occupied", NULL };
	const struct pl_topo *t = lua_check_topo(L, 1);
	int mark = luaL_checkoption(L, 2, NULL, names);
	luaL_Buffer b;
	bool any = false;

	luaL_buffinit(L, &b);
	for (uint32_t pe = 0; pe < t->n_pes; pe++) {
		if (t->unusable[pe] != mark)
			continue;
		lua_pushfstring(L, "%s%s:%d", any ? "," : "",
				pl_hostlist_name(t->hosts, pl_topo_host(t, pe)),
				(int)pl_topo_gpu(t, pe));
		luaL_addvalue(&b);
		any = true;
	}
	luaL_pushresult(&b);
	return 1;
}
