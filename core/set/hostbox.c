/* hostbox.c - see hostbox.h */
#include "set/hostbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"

#define ORDERS_MAX 4 /* orders of axes that are tried */

/* What one merge needs besides the boxes; sized for the most boxes it starts with. */
struct merge {
	struct coordsets *sets;
	uint32_t *slots; /* 1 + a box that stands for its group */
	size_t n_slots;
	uint32_t *group; /* of each box */
	uint32_t *start; /* of each group in `member`, one more at the end */
	uint32_t *member;
	uint64_t *coords; /* of one group */
	uint64_t *spare;
	size_t cap_coords;
};

static void sort_coords(uint64_t *a, uint64_t *spare, size_t n);
static uint64_t coordset_intern(struct coordsets *sets, const uint64_t *coords, size_t n);

void coordsets_fini(struct coordsets *sets)
{
	free(sets->coords);
	free(sets->sets);
	free(sets->slots);
	*sets = (struct coordsets){ 0 };
}

void hostboxes_fini(struct hostboxes *boxes)
{
	free(boxes->sides);
	free(boxes->least);
	*boxes = (struct hostboxes){ 0 };
}

void hostboxes_reset(struct hostboxes *boxes, size_t axes, size_t n)
{
	if (n * axes > boxes->cap_sides) {
		boxes->cap_sides = mem_grow(boxes->cap_sides, n * axes);
		free(boxes->sides);
		boxes->sides = xreallocarray(NULL, boxes->cap_sides, sizeof(*boxes->sides));
	}
	if (n > boxes->cap_least) {
		boxes->cap_least = mem_grow(boxes->cap_least, n);
		free(boxes->least);
		boxes->least = xreallocarray(NULL, boxes->cap_least, sizeof(*boxes->least));
	}
	boxes->axes = axes;
	boxes->n = 0;
}

static void boxes_copy(struct hostboxes *to, const struct hostboxes *from)
{
	hostboxes_reset(to, from->axes, from->n);
	memcpy(to->sides, from->sides, from->n * from->axes * sizeof(uint64_t));
	memcpy(to->least, from->least, from->n * sizeof(uint32_t));
	to->n = from->n;
}

static void boxes_swap(struct hostboxes *a, struct hostboxes *b)
{
	struct hostboxes was = *a;

	*a = *b;
	*b = was;
}

/* ---- grouping: boxes that are equal on all axes but one ---- */

