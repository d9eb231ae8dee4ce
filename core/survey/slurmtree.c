/* slurmtree.c - see slurmtree.h */
#include "survey/slurmtree.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"
#include "survey/importers.h"

/* Of all lists: more than any machine has. A few bytes can stand for as many names. */
#define MAX_NAMES (1 << 18)

struct slurmtree_switch {
	char *name;
	size_t line;
	uint32_t parent; /* index + 1; 0: none */
	uint32_t height; /* 0: it has no switches below it */
	struct pl_hostlist *nodes, *below; /* NULL: none */
};

void slurmtree_init(struct slurmtree *t, struct pl_survey *s, const struct survey_input *in,
		    const char *format)
{
	*t = (struct slurmtree){ .survey = s, .in = in };
	t->source = survey_add_source(s, format, in->name, in->taken_at);
}

void slurmtree_fini(struct slurmtree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->switches[i].name);
		pl_hostlist_destroy(t->switches[i].nodes);
		pl_hostlist_destroy(t->switches[i].below);
	}
	free(t->switches);
	strtable_fini(&t->by_name);
	strtable_fini(&t->blocks);
}

/* ---- reading ---- */

static int at_line(const struct slurmtree *t, size_t line, struct pl_error *err)
{
	return pl_error_prefix(err, "%s:%zu", t->in->name, line);
}

static int check_name(const char *name, struct pl_error *err)
{
	if (!import_is_name(name, strlen(name)))
		return pl_errorf(err, PL_EUSAGE, "'%.64s' is no name", name);
	return 0;
}

static int check_names(const struct pl_hostlist *list, struct pl_error *err)
{
	for (size_t i = 0; i < pl_hostlist_count(list); i++) {
		if (check_name(pl_hostlist_name(list, i), err) < 0)
			return -1;
	}
	return 0;
}

/* Slurm's lists are ours, without operators; the manual's page writes "\-" for "-". */
static struct pl_hostlist *parse_list(struct slurmtree *t, const char *text, size_t line,
				      struct pl_error *err)
{
	struct pl_hostlist_resolver resolver = { .no_files = true,
						 .max_names = MAX_NAMES - t->n_names };
	char *plain = xstrdup(text), *to = plain;
	struct pl_hostlist *list = NULL;

	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '\\')
			*to++ = *from;
	}
	*to = '\0';
	if (strpbrk(plain, "!&^@ *?\t") != NULL)
		pl_errorf(err, PL_EUSAGE, "'%s' is no list of names", text);
	else if (t->n_names >= MAX_NAMES)
		pl_errorf(err, PL_EUSAGE, "more than %d names", MAX_NAMES);
	else
		list = pl_hostlist_parse(plain, &resolver, err);
	free(plain);
	if (list != NULL && check_names(list, err) < 0) {
		pl_hostlist_destroy(list);
		list = NULL;
	}
	if (list == NULL)
		at_line(t, line, err);
	else
		t->n_names += pl_hostlist_count(list);
	return list;
}

static bool is_none(const char *text)
{
	return text == NULL || *text == '\0' || strcmp(text, "(null)") == 0;
}

int slurmtree_switch(struct slurmtree *t, const char *name, const char *nodes,
		     const char *switches, size_t line, struct pl_error *err)
{
	uintptr_t before = (uintptr_t)strtable_get(&t->by_name, name);
	struct slurmtree_switch *sw;

	if (check_name(name, err) < 0)
		return at_line(t, line, err);
	if (before > 0)
		return pl_errorf(err, PL_EUSAGE,
				 "%s:%zu: switch '%s' was named on line %zu already",
				 t->in->name, line, name, t->switches[before - 1].line);
	ARRAY_GROW(t->switches, t->n, t->cap);
	sw = &t->switches[t->n++];
	*sw = (struct slurmtree_switch){ .name = xstrdup(name), .line = line };
	strtable_put(&t->by_name, name, (void *)(uintptr_t)t->n);
	if (!is_none(nodes) && (sw->nodes = parse_list(t, nodes, line, err)) == NULL)
		return -1;
	if (!is_none(switches) && (sw->below = parse_list(t, switches, line, err)) == NULL)
		return -1;
	return 0;
}

int slurmtree_block(struct slurmtree *t, const char *name, const char *nodes, size_t line,
		    struct pl_error *err)
{
	struct pl_hostlist *list = NULL;

	if (check_name(name, err) < 0)
		return at_line(t, line, err);
	if (!is_none(nodes) && (list = parse_list(t, nodes, line, err)) == NULL)
		return -1;
	if (strtable_put(&t->blocks, name, t) != NULL) {
		pl_hostlist_destroy(list);
		return pl_errorf(err, PL_EUSAGE, "%s:%zu: block '%s' was named before", t->in->name,
				 line, name);
	}
	for (size_t i = 0; list != NULL && i < pl_hostlist_count(list); i++) {
		const char *host = pl_hostlist_name(list, i);
		struct pl_survey_host *h = survey_host(t->survey, host, strlen(host));

		survey_set(t->survey, h, &h->block, name, strlen(name), t->source, "block");
	}
	pl_hostlist_destroy(list);
	return 0;
}

