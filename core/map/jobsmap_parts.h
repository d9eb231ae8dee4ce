/* jobsmap_parts.h - which part of the machine a job may take beside others. Internal to map/. */
#ifndef PL_MAP_JOBSMAP_PARTS_H
#define PL_MAP_JOBSMAP_PARTS_H

#include "map/rankmap.h"

enum part_rule {
	PART_NEXT,  /* any GPUs that are free */
	PART_WHOLE, /* NVLink domains, else hosts, on which there is no other job */
	PART_TIGHT, /* as few of these as will do, from the first on */
	PART_FIT,   /* the smallest unit that holds it, of several the fullest; else as PART_TIGHT */
	PART_RULES,
};

/*
 * Places one job on request->topo, the machine with others on it: GPUs usable on `machine` alone
 * are theirs. Where the rule leaves too little, the next looser one holds. Errors as
 * pl_rankmap_place().
 */
struct pl_rankmap *part_place(const struct pl_map_request *request, const struct pl_topo *machine,
                              enum part_rule rule, struct pl_error *err);

#endif
