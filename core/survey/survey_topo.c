/* survey_topo.c - see survey.h: the tree of hosts (survey_tree.h) becomes a machine (topo.h) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "survey/survey_merge.h"
#include "survey/survey_names.h"
#include "survey/survey_nets.h"
#include "survey/survey_tree.h"

/* What a byte costs beside one inside the tray, where no source knows bandwidths: NVLink is about
 * ten times a network adapter (900 and 100 GB/s for GB300 NVL72), and a nearer switch is preferred
 * a little, since nothing tells that the tiers are oversubscribed. */
#define NETWORK_DISTANCE 10
#define TIER_DISTANCE	 1
/* Between islands there is the network for storage and users: an adapter of 50 GB/s for a tray
 * whose four GPUs have 100 GB/s each. */
#define ISLAND_DISTANCE	 80

#define MAX_RAILS	 64 /* that are looked at */

struct building {
	struct pl_survey *survey;
	struct survey_tree tree;
	uint32_t gpus_per_host; /* the most of a host */
	uint32_t otherwise;
	char names[PL_TOPO_MAX_LEVELS][16];
	struct pl_topo_level levels[PL_TOPO_MAX_LEVELS];
	const uint32_t *units[PL_TOPO_MAX_LEVELS];
	size_t n_levels;
};

/* ---- GPUs ---- */

/* A guess would make a wrong machine: a host of which no GPU is known is refused. */
static int count_gpus(struct building *b, struct pl_error *err)
{
	const struct pl_survey *s = b->survey;
	const char *unknown = NULL;
	size_t n_unknown = 0;

	for (size_t h = 0; h < s->n_hosts; h++) {
		uint32_t n = survey_gpus_of(&s->hosts[h], b->otherwise);

		if (n > b->gpus_per_host)
			b->gpus_per_host = n;
		if (n == 0 && n_unknown++ == 0)
			unknown = s->hosts[h].name;
	}
	if (n_unknown > 0)
		return pl_errorf(err, PL_EUSAGE,
				 "topology: no source says how many GPUs %s has%s: say "
				 "--gpus-per-host N",
				 unknown, n_unknown > 1 ? ", nor others" : "");
	if (b->gpus_per_host > 1024)
		return pl_errorf(err, PL_EUSAGE, "topology: a host with %u GPUs: 1024 are possible",
				 b->gpus_per_host);
	return 0;
}

static enum pl_topo_mark mark_of(const struct building *b, const struct pl_survey_host *host,
				 uint32_t index)
{
	if (index >= survey_gpus_of(host, b->otherwise))
		return PL_TOPO_MISSING;
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].index == index)
			return host->gpus[i].health == PL_HEALTH_BAD ? PL_TOPO_UNUSABLE
								     : PL_TOPO_USABLE;
	}
	return PL_TOPO_USABLE;
}

static void mark_gpus(const struct building *b, struct pl_topo *t)
{
	for (uint32_t pe = 0; pe < t->n_pes; pe++) {
		uint32_t host = b->tree.order[pl_topo_host(t, pe)];

		topo_mark(t, pe, mark_of(b, &b->survey->hosts[host], pl_topo_gpu(t, pe)));
	}
}

/* ---- rails ---- */

/* By leaf: how many hosts have it for each rail. */
struct leaf_rails {
	uint32_t n[MAX_RAILS];
};

static void count_leaves(const struct pl_survey *s, struct strtable *leaves)
{
	for (size_t h = 0; h < s->n_hosts; h++) {
		for (size_t i = 0; i < s->hosts[h].n_rails && i < MAX_RAILS; i++) {
			const char *leaf = s->hosts[h].rails[i].text;
			struct leaf_rails *known = leaf != NULL ? strtable_get(leaves, leaf) : NULL;

			if (leaf != NULL && known == NULL) {
				known = xcalloc(1, sizeof(*known));
				strtable_put(leaves, leaf, known);
			}
			if (known != NULL)
				known->n[i]++;
		}
	}
}

/* The rail that more than half of a leaf's hosts have it for; else `otherwise`. */
static uint32_t rail_of_leaf(const struct leaf_rails *leaf, uint32_t otherwise)
{
	uint32_t sum = 0, best = 0;

	for (uint32_t i = 0; i < MAX_RAILS; i++) {
		sum += leaf->n[i];
		best = leaf->n[i] > leaf->n[best] ? i : best;
	}
	return 2 * leaf->n[best] > sum ? best : otherwise;
}

