/* job_groups.c - the families of groups of a job, generated or listed; see job.h */
#include "map/job.h"

#include <string.h>

#include "base/mem.h"
#include "map/grouplists.h"
#include "map/job_axes.h"

#define BIT(axis) (1u << (axis))

enum share { SHARE_NONE, SHARE_LAYERS, SHARE_PARAMS };

/* Which generator a family lives in, which of its axes vary within a group, and what of a pipeline
 * stage its volume follows. */
static const struct family {
	const char *name;
	bool expert;
	unsigned axes;
	enum pl_pattern pattern;
	enum share share;
} families[PL_FAMILIES] = {
	[PL_FAMILY_TP] = { "tp", false, BIT(PL_AXIS_TP), PL_RING, SHARE_LAYERS },
	[PL_FAMILY_CP] = { "cp", false, BIT(PL_AXIS_CP), PL_RING, SHARE_LAYERS },
	[PL_FAMILY_DP] = { "dp", false, BIT(PL_AXIS_DP), PL_RING, SHARE_NONE },
	[PL_FAMILY_DP_CP] = { "dp-cp", false, BIT(PL_AXIS_DP) | BIT(PL_AXIS_CP), PL_RING,
	                      SHARE_PARAMS },
	[PL_FAMILY_PP] = { "pp", false, BIT(PL_AXIS_PP), PL_P2P, SHARE_NONE },
	[PL_FAMILY_ETP] = { "etp", true, BIT(PL_AXIS_TP), PL_RING, SHARE_LAYERS },
	[PL_FAMILY_EP] = { "ep", true, BIT(PL_AXIS_EP), PL_ALLTOALL, SHARE_LAYERS },
	[PL_FAMILY_EDP] = { "edp", true, BIT(PL_AXIS_DP), PL_RING, SHARE_LAYERS },
	[PL_FAMILY_FSDP] = { "fsdp", false, BIT(PL_AXIS_DP) | BIT(PL_AXIS_CP), PL_RING,
	                     SHARE_PARAMS },
	[PL_FAMILY_HSDP] = { "hsdp", false, BIT(PL_AXIS_DP) | BIT(PL_AXIS_CP), PL_RING,
	                     SHARE_PARAMS },
	[PL_FAMILY_EMBD] = { "embd", false, BIT(PL_AXIS_PP), PL_RING, SHARE_NONE },
};

const char *job_family_name(enum pl_family family)
{
	return families[family].name;
}

/* ---- generated ---- */

static uint32_t product(const struct pl_digits *digits)
{
	uint32_t n = 1;

	for (int i = 0; i < PL_GROUP_DIGITS; i++)
		n *= digits[i].count;
	return n;
}

static void append(struct pl_digits *digits, uint32_t count, uint32_t stride)
{
	int i = 0;

	while (digits[i].count > 1)
		i++;
	if (count > 1)
		digits[i] = (struct pl_digits){ count, stride };
}

/* Splits the axes of a generator: those named vary within a group, the others tell groups apart. */
static void generate(const struct pl_job *j, bool expert, unsigned axes, struct pl_groups *out)
{
	for (int i = 0; i < PL_MAX_AXES; i++) {
		enum pl_axis axis = j->order[i];
		uint32_t count = job_axis_size(j, axis, expert);
		uint32_t stride = job_axis_stride(j, axis, expert);

		if (axis == PL_AXIS_PP && j->n_shares > 0 && !(axes & BIT(axis)))
			out->stage = (struct pl_digits){ count, product(out->group) };
		append(axes & BIT(axis) ? out->member : out->group, count, stride);
	}
}

/* Keeps the inner `shard` members in a group and lets the outer ones tell groups apart, or the
 * other way round. The shard takes whole digits and divides the last; job_check() saw to that. */
static void split_members(struct pl_groups *out, uint32_t shard, bool keep_inner)
{
	struct pl_digits all[PL_GROUP_DIGITS];

	memcpy(all, out->member, sizeof(all));
	for (int i = 0; i < PL_GROUP_DIGITS; i++)
		out->member[i] = (struct pl_digits){ 1, 0 };
	for (int i = 0; i < PL_GROUP_DIGITS; i++) {
		uint32_t inner = shard < all[i].count ? shard : all[i].count;

		append(keep_inner ? out->member : out->group, inner, all[i].stride);
		append(keep_inner ? out->group : out->member, all[i].count / inner,
		       all[i].stride * inner);
		shard /= inner;
	}
}

/* Of a pipeline group only its ends. */
static void keep_ends(struct pl_groups *out)
{
	out->member[0].stride *= out->member[0].count - 1;
	out->member[0].count = 2;
}

static bool has_family(const struct pl_job *j, enum pl_family family)
{
	switch (family) {
	case PL_FAMILY_FSDP:
	case PL_FAMILY_HSDP:
		return j->fsdp > 0;
	case PL_FAMILY_EMBD:
		return j->tied && j->pp > 1;
	default:
		return true;
	}
}

