/* survey_names.c - see survey_names.h */
#include "survey/survey_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "survey/survey_tree.h"

#define NAMES_TOLD  3 /* of a kind; more say nothing new */
#define MAX_GROUPS 64 /* sources of one format that are told apart */
#define NOWHERE	   SIZE_MAX

/* A host where two sources speak of the same kind of unit. */
struct pair {
	size_t host;
	uint32_t fact, source;
	const char *ours, *theirs; /* `ours` when the group's turn comes */
};

/* All that sources of one kind say of one kind of unit. */
struct group {
	uint32_t stage; /* of survey_tree.h, or SURVEY_RAIL */
	char *key;	/* a format, or words for a source of the same format as ours */
	struct pair *pairs;
	size_t n, cap;
};

/* What a name meets: the first pair with it, and one where it meets another name. */
struct meeting {
	size_t first, other;
};

struct matching {
	struct pl_survey *survey;
	struct group *groups;
	size_t n, cap;
	struct strtable by_key; /* "STAGE KEY": index + 1 */
	/* of the group whose turn it is */
	struct strtable by_ours, by_theirs; /* index in meetings + 1 */
	struct meeting *meetings;
	size_t n_meetings, cap_meetings;
};

static const char *words_of(uint32_t stage)
{
	return stage == SURVEY_RAIL ? "leaf switch of a rail"
				    : survey_stage_words((enum survey_stage)stage);
}

/* ---- groups ---- */

static char *key_of(const struct matching *m, const struct pl_survey_host *host, uint32_t ours,
		    uint32_t theirs)
{
	const struct pl_survey_source *sources = m->survey->sources;

	if (strcmp(sources[ours].format, sources[theirs].format) != 0 || m->n >= MAX_GROUPS)
		return xstrdup(sources[theirs].format);
	return survey_source_words(m->survey, theirs, host->name);
}

static struct group *group_of(struct matching *m, const struct pl_survey_host *host,
			      uint32_t stage, uint32_t ours, uint32_t theirs)
{
	char *key = key_of(m, host, ours, theirs), *full = xasprintf("%u %s", stage, key);
	uintptr_t at = (uintptr_t)strtable_get(&m->by_key, full);

	if (at == 0) {
		ARRAY_GROW(m->groups, m->n, m->cap);
		m->groups[m->n++] = (struct group){ .stage = stage, .key = xstrdup(key) };
		strtable_put(&m->by_key, full, (void *)(uintptr_t)m->n);
		at = m->n;
	}
	free(key);
	free(full);
	return &m->groups[at - 1];
}

static struct pl_fact *fact_at(struct pl_survey_host *host, uint32_t fact)
{
	if (fact >= SURVEY_RAIL)
		return &host->rails[fact - SURVEY_RAIL];
	switch (fact) {
	case SURVEY_DOMAIN:
		return &host->domain;
	case SURVEY_BLOCK:
		return &host->block;
	case SURVEY_CHASSIS:
		return &host->chassis;
	default:
		return &host->tier[fact - SURVEY_LEAF];
	}
}

static void add_pair(struct matching *m, size_t h, uint32_t fact, uint32_t source,
		     const char *theirs)
{
	struct pl_survey_host *host = &m->survey->hosts[h];
	uint32_t stage = fact >= SURVEY_RAIL ? SURVEY_RAIL : fact;
	struct group *g = group_of(m, host, stage, fact_at(host, fact)->source, source);

	ARRAY_GROW(g->pairs, g->n, g->cap);
	g->pairs[g->n++] = (struct pair){ h, fact, source, NULL, theirs };
}

/* A GPU's domain is a word beside the host's. */
static const struct pl_survey_gpu *gpu_with_domain(const struct pl_survey_host *host)
{
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].domain != NULL)
			return &host->gpus[i];
	}
	return NULL;
}

