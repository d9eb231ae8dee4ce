/* topo.c - building the tree of the machine; see topo.h */
#include "map/topo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/topo_uneven.h"

/* Copies of the names that a level carries. */
static void level_copy(struct pl_topo_level *to, const struct pl_topo_level *from)
{
	char **names = NULL;

	*to = *from;
	to->name = xstrdup(from->name);
	if (to->oversubscription == 0)
		to->oversubscription = 1;
	if (from->n_islands > 0)
		names = xcalloc(from->n_islands, sizeof(*names));
	for (size_t i = 0; i < from->n_islands; i++)
		names[i] = xstrdup(from->islands[i]);
	to->islands = (const char *const *)names;
}

static void level_fini(struct pl_topo_level *level)
{
	for (size_t i = 0; i < level->n_islands; i++)
		free((char *)level->islands[i]);
	free((void *)level->islands);
	free((char *)level->name);
}

static int check_level(const struct pl_topo_level *l, size_t i, bool want_bandwidth, bool uneven,
                       struct pl_error *err)
{
	const char *name = l->name != NULL ? l->name : "";

	if (name[0] == '\0')
		return pl_errorf(err, PL_EUSAGE, "topology: level %zu has no name", i + 1);
	if (l->count == 0 && !uneven)
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: level '%s' has no count: say how many units of the "
		                 "level inside it holds",
		                 name);
	if (!(l->bandwidth_gbyte_s >= 0) || !(l->latency_us >= 0) || !(l->distance >= 0))
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: level '%s': bandwidth, latency and distance are not "
		                 "negative",
		                 name);
	if (l->oversubscription != 0 && !(l->oversubscription >= 1))
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: level '%s': oversubscription %g: 1 is non-blocking, 4 "
		                 "means 1:4",
		                 name, l->oversubscription);
	if (want_bandwidth ? l->bandwidth_gbyte_s == 0 : l->distance == 0)
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: level '%s' has no %s: every level needs its "
		                 "bandwidth_gbyte_s, or every level its distance",
		                 name, want_bandwidth ? "bandwidth" : "distance");
	if (l->n_islands > 0 && l->n_islands != l->count && !uneven)
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: level '%s' names %zu islands but holds %u units", name,
		                 l->n_islands, l->count);
	return 0;
}

/* Whether costs come from bandwidths: of some levels, where the distances are incomplete too, is
 * taken for a level forgotten. */
static bool wants_bandwidth(const struct pl_topo_spec *spec)
{
	size_t bandwidths = 0, distances = 0;

	for (size_t i = 0; i < spec->n_levels; i++) {
		bandwidths += spec->levels[i].bandwidth_gbyte_s > 0;
		distances += spec->levels[i].distance > 0;
	}
	return bandwidths == spec->n_levels || (bandwidths > 0 && distances < spec->n_levels);
}

static int check_spec(const struct pl_topo_spec *spec, bool *want_bandwidth, struct pl_error *err)
{
	size_t hosts = spec->hosts != NULL ? pl_hostlist_count(spec->hosts) : 0;

	if (hosts == 0)
		return pl_errorf(err, PL_EUSAGE, "topology: no hosts");
	if (spec->gpus_per_host == 0 || spec->gpus_per_host > 1024)
		return pl_errorf(err, PL_EUSAGE,
		                 "topology: gpus_per_host is %u: a number from 1 to 1024",
		                 spec->gpus_per_host);
	if (hosts > PL_TOPO_MAX_PES / spec->gpus_per_host)
		return pl_errorf(err, PL_EUSAGE, "topology: more than %u GPUs", PL_TOPO_MAX_PES);
	if (spec->n_levels == 0 || spec->n_levels > PL_TOPO_MAX_LEVELS)
		return pl_errorf(err, PL_EUSAGE, "topology: %zu levels: from 1 to %d are possible",
		                 spec->n_levels, PL_TOPO_MAX_LEVELS);
	*want_bandwidth = wants_bandwidth(spec) || spec->calibrated != NULL;
	for (size_t i = 0; i < spec->n_levels; i++) {
		bool uneven = spec->host_units != NULL && spec->host_units[i] != NULL;

		if (check_level(&spec->levels[i], i, *want_bandwidth, uneven, err) < 0)
			return -1;
	}
	return 0;
}

