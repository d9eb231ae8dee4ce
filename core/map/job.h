/*
 * job.h - the job: how many ranks, and which of them talk to each other about how much.
 *
 * Ranks are numbered as Megatron does (RankGenerator in megatron/core/parallel_state.py): the first
 * token of the order string varies fastest. There are two generators over the same ranks:
 *
 *	dense	tp cp dp pp	(ep is 1)	attention and dense layers
 *	expert	etp ep edp pp	(cp is 1)	experts; token "tp" stands for etp, "dp" for edp
 *
 * with edp = world / (etp * ep * pp). A token that is missing in the order must have size 1. In a
 * job with experts (ep > 1) the pipeline groups of both generators must be the same ranks. Where
 * etp is not given it is tp in a dense job and 1 in one with experts, as published models have it
 * (Megatron itself would take tp).
 *
 * Axes of one's own (axis=NAME=SIZE:PATTERN:BYTES) are part of both generators.
 *
 * A family of groups is a generator of mixed-radix offsets, nothing is listed in memory; groups
 * that a job dumped are lists (map/grouplists.h). struct pl_groups reads alike for both.
 */
#ifndef PL_MAP_JOB_H
#define PL_MAP_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

struct pl_group_lists;

/* The tokens of an order string; those from PL_AXES on are axes of one's own. */
enum pl_axis { PL_AXIS_TP, PL_AXIS_CP, PL_AXIS_EP, PL_AXIS_DP, PL_AXIS_PP, PL_AXES };

#define PL_OWN_AXES       4
#define PL_MAX_AXES       (PL_AXES + PL_OWN_AXES)
#define PL_JOB_MAX_WORLD  (1u << 24)
#define PL_JOB_MAX_STAGES 256u /* for which the layers can be told apart */
#define PL_JOB_MAX_BLOCKS 64

enum pl_pattern {
	PL_RING,     /* each member sends to the next, the last to the first */
	PL_ALLTOALL, /* each member sends the same to every other */
	PL_P2P,      /* neighbours in the group; the last to the first only where it wraps */
};

/* An axis of one's own. */
struct pl_own_axis {
	char name[16];
	uint32_t size;
	enum pl_pattern pattern;
	double gbyte; /* as in struct pl_groups */
};

/* What is known of the model; all are counts. A figure that was not given has its default, and is
 * named as assumed by pl_job_format_assumed(). */
enum pl_model_figure {
	PL_MODEL_HIDDEN, /* hidden size */
	PL_MODEL_KV,     /* key and value width: n_kv heads * head size */
	PL_MODEL_SEQ,    /* sequence length in tokens */
	PL_MODEL_LAYERS,
	PL_MODEL_MICROBATCHES,  /* per step and data-parallel replica */
	PL_MODEL_MICROBATCH,    /* sequences in one */
	PL_MODEL_PARAMS,        /* parameters outside experts */
	PL_MODEL_EXPERT_PARAMS, /* parameters of all experts */
	PL_MODEL_EXPERTS,
	PL_MODEL_TOPK,           /* experts a token visits */
	PL_MODEL_MOE_LAYERS,     /* layers that have experts; 0: all */
	PL_MODEL_VOCAB,          /* words; 0: embeddings are not told from the layers */
	PL_MODEL_DISPATCH_BYTES, /* of an element on its way to an expert */
	PL_MODEL_FIGURES
};

struct pl_job {
	uint32_t tp, cp, ep, etp, pp, vpp, dp;
	uint32_t edp;   /* derived */
	uint32_t world; /* tp * cp * pp * dp * the own axes */
	/* sharded data parallelism: dp * cp = hsdp replicas of fsdp ranks that share parameters;
	   fsdp 0: whole parameters with a distributed optimizer */
	uint32_t fsdp, hsdp;
	uint32_t route_nodes; /* a token's experts lie in at most so many domains; 0: any number */
	bool hierarchical;    /* a token goes once to each domain, and is forwarded there */
	bool tied;            /* the first and the last stage share the embedding */
	struct pl_own_axis own[PL_OWN_AXES];
	uint32_t n_own;
	enum pl_axis order[PL_MAX_AXES]; /* fastest first; all axes, the missing ones (size 1) last */
	double model[PL_MODEL_FIGURES];
	bool model_given[PL_MODEL_FIGURES];
	const struct pl_published *published; /* what model=NAME named, or NULL */
	uint32_t n_stages;                    /* pp where layers_per_stage is given, else 0 */
	uint16_t stage_layers[PL_JOB_MAX_STAGES];
	/* derived: work and parameters of a stage, of the busiest one's; where n_shares > 0 */
	uint32_t n_shares;
	float layer_share[PL_JOB_MAX_STAGES], param_share[PL_JOB_MAX_STAGES];
	/* groups that were dumped from the job, or NULL; see pl_job_take_lists() */
	struct pl_group_lists *lists;
	bool only_lists; /* the sizes come from the lists, no group is generated */
};

