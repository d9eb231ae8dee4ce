/* job_parse.c - "tp=4 pp=8 dp=80 order=tp-cp-ep-dp-pp"; see job.h */
#include "map/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"

enum key_kind { KEY_SIZE, KEY_FIGURE, KEY_ORDER };

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
	{ "order", KEY_ORDER, 0 },
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
};

#define N_KEYS ARRAY_LEN(keys)

static const char *const axis_names[PL_AXES + 1] = { "tp", "cp", "ep", "dp", "pp", NULL };

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

static int parse_size(uint32_t *size, const char *name, const char *value, struct pl_error *err)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v == 0 ||
	    v > PL_JOB_MAX_WORLD)
		return pl_errorf(err, PL_EUSAGE, "job: %s='%s': a whole number from 1 to %u", name,
		                 value, PL_JOB_MAX_WORLD);
	*size = (uint32_t)v;
	return 0;
}

/* 405B, 1.5T, 32K, 8e9: decimal. */
static int parse_figure(double *figure, const char *name, const char *value, struct pl_error *err)
{
	static const struct {
		char suffix;
		double times;
	} units[] = { { 'K', 1e3 }, { 'M', 1e6 }, { 'G', 1e9 }, { 'B', 1e9 }, { 'T', 1e12 } };
	char *end;
	double v = strtod(value, &end);

	for (size_t i = 0; i < ARRAY_LEN(units) && end != value; i++) {
		if (*end == units[i].suffix || *end == units[i].suffix + 'a' - 'A') {
			v *= units[i].times;
			end++;
			break;
		}
	}
	if (end == value || *end != '\0' || !(v > 0 && v < 1e18))
		return pl_errorf(err, PL_EUSAGE,
		                 "job: %s='%s': a positive number such as 8192 or 405B", name,
		                 value);
	*figure = v;
	return 0;
}

static int find_axis(const char *token, size_t len)
{
	for (int i = 0; i < PL_AXES; i++) {
		if (strlen(axis_names[i]) == len && strncmp(axis_names[i], token, len) == 0)
			return i;
	}
	return -1;
}

/* Fills order with the tokens as written, then with the axes that were left out. */
static int parse_order(struct pl_job *j, const char *text, unsigned *seen, struct pl_error *err)
{
	const char *token = text;
	int n = 0;

	*seen = 0;
	for (;;) {
		size_t len = strcspn(token, "-");
		int axis = find_axis(token, len);

		if (axis < 0)
			return pl_errorf(err, PL_EUSAGE,
			                 "job: order '%s': '%.*s' is none of tp, cp, ep, dp, pp",
			                 text, (int)len, token);
		if (*seen & 1u << axis)
			return pl_errorf(err, PL_EUSAGE, "job: order '%s' names %s twice", text,
			                 axis_names[axis]);
		*seen |= 1u << axis;
		j->order[n++] = (enum pl_axis)axis;
		if (token[len] == '\0')
			break;
		token += len + 1;
	}
	for (int axis = 0; axis < PL_AXES; axis++) {
		if (!(*seen & 1u << axis))
			j->order[n++] = (enum pl_axis)axis;
	}
	return 0;
}

/* As Megatron: what is not in the order has size 1. */
static int check_order(const struct pl_job *j, unsigned seen, struct pl_error *err)
{
	const uint32_t sizes[PL_AXES] = { j->tp > j->etp ? j->tp : j->etp, j->cp, j->ep, j->dp,
		                          j->pp };

	for (int axis = 0; axis < PL_AXES; axis++) {
		if (sizes[axis] > 1 && !(seen & 1u << axis))
			return pl_errorf(err, PL_EUSAGE,
			                 "job: %s is %u but the order does not name it",
			                 axis_names[axis], sizes[axis]);
	}
	return 0;
}

struct parse {
	struct pl_job job;
	bool given[N_KEYS];
	unsigned order_seen; /* bits of enum pl_axis */
};

static int parse_pair(struct parse *p, char *word, struct pl_error *err)
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
	if (p->given[i])
		return pl_errorf(err, PL_EUSAGE, "job: %s is given twice", word);
	p->given[i] = true;
	switch (keys[i].kind) {
	case KEY_SIZE:
		return parse_size((uint32_t *)(void *)((char *)&p->job + keys[i].at), word,
		                  equals + 1, err);
	case KEY_FIGURE:
		p->job.model_given[keys[i].at] = true;
		return parse_figure(&p->job.model[keys[i].at], word, equals + 1, err);
	case KEY_ORDER:
		return parse_order(&p->job, equals + 1, &p->order_seen, err);
	}
	return 0;
}

static int parse_words(struct parse *p, char *text, struct pl_error *err)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, " ,\t\n", &rest); word != NULL;
	     word = strtok_r(NULL, " ,\t\n", &rest)) {
		if (parse_pair(p, word, err) < 0)
			return -1;
	}
	return 0;
}

int pl_job_parse(struct pl_job *job, const char *text, struct pl_error *err)
{
	struct parse p = { .order_seen = (1u << PL_AXES) - 1 };
	char *copy = xstrdup(text);
	int rc = -1;

	pl_job_init(&p.job);
	p.job.etp = 0;
	if (parse_words(&p, copy, err) < 0)
		goto out;
	if (p.job.etp == 0)
		p.job.etp = p.job.ep > 1 ? 1 : p.job.tp;
	if (check_order(&p.job, p.order_seen, err) < 0 || pl_job_check(&p.job, err) < 0)
		goto out;
	*job = p.job;
	rc = 0;
out:
	free(copy);
	return rc;
}

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
