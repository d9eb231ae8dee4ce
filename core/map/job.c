/* job.c - sizes, order and groups of a job; see job.h */
#include "map/job.h"

#include <string.h>

#include "base/mem.h"

#define BIT(axis) (1u << (axis))

static const char *const axis_names[PL_AXES] = { "tp", "cp", "ep", "dp", "pp" };

/* Which generator a family lives in, and which of its axes vary within a group. */
static const struct family {
	const char *name;
	bool expert;
	unsigned axes;
	enum pl_pattern pattern;
} families[PL_FAMILIES] = {
	[PL_FAMILY_TP] = { "tp", false, BIT(PL_AXIS_TP), PL_RING },
	[PL_FAMILY_CP] = { "cp", false, BIT(PL_AXIS_CP), PL_RING },
	[PL_FAMILY_DP] = { "dp", false, BIT(PL_AXIS_DP), PL_RING },
	[PL_FAMILY_DP_CP] = { "dp-cp", false, BIT(PL_AXIS_DP) | BIT(PL_AXIS_CP), PL_RING },
	[PL_FAMILY_PP] = { "pp", false, BIT(PL_AXIS_PP), PL_P2P },
	[PL_FAMILY_ETP] = { "etp", true, BIT(PL_AXIS_TP), PL_RING },
	[PL_FAMILY_EP] = { "ep", true, BIT(PL_AXIS_EP), PL_ALLTOALL },
	[PL_FAMILY_EDP] = { "edp", true, BIT(PL_AXIS_DP), PL_RING },
};

void pl_job_init(struct pl_job *j)
{
	/* a large dense model with experts; what matters to placement is the ratio of the axes */
	static const double defaults[PL_MODEL_FIGURES] = {
		[PL_MODEL_HIDDEN] = 8192,     [PL_MODEL_KV] = 1024,
		[PL_MODEL_SEQ] = 8192,        [PL_MODEL_LAYERS] = 96,
		[PL_MODEL_MICROBATCHES] = 32, [PL_MODEL_MICROBATCH] = 1,
		[PL_MODEL_PARAMS] = 50e9,     [PL_MODEL_EXPERT_PARAMS] = 1e12,
		[PL_MODEL_EXPERTS] = 256,     [PL_MODEL_TOPK] = 8,
	};

	*j = (struct pl_job){ .tp = 1,
		              .cp = 1,
		              .ep = 1,
		              .etp = 1,
		              .pp = 1,
		              .vpp = 1,
		              .dp = 1,
		              .edp = 1,
		              .world = 1 };
	for (int i = 0; i < PL_AXES; i++)
		j->order[i] = (enum pl_axis)i;
	memcpy(j->model, defaults, sizeof(defaults));
}

static uint32_t axis_size(const struct pl_job *j, enum pl_axis axis, bool expert)
{
	switch (axis) {
	case PL_AXIS_TP:
		return expert ? j->etp : j->tp;
	case PL_AXIS_CP:
		return expert ? 1 : j->cp;
	case PL_AXIS_EP:
		return expert ? j->ep : 1;
	case PL_AXIS_DP:
		return expert ? j->edp : j->dp;
	case PL_AXIS_PP:
		return j->pp;
	case PL_AXES:
		break;
	}
	return 1;
}

/* How far apart two ranks are that differ by one along the axis. */
static uint32_t axis_stride(const struct pl_job *j, enum pl_axis axis, bool expert)
{
	uint32_t stride = 1;

	for (int i = 0; j->order[i] != axis; i++)
		stride *= axis_size(j, j->order[i], expert);
	return stride;
}

static int check_sizes(struct pl_job *j, struct pl_error *err)
{
	uint64_t world = (uint64_t)j->tp * j->cp;
	uint64_t shard = (uint64_t)j->etp * j->ep;

	if (j->tp == 0 || j->cp == 0 || j->ep == 0 || j->etp == 0 || j->pp == 0 || j->vpp == 0 ||
	    j->dp == 0)
		return pl_errorf(err, PL_EUSAGE, "job: an axis of size 0");
	if (world > PL_JOB_MAX_WORLD || world * j->pp > PL_JOB_MAX_WORLD ||
	    world * j->pp * j->dp > PL_JOB_MAX_WORLD || shard > PL_JOB_MAX_WORLD)
		return pl_errorf(err, PL_EUSAGE, "job: more than %u ranks", PL_JOB_MAX_WORLD);
	world *= j->dp;
	if (world % shard != 0)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: expert groups of etp*ep = %llu ranks do not divide the "
		                 "tp*cp*dp = %llu ranks of a pipeline stage",
		                 (unsigned long long)shard, (unsigned long long)world);
	j->edp = (uint32_t)(world / shard);
	j->world = (uint32_t)(world * j->pp);
	return 0;
}

