/* graph_multisect.c - see graph_multisect.h */
#include "map/graph_multisect.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/graph_refine.h"

/* ---- cutting in two again and again ---- */

struct cutting {
	const uint32_t *first;
	const struct multisect_effort *effort;
	struct chance *chance;
	uint32_t *part;
};

/* The part that begins nearest to the middle of parts from .. to-1, neither end of them. */
static uint32_t choose_middle(const uint32_t *first, uint32_t from, uint32_t to)
{
	uint64_t twice = (uint64_t)first[from] + first[to];
	uint32_t i = from + 1;

	while (i + 1 < to && 2 * (uint64_t)first[i + 1] <= twice)
		i++;
	if (i + 1 < to && 2 * (uint64_t)first[i + 1] - twice + 2 * (uint64_t)first[i] < twice)
		i++;
	return i;
}

static void name_part(struct cutting *c, const uint32_t *member, uint32_t n, uint32_t part)
{
	for (uint32_t v = 0; v < n; v++)
		c->part[member != NULL ? member[v] : v] = part;
}

/* Cuts a graph, whose vertex v is member[v] of the whole, into parts from .. to-1. NULL: v itself.
 * Uses up the graph: memory is that of one branch. */
static void cut_parts(struct cutting *c, struct work_graph *g, const uint32_t *member,
                      uint32_t from, uint32_t to)
{
	uint32_t middle, *inner[2];
	struct work_graph half[2];
	uint8_t *side;

	if (to - from == 1) {
		name_part(c, member, g->n, from);
		work_graph_fini(g);
		return;
	}
	middle = choose_middle(c->first, from, to);
	side = xmalloc((size_t)g->n + 1);
	graph_bisect(g, c->first[middle] - c->first[from], &c->effort->bisect, c->chance, side);
	work_graph_halve(g, side, half, inner);
	free(side);
	work_graph_fini(g);
	for (int h = 0; h < 2; h++) {
		for (uint32_t v = 0; member != NULL && v < half[h].n; v++)
			inner[h][v] = member[inner[h][v]];
	}
	cut_parts(c, &half[0], inner[0], from, middle);
	free(inner[0]);
	cut_parts(c, &half[1], inner[1], middle, to);
	free(inner[1]);
}

/* ---- pairs of parts ---- */

struct pair {
	uint32_t a, b;
	double weight;
};

struct pairing {
	const struct work_graph *g;
	const uint32_t *first; /* of the members of a part, less first[0] */
	uint32_t k;
	uint32_t *part;
	uint32_t *member; /* vertices part by part */
	uint32_t *number; /* of a vertex in the pair at hand */
	struct pair *pairs;
	size_t n_pairs, cap;
};

static uint32_t begin_of(const struct pairing *p, uint32_t part)
{
	return p->first[part] - p->first[0];
}

static void list_members(struct pairing *p)
{
	uint32_t *next = xmalloc(((size_t)p->k + 1) * sizeof(*next));

	for (uint32_t i = 0; i < p->k; i++)
		next[i] = begin_of(p, i);
	for (uint32_t v = 0; v < p->g->n; v++)
		p->member[next[p->part[v]]++] = v;
	free(next);
}

/* Adds the pairs of part a with later parts; at[b] is where b stands among the pairs of a. */
static void find_partners(struct pairing *p, uint32_t a, size_t *at)
{
	const struct work_graph *g = p->g;
	size_t start = p->n_pairs;

	for (uint32_t i = begin_of(p, a); i < begin_of(p, a + 1); i++) {
		uint32_t v = p->member[i];

		for (uint32_t arc = g->first[v]; arc < g->first[v + 1]; arc++) {
			uint32_t b = p->part[g->to[arc]];

			if (b <= a)
				continue;
			if (at[b] < start || at[b] >= p->n_pairs || p->pairs[at[b]].b != b) {
				at[b] = p->n_pairs;
				ARRAY_GROW(p->pairs, p->n_pairs, p->cap);
				p->pairs[p->n_pairs++] = (struct pair){ a, b, 0 };
			}
			p->pairs[at[b]].weight += g->weight[arc];
		}
	}
}

static int compare_pairs(const void *x, const void *y)
{
	const struct pair *p = x, *q = y;

	if (p->weight != q->weight)
		return p->weight > q->weight ? -1 : 1;
	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return p->b < q->b ? -1 : p->b > q->b;
}

static void find_pairs(struct pairing *p)
{
	size_t *at = xcalloc((size_t)p->k + 1, sizeof(*at));

	p->n_pairs = 0;
	for (uint32_t a = 0; a < p->k; a++)
		find_partners(p, a, at);
	if (p->n_pairs > 0)
		qsort(p->pairs, p->n_pairs, sizeof(*p->pairs), compare_pairs);
	free(at);
}

