/* jsontext.c - see jsontext.h */
#include "base/jsontext.h"

#include <string.h>

#include "base/screen.h"
#include "base/utf8.h"

static void add_escaped(struct strbuf *out, unsigned char c)
{
	switch (c) {
	case '"':
		strbuf_adds(out, "\\\"");
		break;
	case '\\':
		strbuf_adds(out, "\\\\");
		break;
	case '\n':
		strbuf_adds(out, "\\n");
		break;
	case '\r':
		strbuf_adds(out, "\\r");
		break;
	case '\t':
		strbuf_adds(out, "\\t");
		break;
	default:
		strbuf_addf(out, "\\u%04x", c);
	}
}

/* JSON may be looked at on a terminal: what would drive it is escaped, of UTF-8 too. */
static unsigned mischief(const char *s, size_t len, size_t *n)
{
	unsigned char c = (unsigned char)*s;

	*n = c == 0xc2 || c == 0xd8 || c == 0xe2 ? utf8_length(s, len) : 0;
	return screen_mischief(s, *n);
}

void jsontext_string(struct strbuf *out, const char *bytes, size_t len)
{
	size_t plain = 0; /* bytes before i that need no escape and are not yet added */
	size_t n;

	strbuf_addc(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		unsigned code = c < 0x80 ? 0 : mischief(bytes + i, len - i, &n);

		if (c >= ' ' && c != '"' && c != '\\' && c != 0x7f && code == 0) {
			plain++;
			continue;
		}
		strbuf_add(out, bytes + i - plain, plain);
		plain = 0;
		if (code == 0) {
			add_escaped(out, c);
		} else {
			strbuf_addf(out, "\\u%04x", code);
			i += n - 1;
		}
	}
	strbuf_add(out, bytes + len - plain, plain);
	strbuf_addc(out, '"');
}

void jsontext_lossy(struct strbuf *out, const char *bytes, size_t len)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0, n; i < len; i += n > 0 ? n : 1) {
		n = utf8_length(bytes + i, len - i);
		if (n > 0)
			strbuf_add(&text, bytes + i, n);
		else
			strbuf_adds(&text, "\xef\xbf\xbd");
	}
	jsontext_string(out, strbuf_str(&text), text.len);
	strbuf_fini(&text);
}

void jsontext_base64(struct strbuf *out, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const unsigned char *p = bytes;
	char *to = strbuf_reserve(out, (len + 2) / 3 * 4 + 2);

	*to++ = '"';
	for (size_t i = 0; i < len; i += 3) {
		unsigned long three = (unsigned long)p[i] << 16;

		three |= i + 1 < len ? (unsigned long)p[i + 1] << 8 : 0;
		three |= i + 2 < len ? p[i + 2] : 0;
		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[three & 63] : '=';
	}
	*to++ = '"';
	*to = '\0';
	out->len = (size_t)(to - out->s);
}

static void add_name(struct strbuf *out, const char *name, const char *suffix)
{
	strbuf_addc(out, '"');
	strbuf_adds(out, name);
	strbuf_adds(out, suffix);
	strbuf_adds(out, "\":");
}

void jsontext_bytes(struct strbuf *out, const char *name, const char *bytes, size_t len)
{
	bool text = utf8_valid(bytes, len);

	add_name(out, name, text ? "" : "_base64");
	if (text)
		jsontext_string(out, bytes, len);
	else
		jsontext_base64(out, bytes, len);
}

void jsontext_field(struct strbuf *out, const char *name, const char *text)
{
	strbuf_addc(out, ',');
	jsontext_bytes(out, name, text, strlen(text));
}

void jsontext_number(struct strbuf *out, const char *name, int64_t n)
{
	strbuf_addc(out, ',');
	add_name(out, name, "");
	if (n < 0)
		strbuf_addc(out, '-');
	strbuf_addu(out, n < 0 ? 0 - (uint64_t)n : (uint64_t)n);
}

void jsontext_seconds(struct strbuf *out, const char *name, int64_t us)
{
	strbuf_addc(out, ',');
	add_name(out, name, "");
	strbuf_add_seconds(out, us);
}
