/*
 * occupied.h - other jobs that run on the machine: their GPUs, and what they leave of its links.
 */
#ifndef PL_MAP_OCCUPIED_H
#define PL_MAP_OCCUPIED_H

#include "map/job.h"
#include "map/topo.h"

/*
 * Takes the GPUs of a map that runs already, `n` PEs below topo->n_pes, out of use. Where its job
 * is known (NULL: it is not), each way out of a unit is busy for the share of that job's step in
 * which it sends; maps made on this machine from now on have the rest of it, but at least their
 * fair share. PL_EUSAGE: the map and the job differ in ranks, or a GPU is taken by two jobs;
 * nothing is changed then. O(n * levels).
 */
PL_API int pl_topo_occupy(struct pl_topo *topo, const uint32_t *pe, uint32_t n,
                          const struct pl_job *job, struct pl_error *err);

#endif
