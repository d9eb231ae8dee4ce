/*
 * hostbox.h - many points in a space of numbers, folded into few boxes. For the files of this
 * room only.
 *
 * Names of one shape, r7t03 and r8t03, are points: one axis per number. A box has on each axis a
 * number or a set of numbers, and stands for their product: r[7-8]t[01-18]. Merging all boxes that
 * differ on one axis only, axis after axis until nothing changes, is greedy: it finds a full
 * product as one box, and of the rest a partition that depends on the points alone, not on their
 * order. O(points * axes) expected for each round, and few rounds.
 */
#ifndef PL_SET_HOSTBOX_H
#define PL_SET_HOSTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number as it is written: value and digits, so that 1 and 01 are different coordinates. */
#define COORD_DIGITS_MAX 17
#define COORD(value, digits) ((uint64_t)(value) << 5 | (digits))
#define COORD_VALUE(coord) ((coord) >> 5)
#define COORD_DIGITS(coord) ((unsigned int)((coord) & 31))

/* On an axis of a box: one coordinate, or with this bit the number of a set of them. */
#define HOSTBOX_SET (UINT64_C(1) << 63)

/* Sets of coordinates, each kept once, so that equal sets have equal numbers. */
struct coordsets {
	uint64_t *coords; /* of all sets, each ascending */
	size_t n_coords, cap_coords;
	struct coordset {
		size_t first, n;
	} *sets;
	size_t n_sets, cap_sets;
	uint32_t *slots; /* 1 + number of a set, 0 when free */
	size_t n_slots;
};

/* Boxes over the same axes; zero-initialised is empty. */
struct hostboxes {
	size_t axes;
	size_t n;
	uint64_t *sides; /* n * axes */
	uint32_t *least; /* of each box: the place of its first point in natural order */
	size_t cap_sides, cap_least;
};

void coordsets_fini(struct coordsets *sets);
void hostboxes_fini(struct hostboxes *boxes);

/* Forgets the boxes and makes room for n of `axes`. */
void hostboxes_reset(struct hostboxes *boxes, size_t axes, size_t n);

/* Merges in place. Several orders of the axes are tried where that can help. */
void hostboxes_merge(struct hostboxes *boxes, struct coordsets *sets);

#endif
