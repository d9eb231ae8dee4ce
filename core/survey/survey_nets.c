/* survey_nets.c - see survey_nets.h */
#include "survey/survey_nets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "survey/survey_tree.h"

#define NONE PL_FABRICS

struct settling {
	struct pl_survey *survey;
	enum pl_survey_fabric usual; /* of hosts that are on both */
	uint8_t *choice;	     /* by host: its fabric, or NONE */
	struct strtable spare[PL_FABRICS]; /* leaves that lead to no GPU */
};

const char *survey_fabric_name(enum pl_survey_fabric fabric)
{
	return fabric == PL_FABRIC_INFINIBAND ? "infiniband" : "ethernet";
}

static bool is_told(const struct pl_survey_host *host, unsigned fabric)
{
	return host->net[fabric].n_adapters.n > 0 || host->net[fabric].tier[0].text != NULL;
}

static bool is_on_both(const struct pl_survey_host *host)
{
	return is_told(host, PL_FABRIC_INFINIBAND) && is_told(host, PL_FABRIC_ETHERNET);
}

/* What a source that looked into the host says. */
static unsigned fabric_said(const struct pl_survey_host *host)
{
	for (unsigned f = 0; f < PL_FABRICS; f++) {
		if (host->fabric.text != NULL &&
		    strcmp(host->fabric.text, survey_fabric_name(f)) == 0)
			return f;
	}
	return NONE;
}

/* ---- which ---- */

static enum pl_survey_fabric usual_fabric(const struct pl_survey *s)
{
	uint64_t n[PL_FABRICS] = { 0 };

	for (size_t h = 0; h < s->n_hosts; h++) {
		if (!is_on_both(&s->hosts[h]))
			continue;
		for (unsigned f = 0; f < PL_FABRICS; f++)
			n[f] += s->hosts[h].net[f].n_adapters.n;
	}
	return n[PL_FABRIC_ETHERNET] > n[PL_FABRIC_INFINIBAND] ? PL_FABRIC_ETHERNET
							       : PL_FABRIC_INFINIBAND;
}

/* Calls each leaf of a network that is joined by commas where there are several. */
static bool any_leaf(const struct pl_survey_net *net, struct strtable *leaves, bool add)
{
	const char *said = net->tier[0].text != NULL ? net->tier[0].text : "";
	bool any = false;

	while (*said != '\0') {
		size_t len = strcspn(said, ",");
		char *name = xstrndup(said, len);

		any |= strtable_get(leaves, name) != NULL;
		if (add)
			strtable_put(leaves, name, leaves);
		free(name);
		said += len + (said[len] == ',');
	}
	return any;
}

static void choose_of_both(struct settling *m, size_t h)
{
	const struct pl_survey_host *host = &m->survey->hosts[h];
	unsigned said = fabric_said(host), choice = said != NONE ? said : m->usual;

	m->choice[h] = (uint8_t)choice;
	any_leaf(&host->net[!choice], &m->spare[!choice], true);
}

static void choose_of_one(struct settling *m, size_t h)
{
	const struct pl_survey_host *host = &m->survey->hosts[h];
	unsigned said = fabric_said(host);

	for (unsigned f = 0; f < PL_FABRICS; f++) {
		if (!is_told(host, f))
			continue;
		if (said == f || (said == NONE && !any_leaf(&host->net[f], &m->spare[f], false)))
			m->choice[h] = (uint8_t)f;
	}
}

static void choose(struct settling *m)
{
	for (size_t h = 0; h < m->survey->n_hosts; h++) {
		m->choice[h] = NONE;
		if (is_on_both(&m->survey->hosts[h]))
			choose_of_both(m, h);
	}
	for (size_t h = 0; h < m->survey->n_hosts; h++) {
		if (!is_on_both(&m->survey->hosts[h]))
			choose_of_one(m, h);
	}
}

/* ---- its facts become the host's ---- */

