/* lines.c - see lines.h */
#include "run/lines.h"

#include <string.h>

/* Hands out `text` as the end of what is kept in part, or alone when nothing is. */
static void pass(struct lines *l, const char *text, size_t len, unsigned flags, lines_f fn,
		 void *arg)
{
	if (l->goes_on)
		flags |= LINES_GOES_ON;
	l->goes_on = (flags & LINES_MORE) != 0;
	if (l->part.len == 0) {
		fn(arg, text, len, flags);
		return;
	}
	strbuf_add(&l->part, text, len);
	fn(arg, l->part.s, l->part.len, flags);
	strbuf_fini(&l->part);
}

/* Keeps the beginning of a line; pieces that reach LINES_MAX go out at once. */
static void keep(struct lines *l, const char *text, size_t len, lines_f fn, void *arg)
{
	while (l->part.len + len >= LINES_MAX) {
		size_t take = LINES_MAX - l->part.len;

		pass(l, text, take, LINES_MORE, fn, arg);
		text += take;
		len -= take;
	}
	strbuf_add(&l->part, text, len);
}

void lines_feed(struct lines *l, const void *bytes, size_t len, lines_f fn, void *arg)
{
	const char *p = bytes;
	const char *end = p + len;

	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));

		if (newline == NULL) {
			keep(l, p, (size_t)(end - p), fn, arg);
			return;
		}
		while (l->part.len + (size_t)(newline - p) > LINES_MAX) {
			size_t take = LINES_MAX - l->part.len;

			pass(l, p, take, LINES_MORE, fn, arg);
			p += take;
		}
		pass(l, p, (size_t)(newline - p), 0, fn, arg);
		p = newline + 1;
	}
}

void lines_finish(struct lines *l, lines_f fn, void *arg)
{
	/* a piece that ended exactly at the limit still owes its end */
	if (l->part.len > 0 || l->goes_on)
		pass(l, "", 0, LINES_NO_NEWLINE, fn, arg);
	strbuf_fini(&l->part);
	l->goes_on = false;
}
