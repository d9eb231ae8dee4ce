/* ssh_config.c - see ssh_config.h; the file is parsed once into blocks, a lookup walks them */
#include "ssh/ssh_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"
#include "ssh/ssh_keywords.h"

#define CONFIG_MAX (4 * 1024 * 1024)

/* One line below a Host line. */
struct setting {
	const struct ssh_keyword *keyword;
	char **values; /* NULL-terminated */
	int line;
};

/* A Host block, or what stands before the first one (patterns NULL: every host). */
struct block {
	char **patterns;
	bool is_match; /* Match: passed over in this version */
	int line;
	struct setting *settings;
	size_t n, cap;
};

struct ssh_config {
	char *name;
	struct block *blocks;
	size_t n, cap;
	char *ignore_unknown; /* a pattern list, or NULL */
	bool noted[SSH_KEYWORDS_MAX];
};

/* ---- words of a line ---- */

static void words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

/* Takes one word off *at, quotes removed; NULL at the end of the line. -1 for an open quote. */
static int next_word(const char **at, char **word)
{
	struct strbuf b = STRBUF_INIT;
	const char *p = *at;
	char quote = '\0';

	*word = NULL;
	while (is_blank(*p))
		p++;
	if (*p == '\0' || *p == '#')
		return 0;
	for (; *p != '\0' && (quote != '\0' || !is_blank(*p)); p++) {
		if (quote != '\0' && *p == quote)
			quote = '\0';
		else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else
			strbuf_addc(&b, *p);
	}
	*at = p;
	*word = strbuf_detach(&b);
	return quote != '\0' ? -1 : 0;
}

/* The words after the keyword; NULL and a filled error when a quote is open. */
static char **split_words(const char *at, struct pl_error *err)
{
	char **words = NULL;
	size_t n = 0, cap = 0;
	char *word;

	for (;;) {
		int rc = next_word(&at, &word);

		ARRAY_GROW(words, n, cap);
		words[n] = rc == 0 ? word : NULL;
		if (rc != 0) {
			free(word);
			words_free(words);
			return pl_errorf(err, PL_EUSAGE, "a quote is not closed"), NULL;
		}
		if (word == NULL)
			return words;
		n++;
	}
}

/* ---- lines ---- */

static struct block *add_block(struct ssh_config *cfg, char **patterns, bool is_match, int line)
{
	ARRAY_GROW(cfg->blocks, cfg->n, cfg->cap);
	cfg->blocks[cfg->n] =
		(struct block){ .patterns = patterns, .is_match = is_match, .line = line };
	return &cfg->blocks[cfg->n++];
}

static int check_port(const char *text, struct pl_error *err)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || port < 1 || port > 65535)
		return pl_errorf(err, PL_EUSAGE, "'%s' is not a port (1 to 65535)", text);
	return 0;
}

/* "90", "2m", "1h30m" -> seconds; -1 when malformed. "none" is 0, as nothing said. */
static long parse_seconds(const char *text)
{
	long total = 0;

	if (strcasecmp(text, "none") == 0)
		return 0;
	if (*text == '\0')
		return -1;
	while (*text != '\0') {
		static const char units[] = "smhdw";
		static const long seconds[] = { 1, 60, 3600, 86400, 604800 };
		char *end;
		long n = strtol(text, &end, 10);
		const char *unit;

		if (end == text || n < 0 || n > 10000000)
			return -1;
		unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : units;
		if (unit == NULL)
			return -1;
		total += n * seconds[unit - units];
		text = *end != '\0' ? end + 1 : end;
	}
	return total <= 10000000 ? total : -1;
}

static int check_value(const struct ssh_keyword *k, char **values, struct pl_error *err)
{
	if (values[0] == NULL)
		return pl_errorf(err, PL_EUSAGE, "%s needs a value", k->name);
	if (k->id == SSH_PORT)
		return check_port(values[0], err);
	if (k->id == SSH_CONNECT_TIMEOUT && parse_seconds(values[0]) < 0)
		return pl_errorf(err, PL_EUSAGE, "'%s' is not a time (seconds, or 2m)", values[0]);
	return 0;
}

/* Files one parsed line; takes `values` on success. */
static int add_line(struct ssh_config *cfg, const struct ssh_keyword *k, char **values, int line,
		    struct pl_error *err)
{
	struct block *b;

	if (check_value(k, values, err) != 0)
		return -1;
	if (k->id == SSH_HOST || k->id == SSH_MATCH) {
		add_block(cfg, values, k->id == SSH_MATCH, line);
		return 0;
	}
	if (k->id == SSH_IGNORE_UNKNOWN && cfg->ignore_unknown == NULL)
		cfg->ignore_unknown = xstrdup(values[0]);
	b = &cfg->blocks[cfg->n - 1];
	ARRAY_GROW(b->settings, b->n, b->cap);
	b->settings[b->n++] = (struct setting){ k, values, line };
	return 0;
}

