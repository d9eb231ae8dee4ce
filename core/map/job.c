/* job.c - sizes, order and groups of a job; see job.h */
#include "map/job.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "map/grouplists.h"
#include "map/job_axes.h"

static const char *const axis_names[PL_AXES] = { "tp", "cp", "ep", "dp", "pp" };

void pl_job_init(struct pl_job *j)
{
	/* a large dense model with experts; what matters to placement is the ratio of the axes */
	static const double defaults[PL_MODEL_FIGURES] = {
		[PL_MODEL_HIDDEN] = 8192,     [PL_MODEL_KV] = 1024,
		[PL_MODEL_SEQ] = 8192,        [PL_MODEL_LAYERS] = 96,
		[PL_MODEL_MICROBATCHES] = 32, [PL_MODEL_MICROBATCH] = 1,
		[PL_MODEL_PARAMS] = 50e9,     [PL_MODEL_EXPERT_PARAMS] = 1e12,
		[PL_MODEL_EXPERTS] = 256,     [PL_MODEL_TOPK] = 8,
		[PL_MODEL_DISPATCH_BYTES] = 2,
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
	for (int i = 0; i < PL_MAX_AXES; i++)
		j->order[i] = (enum pl_axis)i;
	memcpy(j->model, defaults, sizeof(defaults));
}

uint32_t job_axis_size(const struct pl_job *j, enum pl_axis axis, bool expert)
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
	default:
		return axis - PL_AXES < j->n_own ? j->own[axis - PL_AXES].size : 1;
	}
}

uint32_t job_axis_stride(const struct pl_job *j, enum pl_axis axis, bool expert)
{
	uint32_t stride = 1;

	for (int i = 0; j->order[i] != axis; i++)
		stride *= job_axis_size(j, j->order[i], expert);
	return stride;
}

const char *job_axis_name(const struct pl_job *j, enum pl_axis axis)
{
	return axis < PL_AXES ? axis_names[axis] : j->own[axis - PL_AXES].name;
}

/* A product that stays at PL_JOB_MAX_WORLD + 1 once it is past it; 0 where a size is 0. */
static uint64_t times(uint64_t product, uint32_t size)
{
	product *= size;
	return product > PL_JOB_MAX_WORLD ? PL_JOB_MAX_WORLD + 1 : product;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* The nearest multiples of a step around n, as " (..., or ...)". */
static const char *nearest_sizes(const char *name, uint64_t n, uint64_t step, char *buf,
                                 size_t size)
{
	uint64_t below = n / step * step;

	if (below > 0)
		snprintf(buf, size, "%s=%llu or %s=%llu", name, (unsigned long long)below, name,
		         (unsigned long long)(below + step));
	else
		snprintf(buf, size, "%s=%llu", name, (unsigned long long)step);
	return buf;
}

static int check_world(struct pl_job *j, struct pl_error *err)
{
	const uint32_t sizes[] = { j->tp, j->cp, j->pp, j->dp };
	uint64_t world = 1;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		world = times(world, sizes[i]);
	for (uint32_t i = 0; i < j->n_own; i++)
		world = times(world, j->own[i].size);
	if (world == 0 || j->ep == 0 || j->etp == 0 || j->vpp == 0)
		return pl_errorf(err, PL_EUSAGE, "job: an axis of size 0");
	if (world > PL_JOB_MAX_WORLD || times(times(1, j->etp), j->ep) > PL_JOB_MAX_WORLD)
		return pl_errorf(err, PL_EUSAGE, "job: more than %u ranks", PL_JOB_MAX_WORLD);
	j->world = (uint32_t)world;
	return 0;
}

static int check_experts(struct pl_job *j, struct pl_error *err)
{
	uint64_t stage = (uint64_t)j->tp * j->cp * j->dp;
	uint64_t shard = (uint64_t)j->etp * j->ep;
	char near[64];

	if (stage % shard != 0)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: expert groups of etp*ep = %llu ranks do not divide the "
		                 "tp*cp*dp = %llu ranks of a pipeline stage: %s would do",
		                 (unsigned long long)shard, (unsigned long long)stage,
		                 nearest_sizes("dp", j->dp,
		                               shard / gcd(shard, (uint64_t)j->tp * j->cp), near,
		                               sizeof(near)));
	j->edp = (uint32_t)(stage / shard);
	return 0;
}

/* Whether the inner `shard` ranks of dp and cp are whole digits and a divisor of the next. */
static bool shard_divides(const struct pl_job *j, uint32_t shard)
{
	for (int i = 0; i < PL_MAX_AXES && shard > 1; i++) {
		uint32_t size = job_axis_size(j, j->order[i], false);

		if (j->order[i] != PL_AXIS_DP && j->order[i] != PL_AXIS_CP)
			continue;
		if (shard < size)
			return size % shard == 0;
		if (shard % size != 0)
			return false;
		shard /= size;
	}
	return shard == 1;
}

