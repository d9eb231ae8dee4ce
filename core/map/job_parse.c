/* job_parse.c - "tp=4 pp=8 dp=80 order=tp-cp-ep-dp-pp"; see job.h */
#include "map/job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "map/job_axes.h"

enum key_kind {
	KEY_SIZE,
	KEY_FIGURE,
	KEY_ORDER,
	KEY_MODEL,
	KEY_AXIS,
	KEY_WORLD,
	KEY_STAGES,
	KEY_TIED,
	KEY_DISPATCH,
};

/* Every key; `at` is the offset of its size in struct pl_job, or its figure. */
static const struct key {
	const char *name;
	enum key_kind kind;
	size_t at;
} keys[] = {
	{ "tp", KEY_SIZE, offsetof(struct pl_job, tp) },
	{ "cp", KEY_SIZE, offsetof(struct pl_job, cp) },
	{ "ep", KEY_SIZE, offsetof(struct pl_job, ep) },
	{ "etp", KEY_SIZE, offsetof(struct pl_job, etp) },
	{ "pp", KEY_SIZE, offsetof(struct pl_job, pp) },
	{ "vpp", KEY_SIZE, offsetof(struct pl_job, vpp) },
	{ "dp", KEY_SIZE, offsetof(struct pl_job, dp) },
	{ "fsdp", KEY_SIZE, offsetof(struct pl_job, fsdp) },
	{ "hsdp", KEY_SIZE, offsetof(struct pl_job, hsdp) },
	{ "route_nodes", KEY_SIZE, offsetof(struct pl_job, route_nodes) },
	{ "model", KEY_MODEL, 0 },
	{ "axis", KEY_AXIS, 0 },
	{ "world", KEY_WORLD, 0 },
	{ "order", KEY_ORDER, 0 },
	{ "layers_per_stage", KEY_STAGES, 0 },
	{ "tied", KEY_TIED, 0 },
	{ "dispatch", KEY_DISPATCH, 0 },
	{ "hidden", KEY_FIGURE, PL_MODEL_HIDDEN },
	{ "kv", KEY_FIGURE, PL_MODEL_KV },
	{ "seq", KEY_FIGURE, PL_MODEL_SEQ },
	{ "layers", KEY_FIGURE, PL_MODEL_LAYERS },
	{ "microbatches", KEY_FIGURE, PL_MODEL_MICROBATCHES },
	{ "microbatch", KEY_FIGURE, PL_MODEL_MICROBATCH },
	{ "params", KEY_FIGURE, PL_MODEL_PARAMS },
	{ "expert_params", KEY_FIGURE, PL_MODEL_EXPERT_PARAMS },
	{ "experts", KEY_FIGURE, PL_MODEL_EXPERTS },
	{ "topk", KEY_FIGURE, PL_MODEL_TOPK },
	{ "moe_layers", KEY_FIGURE, PL_MODEL_MOE_LAYERS },
	{ "vocab", KEY_FIGURE, PL_MODEL_VOCAB },
	{ "dispatch_bytes", KEY_FIGURE, PL_MODEL_DISPATCH_BYTES },
};

#define N_KEYS ARRAY_LEN(keys)

bool job_is_key(const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].name, name) == 0)
			return true;
	}
	return false;
}

static int unknown_key(const char *word, struct pl_error *err)
{
	const char *names[N_KEYS + 1];
	char hint[64];

	for (size_t i = 0; i < N_KEYS; i++)
		names[i] = keys[i].name;
	names[N_KEYS] = NULL;
	return pl_errorf(err, PL_EUSAGE, "job: unknown key '%s'%s", word,
	                 nearest_hint(word, names, hint, sizeof(hint)));
}

/* ---- words ---- */

struct parse {
	struct pl_job job;
	bool given[N_KEYS];
	uint32_t world;
	unsigned order_seen; /* bits of enum pl_axis */
};

static bool was_given(const struct parse *p, const char *key)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		if (strcmp(keys[i].name, key) == 0)
			return p->given[i];
	}
	return false;
}

/* "7,8x14,7" */
static int parse_stages(struct pl_job *j, const char *text, struct pl_error *err)
{
	const char *at = text;

	j->n_stages = 0;
	for (;;) {
		char *end;
		unsigned long layers = strtoul(at, &end, 10), times = 1;

		if (*end == 'x' && end != at && end[1] >= '0' && end[1] <= '9')
			times = strtoul(end + 1, &end, 10);
		if (*at < '0' || *at > '9' || (*end != ',' && *end != '\0') || layers > UINT16_MAX ||
		    times == 0)
			return pl_errorf(err, PL_EUSAGE,
			                 "job: layers_per_stage='%s': numbers of layers from the "
			                 "first stage on, such as 7,8x14,7",
			                 text);
		if (times > PL_JOB_MAX_STAGES - j->n_stages)
			return pl_errorf(err, PL_EUSAGE, "job: layers_per_stage: more than %u stages",
			                 PL_JOB_MAX_STAGES);
		while (times-- > 0)
			j->stage_layers[j->n_stages++] = (uint16_t)layers;
		if (*end == '\0')
			return 0;
		at = end + 1;
	}
}

