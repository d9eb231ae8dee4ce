/* islands.c - see islands.h */
#include "map/islands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

#define BIT(family) (1u << (family))

int islands_level(const struct pl_topo *t)
{
	for (size_t level = 1; level < t->n_levels; level++) {
		if (t->levels[level].n_islands > 0 && (int)level > t->host_level)
			return (int)level;
	}
	return -1;
}

uint32_t island_of(const struct pl_topo *t, int level, uint32_t pe)
{
	return pl_topo_unit_index(t, pe, (size_t)level - 1);
}

/* Its place among the units of the level: the bits of the level in its key. */
static uint64_t place_within(const struct pl_topo *t, int level, uint32_t pe)
{
	unsigned inner = t->shift[level - 1], outer = t->shift[level];

	return (t->key[pe] >> inner) & ((1ULL << (outer - inner)) - 1);
}

const char *island_name(const struct pl_topo *t, int level, uint32_t pe)
{
	uint64_t at = place_within(t, level, pe);

	return at < t->levels[level].n_islands ? t->levels[level].islands[at] : "unnamed";
}

bool islands_apart(const struct pl_topo *t, uint32_t a, uint32_t b)
{
	int level = islands_level(t);

	return level > 0 && island_of(t, level, a) != island_of(t, level, b);
}

/* ---- what people write ---- */

/* The next word of a list joined by commas; false at its end. */
static bool next_word(const char **text, char *word, size_t size)
{
	size_t len;

	*text += strspn(*text, ", ");
	len = strcspn(*text, ", ");
	if (len == 0)
		return false;
	snprintf(word, size, "%.*s", (int)len, *text);
	*text += len;
	return true;
}

static void list_names(const char *const *names, struct strbuf *out)
{
	for (size_t i = 0; names[i] != NULL; i++)
		strbuf_addf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

/* NULL-terminated; to be freed, the names are the topology's. */
static const char **known_names(const struct pl_topo *t, int level)
{
	const struct pl_topo_level *l = &t->levels[level];
	const char **names = xcalloc(l->n_islands + 1, sizeof(*names));

	memcpy(names, l->islands, l->n_islands * sizeof(*names));
	return names;
}

static int unknown_island(const struct pl_topo *t, int level, const char *word,
			  struct pl_error *err)
{
	const char **names = known_names(t, level);
	struct strbuf list = STRBUF_INIT;
	char hint[64];

	list_names(names, &list);
	pl_errorf(err, PL_EUSAGE, "'%s' is no island of '%s'%s: there are %s", word, t->name,
		  nearest_hint(word, names, hint, sizeof(hint)), strbuf_str(&list));
	strbuf_fini(&list);
	free(names);
	return -1;
}

static bool name_island(const struct pl_topo *t, int level, const char *word, bool *named)
{
	bool any = false;

	for (uint32_t pe = 0; pe < t->n_pes; pe += t->gpus_per_host) {
		if (strcmp(island_name(t, level, pe), word) == 0)
			any = named[island_of(t, level, pe)] = true;
	}
	return any;
}

int islands_parse(const struct pl_topo *t, const char *names, bool *named, struct pl_error *err)
{
	int level = islands_level(t);
	bool any = false;
	char word[128];

	if (level < 0)
		return pl_errorf(err, PL_EUSAGE, "'%s' has no islands: a level of the topology "
				 "names them, islands = { \"infiniband\", \"ethernet\" }", t->name);
	while (next_word(&names, word, sizeof(word))) {
		if (!name_island(t, level, word, named))
			return unknown_island(t, level, word, err);
		any = true;
	}
	return any ? 0 : pl_errorf(err, PL_EUSAGE, "islands: no name is given");
}

/* An axis and the families that lie along it. */
static const struct {
	const char *name;
	unsigned families;
} axes[] = {
	{ "tp", BIT(PL_FAMILY_TP) | BIT(PL_FAMILY_ETP) },
	{ "cp", BIT(PL_FAMILY_CP) },
	{ "ep", BIT(PL_FAMILY_EP) },
	{ "pp", BIT(PL_FAMILY_PP) | BIT(PL_FAMILY_EMBD) },
	{ "dp", BIT(PL_FAMILY_DP) | BIT(PL_FAMILY_DP_CP) | BIT(PL_FAMILY_EDP) |
		BIT(PL_FAMILY_FSDP) | BIT(PL_FAMILY_HSDP) },
};

static bool allow(const struct pl_job *job, const char *word, bool may[PL_JOB_MAX_FAMILIES])
{
	unsigned n = pl_job_n_families(job), families = 0;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(axes); i++) {
		if (strcmp(axes[i].name, word) == 0)
			families = axes[i].families;
	}
	for (unsigned f = 0; f < n; f++) {
		struct pl_groups g;

		pl_job_groups(job, f, &g);
		if ((f < PL_FAMILIES && (families & BIT(f))) || strcmp(g.name, word) == 0)
			known = may[f] = true;
	}
	return known;
}

int islands_parse_cross(const struct pl_job *job, const char *cross, bool may[PL_JOB_MAX_FAMILIES],
			struct pl_error *err)
{
	static const char *const names[] = { "tp", "cp", "ep", "dp", "pp", "fsdp", "hsdp", NULL };
	char word[64], hint[64];

	memset(may, 0, PL_JOB_MAX_FAMILIES * sizeof(*may));
	if (cross == NULL)
		cross = ISLANDS_CROSS;
	while (next_word(&cross, word, sizeof(word))) {
		if (!allow(job, word, may))
			return pl_errorf(err, PL_EUSAGE,
					 "'%s' is no axis of the job that could cross between "
					 "islands%s: tp, cp, ep, dp, pp, or one of its own", word,
					 nearest_hint(word, names, hint, sizeof(hint)));
	}
	return 0;
}