static int check_shards(struct pl_job *j, struct pl_error *err)
{
	uint64_t ranks = (uint64_t)j->dp * j->cp;

	if (j->fsdp == 0 && j->hsdp == 0)
		return 0;
	if (j->fsdp == 0)
		j->fsdp = (uint32_t)(ranks / j->hsdp);
	if (j->hsdp == 0 && j->fsdp <= ranks)
		j->hsdp = (uint32_t)(ranks / j->fsdp);
	if ((uint64_t)j->fsdp * j->hsdp != ranks || !shard_divides(j, j->fsdp))
		return pl_errorf(err, PL_EUSAGE,
		                 "job: fsdp=%u hsdp=%u: %u replicas of %u ranks are not the dp*cp "
		                 "= %llu ranks that share a model: fsdp=%llu hsdp=1 would do",
		                 j->fsdp, j->hsdp, j->hsdp, j->fsdp, (unsigned long long)ranks,
		                 (unsigned long long)ranks);
	return 0;
}

static int check_stages(struct pl_job *j, struct pl_error *err)
{
	double sum = 0;

	if (j->n_stages == 0)
		return 0;
	if (j->n_stages != j->pp)
		return pl_errorf(err, PL_EUSAGE, "job: layers_per_stage tells of %u stages, pp is %u",
		                 j->n_stages, j->pp);
	for (uint32_t i = 0; i < j->n_stages; i++)
		sum += j->stage_layers[i];
	if (sum == 0)
		return pl_errorf(err, PL_EUSAGE, "job: layers_per_stage: no layer at all");
	if (j->model_given[PL_MODEL_LAYERS] && sum != j->model[PL_MODEL_LAYERS])
		return pl_errorf(err, PL_EUSAGE, "job: layers_per_stage makes %g layers, layers is %g",
		                 sum, j->model[PL_MODEL_LAYERS]);
	j->model[PL_MODEL_LAYERS] = sum;
	j->model_given[PL_MODEL_LAYERS] = true;
	return 0;
}

/* A dense job needs no second generator. */
static bool has_experts(const struct pl_job *j)
{
	return j->ep > 1 || j->etp != j->tp;
}

int pl_job_check(struct pl_job *j, struct pl_error *err)
{
	if (check_world(j, err) < 0 || check_experts(j, err) < 0 || check_shards(j, err) < 0 ||
	    check_stages(j, err) < 0)
		return -1;
	if (has_experts(j) && job_axis_stride(j, PL_AXIS_PP, false) !=
	                              job_axis_stride(j, PL_AXIS_PP, true))
		return pl_errorf(
		        err, PL_EUSAGE,
		        "job: in this order the pipeline groups of the dense and the "
		        "expert layers would be different ranks: put pp last in the order");
	job_fill_shares(j);
	return 0;
}

/* ---- groups that were dumped ---- */

/* What the sizes of a job say of a family that is listed too. */
static int check_listed_size(const struct pl_job *j, const struct pl_listed *l,
                             struct pl_error *err)
{
	for (unsigned f = 0; f < PL_FAMILIES; f++) {
		struct pl_groups g;

		pl_job_groups(j, f, &g);
		if (f == PL_FAMILY_EMBD || strcmp(g.name, l->name) != 0 || g.size == l->size)
			continue;
		return pl_errorf(err, PL_EUSAGE,
		                 "job: its sizes make %s groups of %u ranks, the groups listed have "
		                 "%u: leave the sizes out to take those of the list",
		                 l->name, g.size, l->size);
	}
	return 0;
}

static int check_lists(const struct pl_job *j, const struct pl_group_lists *lists,
                       struct pl_error *err)
{
	if (lists->world != j->world)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: its sizes make %u ranks, the groups listed have %u: leave "
		                 "the sizes out to take those of the list",
		                 j->world, lists->world);
	for (size_t i = 0; i < lists->n; i++) {
		if (check_listed_size(j, &lists->items[i], err) < 0)
			return -1;
	}
	return 0;
}

static uint32_t listed_size(const struct pl_group_lists *lists, const char *name, uint32_t none)
{
	const struct pl_listed *l = pl_group_lists_find(lists, name);

	return l != NULL ? l->size : none;
}

static uint32_t at_least_1(uint32_t n)
{
	return n > 0 ? n : 1;
}

/* The sizes that the formulas of the volumes need. */
static void adopt_sizes(struct pl_job *j, const struct pl_group_lists *lists)
{
	j->world = lists->world;
	j->tp = listed_size(lists, "tp", 1);
	j->cp = listed_size(lists, "cp", 1);
	j->pp = listed_size(lists, "pp", 1);
	j->ep = listed_size(lists, "ep", 1);
	j->etp = listed_size(lists, "etp", j->ep > 1 ? 1 : j->tp);
	j->dp = listed_size(lists, "dp", at_least_1(listed_size(lists, "dp-cp", 1) / j->cp));
	j->edp = listed_size(lists, "edp", 1);
	j->fsdp = listed_size(lists, "fsdp", 0);
	j->hsdp = listed_size(lists, "hsdp", j->fsdp > 0);
	j->only_lists = true;
	j->n_shares = 0;
}