/* A dense job needs no second generator. */
static bool has_experts(const struct pl_job *j)
{
	return j->ep > 1 || j->etp != j->tp;
}

int pl_job_check(struct pl_job *j, struct pl_error *err)
{
	if (check_sizes(j, err) < 0)
		return -1;
	if (has_experts(j) && axis_stride(j, PL_AXIS_PP, false) != axis_stride(j, PL_AXIS_PP, true))
		return pl_errorf(
		        err, PL_EUSAGE,
		        "job: in this order the pipeline groups of the dense and the "
		        "expert layers would be different ranks: put pp last in the order");
	return 0;
}

void pl_job_groups(const struct pl_job *j, enum pl_family family, struct pl_groups *out)
{
	const struct family *f = &families[family];
	int n_member = 0, n_group = 0;

	*out = (struct pl_groups){ .name = f->name, .pattern = f->pattern, .size = 1 };
	for (int i = 0; i < PL_AXES; i++)
		out->member[i] = out->group[i] = (struct pl_digits){ 1, 0 };
	for (int i = 0; i < PL_AXES; i++) {
		enum pl_axis axis = j->order[i];
		struct pl_digits d = { axis_size(j, axis, f->expert),
			               axis_stride(j, axis, f->expert) };

		if (f->axes & BIT(axis)) {
			out->member[n_member++] = d;
			out->size *= d.count;
		} else {
			out->group[n_group++] = d;
		}
	}
	out->n_groups = j->world / out->size;
	out->gbyte = job_volume(j, family);
}

static uint32_t digits_value(const struct pl_digits *digits, uint32_t index)
{
	uint32_t value = 0;

	for (int i = 0; i < PL_AXES && index > 0; i++) {
		value += index % digits[i].count * digits[i].stride;
		index /= digits[i].count;
	}
	return value;
}

uint32_t pl_groups_rank(const struct pl_groups *groups, uint32_t g, uint32_t i)
{
	return digits_value(groups->group, g) + digits_value(groups->member, i);
}

static size_t add_block(uint32_t *blocks, size_t n, uint32_t block)
{
	size_t at = 0;

	while (at < n && blocks[at] < block)
		at++;
	if (at < n && blocks[at] == block)
		return n;
	memmove(blocks + at + 1, blocks + at, (n - at) * sizeof(*blocks));
	blocks[at] = block;
	return n + 1;
}

size_t job_blocks(const struct pl_job *j, uint32_t blocks[2 * PL_AXES])
{
	size_t n = 0;

	for (int expert = 0; expert <= has_experts(j); expert++) {
		uint32_t block = 1;

		for (int i = 0; i < PL_AXES; i++) {
			block *= axis_size(j, j->order[i], expert);
			if (block > 1 && block < j->world)
				n = add_block(blocks, n, block);
		}
	}
	return n;
}

void pl_job_format(const struct pl_job *j, struct strbuf *out)
{
	const struct {
		const char *name;
		uint32_t size;
	} sizes[] = { { "tp", j->tp }, { "cp", j->cp },   { "ep", j->ep }, { "etp", j->etp },
		      { "pp", j->pp }, { "vpp", j->vpp }, { "dp", j->dp } };
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		/* etp follows tp where it is not said */
		if (sizes[i].size > 1 || (strcmp(sizes[i].name, "etp") == 0 && j->tp > 1))
			strbuf_addf(out, "%s=%u ", sizes[i].name, sizes[i].size);
	}
	strbuf_adds(out, "order=");
	for (int i = 0; i < PL_AXES; i++)
		strbuf_addf(out, "%s%s", i > 0 ? "-" : "", axis_names[j->order[i]]);
}
