/* graphmap_rankmap.c - from a request to a map that others read; see graphmap.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/commgraph_text.h"
#include "map/graphmap.h"
#include "map/rankmap_build.h"
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

static int read_place(struct graph_text *t, const struct pl_topo *topo, uint8_t *taken,
                      uint32_t *pe)
{
	uint64_t value;

	graph_text_blanks(t);
	if (!graph_text_number(t, topo->n_pes, &value))
		return graph_text_error(t, "a PE must be a number from 0 to %u", topo->n_pes - 1);
	graph_text_blanks(t);
	if (!graph_text_line_ended(t))
		return graph_text_error(t, "one PE a line expected");
	if (topo->unusable[value])
		return graph_text_error(t, "PE %u is unusable", (unsigned)value);
	if (taken[value]++)
		return graph_text_error(t, "PE %u has a rank already: one rank runs on one GPU",
		                        (unsigned)value);
	*pe = (uint32_t)value;
	graph_text_next_line(t);
	return 0;
}

static int read_places(struct graph_text *t, const struct pl_topo *topo, uint32_t n, uint32_t *pe,
                       uint8_t *taken)
{
	for (uint32_t r = 0; r < n; r++) {
		graph_text_skip_comments(t, '#', true);
		graph_text_blanks(t);
		if (t->at == t->end)
			return graph_text_error(t, "the map ends after %u of %u ranks", r, n);
		if (read_place(t, topo, taken, &pe[r]) < 0)
			return -1;
	}
	graph_text_skip_comments(t, '#', true);
	graph_text_blanks(t);
	if (t->at < t->end)
		return graph_text_error(t, "more lines than the %u ranks of the graph", n);
	return 0;
}

int pl_graphmap_read(const char *bytes, size_t len, const char *name, const struct pl_topo *topo,
                     uint32_t n, uint32_t *pe, struct pl_error *err)
{
	struct graph_text t = { .name = name, .line = 1, .err = err };
	uint8_t *taken = xcalloc(topo->n_pes, 1);
	int rc;

	t.at = bytes != NULL ? bytes : "";
	t.end = t.at + len;
	rc = read_places(&t, topo, n, pe, taken);
	free(taken);
	return rc;
}
