/* packing.c - see packing.h */
#include "map/packing.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void packing_init(struct packing *p, const uint32_t *capacity, uint32_t n_units, uint64_t atoms)
{
	uint64_t room = 0;

	*p = (struct packing){ .capacity = capacity, .n_units = n_units };
	for (uint32_t i = 0; i < n_units; i++) {
		room += capacity[i];
		p->largest = capacity[i] > p->largest ? capacity[i] : p->largest;
	}
	p->spare = room > atoms ? room - atoms : 0;
}

void packing_fini(struct packing *p)
{
	free(p->parts);
	*p = (struct packing){ 0 };
}

void packing_add(struct packing *p, uint32_t unit, uint32_t atoms)
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
		packing_add(p, first + i, share);
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
			packing_add(p, *unit, block);
			*used += block;
			return true;
		}
		packing_add(p, *unit, room);
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

/* How many parts of each size a unit has; [0] counts whole groups. */
struct shape {
	uint8_t parts[PACKING_MAX_GROUP];
	uint32_t capacity;
	double at; /* where among the units of its capacity, 0 to 1 */
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
	struct shape *shape; /* by unit */
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

/* Counts what the best fill ends and begins. */
static void take_fill(struct halves *h, struct shape *shape)
{
	uint32_t whole = h->best.whole < UINT8_MAX ? h->best.whole : UINT8_MAX;

	shape->parts[0] = (uint8_t)whole;
	h->fresh -= whole + h->best.cuts;
	for (uint32_t s = h->least; s <= h->group - h->least; s++) {
		uint32_t first = h->best.first[s], second = h->best.second[s];

		shape->parts[s] = (uint8_t)(first + second);
		h->open[s] -= second;
		h->open[h->group - s] += first;
		h->waiting += (uint64_t)first * (h->group - s);
		h->waiting -= (uint64_t)second * s;
	}
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
		take_fill(h, &h->shape[u]);
	}
	return h->fresh == 0 && h->waiting == 0;
}

static int compare_shapes(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->capacity != y->capacity)
		return x->capacity < y->capacity ? -1 : 1;
	return memcmp(x->parts, y->parts, sizeof(x->parts));
}

static int compare_spread(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->capacity != y->capacity)
		return x->capacity < y->capacity ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return memcmp(x->parts, y->parts, sizeof(x->parts));
}

/* Units of one capacity can change shapes: each shape is spread over them evenly, so that the two
 * parts of a group find each other nearby. */
static void spread_shapes(struct halves *h)
{
	uint32_t n = h->packing->n_units;
	struct shape *sorted = xmalloc(n * sizeof(*sorted));
	uint32_t *next = xcalloc(h->packing->largest + 1, sizeof(*next));

	for (uint32_t u = 0; u < n; u++)
		h->shape[u].capacity = h->packing->capacity[u];
	memcpy(sorted, h->shape, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_shapes);
	for (uint32_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && compare_shapes(&sorted[i], &sorted[end]) == 0; end++)
			;
		for (uint32_t k = i; k < end; k++)
			sorted[k].at = (k - i + 0.5) / (end - i);
	}
	qsort(sorted, n, sizeof(*sorted), compare_spread);
	for (uint32_t i = n; i-- > 0;)
		next[sorted[i].capacity] = i;
	for (uint32_t u = 0; u < n; u++)
		h->shape[u] = sorted[next[h->packing->capacity[u]]++];
	free(sorted);
	free(next);
}

/* Groups by the units of their parts, in the order they are begun. */
struct pairing {
	struct packing_part (*placed)[2];
	uint32_t *queue; /* by group: the next that waits for a part of the same size */
	uint32_t first[PACKING_MAX_GROUP], last[PACKING_MAX_GROUP]; /* by that size; UINT32_MAX */
	uint32_t begun;
};

/* A part of `size` in a unit: the second one of the group that has waited longest for it, else the
 * first one of a new group. */
static void pair_part(struct pairing *p, uint32_t unit, uint32_t size, uint32_t group)
{
	uint32_t g = p->first[size], wants = group - size;

	if (g != UINT32_MAX) {
		p->first[size] = p->queue[g];
		p->placed[g][1] = (struct packing_part){ unit, size };
		return;
	}
	g = p->begun++;
	p->placed[g][0] = (struct packing_part){ unit, size };
	p->queue[g] = UINT32_MAX;
	if (p->first[wants] == UINT32_MAX)
		p->first[wants] = g;
	else
		p->queue[p->last[wants]] = g;
	p->last[wants] = g;
}

static void pair_parts(const struct halves *h, struct pairing *p)
{
	for (uint32_t u = 0; u < h->packing->n_units; u++) {
		const uint8_t *parts = h->shape[u].parts;

		for (uint32_t i = 0; i < parts[0]; i++)
			p->placed[p->begun++][0] = (struct packing_part){ u, h->group };
		for (uint32_t s = h->least; s <= h->group - h->least; s++) {
			for (uint32_t i = 0; i < parts[s]; i++)
				pair_part(p, u, s, h->group);
		}
	}
}

/* Which parts make a group, once it is known which each unit has. */
static void lay_groups(struct halves *h, uint64_t n)
{
	struct pairing p = { .placed = xcalloc(n, sizeof(*p.placed)),
		             .queue = xcalloc(n, sizeof(*p.queue)) };

	memset(p.first, 0xff, sizeof(p.first));
	pair_parts(h, &p);
	for (uint64_t g = 0; g < n; g++) {
		packing_add(h->packing, p.placed[g][0].unit, p.placed[g][0].atoms);
		packing_add(h->packing, p.placed[g][1].unit, p.placed[g][1].atoms);
	}
	free(p.placed);
	free(p.queue);
}

bool packing_halves(struct packing *p, uint64_t atoms, uint32_t group, uint32_t least)
{
	struct halves *h = xcalloc(1, sizeof(*h));
	bool done = false;

	h->packing = p;
	h->group = group;
	h->least = least;
	h->fresh = atoms / group;
	p->n_parts = 0;
	if (least > 0 && least <= group / 2 && group < PACKING_MAX_GROUP && atoms % group == 0 &&
	    p->largest < (uint64_t)UINT8_MAX * least) {
		h->shape = xcalloc(p->n_units, sizeof(*h->shape));
		done = fill_units(h);
		if (done) {
			spread_shapes(h);
			lay_groups(h, atoms / group);
		}
	}
	free(h->shape);
	free(h);
	return done;
}
