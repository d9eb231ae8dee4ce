/*
 * graph_refine.h - moving vertices between the two sides of a cut until it is light. Internal to
 * map/.
 *
 * Fiduccia and Mattheyses (DAC 1982): the vertex whose move saves most goes over, also at a
 * loss, and is then left alone; at the end of a pass the best state that was passed is taken.
 * Moves come from the side that has too much, so that the sizes are exact where vertices are
 * single ranks. Ties go to the vertex that was touched last.
 */
#ifndef PL_MAP_GRAPH_REFINE_H
#define PL_MAP_GRAPH_REFINE_H

#include "map/graph_work.h"

/*
 * Betters the cut `side` (0 or 1 by vertex) in at most `passes` passes, until one gains nothing.
 * Side 0 is to hold `target` ranks; one vertex of the largest size less a rank may be missing or
 * too many, so that with single ranks it is exact, whatever it was before. Returns the weight of
 * the cut. O(passes * edges * log).
 */
double graph_refine(const struct work_graph *g, uint32_t target, unsigned passes, uint8_t *side);

/* Grows side 0 from one vertex, side 1 being all others, then refines. */
double graph_grow(const struct work_graph *g, uint32_t target, unsigned passes, uint32_t from,
                  uint8_t *side);

#endif
