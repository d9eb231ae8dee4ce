/* portfolio_packed.c - placements for groups that do not fit the units of the machine evenly */
#include "map/portfolio.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/packing.h"

struct packed {
	struct portfolio *portfolio;
	uint32_t *grouped;   /* the slots, units together */
	uint32_t *laid;      /* the placement being made */
	size_t level;        /* of the units */
	uint32_t n_units;
	uint32_t *start;     /* by unit: its first slot in grouped; one more for the end */
	uint32_t *capacity;  /* by unit, in atoms, those that begin there and end elsewhere included */
	uint32_t *row;       /* the slots atom by atom, unit by unit */
	uint32_t *row_start; /* by unit: its first slot in row */
	uint32_t *used;      /* by unit: slots taken; scratch */
	uint32_t atom;       /* ranks */
	uint32_t piece;      /* what atoms were cut in where not all fit; 0: none was */
	uint32_t blocks[PL_JOB_MAX_BLOCKS];
	size_t n_blocks;
};

static void find_units(struct packed *k)
{
	const struct pl_topo *t = k->portfolio->topo;
	uint32_t n = k->portfolio->slots->n;

	k->start = xcalloc(n + 1, sizeof(*k->start));
	k->capacity = xcalloc(n + 1, sizeof(*k->capacity));
	k->used = xcalloc(n + 1, sizeof(*k->used));
	k->row = xmalloc(n * sizeof(*k->row));
	k->row_start = xcalloc(n + 1, sizeof(*k->row_start));
	k->n_units = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || pl_topo_unit(t, k->grouped[i], k->level) !=
				      pl_topo_unit(t, k->grouped[i - 1], k->level))
			k->start[k->n_units++] = i;
	}
	k->start[k->n_units] = n;
}

/* The slots of unit u that whole atoms leave over. */
static uint32_t rest_of(const struct packed *k, uint32_t u)
{
	return (k->start[u + 1] - k->start[u]) % k->atom;
}

/* The largest part of an atom of which the rests of the units hold enough for `atoms` more; whole
 * hosts where hosts are equal. 0 when there is none. */
static uint32_t choose_piece(const struct packed *k, uint64_t atoms)
{
	uint32_t least = k->portfolio->slots->atom;

	for (uint32_t piece = k->atom / 2; piece >= least; piece--) {
		uint64_t pieces = 0;

		if (k->atom % piece != 0 || piece % least != 0)
			continue;
		for (uint32_t u = 0; u < k->n_units; u++)
			pieces += rest_of(k, u) / piece;
		if (pieces >= atoms * (k->atom / piece))
			return piece;
	}
	return 0;
}

/* Appends one atom made of rests to the row, from the unit *u and those behind it. */
static void join_rests(struct packed *k, uint32_t *row_end, uint32_t *u)
{
	for (uint32_t left = k->atom; left > 0;) {
		uint32_t taken = k->used[*u] + k->piece;

		if (taken > rest_of(k, *u)) {
			(*u)++;
			continue;
		}
		memcpy(k->row + *row_end,
		       k->grouped + k->start[*u + 1] - rest_of(k, *u) + k->used[*u],
		       k->piece * sizeof(*k->row));
		k->used[*u] = taken;
		*row_end += k->piece;
		left -= k->piece;
	}
}

/* Where a rest at unit u begins the next atom that is to be cut: its unit is the first whose rest
 * has a piece left. */
static bool begins_cut(const struct packed *k, uint32_t u)
{
	return k->piece > 0 && k->used[u] + k->piece <= rest_of(k, u);
}

/*
 * Counts and lays out the units in atoms. Where fewer fit in whole units than the job has, the
 * missing ones are cut in pieces over the rests of neighbouring units, as large as can be; such an
 * atom counts in the unit where it begins. The largest capacity.
 */
