/*
 * job_volume.c - how much a rank sends in one training step, by published formulas.
 *
 * Tensor, pipeline and data parallelism: Narayanan et al., "Efficient Large-Scale Language Model
 * Training on GPU Clusters Using Megatron-LM", SC'21 (arXiv 2104.04473), with sequence parallelism
 * and the distributed optimizer. Context parallelism as a ring over keys and values: Liu et al.,
 * arXiv 2310.01889. Sharded parameters: Zhao et al., "PyTorch FSDP", arXiv 2304.11277 (once a step:
 * micro-batches reuse what was gathered). Experts reached by one copy a domain: DeepSeek-AI,
 * "DeepSeek-V3 Technical Report", arXiv 2412.19437, section 3.2.2. b micro-batch, s sequence, h
 * hidden, m micro-batches, L layers. Where pipeline stages differ, the busiest one counts.
 */
#include "map/job.h"

#define ELEMENT_BYTES  2.0 /* bf16 activations */
#define GRADIENT_BYTES 4.0 /* bf16 gradient out, bf16 parameter back */
#define SHARD_BYTES    6.0 /* and one more all-gather of parameters, for the backward pass */
#define GIGA           1e9

/* Tokens of one micro-batch that pass through a rank's share of the sequence. */
static double tokens_per_microbatch(const struct pl_job *j)
{
	return j->model[PL_MODEL_MICROBATCH] * j->model[PL_MODEL_SEQ] / j->cp;
}

/* ---- pipeline stages ---- */

/* Layers of a stage; s is below pp. */
static double stage_layers(const struct pl_job *j, uint32_t s)
{
	return j->n_stages > 0 ? j->stage_layers[s] : j->model[PL_MODEL_LAYERS] / j->pp;
}

static double most_layers(const struct pl_job *j)
{
	double most = j->model[PL_MODEL_LAYERS] / j->pp;

	for (uint32_t s = 0; s < j->n_stages; s++)
		most = stage_layers(j, s) > most ? stage_layers(j, s) : most;
	return most;
}

static double embedding_params(const struct pl_job *j)
{
	return j->model[PL_MODEL_VOCAB] * j->model[PL_MODEL_HIDDEN];
}

/* Parameters of a stage outside experts: its layers, and words in at the first and out at the last
 * stage, in one matrix where it is tied and both are the same stage. */
static double stage_params(const struct pl_job *j, uint32_t s)
{
	double words = embedding_params(j), params;
	double layers = j->model[PL_MODEL_PARAMS] - (j->tied ? 1 : 2) * words;

	if (j->pp == 1 || j->model[PL_MODEL_LAYERS] == 0)
		return j->model[PL_MODEL_PARAMS];
	params = layers > 0 ? layers * stage_layers(j, s) / j->model[PL_MODEL_LAYERS] : 0;
	return params + (s == 0 ? words : 0) + (s == j->pp - 1 ? words : 0);
}

static double most_params(const struct pl_job *j)
{
	double most = stage_params(j, 0), last = stage_params(j, j->pp - 1);

	if (last > most)
		most = last;
	for (uint32_t s = 1; s + 1 < j->pp && (s == 1 || j->n_stages > 0); s++)
		most = stage_params(j, s) > most ? stage_params(j, s) : most;
	return most;
}

void job_fill_shares(struct pl_job *j)
{
	double layers = most_layers(j), params = most_params(j);
	bool differ = j->n_stages > 0 || embedding_params(j) > 0;

	j->n_shares = differ && j->pp > 1 && j->pp <= PL_JOB_MAX_STAGES ? j->pp : 0;
	for (uint32_t s = 0; s < j->n_shares; s++) {
		j->layer_share[s] = layers > 0 ? (float)(stage_layers(j, s) / layers) : 1;
		j->param_share[s] = params > 0 ? (float)(stage_params(j, s) / params) : 1;
	}
}

