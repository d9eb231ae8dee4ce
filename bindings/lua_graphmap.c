/*
 * lua_graphmap.c - perilune.core.graphmap: maps from a communication graph.
 *
 *	place{ topo=, comm="graph.metis", hosts=set, effort="normal", seed=1, evaluate="map" }
 *		-> map as in lua_rankmap.c | nil, message, code
 *
 * Files are read and everything is computed on a thread of the pool, while the task waits: a graph
 * of a million ranks takes a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "binding.h"
#include "loop/pool.h"
#include "lua_hostset.h"
#include "lua_rankmap.h"
#include "lua_topo.h"
#include "map/graphmap.h"
#include "sched.h"

#define GRAPH_JOB "perilune.graphmap.job"

int luaopen_perilune_core_graphmap(lua_State *L);

/* One map being made. All it touches on the thread is its own; the userdata lets go of it when
 * collected. */
struct graph_job {
	char *comm, *evaluate; /* files; evaluate NULL: place */
	struct pl_topo topo;   /* keys, mask and levels of the machine; its names only to evaluate */
	uint32_t *slots, n_slots, n;
	enum pl_effort effort;
	uint64_t seed;
	double seconds;
	bool ended, abandoned;
	uint32_t *pe; /* the map; NULL: err says why there is none */
	struct pl_graph_score score;
	struct pl_error err;
	struct sched_queue waiter;
};

static void job_free(struct graph_job *j)
{
	free(j->comm);
	free(j->evaluate);
	pl_hostlist_destroy(j->topo.hosts);
	free(j->topo.name);
	free(j->topo.key);
	free(j->topo.unusable);
	free(j->slots);
	free(j->pe);
	free(j);
}

/* ---- on the thread ---- */

#define READ_CHUNK ((size_t)1 << 20)

static int read_file(const char *path, struct strbuf *content, struct pl_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t n = 1;

	if (fd < 0)
		return pl_error_sys(err, errno, "cannot open %s", path);
	while (n != 0 && rc == 0) {
		n = read(fd, strbuf_reserve(content, READ_CHUNK), READ_CHUNK);
		if (n > 0)
			content->len += (size_t)n;
		else if (n < 0 && errno != EINTR)
			rc = pl_error_sys(err, errno, "cannot read %s", path);
	}
	close(fd);
	return rc;
}

static struct pl_commgraph *read_graph(struct graph_job *j)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_commgraph *graph = NULL;

	if (read_file(j->comm, &text, &j->err) == 0)
		graph = pl_commgraph_parse(text.s, text.len, j->comm, &j->err);
	strbuf_fini(&text);
	return graph;
}

static int evaluate(struct graph_job *j, const struct pl_graphmap_request *request)
{
	struct strbuf text = STRBUF_INIT;
	int rc = read_file(j->evaluate, &text, &j->err);

	if (rc == 0)
		rc = pl_graphmap_read(text.s, text.len, j->evaluate, &j->topo, request->graph->n,
				      j->pe, &j->err);
	strbuf_fini(&text);
	return rc;
}

static int check_room(struct graph_job *j, uint32_t ranks)
{
	if (ranks <= j->n_slots)
		return 0;
	return pl_errorf(&j->err, PL_ENOENT,
			 "%s has %u ranks but only %u GPUs are usable: one rank runs on one GPU",
			 j->comm, ranks, j->n_slots);
}