/* One of two words. */
static int parse_choice(bool *second, const char *key, const char *value,
                        const char *const words[2], struct pl_error *err)
{
	*second = strcmp(value, words[1]) == 0;
	if (*second || strcmp(value, words[0]) == 0)
		return 0;
	return pl_errorf(err, PL_EUSAGE, "job: %s='%s': %s or %s", key, value, words[0], words[1]);
}

static int parse_value(struct parse *p, const struct key *key, const char *value,
                       struct pl_error *err)
{
	static const char *const yes_no[] = { "no", "yes" };
	static const char *const dispatches[] = { "flat", "hierarchical" };

	switch (key->kind) {
	case KEY_SIZE:
		return job_size_parse((uint32_t *)(void *)((char *)&p->job + key->at), key->name, value,
		                  err);
	case KEY_WORLD:
		return job_size_parse(&p->world, key->name, value, err);
	case KEY_FIGURE:
		p->job.model_given[key->at] = true;
		return job_figure_parse(&p->job.model[key->at], key->name, value, err);
	case KEY_ORDER:
		return job_order_parse(&p->job, value, &p->order_seen, err);
	case KEY_STAGES:
		return parse_stages(&p->job, value, err);
	case KEY_TIED:
		return parse_choice(&p->job.tied, key->name, value, yes_no, err);
	case KEY_DISPATCH:
		return parse_choice(&p->job.hierarchical, key->name, value, dispatches, err);
	case KEY_AXIS:
		return job_axis_parse(&p->job, value, err);
	case KEY_MODEL:
		break;
	}
	return 0;
}

/* Axes before anything that may name them. */
enum pass { PASS_MODEL, PASS_AXES, PASS_REST };

static enum pass pass_of(enum key_kind kind)
{
	return kind == KEY_MODEL ? PASS_MODEL : kind == KEY_AXIS ? PASS_AXES : PASS_REST;
}

static int parse_text(struct parse *p, const char *text, enum pass pass, struct pl_error *err);

/* All that is published of the model, as if nothing had been given yet. */
static int parse_model(struct parse *p, const char *name, struct pl_error *err)
{
	const struct pl_published *model = job_find_model(name, err);

	if (model == NULL || parse_text(p, model->job, PASS_REST, err) < 0)
		return -1;
	p->job.published = model;
	p->order_seen |= ~0u << PL_AXES;
	memset(p->given, 0, sizeof(p->given));
	return 0;
}

static int parse_pair(struct parse *p, char *word, enum pass pass, struct pl_error *err)
{
	char *equals = strchr(word, '=');
	size_t i = 0;

	if (equals == NULL || equals == word || equals[1] == '\0')
		return pl_errorf(err, PL_EUSAGE, "job: '%s' is not KEY=VALUE", word);
	*equals = '\0';
	while (i < N_KEYS && strcmp(keys[i].name, word) != 0)
		i++;
	if (i == N_KEYS)
		return unknown_key(word, err);
	if (pass_of(keys[i].kind) != pass)
		return 0;
	if (p->given[i] && keys[i].kind != KEY_AXIS)
		return pl_errorf(err, PL_EUSAGE, "job: %s is given twice", word);
	if (keys[i].kind == KEY_MODEL && parse_model(p, equals + 1, err) < 0)
		return -1;
	p->given[i] = true;
	return parse_value(p, &keys[i], equals + 1, err);
}

/* Ends the word at a blank or comma; one before a digit is part of it. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " ,\t\n"), *end = word;

	while (*end != '\0' && strchr(" \t\n", *end) == NULL &&
	       (*end != ',' || (end[1] >= '0' && end[1] <= '9')))
		end++;
	*rest = *end == '\0' ? end : end + 1;
	*end = '\0';
	return *word != '\0' ? word : NULL;
}

static int parse_text(struct parse *p, const char *text, enum pass pass, struct pl_error *err)
{
	char *copy = xstrdup(text), *rest = copy, *word;
	int rc = 0;

	while (rc == 0 && (word = next_word(&rest)) != NULL)
		rc = parse_pair(p, word, pass, err);
	free(copy);
	return rc;
}

/* ---- what follows from what was given ---- */

