/*
 * commgraph.h - who talks to whom about how much, where nothing else is known of a job.
 *
 * An undirected graph over ranks 0 .. n-1 in compressed rows: the neighbours of rank v are
 * to[first[v]] .. to[first[v + 1] - 1], ascending, each once, never v itself; every edge stands in
 * both of its rows with the same weight. A weight is what the two ranks send each other, both ways
 * together; any unit.
 */
#ifndef PL_MAP_COMMGRAPH_H
#define PL_MAP_COMMGRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* As many ranks as the largest machine has GPUs. */
#define PL_COMMGRAPH_MAX_RANKS (1u << 24)

struct pl_commgraph {
	uint32_t n;
	uint32_t *first; /* n + 1 */
	uint32_t *to;    /* first[n], twice the number of edges */
	float *weight;   /* as `to`; whole numbers are exact up to 2^24 */
};

/*
 * Reads a graph; the format is told by its content:
 *
 *	METIS		header "RANKS EDGES [FMT]", then one line per rank with its neighbours
 *			from 1 (METIS manual 5.1, section 4.1.1). FMT 1, 001, 011, 111: edges have
 *			weights; sizes and weights of vertices are read and left aside. % comments.
 *	Matrix Market	"%%MatrixMarket matrix coordinate real|integer|pattern general|symmetric":
 *			row i, column j is what rank i sends to rank j (from 1); the two directions
 *			are added up, a symmetric entry stands for both.
 *	CSV		"src,dst,bytes" from 0, that header line or none; directions are added up,
 *			# comments. There are as many ranks as the largest number says.
 *
 * `bytes` is `len` long, needs no NUL and may hold anything; `name` is for messages. PL_EUSAGE with
 * "NAME:LINE: what": a bad header, counts that are not those of the header, a rank out of range, an
 * edge that stands in one row only or with two weights, a rank that lists itself (METIS), a weight
 * that is no number of 0 or more. O(bytes + edges), the memory is that of the graph and, for Matrix
 * Market and CSV, 12 bytes an entry while it is read.
 */
PL_API struct pl_commgraph *pl_commgraph_parse(const char *bytes, size_t len, const char *name,
                                               struct pl_error *err);
PL_API void pl_commgraph_destroy(struct pl_commgraph *graph);

/* The number of edges. */
static inline uint64_t pl_commgraph_edges(const struct pl_commgraph *graph)
{
	return graph->first[graph->n] / 2;
}

#endif
