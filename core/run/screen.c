/* screen.c - see screen.h */
#include "run/screen.h"

#include "base/utf8.h"

/* How many bytes at `s` may go to a terminal as they are; 0: the first must be shown. */
static size_t harmless(const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;
	size_t n = utf8_length(s, len);

	if (c == '\t')
		return 1;
	if (c < ' ' || c == 0x7f)
		return 0;
	if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0) /* U+0080 to U+009F */
		return 0;
	return n;
}

void screen_text(struct strbuf *out, const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\r')
		len--;
	while (len > 0) {
		unsigned char c = (unsigned char)*text;
		size_t n = harmless(text, len);

		if (n > 0)
			strbuf_add(out, text, n);
		else if (c < ' ' || c == 0x7f)
			strbuf_addf(out, "^%c", c ^ 0x40);
		else
			strbuf_addf(out, "\\x%02x", c);
		n = n > 0 ? n : 1;
		text += n;
		len -= n;
	}
}
