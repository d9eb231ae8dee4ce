/*
 * hostlist_parse.c - expressions: operands, operators from left to right, groups, wildcards, files
 */
#include "set/hostlist.h"

#include <fnmatch.h>
#include <string.h>

#include "set/hostfile.h"
#include "set/hostlist_store.h"
#include "set/hostpattern.h"

#define FILES_DEEP 8
#define WILDCARDS_MAX 1000 /* of one operand: each is held against the whole inventory */

/* One call of pl_hostlist_parse, the files it reads included. */
struct parse {
	const struct pl_hostlist_resolver *resolver; /* may be NULL */
	struct hostpattern pattern;		     /* of the operand at hand; memory kept */
	struct pl_error *err;
	size_t max_names;
	unsigned int depth; /* files within files */
};

static int parse_expression(struct parse *p, const char *line, struct pl_hostlist *out);

struct pl_hostlist *pl_hostlist_parse(const char *text,
				      const struct pl_hostlist_resolver *resolver,
				      struct pl_error *err)
{
	struct parse p = { .resolver = resolver, .pattern = HOSTPATTERN_INIT, .err = err,
			   .max_names = PL_HOSTLIST_MAX };
	struct pl_hostlist *out = pl_hostlist_create();

	if (resolver != NULL && resolver->max_names > 0 && resolver->max_names < p.max_names)
		p.max_names = resolver->max_names;
	if (parse_expression(&p, text, out) != 0) {
		pl_hostlist_destroy(out);
		out = NULL;
	}
	hostpattern_fini(&p.pattern);
	return out;
}

/* ---- operands ---- */

static int add_group(struct parse *p, const struct hosttext *text, size_t at, const char *name,
		     struct pl_hostlist *out)
{
	const char *colon = strchr(name, ':');
	size_t source_len = colon != NULL ? (size_t)(colon - name - 1) : 0;
	const char *group = colon != NULL ? colon + 1 : name + 1;
	char source[HOSTPATTERN_NAME_MAX + 1];

	if (*group == '\0')
		return hosttext_error(text, at, "a group's name is expected after '%s'", name);
	if (p->resolver == NULL || p->resolver->group == NULL)
		return hosttext_error(text, at, "no groups are known here, so %s means nothing",
				      name);
	memcpy(source, name + 1, source_len);
	source[source_len] = '\0';
	if (p->resolver->group(p->resolver->arg, source, group, out, p->err) != 0)
		return hosttext_locate(text, at);
	return 0;
}

static int add_groups(struct parse *p, const struct hosttext *text, size_t at,
		      struct pl_hostlist *out)
{
	struct pl_hostlist *names = pl_hostlist_create();
	int rc = 0;

	hostpattern_expand(&p->pattern, names); /* @rack[1-3] is three groups */
	for (size_t i = 0; rc == 0 && i < pl_hostlist_count(names); i++)
		rc = add_group(p, text, at, pl_hostlist_name(names, i), out);
	pl_hostlist_destroy(names);
	return rc;
}

static void add_matches(const struct pl_hostlist *inventory, const char *mask,
			struct pl_hostlist *out)
{
	for (size_t i = 0; i < pl_hostlist_count(inventory); i++) {
		const char *name = pl_hostlist_name(inventory, i);

		if (fnmatch(mask, name, FNM_NOESCAPE) == 0)
			pl_hostlist_add(out, name);
	}
}

static int add_wildcard(struct parse *p, const struct hosttext *text, size_t at,
			struct pl_hostlist *out)
{
	const struct pl_hostlist *inventory;
	struct pl_hostlist *masks;

	if (p->resolver == NULL || p->resolver->inventory == NULL)
		return hosttext_error(text, at, "no inventory is known here for * and ? to choose "
				      "from; name the hosts");
	inventory = p->resolver->inventory(p->resolver->arg, p->err);
	if (inventory == NULL)
		return hosttext_locate(text, at);
	if (p->pattern.count > WILDCARDS_MAX)
		return hosttext_error(text, at, "%llu wildcards in one name are too many; the "
				      "limit is %d", (unsigned long long)p->pattern.count,
				      WILDCARDS_MAX);
	masks = pl_hostlist_create();
	hostpattern_expand(&p->pattern, masks);
	for (size_t i = 0; i < pl_hostlist_count(masks); i++)
		add_matches(inventory, pl_hostlist_name(masks, i), out);
	pl_hostlist_destroy(masks);
	return 0;
}

