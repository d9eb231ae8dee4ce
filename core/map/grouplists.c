/* grouplists.c - process groups as a job dumped them; see grouplists.h */
#include "map/grouplists.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "map/job_axes.h"

#define MAX_NAME 31

/* What jobs call their groups, with "-" for "_" and without "-group", and what we call them. */
static const struct {
	const char *alias, *name;
} aliases[] = {
	{ "tensor-model-parallel", "tp" },
	{ "pipeline-model-parallel", "pp" },
	{ "context-parallel", "cp" },
	{ "data-parallel", "dp" },
	{ "data-parallel-with-cp", "dp-cp" },
	{ "data-parallel-group-with-cp", "dp-cp" },
	{ "dp-with-cp", "dp-cp" },
	{ "cp-dp", "dp-cp" },
	{ "dp-cp", "dp-cp" },
	{ "expert-model-parallel", "ep" },
	{ "expert-tensor-parallel", "etp" },
	{ "expert-data-parallel", "edp" },
	{ "dp-shard", "fsdp" },
	{ "dp-shard-cp", "fsdp" },
	{ "dp-replicate", "hsdp" },
	{ "embedding", "embd" },
	{ "embd", "embd" },
};

/* A family while it grows; its groups end where the next begins. */
struct growing {
	uint32_t *ranks, *start, *where;
	size_t n_ranks, cap_ranks, n_groups, cap_start, cap_where;
};

struct reader {
	const char *source;
	struct pl_group_lists *lists;
	struct growing growing[PL_JOB_MAX_LISTED];
	bool json;     /* groups are counted; else lines are */
	uint32_t line; /* of text, from 1 */
	struct pl_error *err;
};

/* ---- names ---- */

static bool is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)text[i]) && strchr("_.-", text[i]) == NULL)
			return false;
	}
	return len > 0 && len <= MAX_NAME;
}

static const char *canonical(const char *name)
{
	char plain[MAX_NAME + 1];
	size_t len = strlen(name);

	for (size_t i = 0; i <= len; i++)
		plain[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	if (len > 6 && strcmp(plain + len - 6, "-group") == 0)
		plain[len - 6] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcmp(aliases[i].alias, plain) == 0)
			return aliases[i].name;
	}
	for (int f = 0; f < PL_FAMILIES; f++) {
		if (strcmp(job_family_name((enum pl_family)f), plain) == 0)
			return job_family_name((enum pl_family)f);
	}
	return name;
}

const struct pl_listed *pl_group_lists_find(const struct pl_group_lists *lists, const char *name)
{
	for (size_t i = 0; lists != NULL && i < lists->n; i++) {
		if (strcmp(lists->items[i].name, name) == 0)
			return &lists->items[i];
	}
	return NULL;
}

/* "line 3" of text, or the family of JSON, where a person would look. */
static int complain(const struct reader *r, const char *family, const char *what)
{
	if (r->json)
		return pl_errorf(r->err, PL_EUSAGE, "groups: %s: '%s': %s", r->source, family, what);
	return pl_errorf(r->err, PL_EUSAGE, "groups: %s line %u: '%s': %s", r->source, r->line,
	                 family, what);
}

/* Splits "NAME@BYTES:PATTERN:partial" in place and reads what is behind the name. */
static int parse_attributes(const struct reader *r, char *text, struct pl_listed *l)
{
	char *at = strchr(text, '@'), *colon = strrchr(text, ':'), bytes[32];
	struct pl_error why = { 0 };
	double figure;

	if (colon != NULL && strcmp(colon, ":partial") == 0) {
		l->partial = true;
		*colon = '\0';
	}
	if (at == NULL)
		return 0;
	*at++ = '\0';
	colon = strchr(at, ':');
	if (colon == NULL || (size_t)(colon - at) >= sizeof(bytes))
		return complain(r, text, "a volume is written NAME@BYTES:ring|alltoall|p2p");
	memcpy(bytes, at, (size_t)(colon - at));
	bytes[colon - at] = '\0';
	if (job_figure_parse(&figure, text, bytes, &why) < 0 ||
	    job_pattern_parse(&l->pattern, colon + 1, &why) < 0)
		return complain(r, text, why.text);
	l->has_volume = true;
	l->gbyte = figure / 1e9;
	return 0;
}