static bool may_be_unknown(const struct ssh_config *cfg, const char *word)
{
	return cfg->ignore_unknown != NULL &&
	       pattern_list_match(cfg->ignore_unknown, word) == PATTERN_YES;
}

/* One line without its newline: `Keyword value`, `Keyword=value`, `Keyword = "value"`. */
static int parse_line(struct ssh_config *cfg, const char *at, int line, struct pl_error *err)
{
	const struct ssh_keyword *k;
	char word[64];
	char **values;
	size_t len;

	while (is_blank(*at))
		at++;
	if (*at == '\0' || *at == '#')
		return 0;
	len = strcspn(at, " \t\r\f=");
	snprintf(word, sizeof(word), "%.*s", (int)(len < 63 ? len : 63), at);
	for (at += len; is_blank(*at); at++)
		;
	if (*at == '=')
		at++;
	k = ssh_keyword_find(word);
	if (k == NULL) {
		if (may_be_unknown(cfg, word))
			return 0;
		return pl_errorf(err, PL_EUSAGE,
				 "bad configuration option '%s': ssh has no such keyword "
				 "(IgnoreUnknown %s lets it pass)", word, word);
	}
	values = split_words(at, err);
	if (values == NULL)
		return -1;
	if (add_line(cfg, k, values, line, err) != 0) {
		words_free(values);
		return -1;
	}
	return 0;
}

struct ssh_config *ssh_config_parse(const char *text, const char *name, struct pl_error *err)
{
	struct ssh_config *cfg = xcalloc(1, sizeof(*cfg));
	int line = 0;

	cfg->name = xstrdup(name);
	add_block(cfg, NULL, false, 0);
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char *copy = xstrndup(text, len);
		int rc = parse_line(cfg, copy, ++line, err);

		free(copy);
		if (rc != 0) {
			pl_error_prefix(err, "%s:%d", name, line);
			ssh_config_destroy(cfg);
			return NULL;
		}
		text += len + (text[len] == '\n');
	}
	return cfg;
}

static int check_permissions(int fd, const char *path, struct pl_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return pl_error_sys(err, errno, "cannot look at %s", path);
	if ((st.st_uid != 0 && st.st_uid != getuid()) || (st.st_mode & 022) != 0)
		return pl_errorf(err, PL_EUSAGE, "bad owner or permissions on %s: it must be yours "
				 "and writable by nobody else (chmod go-w %s)", path, path);
	return 0;
}

struct ssh_config *ssh_config_read(const char *path, bool check_owner, struct pl_error *err)
{
	struct ssh_config *cfg = NULL;
	struct strbuf text = STRBUF_INIT;
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL) {
		pl_error_sys(err, errno, "cannot read ssh configuration %s", path);
		if (err != NULL && errno == ENOENT)
			err->code = PL_ENOENT;
		return NULL;
	}
	if (check_owner && check_permissions(fileno(f), path, err) != 0)
		goto out;
	while (text.len <= CONFIG_MAX &&
	       (n = fread(strbuf_reserve(&text, 65536), 1, 65536, f)) > 0)
		text.len += n;
	if (ferror(f)) {
		pl_error_sys(err, errno, "cannot read ssh configuration %s", path);
		goto out;
	}
	if (text.len > CONFIG_MAX) {
		pl_errorf(err, PL_EUSAGE, "ssh configuration %s is over 4 MB", path);
		goto out;
	}
	strbuf_add(&text, "", 1);
	cfg = ssh_config_parse(text.s, path, err);
out:
	fclose(f);
	strbuf_fini(&text);
	return cfg;
}

void ssh_config_destroy(struct ssh_config *cfg)
{
	if (cfg == NULL)
		return;
	for (size_t i = 0; i < cfg->n; i++) {
		struct block *b = &cfg->blocks[i];

		for (size_t j = 0; j < b->n; j++)
			words_free(b->settings[j].values);
		words_free(b->patterns);
		free(b->settings);
	}
	free(cfg->blocks);
	free(cfg->ignore_unknown);
	free(cfg->name);
	free(cfg);
}

/* ---- lookup ---- */

static bool block_applies(const struct block *b, const char *host)
{
	bool yes = b->patterns == NULL;

	for (size_t i = 0; b->patterns != NULL && b->patterns[i] != NULL; i++) {
		switch (pattern_list_match(b->patterns[i], host)) {
		case PATTERN_NEGATED:
			return false;
		case PATTERN_YES:
			yes = true;
			break;
		case PATTERN_NO:
			break;
		}
	}
	return yes && !b->is_match;
}

static void add_path(char ***paths, const char *path)
{
	size_t n = 0;

	while (*paths != NULL && (*paths)[n] != NULL)
		n++;
	*paths = xreallocarray(*paths, n + 2, sizeof(**paths));
	(*paths)[n] = xstrdup(path);
	(*paths)[n + 1] = NULL;
}

