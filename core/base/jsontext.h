/*
 * jsontext.h - bytes as JSON text (RFC 8259), appended to a buffer, for who writes one
 * short object per host and holds no tree.
 */
#ifndef PL_BASE_JSONTEXT_H
#define PL_BASE_JSONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* A quoted string. The bytes must be UTF-8 (utf8_valid). */
void jsontext_string(struct strbuf *out, const char *bytes, size_t len);

/* A quoted string of any bytes: what is no UTF-8 becomes U+FFFD. */
void jsontext_lossy(struct strbuf *out, const char *bytes, size_t len);

/* A quoted string in base64 (RFC 4648, padded). */
void jsontext_base64(struct strbuf *out, const void *bytes, size_t len);

/* "NAME":"..." when the bytes are UTF-8, else "NAME_base64":"..." */
void jsontext_bytes(struct strbuf *out, const char *name, const char *bytes, size_t len);

/* The same for a further field: a comma before, and the bytes of a C string. */
void jsontext_field(struct strbuf *out, const char *name, const char *text);

/* A further field of a number, and of a time as seconds with six decimals. */
void jsontext_number(struct strbuf *out, const char *name, int64_t n);
void jsontext_seconds(struct strbuf *out, const char *name, int64_t us);

#endif