static bool same_attributes(const struct pl_listed *a, const struct pl_listed *b)
{
	return a->has_volume == b->has_volume && a->gbyte == b->gbyte && a->pattern == b->pattern;
}

/* The family that a key of JSON or the front of a line names, made where it is new: its index, or
 * -1. Changes the text. */
static int find_family(struct reader *r, char *text)
{
	struct pl_listed given = { 0 }, *l;

	if (parse_attributes(r, text, &given) < 0)
		return -1;
	if (!is_name(text, strlen(text)))
		return complain(r, text,
		                "a name is 1 to 31 letters, digits, '_', '-' and '.', such as tp");
	l = (struct pl_listed *)pl_group_lists_find(r->lists, canonical(text));
	if (l != NULL && r->json)
		return complain(r, text, "that family is there already");
	if (l != NULL && given.has_volume && !same_attributes(l, &given))
		return complain(r, text, "its volume is not the one given in its first line");
	if (l == NULL) {
		if (r->lists->n == PL_JOB_MAX_LISTED)
			return complain(r, text, "more than 16 families");
		l = &r->lists->items[r->lists->n++];
		*l = given;
		l->partial |= strcmp(canonical(text), "embd") == 0;
		l->name = xstrdup(canonical(text));
	}
	return (int)(l - r->lists->items);
}

/* ---- groups ---- */

static void add_rank(struct growing *g, uint32_t rank)
{
	ARRAY_GROW(g->ranks, g->n_ranks, g->cap_ranks);
	g->ranks[g->n_ranks++] = rank;
}

static void begin_group(struct growing *g, uint32_t where)
{
	ARRAY_GROW(g->start, g->n_groups, g->cap_start);
	ARRAY_GROW(g->where, g->n_groups, g->cap_where);
	g->start[g->n_groups] = (uint32_t)g->n_ranks;
	g->where[g->n_groups++] = where;
}

/* "5" or "0-3" at *at, which moves behind it. */
static int parse_ranks(const struct reader *r, const char *family, struct growing *g,
                       const char **at)
{
	char *end;
	unsigned long first, last;

	if (!isdigit((unsigned char)**at))
		return complain(r, family, "ranks are numbers from 0, apart by blanks or commas");
	first = last = strtoul(*at, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		last = strtoul(end + 1, &end, 10);
	if (last >= PL_JOB_MAX_WORLD)
		return complain(r, family, "a rank past 16777215");
	if (last < first || (*end != '\0' && strchr(" \t,", *end) == NULL))
		return complain(r, family, "ranks are numbers, or ranges such as 0-3");
	if (last - first >= PL_JOB_MAX_WORLD - g->n_ranks)
		return complain(r, family, "more ranks than a job may have");
	for (; first <= last; first++)
		add_rank(g, (uint32_t)first);
	*at = end;
	return 0;
}

/* ---- text ---- */

static void trim_end(char *text)
{
	for (size_t len = strlen(text); len > 0 && isspace((unsigned char)text[len - 1]); len--)
		text[len - 1] = '\0';
}

static int parse_line(struct reader *r, char *line)
{
	char *colon, *comment = strchr(line, '#');
	struct growing *g;
	const char *at;
	int family;

	if (comment != NULL)
		*comment = '\0';
	line += strspn(line, " \t\r");
	trim_end(line);
	if (*line == '\0')
		return 0;
	colon = strrchr(line, ':');
	if (colon == NULL)
		return complain(r, line, "is not NAME: RANK RANK ...");
	*colon = '\0';
	trim_end(line);
	family = find_family(r, line);
	if (family < 0)
		return -1;
	g = &r->growing[family];
	begin_group(g, r->line);
	for (at = colon + 1 + strspn(colon + 1, " \t,"); *at != '\0'; at += strspn(at, " \t,")) {
		if (parse_ranks(r, line, g, &at) < 0)
			return -1;
	}
	if (g->start[g->n_groups - 1] == g->n_ranks)
		return complain(r, line, "a group without ranks");
	return 0;
}

static int parse_lines(struct reader *r, char *text)
{
	for (char *line = text, *end; line != NULL; line = end) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		r->line++;
		if (parse_line(r, line) < 0)
			return -1;
	}
	return 0;
}

