/* graph_refine.c - see graph_refine.h */
#include "map/graph_refine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NOBODY UINT32_MAX

/* Where a vertex is in its heap. */
#define OUTSIDE 0u
#define MOVED   UINT32_MAX /* in this pass */

/* A heap of vertices by gain, the largest first; its items count from 1. */
struct heap {
	uint32_t *item;
	uint32_t n;
};

struct refine {
	const struct work_graph *g;
	uint8_t *side;
	float *gain;     /* what the cut loses when the vertex moves */
	uint32_t *touch; /* when the gain last changed */
	uint32_t *where; /* OUTSIDE, MOVED, or its index in heap[side] */
	struct heap heap[2];
	uint32_t *moves, n_moves; /* of this pass, in order */
	uint32_t clock;
	uint32_t scan; /* vertices before it have been offered though they are not at the border */
	int64_t excess, slack; /* ranks of side 0 beyond the target; what of that is accepted */
	double cut;
};

/* How a cut compares: first the ranks beyond the slack, then the weight. */
struct state {
	int64_t beyond, excess;
	double cut;
};

/* ---- the heaps ---- */

static bool goes_before(const struct refine *r, uint32_t u, uint32_t v)
{
	return r->gain[u] != r->gain[v] ? r->gain[u] > r->gain[v] : r->touch[u] > r->touch[v];
}

static void heap_put(struct refine *r, struct heap *h, uint32_t at, uint32_t v)
{
	h->item[at] = v;
	r->where[v] = at;
}

static void heap_rise(struct refine *r, struct heap *h, uint32_t at, uint32_t v)
{
	while (at > 1 && goes_before(r, v, h->item[at / 2])) {
		heap_put(r, h, at, h->item[at / 2]);
		at /= 2;
	}
	heap_put(r, h, at, v);
}

static void heap_sink(struct refine *r, struct heap *h, uint32_t at, uint32_t v)
{
	for (uint32_t child; (child = 2 * at) <= h->n; at = child) {
		if (child < h->n && goes_before(r, h->item[child + 1], h->item[child]))
			child++;
		if (!goes_before(r, h->item[child], v))
			break;
		heap_put(r, h, at, h->item[child]);
	}
	heap_put(r, h, at, v);
}

static void heap_add(struct refine *r, uint32_t v)
{
	struct heap *h = &r->heap[r->side[v]];

	heap_rise(r, h, ++h->n, v);
}

static void heap_remove(struct refine *r, uint32_t v)
{
	struct heap *h = &r->heap[r->side[v]];
	uint32_t at = r->where[v], last = h->item[h->n--];

	if (last == v)
		return;
	if (at > 1 && goes_before(r, last, h->item[at / 2]))
		heap_rise(r, h, at, last);
	else
		heap_sink(r, h, at, last);
}

static void heap_change(struct refine *r, uint32_t v, float by)
{
	struct heap *h = &r->heap[r->side[v]];

	r->gain[v] += by;
	r->touch[v] = ++r->clock;
	if (by >= 0)
		heap_rise(r, h, r->where[v], v);
	else
		heap_sink(r, h, r->where[v], v);
}

/* ---- one pass ---- */

/* Gains of all, the cut and the excess; who is at the border goes into its heap. */
static void start_pass(struct refine *r, uint32_t target)
{
	const struct work_graph *g = r->g;
	double twice = 0;

	r->heap[0].n = r->heap[1].n = r->n_moves = r->clock = r->scan = 0;
	r->excess = -(int64_t)target;
	for (uint32_t v = 0; v < g->n; v++) {
		float across = 0, inside = 0;

		for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
			if (r->side[g->to[a]] != r->side[v])
				across += g->weight[a];
			else
				inside += g->weight[a];
		}
		twice += across;
		r->gain[v] = across - inside;
		r->touch[v] = 0;
		r->where[v] = OUTSIDE;
		if (r->side[v] == 0)
			r->excess += work_graph_size(g, v);
		if (across > 0)
			heap_add(r, v);
	}
	r->cut = twice / 2;
}

