/* known_hosts.c - see known_hosts.h */
#include "ssh/known_hosts.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "ssh/pattern.h"

#define KNOWN_HOSTS_MAX (256 * 1024 * 1024)
#define HASH_LEN 20 /* of SHA-1 */

enum marker { MARK_NONE, MARK_REVOKED };

/* One name on one line. Strings point into the text of the table. */
struct entry {
	const char *key; /* base64 */
	unsigned type;
	enum marker marker;
	int line;
	struct entry *next; /* another line for the same name */
};

struct wild_entry {
	const char *patterns; /* with commas */
	struct entry entry;
};

struct hashed_entry {
	unsigned char salt[HASH_LEN], hash[HASH_LEN];
	struct entry entry;
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
	size_t authorities;
};

/* ---- kinds of keys ---- */

static const struct {
	const char *name;
	enum hostkey_type type;
} TYPES[] = {
	{ "ssh-ed25519", HOSTKEY_ED25519 },
	{ "ecdsa-sha2-nistp256", HOSTKEY_ECDSA_256 },
	{ "ecdsa-sha2-nistp384", HOSTKEY_ECDSA_384 },
	{ "ecdsa-sha2-nistp521", HOSTKEY_ECDSA_521 },
	{ "ssh-rsa", HOSTKEY_RSA },
};

unsigned hostkey_type_parse(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (strlen(TYPES[i].name) == len && memcmp(TYPES[i].name, name, len) == 0)
			return TYPES[i].type;
	}
	return 0;
}

unsigned hostkey_method_type(const char *name, size_t len)
{
	return len > 8 && memcmp(name, "rsa-sha2", 8) == 0 ? HOSTKEY_RSA
							   : hostkey_type_parse(name, len);
}

const char *hostkey_type_name(enum hostkey_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (TYPES[i].type == type)
			return TYPES[i].name;
	}
	return "key";
}

/* The kind of a key blob, whose first string names it; its name in *name. */
static unsigned blob_type(const unsigned char *blob, size_t len, const char **name,
			  size_t *name_len)
{
	size_t n;

	*name = "";
	*name_len = 0;
	if (len < 4)
		return 0;
	n = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 | blob[3];
	if (n > len - 4)
		return 0;
	*name = (const char *)blob + 4;
	*name_len = n;
	return hostkey_type_parse(*name, n);
}