static uint64_t hash_others(const uint64_t *side, size_t axes, size_t but)
{
	uint64_t h = 0;

	for (size_t k = 0; k < axes; k++) {
		if (k == but)
			continue;
		h = (h ^ side[k]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 32;
	}
	return h;
}

static bool same_others(const uint64_t *a, const uint64_t *b, size_t axes, size_t but)
{
	for (size_t k = 0; k < axes; k++) {
		if (k != but && a[k] != b[k])
			return false;
	}
	return true;
}

/* Numbers the groups in the order they are met, and counts them in start[group + 1]. */
static size_t number_groups(struct merge *m, const struct hostboxes *b, size_t axis)
{
	size_t n_groups = 0;

	memset(m->slots, 0, m->n_slots * sizeof(*m->slots));
	m->start[0] = 0;
	for (size_t i = 0; i < b->n; i++) {
		const uint64_t *side = b->sides + i * b->axes;
		size_t at = hash_others(side, b->axes, axis) & (m->n_slots - 1);

		while (m->slots[at] != 0 &&
		       !same_others(b->sides + (m->slots[at] - 1) * b->axes, side, b->axes, axis))
			at = (at + 1) & (m->n_slots - 1);
		if (m->slots[at] == 0) {
			m->slots[at] = (uint32_t)i + 1;
			m->group[i] = (uint32_t)n_groups++;
			m->start[n_groups] = 0;
		} else {
			m->group[i] = m->group[m->slots[at] - 1];
		}
		m->start[m->group[i] + 1]++;
	}
	return n_groups;
}

static void list_members(struct merge *m, size_t n, size_t n_groups)
{
	for (size_t g = 0; g < n_groups; g++)
		m->start[g + 1] += m->start[g];
	for (size_t i = n; i-- > 0;)
		m->member[--m->start[m->group[i] + 1]] = (uint32_t)i;
	/* each start[g + 1] went down to the start of g */
	memmove(m->start, m->start + 1, n_groups * sizeof(*m->start));
	m->start[n_groups] = (uint32_t)n;
}

static uint64_t side_first(const struct coordsets *sets, uint64_t side)
{
	return side & HOSTBOX_SET ? sets->coords[sets->sets[side & ~HOSTBOX_SET].first] : side;
}

/* Adds the coordinates of a side to the `n` gathered so far. */
static size_t gather_side(struct merge *m, uint64_t side, size_t n)
{
	struct coordset one = { 0, 1 };

	if (side & HOSTBOX_SET)
		one = m->sets->sets[side & ~HOSTBOX_SET];
	if (n + one.n > m->cap_coords) {
		m->cap_coords = mem_grow(m->cap_coords, n + one.n);
		m->coords = xreallocarray(m->coords, m->cap_coords, sizeof(*m->coords));
		m->spare = xreallocarray(m->spare, m->cap_coords, sizeof(*m->spare));
	}
	if (side & HOSTBOX_SET)
		memcpy(m->coords + n, m->sets->coords + one.first, one.n * sizeof(*m->coords));
	else
		m->coords[n] = side;
	return n + one.n;
}

/* Writes group g as box g: its members stand at g or behind, so none is lost that still counts. */
static void merge_group(struct merge *m, struct hostboxes *b, size_t axis, size_t g)
{
	const uint32_t *member = m->member + m->start[g];
	size_t n_members = m->start[g + 1] - m->start[g];
	uint64_t least_first = UINT64_MAX;
	uint32_t least = 0;
	size_t n = 0;
	uint64_t *to = b->sides + g * b->axes;
	uint64_t side = b->sides[member[0] * b->axes + axis];

	for (size_t i = 0; i < n_members; i++) {
		uint64_t own = b->sides[member[i] * b->axes + axis];
		uint64_t first = side_first(m->sets, own);

		if (first < least_first) {
			least_first = first;
			least = b->least[member[i]];
		}
		if (n_members > 1)
			n = gather_side(m, own, n);
	}
	if (n_members > 1) {
		sort_coords(m->coords, m->spare, n);
		side = coordset_intern(m->sets, m->coords, n);
	}
	memmove(to, b->sides + member[0] * b->axes, b->axes * sizeof(*to));
	to[axis] = side;
	b->least[g] = least;
}

static void merge_axis(struct merge *m, struct hostboxes *b, size_t axis)
{
	size_t n_groups = number_groups(m, b, axis);

	if (n_groups == b->n)
		return;
	list_members(m, b->n, n_groups);
	for (size_t g = 0; g < n_groups; g++)
		merge_group(m, b, axis, g);
	b->n = n_groups;
}

/* Axis `first`, then the others from the last on, until a whole round changes nothing. */
static void merge_in_order(struct merge *m, struct hostboxes *b, size_t first)
{
	size_t before;

	do {
		before = b->n;
		merge_axis(m, b, first);
		for (size_t axis = b->axes; axis-- > 0;) {
			if (axis != first)
				merge_axis(m, b, axis);
		}
	} while (b->n < before && b->n > 1 && b->axes > 1);
}

static void merge_init(struct merge *m, struct coordsets *sets, size_t n)
{
	*m = (struct merge){ .sets = sets, .n_slots = 16 };
	while (m->n_slots < 2 * n)
		m->n_slots *= 2;
	m->slots = xreallocarray(NULL, m->n_slots, sizeof(*m->slots));
	m->group = xreallocarray(NULL, n, sizeof(*m->group));
	m->start = xreallocarray(NULL, n + 1, sizeof(*m->start));
	m->member = xreallocarray(NULL, n, sizeof(*m->member));
}

static void merge_fini(struct merge *m)
{
	free(m->slots);
	free(m->group);
	free(m->start);
	free(m->member);
	free(m->coords);
	free(m->spare);
}

void hostboxes_merge(struct hostboxes *boxes, struct coordsets *sets)
{
	struct hostboxes points = { 0 }, tried = { 0 };
	struct merge m;

	if (boxes->n < 2 || boxes->axes == 0)
		return;
	merge_init(&m, sets, boxes->n);
	if (boxes->axes > 1)
		boxes_copy(&points, boxes);
	merge_in_order(&m, boxes, boxes->axes - 1);
	for (size_t k = 0; k + 1 < boxes->axes && k + 1 < ORDERS_MAX && boxes->n > 1; k++) {
		boxes_copy(&tried, &points);
		merge_in_order(&m, &tried, k);
		if (tried.n < boxes->n)
			boxes_swap(boxes, &tried);
	}
	hostboxes_fini(&points);
	hostboxes_fini(&tried);
	merge_fini(&m);
}

/* ---- sets of coordinates ---- */

static bool coordset_is(const struct coordsets *sets, size_t number, const uint64_t *coords,
			size_t n)
{
	const struct coordset *s = &sets->sets[number];

	return s->n == n && memcmp(sets->coords + s->first, coords, n * sizeof(*coords)) == 0;
}

/* The slot of the set, or the free one where it would go. */
static size_t coordset_slot(const struct coordsets *sets, const uint64_t *coords, size_t n)
{
	size_t at = strtable_hash(coords, n * sizeof(*coords)) & (sets->n_slots - 1);

	while (sets->slots[at] != 0 && !coordset_is(sets, sets->slots[at] - 1, coords, n))
		at = (at + 1) & (sets->n_slots - 1);
	return at;
}

static void coordsets_rehash(struct coordsets *sets)
{
	sets->n_slots = sets->n_slots > 0 ? 2 * sets->n_slots : 64;
	free(sets->slots);
	sets->slots = xcalloc(sets->n_slots, sizeof(*sets->slots));
	for (size_t i = 0; i < sets->n_sets; i++) {
		const struct coordset *s = &sets->sets[i];

		sets->slots[coordset_slot(sets, sets->coords + s->first, s->n)] = (uint32_t)i + 1;
	}
}

/* The side that stands for this set. */
static uint64_t coordset_intern(struct coordsets *sets, const uint64_t *coords, size_t n)
{
	size_t at;

	if (2 * sets->n_sets >= sets->n_slots)
		coordsets_rehash(sets);
	at = coordset_slot(sets, coords, n);
	if (sets->slots[at] == 0) {
		if (sets->n_coords + n > sets->cap_coords) {
			sets->cap_coords = mem_grow(sets->cap_coords, sets->n_coords + n);
			sets->coords = xreallocarray(sets->coords, sets->cap_coords,
						     sizeof(*sets->coords));
		}
		ARRAY_GROW(sets->sets, sets->n_sets, sets->cap_sets);
		memcpy(sets->coords + sets->n_coords, coords, n * sizeof(*coords));
		sets->sets[sets->n_sets++] = (struct coordset){ sets->n_coords, n };
		sets->n_coords += n;
		sets->slots[at] = (uint32_t)sets->n_sets;
	}
	return HOSTBOX_SET | (sets->slots[at] - 1);
}

/* ---- sorting ---- */

static bool is_sorted(const uint64_t *a, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		if (a[i] < a[i - 1])
			return false;
	}
	return true;
}

