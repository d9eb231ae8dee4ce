/* runsort.h - sorting numbers that come in a few ascending runs. Internal to map/. */
#ifndef PL_MAP_RUNSORT_H
#define PL_MAP_RUNSORT_H

#include <stdint.h>

/* Sorts ascending; `scratch` has room for n. O(n log r) for r runs: natural merge sort (Knuth, The
 * Art of Computer Programming 3, 5.2.4). */
void runs_sort(uint32_t *numbers, uint32_t n, uint32_t *scratch);

#endif