/* ---- JSON ---- */

static int parse_json_group(struct reader *r, const char *family, struct growing *g,
                            const json_t *group)
{
	size_t i;
	json_t *rank;

	if (!json_is_array(group) || json_array_size(group) == 0)
		return complain(r, family, "each group is an array of ranks: [[0, 1], [2, 3]]");
	begin_group(g, (uint32_t)g->n_groups + 1);
	json_array_foreach(group, i, rank) {
		json_int_t value = json_integer_value(rank);

		if (!json_is_integer(rank) || value < 0 || value >= PL_JOB_MAX_WORLD)
			return complain(r, family, "a rank is a whole number from 0 to 16777215");
		add_rank(g, (uint32_t)value);
	}
	return 0;
}

static int parse_json_family(struct reader *r, const char *key, const json_t *groups)
{
	char *name = xstrdup(key);
	int family = find_family(r, name);
	size_t i;
	json_t *group;
	int rc = family < 0 ? -1 : 0;

	if (rc == 0 && (!json_is_array(groups) || json_array_size(groups) == 0))
		rc = complain(r, key, "is an array of groups: [[0, 1], [2, 3]]");
	json_array_foreach(groups, i, group) {
		if (rc == 0)
			rc = parse_json_group(r, name, &r->growing[family], group);
	}
	free(name);
	return rc;
}

static int parse_json(struct reader *r, const char *bytes, size_t len)
{
	json_error_t error;
	json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error), *groups;
	const char *key;
	int rc = 0;

	r->json = true;
	if (root == NULL)
		return pl_errorf(r->err, PL_EUSAGE, "groups: %s line %d: no JSON: %s", r->source,
		                 error.line, error.text);
	json_object_foreach(root, key, groups) {
		if (rc == 0)
			rc = parse_json_family(r, key, groups);
	}
	json_decref(root);
	return rc;
}

/* ---- the whole ---- */

static int complain_group(const struct reader *r, const struct pl_listed *l, uint32_t rank,
                          uint32_t first, uint32_t second)
{
	const char *unit = r->json ? "group" : "line";

	if (first == second)
		return pl_errorf(r->err, PL_EUSAGE, "groups: %s %s %u: rank %u is twice in one %s group",
		                 r->source, unit, second, rank, l->name);
	return pl_errorf(r->err, PL_EUSAGE,
	                 "groups: %s %s %u: rank %u is in a %s group already, see %s %u: a rank is "
	                 "in one group of a family",
	                 r->source, unit, second, rank, l->name, unit, first);
}

/* Each rank once. seen has the group of each rank, from 1, and is all 0. */
static int check_family(const struct reader *r, const struct pl_listed *l, const struct growing *g,
                        uint32_t *seen)
{
	for (uint32_t group = 0; group < l->n_groups; group++) {
		for (uint32_t i = l->start[group]; i < l->start[group + 1]; i++) {
			uint32_t *first = &seen[l->ranks[i]];

			if (*first != 0)
				return complain_group(r, l, l->ranks[i], g->where[*first - 1],
				                      g->where[group]);
			*first = group + 1;
		}
	}
	for (uint32_t rank = 0; rank < r->lists->world && !l->partial; rank++) {
		if (seen[rank] == 0)
			return pl_errorf(r->err, PL_EUSAGE,
			                 "groups: %s: rank %u of %u is in no %s group: add it, or "
			                 "write %s:partial where that is meant",
			                 r->source, rank, r->lists->world, l->name, l->name);
	}
	return 0;
}

/* Whether each group lies within one aligned block; lowest and highest by group. */
static bool blocks_hold(const uint32_t *lowest, const uint32_t *highest, uint32_t n, uint32_t block)
{
	for (uint32_t g = 0; g < n; g++) {
		if (lowest[g] / block != highest[g] / block)
			return false;
	}
	return true;
}

