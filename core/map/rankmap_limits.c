/* rankmap_limits.c - see rankmap_limits.h */
#include "map/rankmap_limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
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

/* The family that has most ranks off their rail; -1 for none. */
static int find_off_rail(const struct pl_job *job, const struct pl_map_cost *cost)
{
	int worst = -1;

	for (unsigned f = 0; f < pl_job_n_families(job); f++) {
		if (cost->off_rail[f] > (worst < 0 ? 0 : cost->off_rail[worst]))
			worst = (int)f;
	}
	return worst;
}

static void note_off_rail(struct pl_rankmap *m)
{
	int f = find_off_rail(&m->job, &m->cost);
	struct pl_groups g;

	if (f < 0)
		return;
	pl_job_groups(&m->job, (unsigned)f, &g);
	rankmap_note(m, "%u of %u ranks are off the rail of their %s group: their traffic takes "
		     "the spine (%u in the order given)", m->cost.off_rail[f], m->n_ranks, g.name,
		     m->baseline.off_rail[f]);
}

/* Hosts of the map whose cables are swapped, and what was done about it. */
static void note_swapped(struct pl_rankmap *m)
{
	struct pl_hostlist *hosts = pl_hostlist_create();
	char *folded;

	for (uint32_t r = 0; r < m->n_ranks; r++) {
		if (m->places[r].local_rank == 0 &&
		    pl_topo_host_rails_differ(m->topo, m->places[r].host))
			pl_hostlist_add(hosts, pl_hostlist_name(m->topo->hosts, m->places[r].host));
	}
	if (pl_hostlist_count(hosts) > 0) {
		folded = pl_hostlist_fold(hosts);
		rankmap_note(m, slots_by_rail(m->launcher)
				     ? "GPUs of %s are taken in the order of its rails, "
				       "which are swapped"
				     : "rails of %s are swapped, and %s takes GPUs by their index: "
				       "--for torchrun, mpi or env could swap them too",
			     folded, pl_launcher_name(m->launcher));
		free(folded);
	}
	pl_hostlist_destroy(hosts);
}

static void note_rails(struct pl_rankmap *m)
{
	note_swapped(m);
	note_off_rail(m);
}

void rankmap_explain_rails(const struct pl_rankmap *m, struct strbuf *out)
{
	bool any = false;

	if (m->topo->rail == NULL)
		return;
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		if (m->cost.off_rail[f] == 0 && m->baseline.off_rail[f] == 0)
			continue;
		pl_job_groups(&m->job, f, &g);
		strbuf_addf(out, "%s%s %u -> %u", any ? ", " : "\nranks off their rail: ", g.name,
			    m->baseline.off_rail[f], m->cost.off_rail[f]);
		any = true;
	}
	strbuf_adds(out, any ? "\n" : "\nranks off their rail: none\n");
}

/* How many whole groups of so many ranks the domains of the slots can take. */
static uint32_t count_room(const struct pl_topo *t, const struct slots *s, uint32_t size)
{
	uint32_t *grouped = xmalloc(s->n * sizeof(*grouped)), whole;

	memcpy(grouped, s->pe, s->n * sizeof(*grouped));
	slots_group(t, grouped, s->n);
	whole = slots_trim(t, grouped, s->n, (size_t)t->domain_level, size) / size;
	free(grouped);
	return whole;
}

/* Why groups that would fit a domain are in several. */
static void say_why(const struct pl_rankmap *m, const struct slots *s, const struct pl_groups *g,
		    struct strbuf *out)
{
	uint32_t room = count_room(m->topo, s, g->size);

	if (room < g->n_groups)
		strbuf_addf(out, "the usable GPUs hold only %u whole ones", room);
	else if (s->per_host > 0 && g->size % s->per_host != 0 && s->per_host % g->size != 0)
		strbuf_addf(out, "%s keeps %u ranks on each host, which groups of %u do not fit",
			    pl_launcher_name(m->launcher), s->per_host, g->size);
	else
		strbuf_adds(out, "no placement that was tried keeps them whole and is better");
}

/* Groups that should be in one NVLink domain, and are not. */
static void note_straddling(struct pl_rankmap *m, const struct slots *s)
{
	static const enum pl_family whole[] = { PL_FAMILY_TP, PL_FAMILY_CP, PL_FAMILY_EP };
	int domain = m->topo->domain_level;

	for (size_t i = 0; i < ARRAY_LEN(whole) && domain >= 0; i++) {
		uint32_t n = m->cost.straddling[whole[i]];
		struct strbuf why = STRBUF_INIT;
		struct pl_groups g;

		pl_job_groups(&m->job, whole[i], &g);
		if (n == 0 || g.size > m->topo->span[domain])
			continue;
		say_why(m, s, &g, &why);
		rankmap_note(m, "%u of %u %s groups straddle %ss: %s", n, g.n_groups, g.name,
			     m->topo->levels[domain].name, strbuf_str(&why));
		strbuf_fini(&why);
	}
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
	note_straddling(m, p->slots);
	if (m->topo->rail != NULL)
		note_rails(m);
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
