/* rankmap_explain.c - a map told to a person; see rankmap.h */
#include <math.h>
#include <string.h>

#include "map/explain_text.h"
#include "map/graphmap.h"
#include "map/rankmap_build.h"
#include "map/rankmap_limits.h"

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

static void explain_assumed(const struct pl_rankmap *m, struct strbuf *out)
{
	const char *last = "";

	if (m->n_assumed == 0)
		return;
	strbuf_adds(out, "\nassumed\n");
	for (size_t i = 0; i < m->n_assumed; i++) {
		const char *line = m->assumed[i], *colon = strstr(line, ": ");
		size_t subject = colon != NULL ? (size_t)(colon - line) + 2 : 0;
		bool same = subject > 0 && strncmp(line, last, subject) == 0;

		if (same)
			explain_fact(out, "", line + subject);
		else
			explain_sentence(out, line);
		last = line;
	}
}

/* Why the order given is kept; it is told as the result instead. */
static bool is_verdict(const char *note)
{
	return strncmp(note, "no gain", 7) == 0 || strncmp(note, "no topology", 11) == 0;
}

static void explain_notes(const struct pl_rankmap *m, struct strbuf *out)
{
	const char *key = "notes";

	for (size_t i = 0; i < m->n_notes; i++) {
		if (m->no_gain && is_verdict(m->notes[i]))
			continue;
		explain_fact(out, key, m->notes[i]);
		key = "";
	}
}

/* ---- phases: what they send, how long they take ---- */

/* The groups of a family that sends something. */
static bool phase_of(const struct pl_rankmap *m, unsigned family, struct pl_groups *g)
{
	pl_job_groups(&m->job, family, g);
	return g->size > 1 && g->gbyte > 0;
}

/* The number of a citation in the list, which gets it where it is new; 0 for none. */
static size_t cite(const char *citation, const char *list[PL_JOB_MAX_FAMILIES], size_t *n)
{
	if (citation == NULL)
		return 0;
	for (size_t i = 0; i < *n; i++) {
		if (strcmp(list[i], citation) == 0)
			return i + 1;
	}
	list[(*n)++] = citation;
	return *n;
}

static void explain_volumes(const struct pl_rankmap *m, struct strbuf *out)
{
	static const char *const patterns[] = { [PL_RING] = "ring",
		                                [PL_ALLTOALL] = "all-to-all",
		                                [PL_P2P] = "neighbours" };
	const char *cited[PL_JOB_MAX_FAMILIES];
	size_t n_cited = 0;

	strbuf_addf(out, "\n%-8s  %6s  %7s  %-10s  %9s  %-8s  %s\n", "phase", "size", "groups",
	            "algorithm", "GB/rank", "volume", "formula, bytes sent by a rank in a step");
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_volume_source from;
		struct pl_groups g;
		size_t number;

		if (!phase_of(m, f, &g))
			continue;
		pl_job_volume_source(&m->job, f, &from);
		number = cite(from.citation, cited, &n_cited);
		strbuf_addf(out, "%-8s  %6u  %7u  %-10s  %9.3g  %-8s  %s", g.name, g.size, g.n_groups,
		            patterns[g.pattern], g.gbyte, pl_volume_origin_name(from.origin),
		            from.formula != NULL ? from.formula : "-");
		if (number > 0)
			strbuf_addf(out, " [%zu]", number);
		strbuf_addc(out, '\n');
	}
	if (n_cited > 0)
		explain_fact(out, "", PL_VOLUME_SYMBOLS);
	for (size_t i = 0; i < n_cited; i++)
		strbuf_addf(out, "  [%zu] %s\n", i + 1, cited[i]);
}

/* How costs are shown: milliseconds where that is known, else shares of the order given. */
static double shown(const struct pl_rankmap *m, double cost)
{
	if (m->topo->calibrated != NULL)
		return 1000 * cost;
	return m->baseline.step > 0 ? 100 * cost / m->baseline.step : 0;
}

