/* runsort.c - tests of core/map/runsort.h */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "map/runsort.h"

#define MOST 300

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void numbers_of_every_shape_are_sorted(void **state)
{
	uint32_t numbers[MOST], expected[MOST], scratch[MOST];
	unsigned seed = 1;

	(void)state;
	for (uint32_t n = 0; n <= MOST; n++) {
		for (uint32_t run = 1; run <= 64; run *= 4) { /* 1: no order at all */
			for (uint32_t i = 0; i < n; i++) {
				seed = seed * 1103515245u + 12345u;
				numbers[i] = i % run > 0 ? numbers[i - 1] + (seed >> 16) % 3
				                         : seed >> 20;
			}
			memcpy(expected, numbers, sizeof(numbers));
			qsort(expected, n, sizeof(*expected), compare);
			runs_sort(numbers, n, scratch);
			assert_memory_equal(numbers, expected, n * sizeof(*numbers));
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers_of_every_shape_are_sorted),
};

UNIT_MAIN(tests)
