/*
 * survey_tree.h - which hosts of a survey belong together, from the host outwards. Internal to
 * map/.
 *
 * A stage is one kind of fact (the NVLink domain, the block, a tier of switches). Two hosts are in
 * one unit of a stage when they name the same text there, or were in one unit of a stage inside it:
 * so units always nest, and a leaf with several spines, or an NVLink domain on several leaves,
 * joins what they reach. Stages that join nothing further are left out.
 */
#ifndef PL_MAP_SURVEY_TREE_H
#define PL_MAP_SURVEY_TREE_H

#include "survey/survey.h"

enum survey_stage {
	SURVEY_DOMAIN,
	SURVEY_BLOCK,
	SURVEY_CHASSIS,
	SURVEY_LEAF, /* tier 0; tier i is SURVEY_LEAF + i */
	SURVEY_ISLAND = SURVEY_LEAF + PL_SURVEY_TIERS, /* one fabric of several kinds */
	SURVEY_NETWORK, /* what joins the rest */
};

#define SURVEY_TREE_MAX	   (SURVEY_NETWORK + 1)
#define SURVEY_ISLANDS_MAX 3 /* InfiniBand, Ethernet, and what no source knows */

struct survey_tree {
	uint32_t n_hosts;
	size_t n_levels; /* from the innermost; the last has one unit */
	enum survey_stage stage[SURVEY_TREE_MAX];
	uint32_t *unit[SURVEY_TREE_MAX]; /* by place in `order`, counted from 0 */
	uint32_t n_units[SURVEY_TREE_MAX];
	uint32_t *order; /* hosts of the survey, units together, else as they were named */
	/* what the units inside the last level are, where they are fabrics of different kinds */
	const char *islands[SURVEY_ISLANDS_MAX];
	size_t n_islands; /* 0: one fabric, or unknown */
};

/* Makes the tree, and notes in the survey what was taken otherwise than written. There is at least
 * one host. O(hosts log hosts) for each stage. */
void survey_tree_make(struct survey_tree *tree, struct pl_survey *survey);
void survey_tree_fini(struct survey_tree *tree);

/* What the host says at a stage; NULL: nothing. */
const char *survey_said(const struct pl_survey_host *host, enum survey_stage stage);

/* "NVLink domain", "leaf switch": for a person. */
const char *survey_stage_words(enum survey_stage stage);

#endif