/* ---- telling ---- */

static int hang_one(struct slurmtree *t, size_t parent, const char *name, struct pl_error *err)
{
	const struct slurmtree_switch *above = &t->switches[parent];
	uintptr_t at = (uintptr_t)strtable_get(&t->by_name, name);
	struct slurmtree_switch *child;

	if (at == 0)
		return pl_errorf(err, PL_EUSAGE, "%s:%zu: switch '%s' has '%s' below it, which is "
				 "named nowhere", t->in->name, above->line, above->name, name);
	child = &t->switches[at - 1];
	if (child->parent != 0)
		return pl_errorf(err, PL_EUSAGE,
				 "%s:%zu: switch '%s' is below '%s', and below '%s' on line %zu: "
				 "Slurm's switches are a tree",
				 t->in->name, above->line, name, above->name,
				 t->switches[child->parent - 1].name,
				 t->switches[child->parent - 1].line);
	child->parent = (uint32_t)parent + 1;
	return 0;
}

static int hang_all(struct slurmtree *t, struct pl_error *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct pl_hostlist *below = t->switches[i].below;

		for (size_t k = 0; below != NULL && k < pl_hostlist_count(below); k++) {
			if (hang_one(t, i, pl_hostlist_name(below, k), err) < 0)
				return -1;
		}
	}
	return 0;
}

/* Lifts everything above each switch; a way up longer than there are tiers is a ring or too long
 * a tree. O(switches * tiers). */
static int measure(struct slurmtree *t, struct pl_error *err)
{
	for (size_t i = 0; i < t->n; i++) {
		uint32_t height = 0;

		for (uint32_t up = (uint32_t)i + 1; up != 0; up = t->switches[up - 1].parent) {
			struct slurmtree_switch *sw = &t->switches[up - 1];

			if (height > 0 && up == i + 1)
				return pl_errorf(err, PL_EUSAGE,
						 "%s:%zu: switch '%s' is below itself", t->in->name,
						 sw->line, sw->name);
			if (height == PL_SURVEY_TIERS)
				return pl_errorf(err, PL_EUSAGE,
						 "%s:%zu: above switch '%s' are more than %d "
						 "tiers, or a ring",
						 t->in->name, t->switches[i].line,
						 t->switches[i].name, PL_SURVEY_TIERS);
			if (sw->height < height)
				sw->height = height;
			height++;
		}
	}
	return 0;
}

/* The tiers of hosts on switch `at`: the switch of each height above, the one below repeated. */
static void tell_host(struct slurmtree *t, const char *name, uint32_t at, uint32_t tiers)
{
	struct pl_survey_host *host = survey_host(t->survey, name, strlen(name));

	for (uint32_t tier = 0; tier < tiers; tier++) {
		uint32_t up = t->switches[at].parent;

		while (up != 0 && t->switches[up - 1].height <= tier) {
			at = up - 1;
			up = t->switches[at].parent;
		}
		survey_set(t->survey, host, &host->tier[tier], t->switches[at].name,
			   strlen(t->switches[at].name), t->source,
			   tier == 0 ? "leaf switch" : "outer switch");
	}
}

/* `scontrol` lists, of a switch above others, all that is below it: those hosts have a leaf. */
static void tell_switch(struct slurmtree *t, size_t at, uint32_t tiers)
{
	const struct slurmtree_switch *sw = &t->switches[at];

	for (size_t k = 0; sw->nodes != NULL && k < pl_hostlist_count(sw->nodes); k++) {
		const char *name = pl_hostlist_name(sw->nodes, k);
		const struct pl_fact *leaf =
			&survey_host(t->survey, name, strlen(name))->tier[0];

		if (sw->below == NULL || leaf->text == NULL || leaf->source != t->source)
			tell_host(t, name, (uint32_t)at, tiers);
	}
}

static uint32_t highest(const struct slurmtree *t)
{
	uint32_t tiers = 0;

	for (size_t i = 0; i < t->n; i++)
		tiers = t->switches[i].height + 1 > tiers ? t->switches[i].height + 1 : tiers;
	return tiers;
}

int slurmtree_tell(struct slurmtree *t, struct pl_error *err)
{
	uint32_t tiers;

	if (t->n == 0 && strtable_count(&t->blocks) == 0)
		return pl_errorf(err, PL_EUSAGE, "%s: no switch and no block in it", t->in->name);
	if (hang_all(t, err) < 0 || measure(t, err) < 0)
		return -1;
	tiers = highest(t);
	for (size_t i = 0; i < t->n; i++) {
		if (t->switches[i].below == NULL)
			tell_switch(t, i, tiers);
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->switches[i].below != NULL)
			tell_switch(t, i, tiers);
	}
	if (t->n > t->survey->n_switches)
		t->survey->n_switches = (uint32_t)t->n;
	return 0;
}
