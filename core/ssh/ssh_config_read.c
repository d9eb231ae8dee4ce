/* ssh_config_read.c - files into blocks of lines, Include followed; see ssh_config_file.h */
#include "ssh/ssh_config_file.h"

#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"
#include "ssh/ssh_config.h"

#define CONFIG_MAX (4 * 1024 * 1024)
#define DEPTH_MAX 16   /* as ssh has it */
#define FILES_MAX 4096 /* one that includes itself twice would be read 65536 times */

/* ---- blocks ---- */

static struct config_block *add_block(struct config_file *f, enum config_block_kind kind, int line)
{
	ARRAY_GROW(f->blocks, f->n, f->cap);
	f->blocks[f->n] = (struct config_block){ .kind = kind, .line = line };
	return &f->blocks[f->n++];
}

static void list_add(struct block_list *list, size_t block)
{
	if (list->n > 0 && list->at[list->n - 1] == block)
		return;
	ARRAY_GROW(list->at, list->n, list->cap);
	list->at[list->n++] = block;
}

static bool is_spelled_out(char *const *patterns)
{
	for (; *patterns != NULL; patterns++) {
		if (pattern_is_wild(*patterns, strlen(*patterns)))
			return false;
	}
	return true;
}

/* A file with a block for each host is common, and must not be walked for each host. */
static void index_blocks(struct config_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct config_block *b = &f->blocks[i];

		if (b->kind != BLOCK_HOST || !is_spelled_out(b->patterns)) {
			list_add(&f->others, i);
			continue;
		}
		for (char **name = b->patterns; *name != NULL; name++) {
			struct block_list *list = strtable_get(&f->by_name, *name);

			if (list == NULL) {
				list = xcalloc(1, sizeof(*list));
				strtable_put(&f->by_name, *name, list);
			}
			list_add(list, i);
		}
	}
}

/* ---- Include ---- */

static int include_one(struct config_reader *r, const char *path, struct config_line *line,
		       struct pl_error *err)
{
	struct config_file *f;
	struct stat st;
	size_t n = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (r->depth >= DEPTH_MAX)
		return pl_errorf(err, PL_EUSAGE, "Include of %s: more than %d files inside one "
				 "another; does it include itself?", path, DEPTH_MAX);
	r->depth++;
	f = config_file_read(r, path, true, err);
	r->depth--;
	if (f == NULL)
		return -1;
	while (line->files[n] != NULL)
		n++;
	line->files = xreallocarray(line->files, n + 2, sizeof(struct config_file *));
	line->files[n] = f;
	line->files[n + 1] = NULL;
	return 0;
}

/* Where ssh looks for it; NULL when it must not be there. Owned by the caller. */
static char *include_pattern(const struct config_reader *r, const char *text, struct pl_error *err)
{
	if (*text == '~' && !r->is_user)
		return pl_errorf(err, PL_EUSAGE, "Include %s: '~' has no meaning in the system's "
				 "configuration", text), NULL;
	if (text[0] == '~' && text[1] == '/')
		return xasprintf("%s%s", ssh_home(), text + 1);
	if (*text == '/' || *text == '~')
		return xstrdup(text);
	return r->is_user ? xasprintf("%s/.ssh/%s", ssh_home(), text)
			  : xasprintf("/etc/ssh/%s", text);
}

/* A pattern that matches nothing is no error. */
static int include(struct config_reader *r, const char *text, struct config_line *line,
		   struct pl_error *err)
{
	char *pattern = include_pattern(r, text, err);
	glob_t found = { 0 };
	int rc;

	if (pattern == NULL)
		return -1;
	rc = glob(pattern, GLOB_TILDE, NULL, &found);
	if (rc != 0 && rc != GLOB_NOMATCH)
		rc = pl_errorf(err, PL_ESYS, "Include %s: cannot look for %s", text, pattern);
	else
		rc = 0;
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		rc = include_one(r, found.gl_pathv[i], line, err);
	globfree(&found);
	free(pattern);
	return rc;
}

static int include_all(struct config_reader *r, struct config_line *line, struct pl_error *err)
{
	if (!r->follow)
		return 0;
	line->files = xcalloc(1, sizeof(struct config_file *));
	for (size_t i = 0; line->values[i] != NULL; i++) {
		if (strchr(line->values[i], '%') != NULL || strstr(line->values[i], "${") != NULL)
			r->only_ssh = r->per_host = true; /* newer ones replace tokens there */
		else if (include(r, line->values[i], line, err) != 0)
			return -1;
	}
	return 0;
}

/* ---- lines ---- */

