/*
 * lua_rankmap.c - perilune.core.rankmap: which GPU each rank runs on.
 *
 *	place{ topo=, job="tp=4 dp=80", hosts=set, launcher="torchrun", strategy="best",
 *	       objective="time", spares="1/rack", groups=bytes,
 *	       groups_name="where they come from", islands="infiniband", cross="pp,dp",
 *	       keep_blocks=8, assumed={"subject: what", ...}, price=true, effort="normal", seed=1 }
 *		-> map | nil, message, code
 *	evaluate{ ..., text=MAP, text_name=FILE }	a map made elsewhere, in any format we read
 *	repair{ ..., text=, text_name=, max_moves=, keep_hosts= }
 *		the map in `text` without the GPUs that are unusable now
 *	place_jobs{ ..., more_jobs={"tp=8 dp=4", ...} } -> array of maps, that of `job` first
 *		several jobs at once, each on GPUs of its own | nil, message, code
 *	formats() -> array of names
 *
 * Ranks are numbers of the job and count from 0: map:rank(0) is the first.
 */
#include "lua_rankmap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "binding.h"
#include "lua_hostset.h"
#include "lua_topo.h"
#include "map/graphmap.h"
#include "map/grouplists.h"
#include "map/jobsmap.h"
#include "map/rankmap_format.h"
#include "map/rankmap_read.h"
#include "map/repair.h"

#define RANKMAP_CLASS "perilune.rankmap"

int luaopen_perilune_core_rankmap(lua_State *L);

/* Its user value is the topology's userdata. */
struct lua_rankmap {
	struct pl_rankmap *map;
};

struct pl_rankmap *lua_check_rankmap(lua_State *L, int arg)
{
	struct lua_rankmap *m = luaL_checkudata(L, arg, RANKMAP_CLASS);

	luaL_argcheck(L, m->map != NULL, arg, "a closed map");
	return m->map;
}

void lua_push_rankmap(lua_State *L, struct pl_rankmap *map, int topo)
{
	struct lua_rankmap *m;

	lua_pushvalue(L, topo);
	m = binding_new(L, RANKMAP_CLASS, sizeof(*m));
	m->map = map;
	lua_rotate(L, -2, 1);
	lua_setiuservalue(L, -2, 1);
}

/* ---- placing ---- */

