/* job_formula.c - where the volumes of families of groups come from; sums are in job_volume.c */
#include "map/job.h"

#include "base/mem.h"
#include "map/grouplists.h"

#define MEGATRON "Narayanan et al., SC'21, arXiv 2104.04473"
#define RING     "Liu et al., Ring Attention, arXiv 2310.01889"
#define FSDP     "Zhao et al., PyTorch FSDP, arXiv 2304.11277"
#define GSHARD   "Lepikhin et al., GShard, arXiv 2006.16668"
#define DEEPSEEK "DeepSeek-V3, arXiv 2412.19437, section 3.2.2"

#define BIT(figure) (1u << PL_MODEL_##figure)
#define ACTIVATIONS (BIT(HIDDEN) | BIT(SEQ) | BIT(MICROBATCHES) | BIT(MICROBATCH))

struct family_formula {
	const char *formula, *citation;
	unsigned figures; /* of the model that it takes */
};

static const struct family_formula formulas[PL_FAMILIES] = {
	[PL_FAMILY_TP] = { "8 b s/c h e (t-1)/t L/p m", MEGATRON, ACTIVATIONS | BIT(LAYERS) },
	[PL_FAMILY_CP] = { "6 b s/c kv e/t (c-1) L/p m", RING,
	                   BIT(KV) | BIT(SEQ) | BIT(MICROBATCHES) | BIT(MICROBATCH) | BIT(LAYERS) },
	[PL_FAMILY_DP_CP] = { "2 e P/(t p) (n-1)/n", MEGATRON, BIT(PARAMS) },
	[PL_FAMILY_PP] = { "b s/c h e m v/t, each way", MEGATRON, ACTIVATIONS },
	[PL_FAMILY_ETP] = { "8 b s/c h e (t-1)/t L/p m, t = etp", MEGATRON,
	                    ACTIVATIONS | BIT(LAYERS) },
	[PL_FAMILY_EP] = { "2 b s/c/t k h (d+e) (n-1)/n L/p m", GSHARD,
	                   ACTIVATIONS | BIT(LAYERS) | BIT(TOPK) },
	[PL_FAMILY_EDP] = { "2 e P/(etp n_e p) (n-1)/n, P of experts", MEGATRON,
	                    BIT(EXPERT_PARAMS) },
	[PL_FAMILY_FSDP] = { "3 e P/(t p) (n-1)/n", FSDP, BIT(PARAMS) },
	[PL_FAMILY_HSDP] = { "2 e P/(t p shards) (n-1)/n", FSDP, BIT(PARAMS) },
	[PL_FAMILY_EMBD] = { "2 e V h/t (n-1)/n", MEGATRON, BIT(HIDDEN) },
};

static bool all_given(const struct pl_job *j, unsigned figures)
{
	for (unsigned i = 0; i < PL_MODEL_FIGURES; i++) {
		if ((figures >> i & 1) != 0 && !j->model_given[i])
			return false;
	}
	return true;
}

/* Whether the dump that lists the groups tells their volume. */
static bool listed_volume(const struct pl_job *j, const char *name)
{
	const struct pl_listed *l = pl_group_lists_find(j->lists, name);

	return l != NULL && l->has_volume;
}

void pl_job_volume_source(const struct pl_job *j, unsigned family, struct pl_volume_source *out)
{
	const struct family_formula *f = family < PL_FAMILIES ? &formulas[family] : NULL;
	struct pl_groups g;

	pl_job_groups(j, family, &g);
	*out = (struct pl_volume_source){ .origin = PL_VOLUME_GIVEN };
	if (f == NULL || f->formula == NULL || listed_volume(j, g.name))
		return;
	out->origin = all_given(j, f->figures) ? PL_VOLUME_MODELLED : PL_VOLUME_ASSUMED;
	out->formula = f->formula;
	out->citation = family == PL_FAMILY_EP && j->hierarchical ? DEEPSEEK : f->citation;
}

const char *pl_volume_origin_name(enum pl_volume_origin origin)
{
	static const char *const names[] = { "given", "modelled", "assumed" };

	return names[origin];
}