/* A GPU whose adapter hangs on the leaf of another rail is on that one: a swapped cable. */
static void set_rails(const struct building *b, const struct strtable *leaves, struct pl_topo *t)
{
	for (uint32_t pe = 0; pe < t->n_pes; pe++) {
		const struct pl_survey_host *host =
			&b->survey->hosts[b->tree.order[pl_topo_host(t, pe)]];
		uint32_t own = t->rail[pe], rail;

		if (own >= host->n_rails || host->rails[own].text == NULL)
			continue;
		rail = rail_of_leaf(strtable_get(leaves, host->rails[own].text), own);
		if (rail < t->n_rails)
			t->rail[pe] = (uint16_t)rail;
	}
}

static void find_rails(const struct building *b, struct pl_topo *t)
{
	struct strtable leaves = STRTABLE_INIT;

	if (t->rail == NULL || t->n_rails > MAX_RAILS)
		return;
	count_leaves(b->survey, &leaves);
	set_rails(b, &leaves, t);
	for (size_t i = 0; i < leaves.n_entries; i++)
		free(leaves.entries[i].value);
	strtable_fini(&leaves);
}

/* What the machine takes for granted about them. */
static void count_guesses(const struct building *b)
{
	struct pl_survey *s = b->survey;

	s->n_guessed_hosts = s->n_unseen_gpus = 0;
	for (size_t h = 0; h < s->n_hosts; h++) {
		const struct pl_survey_host *host = &s->hosts[h];
		uint32_t n = survey_gpus_of(host, b->otherwise);

		s->n_guessed_hosts += survey_gpus_of(host, 0) == 0;
		if (host->n_gpus_seen < n)
			s->n_unseen_gpus += n - (uint32_t)host->n_gpus_seen;
	}
}

/* ---- levels ---- */

static enum pl_link fabric_of(const struct pl_survey *s)
{
	const char *fabric = NULL;

	for (size_t h = 0; h < s->n_hosts; h++) {
		const char *said = s->hosts[h].fabric.text;

		if (said != NULL && fabric != NULL && strcmp(said, fabric) != 0)
			return PL_LINK_UNKNOWN;
		if (said != NULL)
			fabric = said;
	}
	if (fabric == NULL || pl_link_parse(fabric) < 0)
		return PL_LINK_UNKNOWN;
	return (enum pl_link)pl_link_parse(fabric);
}

static uint32_t rails_of(const struct pl_survey *s)
{
	size_t rails = 0;

	for (size_t h = 0; h < s->n_hosts; h++)
		rails = s->hosts[h].n_rails > rails ? s->hosts[h].n_rails : rails;
	return (uint32_t)rails;
}

static void name_level(char name[16], enum survey_stage stage)
{
	static const char *const names[] = { "domain", "block", "rack", "leaf", "spine", "core" };

	if (stage >= SURVEY_ISLAND)
		strcpy(name, stage == SURVEY_ISLAND ? "island" : "network");
	else if (stage < ARRAY_LEN(names))
		strcpy(name, names[stage]);
	else
		snprintf(name, 16, "tier%d", (int)stage - SURVEY_LEAF + 1);
}

static bool domains_known(const struct pl_survey *s)
{
	for (size_t h = 0; h < s->n_hosts; h++) {
		if (survey_said(&s->hosts[h], SURVEY_DOMAIN) != NULL)
			return true;
	}
	return false;
}

/* The inside of a host; none where a host is one GPU. */
static void add_tray(struct building *b)
{
	bool nvlink = domains_known(b->survey);
	struct pl_topo_level *l = &b->levels[0];

	if (b->gpus_per_host == 1)
		return;
	strcpy(b->names[0], b->tree.stage[0] == SURVEY_DOMAIN ? "tray" : "host");
	*l = (struct pl_topo_level){ .name = b->names[0], .count = b->gpus_per_host,
				     .distance = 1 };
	if (nvlink) {
		l->link = PL_LINK_NVLINK;
		l->bandwidth_gbyte_s = b->survey->nvlink_gbyte_s;
	}
	b->n_levels = 1;
}

