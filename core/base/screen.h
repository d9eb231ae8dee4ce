/*
 * screen.h - bytes from elsewhere, made harmless for a terminal.
 *
 * What a host says may be anything. On a terminal it could move the cursor over the lines of
 * others, set the title, answer for the person who reads, or turn the order of letters around. So
 * what a terminal would obey is shown instead:
 *
 *	^[	C0 controls and DEL; a tab passes
 *	\x9b	C1 controls, which terminals obey in UTF-8 too, and bytes that are no UTF-8
 *	\u202e	what changes the direction of text, or breaks lines unseen
 */
#ifndef PL_BASE_SCREEN_H
#define PL_BASE_SCREEN_H

#include <stddef.h>
#include <stdio.h>

#include "base/strbuf.h"

/* Appends `text`, one line of it: a newline is shown as ^J. A carriage return at the very end is
 * left out. O(len). */
void screen_text(struct strbuf *out, const char *text, size_t len);

/* The same for several lines: newlines pass. */
void screen_lines(struct strbuf *out, const char *text, size_t len);

/* printf for lines of ours that may quote a host. */
void screen_printf(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The code point at `s`, whose UTF-8 has `n` bytes, when it is a C1 control or one that turns text
 * around or breaks lines unseen; else 0. */
unsigned screen_mischief(const char *s, size_t n);

#endif
