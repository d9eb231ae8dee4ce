/* slots_collect.h - what the parts of slots.c share: the hosts of a request. Private to them. */
#ifndef PL_MAP_SLOTS_COLLECT_H
#define PL_MAP_SLOTS_COLLECT_H

#include "map/slots.h"

/* A host of the request. */
struct candidate {
	uint32_t host;   /* index in the machine */
	uint32_t usable; /* GPUs; 0 for a spare */
	bool spare;
};

struct collect {
	const struct pl_map_request *request;
	struct candidate *hosts;
	uint32_t n_hosts;
	uint32_t *with; /* [m]: hosts that have at least m usable GPUs */
	int island_level; /* -1: none, or all hosts are in one */
	bool may_cross[PL_JOB_MAX_FAMILIES];
};

/* ---- slots_fit.c: whether the job fits, and what would ---- */

/* What a host gives: per_host ranks or none where hosts are equal (0: they need not be). */
uint32_t slots_ranks_of(const struct candidate *h, uint32_t per_host);

/* Ranks that are moved about together. */
uint32_t slots_atom(const struct collect *c, uint32_t per_host);

/* Ranks per host for a job: the largest divisor that enough hosts can take and that cuts no tensor
 * group, else the largest; with the rule of islands or without; 0 for none. */
uint32_t slots_per_host(const struct collect *c, const struct pl_job *job, bool islands);

uint32_t slots_total(const struct collect *c);

bool slots_job_fits(const struct collect *c, const struct pl_job *job, bool islands);

/* PL_ENOENT: why the job does not fit, and what would. Returns -1. */
int slots_too_few(const struct collect *c, struct pl_error *err);

/* ---- slots_rails.c: which GPUs of a host, in which order ---- */

/* The rails that per_host ranks of a host should be on, ascending; NULL where all GPUs are taken or
 * there are no rails. The caller frees. */
uint32_t *slots_choose_rails(const struct collect *c, uint32_t per_host);

/* Appends `n` GPUs of a host. */
void slots_take_host(struct slots *s, const struct collect *c, uint32_t host, uint32_t n,
		     const uint32_t *rails);

#endif
