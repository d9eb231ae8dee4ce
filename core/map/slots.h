/*
 * slots.h - the GPUs a map may use, in order, under the launcher's rule.
 *
 * A slot list is what placements work on: rank r of a placement sits on its r-th slot. Internal to
 * map/.
 */
#ifndef PL_MAP_SLOTS_H
#define PL_MAP_SLOTS_H

#include "map/clusters.h"
#include "map/rankmap.h"

struct slots {
	uint32_t *pe; /* in the order of the request's hosts, GPUs of a host by rail where
			the launcher can say so (slots_by_rail), else ascending */
	uint32_t n;
	uint32_t *at; /* by PE: its place in pe; NULL where no blocks are kept */
	uint32_t per_host;           /* ranks on every host used; 0 where hosts need not be equal */
	uint32_t keep;               /* ranks that stay on consecutive slots as asked; 1: none */
	uint32_t atom;               /* least common multiple of the two: what may be moved about */
	uint32_t n_usable;           /* usable GPUs before the launcher's rule */
	uint32_t n_unusable;         /* GPUs of these hosts that are unusable */
	struct pl_hostlist *dead;    /* hosts of the request without a usable GPU */
	struct pl_hostlist *spares;  /* hosts kept free as asked */
	struct pl_hostlist *dropped; /* hosts left out because they cannot take per_host ranks */
	/* where the slots are in several islands: the level that joins them (else -1), what may
	   cross between them, and the ranks that are in one */
	int island_level;
	bool may_cross[PL_JOB_MAX_FAMILIES];
	struct clusters clusters;
};

/*
 * Collects the slots of a request. A launcher that keeps hosts gets the largest per_host that
 * divides the world and for which enough hosts have so many usable GPUs, where it can be one that
 * cuts no tensor group; hosts with fewer are dropped. Errors as pl_rankmap_place(). slots_fini() in
 * either case. O(GPUs), more where there are islands: O(world * families).
 */
int slots_collect(struct slots *slots, const struct pl_map_request *request, struct pl_error *err);
void slots_fini(struct slots *slots);

/* Whether the launcher can give a host's ranks its GPUs in any order. */
bool slots_by_rail(enum pl_launcher launcher);

/* Whether every block of `keep` ranks of a placement lies on slots that follow each other. O(n). */
bool slots_keep_blocks(const struct slots *slots, const uint32_t *pe, uint32_t n);

/* Orders `n` PEs so that those of a unit lie together at every level; units in the order of their
 * first PE, PEs of one innermost unit in the order given. O(n log n); O(n) when already so. */
void slots_group(const struct pl_topo *topo, uint32_t *pe, uint32_t n);

/* Keeps, of each run of PEs in one unit of a level, the longest front that is a multiple of
 * `block`. Returns how many are left. */
uint32_t slots_trim(const struct pl_topo *topo, uint32_t *pe, uint32_t n, size_t level,
                    uint32_t block);

/* The same with at most `most` of each unit. */
uint32_t slots_trim_to(const struct pl_topo *topo, uint32_t *pe, uint32_t n, size_t level,
                       uint32_t block, uint32_t most);

/* The most of these PEs that one unit of each level holds; they must be grouped. */
void slots_capacity(const struct pl_topo *topo, const uint32_t *pe, uint32_t n,
                    uint32_t capacity[PL_TOPO_MAX_LEVELS]);

#endif
