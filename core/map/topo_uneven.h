/*
 * topo_uneven.h - units of different sizes: the part of topo.c for machines whose units are given
 * host by host. Internal to map/.
 */
#ifndef PL_MAP_TOPO_UNEVEN_H
#define PL_MAP_TOPO_UNEVEN_H

#include "map/topo.h"

/* Checks and copies spec->host_units, and derives host_level, span, n_units and the counts of these
 * levels. PL_EUSAGE when they are no tree over the hosts. O(hosts * levels). */
int topo_uneven_derive(struct pl_topo *topo, const struct pl_topo_spec *spec,
		       struct pl_error *err);

/* The innermost level whose unit holds this host and the one before it. */
size_t topo_uneven_common(const struct pl_topo *topo, uint32_t host);

#endif
