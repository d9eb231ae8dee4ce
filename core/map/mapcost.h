/*
 * mapcost.h - what a placement costs: a model of the network time of one training step.
 *
 * For each family of groups (struct pl_groups) the slowest group counts; the families follow one
 * another, nothing overlaps. A gigabyte costs per_gbyte[l] when it leaves a unit of level l - 1
 * (level 0: a GPU); traffic pays at each level it passes, and the dearest one counts, as levels are
 * links in a row:
 *
 *	ring		a group over several units of level l - 1 pays its volume / (members in the
 *			unit that has fewest): one ring per member's adapter
 *	all-to-all	a rank pays what it sends to peers outside its unit of level l - 1; inside
 *			the NVLink domain only what stays in it, as the rest goes by the adapter
 *	p2p		a rank pays its volume for each neighbour in another unit: one micro-batch
 *			goes forward while another comes back, both by its adapter
 *
 * What goes from one rail to another climbs to the spine and shares its links (rails.h).
 *
 * That is a group alone at full speed. What the groups of a phase share, the way out of each unit,
 * is added up (uplink.h), and the phase takes as long as the fullest one where that is longer. A
 * ring takes a unit's way out as often as the order of ranks leads out of it.
 *
 * Traffic is taken to spread evenly over parallel uplinks, as adaptive routing does. Where routes
 * are fixed, some collide, and a phase may take longer; t/bench/simgrid.sh shows by how much.
 *
 * The unit is seconds where the machine's bandwidths are known and the distance otherwise; either
 * way it is uncalibrated: good for ratios between maps of one job, not as a prediction.
 */
#ifndef PL_MAP_MAPCOST_H
#define PL_MAP_MAPCOST_H

#include "map/job.h"
#include "map/rails.h"
#include "map/topo.h"
#include "map/uplink.h"

/* What a better map is; each next criterion decides between equals. */
enum pl_objective {
	PL_OBJECTIVE_TIME,   /* time of a step, worst uplink by level, volume x distance, rails */
	PL_OBJECTIVE_LOAD,   /* worst uplink by level from the outermost, time, volume x distance */
	PL_OBJECTIVE_VOLUME, /* volume x distance, time */
};

/* What a family waits for. */
struct pl_map_worst {
	uint32_t group; /* the first of the slowest ones */
	int level;      /* that holds it up; -1: nothing is sent */
	bool uplink;    /* the group is not, the way out of units shared by all of them is */
	uint32_t unit;  /* then the fullest one: index in level - 1 (pl_topo_unit_index) */
};

struct pl_map_cost {
	double step;                       /* the sum of family[] */
	double family[PL_JOB_MAX_FAMILIES];        /* the slowest group of each */
	uint32_t straddling[PL_JOB_MAX_FAMILIES];  /* groups that leave their NVLink domain */
	uint32_t widest[PL_JOB_MAX_FAMILIES];      /* the most domains one group touches */
	uint32_t off_rail[PL_JOB_MAX_FAMILIES];    /* ranks that are off their rail (rails.h) */
	double weighted;                   /* sum over levels of volume * distance */
	double volume[PL_TOPO_MAX_LEVELS]; /* GB per step between ranks that meet at the level */
	double uplink[PL_TOPO_MAX_LEVELS]; /* GB per step out of the worst unit of level l - 1; 0
					      within the NVLink domain */
	uint32_t uplink_unit[PL_TOPO_MAX_LEVELS]; /* index of that unit */
	struct pl_map_worst worst[PL_JOB_MAX_FAMILIES];
};

/*
 * The cost of placing rank r at pe[r], job->world entries, all different and below topo->n_pes.
 * O(world * levels), more by a logarithm where groups are scattered out of PE order.
 */
PL_API void pl_map_cost(const struct pl_topo *topo, const struct pl_job *job, const uint32_t *pe,
                        struct pl_map_cost *cost);

/* What a gigabyte costs one GPU that has the level for itself. */
static inline double map_cost_alone(const struct pl_topo *topo, size_t level)
{
	return topo->per_gbyte[level] / topo->levels[level].oversubscription;
}

/* For many placements of one job on one machine. */
struct map_gauge {
	const struct pl_topo *topo;
	struct pl_groups groups[PL_JOB_MAX_FAMILIES];
	unsigned n_families;
	struct uplinks uplinks;
	double least[PL_JOB_MAX_FAMILIES]; /* time that no placement undercuts; 0 until it is known */
	struct rails rails;
};

void map_gauge_init(struct map_gauge *gauge, const struct pl_topo *topo, const struct pl_job *job);
void map_gauge_fini(struct map_gauge *gauge);

/* Lets map_gauge_cost() give up sooner: `bound` as of map_cost_bound(). */
void map_gauge_expect(struct map_gauge *gauge, const struct pl_map_cost *bound);

/* As pl_map_cost(), but gives up, false and *cost partly filled, once the step is seen to be longer
 * than `limit`. */
bool map_gauge_cost(struct map_gauge *gauge, const uint32_t *pe, double limit,
                    struct pl_map_cost *cost);

/*
 * What no placement can undercut: each family by itself as if it alone had the machine, where
 * capacity[l] is the most ranks that one unit of level l can take. Fills step and family only.
 */
void map_cost_bound(const struct pl_topo *topo, const struct pl_job *job,
                    const uint32_t capacity[PL_TOPO_MAX_LEVELS], struct pl_map_cost *bound);

/* <0 when a is better under the objective; figures within 1e-9 of each other are equal. */
int map_cost_compare(const struct pl_map_cost *a, const struct pl_map_cost *b,
                     enum pl_objective objective);

/* The share of `from` that `to` gains under the objective's first criterion (load: the outermost
 * level where they differ); negative when it is worse. */
double map_cost_gain(const struct pl_map_cost *from, const struct pl_map_cost *to,
                     enum pl_objective objective);

#endif