/* Numbers the members of a part from `n` on; returns the number of the next. */
static uint32_t number_members(struct pairing *p, uint32_t part, uint32_t n, size_t *n_arcs)
{
	for (uint32_t i = begin_of(p, part); i < begin_of(p, part + 1); i++) {
		uint32_t v = p->member[i];

		p->number[v] = n++;
		*n_arcs += p->g->first[v + 1] - p->g->first[v];
	}
	return n;
}

/* The row of a vertex among the members of parts a and b. */
static uint32_t copy_row(const struct pairing *p, const struct pair *pair, uint32_t v, uint32_t end,
                         struct work_graph *out)
{
	const struct work_graph *g = p->g;

	for (uint32_t arc = g->first[v]; arc < g->first[v + 1]; arc++) {
		uint32_t part = p->part[g->to[arc]];

		if (part != pair->a && part != pair->b)
			continue;
		out->to[end] = p->number[g->to[arc]];
		out->weight[end++] = g->weight[arc];
	}
	return end;
}

/* The graph of the members of both; vertex i was origin[i], those of a first. */
static struct work_graph join_pair(struct pairing *p, const struct pair *pair, uint32_t *origin)
{
	struct work_graph out;
	size_t n_arcs = 0;
	uint32_t end = 0, n = number_members(p, pair->a, 0, &n_arcs);

	n = number_members(p, pair->b, n, &n_arcs);
	out = work_graph_create(n, n_arcs, false);
	out.total = n;
	out.largest = 1;
	n = 0;
	for (int h = 0; h < 2; h++) {
		uint32_t part = h == 0 ? pair->a : pair->b;

		for (uint32_t i = begin_of(p, part); i < begin_of(p, part + 1); i++) {
			origin[n++] = p->member[i];
			end = copy_row(p, pair, p->member[i], end, &out);
			out.first[n] = end;
		}
	}
	return out;
}

/* Writes down who is where; true when somebody moved. */
static bool take_sides(struct pairing *p, const struct pair *pair, const uint32_t *origin,
                       const uint8_t *side, uint32_t n)
{
	uint32_t next[2] = { begin_of(p, pair->a), begin_of(p, pair->b) };
	bool moved = false;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t part = side[i] == 0 ? pair->a : pair->b;

		moved = moved || p->part[origin[i]] != part;
		p->part[origin[i]] = part;
		p->member[next[side[i]]++] = origin[i];
	}
	return moved;
}

static bool refine_pair(struct pairing *p, const struct pair *pair, unsigned passes)
{
	uint32_t size_a = begin_of(p, pair->a + 1) - begin_of(p, pair->a);
	uint32_t n = size_a + begin_of(p, pair->b + 1) - begin_of(p, pair->b);
	uint32_t *origin = xmalloc(n * sizeof(*origin));
	uint8_t *side = xmalloc(n);
	struct work_graph g = join_pair(p, pair, origin);
	bool moved;

	memset(side, 0, size_a);
	memset(side + size_a, 1, n - size_a);
	graph_refine(&g, size_a, passes, side);
	moved = take_sides(p, pair, origin, side, n);
	work_graph_fini(&g);
	free(side);
	free(origin);
	return moved;
}

/* Pairs per part that are looked at, the heaviest: in a mesh a part has some six neighbours. */
#define PAIRS_PER_PART 3

static void refine_pairs(const struct work_graph *g, const uint32_t *first, uint32_t k,
                         const struct multisect_effort *effort, uint32_t *part)
{
	struct pairing p = { .g = g, .first = first, .k = k, .part = part };
	bool moved = true;

	p.member = xmalloc(2 * ((size_t)g->n + 1) * sizeof(*p.member));
	p.number = p.member + g->n + 1;
	list_members(&p);
	for (unsigned round = 0; moved && round < effort->rounds; round++) {
		moved = false;
		find_pairs(&p);
		for (size_t i = 0; i < p.n_pairs && i < (size_t)PAIRS_PER_PART * k; i++)
			moved |= refine_pair(&p, &p.pairs[i], effort->bisect.passes);
	}
	free(p.member);
	free(p.pairs);
}

void graph_multisect(const struct work_graph *g, const uint32_t *first, uint32_t k,
                     const struct multisect_effort *effort, struct chance *chance, uint32_t *part)
{
	struct cutting c = { first, effort, chance, part };
	struct work_graph lent = *g;

	lent.borrowed = true;
	lent.size = NULL;
	cut_parts(&c, &lent, NULL, 0, k);
	if (k > 2 && effort->rounds > 0 && g->n / k >= effort->least_size)
		refine_pairs(g, first, k, effort, part);
}
