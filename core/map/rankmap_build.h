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

/* The same for what is assumed, which reads "subject: what is taken for granted of it". */
void rankmap_assume(struct pl_rankmap *map, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

/* The fewest ranks of a group that one unit of level - 1 holds (level 0: 1), and a PE of such a
 * unit. O(n log n) for n ranks of the group. */
uint32_t rankmap_narrowest(const struct pl_rankmap *map, const struct pl_groups *groups,
                           uint32_t group, int level, uint32_t *pe);

/* Appends what keeps the step from its lower bound: the phase furthest above it, and why. */
void rankmap_shortfall(const struct pl_rankmap *map, struct strbuf *out);

/* Fills what is assumed of the machine, the request and the job. */
void rankmap_assume_all(struct pl_rankmap *map, const struct pl_map_request *request);

/* The part of it that a map for a graph has too: the machine. */
void rankmap_assume_machine(struct pl_rankmap *map);

#endif