/* Bytes of the path at `path`: to a blank, an operator or the end. */
static size_t path_len(const char *path)
{
	size_t len = 0;

	while (path[len] != '\0' && !hosttext_is_blank(path[len]) &&
	       !hosttext_is_operator(path[len]))
		len++;
	return len;
}

static int add_line(void *arg, const char *line, struct pl_hostlist *out)
{
	struct parse *p = arg;
	struct pl_hostlist *own;
	int rc;

	/* where only union is written, names go straight to their place */
	if (strpbrk(line, "!&^") == NULL)
		return parse_expression(p, line, out);
	own = pl_hostlist_create();
	rc = parse_expression(p, line, own);
	if (rc == 0)
		pl_hostlist_union(out, own);
	pl_hostlist_destroy(own);
	return rc;
}

static int add_file(struct parse *p, struct hosttext *text, struct pl_hostlist *out)
{
	size_t at = text->at;
	const char *path = text->text + at + (text->text[at] == '^');
	size_t len = path_len(path);
	int rc;

	text->at = (size_t)(path - text->text) + len;
	if (len == 0)
		return hosttext_error(text, at, "a file's name, or - for standard input, is "
				      "expected after '^'");
	if (p->resolver != NULL && p->resolver->no_files)
		return hosttext_error(text, at, "files cannot be named here");
	if (p->depth == FILES_DEEP)
		return hosttext_error(text, at, "files name each other more than %d deep", FILES_DEEP);
	p->depth++;
	rc = hostfile_read(path, len, add_line, p, out, p->err);
	p->depth--;
	return rc;
}

/* A lone '-' is standard input, as everywhere; no host is called that. */
static bool is_file(const char *operand)
{
	return operand[0] == '^' || (operand[0] == '-' && path_len(operand) == 1);
}

/* Adds what the operand at text->at names to `out`, which holds what it is united with. */
static int add_operand(struct parse *p, struct hosttext *text, struct pl_hostlist *out)
{
	size_t at = text->at;

	if (is_file(text->text + at))
		return add_file(p, text, out);
	if (hostpattern_parse(&p->pattern, text, p->max_names) != 0)
		return -1;
	if (text->text[at] == '@')
		return add_groups(p, text, at, out);
	if (p->pattern.wildcard)
		return add_wildcard(p, text, at, out);
	hostpattern_expand(&p->pattern, out);
	return 0;
}

/* ---- operators ---- */

static void apply(char op, struct pl_hostlist *out, const struct pl_hostlist *operand)
{
	switch (op) {
	case '!':
		pl_hostlist_subtract(out, operand);
		break;
	case '&':
		pl_hostlist_intersect(out, operand);
		break;
	case '^':
		pl_hostlist_xor(out, operand);
		break;
	}
}

static int evaluate_operand(struct parse *p, struct hosttext *text, char op,
			    struct pl_hostlist *out)
{
	size_t at = text->at;
	struct pl_hostlist *operand;
	int rc;

	if (op == ',') {
		rc = add_operand(p, text, out);
	} else {
		operand = pl_hostlist_create();
		rc = add_operand(p, text, operand);
		if (rc == 0)
			apply(op, out, operand);
		pl_hostlist_destroy(operand);
	}
	if (rc == 0 && pl_hostlist_count(out) > p->max_names)
		rc = hosttext_error(text, at, "from here on the set has more than %zu names",
				    p->max_names);
	return rc;
}

/* There must be an operand at text->at: says what is there instead. */
static int expect_operand(const struct hosttext *text, size_t op_at, char op)
{
	char c = text->text[text->at];

	if (c != '\0' && (c == '^' || !hosttext_is_operator(c)))
		return 0;
	if (op_at == SIZE_MAX && c == '\0')
		return hosttext_error(text, 0, "it is empty; name at least one host");
	if (op_at == SIZE_MAX)
		return hosttext_error(text, text->at, "'%c' has nothing on its left", c);
	return hosttext_error(text, op_at, "'%c' has nothing on its right", op);
}

static int parse_expression(struct parse *p, const char *line, struct pl_hostlist *out)
{
	struct hosttext text = { .text = line, .err = p->err };
	size_t op_at = SIZE_MAX;
	char op = ',';

	hosttext_skip_blanks(&text);
	do {
		if (expect_operand(&text, op_at, op) != 0 ||
		    evaluate_operand(p, &text, op, out) != 0)
			return -1;
		hosttext_skip_blanks(&text);
		op = ','; /* a blank alone unites */
		op_at = text.at;
		if (hosttext_is_operator(line[text.at])) {
			op = line[text.at++];
			hosttext_skip_blanks(&text);
		} else if (line[text.at] == '\0') {
			return 0;
		}
	} while (true);
}
