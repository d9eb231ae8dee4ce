/*
 * graph_coarsen.h - a graph made smaller: vertices that talk much to each other become one.
 * Internal to map/.
 *
 * Each vertex, in random order, joins the neighbour it is tied to most, by weight^2 / (size *
 * size) (the "expansion*2" rating of Holtgrewe, Sanders and Schulz, IPDPS 2010), whether that
 * stands alone or has been joined before: a group of three times eight ranks becomes one vertex
 * where matching in pairs would tie its last third to strangers.
 */
#ifndef PL_MAP_GRAPH_COARSEN_H
#define PL_MAP_GRAPH_COARSEN_H

#include "map/graph_work.h"

/*
 * Makes the smaller graph; its vertices have at most `max_size` ranks. *cluster is the coarse
 * vertex of each vertex, an array the caller frees. O(edges).
 */
struct work_graph graph_coarsen(const struct work_graph *g, uint32_t max_size,
                                struct chance *chance, uint32_t **cluster);

#endif