/* The number of a name, through its parser; raises for an unknown one. */
static int opt_name(lua_State *L, const char *field, const char *def,
                    int (*parse)(const char *name, struct pl_error *err))
{
	struct pl_error err = { 0 };
	int value = parse(binding_opt_string(L, 1, field, def), &err);

	if (value < 0)
		binding_fail(L, &err);
	return value;
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The job of the table at 1, with the groups listed for it. pl_job_fini() unless -1. */
static int read_job(lua_State *L, struct pl_job *job, struct pl_error *err)
{
	const char *name = binding_opt_string(L, 1, "groups_name", "groups");
	struct pl_group_lists *lists;
	size_t len;
	const char *bytes;
	int rc;

	if (pl_job_parse(job, binding_opt_string(L, 1, "job", ""), err) < 0)
		return -1;
	if (lua_getfield(L, 1, "groups") == LUA_TNIL) {
		lua_pop(L, 1);
		return 0;
	}
	bytes = luaL_checklstring(L, -1, &len);
	lists = pl_group_lists_parse(bytes, len, name, err);
	lua_pop(L, 1);
	rc = lists != NULL ? pl_job_take_lists(job, lists, err) : -1;
	pl_group_lists_unref(lists);
	return rc;
}

/* check_job(text) -> true | nil, message */
static int rankmap_check_job(lua_State *L)
{
	struct pl_error err = { 0 };
	struct pl_job job;

	if (pl_job_parse(&job, luaL_checkstring(L, 1), &err) < 0) {
		lua_pushnil(L);
		lua_pushstring(L, err.text);
		return 2;
	}
	pl_job_fini(&job);
	lua_pushboolean(L, 1);
	return 1;
}

/* The strings stay in the table at 1. */
static void read_limits(lua_State *L, struct pl_map_request *request)
{
	lua_Integer keep;

	request->islands = binding_opt_string(L, 1, "islands", NULL);
	request->cross = binding_opt_string(L, 1, "cross", NULL);
	lua_getfield(L, 1, "keep_blocks");
	keep = luaL_optinteger(L, -1, 0);
	if (keep < 0 || keep > PL_JOB_MAX_WORLD)
		luaL_error(L, "map: keep_blocks is a number of ranks");
	request->keep_blocks = (uint32_t)keep;
	lua_pop(L, 1);
}

/* The sentences in field `assumed`; what they borrow is left on the stack. */
static void read_assumed(lua_State *L, struct pl_map_request *request)
{
	const char **lines;
	lua_Integer n;
	int table;

	if (lua_getfield(L, 1, "assumed") == LUA_TNIL)
		return;
	table = lua_gettop(L);
	luaL_checktype(L, table, LUA_TTABLE);
	n = luaL_len(L, table);
	lines = lua_newuserdatauv(L, (size_t)(n > 0 ? n : 1) * sizeof(*lines), 0);
	luaL_checkstack(L, (int)n + 1, "map: too many lines in assumed");
	for (lua_Integer i = 1; i <= n; i++) {
		lua_geti(L, table, i);
		lines[i - 1] = luaL_checkstring(L, -1);
	}
	request->assumed = lines;
	request->n_assumed = (size_t)n;
}

/* Fills a request from the table at 1; the topology's userdata is left at 2, the hosts' at 3. */
static void read_request(lua_State *L, struct pl_map_request *request, struct pl_job *job)
{
	static const char *const keys[] = { "topo",      "job",    "hosts", "launcher",  "strategy",
		                            "objective", "spares", "text",  "text_name", "max_moves",
		                            "keep_hosts", "groups", "groups_name", "islands",
		                            "cross", "keep_blocks", "assumed", "price", "effort",
		                            "seed", "more_jobs", NULL };
	struct pl_error err = { 0 };

	binding_check_keys(L, 1, "map", keys);
	lua_settop(L, 1);
	lua_getfield(L, 1, "topo");
	request->topo = lua_check_topo(L, 2);
	if (lua_getfield(L, 1, "hosts") != LUA_TNIL)
		request->hosts = lua_check_hostset(L, 3);
	request->launcher = (enum pl_launcher)opt_name(L, "launcher", "torchrun", pl_launcher_parse);
	request->strategy = (enum pl_strategy)opt_name(L, "strategy", "best", pl_strategy_parse);
	request->objective = (enum pl_objective)opt_name(L, "objective", "time", pl_objective_parse);
	request->effort = (enum pl_effort)opt_name(L, "effort", "normal", pl_effort_parse);
	lua_getfield(L, 1, "seed");
	request->seed = lua_isnil(L, -1) ? 1 : (uint64_t)luaL_checkinteger(L, -1);
	lua_pop(L, 1);
	read_limits(L, request);
	if (pl_map_spares_parse(&request->spares, binding_opt_string(L, 1, "spares", "0"), &err) < 0)
		binding_fail(L, &err);
	lua_getfield(L, 1, "price");
	request->price = lua_toboolean(L, -1);
	lua_pop(L, 1);
	read_assumed(L, request);
	if (read_job(L, job, &err) < 0)
		binding_fail(L, &err);
	request->job = job;
}

typedef struct pl_rankmap *make_f(lua_State *L, const struct pl_map_request *request,
                                  struct pl_error *err);

/* The map that `make` makes of the request at 1. */
static int make_map(lua_State *L, make_f *make)
{
	struct pl_map_request request = { 0 };
	struct pl_error err = { 0 };
	struct lua_rankmap *m;
	struct pl_job job;
	int top;

	read_request(L, &request, &job);
	top = lua_gettop(L);
	m = binding_new(L, RANKMAP_CLASS, sizeof(*m));
	lua_pushvalue(L, 2);
	lua_setiuservalue(L, -2, 1);
	m->map = make(L, &request, &err);
	pl_job_fini(&job);
	if (m->map == NULL)
		return err.code == PL_EOK ? lua_error(L) : binding_fail(L, &err);
	lua_settop(L, top + 1);
	return 1;
}

/* Sets what the making took, reading left out. */
static struct pl_rankmap *timed(struct pl_rankmap *map, double start)
{
	if (map != NULL)
		map->seconds = now_seconds() - start;
	return map;
}

static struct pl_rankmap *make_placed(lua_State *L, const struct pl_map_request *request,
                                      struct pl_error *err)
{
	double start = now_seconds();

	(void)L;
	return timed(pl_rankmap_place(request, err), start);
}

/* The map in field `text`; -1 with err, or with all that is wrong on the stack, which is more than
 * an error holds. */
static int read_text(lua_State *L, const struct pl_topo *topo, uint32_t **pe, uint32_t *n,
                     struct pl_error *err)
{
	struct strbuf problems = STRBUF_INIT;
	const char *text;
	size_t len;
	int rc;

	lua_getfield(L, 1, "text");
	text = lua_tolstring(L, -1, &len);
	if (text == NULL)
		return pl_errorf(err, PL_EUSAGE, "map: 'text' holds the map that is given");
	rc = pl_rankmap_read_all(topo, binding_opt_string(L, 1, "text_name", "map"), text, len, pe,
	                         n, &problems);
	lua_pop(L, 1);
	if (rc < 0)
		lua_pushlstring(L, strbuf_str(&problems), problems.len);
	strbuf_fini(&problems);
	return rc;
}

static struct pl_rankmap *make_evaluated(lua_State *L, const struct pl_map_request *request,
                                         struct pl_error *err)
{
	struct pl_rankmap *map;
	uint32_t *pe, n;

	if (read_text(L, request->topo, &pe, &n, err) < 0)
		return NULL;
	map = pl_rankmap_evaluate(request, pe, n, err);
	free(pe);
	return map;
}

static struct pl_rankmap *make_repaired(lua_State *L, const struct pl_map_request *request,
                                        struct pl_error *err)
{
	struct pl_map_repair repair = { 0 };
	struct pl_rankmap *map;
	double start;
	uint32_t *pe;

	lua_getfield(L, 1, "max_moves");
	lua_getfield(L, 1, "keep_hosts");
	repair.max_moves = lua_tointeger(L, -2) > 0 ? (uint32_t)lua_tointeger(L, -2) : 0;
	repair.keep_hosts = lua_toboolean(L, -1);
	lua_pop(L, 2);
	if (read_text(L, request->topo, &pe, &repair.n, err) < 0)
		return NULL;
	repair.previous = pe;
	start = now_seconds();
	map = timed(pl_rankmap_repair(request, &repair, err), start);
	free(pe);
	return map;
}

static int rankmap_place(lua_State *L)
{
	return make_map(L, make_placed);
}

/* ---- several jobs ---- */

/* The strings of field `more_jobs` as jobs from *n on; -1 with err, naming the one that is wrong.
 *  */
static int read_more_jobs(lua_State *L, struct pl_job *jobs, size_t *n, struct pl_error *err)
{
	lua_Integer more;

	lua_getfield(L, 1, "more_jobs");
	luaL_checktype(L, -1, LUA_TTABLE);
	more = luaL_len(L, -1);
	for (lua_Integer i = 1; i <= more && *n < PL_JOBS_MAX; i++) {
		const char *text;

		lua_geti(L, -1, i);
		text = lua_tostring(L, -1);
		if (pl_job_parse(&jobs[*n], text != NULL ? text : "", err) < 0)
			return -1;
		lua_pop(L, 1);
		(*n)++;
	}
	if (more > PL_JOBS_MAX - 1)
		return pl_errorf(err, PL_EUSAGE, "%d jobs can be placed at once", PL_JOBS_MAX);
	lua_pop(L, 1);
	return 0;
}

/* The maps of the jobs, as an array; all requests are the same but for the job. */
static int place_all(lua_State *L, const struct pl_map_request *request, const struct pl_job *jobs,
                     size_t n, struct pl_error *err)
{
	struct pl_map_request *requests = lua_newuserdatauv(L, n * sizeof(*requests), 0);
	struct pl_rankmap *maps[PL_JOBS_MAX] = { NULL };
	double start = now_seconds();
	int rc;

	for (size_t i = 0; i < n; i++) {
		requests[i] = *request;
		requests[i].job = &jobs[i];
	}
	rc = pl_rankmap_place_jobs(requests, n, maps, err);
	if (rc < 0)
		return -1;
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_push_rankmap(L, timed(maps[i], start), 2);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 0;
}

static int rankmap_place_jobs(lua_State *L)
{
	struct pl_map_request request = { 0 };
	struct pl_error err = { 0 };
	struct pl_job jobs[PL_JOBS_MAX];
	size_t n = 1;
	int rc;

	read_request(L, &request, &jobs[0]);
	rc = read_more_jobs(L, jobs, &n, &err);
	if (rc == 0)
		rc = place_all(L, &request, jobs, n, &err);
	for (size_t i = 0; i < n; i++)
		pl_job_fini(&jobs[i]);
	return rc < 0 ? binding_fail(L, &err) : 1;
}

static int rankmap_evaluate(lua_State *L)
{
	return make_map(L, make_evaluated);
}

static int rankmap_repair(lua_State *L)
{
	return make_map(L, make_repaired);
}

static int rankmap_gc(lua_State *L)
{
	struct lua_rankmap *m = luaL_checkudata(L, 1, RANKMAP_CLASS);

	pl_rankmap_destroy(m->map);
	m->map = NULL;
	return 0;
}

static int rankmap_formats(lua_State *L)
{
	lua_newtable(L);
	for (int i = 0; pl_rankmap_formats[i] != NULL; i++) {
		lua_pushstring(L, pl_rankmap_formats[i]);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

/* ---- one rank ---- */

static uint32_t check_rank(lua_State *L, const struct pl_rankmap *m, int arg)
{
	lua_Integer rank = luaL_checkinteger(L, arg);

	if (rank < 0 || rank >= m->n_ranks)
		luaL_error(L, "rank %I: the map has ranks 0 to %d", (LUAI_UACINT)rank,
		           (int)m->n_ranks - 1);
	return (uint32_t)rank;
}

static const char *host_name(const struct pl_rankmap *m, uint32_t rank)
{
	return pl_hostlist_name(m->topo->hosts, m->places[rank].host);
}

static int rankmap_host(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	lua_pushstring(L, host_name(m, check_rank(L, m, 2)));
	return 1;
}

static int rankmap_gpu(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	lua_pushinteger(L, m->places[check_rank(L, m, 2)].gpu);
	return 1;
}

static void set_int(lua_State *L, const char *field, lua_Integer value)
{
	lua_pushinteger(L, value);
	lua_setfield(L, -2, field);
}

static void push_rank(lua_State *L, const struct pl_rankmap *m, uint32_t rank)
{
	const struct pl_place *p = &m->places[rank];

	lua_createtable(L, 0, 6);
	set_int(L, "rank", rank);
	binding_set_string(L, "host", host_name(m, rank));
	set_int(L, "gpu", p->gpu);
	set_int(L, "local_rank", p->local_rank);
	set_int(L, "node_rank", p->node_rank);
	set_int(L, "pe", p->pe);
}

/* map:rank(r) -> { rank=, host=, gpu=, local_rank=, node_rank=, pe= } */
static int rankmap_rank(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	push_rank(L, m, check_rank(L, m, 2));
	return 1;
}

static int next_rank(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);
	lua_Integer rank = lua_isnil(L, 2) ? 0 : luaL_checkinteger(L, 2) + 1;

	if (rank >= m->n_ranks)
		return luaL_pushfail(L), 1;
	lua_pushinteger(L, rank);
	push_rank(L, m, (uint32_t)rank);
	return 2;
}

/* for rank, place in map:each() do */
static int rankmap_each(lua_State *L)
{
	lua_check_rankmap(L, 1);
	lua_pushcfunction(L, next_rank);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* ---- the whole ---- */

/* The hosts used, in the order of their first rank. */
static int rankmap_hosts(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);
	struct pl_hostlist *hosts = pl_hostlist_create();

	for (uint32_t r = 0; r < m->n_ranks; r++) {
		if (m->places[r].local_rank == 0)
			pl_hostlist_add(hosts, host_name(m, r));
	}
	lua_push_hostset(L, hosts);
	return 1;
}

static int rankmap_format(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);
	const char *format = luaL_checkstring(L, 2);
	struct strbuf out = STRBUF_INIT;
	struct pl_error err = { 0 };

	if (pl_rankmap_format(m, format, &out, &err) < 0) {
		strbuf_fini(&out);
		return binding_fail(L, &err);
	}
	lua_pushlstring(L, strbuf_str(&out), out.len);
	strbuf_fini(&out);
	return 1;
}

static int rankmap_explain(lua_State *L)
{
	struct strbuf out = STRBUF_INIT;

	pl_rankmap_explain(lua_check_rankmap(L, 1), &out);
	lua_pushlstring(L, strbuf_str(&out), out.len);
	strbuf_fini(&out);
	return 1;
}

static void push_move(lua_State *L, uint32_t rank, const struct pl_rankmap *from,
                      const struct pl_rankmap *to)
{
	lua_createtable(L, 0, 3);
	set_int(L, "rank", rank);
	push_rank(L, from, rank);
	lua_setfield(L, -2, "from");
	push_rank(L, to, rank);
	lua_setfield(L, -2, "to");
}

/* map:moves(other) -> array of { rank=, from=, to= }: the ranks that `other` has elsewhere. */
static int rankmap_moves(lua_State *L)
{
	const struct pl_rankmap *from = lua_check_rankmap(L, 1), *to = lua_check_rankmap(L, 2);
	lua_Integer n = 0;

	if (from->n_ranks != to->n_ranks)
		return luaL_error(L, "moves: one map has %d ranks, the other %d",
		                  (int)from->n_ranks, (int)to->n_ranks);
	lua_newtable(L);
	for (uint32_t r = 0; r < from->n_ranks; r++) {
		if (strcmp(host_name(from, r), host_name(to, r)) == 0 &&
		    from->places[r].gpu == to->places[r].gpu)
			continue;
		push_move(L, r, from, to);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

static int push_lines(lua_State *L, char *const *lines, size_t n)
{
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_pushstring(L, lines[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int rankmap_notes(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	return push_lines(L, m->notes, m->n_notes);
}

static int rankmap_assumed(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	return push_lines(L, m->assumed, m->n_assumed);
}

/* The family that the step waits for longest, and the level that holds it up; nothing for a map of
 * a graph, or when nothing is sent. */
static void set_slowest(lua_State *L, const struct pl_rankmap *m)
{
	unsigned slowest = 0;
	struct pl_groups g;

	for (unsigned f = 1; f < pl_job_n_families(&m->job); f++) {
		if (m->cost.family[f] > m->cost.family[slowest])
			slowest = f;
	}
	if (m->graph != NULL || m->cost.family[slowest] == 0)
		return;
	pl_job_groups(&m->job, slowest, &g);
	for (int level = (int)m->topo->n_levels - 1; level >= 0; level--) {
		if (m->cost.volume[level] == 0)
			continue;
		binding_set_integer(L, "outermost", level + 1);
		break;
	}
	binding_set_string(L, "phase", g.name);
	binding_set_integer(L, "level", pl_rankmap_slowest_level(m, slowest) + 1);
}

/*
 * map:cost() -> { step=, baseline=, lower_bound=, gain=, calibrated=, phase=, level=, outermost= }:
 * modelled seconds where the machine is calibrated, else for ratios only; the slowest phase, the
 * level that holds it up, and the outermost level that is crossed, both counted from 1.
 */
static int rankmap_cost(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	lua_createtable(L, 0, 7);
	binding_set_number(L, "gain", pl_rankmap_gain(m));
	lua_pushboolean(L, m->topo->calibrated != NULL);
	lua_setfield(L, -2, "calibrated");
	set_slowest(L, m);
	binding_set_number(L, "step", m->cost.step);
	binding_set_number(L, "baseline", m->baseline.step);
	binding_set_number(L, "lower_bound", m->bound.step);
	return 1;
}

static int rankmap_strategy(lua_State *L)
{
	lua_pushstring(L, lua_check_rankmap(L, 1)->strategy);
	return 1;
}

static int rankmap_launcher(lua_State *L)
{
	lua_pushstring(L, pl_launcher_name(lua_check_rankmap(L, 1)->launcher));
	return 1;
}

static int rankmap_topo(lua_State *L)
{
	lua_check_rankmap(L, 1);
	lua_getiuservalue(L, 1, 1);
	return 1;
}

/* A map is a result that is ok: map:must() is the map. */
static int rankmap_must(lua_State *L)
{
	lua_check_rankmap(L, 1);
	lua_settop(L, 1);
	return 1;
}

static int rankmap_len(lua_State *L)
{
	lua_pushinteger(L, lua_check_rankmap(L, 1)->n_ranks);
	return 1;
}

static int rankmap_tostring(lua_State *L)
{
	const struct pl_rankmap *m = lua_check_rankmap(L, 1);

	lua_pushfstring(L, "map of %d ranks on %s", (int)m->n_ranks, m->topo->name);
	return 1;
}

/* Fields size and ok; everything else is a method. */
static int rankmap_index(lua_State *L)
{
	const char *key = luaL_checkstring(L, 2);

	if (strcmp(key, "size") == 0)
		return rankmap_len(L);
	if (strcmp(key, "ok") == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	luaL_getmetafield(L, 1, "methods");
	lua_getfield(L, -1, key);
	return 1;
}

static const luaL_Reg methods[] = {
	{ "must", rankmap_must },         { "host", rankmap_host },
	{ "gpu", rankmap_gpu },           { "rank", rankmap_rank },
	{ "each", rankmap_each },         { "hosts", rankmap_hosts },
	{ "format", rankmap_format },     { "explain", rankmap_explain },
	{ "moves", rankmap_moves },       { "notes", rankmap_notes },
	{ "assumed", rankmap_assumed },   { "cost", rankmap_cost },
	{ "strategy", rankmap_strategy }, { "launcher", rankmap_launcher },
	{ "topo", rankmap_topo },         { NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__index", rankmap_index },
	{ "__len", rankmap_len },
	{ "__tostring", rankmap_tostring },
	{ NULL, NULL },
};

static const luaL_Reg functions[] = {
	{ "place", rankmap_place },
	{ "place_jobs", rankmap_place_jobs },
	{ "evaluate", rankmap_evaluate },
	{ "repair", rankmap_repair },
	{ "formats", rankmap_formats },
	{ "check_job", rankmap_check_job },
	{ NULL, NULL },
};

int luaopen_perilune_core_rankmap(lua_State *L)
{
	binding_class(L, RANKMAP_CLASS, NULL, meta, rankmap_gc);
	luaL_getmetatable(L, RANKMAP_CLASS);
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	lua_setfield(L, -2, "methods");
	luaL_newlib(L, functions);
	return 1;
}
