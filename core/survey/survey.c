/* survey.c - see survey.h: facts are added, and found by host */
#include "survey/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "survey/survey_tree.h"

struct pl_survey *pl_survey_create(void)
{
	struct pl_survey *s = xcalloc(1, sizeof(*s));

	s->by_name = xcalloc(1, sizeof(*s->by_name));
	return s;
}

static void free_gpu(struct pl_survey_gpu *gpu)
{
	free(gpu->uuid);
	free(gpu->model);
	free(gpu->bus_id);
	free(gpu->domain);
	free(gpu->adapter);
	free(gpu->why);
}

static void free_links(struct pl_fact *tier, struct pl_fact *rails, size_t n_rails)
{
	for (size_t i = 0; i < PL_SURVEY_TIERS; i++)
		free(tier[i].text);
	for (size_t i = 0; i < n_rails; i++)
		free(rails[i].text);
	free(rails);
}

static void free_host(struct pl_survey_host *host)
{
	for (size_t i = 0; i < host->n_gpus_seen; i++)
		free_gpu(&host->gpus[i]);
	for (size_t i = 0; i < host->n_words; i++)
		free(host->words[i].text);
	for (int i = 0; i < PL_FABRICS; i++)
		free_links(host->net[i].tier, host->net[i].rails, host->net[i].n_rails);
	free_links(host->tier, host->rails, host->n_rails);
	free(host->words);
	free(host->gpus);
	free(host->domain.text);
	free(host->block.text);
	free(host->chassis.text);
	free(host->fabric.text);
	free(host->name);
}

void pl_survey_destroy(struct pl_survey *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_sources; i++) {
		free(s->sources[i].format);
		free(s->sources[i].name);
	}
	for (size_t i = 0; i < s->n_hosts; i++)
		free_host(&s->hosts[i]);
	for (size_t i = 0; i < s->n_notes; i++)
		free(s->notes[i].text);
	strtable_fini(s->by_name);
	free(s->by_name);
	free(s->sources);
	free(s->hosts);
	free(s->notes);
	free(s);
}

uint32_t survey_add_source(struct pl_survey *s, const char *format, const char *name,
			   int64_t taken_at)
{
	ARRAY_GROW(s->sources, s->n_sources, s->cap_sources);
	s->sources[s->n_sources] = (struct pl_survey_source){
		xstrdup(format), xstrdup(name), taken_at,
	};
	return (uint32_t)s->n_sources++;
}

size_t survey_short_length(const char *name, size_t len)
{
	size_t i = 0;

	while (i < len && name[i] != '.')
		i++;
	for (size_t k = 0; k < len; k++) {
		if (strchr("0123456789.", name[k]) == NULL)
			return i > 0 ? i : len;
	}
	return len;
}

struct pl_survey_host *survey_host(struct pl_survey *s, const char *name, size_t len)
{
	size_t short_len = survey_short_length(name, len);
	uintptr_t at = (uintptr_t)strtable_get_n(s->by_name, name, short_len);

	if (at > 0)
		return &s->hosts[at - 1];
	ARRAY_GROW(s->hosts, s->n_hosts, s->cap_hosts);
	s->hosts[s->n_hosts] = (struct pl_survey_host){ .name = xstrndup(name, short_len) };
	strtable_put(s->by_name, s->hosts[s->n_hosts].name, (void *)(uintptr_t)(s->n_hosts + 1));
	return &s->hosts[s->n_hosts++];
}

struct pl_survey_gpu *survey_gpu(struct pl_survey_host *host, uint32_t index, uint32_t source)
{
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].index == index)
			return &host->gpus[i];
	}
	ARRAY_GROW(host->gpus, host->n_gpus_seen, host->cap_gpus);
	host->gpus[host->n_gpus_seen] = (struct pl_survey_gpu){
		.index = index, .source = source, .numa = -1
	};
	return &host->gpus[host->n_gpus_seen++];
}

void survey_room_for_rails(struct pl_fact **rails, size_t *n_rails, size_t n)
{
	if (n <= *n_rails)
		return;
	*rails = xreallocarray(*rails, n, sizeof(**rails));
	memset(*rails + *n_rails, 0, (n - *n_rails) * sizeof(**rails));
	*n_rails = n;
}

/* ---- facts ---- */

static uint32_t number_of_link(const struct pl_fact *tier, const struct pl_fact *rails,
			       size_t n_rails, const struct pl_fact *fact)
{
	for (uint32_t i = 0; i < PL_SURVEY_TIERS; i++) {
		if (fact == &tier[i])
			return SURVEY_LEAF + i;
	}
	for (uint32_t i = 0; i < n_rails; i++) {
		if (fact == &rails[i])
			return SURVEY_RAIL + i;
	}
	return SURVEY_NO_UNIT;
}

