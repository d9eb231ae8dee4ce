/*
 * fields.h - the fields of SSH's packets, keys and agent messages (RFC 4251, section 5).
 */
#ifndef PL_SSH_FIELDS_H
#define PL_SSH_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Bytes that stand somewhere else. */
struct field {
	const unsigned char *p;
	size_t len;
};

bool field_is(struct field f, const char *text);
bool field_equals(struct field a, struct field b);

/* Reads from the front; turns bad where something is missing, and stays so: what is taken from a
 * bad one is 0 or empty. Check `bad` once, at the end. */
struct field_reader {
	const unsigned char *p;
	size_t left;
	bool bad;
};

uint8_t field_take_byte(struct field_reader *r);
uint32_t field_take_u32(struct field_reader *r);
struct field field_take_string(struct field_reader *r); /* a length and so many bytes */

void field_add_u32(struct strbuf *out, uint32_t v);
void field_add_string(struct strbuf *out, const void *bytes, size_t len);

/* Bytes from base64 (RFC 4648), up to the first that is neither that nor white space; `out` has
 * room for strlen(text). Returns how many there are. */
size_t field_decode_base64(const char *text, unsigned char *out);

#endif