static uint32_t count_in_atoms(struct packed *k, uint32_t atom)
{
	uint64_t wanted = k->portfolio->n_ranks / atom, whole = 0;
	uint32_t largest = 0, end = 0, next = 0;

	k->atom = atom;
	memset(k->used, 0, k->n_units * sizeof(*k->used));
	for (uint32_t u = 0; u < k->n_units; u++)
		whole += (k->start[u + 1] - k->start[u]) / atom;
	wanted = wanted > whole ? wanted - whole : 0;
	k->piece = wanted > 0 ? choose_piece(k, wanted) : 0;
	for (uint32_t u = 0; u < k->n_units; u++) {
		uint32_t n = (k->start[u + 1] - k->start[u]) / atom;

		k->row_start[u] = end;
		memcpy(k->row + end, k->grouped + k->start[u], n * atom * sizeof(*k->row));
		end += n * atom;
		next = next < u ? u : next;
		for (; wanted > 0 && next == u && begins_cut(k, u); wanted--, n++)
			join_rests(k, &end, &next);
		k->capacity[u] = n;
		largest = n > largest ? n : largest;
	}
	return largest;
}

static void lay(struct packed *k, const struct packing *p, struct placement *like)
{
	uint32_t at = 0;

	like->cut = k->piece > 0 ? k->atom : 0;
	like->piece = k->piece;

	memset(k->used, 0, k->n_units * sizeof(*k->used));
	for (size_t i = 0; i < p->n_parts; i++) {
		uint32_t u = p->parts[i].unit, n = p->parts[i].atoms * k->atom;

		memcpy(k->laid + at, k->row + k->row_start[u] + k->used[u], n * sizeof(*k->laid));
		k->used[u] += n;
		at += n;
	}
	portfolio_add(k->portfolio, like, k->laid);
}

/* Each block begun in a unit of its own, filled up or evenly. */
static void add_fresh(struct packed *k, uint32_t block, uint64_t atoms)
{
	struct placement like = { .strategy = PL_STRATEGY_SPREAD,
		                  .block = block,
		                  .level = (int)k->level };

	for (int even = 0; even < 2; even++) {
		struct packing p;

		packing_init(&p, k->capacity, k->n_units, atoms);
		if (packing_fresh(&p, atoms, block / k->atom, even != 0))
			lay(k, &p, &like);
		packing_fini(&p);
	}
}

/* ---- groups cut in two ---- */

/* A run of units that lie in one unit further out. */
struct run {
	uint32_t first, n;
	uint64_t atoms;  /* room */
	uint64_t groups; /* that are to be there */
};

/* The runs by a level further out; `runs` has room for one per unit. */
static uint32_t find_runs(const struct packed *k, size_t outer, struct run *runs)
{
	const struct pl_topo *t = k->portfolio->topo;
	uint64_t last = 0;
	uint32_t n = 0;

	for (uint32_t u = 0; u < k->n_units; u++) {
		uint64_t unit = pl_topo_unit(t, k->grouped[k->start[u]], outer);

		if (n == 0 || unit != last)
			runs[n++] = (struct run){ .first = u };
		last = unit;
		runs[n - 1].n++;
		runs[n - 1].atoms += k->capacity[u];
	}
	return n;
}

/* Shares the groups out so that each run has whole ones only and they are about equally full.
 * False where they do not fit so. */
static bool share_out(struct run *runs, uint32_t n, uint32_t size, uint64_t groups)
{
	uint64_t room = 0, given = 0;

	for (uint32_t i = 0; i < n; i++)
		room += runs[i].atoms / size;
	if (room < groups)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t here = runs[i].atoms / size, rest = room - here;
		uint64_t share = room > 0 ? (groups - given) * here / room : 0;

		if (groups - given - share > rest)
			share = groups - given - rest;
		runs[i].groups = share;
		given += share;
		room = rest;
	}
	return true;
}