uint32_t survey_fact_number(const struct pl_survey_host *host, const struct pl_fact *fact)
{
	uint32_t number = number_of_link(host->tier, host->rails, host->n_rails, fact);

	if (fact == &host->domain)
		return SURVEY_DOMAIN;
	if (fact == &host->block)
		return SURVEY_BLOCK;
	if (fact == &host->chassis)
		return SURVEY_CHASSIS;
	for (uint32_t i = 0; i < PL_FABRICS && number == SURVEY_NO_UNIT; i++) {
		const struct pl_survey_net *net = &host->net[i];

		number = number_of_link(net->tier, net->rails, net->n_rails, fact);
		if (number != SURVEY_NO_UNIT)
			return number + SURVEY_NET * (i + 1);
	}
	return number;
}

static void note_contradiction(struct pl_survey *s, const struct pl_survey_host *host,
			       const struct pl_fact *fact, const char *text, size_t len,
			       uint32_t source, const char *what)
{
	char *said = survey_source_words(s, fact->source, host->name);
	char *says = survey_source_words(s, source, host->name);

	survey_note_on(s, host->name, "its %s is %s by %s, and %.*s by %s: the first is taken",
		       what, fact->text, said, (int)len, text, says);
	free(said);
	free(says);
}

void survey_set(struct pl_survey *s, struct pl_survey_host *host, struct pl_fact *fact,
		const char *text, size_t len, uint32_t source, const char *what)
{
	bool same = fact->text != NULL && strlen(fact->text) == len &&
		    memcmp(fact->text, text, len) == 0;
	uint32_t number = survey_fact_number(host, fact);

	if (fact->text == NULL) {
		*fact = (struct pl_fact){ xstrndup(text, len), source };
	} else if (number == SURVEY_NO_UNIT || fact->source == source) {
		if (!same)
			note_contradiction(s, host, fact, text, len, source, what);
	} else {
		ARRAY_GROW(host->words, host->n_words, host->cap_words);
		host->words[host->n_words++] =
			(struct pl_survey_word){ number, source, xstrndup(text, len) };
	}
}

void survey_set_count(struct pl_survey *s, struct pl_survey_host *host,
		      struct pl_fact_count *fact, uint32_t n, uint32_t source, const char *what)
{
	char *said, *says;

	if (fact->n == 0)
		*fact = (struct pl_fact_count){ n, source };
	if (fact->n == n)
		return;
	said = survey_source_words(s, fact->source, host->name);
	says = survey_source_words(s, source, host->name);
	survey_note_on(s, host->name, "%u %s by %s, and %u by %s: the first is taken", fact->n,
		       what, said, n, says);
	free(said);
	free(says);
}

/* ---- the hosts of a fleet ---- */

void pl_survey_expect(struct pl_survey *s, const struct pl_hostlist *hosts)
{
	for (size_t i = 0; i < pl_hostlist_count(hosts); i++) {
		const char *name = pl_hostlist_name(hosts, i);

		survey_host(s, name, strlen(name));
	}
}

bool pl_survey_alias(struct pl_survey *s, const char *name, const char *host)
{
	void *at = strtable_get(s->by_name, host);

	if (at == NULL || strtable_get(s->by_name, name) != NULL)
		return false;
	strtable_put(s->by_name, name, at);
	return true;
}

/* The names of a set as survey_host cuts them. */
static void add_short_names(struct strtable *names, const struct pl_hostlist *hosts)
{
	for (size_t i = 0; i < pl_hostlist_count(hosts); i++) {
		const char *name = pl_hostlist_name(hosts, i);
		char *cut = xstrndup(name, survey_short_length(name, strlen(name)));

		strtable_put(names, cut, names);
		free(cut);
	}
}

struct pl_hostlist *pl_survey_keep(struct pl_survey *s, const struct pl_hostlist *hosts)
{
	struct pl_hostlist *forgotten = pl_hostlist_create();
	struct strtable wanted = STRTABLE_INIT;
	size_t kept = 0;

	add_short_names(&wanted, hosts);
	strtable_fini(s->by_name);
	strtable_init(s->by_name);
	for (size_t i = 0; i < s->n_hosts; i++) {
		if (strtable_get(&wanted, s->hosts[i].name) == NULL) {
			pl_hostlist_add(forgotten, s->hosts[i].name);
			free_host(&s->hosts[i]);
			continue;
		}
		s->hosts[kept] = s->hosts[i];
		strtable_put(s->by_name, s->hosts[kept].name, (void *)(uintptr_t)(kept + 1));
		kept++;
	}
	s->n_hosts = kept;
	strtable_fini(&wanted);
	return forgotten;
}