/* Layer passes of the busiest stage in one step. */
static double layer_passes(const struct pl_job *j)
{
	return most_layers(j) * j->model[PL_MODEL_MICROBATCHES];
}

/* The same of layers with experts; they are spread as all layers are. */
static double moe_passes(const struct pl_job *j)
{
	double share = j->model[PL_MODEL_MOE_LAYERS] / j->model[PL_MODEL_LAYERS];

	return layer_passes(j) * (share > 0 && share < 1 ? share : 1);
}

/* ---- volumes ---- */

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

/* What a rank's tokens of one step are worth that go out to `copies` places each and come back:
 * dispatch and combine, forward and backward. */
static double token_bytes(const struct pl_job *j, double copies)
{
	return tokens_per_microbatch(j) / j->tp * copies * j->model[PL_MODEL_HIDDEN] *
	       (j->model[PL_MODEL_DISPATCH_BYTES] + ELEMENT_BYTES) * 2 * moe_passes(j) *
	       ring_share(j->ep);
}

/* One copy a domain that holds experts of the token; at most one for each expert. */
static double far_copies(const struct pl_job *j)
{
	double copies = j->model[PL_MODEL_TOPK];

	return j->hierarchical && j->route_nodes > 0 && j->route_nodes < copies ? j->route_nodes
	                                                                        : copies;
}

double job_far_volume(const struct pl_job *j)
{
	return token_bytes(j, far_copies(j)) / GIGA;
}

static double expert_bytes(const struct pl_job *j)
{
	double params = j->model[PL_MODEL_EXPERT_PARAMS] * most_layers(j) /
	                j->model[PL_MODEL_LAYERS] / ((double)j->etp * j->ep);

	if (j->ep < 2)
		return 0;
	return (j->fsdp > 0 ? SHARD_BYTES : GRADIENT_BYTES) * params * ring_share(j->edp);
}

/* Gathers parameters twice and scatters gradients within the shard group. */
static double fsdp_bytes(const struct pl_job *j)
{
	return SHARD_BYTES * most_params(j) / j->tp * ring_share(j->fsdp);
}

/* All-reduce of the shard's gradient between replicas. */
static double hsdp_bytes(const struct pl_job *j)
{
	if (j->fsdp == 0)
		return 0;
	return 2 * ELEMENT_BYTES * most_params(j) / j->tp / j->fsdp * ring_share(j->hsdp);
}

/* All-reduce of the gradient of a tied embedding between two stages. */
static double embedding_bytes(const struct pl_job *j)
{
	if (!j->tied || j->pp < 2)
		return 0;
	return 2 * ELEMENT_BYTES * embedding_params(j) / j->tp * ring_share(2);
}

static double dense_bytes(const struct pl_job *j)
{
	if (j->fsdp > 0)
		return 0;
	return GRADIENT_BYTES * most_params(j) / j->tp * ring_share((double)j->dp * j->cp);
}

static double family_bytes(const struct pl_job *j, enum pl_family family)
{
	switch (family) {
	case PL_FAMILY_TP:
		return tp_bytes(j, j->tp);
	case PL_FAMILY_CP:
		return cp_bytes(j);
	case PL_FAMILY_DP_CP:
		return dense_bytes(j);
	case PL_FAMILY_PP:
		return pp_bytes(j);
	case PL_FAMILY_ETP:
		return j->ep > 1 ? tp_bytes(j, j->etp) : 0;
	case PL_FAMILY_EP:
		return token_bytes(j, j->model[PL_MODEL_TOPK]);
	case PL_FAMILY_EDP:
		return expert_bytes(j);
	case PL_FAMILY_FSDP:
		return fsdp_bytes(j);
	case PL_FAMILY_HSDP:
		return hsdp_bytes(j);
	case PL_FAMILY_EMBD:
		return embedding_bytes(j);
	case PL_FAMILY_DP:
	case PL_FAMILIES:
		break;
	}
	return 0;
}

double job_volume(const struct pl_job *j, enum pl_family family)
{
	return family_bytes(j, family) / GIGA;
}