/* A model with a published layout. */
struct pl_published {
	const char *name;
	const char *job;    /* text for pl_job_parse() */
	const char *source; /* where it was printed */
};

/* All of them, ended by one without a name. */
extern PL_API const struct pl_published pl_published_models[];

/* The entry, or NULL: PL_EUSAGE with the nearest name and the list. */
const struct pl_published *job_find_model(const char *name, struct pl_error *err);

/*
 * Reads "tp=4 cp=2 pp=8 dp=80 ep=16 order=tp-cp-ep-dp-pp hidden=16384": KEY=VALUE with blanks or
 * commas between; axes that are missing are 1, the order is tp-cp-ep-dp-pp and then one's own.
 * Figures may be written 405B, 1.5T, 32K (decimal). Further keys:
 *
 *	model=NAME			all that is published of it; the other keys override
 *	world=N				dp is what is left of it, or must agree
 *	fsdp=N hsdp=M			M replicas of N ranks that share parameters; M * N = dp * cp
 *	layers_per_stage=7,8x14,7	pipeline stages that differ
 *	vocab=N tied=yes		embeddings on the end stages, and their shared gradient
 *	dispatch=hierarchical route_nodes=4
 *	axis=NAME=SIZE:ring|alltoall|p2p:BYTES
 *
 * PL_EUSAGE: an unknown key or model (the nearest is named), a key given twice, a size that is no
 * whole number of 1 or more, an order with an unknown, doubled or missing token, sizes that do not
 * multiply or divide (with the nearest that do), pipeline groups that differ. Nothing is written to
 * job then. pl_job_fini() is only needed after pl_job_take_lists().
 */
PL_API int pl_job_parse(struct pl_job *job, const char *text, struct pl_error *err);

/*
 * Completes a job whose sizes, order and model were filled in by hand: checks as pl_job_parse and
 * sets the derived fields.
 */
PL_API int pl_job_check(struct pl_job *job, struct pl_error *err);

/* Sets every field to its default: one rank, Megatron's order. */
PL_API void pl_job_init(struct pl_job *job);

/*
 * Gives the job the groups of its own dump, which replace generated ones of the same name. A job
 * without sizes takes them from the groups, and then no group is generated; otherwise sizes must
 * agree: PL_EUSAGE, and the job is as before. Keeps a reference to the lists.
 */
PL_API int pl_job_take_lists(struct pl_job *job, struct pl_group_lists *lists,
                             struct pl_error *err);

/* A copy, which shares the lists. pl_job_fini() for each. */
PL_API void pl_job_copy(struct pl_job *to, const struct pl_job *from);
PL_API void pl_job_fini(struct pl_job *job);

/* "tp=4 cp=2 ... order=tp-cp-ep-dp-pp", sizes of 1 left out; pl_job_parse reads it back. Of a job
 * that is only lists: "groups=tp:1260x8,pp:...", for people. */
PL_API void pl_job_format(const struct pl_job *job, struct strbuf *out);

/* "hidden=8192 seq=8192": the figures that matter for this job and were not given; "" for none. */
PL_API void pl_job_format_assumed(const struct pl_job *job, struct strbuf *out);

/* ---- who talks to whom ---- */

enum pl_family {
	PL_FAMILY_TP,    /* tensor: activations of every layer */
	PL_FAMILY_CP,    /* context: keys and values of every layer */
	PL_FAMILY_DP,    /* data alone: no traffic of its own, see DP_CP */
	PL_FAMILY_DP_CP, /* dense gradients and parameters, over dp and cp together */
	PL_FAMILY_PP,    /* pipeline: activations of a boundary */
	PL_FAMILY_ETP,   /* tensor groups of the expert generator */
	PL_FAMILY_EP,    /* expert: tokens out and back */
	PL_FAMILY_EDP,   /* expert gradients and parameters */
	PL_FAMILY_FSDP,  /* shards of parameters: the inner part of dp and cp */
	PL_FAMILY_HSDP,  /* replicas of a shard: the outer part */
	PL_FAMILY_EMBD,  /* the first and the last stage: the tied embedding; others are in none */
	PL_FAMILIES      /* then one for each axis of one's own, then lists of other names */
};