/* How many GPUs a unit of each level holds, and which level is a host. */
static int derive_spans(struct pl_topo *t, struct pl_error *err)
{
	struct strbuf sizes = STRBUF_INIT;
	uint64_t span = 1;
	int rc = 0;

	t->host_level = t->gpus_per_host == 1 ? -1 : PL_TOPO_MAX_LEVELS;
	for (size_t i = 0; i < t->n_levels; i++) {
		span *= t->levels[i].count;
		if (span > PL_TOPO_MAX_PES)
			span = PL_TOPO_MAX_PES;
		t->span[i] = (uint32_t)span;
		strbuf_addf(&sizes, "%s%u", i > 0 ? ", " : "", t->span[i]);
		t->n_units[i] = (t->n_pes - 1) / t->span[i] + 1;
		if (span == t->gpus_per_host && t->host_level == PL_TOPO_MAX_LEVELS)
			t->host_level = (int)i;
	}
	if (span < t->n_pes)
		rc = pl_errorf(err, PL_EUSAGE,
		               "topology: the levels hold %u GPUs but %zu hosts with %u each have "
		               "%u: raise a count",
		               t->span[t->n_levels - 1], pl_hostlist_count(t->hosts),
		               t->gpus_per_host, t->n_pes);
	else if (t->host_level == PL_TOPO_MAX_LEVELS)
		rc = pl_errorf(err, PL_EUSAGE,
		               "topology: a host of %u GPUs is no unit of these levels, which hold "
		               "%s GPUs",
		               t->gpus_per_host, strbuf_str(&sizes));
	strbuf_fini(&sizes);
	return rc;
}

static unsigned bits_for(uint32_t count)
{
	return count <= 1 ? 0 : 32 - (unsigned)__builtin_clz(count - 1);
}

/* The layout of a key: which bits say the index within a unit of which level. */
static int derive_key_layout(struct pl_topo *t, struct pl_error *err)
{
	unsigned at = 0;

	for (size_t i = 0; i < t->n_levels; i++) {
		/* no unit can be filled beyond the machine, whatever count says */
		uint32_t count = t->levels[i].count < t->n_pes ? t->levels[i].count : t->n_pes;
		unsigned bits = bits_for(count);

		if (at + bits > 63)
			return pl_errorf(err, PL_EUSAGE, "topology: the levels are too wide");
		for (unsigned b = 0; b < bits; b++)
			t->level_of_bit[at + b] = (uint8_t)i;
		at += bits;
		t->shift[i] = at;
	}
	return 0;
}

/* Steps the index of each level's unit within the one around it, from PE - 1 to PE. */
static void step_index(const struct pl_topo *t, uint32_t index[PL_TOPO_MAX_LEVELS], uint32_t pe)
{
	size_t i = 0;

	if (t->host_unit[t->n_levels - 1] != NULL && pe % t->gpus_per_host == 0) {
		size_t common = topo_uneven_common(t, pl_topo_host(t, pe));

		for (; i < common; i++)
			index[i] = 0;
		index[i]++;
		return;
	}
	for (; i < t->n_levels && ++index[i] == t->levels[i].count; i++)
		index[i] = 0;
}

static void derive_keys(struct pl_topo *t)
{
	uint32_t index[PL_TOPO_MAX_LEVELS] = { 0 };

	t->key = xcalloc(t->n_pes, sizeof(*t->key));
	t->unusable = xcalloc(t->n_pes, 1);
	for (uint32_t pe = 0; pe < t->n_pes; pe++) {
		if (pe > 0)
			step_index(t, index, pe);
		for (size_t i = 0; i < t->n_levels; i++)
			t->key[pe] |= (uint64_t)index[i] << (i > 0 ? t->shift[i - 1] : 0);
	}
}