static void set_once(char **slot, const char *value)
{
	if (*slot == NULL)
		*slot = xstrdup(value);
}

static void set_list_once(char ***slot, char **values)
{
	if (*slot != NULL)
		return;
	for (size_t i = 0; values[i] != NULL; i++)
		add_path(slot, values[i]);
}

/* What the keyword asks is what happens anyway. */
static bool is_satisfied(const struct setting *s)
{
	const char *want = s->keyword->satisfied;

	return want != NULL &&
	       (strcmp(want, "*") == 0 || pattern_list_match(want, s->values[0]) == PATTERN_YES);
}

static void note_ignored(struct ssh_config *cfg, const struct ssh_keyword *k, int line,
			 const char *host, ssh_note_f note, void *note_arg)
{
	size_t at = ssh_keyword_index(k);
	char *text;

	if (cfg->noted[at] || note == NULL)
		return;
	cfg->noted[at] = true;
	text = xasprintf("%s:%d: %s is not honoured in this version (first met for %s)", cfg->name,
			 line, k->name, host);
	note(note_arg, text);
	free(text);
}

static void apply(struct ssh_settings *out, const struct setting *s)
{
	switch (s->keyword->id) {
	case SSH_HOSTNAME:
		set_once(&out->hostname, s->values[0]);
		break;
	case SSH_USER:
		set_once(&out->user, s->values[0]);
		break;
	case SSH_STRICT:
		set_once(&out->strict, s->values[0]);
		break;
	case SSH_PORT:
		if (out->port == 0)
			out->port = (int)strtol(s->values[0], NULL, 10);
		break;
	case SSH_CONNECT_TIMEOUT:
		if (out->connect_timeout_us == 0)
			out->connect_timeout_us = parse_seconds(s->values[0]) * 1000000;
		break;
	case SSH_IDENTITY_FILE:
		add_path(&out->identity_files, s->values[0]);
		break;
	case SSH_USER_KNOWN_HOSTS:
		set_list_once(&out->user_known_hosts, s->values);
		break;
	case SSH_GLOBAL_KNOWN_HOSTS:
		set_list_once(&out->global_known_hosts, s->values);
		break;
	default:
		break;
	}
}

static int expand_in_place(char **slot, const struct ssh_tokens *tokens, struct pl_error *err)
{
	char *text;

	if (*slot == NULL)
		return 0;
	text = ssh_expand(*slot, tokens, err);
	if (text == NULL)
		return -1;
	free(*slot);
	*slot = text;
	return 0;
}

static int expand_list(char **list, const struct ssh_tokens *tokens, struct pl_error *err)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if (expand_in_place(&list[i], tokens, err) != 0)
			return -1;
	}
	return 0;
}

/* HostName first: in it %h is the name as given, in every other value it is what HostName said. */
static int expand_all(struct ssh_settings *out, const char *host, struct pl_error *err)
{
	struct ssh_tokens tokens = { .host = host, .name = host };

	set_once(&out->hostname, host);
	if (strchr(out->hostname, '%') != NULL && strchr(host, '%') == NULL &&
	    expand_in_place(&out->hostname, &tokens, err) != 0)
		return -1;
	tokens.host = out->hostname;
	tokens.user = out->user != NULL ? out->user : ssh_local_user();
	tokens.port = out->port != 0 ? out->port : 22;
	if (expand_list(out->identity_files, &tokens, err) != 0 ||
	    expand_list(out->user_known_hosts, &tokens, err) != 0 ||
	    expand_list(out->global_known_hosts, &tokens, err) != 0)
		return -1;
	return 0;
}

int ssh_config_lookup(struct ssh_config *cfg, const char *host, struct ssh_settings *out,
		      ssh_note_f note, void *note_arg, struct pl_error *err)
{
	*out = (struct ssh_settings){ 0 };
	for (size_t i = 0; cfg != NULL && i < cfg->n; i++) {
		const struct block *b = &cfg->blocks[i];

		if (b->is_match)
			note_ignored(cfg, ssh_keyword_find("Match"), b->line, host, note, note_arg);
		if (!block_applies(b, host))
			continue;
		for (size_t j = 0; j < b->n; j++) {
			const struct setting *s = &b->settings[j];

			if (s->keyword->id != SSH_OTHER)
				apply(out, s);
			else if (!is_satisfied(s))
				note_ignored(cfg, s->keyword, s->line, host, note, note_arg);
		}
	}
	if (expand_all(out, host, err) == 0)
		return 0;
	ssh_settings_fini(out);
	return pl_error_prefix(err, "ssh configuration for %s", host);
}

void ssh_settings_fini(struct ssh_settings *s)
{
	free(s->hostname);
	free(s->user);
	free(s->strict);
	words_free(s->identity_files);
	words_free(s->user_known_hosts);
	words_free(s->global_known_hosts);
	*s = (struct ssh_settings){ 0 };
}
