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
 * Groups are never listed in memory: a family of groups is a generator of mixed-radix offsets.
 */
#ifndef PL_MAP_JOB_H
#define PL_MAP_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

/* The tokens of an order string. */
enum pl_axis { PL_AXIS_TP, PL_AXIS_CP, PL_AXIS_EP, PL_AXIS_DP, PL_AXIS_PP, PL_AXES };

#define PL_JOB_MAX_WORLD (1u << 24)

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
	PL_MODEL_TOPK, /* experts a token visits */
	PL_MODEL_FIGURES
};

struct pl_job {
	uint32_t tp, cp, ep, etp, pp, vpp, dp;
	uint32_t edp;                /* derived */
	uint32_t world;              /* tp * cp * pp * dp */
	enum pl_axis order[PL_AXES]; /* fastest first; every axis, the missing ones (size 1) last */
	double model[PL_MODEL_FIGURES];
	bool model_given[PL_MODEL_FIGURES];
};

/*
 * Reads "tp=4 cp=2 pp=8 dp=80 ep=16 order=tp-cp-ep-dp-pp hidden=16384": KEY=VALUE with blanks or
 * commas between; axes that are missing are 1, the order is tp-cp-ep-dp-pp. Figures may be written
 * 405B, 1.5T, 32K (decimal). PL_EUSAGE: an unknown key (the nearest is named), a key given twice, a
 * size that is no whole number of 1 or more, an order with an unknown, doubled or missing token,
 * expert sizes that do not divide, pipeline groups that differ.
 */
PL_API int pl_job_parse(struct pl_job *job, const char *text, struct pl_error *err);

/*
 * Completes a job whose sizes, order and model were filled in by hand: checks as pl_job_parse and
 * sets the derived fields.
 */
PL_API int pl_job_check(struct pl_job *job, struct pl_error *err);

/* Sets every field to its default: one rank, Megatron's order. */
PL_API void pl_job_init(struct pl_job *job);

/* "tp=4 cp=2 ... order=tp-cp-ep-dp-pp", sizes of 1 left out; pl_job_parse reads it back. */
PL_API void pl_job_format(const struct pl_job *job, struct strbuf *out);

/* "hidden=8192 seq=8192": the figures that matter for this job and were not given; "" for none. */
PL_API void pl_job_format_assumed(const struct pl_job *job, struct strbuf *out);

/* ---- who talks to whom ---- */

enum pl_pattern {
	PL_RING,     /* each member sends to the next, the last to the first */
	PL_ALLTOALL, /* each member sends the same to every other */
	PL_P2P,      /* neighbours in the group; the last to the first where it has more than two */
};

enum pl_family {
	PL_FAMILY_TP,    /* tensor: activations of every layer */
	PL_FAMILY_CP,    /* context: keys and values of every layer */
	PL_FAMILY_DP,    /* data alone: no traffic of its own, see DP_CP */
	PL_FAMILY_DP_CP, /* dense gradients and parameters, over dp and cp together */
	PL_FAMILY_PP,    /* pipeline: activations of a boundary */
	PL_FAMILY_ETP,   /* tensor groups of the expert generator */
	PL_FAMILY_EP,    /* expert: tokens out and back */
	PL_FAMILY_EDP,   /* expert gradients and parameters */
	PL_FAMILIES
};

struct pl_digits {
	uint32_t count, stride;
};

/* All groups of a family. The groups of one family split the ranks: n_groups * size == world. */
struct pl_groups {
	const char *name; /* "tp", "dp-cp" */
	enum pl_pattern pattern;
	uint32_t size, n_groups;
	double gbyte; /* sent by one rank in one step: on its ring link, to all others together
			 (all-to-all), or to each neighbour in each direction (p2p) */
	struct pl_digits member[PL_AXES], group[PL_AXES]; /* unused entries have count 1 */
};

PL_API void pl_job_groups(const struct pl_job *job, enum pl_family family, struct pl_groups *out);

/* The rank that is member `i` of group `g`, in the order of the order string. */
PL_API uint32_t pl_groups_rank(const struct pl_groups *groups, uint32_t g, uint32_t i);

/* GB a rank sends per step in a family (see struct pl_groups); formulas and sources in
 * job_volume.c. */
double job_volume(const struct pl_job *job, enum pl_family family);

/*
 * The block sizes that want to stay together: the products of the leading axes of both generators,
 * each once, ascending, without 1 and the world itself: ranks [k*b, (k+1)*b) are whole groups.
 * Returns how many were written, at most 2 * PL_AXES.
 */
size_t job_blocks(const struct pl_job *job, uint32_t blocks[2 * PL_AXES]);

#endif
