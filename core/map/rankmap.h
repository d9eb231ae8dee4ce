/*
 * rankmap.h - the rank map: which GPU each rank of a job runs on.
 *
 * A map is one-to-one: no two ranks share a GPU, unusable GPUs take none. What the launcher can
 * express constrains the map itself, not only how it is written down (struct pl_map_request,
 * launcher). The map is the best, by pl_map_cost() and the objective, of a portfolio of placements
 * that begins with the order given; it is never worse than that order, and stays with it when less
 * than PL_MAP_MIN_GAIN of what the objective asks for would be gained. The same request gives the
 * same map.
 */
#ifndef PL_MAP_RANKMAP_H
#define PL_MAP_RANKMAP_H

#include "map/job.h"
#include "map/mapcost.h"
#include "map/topo.h"

/* Steps of one job differ by about 2 % anyway. */
#define PL_MAP_MIN_GAIN 0.02

enum pl_launcher {
	PL_FOR_TORCHRUN, /* these three number ranks host by host, equally many on each */
	PL_FOR_MEGATRON,
	PL_FOR_DEEPSPEED,
	PL_FOR_SLURM, /* these place every rank by itself */
	PL_FOR_MPI,
	PL_FOR_ENV,
};

enum pl_strategy {
	PL_STRATEGY_BEST,       /* the portfolio */
	PL_STRATEGY_KEEP_ORDER, /* rank r on the r-th usable GPU */
	PL_STRATEGY_ALIGNED, /* blocks that must not split, whole in each unit; the best such */
	PL_STRATEGY_PACKED,  /* larger groups cut in two where they must be, neither part small */
	PL_STRATEGY_SPREAD,  /* larger groups begun in units of their own */
};

/* How long a better map is looked for. */
enum pl_effort { PL_EFFORT_FAST, PL_EFFORT_NORMAL, PL_EFFORT_BEST };

/* Hosts that are kept free: the last ones, or the last ones of each NVLink domain. */
struct pl_map_spares {
	uint32_t hosts;
	bool per_domain;
};

/* "4", "1/rack" or "1/domain". PL_EUSAGE for anything else. */
PL_API int pl_map_spares_parse(struct pl_map_spares *spares, const char *text,
                               struct pl_error *err);

/* What is asked. Everything is borrowed; topo must outlive the map. */
struct pl_map_request {
	const struct pl_topo *topo;
	const struct pl_job *job;
	const struct pl_hostlist *hosts; /* these hosts in this order; NULL: all of the machine */
	enum pl_launcher launcher;
	enum pl_strategy strategy;
	enum pl_objective objective;
	struct pl_map_spares spares;
	enum pl_effort effort; /* best: a second for 10,000 ranks */
	uint64_t seed;         /* the same seed gives the same map */
	const char *islands;  /* use only these of the machine, joined by commas; NULL: all */
	const char *cross;    /* axes whose groups may cross between islands; NULL: "pp,dp" */
	uint32_t keep_blocks; /* so many consecutive ranks stay on consecutive GPUs, a host's where
				 they fit; 0 or 1: none need to */
	const char *const *assumed; /* what the caller took for granted: "subject: what" */
	size_t n_assumed;
	bool price; /* for an explanation: say what the launcher's rule costs, which places the job
		       a second time; notes list all moves of a repair */
};

/* Where a rank is. */
struct pl_place {
	uint32_t pe;
	uint32_t host;       /* index in topo->hosts */
	uint32_t gpu;        /* index on the host */
	uint32_t local_rank; /* among the map's ranks on the host, by rank */
	uint32_t node_rank;  /* of the host, by its first rank */
};

struct pl_rankmap {
	const struct pl_topo *topo;
	struct pl_job job;
	enum pl_launcher launcher;
	const char *strategy; /* what made it: "keep-order", "aligned" */
	enum pl_objective objective;
	uint32_t n_ranks;
	struct pl_place *places; /* by rank */
	struct pl_map_cost cost, baseline /* of the order given */, bound;
	double free_step; /* of a map without the launcher's rule; 0: not asked, or it has none */
	double alone_step; /* with the machine to itself, of one of several jobs; else 0 */
	bool no_gain; /* the order given is kept: nothing else gains PL_MAP_MIN_GAIN */
	uint32_t capacity[PL_TOPO_MAX_LEVELS]; /* the most ranks that a unit can take */
	struct pl_graph_score *graph; /* of a map for a communication graph (graphmap.h), which has
					 no job and no costs but these; else NULL */
	char **notes; /* what was left out and why, for a person; a sentence each */
	size_t n_notes;
	char **assumed; /* what the costs take for granted; a sentence each */
	size_t n_assumed;
	double seconds; /* spent making it; 0 until the caller, who has a clock, sets it */
};

/*
 * Makes a map. PL_EUSAGE: a host or an island that the machine has not, an axis that the job has
 * not, blocks that do not divide the ranks, or an order that was to be kept but lets groups cross
 * between islands that may not. PL_ENOENT: fewer usable GPUs than ranks (after the launcher's rule
 * and that of islands); the message names the nearest size that fits. Time
 * O(candidates * world * levels), a few ms for 10,000 ranks; the candidates are at most some 20.
 */
PL_API struct pl_rankmap *pl_rankmap_place(const struct pl_map_request *request,
                                           struct pl_error *err);
PL_API void pl_rankmap_destroy(struct pl_rankmap *map);

/* A map without a job, costs or notes: rank r at pe[r], below topo->n_pes. */
struct pl_rankmap *rankmap_create(const struct pl_topo *topo, const uint32_t *pe, uint32_t n_ranks);

/* The rank at a PE, or UINT32_MAX. O(ranks). */
PL_API uint32_t pl_rankmap_find(const struct pl_rankmap *map, uint32_t pe);

/*
 * The map for a person: what was assumed, the volumes and their sources, then the result: what is
 * gained, how far it is from the lower bound, what the launcher's rule costs and what limits it;
 * before and after by phase and by level, the slowest group and the fullest link by name. Times are
 * milliseconds on a calibrated machine, else shares of the step in the order given. Ends with a
 * newline.
 */
PL_API void pl_rankmap_explain(const struct pl_rankmap *map, struct strbuf *out);

/* The level that holds the slowest group of a family up, the outermost where several take as long;
 * -1 where nothing is sent. */
PL_API int pl_rankmap_slowest_level(const struct pl_rankmap *map, unsigned family);

/* What was gained over the order given, a share of what the objective asks for. */
PL_API double pl_rankmap_gain(const struct pl_rankmap *map);

/* "torchrun", ... and back: -1 with the nearest name in err. */
PL_API const char *pl_launcher_name(enum pl_launcher launcher);
PL_API int pl_launcher_parse(const char *name, struct pl_error *err);

/* "time", "load", "volume" and back. */
PL_API const char *pl_objective_name(enum pl_objective objective);
PL_API int pl_objective_parse(const char *name, struct pl_error *err);

/* "best", "keep-order", "aligned", "packed", "spread" and back. */
PL_API const char *pl_strategy_name(enum pl_strategy strategy);
PL_API int pl_strategy_parse(const char *name, struct pl_error *err);

/* True where ranks must come in equal, contiguous blocks per host. */
PL_API bool pl_launcher_keeps_hosts(enum pl_launcher launcher);

#endif
