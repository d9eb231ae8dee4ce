/*
 * graph_work.h - a graph that is being cut up: what coarsening and bisection hand each other.
 * Internal to map/.
 *
 * Rows as in commgraph.h. A vertex stands for `size` ranks; NULL: for one each.
 */
#ifndef PL_MAP_GRAPH_WORK_H
#define PL_MAP_GRAPH_WORK_H

#include <stdbool.h>

#include "map/commgraph.h"

struct work_graph {
	uint32_t n;
	uint32_t *first, *to;
	float *weight;
	uint32_t *size;
	uint32_t total, largest; /* of the sizes */
	bool borrowed;           /* the rows are somebody else's */
};

static inline uint32_t work_graph_size(const struct work_graph *g, uint32_t v)
{
	return g->size != NULL ? g->size[v] : 1;
}

/* The graph of the file itself, borrowed. */
struct work_graph work_graph_borrow(const struct pl_commgraph *graph);

/* Room for n vertices and at most n_arcs row entries; first[0] is 0, the rest is not filled.
 * work_graph_trim() gives back what was not used. */
struct work_graph work_graph_create(uint32_t n, size_t n_arcs, bool sizes);
void work_graph_trim(struct work_graph *g);
void work_graph_fini(struct work_graph *g);

/*
 * The two graphs inside side 0 and side 1 of a graph whose vertices have size 1; vertex i of half s
 * was vertex member[s][i], arrays the caller frees. O(edges).
 */
void work_graph_halve(const struct work_graph *g, const uint8_t *side, struct work_graph half[2],
                      uint32_t *member[2]);

/* ---- chance, the same for the same seed ---- */

struct chance {
	uint64_t state;
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static inline uint64_t chance_next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A number below n, which is not 0. */
static inline uint32_t chance_below(struct chance *c, uint32_t n)
{
	return (uint32_t)((chance_next(c) >> 32) * n >> 32);
}

/* 0 .. n-1 in random order; the caller frees it. */
uint32_t *chance_order(struct chance *c, uint32_t n);

#endif