static void add_costs(const struct pl_rankmap *m, double given, double here, double bound,
                      struct strbuf *out)
{
	strbuf_addf(out, "  %11.2f  %11.2f  %11.2f", shown(m, given), shown(m, here),
	            shown(m, bound));
}

static void explain_phases(const struct pl_rankmap *m, struct strbuf *out)
{
	const char *domain =
	        m->topo->domain_level >= 0 ? m->topo->levels[m->topo->domain_level].name : "GPU";

	strbuf_addf(out, "\nnetwork time of a step, %s\n",
	            m->topo->calibrated != NULL
	                    ? "milliseconds, calibrated"
	                    : "% of that in the order given (ratios, uncalibrated)");
	strbuf_addf(out, "%-8s  %11s  %11s  %11s  groups that leave a %s\n", "phase", "order given",
	             "this map", "lower bound", domain);
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		if (!phase_of(m, f, &g))
			continue;
		strbuf_addf(out, "%-8s", g.name);
		add_costs(m, m->baseline.family[f], m->cost.family[f], m->bound.family[f], out);
		strbuf_addf(out, "  %u -> %u of %u", m->baseline.straddling[f],
		            m->cost.straddling[f], g.n_groups);
		if (m->cost.widest[f] > 1)
			strbuf_addf(out, ", over up to %u", m->cost.widest[f]);
		strbuf_addc(out, '\n');
	}
	strbuf_addf(out, "%-8s", "step");
	add_costs(m, m->baseline.step, m->cost.step, m->bound.step, out);
	strbuf_addc(out, '\n');
}

/* ---- what holds a phase up ---- */

static void add_culprit(const struct pl_rankmap *m, const struct pl_groups *g,
                        const struct pl_map_worst *w, struct strbuf *out)
{
	uint32_t inside, pe = 0;

	if (w->uplink) {
		strbuf_adds(out, "the way out of ");
		explain_unit(m->topo, w->level - 1, w->unit, out);
		strbuf_adds(out, ", which all groups there share");
	} else if (w->level == 0) {
		strbuf_adds(out, "its own links, of ");
		explain_unit(m->topo, -1, m->places[pl_groups_rank(g, w->group, 0)].pe, out);
		strbuf_addf(out, " and others, within a %s", m->topo->levels[0].name);
	} else {
		inside = rankmap_narrowest(m, g, w->group, w->level, &pe);
		strbuf_addf(out, "its own links out of ");
		explain_unit(m->topo, w->level - 1,
		             pl_topo_unit_index(m->topo, pe, (size_t)w->level - 1), out);
		strbuf_addf(out, ", where it has %u of %u ranks", inside,
		            pl_groups_size(g, w->group));
	}
}

static void explain_worst(const struct pl_rankmap *m, struct strbuf *out)
{
	strbuf_addf(out, "\n%-8s  %-7s  %-18s  %s\n", "phase", "slowest", "its ranks", "waits for");
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		const struct pl_map_worst *w = &m->cost.worst[f];
		struct strbuf ranks = STRBUF_INIT;
		struct pl_groups g;

		if (!phase_of(m, f, &g) || w->level < 0)
			continue;
		explain_ranks(&g, w->group, &ranks);
		strbuf_addf(out, "%-8s  %-7u  %-18s  ", g.name, w->group, strbuf_str(&ranks));
		add_culprit(m, &g, w, out);
		strbuf_addc(out, '\n');
		strbuf_fini(&ranks);
	}
}

/* ---- levels ---- */

static void explain_levels(const struct pl_rankmap *m, struct strbuf *out)
{
	strbuf_addf(out, "\n%-10s  %14s  %14s   (GB per step between ranks that meet there)\n",
	            "level", "order given", "this map");
	for (size_t i = 0; i < m->topo->n_levels; i++)
		strbuf_addf(out, "%-10s  %14.1f  %14.1f\n", m->topo->levels[i].name,
		            m->baseline.volume[i], m->cost.volume[i]);
	strbuf_addf(out, "%-10s  %14.1f  %14.1f\n", "x distance", m->baseline.weighted,
	            m->cost.weighted);
}

