/*
 * lines.h - cuts a stream of bytes into lines.
 *
 * A line longer than LINES_MAX comes in pieces: all but the last have LINES_MORE, all but the first
 * LINES_GOES_ON. Memory is at most LINES_MAX per stream, and none between whole lines.
 */
#ifndef PL_RUN_LINES_H
#define PL_RUN_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define LINES_MAX (64 * 1024)

enum lines_flags {
	LINES_GOES_ON = 1 << 0, /* continues the piece before */
	LINES_MORE = 1 << 1,	/* its end has not come yet */
	LINES_NO_NEWLINE = 1 << 2, /* the stream ended without one */
};

/* Zeroed is empty. */
struct lines {
	struct strbuf part; /* a line whose end has not come yet */
	bool goes_on;
};

/* text: without the newline, not NUL-terminated, valid during the call. */
typedef void (*lines_f)(void *arg, const char *text, size_t len, unsigned flags);

/* Adds bytes, calls fn for each line that they complete. O(len). */
void lines_feed(struct lines *l, const void *bytes, size_t len, lines_f fn, void *arg);

/* The stream is at its end: calls fn for a last line without newline, frees. Safe twice. */
void lines_finish(struct lines *l, lines_f fn, void *arg);

#endif
