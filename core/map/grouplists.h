/*
 * grouplists.h - process groups as a job dumped them: which ranks talk to each other, listed.
 *
 * Two forms. JSON: each family an array of groups, each group an array of ranks,
 *
 *	{ "tp": [[0, 1], [2, 3]], "dp": [[0, 2], [1, 3]] }
 *
 * and text: one group a line, ranks apart by blanks or commas, 0-3 for a range, # for comments:
 *
 *	tp: 0 1
 *	tp: 2 3
 *	dp: 0 2
 *
 * Known names are tp cp dp dp-cp pp ep etp edp fsdp hsdp embd, and what Megatron calls them
 * (dp_cp, tensor_model_parallel_group, ...); their volumes follow from the model. A family of
 * another name has the volume that is written behind it, "moe@2G:alltoall" - bytes that a rank
 * sends per step (see struct pl_groups), then ring, alltoall or p2p - and none otherwise. Every
 * rank is in one group of each family; ":partial" at the end of the name lets ranks be missing
 * (embd may have them missing anyway).
 */
#ifndef PL_MAP_GROUPLISTS_H
#define PL_MAP_GROUPLISTS_H

#include "map/job.h"

struct pl_listed {
	char *name; /* canonical: "dp-cp" */
	bool has_volume, partial;
	double gbyte;
	enum pl_pattern pattern;
	uint32_t size, n_groups; /* size of the largest */
	uint32_t *start;         /* n_groups + 1 entries */
	uint32_t *ranks;
	uint32_t block; /* the smallest b for which ranks [k*b, (k+1)*b) are whole groups */
};

struct pl_group_lists {
	unsigned refs;
	uint32_t world; /* the highest rank + 1 */
	size_t n;
	struct pl_listed items[PL_JOB_MAX_LISTED];
};

/*
 * Reads either form; `source` names the bytes in messages, which tell the line. PL_EUSAGE: what is
 * neither form, a rank twice in a family, ranks missing or past PL_JOB_MAX_WORLD, an empty group,
 * more than PL_JOB_MAX_LISTED families, a volume or pattern that is none. The result has one
 * reference. O(ranks * families).
 */
PL_API struct pl_group_lists *pl_group_lists_parse(const char *bytes, size_t len,
                                                   const char *source, struct pl_error *err);

PL_API struct pl_group_lists *pl_group_lists_ref(struct pl_group_lists *lists);
PL_API void pl_group_lists_unref(struct pl_group_lists *lists); /* NULL is none */

/* The family, or NULL; lists may be NULL. */
const struct pl_listed *pl_group_lists_find(const struct pl_group_lists *lists, const char *name);

#endif
