/*
 * portfolio.h - the placements that a map is chosen from. Internal to map/.
 *
 * A placement strategy is a function that adds candidates, one GPU per rank, made from the slots it
 * is given; it need not score them. The order given is always the first. To add a strategy, write
 * its portfolio_add_ function and call it in portfolio_fill().
 */
#ifndef PL_MAP_PORTFOLIO_H
#define PL_MAP_PORTFOLIO_H

#include "map/nest.h"
#include "map/rankmap.h"
#include "map/slots.h"

struct placement {
	enum pl_strategy strategy;
	uint32_t block; /* ranks that stay together; 1: none in particular */
	uint32_t least; /* of them that are together even where they are not whole */
	int level;      /* in a unit of this level */
	uint32_t cut;   /* smaller blocks, not all of which fit in units of the level; 0: all do */
	uint32_t piece; /* ranks of those that are together */
	uint32_t *pe;   /* by rank */
	uint32_t axes;  /* blocks of so many ranks follow another axis first; 0: the job's order */
	uint32_t swaps; /* of blocks of ranks that made it better */
	bool nested;    /* laid out in the nest's order, not in that of the ranks */
	bool barred;    /* it may not be chosen: groups cross between islands that may not */
	struct pl_map_cost cost;
};

struct portfolio {
	const struct pl_topo *topo;
	const struct pl_job *job;
	const struct slots *slots;
	uint32_t n_ranks; /* that candidates place: all, or those of one island */
	bool collect;     /* candidates are only kept, for portfolio_islands.c: they are parts */
	enum pl_objective objective;
	enum pl_effort effort;
	uint64_t seed;
	struct placement *items;
	size_t n, cap;
	struct map_gauge gauge;
	bool bounded;
	double limit; /* a step longer than this is of no interest; the best so far when bounded */
	struct nest nest; /* while it has an order: candidates are PEs by position in it */
};

/* Scores the first `world` PEs and adds a copy, unless an equal one is there or they take longer
 * than the best so far and nothing but time was asked for. */
void portfolio_add(struct portfolio *p, const struct placement *like, const uint32_t *pe);

/* The strategies beyond those in portfolio.c. */
void portfolio_add_packed(struct portfolio *p);

/* Some GPUs of every NVLink domain left free: where domains differ, groups that begin at the same
 * place in each are worth more than those GPUs. As many candidates as their ranks are worth. */
void portfolio_add_capped(struct portfolio *p);

/* All that `strategy` asks for, of the slots and the order at hand. */
void portfolio_add_strategies(struct portfolio *p, enum pl_strategy strategy);

/* The same where slots are in several islands: what may not cross does not. */
void portfolio_add_islands(struct portfolio *p, enum pl_strategy strategy);
/* The best so far with its blocks in other orders of axes: data parallelism before pipeline
 * parallelism, say. Scores at most `budget` placements. */
void portfolio_add_axes(struct portfolio *p, uint32_t budget);

/* The best so far with blocks of ranks swapped wherever that makes it better under the objective.
 * Moves about `budget` ranks to try. The same portfolio and seed give the same placement. */
void portfolio_add_swapped(struct portfolio *p, uint64_t budget, uint64_t seed);

/* The best so far under the objective, the order given among equals, nothing barred unless all is.
 * Valid until one is added. */
const struct placement *portfolio_best(const struct portfolio *p);

/* job_blocks() of what candidates are laid out in: ranks, or positions of the nest. */
size_t portfolio_blocks(const struct portfolio *p, uint32_t blocks[PL_JOB_MAX_BLOCKS]);

/* Least common multiple. */
uint64_t portfolio_lcm(uint64_t a, uint64_t b);

/* Adds and scores the candidates that `strategy` asks for; items[0] keeps the order given. */
void portfolio_fill(struct portfolio *p, enum pl_strategy strategy);
void portfolio_fini(struct portfolio *p);

/*
 * The best; the order given unless PL_MAP_MIN_GAIN is gained under the objective or it is barred,
 * or with a strategy named the best of its placements where there is one; NULL where none is
 * allowed. *best_gain is the share that the best of all would gain, chosen or not.
 */
const struct placement *portfolio_choose(const struct portfolio *p, enum pl_strategy strategy,
                                         double *best_gain);

#endif
