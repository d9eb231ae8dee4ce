/* known_hosts.c - see known_hosts.h */
#include "ssh/known_hosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "ssh/hosthash.h"
#include "ssh/pattern.h"

#define KNOWN_HOSTS_MAX (256 * 1024 * 1024)

/* One name on one line. Strings point into the text of the table. */
struct entry {
	const char *kind; /* as written */
	const char *key;  /* base64 */
	unsigned type;
	unsigned mark; /* of enum known_hosts_mark; 0: none */
	int line;
	struct entry *next; /* another line for the same name */
};

struct wild_entry {
	const char *patterns; /* with commas */
	struct entry entry;
};

struct hashed_entry {
	struct hosthash hash;
	struct entry entry;
};

/* The hashed lines of one name, as far as they were looked at. */
struct found {
	size_t looked_at;
	size_t *at;
	size_t n, cap;
};

struct known_hosts {
	char *path;
	char **texts; /* what entries point into */
	size_t n_texts, cap_texts;
	int lines;
	struct strtable plain; /* name -> struct entry, chained */
	struct wild_entry *wild;
	size_t n_wild, cap_wild;
	struct hashed_entry *hashed;
	size_t n_hashed, cap_hashed;
	struct strtable found; /* name -> struct found */
};

/* ---- reading ---- */

static void add_plain(struct known_hosts *kh, const char *name, const struct entry *entry)
{
	struct entry *e = xmalloc(sizeof(*e));
	struct entry *first = strtable_get(&kh->plain, name);

	*e = *entry;
	e->next = NULL;
	if (first == NULL) {
		strtable_put(&kh->plain, name, e);
		return;
	}
	e->next = first->next;
	first->next = e;
}

static void add_hashed(struct known_hosts *kh, const char *field, const struct entry *entry)
{
	struct hashed_entry h = { .entry = *entry };

	if (!hosthash_parse(&h.hash, field))
		return;
	ARRAY_GROW(kh->hashed, kh->n_hashed, kh->cap_hashed);
	kh->hashed[kh->n_hashed++] = h;
}

/* Names are compared in lower case, as OpenSSH keeps them. */
static void lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

static void add_names(struct known_hosts *kh, char *names, const struct entry *entry)
{
	if (*names == '|') {
		add_hashed(kh, names, entry);
		return;
	}
	lower(names);
	if (pattern_is_wild(names, strlen(names))) {
		ARRAY_GROW(kh->wild, kh->n_wild, kh->cap_wild);
		kh->wild[kh->n_wild++] = (struct wild_entry){ names, *entry };
		return;
	}
	for (char *rest = names; rest != NULL;) {
		char *name = strsep(&rest, ",");

		if (*name != '\0')
			add_plain(kh, name, entry);
	}
}

/* Cuts the next word off *at; "" at the end of the line. */
static char *take_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r");
	size_t len = strcspn(word, " \t\r");

	*at = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

/* "[marker] names type key [comment]" */
static void parse_line(struct known_hosts *kh, char *at, int line)
{
	struct entry e = { .line = line };
	char *names = take_word(&at);

	if (*names == '@') {
		if (strcmp(names, "@cert-authority") == 0)
			e.mark = KNOWN_HOSTS_AUTHORITY;
		else if (strcmp(names, "@revoked") == 0)
			e.mark = KNOWN_HOSTS_REVOKED;
		else
			return;
		names = take_word(&at);
	}
	e.kind = take_word(&at);
	e.key = take_word(&at);
	e.type = hostkey_type_parse(e.kind, strlen(e.kind));
	if (e.type == 0)
		e.type = HOSTKEY_OTHER;
	if (*names != '\0' && *names != '#' && *e.key != '\0')
		add_names(kh, names, &e);
}

/* Takes `text`, which is NUL-terminated. */
static void add_text(struct known_hosts *kh, char *text)
{
	ARRAY_GROW(kh->texts, kh->n_texts, kh->cap_texts);
	kh->texts[kh->n_texts++] = text;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *next = text + len + (text[len] == '\n');

		text[len] = '\0';
		parse_line(kh, text, ++kh->lines);
		text = next;
	}
}

