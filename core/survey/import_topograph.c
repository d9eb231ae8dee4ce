/*
 * import_topograph.c - models of NVIDIA's topograph, in YAML, in the forms it has had (its
 * docs/modeling.md and tests/models):
 *
 *	switches: { core: { switches: [leaf] }, leaf: { nodes: ["n[1-2]"] } }
 *	blocks: [ { switch: leaf, nodes: [..], annotations: { accelerator.X/domain: nvl1 } } ]
 *	nodes: { n1: { capacity_block: cb1, attributes: { nvlink: nvl1 } } }
 *	capacity_blocks: { cb1: { nodes: [..], attributes: { nvlink: nvl1 } } }
 *
 * The oldest has lists instead of maps, with a `name` in each entry, and switches that list their
 * capacity blocks.
 */
#include "survey/importers.h"

#include <fnmatch.h>
#include <string.h>

#include "set/hostlist.h"
#include "survey/importyaml.h"
#include "survey/switchtree.h"

#define MAX_HOSTS (1u << 20) /* that one model may name, repetitions included */

struct model {
	struct pl_survey *s;
	const struct survey_input *in;
	uint32_t source;
	struct switchtree switches;
	struct strtable block_switch; /* capacity block -> index of its switch + 1 */
	size_t n_named;
	struct pl_error *err;
};

/* What a list of nodes has in common; what is not known is NULL. */
struct place {
	const char *leaf, *domain, *block;
};

int topograph_model_recognise(const char *bytes, size_t len)
{
	bool switches = import_mentions(bytes, len, "\nswitches:") ||
			(len > 9 && memcmp(bytes, "switches:", 9) == 0);

	if (!switches)
		return 0;
	return import_mentions(bytes, len, "\nblocks:") ||
			       import_mentions(bytes, len, "\ncapacity_blocks:") ||
			       import_mentions(bytes, len, "\nnodes:")
		       ? 90
		       : 40;
}

static int refuse(const struct model *m, size_t line, const char *what, const char *name)
{
	return pl_errorf(m->err, PL_EUSAGE, "%s:%zu: %s%.200s", m->in->name, line, what, name);
}

/* Sections are maps by name, or lists of maps with a name. */
static size_t n_entries(const struct importyaml *section)
{
	if (section == NULL || section->kind == IMPORTYAML_TEXT)
		return 0;
	return section->kind == IMPORTYAML_MAP ? section->n_items / 2 : section->n_items;
}

static const struct importyaml *entry(const struct importyaml *section, size_t i,
				      const char **name)
{
	const struct importyaml *items = section->items;

	if (section->kind == IMPORTYAML_LIST) {
		*name = importyaml_text(&items[i], "name");
		return &items[i];
	}
	*name = items[2 * i].kind == IMPORTYAML_TEXT ? items[2 * i].text : NULL;
	return &items[2 * i + 1];
}

/* ---- switches ---- */

static int hang(struct model *m, const struct importyaml *child, uint32_t parent)
{
	const char *other;

	if (child->kind != IMPORTYAML_TEXT || !import_is_name(child->text, strlen(child->text)))
		return refuse(m, child->line, "the name of a switch is expected", "");
	other = switchtree_hang(&m->switches, switchtree_add(&m->switches, child->text), parent);
	if (other == NULL)
		return 0;
	return pl_errorf(m->err, PL_EUSAGE,
			 "%s:%zu: switch '%.100s' is below this one and below '%.100s': a switch "
			 "has one parent",
			 m->in->name, child->line, child->text, other);
}

static int read_switch(struct model *m, const struct importyaml *value, const char *name)
{
	const struct importyaml *below = importyaml_get(value, "switches");
	const struct importyaml *blocks = importyaml_get(value, "capacity_blocks");
	uint32_t self;

	if (name == NULL || !import_is_name(name, strlen(name)))
		return refuse(m, value->line, "a switch without a name", "");
	self = switchtree_add(&m->switches, name);
	for (size_t i = 0; below != NULL && i < below->n_items; i++) {
		if (hang(m, &below->items[i], self) < 0)
			return -1;
	}
	for (size_t i = 0; blocks != NULL && i < blocks->n_items; i++) {
		if (blocks->items[i].kind == IMPORTYAML_TEXT)
			strtable_put(&m->block_switch, blocks->items[i].text,
				     (void *)(uintptr_t)(self + 1));
	}
	return 0;
}

/* ---- hosts ---- */

static void set(struct model *m, struct pl_survey_host *host, struct pl_fact *fact,
		const char *text, const char *what)
{
	if (text != NULL && *text != '\0')
		survey_set(m->s, host, fact, text, strlen(text), m->source, what);
}

static int add_host(struct model *m, const char *name, const struct place *p, size_t line)
{
	struct pl_survey_host *host;

	if (!import_is_name(name, strlen(name)))
		return refuse(m, line, "no name of a host: ", name);
	host = survey_host(m->s, name, strlen(name));
	set(m, host, &host->domain, p->domain, "NVLink domain");
	set(m, host, &host->block, p->block, "block");
	if (p->leaf == NULL)
		return 0;
	if (switchtree_tell(&m->switches, switchtree_add(&m->switches, p->leaf), m->s, host,
			    m->source, m->err) < 0)
		return pl_error_prefix(m->err, "%s:%zu", m->in->name, line);
	return 0;
}