/* What leaves the fullest unit of each level beyond the NVLink domain. */
static void explain_uplinks(const struct pl_rankmap *m, struct strbuf *out)
{
	bool any = false;

	for (size_t i = 1; i < m->topo->n_levels; i++) {
		if (m->baseline.uplink[i] == 0 && m->cost.uplink[i] == 0)
			continue;
		if (!any)
			strbuf_addf(out, "\n%-10s  %14s  %14s   (GB per step out of the fullest)\n",
			            "uplinks of", "order given", "this map");
		any = true;
		strbuf_addf(out, "%-10s  %14.1f  %14.1f   ", m->topo->levels[i - 1].name,
		            m->baseline.uplink[i], m->cost.uplink[i]);
		explain_unit(m->topo, (int)i - 1, m->cost.uplink_unit[i], out);
		strbuf_addc(out, '\n');
	}
}

/* ---- the result in short ---- */

static void add_gain(const struct pl_rankmap *m, struct strbuf *out)
{
	static const char *const what[] = { [PL_OBJECTIVE_TIME] = "network time",
		                            [PL_OBJECTIVE_LOAD] = "load of the fullest uplink",
		                            [PL_OBJECTIVE_VOLUME] = "volume x distance" };
	double gain = pl_rankmap_gain(m);

	for (size_t i = 0; i < m->n_notes && m->no_gain; i++) {
		if (is_verdict(m->notes[i])) {
			strbuf_adds(out, m->notes[i]);
			return;
		}
	}
	if (fabs(gain) < 0.0005)
		strbuf_addf(out, "none: the %s of the order given", what[m->objective]);
	else
		strbuf_addf(out, "%.1f %% %s %s than the order given", 100 * fabs(gain),
		            gain > 0 ? "less" : "more", what[m->objective]);
	if (fabs(gain) < PL_MAP_MIN_GAIN)
		strbuf_addf(out, "; a step's own noise is %.0f %%", 100 * PL_MAP_MIN_GAIN);
}

static void explain_rule(const struct pl_rankmap *m, struct strbuf *out)
{
	struct strbuf b = STRBUF_INIT;
	double saved = m->cost.step > 0 ? 100 * (1 - m->free_step / m->cost.step) : 0;

	if (m->free_step <= 0)
		return;
	strbuf_addf(&b, "without the rule of --for %s, which keeps a host's ranks together and equal "
	                "in number, ", pl_launcher_name(m->launcher));
	if (saved < 0.05)
		strbuf_adds(&b, "the modelled step would not be shorter");
	else
		strbuf_addf(&b, "the modelled step would be %.1f %% shorter", saved);
	explain_fact(out, "rule", b.s);
	strbuf_fini(&b);
}

static void explain_result(const struct pl_rankmap *m, struct strbuf *out)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_adds(out, "\nresult\n");
	add_gain(m, &b);
	explain_fact(out, "gain", b.s);
	strbuf_reset(&b);
	if (m->bound.step > 0) {
		strbuf_addf(&b, "%.2f times the lower bound, which no map on these GPUs can "
		                "undercut; how near one can come is not known",
		            m->cost.step / m->bound.step);
		explain_fact(out, "bound", b.s);
		strbuf_reset(&b);
		rankmap_shortfall(m, &b);
		explain_fact(out, "limit", b.s);
	}
	explain_rule(m, out);
	explain_notes(m, out);
	strbuf_fini(&b);
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
	explain_assumed(m, out);
	if (m->n_notes > 0)
		strbuf_addc(out, '\n');
	explain_notes(m, out);
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

void pl_rankmap_explain(const struct pl_rankmap *m, struct strbuf *out)
{
	if (m->graph != NULL) {
		explain_graph(m, out);
		return;
	}
	explain_head(m, out);
	explain_assumed(m, out);
	explain_volumes(m, out);
	explain_result(m, out);
	explain_phases(m, out);
	explain_worst(m, out);
	explain_levels(m, out);
	explain_uplinks(m, out);
	rankmap_explain_rails(m, out);
}