static void add_level(struct building *b, size_t at)
{
	struct pl_topo_level *l = &b->levels[b->n_levels];
	bool nvlink = b->tree.stage[at] == SURVEY_DOMAIN;
	size_t outside = at - (b->tree.stage[0] == SURVEY_DOMAIN && !nvlink);

	name_level(b->names[b->n_levels], b->tree.stage[at]);
	*l = (struct pl_topo_level){ .name = b->names[b->n_levels],
				     .link = PL_LINK_NVLINK,
				     .bandwidth_gbyte_s = b->survey->nvlink_gbyte_s,
				     .distance = 1 };
	if (!nvlink) {
		l->link = fabric_of(b->survey);
		l->bandwidth_gbyte_s = b->survey->fabric_gbyte_s;
		l->distance = NETWORK_DISTANCE + TIER_DISTANCE * (double)outside;
		l->rails = rails_of(b->survey);
	}
	if (at + 1 == b->tree.n_levels && b->tree.n_islands > 0) {
		l->islands = b->tree.islands;
		l->n_islands = b->tree.n_islands;
		l->bandwidth_gbyte_s = 0;
		l->distance = ISLAND_DISTANCE;
		l->rails = 0;
	}
	b->units[b->n_levels++] = b->tree.unit[at];
}

/* Bandwidths of some levels only are no ground for costs: then the distances are, and where every
 * level has its bandwidth they follow from those. */
static void settle_figures(struct building *b)
{
	bool all = true;

	for (size_t i = 0; i < b->n_levels; i++)
		all &= b->levels[i].bandwidth_gbyte_s > 0;
	for (size_t i = 0; i < b->n_levels && all; i++)
		b->levels[i].distance = 0;
}

static int add_levels(struct building *b, struct pl_error *err)
{
	add_tray(b);
	if (b->n_levels + b->tree.n_levels > PL_TOPO_MAX_LEVELS)
		return pl_errorf(err, PL_EUSAGE,
				 "topology: %zu levels that differ were found: %d are possible; "
				 "import fewer sources",
				 b->n_levels + b->tree.n_levels, PL_TOPO_MAX_LEVELS);
	for (size_t i = 0; i < b->tree.n_levels; i++)
		add_level(b, i);
	settle_figures(b);
	return 0;
}

/* ---- the machine ---- */

static uint32_t adapters_of(const struct pl_survey *s, uint32_t *most)
{
	uint64_t n = 0;

	*most = 0;
	for (size_t h = 0; h < s->n_hosts; h++) {
		n += s->hosts[h].n_adapters.n;
		if (s->hosts[h].n_adapters.n > *most)
			*most = s->hosts[h].n_adapters.n;
	}
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static struct pl_topo *create(struct building *b, struct pl_error *err)
{
	struct strbuf source = STRBUF_INIT;
	struct pl_hostlist *hosts = pl_hostlist_create();
	struct pl_topo_spec spec = { .name = "imported",
				     .hosts = hosts,
				     .gpus_per_host = b->gpus_per_host,
				     .levels = b->levels,
				     .n_levels = b->n_levels,
				     .host_units = b->units,
				     .told = true,
				     .n_switches = b->survey->n_switches };
	struct pl_topo *t;

	for (uint32_t at = 0; at < b->tree.n_hosts; at++)
		pl_hostlist_add(hosts, b->survey->hosts[b->tree.order[at]].name);
	spec.n_adapters = adapters_of(b->survey, &spec.adapters_per_host);
	pl_survey_format_sources(b->survey, &source);
	spec.source = strbuf_str(&source);
	t = pl_topo_create(&spec, err);
	pl_hostlist_destroy(hosts);
	strbuf_fini(&source);
	return t;
}

struct pl_topo *pl_survey_topo(struct pl_survey *s, uint32_t gpus_per_host, struct pl_error *err)
{
	struct building b = { .survey = s, .otherwise = gpus_per_host };
	struct pl_topo *t = NULL;

	if (s->n_hosts == 0)
		return pl_errorf(err, PL_EUSAGE, "topology: the sources name no host"), NULL;
	if (count_gpus(&b, err) < 0)
		return NULL;
	count_guesses(&b);
	survey_settle_nets(s);
	survey_match_names(s);
	survey_merge_notes(s);
	survey_tree_make(&b.tree, s);
	if (add_levels(&b, err) == 0)
		t = create(&b, err);
	if (t != NULL)
		mark_gpus(&b, t);
	if (t != NULL)
		find_rails(&b, t);
	survey_tree_fini(&b.tree);
	return t;
}
