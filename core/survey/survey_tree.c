/* survey_tree.c - see survey_tree.h: sets of hosts are joined, stage by stage */
#include "survey/survey_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"

#define NOTES_ALIKE 3 /* more say nothing new */

const char *survey_stage_words(enum survey_stage stage)
{
	static const char *const words[] = { "NVLink domain", "block",	     "rack",
					     "leaf switch",   "spine switch", "core switch" };

	return stage < ARRAY_LEN(words) ? words[stage] : "outer switch";
}

static const char *leaf_of_rails(const struct pl_survey_host *host)
{
	for (size_t i = 0; i < host->n_rails; i++) {
		if (host->rails[i].text != NULL)
			return host->rails[i].text;
	}
	return NULL;
}

static const char *domain_of(const struct pl_survey_host *host)
{
	const char *said = host->domain.text;

	for (size_t i = 0; i < host->n_gpus_seen && said == NULL; i++)
		said = host->gpus[i].domain;
	return said;
}

const char *survey_said(const struct pl_survey_host *host, enum survey_stage stage)
{
	switch (stage) {
	case SURVEY_DOMAIN:
		return domain_of(host);
	case SURVEY_BLOCK:
		return host->block.text;
	case SURVEY_CHASSIS:
		return host->chassis.text;
	case SURVEY_LEAF:
		return host->tier[0].text != NULL ? host->tier[0].text : leaf_of_rails(host);
	case SURVEY_ISLAND:
		return host->fabric.text;
	case SURVEY_NETWORK:
		return NULL;
	default:
		return host->tier[stage - SURVEY_LEAF].text;
	}
}

/* ---- sets of hosts: each points to another of its set, the root to itself ---- */

static uint32_t root_of(uint32_t *up, uint32_t host)
{
	while (up[host] != host)
		host = up[host] = up[up[host]];
	return host;
}

/* The lower root stays: it is the host that was named first. */
static void join(uint32_t *up, uint32_t a, uint32_t b)
{
	uint32_t root_a = root_of(up, a), root_b = root_of(up, b);

	if (root_a < root_b)
		up[root_b] = root_a;
	else
		up[root_a] = root_b;
}

static uint32_t count_sets(const uint32_t *up, uint32_t n)
{
	uint32_t sets = 0;

	for (uint32_t h = 0; h < n; h++)
		sets += up[h] == h;
	return sets;
}

/* Calls join for one name; names of a set are joined by commas ("spine1,spine2"). Names are of one
 * switch only `within` one fabric. */
static void join_said(uint32_t *up, struct strtable *first, const char *said, const char *within,
		      uint32_t host, bool is_set)
{
	while (*said != '\0') {
		size_t len = is_set ? strcspn(said, ",") : strlen(said);
		char *name = xasprintf("%s\n%.*s", within, (int)len, said);
		uintptr_t other = (uintptr_t)strtable_get(first, name);

		if (other > 0)
			join(up, (uint32_t)(other - 1), host);
		else if (len > 0)
			strtable_put(first, name, (void *)(uintptr_t)(host + 1));
		free(name);
		said += len + (said[len] == ',');
	}
}

/* ---- stages ---- */

struct making {
	struct survey_tree *tree;
	struct pl_survey *survey;
	uint32_t *up;
	uint32_t n_sets;
	bool mixed; /* hosts are on fabrics of different kinds */
	uint32_t *sets[SURVEY_TREE_MAX]; /* by level and host: the root of its set */
};

/* Hosts that say nothing where others do stay by themselves: that is told. */
static void note_silent(struct making *m, enum survey_stage stage, struct pl_hostlist *silent)
{
	size_t n = pl_hostlist_count(silent);
	struct pl_hostlist *few = pl_hostlist_slice(silent, 0, 64);
	char *hosts = pl_hostlist_fold(few);

	survey_note(m->survey, "%zu of %u hosts %s no %s that a source knows: %s%s", n,
		    m->tree->n_hosts, n == 1 ? "has" : "have", survey_stage_words(stage), hosts,
		    n > 64 ? " and others" : "");
	pl_hostlist_destroy(few);
	free(hosts);
}

/* Whether anybody says something at the stage; joins those who say the same. */
static bool join_stage(struct making *m, enum survey_stage stage)
{
	struct strtable first = STRTABLE_INIT;
	struct pl_hostlist *silent = pl_hostlist_create();
	uint32_t n = m->tree->n_hosts;
	bool spoken;

	for (uint32_t h = 0; h < n; h++) {
		const struct pl_survey_host *host = &m->survey->hosts[h];
		const char *said = survey_said(host, stage);
		bool apart = m->mixed && stage >= SURVEY_LEAF && host->fabric.text != NULL;

		if (said != NULL)
			join_said(m->up, &first, said, apart ? host->fabric.text : "", h,
				  stage > SURVEY_LEAF);
		else
			pl_hostlist_add(silent, m->survey->hosts[h].name);
	}
	spoken = pl_hostlist_count(silent) < n;
	if (spoken && pl_hostlist_count(silent) > 0)
		note_silent(m, stage, silent);
	pl_hostlist_destroy(silent);
	strtable_fini(&first);
	return spoken;
}

