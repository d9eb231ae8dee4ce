/* fields.c - see fields.h */
#include "ssh/fields.h"

#include <string.h>

bool field_is(struct field f, const char *text)
{
	return f.len == strlen(text) && memcmp(f.p, text, f.len) == 0;
}

bool field_equals(struct field a, struct field b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static const unsigned char *take(struct field_reader *r, size_t len)
{
	const unsigned char *p = r->p;

	if (r->bad || r->left < len) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

uint8_t field_take_byte(struct field_reader *r)
{
	const unsigned char *p = take(r, 1);

	return p != NULL ? *p : 0;
}

uint32_t field_take_u32(struct field_reader *r)
{
	const unsigned char *p = take(r, 4);

	if (p == NULL)
		return 0;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

struct field field_take_string(struct field_reader *r)
{
	size_t len = field_take_u32(r);
	const unsigned char *p = take(r, len);

	return p != NULL ? (struct field){ p, len } : (struct field){ r->p, 0 };
}

void field_add_u32(struct strbuf *out, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		strbuf_addc(out, (char)(v >> shift & 0xff));
}

void field_add_string(struct strbuf *out, const void *bytes, size_t len)
{
	field_add_u32(out, (uint32_t)len);
	strbuf_add(out, bytes, len);
}

static int value_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

size_t field_decode_base64(const char *text, unsigned char *out)
{
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (; *text != '\0'; text++) {
		int v = value_of(*text);

		if (v < 0 && strchr(" \t\r\n", *text) != NULL)
			continue;
		if (v < 0)
			break;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char)(bits >> have);
		}
	}
	return n;
}
