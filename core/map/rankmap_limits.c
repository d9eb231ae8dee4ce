/* rankmap_limits.c - see rankmap_limits.h */
#include "map/rankmap_limits.h"

#include "map/islands.h"
#include "map/rankmap_build.h"

static const char *cross_words(const struct pl_map_request *request)
{
	return request->cross != NULL ? request->cross : "pp and dp";
}

/* A group that may not cross between islands, and does. */
struct torn {
	struct pl_groups groups;
	uint32_t g, n; /* the first, and how many of its family */
};

static bool crosses(const struct pl_topo *t, const struct pl_groups *g, uint32_t group,
		    const uint32_t *pe)
{
	uint32_t first = pe[pl_groups_rank(g, group, 0)];

	for (uint32_t i = 1; i < pl_groups_size(g, group); i++) {
		if (islands_apart(t, first, pe[pl_groups_rank(g, group, i)]))
			return true;
	}
	return false;
}

static bool find_torn(const struct pl_topo *t, const struct pl_job *job, const bool *may,
		      const uint32_t *pe, struct torn *torn)
{
	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		torn->n = 0;
		pl_job_groups(job, f, &torn->groups);
		for (uint32_t g = 0; !may[f] && g < torn->groups.n_groups; g++) {
			if (!crosses(t, &torn->groups, g, pe))
				continue;
			if (torn->n++ == 0)
				torn->g = g;
		}
		if (torn->n > 0)
			return true;
	}
	return false;
}

static void list_islands(const struct pl_rankmap *m, int level, struct strbuf *out)
{
	uint32_t n = pl_topo_units(m->topo, (size_t)level - 1);

	for (uint32_t island = 0, ranks, first = 0; island < n; island++) {
		ranks = 0;
		for (uint32_t r = 0; r < m->n_ranks; r++) {
			if (island_of(m->topo, level, m->places[r].pe) != island)
				continue;
			if (ranks++ == 0)
				first = m->places[r].pe;
		}
		if (ranks > 0)
			strbuf_addf(out, "%s%s %u", out->len > 0 ? ", " : "",
				    island_name(m->topo, level, first), ranks);
	}
}

static void note_islands(struct pl_rankmap *m, const struct pl_map_request *request)
{
	struct strbuf ranks = STRBUF_INIT;

	list_islands(m, islands_level(m->topo), &ranks);
	rankmap_note(m, "only %s may cross between islands; ranks in each: %s",
		     cross_words(request), strbuf_str(&ranks));
	strbuf_fini(&ranks);
}

void rankmap_note_limits(struct pl_rankmap *m, const struct pl_map_request *request,
			 const struct portfolio *p)
{
	struct torn torn;

	if (p->slots->island_level >= 0) {
		note_islands(m, request);
		if (p->items[0].barred && find_torn(m->topo, &m->job, p->slots->may_cross,
						    p->items[0].pe, &torn))
			rankmap_note(m, "the order given is no choice: %s groups would cross "
				     "between islands", torn.groups.name);
	}
	if (p->slots->keep > 1)
		rankmap_note(m, "blocks of %u ranks are kept on GPUs that follow each other",
			     p->slots->keep);
}

void rankmap_note_torn(struct pl_rankmap *m, const struct pl_map_request *request,
		       const uint32_t *pe)
{
	bool may[PL_JOB_MAX_FAMILIES];
	struct torn torn;

	if (islands_level(m->topo) < 0 ||
	    islands_parse_cross(&m->job, request->cross, may, NULL) < 0 ||
	    !find_torn(m->topo, &m->job, may, pe, &torn))
		return;
	rankmap_note(m, "%u %s %s between islands, where only %s may: the first is that of rank %u",
		     torn.n, torn.groups.name, torn.n == 1 ? "group crosses" : "groups cross",
		     cross_words(request), pl_groups_rank(&torn.groups, torn.g, 0));
}

struct pl_rankmap *rankmap_refuse_order(const struct pl_map_request *request,
					const struct portfolio *p, struct pl_error *err)
{
	struct torn torn;

	if (!find_torn(p->topo, p->job, p->slots->may_cross, p->items[0].pe, &torn))
		pl_errorf(err, PL_EUSAGE, "no placement keeps blocks of %u ranks together: name "
			  "hosts so that those of an island or rack follow each other",
			  p->slots->keep);
	else
		pl_errorf(err, PL_EUSAGE,
			  "the order given lets the %s group of rank %u cross between islands, "
			  "where only %s may: leave the strategy to us, or allow it with --cross",
			  torn.groups.name, pl_groups_rank(&torn.groups, torn.g, 0),
			  cross_words(request));
	return NULL;
}
