/* screen.c - see screen.h */
#include "base/screen.h"

#include <stdarg.h>
#include <string.h>

#include "base/utf8.h"

static unsigned code_point(const char *s, size_t n)
{
	static const unsigned char first_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	unsigned code = (unsigned char)s[0] & first_bits[n];

	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

/* Unicode 15, section 23.2: the marks, embeddings, overrides and isolates of the bidirectional
 * algorithm, and the two separators that are no newline. */
unsigned screen_mischief(const char *s, size_t n)
{
	unsigned code;

	if (n < 2 || n > 3)
		return 0;
	code = code_point(s, n);
	if ((code >= 0x80 && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
	    (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
		return code;
	return 0;
}

static void show_byte(struct strbuf *out, unsigned char c)
{
	if (c < ' ' || c == 0x7f)
		strbuf_addf(out, "^%c", c ^ 0x40);
	else
		strbuf_addf(out, "\\x%02x", c);
}

/* Appends the character at `s`; returns its length. */
static size_t show(struct strbuf *out, const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;
	size_t n = utf8_length(s, len);
	unsigned code = screen_mischief(s, n);

	if (n == 0 || (c < ' ' && c != '\t') || c == 0x7f || (code >= 0x80 && code < 0xa0)) {
		show_byte(out, c);
		return 1;
	}
	if (code > 0)
		strbuf_addf(out, "\\u%04x", code);
	else
		strbuf_add(out, s, n);
	return n;
}

void screen_text(struct strbuf *out, const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\r')
		len--;
	for (size_t at = 0; at < len;)
		at += show(out, text + at, len - at);
}

void screen_lines(struct strbuf *out, const char *text, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline != NULL ? (size_t)(newline - text) : len;

		screen_text(out, text, n);
		if (newline == NULL)
			return;
		strbuf_addc(out, '\n');
		text += n + 1;
		len -= n + 1;
	}
}

void screen_printf(FILE *to, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT, shown = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	screen_lines(&shown, strbuf_str(&text), text.len);
	fwrite(strbuf_str(&shown), 1, shown.len, to);
	strbuf_fini(&shown);
	strbuf_fini(&text);
}
