/* job_axes.c - axes of one's own, the order of axes, and the numbers they are written in; see
 * job_axes.h */
#include "map/job_axes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const pattern_names[] = { "ring", "alltoall", "p2p" };

/* ---- numbers ---- */

int job_size_parse(uint32_t *size, const char *name, const char *value, struct pl_error *err)
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

int job_figure_parse(double *figure, const char *name, const char *value, struct pl_error *err)
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

/* ---- axes of one's own ---- */

const char *job_pattern_name(enum pl_pattern pattern)
{
	return pattern_names[pattern];
}

int job_pattern_parse(enum pl_pattern *pattern, const char *name, struct pl_error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(pattern_names); i++) {
		if (strcmp(pattern_names[i], name) == 0) {
			*pattern = (enum pl_pattern)i;
			return 0;
		}
	}
	return pl_errorf(err, PL_EUSAGE, "job: '%s' is no pattern: ring, alltoall or p2p", name);
}

static int find_axis(const struct pl_job *j, const char *token, size_t len)
{
	for (uint32_t i = 0; i < PL_AXES + j->n_own; i++) {
		const char *name = job_axis_name(j, (enum pl_axis)i);

		if (strlen(name) == len && strncmp(name, token, len) == 0)
			return (int)i;
	}
	return -1;
}

/* Short and lower case, and neither a key nor a family. */
static int check_axis_name(const struct pl_job *j, const char *name, struct pl_error *err)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (len == 0 || name[len] != '\0' || len >= sizeof(j->own[0].name) || name[0] < 'a')
		return pl_errorf(err, PL_EUSAGE,
		                 "job: axis '%s': a name is 1 to %zu of a-z, 0-9, _, and begins with "
		                 "a letter",
		                 name, sizeof(j->own[0].name) - 1);
	if (job_is_key(name))
		return pl_errorf(err, PL_EUSAGE, "job: axis '%s': that name is taken", name);
	for (int f = 0; f < PL_FAMILIES; f++) {
		if (strcmp(job_family_name((enum pl_family)f), name) == 0)
			return pl_errorf(err, PL_EUSAGE, "job: axis '%s': that name is taken", name);
	}
	if (find_axis(j, name, len) >= 0)
		return pl_errorf(err, PL_EUSAGE, "job: axis '%s' is given twice", name);
	return 0;
}

int job_axis_parse(struct pl_job *j, const char *text, struct pl_error *err)
{
	struct pl_own_axis *own = &j->own[j->n_own];
	char name[64], size[32], pattern[32], bytes[32], rest;
	double figure;

	if (sscanf(text, "%63[^=]=%31[^:]:%31[^:]:%31[^:]%c", name, size, pattern, bytes, &rest) !=
	    4)
		return pl_errorf(err, PL_EUSAGE,
		                 "job: axis '%s' is not NAME=SIZE:ring|alltoall|p2p:BYTES", text);
	if (j->n_own == PL_OWN_AXES)
		return pl_errorf(err, PL_EUSAGE, "job: axis '%s': more than %d of them", name,
		                 PL_OWN_AXES);
	if (check_axis_name(j, name, err) < 0 || job_size_parse(&own->size, name, size, err) < 0 ||
	    job_pattern_parse(&own->pattern, pattern, err) < 0 ||
	    job_figure_parse(&figure, name, bytes, err) < 0)
		return -1;
	memcpy(own->name, name, strlen(name) + 1);
	own->gbyte = figure / 1e9;
	j->n_own++;
	return 0;
}

/* ---- the order ---- */

static int unknown_axis(const struct pl_job *j, const char *text, const char *token, size_t len,
                        struct pl_error *err)
{
	struct strbuf own = STRBUF_INIT;

	for (uint32_t i = 0; i < j->n_own; i++)
		strbuf_addf(&own, ", %s", j->own[i].name);
	pl_errorf(err, PL_EUSAGE, "job: order '%s': '%.*s' is none of tp, cp, ep, dp, pp%s", text,
	          (int)len, token, strbuf_str(&own));
	strbuf_fini(&own);
	return -1;
}

int job_order_parse(struct pl_job *j, const char *text, unsigned *seen, struct pl_error *err)
{
	const char *token = text;
	int n = 0;

	*seen = 0;
	for (;;) {
		size_t len = strcspn(token, "-");
		int axis = find_axis(j, token, len);

		if (axis < 0)
			return unknown_axis(j, text, token, len, err);
		if (*seen & 1u << axis)
			return pl_errorf(err, PL_EUSAGE, "job: order '%s' names %s twice", text,
			                 job_axis_name(j, (enum pl_axis)axis));
		*seen |= 1u << axis;
		j->order[n++] = (enum pl_axis)axis;
		if (token[len] == '\0')
			break;
		token += len + 1;
	}
	for (int axis = 0; axis < PL_MAX_AXES; axis++) {
		if (!(*seen & 1u << axis))
			j->order[n++] = (enum pl_axis)axis;
	}
	return 0;
}

int job_order_check(const struct pl_job *j, unsigned seen, struct pl_error *err)
{
	for (uint32_t i = 0; i < PL_AXES + j->n_own; i++) {
		enum pl_axis axis = (enum pl_axis)i;
		uint32_t dense = job_axis_size(j, axis, false);
		uint32_t expert = axis == PL_AXIS_DP ? 1 : job_axis_size(j, axis, true);
		uint32_t size = dense > expert ? dense : expert;

		if (size > 1 && !(seen & 1u << i))
			return pl_errorf(err, PL_EUSAGE,
			                 "job: %s is %u but the order does not name it",
			                 job_axis_name(j, axis), size);
	}
	return 0;
}