static char *encode_base64(const void *bytes, size_t len)
{
	char *out = xmalloc(4 * ((len + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
	return out;
}

void hostkey_fingerprint(const void *key, size_t len, char out[HOSTKEY_FINGERPRINT_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	char *text;

	EVP_Digest(key, len, digest, &n, EVP_sha256(), NULL);
	text = encode_base64(digest, n);
	text[strcspn(text, "=")] = '\0';
	snprintf(out, HOSTKEY_FINGERPRINT_MAX, "SHA256:%.44s", text);
	free(text);
}

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

static bool decode_sha1(const char *text, size_t len, unsigned char out[HASH_LEN])
{
	unsigned char buf[24];

	/* 20 bytes are 28 characters, of which one is '=' */
	if (len != 28 || text[27] != '=' ||
	    EVP_DecodeBlock(buf, (const unsigned char *)text, 28) < 21)
		return false;
	memcpy(out, buf, HASH_LEN);
	return true;
}

/* "|1|salt|hash": HMAC-SHA1 of the name under the salt. */
static void add_hashed(struct known_hosts *kh, const char *field, const struct entry *entry)
{
	struct hashed_entry h = { .entry = *entry };
	const char *salt = field + 3;
	const char *bar = strchr(salt, '|');

	if (strncmp(field, "|1|", 3) != 0 || bar == NULL ||
	    !decode_sha1(salt, (size_t)(bar - salt), h.salt) ||
	    !decode_sha1(bar + 1, strlen(bar + 1), h.hash))
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
	char *type;

	if (*names == '@') {
		if (strcmp(names, "@cert-authority") == 0)
			kh->authorities++;
		if (strcmp(names, "@revoked") != 0)
			return;
		e.marker = MARK_REVOKED;
		names = take_word(&at);
	}
	type = take_word(&at);
	e.key = take_word(&at);
	e.type = hostkey_type_parse(type, strlen(type));
	if (*names != '\0' && *names != '#' && *e.key != '\0' && e.type != 0)
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
	free(kh->wild);
	free(kh->hashed);
	for (size_t i = 0; i < kh->n_texts; i++)
		free(kh->texts[i]);
	free(kh->texts);
	free(kh->path);
	free(kh);
}

size_t known_hosts_authorities(const struct known_hosts *kh)
{
	return kh->authorities;
}

/* ---- lookup ---- */

typedef void (*entry_f)(void *arg, const struct known_hosts *kh, const struct entry *e);

static bool hash_matches(const struct hashed_entry *h, const char *name)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	return HMAC(EVP_sha1(), h->salt, HASH_LEN, (const unsigned char *)name, strlen(name), hash,
		    &n) != NULL &&
	       n == HASH_LEN && memcmp(hash, h->hash, HASH_LEN) == 0;
}

/* Calls fn for every line of one file that speaks of this name. */
static void visit_file(const struct known_hosts *kh, const char *name, entry_f fn, void *arg)
{
	for (const struct entry *e = strtable_get(&kh->plain, name); e != NULL; e = e->next)
		fn(arg, kh, e);
	for (size_t i = 0; i < kh->n_wild; i++) {
		if (pattern_list_match(kh->wild[i].patterns, name) == PATTERN_YES)
			fn(arg, kh, &kh->wild[i].entry);
	}
	for (size_t i = 0; i < kh->n_hashed; i++) {
		if (hash_matches(&kh->hashed[i], name))
			fn(arg, kh, &kh->hashed[i].entry);
	}
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

struct check {
	const char *key; /* base64 */
	unsigned type;
	struct hostkey_answer *answer;
};

static void check_entry(void *arg, const struct known_hosts *kh, const struct entry *e)
{
	static const int weight[] = { [HOSTKEY_UNKNOWN] = 0, [HOSTKEY_CHANGED] = 1,
				      [HOSTKEY_KNOWN] = 2, [HOSTKEY_REVOKED] = 3 };
	struct check *c = arg;
	bool same = e->type == c->type && strcmp(e->key, c->key) == 0;
	enum hostkey_verdict verdict = HOSTKEY_UNKNOWN;

	if (e->marker == MARK_REVOKED)
		verdict = same ? HOSTKEY_REVOKED : HOSTKEY_UNKNOWN;
	else if (e->type == c->type)
		verdict = same ? HOSTKEY_KNOWN : HOSTKEY_CHANGED;
	if (weight[verdict] > weight[c->answer->verdict])
		*c->answer = (struct hostkey_answer){ verdict, kh->path, e->line };
}

void known_hosts_check(struct known_hosts *const *files, size_t n, const char *host, int port,
		       const void *key, size_t len, struct hostkey_answer *answer)
{
	struct check c = { .answer = answer };
	char *text = encode_base64(key, len);
	const char *name;
	size_t name_len;

	*answer = (struct hostkey_answer){ HOSTKEY_UNKNOWN, NULL, 0 };
	c.key = text;
	c.type = blob_type(key, len, &name, &name_len);
	visit(files, n, host, port, check_entry, &c);
	if (answer->verdict == HOSTKEY_UNKNOWN && port != 22) {
		visit(files, n, host, 22, check_entry, &c);
		/* another host may live behind this port: only a match counts */
		if (answer->verdict == HOSTKEY_CHANGED)
			*answer = (struct hostkey_answer){ HOSTKEY_UNKNOWN, NULL, 0 };
	}
	free(text);
}

static void collect_type(void *arg, const struct known_hosts *kh, const struct entry *e)
{
	unsigned *types = arg;

	(void)kh;
	if (e->marker == MARK_NONE)
		*types |= e->type;
}

unsigned known_hosts_types(struct known_hosts *const *files, size_t n, const char *host, int port)
{
	unsigned types = 0;

	visit(files, n, host, port, collect_type, &types);
	/* an RSA key alone is as good as none, see ssh_hostkey.c */
	if ((types & ~(unsigned)HOSTKEY_RSA) == 0 && port != 22)
		visit(files, n, host, 22, collect_type, &types);
	return types;
}

char *known_hosts_line(const char *host, int port, const void *key, size_t len)
{
	char *name = lookup_name(host, port);
	char *text = encode_base64(key, len);
	const char *type;
	size_t type_len;
	char *line;

	blob_type(key, len, &type, &type_len);
	line = xasprintf("%s %.*s %s", name, (int)type_len, type, text);
	free(name);
	free(text);
	return line;
}
