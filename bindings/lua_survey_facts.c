/*
 * lua_survey_facts.c - a survey as a table: who said what of which host, and when.
 *
 *	survey:facts() -> {
 *		sources = { { format=, name=, taken_at= }, ... },
 *		hosts = { { name=, gpus=, uuids={...}, chassis=, slot=, domain=, block=, tiers={...},
 *			    by = { gpus = number of its source, domain = ..., ... } }, ... },
 *		guessed_hosts=, unseen_gpus= }		the last two once there is a machine
 *
 * Keys of `by`: gpus, adapters, slot, domain, block, chassis, leaf, switches, rails, fabric.
 */
#include "lua_survey.h"

#include "binding.h"

/* ---- sources ---- */

static void push_sources(lua_State *L, const struct pl_survey *s)
{
	lua_createtable(L, (int)s->n_sources, 0);
	for (size_t i = 0; i < s->n_sources; i++) {
		lua_createtable(L, 0, 3);
		binding_set_string(L, "format", s->sources[i].format);
		binding_set_string(L, "name", s->sources[i].name);
		binding_set_integer(L, "taken_at", s->sources[i].taken_at);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

/* ---- hosts ---- */

/* The source of a fact that somebody told, into the table at the top. */
static void set_by(lua_State *L, const char *kind, const struct pl_fact *fact)
{
	if (fact->text != NULL)
		binding_set_integer(L, kind, (lua_Integer)fact->source + 1);
}

static void set_by_count(lua_State *L, const char *kind, const struct pl_fact_count *fact)
{
	if (fact->n > 0)
		binding_set_integer(L, kind, (lua_Integer)fact->source + 1);
}

static void push_by(lua_State *L, const struct pl_survey_host *host)
{
	lua_createtable(L, 0, 8);
	set_by_count(L, "gpus", &host->n_gpus);
	set_by_count(L, "adapters", &host->n_adapters);
	set_by_count(L, "slot", &host->slot);
	set_by(L, "domain", &host->domain);
	set_by(L, "block", &host->block);
	set_by(L, "chassis", &host->chassis);
	set_by(L, "leaf", &host->tier[0]);
	set_by(L, "switches", &host->tier[1]);
	set_by(L, "fabric", &host->fabric);
	for (size_t i = 0; i < host->n_rails; i++)
		set_by(L, "rails", &host->rails[i]);
}

/* The known UUIDs, in the order of the GPUs' indexes as they were seen. */
static void push_uuids(lua_State *L, const struct pl_survey_host *host)
{
	lua_Integer n = 0;

	lua_createtable(L, (int)host->n_gpus_seen, 0);
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].uuid == NULL)
			continue;
		lua_pushstring(L, host->gpus[i].uuid);
		lua_rawseti(L, -2, ++n);
	}
}

static void push_tiers(lua_State *L, const struct pl_survey_host *host)
{
	lua_newtable(L);
	for (size_t i = 0; i < PL_SURVEY_TIERS && host->tier[i].text != NULL; i++) {
		lua_pushstring(L, host->tier[i].text);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
}

static void push_host(lua_State *L, const struct pl_survey_host *host)
{
	uint32_t n = host->n_gpus.n > 0 ? host->n_gpus.n : (uint32_t)host->n_gpus_seen;

	lua_createtable(L, 0, 10);
	binding_set_string(L, "name", host->name);
	binding_set_integer(L, "gpus", n);
	binding_set_string(L, "chassis", host->chassis.text);
	binding_set_integer(L, "slot", host->slot.n);
	binding_set_string(L, "domain", host->domain.text);
	binding_set_string(L, "block", host->block.text);
	push_uuids(L, host);
	lua_setfield(L, -2, "uuids");
	push_tiers(L, host);
	lua_setfield(L, -2, "tiers");
	push_by(L, host);
	lua_setfield(L, -2, "by");
}

int lua_survey_facts(lua_State *L)
{
	const struct pl_survey *s = lua_check_survey(L);

	lua_createtable(L, 0, 4);
	push_sources(L, s);
	lua_setfield(L, -2, "sources");
	lua_createtable(L, (int)s->n_hosts, 0);
	for (size_t i = 0; i < s->n_hosts; i++) {
		push_host(L, &s->hosts[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_setfield(L, -2, "hosts");
	binding_set_integer(L, "guessed_hosts", s->n_guessed_hosts);
	binding_set_integer(L, "unseen_gpus", s->n_unseen_gpus);
	return 1;
}