static struct known_hosts *parse_owned(char *text, const char *path)
{
	struct known_hosts *kh = xcalloc(1, sizeof(*kh));

	kh->path = xstrdup(path);
	strtable_init(&kh->plain);
	strtable_init(&kh->found);
	add_text(kh, text);
	return kh;
}

void known_hosts_add(struct known_hosts *kh, const char *line)
{
	add_text(kh, xstrdup(line));
}

struct known_hosts *known_hosts_parse(const void *bytes, size_t len, const char *path)
{
	return parse_owned(xstrndup(bytes, len), path);
}

struct known_hosts *known_hosts_read(const char *path, struct pl_error *err)
{
	struct strbuf text = STRBUF_INIT;
	FILE *f = fopen(path, "re");
	int failed;
	size_t n;

	if (f == NULL && errno == ENOENT)
		return parse_owned(xstrdup(""), path);
	if (f == NULL)
		return pl_error_sys(err, errno, "cannot read known hosts %s", path), NULL;
	while (text.len < KNOWN_HOSTS_MAX &&
	       (n = fread(strbuf_reserve(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	failed = ferror(f) ? errno : text.len >= KNOWN_HOSTS_MAX ? EFBIG : 0;
	fclose(f);
	if (failed != 0) {
		strbuf_fini(&text);
		return pl_error_sys(err, failed, "cannot read known hosts %s", path), NULL;
	}
	strbuf_add(&text, "", 1);
	return parse_owned(strbuf_detach(&text), path);
}

void known_hosts_destroy(struct known_hosts *kh)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (kh == NULL)
		return;
	while ((it = strtable_next(&kh->plain, &pos)) != NULL) {
		struct entry *next;

		for (struct entry *e = it->value; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	}
	strtable_fini(&kh->plain);
	pos = 0;
	while ((it = strtable_next(&kh->found, &pos)) != NULL) {
		struct found *f = it->value;

		free(f->at);
		free(f);
	}
	strtable_fini(&kh->found);
	free(kh->wild);
	free(kh->hashed);
	for (size_t i = 0; i < kh->n_texts; i++)
		free(kh->texts[i]);
	free(kh->texts);
	free(kh->path);
	free(kh);
}

/* ---- lookup ---- */

typedef void (*entry_f)(void *arg, const struct known_hosts *kh, const struct entry *e);

/* Looks at the hashed lines that are new since the name was last asked for. */
static const struct found *find_hashed(struct known_hosts *kh, const char *name)
{
	struct found *f = strtable_get(&kh->found, name);

	if (f == NULL) {
		f = xcalloc(1, sizeof(*f));
		strtable_put(&kh->found, name, f);
	}
	for (; f->looked_at < kh->n_hashed; f->looked_at++) {
		if (!hosthash_matches(&kh->hashed[f->looked_at].hash, name))
			continue;
		ARRAY_GROW(f->at, f->n, f->cap);
		f->at[f->n++] = f->looked_at;
	}
	return f;
}

/* Calls fn for every line of one file that speaks of this name. */
static void visit_file(struct known_hosts *kh, const char *name, entry_f fn, void *arg)
{
	const struct found *found = kh->n_hashed > 0 ? find_hashed(kh, name) : NULL;

	for (const struct entry *e = strtable_get(&kh->plain, name); e != NULL; e = e->next)
		fn(arg, kh, e);
	for (size_t i = 0; i < kh->n_wild; i++) {
		if (pattern_list_match(kh->wild[i].patterns, name) == PATTERN_YES)
			fn(arg, kh, &kh->wild[i].entry);
	}
	for (size_t i = 0; found != NULL && i < found->n; i++)
		fn(arg, kh, &kh->hashed[found->at[i]].entry);
}

/* The name under which a host is looked up. */
static char *lookup_name(const char *host, int port)
{
	char *name = port == 22 ? xstrdup(host) : xasprintf("[%s]:%d", host, port);

	lower(name);
	return name;
}

static void visit(struct known_hosts *const *files, size_t n, const char *host, int port,
		  entry_f fn, void *arg)
{
	char *name = lookup_name(host, port);

	for (size_t i = 0; i < n; i++)
		visit_file(files[i], name, fn, arg);
	free(name);
}

/* ---- verdicts ---- */

struct check {
	const char *key; /* base64 */
	unsigned type;
	struct hostkey_answer *answer;
};

static enum hostkey_verdict judge_entry(const struct check *c, const struct entry *e)
{
	bool same = e->type == c->type && strcmp(e->key, c->key) == 0;

	if (e->mark == KNOWN_HOSTS_REVOKED)
		return same ? HOSTKEY_REVOKED : HOSTKEY_UNKNOWN;
	if (e->mark == KNOWN_HOSTS_AUTHORITY)
		return HOSTKEY_UNKNOWN;
	if (same)
		return HOSTKEY_KNOWN;
	return hostkey_makes_sense(e->kind, e->key) ? HOSTKEY_CHANGED : HOSTKEY_UNKNOWN;
}

static void check_entry(void *arg, const struct known_hosts *kh, const struct entry *e)
{
	static const int weight[] = { [HOSTKEY_UNKNOWN] = 0, [HOSTKEY_CHANGED] = 1,
				      [HOSTKEY_KNOWN] = 2, [HOSTKEY_REVOKED] = 3 };
	struct check *c = arg;
	enum hostkey_verdict verdict = judge_entry(c, e);

	if (weight[verdict] > weight[c->answer->verdict])
		*c->answer = (struct hostkey_answer){ verdict, kh->path, e->line, e->key };
}

void known_hosts_check(struct known_hosts *const *files, size_t n, const char *host, int port,
		       const void *key, size_t len, struct hostkey_answer *answer)
{
	struct check c = { .answer = answer };
	char *text = hostkey_encode(key, len);
	const char *name;
	size_t name_len;

	*answer = (struct hostkey_answer){ HOSTKEY_UNKNOWN, NULL, 0, NULL };
	c.key = text;
	c.type = hostkey_blob_type(key, len, &name, &name_len);
	visit(files, n, host, port, check_entry, &c);
	if (answer->verdict == HOSTKEY_UNKNOWN && port != 22) {
		visit(files, n, host, 22, check_entry, &c);
		/* another host may live behind this port: only a match counts */
		if (answer->verdict == HOSTKEY_CHANGED)
			*answer = (struct hostkey_answer){ HOSTKEY_UNKNOWN, NULL, 0, NULL };
	}
	free(text);
}

static void collect_type(void *arg, const struct known_hosts *kh, const struct entry *e)
{
	unsigned *types = arg;

	(void)kh;
	if (e->mark == 0 && (*types & e->type) == 0 && hostkey_makes_sense(e->kind, e->key))
		*types |= e->type;
}

static void collect_mark(void *arg, const struct known_hosts *kh, const struct entry *e)
{
	(void)kh;
	*(unsigned *)arg |= e->mark;
}

unsigned known_hosts_marks(struct known_hosts *const *files, size_t n, const char *host, int port)
{
	unsigned marks = 0;

	visit(files, n, host, port, collect_mark, &marks);
	if (port != 22)
		visit(files, n, host, 22, collect_mark, &marks);
	return marks;
}

unsigned known_hosts_types(struct known_hosts *const *files, size_t n, const char *host, int port)
{
	unsigned types = 0;

	visit(files, n, host, port, collect_type, &types);
	if (types == 0 && port != 22)
		visit(files, n, host, 22, collect_type, &types);
	return types;
}

char *known_hosts_line(const char *host, int port, const void *key, size_t len, bool hashed)
{
	char *name = lookup_name(host, port);
	char *field = hashed ? hosthash_make(name) : xstrdup(name);
	char *text = hostkey_encode(key, len);
	const char *type;
	size_t type_len;
	char *line;

	hostkey_blob_type(key, len, &type, &type_len);
	line = xasprintf("%s %.*s %s", field, (int)type_len, type, text);
	free(name);
	free(field);
	free(text);
	return line;
}