#define PL_JOB_MAX_LISTED   16
#define PL_JOB_MAX_FAMILIES (PL_FAMILIES + PL_OWN_AXES + PL_JOB_MAX_LISTED)

struct pl_digits {
	uint32_t count, stride;
};

/* One more than axes: sharded data parallelism splits one. */
#define PL_GROUP_DIGITS (PL_MAX_AXES + 1)

/*
 * All groups of a family. No rank is in two of them; in most families every rank is in one, and
 * generated groups have one size. Borrows from the job: valid as long as that is unchanged.
 */
struct pl_groups {
	const char *name; /* "tp", "dp-cp" */
	enum pl_pattern pattern;
	bool wraps;    /* p2p: the last also talks to the first */
	uint32_t size; /* of the largest */
	uint32_t n_groups;
	double gbyte; /* sent by one rank in one step in the busiest group: on its ring link, to all
			 others together (all-to-all), or to each neighbour in each direction (p2p) */
	double far_gbyte; /* all-to-all: what would be sent if every peer lay outside the NVLink
			     domain; less than gbyte where a token goes once to a domain */
	struct pl_digits member[PL_GROUP_DIGITS], group[PL_GROUP_DIGITS]; /* unused: count 1 */
	/* pipeline stages that differ: a group's stage and the share of gbyte that one has */
	struct pl_digits stage; /* of the group's index; count 1 where they do not */
	const float *share;
	/* lists: the ranks of group g are ranks[start[g]] to ranks[start[g + 1] - 1]; else NULL */
	const uint32_t *ranks, *start;
};

/* How many families the job has: PL_FAMILIES, and those of its own; at most PL_JOB_MAX_FAMILIES. */
PL_API unsigned pl_job_n_families(const struct pl_job *job);

/* The groups of family 0 to pl_job_n_families() - 1. One that the job has not comes as groups of
 * size 1, or as no group at all where the job is only lists. */
PL_API void pl_job_groups(const struct pl_job *job, unsigned family, struct pl_groups *out);

/* The rank that is member `i` of group `g`, in the order of the order string or of the list. */
PL_API uint32_t pl_groups_rank(const struct pl_groups *groups, uint32_t g, uint32_t i);

/* Members of group `g`. */
PL_API uint32_t pl_groups_size(const struct pl_groups *groups, uint32_t g);

/* What a rank of group `g` sends, as a share of gbyte (and of far_gbyte): 1 in most jobs. */
PL_API double pl_groups_share(const struct pl_groups *groups, uint32_t g);

/* GB a rank of the busiest group sends per step in a family below PL_FAMILIES (see struct
 * pl_groups); formulas and sources in job_volume.c. */
double job_volume(const struct pl_job *job, enum pl_family family);

/* The same for peers outside the NVLink domain, see far_gbyte. */
double job_far_volume(const struct pl_job *job);

/* How a volume is known. None is measured: nothing we read tells it. */
enum pl_volume_origin {
	PL_VOLUME_GIVEN,    /* the job says so: an axis of its own, a list with its volume */
	PL_VOLUME_MODELLED, /* by a formula from figures that were all given */
	PL_VOLUME_ASSUMED,  /* by a formula, figures that were not given have their defaults */
};

struct pl_volume_source {
	enum pl_volume_origin origin;
	const char *formula;  /* PL_VOLUME_SYMBOLS says what its letters are; NULL where given */
	const char *citation; /* where it was published; NULL where given */
};

#define PL_VOLUME_SYMBOLS                                                                          \
	"b micro-batch, s sequence, h hidden, m micro-batches, L layers, P parameters, e d bytes " \
	"of an element (d: to an expert), t c p v = tp cp pp vpp, k experts a token visits, n size"

/* Where the gbyte of a family's groups comes from. Strings are static. */
PL_API void pl_job_volume_source(const struct pl_job *job, unsigned family,
                                 struct pl_volume_source *out);
/* "given", "modelled", "assumed". */
PL_API const char *pl_volume_origin_name(enum pl_volume_origin origin);

/* Fills layer_share and param_share of stages that differ. */
void job_fill_shares(struct pl_job *job);

/*
 * The block sizes that want to stay together: the products of the leading axes of both generators
 * and the blocks of lists, each once, ascending, without 1 and the world itself: ranks
 * [k*b, (k+1)*b) are whole groups. Returns how many were written.
 */
size_t job_blocks(const struct pl_job *job, uint32_t blocks[PL_JOB_MAX_BLOCKS]);

#endif