/* Keeps the sets as they are as a level. */
static void keep_level(struct making *m, enum survey_stage stage)
{
	struct survey_tree *t = m->tree;
	uint32_t *sets = xcalloc(t->n_hosts, sizeof(*sets));

	for (uint32_t h = 0; h < t->n_hosts; h++)
		sets[h] = root_of(m->up, h);
	m->sets[t->n_levels] = sets;
	t->stage[t->n_levels] = stage;
	t->n_units[t->n_levels++] = m->n_sets;
}

/* One unit holds hosts that name different leaves, blocks or racks: what is inside joined them.
 * Told once for each two. */
static void note_joined(struct making *m, enum survey_stage stage)
{
	struct strtable told = STRTABLE_INIT;
	size_t n;

	for (uint32_t h = 0; h < m->tree->n_hosts; h++) {
		struct pl_survey_host *host = &m->survey->hosts[h];
		struct pl_survey_host *first = &m->survey->hosts[root_of(m->up, h)];
		const char *a = survey_said(first, stage), *b = survey_said(host, stage);
		char *both;

		if (a == NULL || b == NULL || strcmp(a, b) == 0)
			continue;
		both = xasprintf("%s and %s", a, b);
		if (strtable_put(&told, both, m) == NULL && strtable_count(&told) <= NOTES_ALIKE)
			survey_note(m->survey,
				    "%s and %s belong together further inside, but are below %s "
				    "%s: the two are taken as one",
				    first->name, host->name, survey_stage_words(stage), both);
		free(both);
	}
	n = strtable_count(&told);
	if (n > NOTES_ALIKE)
		survey_note(m->survey, "... and so for %zu more pairs of a %s", n - NOTES_ALIKE,
			    survey_stage_words(stage));
	strtable_fini(&told);
}

static void add_stage(struct making *m, enum survey_stage stage)
{
	uint32_t before = m->n_sets;

	if (!join_stage(m, stage))
		return;
	m->n_sets = count_sets(m->up, m->tree->n_hosts);
	if (stage <= SURVEY_LEAF)
		note_joined(m, stage);
	if (m->n_sets < before)
		keep_level(m, stage);
}

static bool anybody_says(const struct pl_survey *s, enum survey_stage stage)
{
	for (size_t h = 0; h < s->n_hosts; h++) {
		if (survey_said(&s->hosts[h], stage) != NULL)
			return true;
	}
	return false;
}

/* The rack as its serial number tells it says nothing of the network, and is only taken where
 * nothing better is known; blocks are groups of whole domains where both are known. */
static void add_stages(struct making *m)
{
	bool domains = anybody_says(m->survey, SURVEY_DOMAIN);
	bool blocks = anybody_says(m->survey, SURVEY_BLOCK);

	add_stage(m, SURVEY_DOMAIN);
	add_stage(m, SURVEY_BLOCK);
	if (!domains && !blocks)
		add_stage(m, SURVEY_CHASSIS);
	for (int tier = 0; tier < PL_SURVEY_TIERS; tier++)
		add_stage(m, (enum survey_stage)(SURVEY_LEAF + tier));
}

/* ---- islands ---- */

static bool is_mixed(const struct pl_survey *s)
{
	const char *first = NULL;

	for (size_t h = 0; h < s->n_hosts; h++) {
		const char *fabric = s->hosts[h].fabric.text;

		if (fabric != NULL && first != NULL && strcmp(fabric, first) != 0)
			return true;
		first = first == NULL ? fabric : first;
	}
	return false;
}

/* The fabric of each set, by its root; false where a set reaches over two. */
static bool fabrics_of_sets(struct making *m, const char **fabric)
{
	for (uint32_t h = 0; h < m->tree->n_hosts; h++) {
		const char *said = m->survey->hosts[h].fabric.text;
		uint32_t root = root_of(m->up, h);

		if (said != NULL && fabric[root] != NULL && strcmp(fabric[root], said) != 0) {
			survey_note(m->survey,
				    "%s is on %s, and belongs to hosts on %s: there are no islands",
				    m->survey->hosts[h].name, said, fabric[root]);
			return false;
		}
		fabric[root] = said != NULL ? said : fabric[root];
	}
	return true;
}

/* Hosts of one fabric are one island, those of which no source tells it another. */
static void name_islands(struct making *m, const char **fabric)
{
	struct survey_tree *t = m->tree;
	struct strtable first = STRTABLE_INIT;
	struct strbuf names = STRBUF_INIT;

	for (uint32_t h = 0; h < t->n_hosts; h++) {
		const char *name = fabric[h] != NULL ? fabric[h] : "unknown";
		uintptr_t other;

		if (m->up[h] != h)
			continue;
		other = (uintptr_t)strtable_get(&first, name);
		if (other > 0) {
			join(m->up, (uint32_t)(other - 1), h);
			continue;
		}
		strtable_put(&first, name, (void *)(uintptr_t)(h + 1));
		t->islands[t->n_islands++] = name;
		strbuf_addf(&names, "%s%s (%s)", names.len > 0 ? ", " : "", name,
			    m->survey->hosts[h].name);
	}
	survey_note(m->survey, "%zu islands, with a host of each: %s: how they reach each other no "
			       "source tells, only pipeline and data parallel groups may cross",
		    t->n_islands, strbuf_str(&names));
	strbuf_fini(&names);
	strtable_fini(&first);
}

