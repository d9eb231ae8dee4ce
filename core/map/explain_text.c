/* explain_text.c - see explain_text.h */
#include "map/explain_text.h"

#include <stdlib.h>
#include <string.h>

#define KEY_WIDTH  11
#define LINE_WIDTH 100

/* The bytes of `text` that fit in `width`: up to a blank, at least one word. */
static size_t line_length(const char *text, size_t width)
{
	size_t len = strlen(text), at;

	if (len <= width)
		return len;
	for (at = width; at > 0 && text[at] != ' '; at--)
		;
	return at > 0 ? at : strcspn(text, " ");
}

void explain_fact(struct strbuf *out, const char *key, const char *text)
{
	do {
		size_t len = line_length(text, LINE_WIDTH - KEY_WIDTH - 4);

		strbuf_addf(out, "  %-*s  %.*s\n", KEY_WIDTH, key, (int)len, text);
		text += len;
		text += strspn(text, " ");
		key = "";
	} while (*text != '\0');
}

void explain_sentence(struct strbuf *out, const char *sentence)
{
	const char *colon = strstr(sentence, ": ");
	char key[KEY_WIDTH + 1] = "";

	if (colon != NULL && colon - sentence <= KEY_WIDTH &&
	    memchr(sentence, ' ', (size_t)(colon - sentence)) == NULL) {
		memcpy(key, sentence, (size_t)(colon - sentence));
		sentence = colon + 2;
	}
	explain_fact(out, key, sentence);
}

/* Above this an enumeration of hosts says less than the first of them. */
#define MAX_HOST_TEXT 48

static void add_hosts(const struct pl_topo *t, size_t level, uint32_t unit, struct strbuf *out)
{
	struct pl_hostlist *hosts = pl_hostlist_create();
	char *folded;

	for (size_t h = 0; h < pl_hostlist_count(t->hosts); h++) {
		uint32_t pe = (uint32_t)h * t->gpus_per_host;

		if (pl_topo_unit_index(t, pe, level) == unit)
			pl_hostlist_add(hosts, pl_hostlist_name(t->hosts, h));
	}
	folded = pl_hostlist_fold(hosts);
	if (strlen(folded) <= MAX_HOST_TEXT)
		strbuf_adds(out, folded);
	else
		strbuf_addf(out, "%s and %zu more hosts", pl_hostlist_name(hosts, 0),
		            pl_hostlist_count(hosts) - 1);
	free(folded);
	pl_hostlist_destroy(hosts);
}

void explain_unit(const struct pl_topo *t, int level, uint32_t unit, struct strbuf *out)
{
	if (level >= 0)
		strbuf_addf(out, "%s ", t->levels[level].name);
	if (level < t->host_level || level < 0) {
		uint32_t pe = level >= 0 ? unit * t->span[level] : unit;

		strbuf_addf(out, "%sGPU %u of %s", level >= 0 ? "of " : "", pl_topo_gpu(t, pe),
		            pl_hostlist_name(t->hosts, pl_topo_host(t, pe)));
		return;
	}
	add_hosts(t, (size_t)level, unit, out);
}

#define MAX_RANKS_LISTED 4

void explain_ranks(const struct pl_groups *g, uint32_t group, struct strbuf *out)
{
	uint32_t size = pl_groups_size(g, group), first = pl_groups_rank(g, group, 0);
	uint32_t last = pl_groups_rank(g, group, size - 1);
	uint32_t step = size > 1 ? pl_groups_rank(g, group, 1) - first : 1;
	bool even = true;

	for (uint32_t i = 1; i < size && even; i++)
		even = pl_groups_rank(g, group, i) == first + i * step;
	if (even && size > 2) {
		strbuf_addf(out, "%u-%u", first, last);
		if (step > 1)
			strbuf_addf(out, " by %u", step);
		return;
	}
	for (uint32_t i = 0; i < size && i < MAX_RANKS_LISTED; i++)
		strbuf_addf(out, "%s%u", i > 0 ? " " : "", pl_groups_rank(g, group, i));
	if (size > MAX_RANKS_LISTED)
		strbuf_addf(out, " ... %u", last);
}
