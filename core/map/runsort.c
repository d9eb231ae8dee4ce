/* runsort.c - see runsort.h */
#include "map/runsort.h"

#include <stdbool.h>
#include <string.h>

static uint32_t run_end(const uint32_t *a, uint32_t n, uint32_t from)
{
	uint32_t i = from + 1;

	while (i < n && a[i - 1] <= a[i])
		i++;
	return i;
}

/* a[from, mid) and a[mid, end) into `to`, at the same place. */
static void merge(const uint32_t *a, uint32_t from, uint32_t mid, uint32_t end, uint32_t *to)
{
	uint32_t left = from, right = mid;

	for (uint32_t i = from; i < end; i++) {
		bool from_left = right == end || (left < mid && a[left] <= a[right]);

		to[i] = from_left ? a[left++] : a[right++];
	}
}

/* Merges runs two by two. False when there was but one, and nothing was done. */
static bool merge_pairs(const uint32_t *a, uint32_t n, uint32_t *to)
{
	for (uint32_t from = 0, mid, end; from < n; from = end) {
		mid = run_end(a, n, from);
		if (from == 0 && mid >= n)
			return false;
		end = mid < n ? run_end(a, n, mid) : n;
		merge(a, from, mid < n ? mid : n, end, to);
	}
	return true;
}

void runs_sort(uint32_t *a, uint32_t n, uint32_t *scratch)
{
	uint32_t *from = a, *to = scratch;

	while (n > 1 && merge_pairs(from, n, to)) {
		uint32_t *sorted = to;

		to = from;
		from = sorted;
	}
	if (from != a)
		memcpy(a, from, n * sizeof(*a));
}