static void insertion_sort(uint64_t *a, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t v = a[i];
		size_t k = i;

		for (; k > 0 && a[k - 1] > v; k--)
			a[k] = a[k - 1];
		a[k] = v;
	}
}

/* One pass of a radix sort, from a to b, by the byte at `shift`. */
static void radix_pass(const uint64_t *a, uint64_t *b, size_t n, unsigned int shift)
{
	size_t place[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		place[(a[i] >> shift & 0xff) + 1]++;
	for (size_t k = 1; k < 257; k++)
		place[k] += place[k - 1];
	for (size_t i = 0; i < n; i++)
		b[place[a[i] >> shift & 0xff]++] = a[i];
}

static void sort_coords(uint64_t *a, uint64_t *spare, size_t n)
{
	uint64_t differ = 0;

	if (is_sorted(a, n))
		return;
	if (n <= 48) {
		insertion_sort(a, n);
		return;
	}
	for (size_t i = 1; i < n; i++)
		differ |= a[i] ^ a[0];
	/* bytes in which all agree need no pass: numbers of hosts differ in two or three */
	for (unsigned int shift = 0; shift < 64; shift += 8) {
		if ((differ >> shift & 0xff) == 0)
			continue;
		radix_pass(a, spare, n, shift);
		memcpy(a, spare, n * sizeof(*a));
	}
}