/* The earlier source's word is the fact, the other's one more word for it. */
static void take_fact(struct pl_survey_host *host, struct pl_fact *fact, struct pl_fact *seen)
{
	if (fact->text == NULL || (seen->text != NULL && seen->source < fact->source)) {
		struct pl_fact before = *fact;

		*fact = *seen;
		*seen = before;
	}
	if (seen->text == NULL)
		return;
	ARRAY_GROW(host->words, host->n_words, host->cap_words);
	host->words[host->n_words++] = (struct pl_survey_word){
		survey_fact_number(host, fact), seen->source, seen->text
	};
	seen->text = NULL;
}

static void take_net(struct pl_survey *s, struct pl_survey_host *host, unsigned fabric)
{
	struct pl_survey_net *net = &host->net[fabric];
	const char *name = survey_fabric_name(fabric);
	uint32_t source = net->tier[0].text != NULL ? net->tier[0].source : net->n_adapters.source;

	if (host->n_adapters.n == 0 || is_on_both(host))
		host->n_adapters = net->n_adapters;
	else
		survey_set_count(s, host, &host->n_adapters, net->n_adapters.n,
				 net->n_adapters.source, "adapters");
	if (host->fabric.text == NULL)
		host->fabric = (struct pl_fact){ xstrdup(name), source };
	for (size_t i = 0; i < PL_SURVEY_TIERS; i++)
		take_fact(host, &host->tier[i], &net->tier[i]);
	survey_room_for_rails(&host->rails, &host->n_rails, net->n_rails);
	for (size_t i = 0; i < net->n_rails; i++)
		take_fact(host, &host->rails[i], &net->rails[i]);
}

/* Words of the host's own fabric are of the host, those of another are of nothing. */
static void settle_words(struct pl_survey_host *host, unsigned choice)
{
	size_t kept = 0;

	for (size_t i = 0; i < host->n_words; i++) {
		struct pl_survey_word word = host->words[i];
		uint32_t of = word.fact / SURVEY_NET;

		if (of > 0 && of != choice + 1) {
			free(word.text);
			continue;
		}
		word.fact %= SURVEY_NET;
		host->words[kept++] = word;
	}
	host->n_words = kept;
}

static void note_spare(struct pl_survey *s, const struct pl_survey_host *host, unsigned fabric)
{
	const struct pl_survey_net *net = &host->net[fabric];
	uint32_t source = net->tier[0].text != NULL ? net->tier[0].source : net->n_adapters.source;
	char *says = survey_source_words(s, source, host->name);

	survey_note_on(s, host->name, "its %s, by %s, is not what joins its GPUs: left out",
		       fabric == PL_FABRIC_INFINIBAND ? "InfiniBand" : "Ethernet", says);
	free(says);
}

static void forget_net(struct pl_survey_net *net)
{
	for (size_t i = 0; i < PL_SURVEY_TIERS; i++)
		free(net->tier[i].text);
	for (size_t i = 0; i < net->n_rails; i++)
		free(net->rails[i].text);
	free(net->rails);
	*net = (struct pl_survey_net){ 0 };
}

static void settle_host(struct settling *m, size_t h)
{
	struct pl_survey_host *host = &m->survey->hosts[h];

	settle_words(host, m->choice[h]);
	for (unsigned f = 0; f < PL_FABRICS; f++) {
		if (f == m->choice[h])
			take_net(m->survey, host, f);
		else if (is_told(host, f))
			note_spare(m->survey, host, f);
	}
	for (unsigned f = 0; f < PL_FABRICS; f++)
		forget_net(&host->net[f]);
}

void survey_settle_nets(struct pl_survey *s)
{
	struct settling m = { .survey = s, .usual = usual_fabric(s),
			      .choice = xcalloc(s->n_hosts + 1, 1) };

	for (unsigned f = 0; f < PL_FABRICS; f++)
		strtable_init(&m.spare[f]);
	choose(&m);
	for (size_t h = 0; h < s->n_hosts; h++)
		settle_host(&m, h);
	for (unsigned f = 0; f < PL_FABRICS; f++)
		strtable_fini(&m.spare[f]);
	free(m.choice);
}