static void place_graph(struct graph_job *j, const struct pl_commgraph *graph)
{
	struct pl_graphmap_request request = { .topo = &j->topo,
					       .graph = graph,
					       .slots = j->slots,
					       .n_slots = j->n_slots,
					       .effort = j->effort,
					       .seed = j->seed };
	int rc;

	if (check_room(j, graph->n) < 0)
		return;
	j->n = graph->n;
	j->pe = xcalloc((size_t)graph->n + 1, sizeof(*j->pe));
	if (j->evaluate != NULL)
		rc = evaluate(j, &request);
	else
		rc = pl_graphmap_place(&request, j->pe, &j->err);
	if (rc == 0) {
		j->score = pl_graphmap_score(&request, j->pe);
		return;
	}
	free(j->pe);
	j->pe = NULL;
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void job_work(void *arg)
{
	struct graph_job *j = arg;
	double start = now_seconds();
	struct pl_commgraph *graph = read_graph(j);

	if (graph != NULL)
		place_graph(j, graph);
	pl_commgraph_destroy(graph);
	j->seconds = now_seconds() - start;
}

static void job_done(void *arg)
{
	struct graph_job *j = arg;

	j->ended = true;
	if (j->abandoned)
		job_free(j);
	else
		sched_wake_all(&j->waiter);
}

/* ---- in Lua ---- */

static int job_gc(lua_State *L)
{
	struct graph_job **handle = luaL_checkudata(L, 1, GRAPH_JOB);
	struct graph_job *j = *handle;

	*handle = NULL;
	if (j == NULL)
		return 0;
	sched_wake_all(&j->waiter);
	j->abandoned = true;
	if (j->ended)
		job_free(j);
	return 0;
}

/* Stack: the request, the topology, the job. */
static int place_k(lua_State *L, int status, lua_KContext ctx)
{
	struct graph_job *j = *(struct graph_job **)luaL_checkudata(L, 3, GRAPH_JOB);
	struct pl_rankmap *map;

	(void)status;
	if (!j->ended)
		return sched_block(L, &j->waiter, "map", ctx, place_k);
	if (j->pe == NULL) {
		/* a wrong file is the world's doing: it does not raise as a wrong request does */
		lua_pushnil(L);
		lua_pushstring(L, j->err.text);
		return 2;
	}
	map = pl_graphmap_rankmap(lua_check_topo(L, 2), j->pe, j->n, &j->score,
				  j->evaluate != NULL ? "somebody else" : "graph");
	map->seconds = j->seconds;
	lua_push_rankmap(L, map, 2);
	return 1;
}

/* The parts of the machine that the thread needs, its hosts where `named`; the machine itself
 * belongs to Lua. */
static void copy_topo(struct pl_topo *to, const struct pl_topo *from, bool named)
{
	*to = *from;
	to->source = to->calibrated = NULL;
	to->name = xstrdup(from->name);
	to->hosts = named ? pl_hostlist_copy(from->hosts) : NULL;
	to->key = xmalloc(from->n_pes * sizeof(*to->key));
	to->unusable = xmalloc(from->n_pes);
	memcpy(to->key, from->key, from->n_pes * sizeof(*to->key));
	memcpy(to->unusable, from->unusable, from->n_pes);
}

static char *opt_path(lua_State *L, const char *field)
{
	const char *path = binding_opt_string(L, 1, field, NULL);

	return path != NULL ? xstrdup(strcmp(path, "-") == 0 ? "/dev/stdin" : path) : NULL;
}

/* Fills the job from the request; raises for a wrong one. */
static int read_request(lua_State *L, struct graph_job *j)
{
	const struct pl_topo *topo = lua_check_topo(L, 2);
	const struct pl_hostlist *hosts = NULL;
	struct pl_error err = { 0 };
	int effort;

	if (lua_getfield(L, 1, "hosts") != LUA_TNIL)
		hosts = lua_check_hostset(L, -1);
	j->comm = opt_path(L, "comm");
	if (j->comm == NULL)
		return luaL_error(L, "map: which graph? comm is its file");
	j->evaluate = opt_path(L, "evaluate");
	j->seed = (uint64_t)binding_opt_int(L, 1, "seed", 1);
	effort = pl_effort_parse(binding_opt_string(L, 1, "effort", "normal"), &err);
	if (effort < 0)
		return binding_fail(L, &err);
	j->effort = (enum pl_effort)effort;
	j->slots = pl_graphmap_slots(topo, hosts, &j->n_slots, &err);
	lua_settop(L, 3);
	if (j->slots == NULL)
		return binding_fail(L, &err);
	copy_topo(&j->topo, topo, j->evaluate != NULL);
	return 0;
}

static int graphmap_place(lua_State *L)
{
	static const char *const keys[] = { "topo", "comm", "hosts", "effort",
					    "seed", "evaluate", NULL };
	struct graph_job **handle;
	int failed;

	binding_check_keys(L, 1, "map", keys);
	lua_settop(L, 1);
	lua_getfield(L, 1, "topo");
	handle = binding_new(L, GRAPH_JOB, sizeof(*handle));
	*handle = xcalloc(1, sizeof(**handle));
	(*handle)->ended = true; /* nobody else has it yet */
	failed = read_request(L, *handle);
	if (failed != 0)
		return failed;
	(*handle)->ended = false;
	pool_submit(sched_loop(L), job_work, job_done, *handle);
	return place_k(L, LUA_OK, 0);
}

int luaopen_perilune_core_graphmap(lua_State *L)
{
	static const luaL_Reg functions[] = { { "place", graphmap_place }, { NULL, NULL } };

	binding_class(L, GRAPH_JOB, NULL, NULL, job_gc);
	luaL_newlib(L, functions);
	return 1;
}
