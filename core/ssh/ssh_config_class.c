/*
 * ssh_config_class.c - which hosts a configuration cannot tell apart, so that one answer of
 * `ssh -G` serves them all; see ssh_config.h.
 *
 * A configuration looks at a host's name in patterns, and where a value holds a token that stands
 * for it. Without such tokens (config_reader.per_host) what it says depends on which patterns
 * match.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"
#include "ssh/ssh_config_lookup.h"

struct class_names {
	const char *given, *settled;
};

static void add_bit(struct strbuf *out, bool bit)
{
	strbuf_addc(out, bit ? '1' : '0');
}

static void add_host(struct strbuf *out, const struct config_block *b, const struct class_names *n)
{
	add_bit(out, config_host_applies(b, n->given));
	add_bit(out, config_host_applies(b, n->settled)); /* in the pass of `Match final` */
}

static void add_match(struct strbuf *out, const struct config_block *b,
		      const struct class_names *n)
{
	for (size_t i = 0; i < b->n_criteria; i++) {
		const struct config_criterion *c = &b->criteria[i];

		if (c->kind == CRITERION_HOST)
			add_bit(out, config_names_host(c->arg, n->settled));
		else if (c->kind == CRITERION_ORIGINAL_HOST)
			add_bit(out, config_names_host(c->arg, n->given));
	}
}

/* False when a HostName leads to this very host: what ssh says of it has no meaning for others. */
static bool add_file(struct strbuf *out, const struct config_file *f, const struct class_names *n);

static bool add_lines(struct strbuf *out, const struct config_block *b,
		      const struct class_names *n)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct config_line *line = &b->lines[i];

		if (line->keyword->id == SSH_HOSTNAME && strcasecmp(line->values[0], n->settled) == 0)
			return false;
		for (size_t j = 0; line->files != NULL && line->files[j] != NULL; j++) {
			if (!add_file(out, line->files[j], n))
				return false;
		}
	}
	return true;
}

static void add_own(struct strbuf *out, const struct config_file *f, const char *name)
{
	const struct block_list *own = strtable_get(&f->by_name, name);

	for (size_t i = 0; own != NULL && i < own->n; i++)
		strbuf_addf(out, "%zu,", own->at[i]);
	strbuf_addc(out, ';');
}

static bool add_file(struct strbuf *out, const struct config_file *f, const struct class_names *n)
{
	add_own(out, f, n->given);
	add_own(out, f, n->settled);
	for (size_t i = 0; i < f->others.n; i++) {
		const struct config_block *b = &f->blocks[f->others.at[i]];

		if (b->kind == BLOCK_HOST)
			add_host(out, b, n);
		else if (b->kind == BLOCK_MATCH)
			add_match(out, b, n);
	}
	for (size_t i = 0; i < f->n; i++) {
		if (!add_lines(out, &f->blocks[i], n))
			return false;
	}
	return true;
}

char *config_class(const struct config_reader *r, struct config_file *const *files, size_t n_files,
		   const char *host)
{
	char *settled = settings_settled_name(host);
	const struct class_names names = { host, settled };
	struct strbuf out = STRBUF_INIT;
	bool shared = !r->per_host;

	for (size_t i = 0; i < n_files && shared; i++)
		shared = add_file(&out, files[i], &names);
	free(settled);
	if (shared) {
		strbuf_adds(&out, " of many"); /* no host has such a name */
		return strbuf_detach(&out);
	}
	strbuf_fini(&out);
	return xstrdup(host);
}
