/* rankmap_shortfall.c - what keeps a map from its lower bound; see rankmap_build.h */
#include "map/rankmap_build.h"

/* The family that is furthest above its bound; -1 where none is. */
static int worst_family(const struct pl_rankmap *m)
{
	double most = 0;
	int worst = -1;

	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		double above = m->cost.family[f] - m->bound.family[f];

		if (above > most) {
			most = above;
			worst = (int)f;
		}
	}
	return worst;
}

/* Whether ranks [k * block, (k + 1) * block) are whole groups. */
static bool holds_groups(const struct pl_groups *g, uint32_t block)
{
	for (uint32_t i = 0; i < g->n_groups; i++) {
		uint32_t size = pl_groups_size(g, i), unit = pl_groups_rank(g, i, 0) / block;

		for (uint32_t k = 1; k < size; k++) {
			if (pl_groups_rank(g, i, k) / block != unit)
				return false;
		}
	}
	return true;
}

/* The smallest block of ranks that keeps every group whole. */
static uint32_t block_of(const struct pl_rankmap *m, const struct pl_groups *g)
{
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n = job_blocks(&m->job, blocks);

	for (size_t i = 0; i < n; i++) {
		if (blocks[i] >= g->size && holds_groups(g, blocks[i]))
			return blocks[i];
	}
	return m->n_ranks;
}

static void add_alignment(const struct pl_rankmap *m, const struct pl_groups *g, uint32_t capacity,
                          struct strbuf *out)
{
	const char *domain = m->topo->levels[m->topo->domain_level].name;
	uint32_t have = pl_topo_units(m->topo, (size_t)m->topo->domain_level);
	uint32_t block = block_of(m, g), whole, need;

	if (block > capacity) {
		strbuf_addf(out, "its groups of %u interleave: only blocks of %u ranks hold whole "
		                 "ones, and a %s takes %u", g->size, block, domain, capacity);
		return;
	}
	whole = capacity / block;
	need = (m->n_ranks / block + whole - 1) / whole;
	if (need > have)
		strbuf_addf(out, "groups of %u cannot be aligned with %ss of %u usable: whole ones "
		                 "would need %u %ss, there are %u", block, domain, capacity, need,
		            domain, have);
	else
		strbuf_addf(out, "groups of %u would fit in %ss of %u usable, but other phases would "
		                 "lose more, or the %ss that are left are smaller", block, domain,
		            capacity, domain);
}

static void add_reason(const struct pl_rankmap *m, const struct pl_groups *g, unsigned f,
                       struct strbuf *out)
{
	int level = m->topo->domain_level;
	uint32_t capacity = level >= 0 ? m->capacity[level] : 0;

	if (level < 0 || m->cost.straddling[f] == 0)
		strbuf_addf(out, "its groups share %s with one another",
		            m->cost.worst[f].uplink ? "uplinks" : "links");
	else if (g->size > capacity)
		strbuf_addf(out, "groups of %u are larger than a %s, which takes %u, and lie over up "
		                 "to %u of them", g->size, m->topo->levels[level].name, capacity,
		            m->cost.widest[f]);
	else
		add_alignment(m, g, capacity, out);
}

void rankmap_shortfall(const struct pl_rankmap *m, struct strbuf *out)
{
	int f = worst_family(m);
	struct pl_groups g;

	if (f < 0 || m->cost.step - m->bound.step < PL_MAP_MIN_GAIN * m->cost.step) {
		strbuf_adds(out, "nothing: no other map can be noticeably better");
		return;
	}
	pl_job_groups(&m->job, (unsigned)f, &g);
	strbuf_addf(out, "%s: ", g.name);
	add_reason(m, &g, (unsigned)f, out);
}
