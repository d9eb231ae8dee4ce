/*
 * islands.h - which groups may cross between the islands of a machine. Internal to map/.
 *
 * Islands are units that only a thin network joins, InfiniBand and Ethernet: topo.h,
 * level.islands. Only groups of the allowed axes cross, pipeline and data parallel ones where
 * nothing else was said. Which ranks that keeps together: clusters.h.
 */
#ifndef PL_MAP_ISLANDS_H
#define PL_MAP_ISLANDS_H

#include "map/job.h"
#include "map/topo.h"

#define ISLANDS_CROSS "pp,dp"

/* The innermost level that joins islands, or -1. */
int islands_level(const struct pl_topo *topo);

/* The island of a PE: the number of its unit, and its name. level is islands_level(). */
uint32_t island_of(const struct pl_topo *topo, int level, uint32_t pe);
const char *island_name(const struct pl_topo *topo, int level, uint32_t pe);

/* Whether two PEs are in different islands; false on machines without. */
bool islands_apart(const struct pl_topo *topo, uint32_t a, uint32_t b);

/* Sets named[island], one for each island of the machine, for names joined by commas. PL_EUSAGE: a
 * machine without islands, or a name that none has (the nearest is told). */
int islands_parse(const struct pl_topo *topo, const char *names, bool *named, struct pl_error *err);

/* Sets may[family] for axes joined by commas: tp cp ep dp pp, axes of one's own, families by name
 * ("hsdp"). NULL: ISLANDS_CROSS. PL_EUSAGE: none that the job has. */
int islands_parse_cross(const struct pl_job *job, const char *cross, bool may[PL_JOB_MAX_FAMILIES],
			struct pl_error *err);

#endif
