/* rankmap_build.h - what all that make maps share. Internal to map/. */
#ifndef PL_MAP_RANKMAP_BUILD_H
#define PL_MAP_RANKMAP_BUILD_H

#include "map/rankmap.h"
#include "map/slots.h"

/* A map with these places; its costs, strategy and notes are the caller's to fill. The bound is for
 * the GPUs of `slots`, NULL: all of the machine. */
struct pl_rankmap *rankmap_of_job(const struct pl_map_request *request, const uint32_t *pe,
                                  const struct slots *slots);

/* Adds a sentence to the notes. */
void rankmap_note(struct pl_rankmap *map, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

#endif