static uint32_t find_block(const struct pl_listed *l, uint32_t world)
{
	uint32_t *lowest = xcalloc(l->n_groups, sizeof(*lowest));
	uint32_t *highest = xcalloc(l->n_groups, sizeof(*highest));
	uint32_t block = l->size;

	for (uint32_t g = 0; g < l->n_groups; g++) {
		lowest[g] = UINT32_MAX;
		for (uint32_t i = l->start[g]; i < l->start[g + 1]; i++) {
			if (l->ranks[i] < lowest[g])
				lowest[g] = l->ranks[i];
			if (l->ranks[i] > highest[g])
				highest[g] = l->ranks[i];
		}
	}
	while (block < world && (world % block != 0 || !blocks_hold(lowest, highest, l->n_groups,
	                                                            block)))
		block++;
	free(lowest);
	free(highest);
	return block;
}

/* Moves what has grown into the list. */
static void take_grown(struct pl_listed *l, struct growing *g)
{
	begin_group(g, 0);
	l->n_groups = (uint32_t)g->n_groups - 1;
	l->ranks = g->ranks;
	l->start = g->start;
	g->ranks = g->start = NULL;
	for (uint32_t i = 0; i < l->n_groups; i++) {
		uint32_t size = l->start[i + 1] - l->start[i];

		l->size = size > l->size ? size : l->size;
	}
}

static int finish(struct reader *r)
{
	struct pl_group_lists *lists = r->lists;
	int rc = 0;

	if (lists->n == 0)
		return pl_errorf(r->err, PL_EUSAGE, "groups: %s: no group in it", r->source);
	for (size_t i = 0; i < lists->n; i++) {
		struct growing *g = &r->growing[i];

		for (size_t k = 0; k < g->n_ranks; k++) {
			if (g->ranks[k] >= lists->world)
				lists->world = g->ranks[k] + 1;
		}
		take_grown(&lists->items[i], g);
	}
	for (size_t i = 0; i < lists->n && rc == 0; i++) {
		uint32_t *seen = xcalloc(lists->world + 1, sizeof(*seen));

		rc = check_family(r, &lists->items[i], &r->growing[i], seen);
		if (rc == 0)
			lists->items[i].block = find_block(&lists->items[i], lists->world);
		free(seen);
	}
	return rc;
}

static int parse_bytes(struct reader *r, const char *bytes, size_t len)
{
	size_t at = 0;
	char *text;
	int rc;

	while (at < len && isspace((unsigned char)bytes[at]))
		at++;
	if (at < len && bytes[at] == '{')
		return parse_json(r, bytes, len);
	if (memchr(bytes, 0, len) != NULL)
		return pl_errorf(r->err, PL_EUSAGE, "groups: %s: a NUL byte: neither text nor JSON",
		                 r->source);
	text = xstrndup(bytes, len);
	rc = parse_lines(r, text);
	free(text);
	return rc;
}

struct pl_group_lists *pl_group_lists_parse(const char *bytes, size_t len, const char *source,
                                            struct pl_error *err)
{
	struct reader r = { .source = source, .err = err };
	int rc;

	r.lists = xcalloc(1, sizeof(*r.lists));
	r.lists->refs = 1;
	rc = parse_bytes(&r, bytes, len);
	if (rc == 0)
		rc = finish(&r);
	for (size_t i = 0; i < PL_JOB_MAX_LISTED; i++) {
		free(r.growing[i].ranks);
		free(r.growing[i].start);
		free(r.growing[i].where);
	}
	if (rc == 0)
		return r.lists;
	pl_group_lists_unref(r.lists);
	return NULL;
}

struct pl_group_lists *pl_group_lists_ref(struct pl_group_lists *lists)
{
	lists->refs++;
	return lists;
}

void pl_group_lists_unref(struct pl_group_lists *lists)
{
	if (lists == NULL || --lists->refs > 0)
		return;
	for (size_t i = 0; i < lists->n; i++) {
		free(lists->items[i].name);
		free(lists->items[i].start);
		free(lists->items[i].ranks);
	}
	free(lists);
}