static void tell_neighbours(struct refine *r, uint32_t v)
{
	const struct work_graph *g = r->g;

	for (uint32_t a = g->first[v]; a < g->first[v + 1]; a++) {
		uint32_t u = g->to[a];
		float by = r->side[u] == r->side[v] ? -2 * g->weight[a] : 2 * g->weight[a];

		if (r->where[u] == MOVED)
			continue;
		if (r->where[u] != OUTSIDE) {
			heap_change(r, u, by);
		} else {
			r->gain[u] += by;
			r->touch[u] = ++r->clock;
			heap_add(r, u);
		}
	}
}

static void move(struct refine *r, uint32_t v)
{
	int64_t size = work_graph_size(r->g, v);

	if (r->where[v] != OUTSIDE)
		heap_remove(r, v);
	r->where[v] = MOVED;
	r->cut -= r->gain[v];
	r->excess += r->side[v] == 0 ? -size : size;
	r->side[v] ^= 1;
	r->moves[r->n_moves++] = v;
	tell_neighbours(r, v);
}

/* Somebody on a side whose border is used up; a graph may have several parts. */
static uint32_t anybody(struct refine *r, unsigned side)
{
	for (; r->scan < r->g->n; r->scan++) {
		if (r->side[r->scan] == side && r->where[r->scan] == OUTSIDE)
			return r->scan;
	}
	return NOBODY;
}

/* Who moves next, from the side that has too much; NOBODY ends the pass. */
static uint32_t choose(struct refine *r)
{
	unsigned side = r->excess > 0 ? 0 : 1;

	if (r->excess == 0) {
		if (r->heap[0].n == 0 || r->heap[1].n == 0)
			return NOBODY;
		side = goes_before(r, r->heap[1].item[1], r->heap[0].item[1]);
	}
	if (r->heap[side].n > 0)
		return r->heap[side].item[1];
	return llabs(r->excess) > r->slack ? anybody(r, side) : NOBODY;
}

static struct state state_of(const struct refine *r)
{
	int64_t excess = llabs(r->excess);

	return (struct state){ excess > r->slack ? excess - r->slack : 0, excess, r->cut };
}

static bool is_better(const struct state *a, const struct state *b)
{
	double noise = 1e-6 * (fabs(a->cut) + fabs(b->cut));

	if (a->beyond != b->beyond)
		return a->beyond < b->beyond;
	if (fabs(a->cut - b->cut) > noise)
		return a->cut < b->cut;
	return a->excess < b->excess;
}

/* Moves after the best state that do not lead to a better one: then a pass is given up. */
static uint32_t patience(const struct work_graph *g)
{
	return 40 + g->n / 50;
}

/* True when it bettered the cut. */
static bool run_pass(struct refine *r, uint32_t target)
{
	uint32_t best_moves = 0, v;
	struct state best, now;

	start_pass(r, target);
	best = state_of(r);
	while ((v = choose(r)) != NOBODY) {
		move(r, v);
		now = state_of(r);
		if (is_better(&now, &best)) {
			best = now;
			best_moves = r->n_moves;
		} else if (best.beyond == 0 && r->n_moves - best_moves > patience(r->g)) {
			break;
		}
	}
	while (r->n_moves > best_moves)
		r->side[r->moves[--r->n_moves]] ^= 1;
	r->cut = best.cut;
	return best_moves > 0;
}

double graph_refine(const struct work_graph *g, uint32_t target, unsigned passes, uint8_t *side)
{
	struct refine r = { .g = g, .side = side, .slack = (int64_t)g->largest - 1 };
	size_t n = (size_t)g->n + 1;
	uint32_t *memory = xmalloc(5 * n * sizeof(*memory));

	r.touch = memory;
	r.where = memory + n;
	r.heap[0].item = memory + 2 * n;
	r.heap[1].item = memory + 3 * n;
	r.moves = memory + 4 * n;
	r.gain = xmalloc(n * sizeof(*r.gain));
	while (passes-- > 0 && run_pass(&r, target))
		;
	free(memory);
	free(r.gain);
	return r.cut;
}

double graph_grow(const struct work_graph *g, uint32_t target, unsigned passes, uint32_t from,
                  uint8_t *side)
{
	memset(side, 1, g->n);
	side[from] = 0;
	return graph_refine(g, target, passes, side);
}
