/*
 * rails.h - which rail each GPU's traffic takes. Internal to map/.
 *
 * A fabric of rails gives each GPU of a host a network of its own: what stays on a rail meets at a
 * leaf, what goes from one to another climbs to the spine (topo.h, level.rails). A group that lies
 * in several NVLink domains leaves each of them by as many adapters as the domain with fewest of
 * its ranks has. These should be on the same rails everywhere; a rank whose domain has another
 * rail instead is off its rail.
 */
#ifndef PL_MAP_RAILS_H
#define PL_MAP_RAILS_H

#include "map/topo.h"
#include "map/uplink.h"

struct rails {
	const struct pl_topo *topo;
	unsigned shift;     /* of a domain in a key */
	uint32_t *presence; /* [rail * deep + k]: domains with more than k members on it */
	uint32_t *chosen;   /* by rail: adapters that the group should leave a domain by */
	uint32_t *here;     /* by rail: members of the domain at hand */
	uint32_t *least;    /* by rail: members of the domain with fewest */
	size_t cap;         /* of presence */
};

/* Nothing is done for machines without rails. */
void rails_init(struct rails *r, const struct pl_topo *topo);
void rails_fini(struct rails *r);

/*
 * How many of a group's ranks, `place` ascending, are off their rail; each sends `gbyte` out of its
 * unit of the innermost level with rails where it has peers there, which is counted in `u`.
 * O(n + domains * rails), more by a factor of the ranks in a domain where some are off.
 */
uint32_t rails_count_off(struct rails *r, struct uplinks *u, const uint32_t *place, uint32_t n,
			 double gbyte);

#endif