/* Whether the host's name may be in what ssh prints of it. Names of keys are printed as written. */
static bool is_per_host(const struct ssh_keyword *k, char **values)
{
	static const enum ssh_keyword_id printed[] = { SSH_HOSTNAME, SSH_USER, SSH_IDENTITY_AGENT,
						       SSH_FORWARD_AGENT, SSH_USER_KNOWN_HOSTS,
						       SSH_GLOBAL_KNOWN_HOSTS, SSH_HOST_KEY_ALIAS };

	for (size_t i = 0; i < ARRAY_LEN(printed); i++) {
		for (size_t j = 0; k->id == printed[i] && values[j] != NULL; j++) {
			if (strchr(values[j], '%') != NULL)
				return true;
		}
	}
	return false;
}

static bool is_for_all(const struct config_block *b)
{
	if (b->kind == BLOCK_HOST)
		return strcmp(b->patterns[0], "*") == 0 && b->patterns[1] == NULL;
	return b->kind == BLOCK_ALL || (b->n_criteria == 1 && !b->criteria[0].negated &&
					b->criteria[0].kind == CRITERION_ALL);
}

/* The first that a host meets is the one that holds for it. */
static void ignore_unknown(struct config_reader *r, const struct config_block *b,
			   const char *patterns)
{
	if (r->ignore_unknown != NULL || r->ignores_for_some)
		return;
	if (is_for_all(b) && !r->is_for_some)
		r->ignore_unknown = xstrdup(patterns);
	else
		r->ignores_for_some = true;
}

static int include_from(struct config_reader *r, const struct config_block *b,
			struct config_line *line, struct pl_error *err)
{
	bool was_for_some = r->is_for_some;
	int rc;

	r->is_for_some = was_for_some || !is_for_all(b);
	rc = include_all(r, line, err);
	r->is_for_some = was_for_some;
	return rc;
}

/* Files a line below the block it stands in; takes `values`, at once. */
static int add_line(struct config_reader *r, struct config_file *f, const struct ssh_keyword *k,
		    char **values, int line, struct pl_error *err)
{
	struct config_block *b = &f->blocks[f->n - 1];
	struct config_line *l;

	ARRAY_GROW(b->lines, b->n, b->cap);
	l = &b->lines[b->n++];
	*l = (struct config_line){ k, values, line, NULL };
	if (k->id == SSH_INCLUDE)
		return include_from(r, b, l, err);
	if (k->id == SSH_IGNORE_UNKNOWN)
		ignore_unknown(r, b, values[0]);
	if (k->id == SSH_CANONICALIZE && strcasecmp(values[0], "no") != 0 &&
	    strcasecmp(values[0], "false") != 0)
		r->only_ssh = r->per_host = true; /* it is for the resolver to say */
	r->per_host = r->per_host || is_per_host(k, values);
	return 0;
}

static int add_match(struct config_reader *r, struct config_file *f, const char *text, int line,
		     struct pl_error *err)
{
	struct config_block *b = add_block(f, BLOCK_MATCH, line);

	if (config_match_parse(b, text, err) != 0)
		return -1;
	for (size_t i = 0; i < b->n_criteria; i++) {
		const struct config_criterion *c = &b->criteria[i];

		if (c->kind == CRITERION_FINAL && strchr("fF", c->name[c->negated]) != NULL)
			r->wants_final = true;
		if (c->kind == CRITERION_ASK && strchr(c->arg, '%') != NULL)
			r->per_host = true;
	}
	return 0;
}

/* As one word. A jump is a list of hosts, behind which a comment may stand; a command is the
 * shell's. */
static char **rest_of_line(const struct ssh_keyword *k, const char *value)
{
	char **words = NULL;
	char *rest;
	size_t len;

	len = k->id == SSH_PROXY_JUMP ? strcspn(value, "#") : strlen(value);
	while (len > 0 && strchr(" \t\r\f", value[len - 1]) != NULL)
		len--;
	rest = xstrndup(value, len);
	words_add(&words, rest);
	free(rest);
	return words;
}

/* Takes `values`. */
static int add_setting(struct config_reader *r, struct config_file *f, const struct ssh_keyword *k,
		       char **values, int line, struct pl_error *err)
{
	if (config_value_check(k, values, err) != 0) {
		words_free(values);
		return -1;
	}
	if (k->id != SSH_HOST)
		return add_line(r, f, k, values, line, err);
	add_block(f, BLOCK_HOST, line)->patterns = values;
	return 0;
}

/* For some hosts it may be let pass, and for others not: which ones is for ssh to say. */
static int refuse_keyword(struct config_reader *r, const char *word, struct pl_error *err)
{
	if (r->ignore_unknown != NULL &&
	    pattern_list_match(r->ignore_unknown, word) == PATTERN_YES)
		return 0;
	if (r->ignores_for_some) {
		r->only_ssh = true;
		return 0;
	}
	return pl_errorf(err, PL_EUSAGE, "bad configuration option '%.64s': ssh has no such "
			 "keyword (IgnoreUnknown %.64s lets it pass)", word, word);
}

static char **steal(char ***words)
{
	char **stolen = *words;

	*words = NULL;
	return stolen;
}

