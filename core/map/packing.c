/* packing.c - see packing.h */
#include "map/packing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void packing_init(struct packing *p, const uint32_t *capacity, uint32_t n_units, uint64_t atoms)
{
	uint64_t room = 0;

	*p = (struct packing){ .capacity = capacity, .n_units = n_units };
	for (uint32_t i = 0; i < n_units; i++)
		room += capacity[i];
	p->spare = room > atoms ? room - atoms : 0;
}

void packing_fini(struct packing *p)
{
	free(p->parts);
	*p = (struct packing){ 0 };
}

static void add_part(struct packing *p, uint32_t unit, uint32_t atoms)
{
	if (atoms == 0)
		return;
	ARRAY_GROW(p->parts, p->n_parts, p->cap_parts);
	p->parts[p->n_parts++] = (struct packing_part){ unit, atoms };
}

/* ---- blocks in fresh units ---- */

/* How many units from `first` on a block needs; 0 when there are too few. */
static uint32_t units_for(const struct packing *p, uint32_t first, uint32_t block)
{
	uint64_t room = 0;

	for (uint32_t i = first; i < p->n_units; i++) {
		room += p->capacity[i];
		if (room >= block)
			return i - first + 1;
	}
	return 0;
}

/* The same share from each of the units that the block needs. Advances *unit past them. */
static bool lay_even(struct packing *p, uint32_t *unit, uint32_t block)
{
	uint32_t n = units_for(p, *unit, block), first = *unit;

	if (n == 0)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t left = n - i, share = (block + left - 1) / left;
		uint64_t later = 0;

		for (uint32_t k = i + 1; k < n; k++)
			later += p->capacity[first + k];
		if (share > p->capacity[first + i])
			share = p->capacity[first + i];
		if (block - share > later)
			share = block - (uint32_t)later;
		add_part(p, first + i, share);
		block -= share;
	}
	*unit += n;
	return block == 0;
}

/* One unit after another, the first of which has been filled up to *used. */
static bool lay_full(struct packing *p, uint32_t *unit, uint32_t *used, uint32_t block)
{
	while (block > 0) {
		uint32_t room;

		if (*unit == p->n_units)
			return false;
		room = p->capacity[*unit] - *used;
		if (room > block) {
			add_part(p, *unit, block);
			*used += block;
			return true;
		}
		add_part(p, *unit, room);
		block -= room;
		*used = 0;
		(*unit)++;
	}
	return true;
}

/* What goes empty when the block at hand is laid even from this unit on. */
static uint64_t even_waste(const struct packing *p, uint32_t unit, uint32_t block)
{
	uint32_t n = units_for(p, unit, block);
	uint64_t room = 0;

	for (uint32_t i = 0; i < n; i++)
		room += p->capacity[unit + i];
	return room - (n > 0 ? block : 0);
}

bool packing_fresh(struct packing *p, uint64_t atoms, uint32_t block, bool even)
{
	uint32_t unit = 0, used = 0;

	p->n_parts = 0;
	while (atoms > 0) {
		uint32_t next = block < atoms ? block : (uint32_t)atoms;
		uint64_t rest = used > 0 ? p->capacity[unit] - used : 0;
		uint64_t waste;

		if (used > 0 && rest <= p->spare) {
			p->spare -= rest;
			unit++;
			used = 0;
		}
		waste = even && used == 0 ? even_waste(p, unit, next) : UINT64_MAX;
		if (waste <= p->spare) {
			if (!lay_even(p, &unit, next))
				return false;
			p->spare -= waste;
		} else if (!lay_full(p, &unit, &used, next)) {
			return false;
		}
		atoms -= next;
	}
	return true;
}

/* ---- groups whole or in two parts ---- */

/* How a unit may be filled: whole groups, second parts of groups that were cut, first parts of
 * new ones; all by size. */
struct fill {
	uint32_t second[PACKING_MAX_GROUP], first[PACKING_MAX_GROUP];
	uint32_t whole, cuts /* first parts */, ends /* second parts */, empty;
};

struct halves {
	struct packing *packing;
	uint32_t group, least;
	uint32_t open[PACKING_MAX_GROUP]; /* by size: second parts that wait for a unit */
	uint64_t fresh;                   /* groups that were not begun */
	uint64_t waiting;                 /* atoms in open */
	uint32_t allowed;                 /* atoms that may stay empty in the unit at hand */
	uint32_t seen;
	struct fill now, best;
	bool found;
	/* where the parts of a group went */
	struct packing_part (*placed)[2];
	uint32_t *queue; /* groups that wait, in the order they were begun */
	size_t n_queue;
	uint32_t begun;
};

/* Fewer cuts first where the empty room is allowed, else less empty room. */
static bool better_fill(const struct halves *h, const struct fill *a, const struct fill *b)
{
	bool a_fits = a->empty <= h->allowed, b_fits = b->empty <= h->allowed;

	if (a_fits != b_fits)
		return a_fits;
	if (!a_fits && a->empty != b->empty)
		return a->empty < b->empty;
	if (a->cuts != b->cuts)
		return a->cuts < b->cuts;
	if (a->ends != b->ends)
		return a->ends > b->ends;
	return a->empty < b->empty;
}

