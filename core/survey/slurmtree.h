/*
 * slurmtree.h - Slurm's switches and blocks, while a file of its topology is read. Internal to
 * map/.
 *
 * The three formats (topology.conf, topology.yaml, `scontrol show topology`) say the same in other
 * words: a switch has nodes or switches below it, a block has nodes. They are collected here with
 * their lines, and told to the survey when all are known: a tree may be told in any order.
 */
#ifndef PL_MAP_SLURMTREE_H
#define PL_MAP_SLURMTREE_H

#include "base/strtable.h"
#include "survey/survey.h"

struct slurmtree {
	struct pl_survey *survey;
	const struct survey_input *in;
	uint32_t source;
	struct slurmtree_switch *switches;
	size_t n, cap;
	size_t n_names; /* in all lists so far */
	struct strtable by_name; /* of switches: index + 1 */
	struct strtable blocks;	 /* names seen */
};

void slurmtree_init(struct slurmtree *t, struct pl_survey *s, const struct survey_input *in,
		    const char *format);
void slurmtree_fini(struct slurmtree *t);

/* A switch and what is below it, as host lists; NULL or "" for none. PL_EUSAGE with the line: it
 * was named before, a list is none. */
int slurmtree_switch(struct slurmtree *t, const char *name, const char *nodes,
		     const char *switches, size_t line, struct pl_error *err);

/* A block of nodes. */
int slurmtree_block(struct slurmtree *t, const char *name, const char *nodes, size_t line,
		    struct pl_error *err);

/*
 * Tells the survey of the switches: each host's tiers count from the leaf, and where a branch is
 * shallower than others it repeats its switch, so that a tier means the same everywhere. PL_EUSAGE
 * with the line: a switch is below two others or below itself, a child is named nowhere, there are
 * more than PL_SURVEY_TIERS, or nothing at all was read. O(hosts * tiers).
 */
int slurmtree_tell(struct slurmtree *t, struct pl_error *err);

#endif
