/* strbuf.c - see strbuf.h */
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void strbuf_init(struct strbuf *b)
{
	*b = (struct strbuf)STRBUF_INIT;
}

void strbuf_fini(struct strbuf *b)
{
	free(b->s);
	strbuf_init(b);
}

void strbuf_wipe(struct strbuf *b)
{
	if (b->s != NULL)
		explicit_bzero(b->s, b->cap);
	strbuf_fini(b);
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	if (b->s != NULL)
		b->s[0] = '\0';
}

char *strbuf_reserve(struct strbuf *b, size_t more)
{
	if (b->cap - b->len <= more) {
		b->cap = mem_grow(b->cap, b->len + more + 1);
		b->s = xrealloc(b->s, b->cap);
	}
	return b->s + b->len;
}

void strbuf_add(struct strbuf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(strbuf_reserve(b, len), bytes, len);
	b->len += len;
	b->s[b->len] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, &c, 1);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len <= 0)
		return;
	vsnprintf(strbuf_reserve(b, (size_t)len), (size_t)len + 1, fmt, ap);
	b->len += (size_t)len;
}

/* The last `digits` digits of n at least, with zeros in front. */
static void add_digits(struct strbuf *b, uint64_t n, unsigned digits)
{
	char text[20];
	unsigned i = sizeof(text);

	while (n > 0 || sizeof(text) - i < digits) {
		text[--i] = (char)('0' + n % 10);
		n /= 10;
	}
	strbuf_add(b, text + i, sizeof(text) - i);
}

void strbuf_addu(struct strbuf *b, uint64_t n)
{
	add_digits(b, n, 1);
}

void strbuf_add_seconds(struct strbuf *b, int64_t us)
{
	add_digits(b, (uint64_t)us / 1000000, 1);
	strbuf_addc(b, '.');
	add_digits(b, (uint64_t)us % 1000000, 6);
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(b, fmt, ap);
	va_end(ap);
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->s[len] = '\0';
}

void strbuf_consume(struct strbuf *b, size_t len)
{
	if (len >= b->len) {
		strbuf_reset(b);
		return;
	}
	memmove(b->s, b->s + len, b->len - len + 1);
	b->len -= len;
}

const char *strbuf_str(const struct strbuf *b)
{
	return b->s != NULL ? b->s : "";
}

char *strbuf_detach(struct strbuf *b)
{
	char *s = b->s != NULL ? b->s : xstrdup("");

	strbuf_init(b);
	return s;
}