static void add_islands(struct making *m)
{
	const char **fabric = xcalloc(m->tree->n_hosts, sizeof(*fabric));
	uint32_t before = m->n_sets;

	if (m->mixed && m->n_sets > 1 && fabrics_of_sets(m, fabric)) {
		name_islands(m, fabric);
		m->n_sets = count_sets(m->up, m->tree->n_hosts);
		if (m->n_sets < before)
			keep_level(m, SURVEY_ISLAND);
	}
	free(fabric);
}

/* What no source joins is one network all the same: ranks on it could not talk otherwise. */
static void add_network(struct making *m)
{
	if (m->n_sets == 1 && m->tree->n_levels > 0)
		return;
	if (m->tree->n_islands > 0)
		; /* told already */
	else if (m->tree->n_levels == 0 && m->n_sets > 1)
		survey_note(m->survey, "no source tells which hosts are close: they are taken as "
				       "one flat network, in the order they were named");
	else if (m->n_sets > 1 && m->tree->stage[m->tree->n_levels - 1] > SURVEY_LEAF)
		survey_note(m->survey, "%u trees of switches that nothing joins are taken as one "
				       "network",
			    m->n_sets);
	for (uint32_t h = 1; h < m->tree->n_hosts; h++)
		join(m->up, 0, h);
	m->n_sets = 1;
	keep_level(m, SURVEY_NETWORK);
}

/* ---- the order ---- */

struct ranked {
	uint32_t set[SURVEY_TREE_MAX]; /* outermost first: the first host of each set */
	uint32_t slot, host;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	int sets = 0;

	for (size_t i = 0; i < SURVEY_TREE_MAX && sets == 0; i++)
		sets = (x->set[i] > y->set[i]) - (x->set[i] < y->set[i]);
	if (sets != 0)
		return sets;
	if (x->slot != y->slot && x->slot > 0 && y->slot > 0)
		return x->slot < y->slot ? -1 : 1;
	return (x->host > y->host) - (x->host < y->host);
}

/* Slots order the hosts of a unit only where all of them have one: else it would be no order. */
static bool all_have_slots(const struct pl_survey *s)
{
	for (size_t h = 0; h < s->n_hosts; h++) {
		if (s->hosts[h].slot.n == 0)
			return false;
	}
	return true;
}

static void put_in_order(struct making *m)
{
	struct survey_tree *t = m->tree;
	struct ranked *ranked = xcalloc(t->n_hosts, sizeof(*ranked));
	bool by_slot = all_have_slots(m->survey);

	for (uint32_t h = 0; h < t->n_hosts; h++) {
		for (size_t level = 0; level < t->n_levels; level++)
			ranked[h].set[t->n_levels - 1 - level] = m->sets[level][h];
		ranked[h].slot = by_slot ? m->survey->hosts[h].slot.n : 0;
		ranked[h].host = h;
	}
	qsort(ranked, t->n_hosts, sizeof(*ranked), compare_ranked);
	t->order = xcalloc(t->n_hosts, sizeof(*t->order));
	for (uint32_t at = 0; at < t->n_hosts; at++)
		t->order[at] = ranked[at].host;
	free(ranked);
}

static void number_units(struct making *m, size_t level)
{
	struct survey_tree *t = m->tree;
	uint32_t *unit = xcalloc(t->n_hosts, sizeof(*unit));

	for (uint32_t at = 1; at < t->n_hosts; at++)
		unit[at] = unit[at - 1] +
			   (m->sets[level][t->order[at]] != m->sets[level][t->order[at - 1]]);
	t->unit[level] = unit;
}

void survey_tree_make(struct survey_tree *tree, struct pl_survey *survey)
{
	struct making m = { .tree = tree, .survey = survey };

	*tree = (struct survey_tree){ .n_hosts = (uint32_t)survey->n_hosts };
	m.up = xcalloc(tree->n_hosts, sizeof(*m.up));
	for (uint32_t h = 0; h < tree->n_hosts; h++)
		m.up[h] = h;
	m.n_sets = tree->n_hosts;
	m.mixed = is_mixed(survey);
	add_stages(&m);
	add_islands(&m);
	add_network(&m);
	put_in_order(&m);
	for (size_t level = 0; level < tree->n_levels; level++) {
		number_units(&m, level);
		free(m.sets[level]);
	}
	free(m.up);
}

void survey_tree_fini(struct survey_tree *t)
{
	for (size_t level = 0; level < t->n_levels; level++)
		free(t->unit[level]);
	free(t->order);
	*t = (struct survey_tree){ 0 };
}