static void generate_family(const struct pl_job *j, enum pl_family family, struct pl_groups *out)
{
	const struct family *f = &families[family];

	generate(j, f->expert, has_family(j, family) ? f->axes : 0, out);
	if (!has_family(j, family))
		return;
	if (family == PL_FAMILY_EMBD)
		keep_ends(out);
	if (family == PL_FAMILY_FSDP || family == PL_FAMILY_HSDP)
		split_members(out, j->fsdp, family == PL_FAMILY_FSDP);
	if (out->stage.count > 1 && f->share != SHARE_NONE)
		out->share = f->share == SHARE_LAYERS ? j->layer_share : j->param_share;
}

/* ---- listed ---- */

static bool is_own_axis(const struct pl_job *j, const char *name)
{
	for (uint32_t i = 0; i < j->n_own; i++) {
		if (strcmp(j->own[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool is_family(const char *name)
{
	for (int f = 0; f < PL_FAMILIES; f++) {
		if (strcmp(families[f].name, name) == 0)
			return true;
	}
	return false;
}

/* The n-th list whose name is no family of its own; NULL past the last. */
static const struct pl_listed *other_list(const struct pl_job *j, unsigned n)
{
	for (size_t i = 0; j->lists != NULL && i < j->lists->n; i++) {
		const struct pl_listed *l = &j->lists->items[i];

		if (!is_family(l->name) && !is_own_axis(j, l->name) && n-- == 0)
			return l;
	}
	return NULL;
}

static const struct pl_listed *family_list(const struct pl_job *j, enum pl_family family)
{
	const struct pl_listed *l = pl_group_lists_find(j->lists, families[family].name);

	/* without context parallelism the two are the same, and jobs dump either */
	if (l == NULL && family == PL_FAMILY_DP_CP && j->cp == 1)
		l = pl_group_lists_find(j->lists, "dp");
	return l;
}

static void use_list(const struct pl_listed *l, struct pl_groups *out)
{
	out->size = l->size;
	out->n_groups = l->n_groups;
	out->ranks = l->ranks;
	out->start = l->start;
	if (l->has_volume) {
		out->gbyte = out->far_gbyte = l->gbyte;
		out->pattern = l->pattern;
	}
}

/* ---- every family ---- */

unsigned pl_job_n_families(const struct pl_job *j)
{
	unsigned n = PL_FAMILIES + j->n_own;

	for (unsigned i = 0; other_list(j, i) != NULL; i++)
		n++;
	return n;
}

static const struct pl_listed *start_family(const struct pl_job *j, enum pl_family family,
                                            struct pl_groups *out)
{
	out->name = families[family].name;
	out->pattern = families[family].pattern;
	out->wraps = j->vpp > 1;
	out->gbyte = job_volume(j, family);
	out->far_gbyte = family == PL_FAMILY_EP ? job_far_volume(j) : out->gbyte;
	return family_list(j, family);
}

static const struct pl_listed *start_own(const struct pl_job *j, unsigned index,
                                         struct pl_groups *out)
{
	const struct pl_own_axis *own = &j->own[index];

	out->name = own->name;
	out->pattern = own->pattern;
	out->gbyte = out->far_gbyte = own->gbyte;
	return pl_group_lists_find(j->lists, own->name);
}

void pl_job_groups(const struct pl_job *j, unsigned family, struct pl_groups *out)
{
	const struct pl_listed *list;

	*out = (struct pl_groups){ .size = 1, .stage = { 1, 1 } };
	for (int i = 0; i < PL_GROUP_DIGITS; i++)
		out->member[i] = out->group[i] = (struct pl_digits){ 1, 0 };
	if (family < PL_FAMILIES) {
		list = start_family(j, (enum pl_family)family, out);
	} else if (family - PL_FAMILIES < j->n_own) {
		list = start_own(j, family - PL_FAMILIES, out);
	} else {
		list = other_list(j, family - PL_FAMILIES - j->n_own);
		out->name = list->name;
	}
	if (list != NULL) {
		use_list(list, out);
		return;
	}
	if (j->only_lists)
		return;
	if (family < PL_FAMILIES)
		generate_family(j, (enum pl_family)family, out);
	else
		generate(j, false, BIT(PL_AXES + family - PL_FAMILIES), out);
	out->size = product(out->member);
	out->n_groups = product(out->group);
}

static uint32_t digits_value(const struct pl_digits *digits, uint32_t index)
{
	uint32_t value = 0;

	for (int i = 0; i < PL_GROUP_DIGITS && index > 0; i++) {
		value += index % digits[i].count * digits[i].stride;
		index /= digits[i].count;
	}
	return value;
}

uint32_t pl_groups_rank(const struct pl_groups *groups, uint32_t g, uint32_t i)
{
	if (groups->ranks != NULL)
		return groups->ranks[groups->start[g] + i];
	return digits_value(groups->group, g) + digits_value(groups->member, i);
}

uint32_t pl_groups_size(const struct pl_groups *groups, uint32_t g)
{
	return groups->ranks != NULL ? groups->start[g + 1] - groups->start[g] : groups->size;
}

double pl_groups_share(const struct pl_groups *groups, uint32_t g)
{
	if (groups->share == NULL)
		return 1;
	return groups->share[g / groups->stage.stride % groups->stage.count];
}
