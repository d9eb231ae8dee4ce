/*
 * import_slurm_yaml.c - Slurm's topology.yaml (25.05 and later); see importers.h
 *
 * A list of topologies, each a tree or blocks or one of the kinds that say nothing of who is close
 * (flat, ring, torus3d). One is the cluster's default; that one is taken.
 */
#include <string.h>

#include "survey/importers.h"
#include "survey/importyaml.h"
#include "survey/slurmtree.h"

static const struct importyaml *list_of(const struct importyaml *map, const char *key)
{
	const struct importyaml *list = importyaml_get(map, key);

	return list != NULL && list->kind == IMPORTYAML_LIST ? list : NULL;
}

static int nameless(const struct slurmtree *t, const struct importyaml *item, const char *what,
		    struct pl_error *err)
{
	return pl_errorf(err, PL_EUSAGE, "%s:%zu: a %s without its name", t->in->name, item->line,
			 what);
}

static int read_switches(struct slurmtree *t, const struct importyaml *tree, struct pl_error *err)
{
	const struct importyaml *list = list_of(tree, "switches");

	for (size_t i = 0; list != NULL && i < list->n_items; i++) {
		const struct importyaml *item = &list->items[i];
		const char *name = importyaml_text(item, "switch");

		if (name == NULL || *name == '\0')
			return nameless(t, item, "switch", err);
		if (slurmtree_switch(t, name, importyaml_text(item, "nodes"),
				     importyaml_text(item, "children"), item->line, err) < 0)
			return -1;
	}
	return 0;
}

static int read_blocks(struct slurmtree *t, const struct importyaml *block, struct pl_error *err)
{
	const struct importyaml *list = list_of(block, "blocks");

	for (size_t i = 0; list != NULL && i < list->n_items; i++) {
		const struct importyaml *item = &list->items[i];
		const char *name = importyaml_text(item, "block");

		if (name == NULL || *name == '\0')
			return nameless(t, item, "block", err);
		if (slurmtree_block(t, name, importyaml_text(item, "nodes"), item->line, err) < 0)
			return -1;
	}
	return 0;
}

static const char *name_of(const struct importyaml *topology)
{
	const char *name = importyaml_text(topology, "topology");

	return name != NULL ? name : "?";
}

/* The default, else the first; what the others are called is told. */
static const struct importyaml *choose(struct slurmtree *t, const struct importyaml *root)
{
	const struct importyaml *chosen = &root->items[0];

	for (size_t i = 0; i < root->n_items; i++) {
		const char *is_default = importyaml_text(&root->items[i], "cluster_default");

		if (is_default != NULL &&
		    (strcmp(is_default, "true") == 0 || strcmp(is_default, "yes") == 0)) {
			chosen = &root->items[i];
			break;
		}
	}
	if (root->n_items > 1)
		survey_note(t->survey, "%s: of %zu topologies '%s' is taken, the cluster's default",
			    t->in->name, root->n_items, name_of(chosen));
	return chosen;
}

static int read_root(struct slurmtree *t, const struct importyaml *root, struct pl_error *err)
{
	const struct importyaml *chosen;

	if (root->kind != IMPORTYAML_LIST || root->n_items == 0)
		return pl_errorf(err, PL_EUSAGE,
				 "%s:%zu: topology.yaml is a list of topologies: \"- topology: "
				 "NAME\"",
				 t->in->name, root->line);
	chosen = choose(t, root);
	if (importyaml_get(chosen, "tree") == NULL && importyaml_get(chosen, "block") == NULL)
		return pl_errorf(err, PL_EUSAGE,
				 "%s:%zu: topology '%s' is neither tree nor block: nothing in it "
				 "says which hosts are close",
				 t->in->name, chosen->line, name_of(chosen));
	if (read_switches(t, importyaml_get(chosen, "tree"), err) < 0 ||
	    read_blocks(t, importyaml_get(chosen, "block"), err) < 0)
		return -1;
	return slurmtree_tell(t, err);
}

int slurm_yaml_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct importyaml *root = importyaml_load(in, err);
	struct slurmtree tree;
	int rc;

	if (root == NULL)
		return -1;
	slurmtree_init(&tree, s, in, "slurm-topology-yaml");
	rc = read_root(&tree, root, err);
	slurmtree_fini(&tree);
	importyaml_destroy(root);
	return rc;
}

int slurm_yaml_recognise(const char *bytes, size_t len)
{
	size_t head = len < 65536 ? len : 65536;

	return import_mentions(bytes, head, "- topology:") &&
			       (import_mentions(bytes, head, "cluster_default:") ||
				import_mentions(bytes, head, "tree:") ||
				import_mentions(bytes, head, "block:"))
		       ? 90
		       : 0;
}
