/*
 * packing.h - cutting a row of ranks into parts, each in one unit of the machine. Internal to map/.
 *
 * Ranks are laid in their order; a part says in which unit the next so many of them are. Sizes are
 * counted in atoms: as many ranks as must not be cut (a tensor group, a host's ranks).
 */
#ifndef PL_MAP_PACKING_H
#define PL_MAP_PACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packing_part {
	uint32_t unit, atoms;
};

struct packing {
	const uint32_t *capacity; /* by unit, in atoms; borrowed */
	uint32_t n_units;
	uint32_t largest;           /* capacity */
	uint64_t spare;             /* atoms that may stay empty: all capacity less all ranks */
	struct packing_part *parts; /* in rank order */
	size_t n_parts, cap_parts;
};

void packing_init(struct packing *p, const uint32_t *capacity, uint32_t n_units, uint64_t atoms);
void packing_fini(struct packing *p);

/* Appends a part; none of 0 atoms. */
void packing_add(struct packing *p, uint32_t unit, uint32_t atoms);

/*
 * Blocks of `block` atoms, each begun in a fresh unit as long as spare room lasts. `even`: each
 * block takes the same from all units that it needs, instead of filling them one by one, so that
 * no unit has just a few of its ranks. False when the units have too little room. O(units + parts).
 */
bool packing_fresh(struct packing *p, uint64_t atoms, uint32_t block, bool even);

/*
 * Groups of `group` atoms, each whole in a unit or cut in two parts of at least `least` atoms:
 * unit by unit the fill that leaves no more empty than there is room to spare and cuts the fewest.
 * Fills are then spread over units of the same capacity so that the parts of a group are close.
 * False when it finds none. O(units * fills), fills at most PACKING_MAX_FILLS.
 */
bool packing_halves(struct packing *p, uint64_t atoms, uint32_t group, uint32_t least);

#define PACKING_MAX_FILLS 2000
#define PACKING_MAX_GROUP 128

#endif
