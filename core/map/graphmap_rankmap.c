/* graphmap_rankmap.c - from a request to a map that others read; see graphmap.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/graphmap.h"
#include "map/rankmap_build.h"
#include "map/rankmap_read.h"
#include "map/slots.h"

uint32_t *pl_graphmap_slots(const struct pl_topo *topo, const struct pl_hostlist *hosts,
                            uint32_t *n_slots, struct pl_error *err)
{
	struct pl_job job; /* a launcher without rules and a single rank: every usable GPU will do */
	struct pl_map_request request = {
		.topo = topo, .job = &job, .hosts = hosts, .launcher = PL_FOR_ENV
	};
	struct slots slots = { 0 };
	uint32_t *pe = NULL;

	pl_job_init(&job);
	if (pl_job_check(&job, err) == 0 && slots_collect(&slots, &request, err) == 0) {
		*n_slots = slots.n;
		pe = slots.pe;
		slots.pe = NULL;
	}
	slots_fini(&slots);
	pl_job_fini(&job);
	return pe;
}

struct pl_graph_score pl_graphmap_score(const struct pl_graphmap_request *request,
                                        const uint32_t *pe)
{
	struct pl_graph_score score;

	pl_graph_cost(request->topo, request->graph, pe, &score.cost);
	pl_graph_cost(request->topo, request->graph, request->slots, &score.baseline);
	score.bound = pl_graph_bound(request);
	return score;
}

struct pl_rankmap *pl_graphmap_rankmap(const struct pl_topo *topo, const uint32_t *pe, uint32_t n,
                                       const struct pl_graph_score *score, const char *made_by)
{
	struct pl_rankmap *m = rankmap_create(topo, pe, n);

	m->launcher = PL_FOR_ENV;
	m->objective = PL_OBJECTIVE_VOLUME;
	m->strategy = made_by;
	m->graph = xmalloc(sizeof(*m->graph));
	*m->graph = *score;
	rankmap_assume_machine(m);
	rankmap_assume(m, "objective: volume x distance, as the graph and the machine give them: no "
	                  "times, uncalibrated");
	return m;
}

/* ---- maps of others ---- */

static int check_places(const struct pl_topo *topo, const char *name, uint32_t n,
                        const uint32_t *pe, uint32_t n_read, struct pl_error *err)
{
	if (n_read != n)
		return pl_errorf(err, PL_EUSAGE, "%s: the map has %u ranks, the graph %u", name,
		                 n_read, n);
	for (uint32_t r = 0; r < n; r++) {
		if (topo->unusable[pe[r]])
			return pl_errorf(err, PL_EUSAGE, "%s: rank %u is on GPU %u of %s, which is "
			                 "unusable", name, r, pl_topo_gpu(topo, pe[r]),
			                 pl_hostlist_name(topo->hosts, pl_topo_host(topo, pe[r])));
	}
	return 0;
}

int pl_graphmap_read(const char *bytes, size_t len, const char *name, const struct pl_topo *topo,
                     uint32_t n, uint32_t *pe, struct pl_error *err)
{
	uint32_t *read = NULL, n_read = 0;
	int rc = pl_rankmap_read(topo, name, bytes, len, &read, &n_read, err);

	if (rc == 0)
		rc = check_places(topo, name, n, read, n_read, err);
	if (rc == 0)
		memcpy(pe, read, n * sizeof(*pe));
	free(read);
	return rc;
}