/* Tries first parts of at most `size` atoms in the room that is left. */
static void try_firsts(struct halves *h, uint32_t room, uint32_t size)
{
	if (++h->seen > PACKING_MAX_FILLS)
		return;
	h->now.empty = room;
	if (!h->found || better_fill(h, &h->now, &h->best)) {
		h->best = h->now;
		h->found = true;
	}
	for (uint32_t s = size < room ? size : room; s >= h->least; s--) {
		if (h->now.whole + h->now.cuts >= h->fresh || h->group - s < h->least)
			continue;
		h->now.first[s]++;
		h->now.cuts++;
		try_firsts(h, room - s, s);
		h->now.first[s]--;
		h->now.cuts--;
	}
}

/* Tries second parts of at most `size` atoms, then the rest. */
static void try_seconds(struct halves *h, uint32_t room, uint32_t size)
{
	try_firsts(h, room, h->group - h->least);
	for (uint32_t s = size < room ? size : room; s >= h->least; s--) {
		if (h->open[s] <= h->now.second[s])
			continue;
		h->now.second[s]++;
		h->now.ends++;
		try_seconds(h, room - s, s);
		h->now.second[s]--;
		h->now.ends--;
	}
}

static void try_fills(struct halves *h, uint32_t room)
{
	uint32_t most = room / h->group;

	if (most > h->fresh)
		most = (uint32_t)h->fresh;
	h->found = false;
	h->seen = 0;
	for (uint32_t whole = 0; whole <= most; whole++) {
		h->now = (struct fill){ .whole = most - whole };
		try_seconds(h, room - h->now.whole * h->group, h->group - h->least);
	}
}

/* The waiting group whose second part has this size. */
static uint32_t take_waiting(struct halves *h, uint32_t size)
{
	for (size_t i = 0; i < h->n_queue; i++) {
		uint32_t g = h->queue[i];

		if (h->group - h->placed[g][0].atoms != size)
			continue;
		memmove(h->queue + i, h->queue + i + 1,
			(h->n_queue - i - 1) * sizeof(*h->queue));
		h->n_queue--;
		return g;
	}
	return UINT32_MAX;
}

static void end_groups(struct halves *h, uint32_t unit)
{
	for (uint32_t s = h->least; s <= h->group - h->least; s++) {
		for (uint32_t i = 0; i < h->best.second[s]; i++) {
			uint32_t g = take_waiting(h, s);

			h->placed[g][1] = (struct packing_part){ unit, s };
			h->open[s]--;
			h->waiting -= s;
		}
	}
}

static void begin_groups(struct halves *h, uint32_t unit)
{
	for (uint32_t i = 0; i < h->best.whole; i++)
		h->placed[h->begun++][0] = (struct packing_part){ unit, h->group };
	for (uint32_t s = h->group - h->least; s >= h->least; s--) {
		for (uint32_t i = 0; i < h->best.first[s]; i++) {
			h->queue[h->n_queue++] = h->begun;
			h->placed[h->begun++][0] = (struct packing_part){ unit, s };
			h->open[h->group - s]++;
			h->waiting += h->group - s;
		}
	}
	h->fresh -= h->best.whole + h->best.cuts;
}

static bool fill_units(struct halves *h)
{
	struct packing *p = h->packing;
	uint64_t spare = p->spare;

	for (uint32_t u = 0; u < p->n_units && (h->fresh > 0 || h->waiting > 0); u++) {
		h->allowed = (uint32_t)(spare / (p->n_units - u));
		try_fills(h, p->capacity[u]);
		if (h->best.empty > spare)
			return false;
		spare -= h->best.empty;
		end_groups(h, u);
		begin_groups(h, u);
	}
	return h->fresh == 0 && h->waiting == 0;
}

bool packing_halves(struct packing *p, uint64_t atoms, uint32_t group, uint32_t least)
{
	struct halves *h = xcalloc(1, sizeof(*h));
	uint64_t n = atoms / group;
	bool done = false;

	h->packing = p;
	h->group = group;
	h->least = least;
	h->fresh = n;
	p->n_parts = 0;
	if (least > 0 && least <= group / 2 && group < PACKING_MAX_GROUP && atoms % group == 0) {
		h->placed = xcalloc(n, sizeof(*h->placed));
		h->queue = xcalloc(n, sizeof(*h->queue));
		done = fill_units(h);
		for (uint64_t g = 0; done && g < n; g++) {
			add_part(p, h->placed[g][0].unit, h->placed[g][0].atoms);
			add_part(p, h->placed[g][1].unit, h->placed[g][1].atoms);
		}
	}
	free(h->placed);
	free(h->queue);
	free(h);
	return done;
}
