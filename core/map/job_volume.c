/*
 * job_volume.c - how much a rank sends in one training step, by published formulas.
 *
 * Tensor, pipeline and data parallelism: Narayanan et al., "Efficient Large-Scale Language Model
 * Training on GPU Clusters Using Megatron-LM", SC'21 (arXiv 2104.04473), with sequence parallelism
 * and the distributed optimizer. Context parallelism as a ring over keys and values: Liu et al.,
 * arXiv 2310.01889. b micro-batch, s sequence, h hidden, m micro-batches, L layers.
 */
#include "map/job.h"

#define ELEMENT_BYTES  2.0 /* bf16 activations */
#define GRADIENT_BYTES 4.0 /* bf16 gradient out, bf16 parameter back */
#define GIGA           1e9

/* Tokens of one micro-batch that pass through a rank's share of the sequence. */
static double tokens_per_microbatch(const struct pl_job *j)
{
	return j->model[PL_MODEL_MICROBATCH] * j->model[PL_MODEL_SEQ] / j->cp;
}

/* Layer passes of a stage in one step. */
static double layer_passes(const struct pl_job *j)
{
	return j->model[PL_MODEL_LAYERS] / j->pp * j->model[PL_MODEL_MICROBATCHES];
}

/* What a ring over n keeps of a volume: (n - 1) / n. */
static double ring_share(double n)
{
	return n > 1 ? (n - 1) / n : 0;
}

/* Four all-gathers and four reduce-scatters a layer. */
static double tp_bytes(const struct pl_job *j, uint32_t size)
{
	return 8 * tokens_per_microbatch(j) * j->model[PL_MODEL_HIDDEN] * ELEMENT_BYTES *
	       ring_share(size) * layer_passes(j);
}

/* The shard of keys and values is forwarded c - 1 times, backward about twice that. */
static double cp_bytes(const struct pl_job *j)
{
	double shard = 2 * tokens_per_microbatch(j) * j->model[PL_MODEL_KV] * ELEMENT_BYTES / j->tp;

	return 3 * shard * (j->cp - 1) * layer_passes(j);
}

/* Activations forward, gradients back, scattered over the tensor group; once per virtual stage. */
static double pp_bytes(const struct pl_job *j)
{
	if (j->pp < 2)
		return 0;
	return tokens_per_microbatch(j) * j->model[PL_MODEL_HIDDEN] * ELEMENT_BYTES *
	       j->model[PL_MODEL_MICROBATCHES] / j->tp * j->vpp;
}

/* Dispatch and combine, forward and backward. */
static double ep_bytes(const struct pl_job *j)
{
	return tokens_per_microbatch(j) / j->tp * j->model[PL_MODEL_TOPK] *
	       j->model[PL_MODEL_HIDDEN] * (2 * ELEMENT_BYTES) * 2 * layer_passes(j) *
	       ring_share(j->ep);
}

static double gradient_bytes(double params, double shards, double copies)
{
	return GRADIENT_BYTES * params / shards * ring_share(copies);
}

double job_volume(const struct pl_job *j, enum pl_family family)
{
	switch (family) {
	case PL_FAMILY_TP:
		return tp_bytes(j, j->tp) / GIGA;
	case PL_FAMILY_CP:
		return cp_bytes(j) / GIGA;
	case PL_FAMILY_DP_CP:
		return gradient_bytes(j->model[PL_MODEL_PARAMS], (double)j->tp * j->pp,
		                      (double)j->dp * j->cp) /
		       GIGA;
	case PL_FAMILY_PP:
		return pp_bytes(j) / GIGA;
	case PL_FAMILY_ETP:
		return j->ep > 1 ? tp_bytes(j, j->etp) / GIGA : 0;
	case PL_FAMILY_EP:
		return ep_bytes(j) / GIGA;
	case PL_FAMILY_EDP:
		return j->ep > 1 ? gradient_bytes(j->model[PL_MODEL_EXPERT_PARAMS],
		                                  (double)j->etp * j->ep * j->pp, j->edp) /
		                           GIGA
		                 : 0;
	case PL_FAMILY_DP:
	case PL_FAMILIES:
		break;
	}
	return 0;
}
