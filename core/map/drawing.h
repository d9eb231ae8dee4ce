/*
 * drawing.h - the machine, or a map on it, as an SVG for a person.
 *
 * An NVLink domain (a rack) is a tile with a row for each host and a cell for each GPU; the tiles
 * of one unit of the level above stand in one box. A host's name and ranks are its tooltip.
 */
#ifndef PL_MAP_DRAWING_H
#define PL_MAP_DRAWING_H

#include "map/rankmap.h"

/*
 * Appends the drawing: GPUs coloured by health, or where there is a map by the pipeline stage of
 * their rank (by blocks of ranks in jobs without stages). map may be NULL. Some 60 bytes a GPU;
 * O(GPUs + ranks).
 */
PL_API void pl_draw(const struct pl_topo *topo, const struct pl_rankmap *map, struct strbuf *out);

#endif
