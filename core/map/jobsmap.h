/*
 * jobsmap.h - several jobs on one machine at the same time: disjoint parts of it, a map of each.
 *
 * Jobs get in one another's way where their ranks share the way out of a unit (occupied.h). Several
 * arrangements are made: jobs one after another as given, the largest or the smallest first, on the
 * next free GPUs, on domains of their own, or in the smallest unit that holds them. The best is the
 * one whose worst job has the shortest step, relative to what it would have with the machine to
 * itself; then the one with the least sum of these. It is never worse than the arrangement given,
 * each job in its order on the next free GPUs, which stays when less than PL_MAP_MIN_GAIN would be
 * gained.
 */
#ifndef PL_MAP_JOBSMAP_H
#define PL_MAP_JOBSMAP_H

#include "map/rankmap.h"

#define PL_JOBS_MAX 64

/*
 * Places `n` jobs, at most PL_JOBS_MAX, and fills maps[i] for requests[i], the caller's to destroy;
 * all requests name one topology. A map's cost is that beside the other jobs, its baseline that in
 * the arrangement given, and alone_step tells what it would take by itself. Errors as
 * pl_rankmap_place(), which name the job; then there are no maps. At most a dozen times as long as
 * to place each job once.
 */
PL_API int pl_rankmap_place_jobs(const struct pl_map_request *requests, size_t n,
                                 struct pl_rankmap **maps, struct pl_error *err);

#endif