static void collect(struct matching *m)
{
	for (size_t h = 0; h < m->survey->n_hosts; h++) {
		const struct pl_survey_host *host = &m->survey->hosts[h];
		const struct pl_survey_gpu *gpu = gpu_with_domain(host);

		for (size_t i = 0; i < host->n_words; i++)
			add_pair(m, h, host->words[i].fact, host->words[i].source,
				 host->words[i].text);
		if (gpu != NULL && host->domain.text != NULL)
			add_pair(m, h, SURVEY_DOMAIN, gpu->source, gpu->domain);
	}
}

/* ---- which names meet which ---- */

static struct meeting *meeting_of(struct matching *m, const struct strtable *names,
				  const char *name)
{
	return &m->meetings[(uintptr_t)strtable_get(names, name) - 1];
}

static void meet(struct matching *m, struct strtable *names, const char *name, size_t pair)
{
	if (strtable_get(names, name) != NULL)
		return;
	ARRAY_GROW(m->meetings, m->n_meetings, m->cap_meetings);
	m->meetings[m->n_meetings++] = (struct meeting){ pair, NOWHERE };
	strtable_put(names, name, (void *)(uintptr_t)m->n_meetings);
}

static void find_meetings(struct matching *m, struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pair *p = &g->pairs[i];

		p->ours = fact_at(&m->survey->hosts[p->host], p->fact)->text;
		meet(m, &m->by_ours, p->ours, i);
		meet(m, &m->by_theirs, p->theirs, i);
	}
	for (size_t i = 0; i < g->n; i++) {
		const struct pair *p = &g->pairs[i];
		struct meeting *ours = meeting_of(m, &m->by_ours, p->ours);
		struct meeting *theirs = meeting_of(m, &m->by_theirs, p->theirs);

		if (strcmp(g->pairs[ours->first].theirs, p->theirs) != 0)
			ours->other = i;
		if (strcmp(g->pairs[theirs->first].ours, p->ours) != 0)
			theirs->other = i;
	}
}

/* A pair that shows that the names of this one are not of the same hosts; NULL: they are. */
static const struct pair *against(struct matching *m, const struct group *g, const struct pair *p)
{
	const struct meeting *ours = meeting_of(m, &m->by_ours, p->ours);
	const struct meeting *theirs = meeting_of(m, &m->by_theirs, p->theirs);

	if (ours->other != NOWHERE)
		return strcmp(g->pairs[ours->first].theirs, p->theirs) != 0
			       ? &g->pairs[ours->first]
			       : &g->pairs[ours->other];
	if (theirs->other != NOWHERE)
		return strcmp(g->pairs[theirs->first].ours, p->ours) != 0
			       ? &g->pairs[theirs->first]
			       : &g->pairs[theirs->other];
	return NULL;
}

/* ---- what follows ---- */

static void note_overlap(struct matching *m, const struct group *g, const struct pair *p,
			 const struct pair *other)
{
	struct pl_survey *s = m->survey;
	struct pl_survey_host *host = &s->hosts[p->host];
	char *ours = survey_source_words(s, fact_at(host, p->fact)->source, host->name);
	char *theirs = survey_source_words(s, p->source, host->name);

	survey_note(s,
		    "%s: %s by %s and %s by %s share %s, but not %s: they contradict each other, the "
		    "first is taken",
		    words_of(g->stage), p->ours, ours, p->theirs, theirs, host->name,
		    s->hosts[other->host].name);
	free(ours);
	free(theirs);
}

static bool is_of_group(const struct matching *m, const struct group *g,
			const struct pl_survey_host *host, uint32_t source)
{
	char *words;
	bool is;

	if (strcmp(m->survey->sources[source].format, g->key) == 0)
		return true;
	words = survey_source_words(m->survey, source, host->name);
	is = strcmp(words, g->key) == 0;
	free(words);
	return is;
}

/* Hosts of which only they speak are in the same unit by our name. */
static void rename_fact(const struct matching *m, const struct group *g,
			struct pl_survey_host *host, struct pl_fact *fact,
			const struct strtable *names)
{
	const char *ours = fact->text != NULL ? strtable_get(names, fact->text) : NULL;

	if (ours == NULL || !is_of_group(m, g, host, fact->source))
		return;
	free(fact->text);
	fact->text = xstrdup(ours);
}

