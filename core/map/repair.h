/*
 * repair.h - a map after a failure: the ranks that lost their GPU get another, nobody else moves
 * without need.
 *
 * What moves is an atom: a rank, or for launchers that keep hosts all ranks of the host. It goes to
 * a spare on its host, else in its NVLink domain, nearest first. Where the domain has none, either
 * it goes alone to the nearest spare elsewhere or the block around it that should not split moves
 * with it to a domain that can take it whole: whichever makes the cheaper step.
 */
#ifndef PL_MAP_REPAIR_H
#define PL_MAP_REPAIR_H

#include "map/rankmap.h"

struct pl_map_repair {
	const uint32_t *previous; /* PE by rank; those that are unusable now have failed */
	uint32_t n;               /* ranks */
	uint32_t max_moves;       /* ranks that may move; 0: as many as needed */
	bool keep_hosts;          /* ranks whose host works stay there (checkpoints on local disks),
				     as far as the launcher lets them */
};

/*
 * The repaired map: its strategy is "repair", its baseline the cost of the previous map as it was,
 * its notes tell who moves where. PL_EUSAGE: not as many ranks as the job has. PL_ENOENT: too few
 * spares, or more moves than allowed; says how many would be needed. O(GPUs) for each atom that
 * failed, and one scoring (mapcost.h) for each block size where the domain has no spare.
 */
PL_API struct pl_rankmap *pl_rankmap_repair(const struct pl_map_request *request,
                                            const struct pl_map_repair *repair,
                                            struct pl_error *err);

/* A map made elsewhere, with its cost; its strategy is "given". The notes name the first rank on an
 * unusable GPU. PL_EUSAGE: not as many ranks as the job has. */
PL_API struct pl_rankmap *pl_rankmap_evaluate(const struct pl_map_request *request,
                                              const uint32_t *pe, uint32_t n, struct pl_error *err);

#endif