/* What a gigabyte costs at each level, and the distance where it was not given. */
static void derive_costs(struct pl_topo *t, bool from_bandwidth)
{
	t->by_bandwidth = from_bandwidth;
	for (size_t i = 0; i < t->n_levels; i++) {
		struct pl_topo_level *l = &t->levels[i];

		t->per_gbyte[i] = from_bandwidth ? l->oversubscription / l->bandwidth_gbyte_s
		                                 : l->distance * l->oversubscription;
		if (l->distance == 0)
			l->distance = t->per_gbyte[i] / t->per_gbyte[0];
	}
}

static void derive_totals(struct pl_topo *t, const struct pl_topo_spec *spec)
{
	t->n_switches = spec->n_switches;
	for (size_t i = 0; i < t->n_levels && spec->n_switches == 0; i++)
		t->n_switches += t->levels[i].switches * t->n_units[i];
	t->n_adapters = spec->n_adapters;
	if (t->n_adapters == 0)
		t->n_adapters = t->n_pes / t->gpus_per_host * t->adapters_per_host;
}

/* The NVLink domain; without that word, as far out as a byte costs at most twice the innermost. */
static int find_domain_level(const struct pl_topo *t)
{
	int domain = -1;

	for (size_t i = 0; i < t->n_levels; i++) {
		if (t->levels[i].link == PL_LINK_NVLINK)
			domain = (int)i;
	}
	if (domain >= 0)
		return domain;
	for (size_t i = 0; i < t->n_levels && t->per_gbyte[i] <= 2 * t->per_gbyte[0]; i++)
		domain = (int)i;
	return domain;
}

struct pl_topo *pl_topo_create(const struct pl_topo_spec *spec, struct pl_error *err)
{
	struct pl_topo *t;
	bool from_bandwidth = false;

	if (check_spec(spec, &from_bandwidth, err) < 0)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	t->name = xstrdup(spec->name != NULL ? spec->name : "machine");
	t->source = xstrdup(spec->source);
	t->calibrated = xstrdup(spec->calibrated);
	t->unknown = spec->unknown;
	t->told = spec->told;
	t->hosts = pl_hostlist_copy(spec->hosts);
	t->gpus_per_host = spec->gpus_per_host;
	t->adapters_per_host = spec->adapters_per_host;
	t->n_pes = (uint32_t)pl_hostlist_count(t->hosts) * t->gpus_per_host;
	t->n_levels = spec->n_levels;
	for (size_t i = 0; i < spec->n_levels; i++)
		level_copy(&t->levels[i], &spec->levels[i]);
	if ((spec->host_units != NULL ? topo_uneven_derive(t, spec, err) : derive_spans(t, err)) <
		    0 ||
	    derive_key_layout(t, err) < 0) {
		pl_topo_destroy(t);
		return NULL;
	}
	derive_keys(t);
	derive_costs(t, from_bandwidth);
	derive_totals(t, spec);
	t->domain_level = find_domain_level(t);
	topo_derive_rails(t);
	return t;
}

void pl_topo_destroy(struct pl_topo *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_levels; i++) {
		free(t->busy[i]);
		level_fini(&t->levels[i]);
		free(t->host_unit[i]);
	}
	pl_hostlist_destroy(t->hosts);
	free(t->name);
	free(t->source);
	free(t->calibrated);
	free(t->rail);
	free(t->key);
	free(t->unusable);
	free(t);
}

void pl_topo_set_source(struct pl_topo *t, const char *source)
{
	char *copy = xstrdup(source);

	free(t->source);
	t->source = copy;
}

void topo_mark(struct pl_topo *t, uint32_t pe, enum pl_topo_mark mark)
{
	if (t->unusable[pe] == PL_TOPO_MISSING)
		return;
	t->n_unusable += (mark != PL_TOPO_USABLE) - (t->unusable[pe] != PL_TOPO_USABLE);
	t->n_missing += mark == PL_TOPO_MISSING;
	t->unusable[pe] = (uint8_t)mark;
}

uint32_t pl_topo_pe(const struct pl_topo *t, size_t host, uint32_t gpu)
{
	if (host >= pl_hostlist_count(t->hosts) || gpu >= t->gpus_per_host)
		return UINT32_MAX;
	return (uint32_t)host * t->gpus_per_host + gpu;
}

uint32_t pl_topo_units(const struct pl_topo *t, size_t level)
{
	return t->n_units[level];
}