static void rename_domain(const struct matching *m, const struct group *g,
			  struct pl_survey_host *host, const struct strtable *names)
{
	const struct pl_survey_gpu *gpu = gpu_with_domain(host);
	const char *ours = gpu != NULL ? strtable_get(names, gpu->domain) : NULL;

	if (host->domain.text == NULL && ours != NULL && is_of_group(m, g, host, gpu->source))
		host->domain = (struct pl_fact){ xstrdup(ours), gpu->source };
}

/* `names` is ours by theirs; it has copies, since facts that they are of may be renamed. */
static void rename_all(const struct matching *m, const struct group *g,
		       const struct strtable *names)
{
	for (size_t h = 0; h < m->survey->n_hosts; h++) {
		struct pl_survey_host *host = &m->survey->hosts[h];

		if (g->stage == SURVEY_RAIL) {
			for (size_t i = 0; i < host->n_rails; i++)
				rename_fact(m, g, host, &host->rails[i], names);
			continue;
		}
		rename_fact(m, g, host, fact_at(host, g->stage), names);
		if (g->stage == SURVEY_DOMAIN)
			rename_domain(m, g, host, names);
	}
}

/* "leaf-1 is s1, leaf-2 is s2 and 3 more" of names that are of the same hosts. */
static void note_names(struct matching *m, const struct group *g, const struct pair *p, size_t n,
		       const struct strbuf *list)
{
	struct pl_survey *s = m->survey;
	struct pl_survey_host *host = &s->hosts[p->host];
	char *ours = survey_source_words(s, fact_at(host, p->fact)->source, host->name);
	char *theirs = survey_source_words(s, p->source, host->name);

	survey_note(s, "%s: %s and %s have other names for the same hosts: %s%s",
		    words_of(g->stage), ours, theirs, list->s, n > NAMES_TOLD ? " and others" : "");
	free(ours);
	free(theirs);
}

static void settle_group(struct matching *m, struct group *g)
{
	struct strtable names = STRTABLE_INIT, told = STRTABLE_INIT;
	struct strbuf list = STRBUF_INIT;
	const struct pair *first = NULL;
	size_t n_overlaps = 0;

	for (size_t i = 0; i < g->n; i++) {
		const struct pair *p = &g->pairs[i], *other = against(m, g, p);
		char *both = xasprintf("%s\n%s", p->ours, p->theirs);
		bool known = strcmp(p->ours, p->theirs) == 0 ||
			     strtable_put(&told, both, m) != NULL;

		free(both);
		if (known)
			continue;
		if (other != NULL) {
			if (n_overlaps++ < NAMES_TOLD)
				note_overlap(m, g, p, other);
			continue;
		}
		first = first == NULL ? p : first;
		strtable_put(&names, p->theirs, xstrdup(p->ours));
		if (strtable_count(&names) <= NAMES_TOLD)
			strbuf_addf(&list, "%s%s is %s", list.len > 0 ? ", " : "", p->ours,
				    p->theirs);
	}
	if (first != NULL && g->stage != SURVEY_RAIL)
		note_names(m, g, first, strtable_count(&names), &list);
	if (first != NULL)
		rename_all(m, g, &names);
	for (size_t i = 0; i < names.n_entries; i++)
		free(names.entries[i].value);
	strbuf_fini(&list);
	strtable_fini(&names);
	strtable_fini(&told);
}

static void match_group(struct matching *m, struct group *g)
{
	strtable_init(&m->by_ours);
	strtable_init(&m->by_theirs);
	m->n_meetings = 0;
	find_meetings(m, g);
	settle_group(m, g);
	strtable_fini(&m->by_ours);
	strtable_fini(&m->by_theirs);
}

void survey_match_names(struct pl_survey *s)
{
	struct matching m = { .survey = s, .by_key = STRTABLE_INIT };

	collect(&m);
	for (size_t i = 0; i < m.n; i++) {
		match_group(&m, &m.groups[i]);
		free(m.groups[i].pairs);
		free(m.groups[i].key);
	}
	strtable_fini(&m.by_key);
	free(m.groups);
	free(m.meetings);
}
