/*
 * graph_rework.h - a finished placement bettered piece by piece. Internal to map/.
 *
 * Two units that talk to each other are emptied, what was on them is laid out anew as graph_split.h
 * does, and that stays where J has not risen: large neighbourhood search (Shaw, CP 1998). Such a
 * piece costs what it is, while a second attempt at the whole costs the whole and its good pieces
 * and bad ones average out.
 */
#ifndef PL_MAP_GRAPH_REWORK_H
#define PL_MAP_GRAPH_REWORK_H

#include "map/graph_split.h"

struct rework_plan {
	const struct split_plan *split; /* how a piece is laid out */
	uint32_t largest;               /* ranks of a piece, at most */
	uint64_t budget;                /* ranks of all pieces together */
	unsigned patience;              /* pieces in a row without a gain, then it ends */
};

/* Betters at[], the place of each rank. What J has lost. */
double graph_rework(const struct rework_plan *plan, const struct pl_commgraph *graph, uint32_t *at);

#endif