/* One text of a list of nodes: a name, or ranges. */
static int add_hosts(struct model *m, const struct importyaml *text, const struct place *p)
{
	struct pl_hostlist_resolver limits = { .no_files = true,
					       .max_names = MAX_HOSTS - m->n_named };
	struct pl_hostlist *names;
	int rc = 0;

	if (text->kind != IMPORTYAML_TEXT)
		return refuse(m, text->line, "the name of a host is expected", "");
	if (m->n_named >= MAX_HOSTS)
		return refuse(m, text->line, "more than a million hosts", "");
	names = pl_hostlist_parse(text->text, &limits, m->err);
	if (names == NULL)
		return pl_error_prefix(m->err, "%s:%zu", m->in->name, text->line);
	for (size_t i = 0; rc == 0 && i < pl_hostlist_count(names); i++)
		rc = add_host(m, pl_hostlist_name(names, i), p, text->line);
	m->n_named += pl_hostlist_count(names);
	pl_hostlist_destroy(names);
	return rc;
}

static int add_list(struct model *m, const struct importyaml *nodes, const struct place *p)
{
	for (size_t i = 0; nodes != NULL && i < nodes->n_items; i++) {
		if (add_hosts(m, &nodes->items[i], p) < 0)
			return -1;
	}
	return 0;
}

/* The value of the annotation accelerator.ANYTHING/NAME. */
static const char *annotation(const struct importyaml *entry_value, const char *pattern)
{
	const struct importyaml *map = importyaml_get(entry_value, "annotations");

	for (size_t i = 0; map != NULL && i + 1 < map->n_items; i += 2) {
		const struct importyaml *key = &map->items[i];

		if (key->kind == IMPORTYAML_TEXT && fnmatch(pattern, key->text, 0) == 0 &&
		    key[1].kind == IMPORTYAML_TEXT)
			return key[1].text;
	}
	return NULL;
}

static const char *nvlink_of(const struct importyaml *value)
{
	const char *text = importyaml_text(importyaml_get(value, "attributes"), "nvlink");

	return text != NULL ? text : importyaml_text(value, "nvlink");
}

static int read_block(struct model *m, const struct importyaml *value)
{
	struct place p = { .leaf = importyaml_text(value, "switch"),
			   .domain = annotation(value, "accelerator.*/domain"),
			   .block = annotation(value, "accelerator.*/sub-domain") };

	if (value->kind != IMPORTYAML_MAP)
		return refuse(m, value->line, "a block with a switch and nodes is expected", "");
	if (p.leaf != NULL && !import_is_name(p.leaf, strlen(p.leaf)))
		return refuse(m, value->line, "no name of a switch: ", p.leaf);
	return add_list(m, importyaml_get(value, "nodes"), &p);
}

static int read_capacity_block(struct model *m, const struct importyaml *value, const char *name)
{
	struct place p = { .domain = nvlink_of(value), .block = name };
	uintptr_t at = name != NULL ? (uintptr_t)strtable_get(&m->block_switch, name) : 0;

	if (at > 0)
		p.leaf = m->switches.by_name.entries[at - 1].key;
	return add_list(m, importyaml_get(value, "nodes"), &p);
}

static int read_node(struct model *m, const struct importyaml *value, const char *name)
{
	struct place p = { .domain = nvlink_of(value),
			   .block = importyaml_text(value, "capacity_block") };

	if (name == NULL)
		return refuse(m, value->line, "a node without a name", "");
	if (++m->n_named > MAX_HOSTS)
		return refuse(m, value->line, "more than a million hosts", "");
	return add_host(m, name, &p, value->line);
}

static int read_nodes_of_switch(struct model *m, const struct importyaml *value,
				const char *name)
{
	struct place p = { .leaf = name };

	return add_list(m, importyaml_get(value, "nodes"), &p);
}

/* ---- all of it ---- */

static int each(struct model *m, const struct importyaml *section,
		int (*read)(struct model *, const struct importyaml *, const char *))
{
	for (size_t i = 0; i < n_entries(section); i++) {
		const char *name;
		const struct importyaml *value = entry(section, i, &name);

		if (read(m, value, name) < 0)
			return -1;
	}
	return 0;
}

static int read_model(struct model *m, const struct importyaml *root)
{
	const struct importyaml *switches = importyaml_get(root, "switches");
	const struct importyaml *blocks = importyaml_get(root, "blocks");
	const struct importyaml *nodes = importyaml_get(root, "nodes");
	const struct importyaml *capacity = importyaml_get(root, "capacity_blocks");

	if (switches == NULL && blocks == NULL && nodes == NULL && capacity == NULL)
		return refuse(m, root->line,
			      "no topograph model: it has neither switches nor blocks nor nodes",
			      "");
	/* the whole tree first: a host's tiers are told when it is added */
	if (each(m, switches, read_switch) < 0)
		return -1;
	for (size_t i = 0; blocks != NULL && i < blocks->n_items; i++) {
		if (read_block(m, &blocks->items[i]) < 0)
			return -1;
	}
	if (each(m, nodes, read_node) < 0 || each(m, capacity, read_capacity_block) < 0 ||
	    each(m, switches, read_nodes_of_switch) < 0)
		return -1;
	if (m->n_named == 0)
		return refuse(m, root->line, "the model names no hosts", "");
	if (m->s->n_switches == 0)
		m->s->n_switches = (uint32_t)m->switches.n;
	return 0;
}

int topograph_model_import(struct pl_survey *s, const struct survey_input *in,
			   struct pl_error *err)
{
	struct importyaml *root = importyaml_load(in, err);
	struct model m = { .s = s,
			   .in = in,
			   .switches = SWITCHTREE_INIT,
			   .block_switch = STRTABLE_INIT,
			   .err = err };
	int rc;

	if (root == NULL)
		return -1;
	m.source = survey_add_source(s, "topograph-model", in->name, in->taken_at);
	rc = read_model(&m, root);
	switchtree_fini(&m.switches);
	strtable_fini(&m.block_switch);
	importyaml_destroy(root);
	return rc;
}