static int parse_line(struct config_reader *r, struct config_file *f, const char *text, int line,
		      struct pl_error *err)
{
	const char *value;
	char *word = config_keyword(text, &value);
	const struct ssh_keyword *k = word != NULL ? ssh_keyword_find(word) : NULL;
	char **values;
	int rc;

	if (word == NULL)
		return 0;
	values = config_words(value, err); /* ssh wants quotes closed on every line */
	if (values == NULL)
		rc = -1;
	else if (k == NULL)
		rc = refuse_keyword(r, word, err);
	else if (k->id == SSH_MATCH)
		rc = add_match(r, f, value, line, err);
	else if (k->value == SSH_REST)
		rc = add_setting(r, f, k, rest_of_line(k, value), line, err);
	else
		rc = add_setting(r, f, k, steal(&values), line, err);
	words_free(values);
	free(word);
	return rc;
}

struct config_file *config_file_parse(struct config_reader *r, const char *text, const char *name,
				      struct pl_error *err)
{
	struct config_file *f = xcalloc(1, sizeof(*f));
	int line = 0;

	f->name = xstrdup(name);
	strtable_init(&f->by_name);
	add_block(f, BLOCK_ALL, 0);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *copy = xstrndup(text, len);
		int rc = parse_line(r, f, copy, ++line, err);

		free(copy);
		if (rc != 0) {
			pl_error_prefix(err, "%s:%d", name, line);
			config_file_destroy(f);
			return NULL;
		}
		text += len + (text[len] == '\n');
	}
	index_blocks(f);
	return f;
}

/* ---- files ---- */

/* A group of its own is the owner's alone: its leave to write is no danger (umask 002). */
static bool is_private_group(gid_t gid)
{
	const struct group *g = getgrgid(gid);

	return g != NULL && (g->gr_mem[0] == NULL || (g->gr_mem[1] == NULL &&
						      strcmp(g->gr_mem[0], ssh_local_user()) == 0))
	       && strcmp(g->gr_name, ssh_local_user()) == 0;
}

static int check_permissions(int fd, const char *path, struct pl_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return pl_error_sys(err, errno, "cannot look at %s", path);
	if ((st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 002) != 0 ||
	    ((st.st_mode & 020) != 0 && !is_private_group(st.st_gid)))
		return pl_errorf(err, PL_EUSAGE, "bad owner or permissions on %s: it must be yours "
				 "and writable by nobody else (chmod go-w %s)", path, path);
	return 0;
}

static int read_text(const char *path, bool check_owner, struct strbuf *text, struct pl_error *err)
{
	FILE *f = fopen(path, "re");
	int rc = 0;
	size_t n;

	if (f == NULL) {
		pl_error_sys(err, errno, "cannot read ssh configuration %s", path);
		if (err != NULL && errno == ENOENT)
			err->code = PL_ENOENT;
		return -1;
	}
	if (check_owner)
		rc = check_permissions(fileno(f), path, err);
	while (rc == 0 && text->len <= CONFIG_MAX &&
	       (n = fread(strbuf_reserve(text, 65536), 1, 65536, f)) > 0)
		text->len += n;
	if (rc == 0 && ferror(f))
		rc = pl_error_sys(err, errno, "cannot read ssh configuration %s", path);
	else if (rc == 0 && text->len > CONFIG_MAX)
		rc = pl_errorf(err, PL_EUSAGE, "ssh configuration %s is over 4 MB", path);
	strbuf_add(text, "", 1);
	fclose(f);
	return rc;
}

struct config_file *config_file_read(struct config_reader *r, const char *path, bool check_owner,
				     struct pl_error *err)
{
	struct config_file *f = NULL;
	struct strbuf text = STRBUF_INIT;

	if (++r->n_files > FILES_MAX)
		pl_errorf(err, PL_EUSAGE, "ssh configuration: Include names more than %d files",
			  FILES_MAX);
	else if (read_text(path, check_owner, &text, err) == 0)
		f = config_file_parse(r, text.s, path, err);
	strbuf_fini(&text);
	return f;
}

static void block_fini(struct config_block *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct config_file **files = b->lines[i].files;

		words_free(b->lines[i].values);
		for (size_t j = 0; files != NULL && files[j] != NULL; j++)
			config_file_destroy(files[j]);
		free(files);
	}
	for (size_t i = 0; i < b->n_criteria; i++) {
		free(b->criteria[i].name);
		free(b->criteria[i].arg);
	}
	free(b->criteria);
	words_free(b->patterns);
	free(b->lines);
}

void config_file_destroy(struct config_file *f)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		block_fini(&f->blocks[i]);
	while ((it = strtable_next(&f->by_name, &pos)) != NULL) {
		struct block_list *list = it->value;

		free(list->at);
		free(list);
	}
	strtable_fini(&f->by_name);
	free(f->others.at);
	free(f->blocks);
	free(f->name);
	free(f);
}