/* Sets dp, which was not given, to what is left of `ranks`. */
static int fill_dp(struct pl_job *j, const char *key, uint64_t ranks, uint64_t others,
                   struct pl_error *err)
{
	uint64_t below = ranks / others;

	if (ranks % others != 0)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: %s: %llu ranks are no multiple of the %llu of the other axes: "
		                 "%llu or %llu would be",
		                 key, (unsigned long long)ranks, (unsigned long long)others,
		                 (unsigned long long)(below > 0 ? below * others : others),
		                 (unsigned long long)((below > 0 ? below + 1 : 2) * others));
	j->dp = (uint32_t)below;
	return 0;
}

static uint64_t other_axes(const struct pl_job *j)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < PL_AXES + j->n_own && n <= PL_JOB_MAX_WORLD; i++) {
		if (i != PL_AXIS_DP)
			n *= job_axis_size(j, (enum pl_axis)i, false);
	}
	return n;
}

static int derive_dp(struct parse *p, struct pl_error *err)
{
	struct pl_job *j = &p->job;
	uint64_t shards = (uint64_t)(j->fsdp > 0 ? j->fsdp : 1) * (j->hsdp > 0 ? j->hsdp : 1);

	if (was_given(p, "dp"))
		return 0;
	if (p->world > 0)
		return fill_dp(j, "world", p->world, other_axes(j), err);
	if (j->fsdp > 0 || j->hsdp > 0)
		return fill_dp(j, "fsdp*hsdp", shards, j->cp, err);
	return 0;
}

/* Stages of a published model do not outlive its pp and layers. */
static void drop_stale(struct parse *p)
{
	if (p->job.published != NULL && !was_given(p, "layers_per_stage") &&
	    (was_given(p, "pp") || was_given(p, "layers")))
		p->job.n_stages = 0;
}

static int check_world_given(const struct parse *p, struct pl_error *err)
{
	if (p->world > 0 && p->world != p->job.world)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: world=%u, but tp*cp*pp*dp and the axes of one's own make %u: "
		                 "leave dp out to have what is left",
		                 p->world, p->job.world);
	return 0;
}

int pl_job_parse(struct pl_job *job, const char *text, struct pl_error *err)
{
	struct parse p = { .order_seen = ~0u };

	pl_job_init(&p.job);
	p.job.etp = 0;
	for (int pass = PASS_MODEL; pass <= PASS_REST; pass++) {
		if (parse_text(&p, text, (enum pass)pass, err) < 0)
			return -1;
	}
	if (p.job.etp == 0)
		p.job.etp = p.job.ep > 1 ? 1 : p.job.tp;
	drop_stale(&p);
	if (derive_dp(&p, err) < 0 || job_order_check(&p.job, p.order_seen, err) < 0 ||
	    pl_job_check(&p.job, err) < 0 || check_world_given(&p, err) < 0)
		return -1;
	*job = p.job;
	return 0;
}

/* ---- what was assumed ---- */

/* Which figures the volumes of this job depend on. */
static bool figure_matters(const struct pl_job *j, enum pl_model_figure figure)
{
	bool layered = j->tp > 1 || j->cp > 1 || j->ep > 1;

	switch (figure) {
	case PL_MODEL_HIDDEN:
		return j->tp > 1 || j->pp > 1 || j->ep > 1;
	case PL_MODEL_KV:
		return j->cp > 1;
	case PL_MODEL_SEQ:
	case PL_MODEL_MICROBATCHES:
	case PL_MODEL_MICROBATCH:
		return layered || j->pp > 1;
	case PL_MODEL_LAYERS:
		return layered;
	case PL_MODEL_PARAMS:
		return j->dp * j->cp > 1;
	case PL_MODEL_EXPERT_PARAMS:
		return j->ep > 1 && j->edp > 1;
	case PL_MODEL_TOPK:
		return j->ep > 1;
	case PL_MODEL_EXPERTS:
	case PL_MODEL_MOE_LAYERS:
	case PL_MODEL_VOCAB:
	case PL_MODEL_DISPATCH_BYTES:
	case PL_MODEL_FIGURES:
		break;
	}
	return false;
}

void pl_job_format_assumed(const struct pl_job *j, struct strbuf *out)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		enum pl_model_figure figure = (enum pl_model_figure)keys[i].at;

		if (keys[i].kind == KEY_FIGURE && !j->model_given[figure] &&
		    figure_matters(j, figure))
			strbuf_addf(out, "%s%s=%g", out->len > 0 ? " " : "", keys[i].name,
			            j->model[figure]);
	}
}
