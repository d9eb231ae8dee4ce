/* ssh_config.c - see ssh_config.h; the blocks that speak of a host are walked in their order */
#include "ssh/ssh_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "ssh/pattern.h"
#include "ssh/ssh_config_lookup.h"

struct ssh_config {
	struct config_reader reader;
	struct config_file **files; /* in the order in which they are asked */
	size_t n_files, cap_files;
	bool noted[SSH_KEYWORDS_MAX];
};

/* ---- files ---- */

struct ssh_config *ssh_config_create(void)
{
	struct ssh_config *cfg = xcalloc(1, sizeof(*cfg));

	return cfg;
}

void ssh_config_destroy(struct ssh_config *cfg)
{
	if (cfg == NULL)
		return;
	for (size_t i = 0; i < cfg->n_files; i++)
		config_file_destroy(cfg->files[i]);
	free(cfg->files);
	free(cfg->reader.ignore_unknown);
	free(cfg);
}

static int add_file(struct ssh_config *cfg, struct config_file *f)
{
	if (f == NULL)
		return -1;
	ARRAY_GROW(cfg->files, cfg->n_files, cfg->cap_files);
	cfg->files[cfg->n_files++] = f;
	return 0;
}

int ssh_config_add(struct ssh_config *cfg, enum ssh_config_source source, const char *path,
		   struct pl_error *err)
{
	cfg->reader.follow = true;
	cfg->reader.is_user = source != SSH_CONFIG_SYSTEM;
	return add_file(cfg, config_file_read(&cfg->reader, path, source == SSH_CONFIG_USER, err));
}

struct ssh_config *ssh_config_parse(const char *text, const char *name, struct pl_error *err)
{
	struct ssh_config *cfg = ssh_config_create();

	cfg->reader.is_user = true;
	if (add_file(cfg, config_file_parse(&cfg->reader, text, name, err)) == 0)
		return cfg;
	ssh_config_destroy(cfg);
	return NULL;
}

/* ---- notes ---- */

struct noting {
	struct ssh_config *cfg;
	ssh_note_f note;
	void *arg;
};

/* What the keyword asks is what happens anyway. */
static bool is_satisfied(const struct config_line *line)
{
	const char *want = line->keyword->satisfied;

	return want != NULL && (strcmp(want, "*") == 0 ||
				pattern_list_match(want, line->values[0]) == PATTERN_YES);
}

static void note_ignored(struct lookup *l, const char *file, const struct config_line *line)
{
	struct noting *n = l->arg;
	size_t at = ssh_keyword_index(line->keyword);
	char *text;

	if (n->note == NULL || n->cfg->noted[at] || is_satisfied(line))
		return;
	n->cfg->noted[at] = true;
	text = xasprintf("%s:%d: %s is not honoured in this version (first met for %s)", file,
			 line->line, line->keyword->name, l->query->host);
	n->note(n->arg, text);
	free(text);
}

/* ---- lookup ---- */

/* Each pattern is a word of its own: a comma has no meaning here. */
bool config_host_applies(const struct config_block *b, const char *host)
{
	bool yes = false;

	for (char **p = b->patterns; *p != NULL; p++) {
		bool negated = **p == '!';

		if (!pattern_match(*p + negated, strlen(*p) - negated, host))
			continue;
		if (negated)
			return false;
		yes = true;
	}
	return yes;
}

static enum match_answer match_block_applies(struct lookup *l, const struct config_block *b)
{
	free(l->target);
	l->target = NULL;
	if (settings_hostname(l, &l->target, NULL) != 0)
		l->target = xstrdup(l->host); /* the end of the lookup says what is wrong with it */
	return config_match_applies(l, b);
}

static enum match_answer block_applies(struct lookup *l, const struct config_block *b)
{
	switch (b->kind) {
	case BLOCK_ALL:
		return MATCH_YES;
	case BLOCK_HOST:
		return config_host_applies(b, l->host) ? MATCH_YES : MATCH_NO;
	case BLOCK_MATCH:
		return match_block_applies(l, b);
	}
	return MATCH_NO;
}

static bool walk_file(struct lookup *l, const struct config_file *f);

/* False when ssh must be asked; so are the other walks. */
static bool walk_block(struct lookup *l, const struct config_file *f, const struct config_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct config_line *line = &b->lines[i];

		if (line->files != NULL) {
			for (struct config_file **at = line->files; *at != NULL; at++) {
				if (!walk_file(l, *at))
					return false;
			}
		} else if (line->keyword->id == SSH_OTHER || line->keyword->id == SSH_INCLUDE) {
			if (l->ignored != NULL)
				l->ignored(l, f->name, line);
		} else {
			settings_apply(l, line);
		}
	}
	return true;
}

/* The blocks that spell the host out and those that must be asked, in the order of the file. */
static bool walk_file(struct lookup *l, const struct config_file *f)
{
	static const struct block_list none;
	const struct block_list *own = strtable_get(&f->by_name, l->host);
	size_t i = 0, j = 0;

	if (own == NULL)
		own = &none;
	while (i < own->n || j < f->others.n) {
		bool is_own = j == f->others.n || (i < own->n && own->at[i] < f->others.at[j]);
		const struct config_block *b = &f->blocks[is_own ? own->at[i] : f->others.at[j]];
		enum match_answer answer = is_own ? MATCH_YES : block_applies(l, b);

		if (answer == MATCH_ASK || (answer == MATCH_YES && !walk_block(l, f, b)))
			return false;
		*(is_own ? &i : &j) += 1;
	}
	return true;
}

static bool walk_all(struct lookup *l, const struct ssh_config *cfg)
{
	for (size_t i = 0; i < cfg->n_files; i++) {
		if (!walk_file(l, cfg->files[i]))
			return false;
	}
	return true;
}

/* `Match final` asks for all of it once more, under the name that HostName gave. */
static bool walk_again(struct lookup *l, const struct ssh_config *cfg, char **hostname)
{
	if (settings_hostname(l, hostname, NULL) != 0)
		return true;
	free(l->out->hostname);
	l->out->hostname = xstrdup(*hostname);
	l->host = *hostname;
	l->is_final = true;
	return walk_all(l, cfg);
}

static int look_up(struct lookup *l, const struct ssh_config *cfg, struct pl_error *err)
{
	char *hostname = NULL;
	int rc = SSH_CONFIG_ASK;

	l->out->user = xstrdup(l->query->user);
	l->out->port = l->query->port;
	if (cfg == NULL || (!cfg->reader.only_ssh && walk_all(l, cfg) &&
			    (!cfg->reader.wants_final || walk_again(l, cfg, &hostname))))
		rc = settings_finish(l, err);
	free(l->target);
	free(hostname);
	return rc;
}

int ssh_config_lookup(struct ssh_config *cfg, const struct ssh_query *query,
		      struct ssh_settings *out, ssh_note_f note, void *note_arg,
		      struct pl_error *err)
{
	struct noting noting = { cfg, note, note_arg };
	struct lookup l = { .query = query, .out = out, .host = query->host, .arg = &noting,
			    .ignored = note_ignored };
	int rc;

	*out = (struct ssh_settings){ 0 };
	rc = look_up(&l, cfg, err);
	if (rc != 0)
		ssh_settings_fini(out);
	if (rc < 0)
		pl_error_prefix(err, "ssh configuration for %s", query->host);
	return rc;
}

char *ssh_config_class(const struct ssh_config *cfg, const char *host)
{
	return config_class(&cfg->reader, cfg->files, cfg->n_files, host);
}