/* Packs every run by itself; the parts in the order of the runs. */
static bool pack_runs(const struct packed *k, const struct run *runs, uint32_t n, uint32_t size,
                      uint32_t least, struct packing *all)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t atoms = runs[i].groups * size;
		struct packing p;
		bool packed;

		packing_init(&p, k->capacity + runs[i].first, runs[i].n, atoms);
		packed = packing_halves(&p, atoms, size, least);
		for (size_t part = 0; part < p.n_parts && packed; part++)
			packing_add(all, runs[i].first + p.parts[part].unit, p.parts[part].atoms);
		packing_fini(&p);
		if (!packed)
			return false;
	}
	return true;
}

/* The same with no group in two units of a level further out. */
static void add_halves_within(struct packed *k, size_t outer, uint64_t atoms,
                              struct placement *like)
{
	struct run *runs = xcalloc(k->n_units, sizeof(*runs));
	uint32_t n = find_runs(k, outer, runs), size = like->block / k->atom;
	struct packing p;

	packing_init(&p, k->capacity, k->n_units, atoms);
	if (n > 1 && share_out(runs, n, size, atoms / size) &&
	    pack_runs(k, runs, n, size, like->least / k->atom, &p))
		lay(k, &p, like);
	packing_fini(&p);
	free(runs);
}

/* Groups cut in two with the smaller part as large as can be. */
static void add_halves(struct packed *k, uint32_t group, uint64_t atoms)
{
	struct placement like = { .strategy = PL_STRATEGY_PACKED,
		                  .block = group,
		                  .level = (int)k->level };
	uint32_t size = group / k->atom;
	struct packing p;
	bool found = false;

	for (uint32_t least = size / 2; least > 0 && !found; least--) {
		packing_init(&p, k->capacity, k->n_units, atoms);
		found = packing_halves(&p, atoms, size, least);
		like.least = least * k->atom;
		if (found)
			lay(k, &p, &like);
		packing_fini(&p);
	}
	for (size_t outer = k->level + 1; found && outer + 1 < k->portfolio->topo->n_levels; outer++)
		add_halves_within(k, outer, atoms, &like);
}

/* Atoms one after another where some must be cut. */
static void add_cut(struct packed *k)
{
	struct placement like = { .strategy = PL_STRATEGY_PACKED,
		                  .block = k->atom,
		                  .least = k->piece,
		                  .level = (int)k->level };

	portfolio_add(k->portfolio, &like, k->row);
}

/* Every larger block over atoms of this size. */
static void add_for_atom(struct packed *k, uint32_t atom)
{
	uint32_t world = k->portfolio->n_ranks;
	uint32_t largest = count_in_atoms(k, atom);

	if (largest == 0 || world % atom != 0)
		return;
	if (k->piece > 0)
		add_cut(k);
	for (size_t i = 0; i < k->n_blocks; i++) {
		uint32_t block = k->blocks[i];

		if (block <= atom || block % atom != 0)
			continue;
		if (block / atom > largest)
			add_fresh(k, block, world / atom);
		else
			add_halves(k, block, world / atom);
	}
}

void portfolio_add_packed(struct portfolio *p)
{
	const struct pl_topo *t = p->topo;
	struct packed k = { .portfolio = p };
	uint64_t last = 0;

	k.level = (size_t)(t->domain_level >= 0 ? t->domain_level : 0);
	if (k.level + 1 >= t->n_levels || (int)k.level < t->host_level)
		return;
	k.grouped = xmalloc(p->slots->n * sizeof(*k.grouped));
	k.laid = xmalloc(p->slots->n * sizeof(*k.laid));
	memcpy(k.grouped, p->slots->pe, p->slots->n * sizeof(*k.grouped));
	slots_group(t, k.grouped, p->slots->n);
	find_units(&k);
	k.n_blocks = portfolio_blocks(p, k.blocks);
	for (size_t i = 0; i < k.n_blocks; i++) {
		uint64_t atom = portfolio_lcm(k.blocks[i], p->slots->atom);

		if (atom > last && atom <= p->n_ranks)
			add_for_atom(&k, (uint32_t)atom);
		last = atom;
	}
	free(k.grouped);
	free(k.laid);
	free(k.start);
	free(k.capacity);
	free(k.row);
	free(k.row_start);
	free(k.used);
}
