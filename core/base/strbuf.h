/*
 * strbuf.h - a byte string that grows.
 *
 * Always NUL-terminated once something was added (the NUL is not counted), so `b.s` can be handed
 * to C functions; may hold NULs. STRBUF_INIT or strbuf_init before use, strbuf_fini after.
 */
#ifndef PL_BASE_STRBUF_H
#define PL_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *s;    /* NULL until the first byte: use strbuf_str() where that matters */
	size_t len; /* bytes used, without the NUL */
	size_t cap; /* bytes allocated */
};

#define STRBUF_INIT { NULL, 0, 0 }

void strbuf_init(struct strbuf *b);
void strbuf_fini(struct strbuf *b);  /* frees; safe twice */
void strbuf_wipe(struct strbuf *b);  /* the same, and nothing of it is left in memory */
void strbuf_reset(struct strbuf *b); /* empty, memory kept */

/* Room for `more` further bytes and the NUL; returns where they go. Amortised O(1) per byte. */
char *strbuf_reserve(struct strbuf *b, size_t more);

void strbuf_add(struct strbuf *b, const void *bytes, size_t len);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_addu(struct strbuf *b, uint64_t n); /* in decimal, at a tenth of printf's cost */
void strbuf_add_seconds(struct strbuf *b, int64_t us); /* "12.000345": microseconds, 0 and up */
void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap);

/* Takes `len` bytes off the front. O(bytes left). */
void strbuf_consume(struct strbuf *b, size_t len);

/* Keeps the first `len` bytes, of those that are there. */
void strbuf_truncate(struct strbuf *b, size_t len);

/* The content as a C string, "" when empty; valid until the next change. */
const char *strbuf_str(const struct strbuf *b);

/* Hands the allocated string to the caller, who frees it, and leaves *b empty. Never NULL. */
char *strbuf_detach(struct strbuf *b);

#endif
