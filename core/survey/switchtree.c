/* switchtree.c - see switchtree.h */
#include "survey/switchtree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void switchtree_fini(struct switchtree *t)
{
	strtable_fini(&t->by_name);
	free(t->parent);
}

uint32_t switchtree_add(struct switchtree *t, const char *name)
{
	uintptr_t at = (uintptr_t)strtable_get(&t->by_name, name);

	if (at > 0)
		return (uint32_t)(at - 1);
	ARRAY_GROW(t->parent, t->n, t->cap);
	t->parent[t->n] = 0;
	strtable_put(&t->by_name, name, (void *)(uintptr_t)(t->n + 1));
	return (uint32_t)t->n++;
}

/* Nothing is ever removed, so that entries stand in the order of their indexes. */
static const char *name_of(const struct switchtree *t, uint32_t index)
{
	return t->by_name.entries[index].key;
}

const char *switchtree_hang(struct switchtree *t, uint32_t child, uint32_t parent)
{
	uint32_t has = t->parent[child];

	if (has != 0 && has != parent + 1)
		return name_of(t, has - 1);
	t->parent[child] = parent + 1;
	return NULL;
}

int switchtree_tell(const struct switchtree *t, uint32_t leaf, struct pl_survey *s,
		    struct pl_survey_host *host, uint32_t source, struct pl_error *err)
{
	size_t tier = 0;

	for (uint32_t at = leaf + 1; at != 0; at = t->parent[at - 1], tier++) {
		const char *name = name_of(t, at - 1);
		char what[48];

		if (tier == PL_SURVEY_TIERS)
			return pl_errorf(err, PL_EUSAGE,
					 "above switch '%s' there are more than %d tiers, or a ring",
					 name_of(t, leaf), PL_SURVEY_TIERS);
		snprintf(what, sizeof(what), "switch at tier %zu", tier);
		survey_set(s, host, &host->tier[tier], name, strlen(name), source, what);
	}
	return 0;
}