int pl_job_take_lists(struct pl_job *j, struct pl_group_lists *lists, struct pl_error *err)
{
	if (j->world == 1)
		adopt_sizes(j, lists);
	else if (check_lists(j, lists, err) < 0)
		return -1;
	pl_group_lists_unref(j->lists);
	j->lists = pl_group_lists_ref(lists);
	return 0;
}

void pl_job_copy(struct pl_job *to, const struct pl_job *from)
{
	*to = *from;
	if (to->lists != NULL)
		pl_group_lists_ref(to->lists);
}

void pl_job_fini(struct pl_job *j)
{
	pl_group_lists_unref(j->lists);
	j->lists = NULL;
}

/* ---- blocks ---- */

static size_t add_block(uint32_t *blocks, size_t n, uint32_t block)
{
	size_t at = 0;

	while (at < n && blocks[at] < block)
		at++;
	if ((at < n && blocks[at] == block) || n == PL_JOB_MAX_BLOCKS)
		return n;
	memmove(blocks + at + 1, blocks + at, (n - at) * sizeof(*blocks));
	blocks[at] = block;
	return n + 1;
}

/* Ranks that hold whole shard groups: up to the outermost digit that the shard reaches into. */
static uint32_t shard_block(const struct pl_job *j)
{
	uint32_t left = j->fsdp;

	for (int i = 0; i < PL_MAX_AXES && left > 1; i++) {
		enum pl_axis axis = j->order[i];
		uint32_t size = job_axis_size(j, axis, false);

		if (axis != PL_AXIS_DP && axis != PL_AXIS_CP)
			continue;
		if (left <= size)
			return job_axis_stride(j, axis, false) * left;
		left /= size;
	}
	return 1;
}

static size_t add_generated(const struct pl_job *j, uint32_t *blocks, size_t n)
{
	uint32_t block_of_shard;

	for (int expert = 0; expert <= has_experts(j); expert++) {
		uint32_t block = 1;

		for (int i = 0; i < PL_MAX_AXES; i++) {
			block *= job_axis_size(j, j->order[i], expert);
			if (block > 1 && block < j->world)
				n = add_block(blocks, n, block);
		}
	}
	block_of_shard = shard_block(j);
	if (block_of_shard > 1 && block_of_shard < j->world)
		n = add_block(blocks, n, block_of_shard);
	return n;
}

size_t job_blocks(const struct pl_job *j, uint32_t blocks[PL_JOB_MAX_BLOCKS])
{
	size_t n = j->only_lists ? 0 : add_generated(j, blocks, 0);

	for (size_t i = 0; j->lists != NULL && i < j->lists->n; i++) {
		uint32_t block = j->lists->items[i].block;

		if (block > 1 && block < j->world)
			n = add_block(blocks, n, block);
	}
	return n;
}

/* ---- as text ---- */

static void format_lists(const struct pl_job *j, struct strbuf *out)
{
	strbuf_adds(out, "groups=");
	for (size_t i = 0; i < j->lists->n; i++) {
		const struct pl_listed *l = &j->lists->items[i];

		strbuf_addf(out, "%s%s:%ux%u", i > 0 ? "," : "", l->name, l->n_groups, l->size);
	}
}

static void format_own(const struct pl_job *j, struct strbuf *out)
{
	for (uint32_t i = 0; i < j->n_own; i++) {
		const struct pl_own_axis *own = &j->own[i];

		strbuf_addf(out, "axis=%s=%u:%s:%.15g ", own->name, own->size,
		            job_pattern_name(own->pattern), own->gbyte * 1e9);
	}
}

void pl_job_format(const struct pl_job *j, struct strbuf *out)
{
	const struct {
		const char *name;
		uint32_t size;
	} sizes[] = { { "tp", j->tp },   { "cp", j->cp },   { "ep", j->ep },
		      { "etp", j->etp }, { "pp", j->pp },   { "vpp", j->vpp },
		      { "dp", j->dp },   { "fsdp", j->fsdp }, { "hsdp", j->hsdp } };

	if (j->only_lists) {
		format_lists(j, out);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		/* etp follows tp where it is not said */
		if (sizes[i].size > 1 || (strcmp(sizes[i].name, "etp") == 0 && j->tp > 1))
			strbuf_addf(out, "%s=%u ", sizes[i].name, sizes[i].size);
	}
	format_own(j, out);
	strbuf_adds(out, "order=");
	for (uint32_t i = 0, n = 0; i < PL_MAX_AXES; i++) {
		if (j->order[i] < PL_AXES + j->n_own)
			strbuf_addf(out, "%s%s", n++ > 0 ? "-" : "", job_axis_name(j, j->order[i]));
	}
}
