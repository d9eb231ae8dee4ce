/* redact.c - see redact.h */
#include "run/redact.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct redactor {
	struct strbuf *words;
	size_t n_words, cap_words;
};

struct redactor *redactor_create(void)
{
	return xcalloc(1, sizeof(struct redactor));
}

void redactor_destroy(struct redactor *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_words; i++)
		strbuf_wipe(&r->words[i]);
	free(r->words);
	free(r);
}

void redactor_add(struct redactor *r, const char *word, size_t len)
{
	assert(len >= REDACT_MIN);
	ARRAY_GROW(r->words, r->n_words, r->cap_words);
	strbuf_init(&r->words[r->n_words]);
	strbuf_add(&r->words[r->n_words++], word, len);
}

/* Marks in `struck` the bytes of every place where the word stands; places may overlap. */
static void mark_word(const struct strbuf *word, const struct strbuf *text, char *struck)
{
	const char *end = text->s + text->len, *at = text->s;

	while ((at = memmem(at, (size_t)(end - at), word->s, word->len)) != NULL) {
		memset(struck + (at - text->s), 1, word->len);
		at++;
	}
}

/* How many bytes at the end of the text may begin the word. */
static size_t begun(const struct strbuf *word, const struct strbuf *text)
{
	size_t n = word->len - 1 < text->len ? word->len - 1 : text->len;

	while (n > 0 && memcmp(text->s + text->len - n, word->s, n) != 0)
		n--;
	return n;
}

static void show(const struct strbuf *text, const char *struck, size_t len, struct strbuf *shown)
{
	strbuf_add(shown, text->s, len);
	for (size_t i = 0; i < len; i++) {
		if (struck[i])
			shown->s[i] = '*';
	}
}

void redact_held_fini(struct redact_held *held)
{
	strbuf_wipe(&held->bytes);
}

/* A word that ends within what is kept is found no more once its beginning is gone: so it is noted
 * how far it reaches. */
static void keep_from(struct redact_held *held, size_t cut, const char *struck)
{
	size_t reach = cut;

	while (cut > 0 && reach < held->bytes.len && struck[reach])
		reach++;
	held->struck = cut > 0 ? reach - cut : held->struck;
	strbuf_consume(&held->bytes, cut);
}

void redact_add(const struct redactor *r, struct redact_held *held, const void *bytes, size_t len,
		bool last, struct strbuf *shown)
{
	size_t keep = 0;
	char *struck;

	strbuf_reset(shown);
	strbuf_add(&held->bytes, bytes, len);
	if (held->bytes.len == 0)
		return;
	struck = xcalloc(held->bytes.len, 1);
	memset(struck, 1, held->struck);
	for (size_t i = 0; i < r->n_words; i++) {
		size_t n = last ? 0 : begun(&r->words[i], &held->bytes);

		mark_word(&r->words[i], &held->bytes, struck);
		keep = n > keep ? n : keep;
	}
	show(&held->bytes, struck, held->bytes.len - keep, shown);
	keep_from(held, held->bytes.len - keep, struck);
	free(struck);
}
