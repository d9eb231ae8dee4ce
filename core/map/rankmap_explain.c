/* rankmap_explain.c - a map told to a person; see rankmap.h */
#include "map/rankmap.h"

#include "map/graphmap.h"

static uint32_t count_nodes(const struct pl_rankmap *m)
{
	uint32_t last = 0;

	for (uint32_t r = 0; r < m->n_ranks; r++) {
		if (m->places[r].node_rank > last)
			last = m->places[r].node_rank;
	}
	return last + 1;
}

static void explain_head(const struct pl_rankmap *m, struct strbuf *out)
{
	uint32_t nodes = count_nodes(m);

	strbuf_addf(out, "%u %s on %u %s of %s, placed by %s, for %s\njob: ", m->n_ranks,
	            m->n_ranks == 1 ? "rank" : "ranks", nodes, nodes == 1 ? "host" : "hosts",
	            m->topo->name, m->strategy, pl_launcher_name(m->launcher));
	pl_job_format(&m->job, out);
	strbuf_addc(out, '\n');
}

static void explain_lines(const char *title, char *const *lines, size_t n, struct strbuf *out)
{
	if (n == 0)
		return;
	strbuf_addf(out, "\n%s\n", title);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(out, "  - %s\n", lines[i]);
}

static void explain_levels(const struct pl_rankmap *m, struct strbuf *out)
{
	strbuf_addf(out, "\n%-12s  %14s  %14s   (GB per step between ranks that meet there)\n",
	            "level", "order given", "this map");
	for (size_t i = 0; i < m->topo->n_levels; i++)
		strbuf_addf(out, "%-12s  %14.1f  %14.1f\n", m->topo->levels[i].name,
		            m->baseline.volume[i], m->cost.volume[i]);
	strbuf_addf(out, "%-12s  %14.1f  %14.1f\n", "x distance", m->baseline.weighted,
	            m->cost.weighted);
}

/* A share of the step of the order given, in percent. */
static double share(const struct pl_rankmap *m, double cost)
{
	return m->baseline.step > 0 ? 100 * cost / m->baseline.step : 0;
}

static void explain_families(const struct pl_rankmap *m, struct strbuf *out)
{
	const char *domain =
	        m->topo->domain_level >= 0 ? m->topo->levels[m->topo->domain_level].name : "GPU";

	strbuf_addf(out, "\n%-6s  %6s  %7s  %11s  %8s  %7s  %s %s\n", "groups", "size", "number",
	            "order given", "this map", "bound", "straddling a", domain);
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.size < 2 || g.gbyte == 0)
			continue;
		strbuf_addf(out, "%-6s  %6u  %7u  %9.2f %%  %6.2f %%  %5.2f %%  %u -> %u", g.name,
		            g.size, g.n_groups, share(m, m->baseline.family[f]),
		            share(m, m->cost.family[f]), share(m, m->bound.family[f]),
		            m->baseline.straddling[f], m->cost.straddling[f]);
		if (m->cost.widest[f] > 1)
			strbuf_addf(out, " (up to %u)", m->cost.widest[f]);
		strbuf_addc(out, '\n');
	}
	strbuf_addf(out, "%-6s  %6s  %7s  %9.2f %%  %6.2f %%  %5.2f %%\n", "step", "", "",
	            share(m, m->baseline.step), share(m, m->cost.step), share(m, m->bound.step));
	strbuf_adds(out,
	            "The slowest group of each kind, as a share of the modelled network time of a "
	            "step\nin the order given; the bound is what no placement on these GPUs can "
	            "undercut.\n");
}

/* ---- a map for a graph ---- */

/* What a figure is of another, for a person. */
static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 100;
}

static void explain_graph(const struct pl_rankmap *m, struct strbuf *out)
{
	const struct pl_graph_cost *given = &m->graph->baseline, *here = &m->graph->cost;

	strbuf_addf(out, "%u ranks of a communication graph on %s, placed by %s\n", m->n_ranks,
	            m->topo->name, m->strategy);
	explain_lines("assumed", m->assumed, m->n_assumed, out);
	explain_lines("notes", m->notes, m->n_notes, out);
	strbuf_addf(out, "\n%-12s  %8s  %16s  %16s   (volume between ranks that meet there)\n",
	            "level", "distance", "order given", "this map");
	for (size_t i = 0; i < m->topo->n_levels; i++)
		strbuf_addf(out, "%-12s  %8g  %16.0f  %16.0f\n", m->topo->levels[i].name,
		            m->topo->levels[i].distance, given->volume[i], here->volume[i]);
	strbuf_addf(out, "%-12s  %8s  %16.0f  %16.0f\n", "x distance", "", given->weighted,
	            here->weighted);
	strbuf_addf(out,
	            "\nThis map costs %.2f %% of the order given. No map costs less than %.0f, "
	            "%.2f %% of this one;\nhow much of that is within reach is not known.\n",
	            percent(here->weighted, given->weighted), m->graph->bound,
	            percent(m->graph->bound, here->weighted));
}

/* The group that each family waits for, and where. */
static void explain_worst(const struct pl_rankmap *m, struct strbuf *out)
{
	strbuf_addf(out, "\n%-6s  %-6s  %-12s  %s\n", "groups", "worst", "first rank",
	            "held up by");
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		const struct pl_map_worst *w = &m->cost.worst[f];
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (w->level < 0 || g.n_groups == 0)
			continue;
		strbuf_addf(out, "%-6s  %-6u  %-12u  %s %s\n", g.name, w->group,
		            pl_groups_rank(&g, w->group, 0),
		            w->uplink ? "what all groups share, the uplinks within a"
		                      : "its own links within a",
		            m->topo->levels[w->level].name);
	}
}

/* What leaves the fullest unit of each level beyond the NVLink domain. */
static void explain_uplinks(const struct pl_rankmap *m, struct strbuf *out)
{
	bool any = false;

	for (size_t i = 1; i < m->topo->n_levels; i++) {
		if (m->baseline.uplink[i] == 0 && m->cost.uplink[i] == 0)
			continue;
		if (!any)
			strbuf_addf(out, "\n%-12s  %14s  %14s   (GB per step out of the fullest)\n",
			            "uplinks of", "order given", "this map");
		any = true;
		strbuf_addf(out, "%-12s  %14.1f  %14.1f\n", m->topo->levels[i - 1].name,
		            m->baseline.uplink[i], m->cost.uplink[i]);
	}
}

void pl_rankmap_explain(const struct pl_rankmap *m, struct strbuf *out)
{
	if (m->graph != NULL) {
		explain_graph(m, out);
		return;
	}
	explain_head(m, out);
	explain_lines("assumed", m->assumed, m->n_assumed, out);
	explain_lines("notes", m->notes, m->n_notes, out);
	explain_levels(m, out);
	explain_families(m, out);
	explain_worst(m, out);
	explain_uplinks(m, out);
}
