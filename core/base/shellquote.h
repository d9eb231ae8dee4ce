/*
 * shellquote.h - words for a shell.
 *
 * A word is written so that sh, dash, bash, busybox, csh and fish read it back as exactly these
 * bytes: unchanged when it holds only [A-Za-z0-9_@%+=:,./-], else in single quotes, with a quote
 * written '\'' . NUL cannot be expressed and ends the word.
 */
#ifndef PL_BASE_SHELLQUOTE_H
#define PL_BASE_SHELLQUOTE_H

#include "base/strbuf.h"

void shellquote_word(struct strbuf *out, const char *word);

/* All words of NULL-terminated argv, quoted, one space between. */
void shellquote_argv(struct strbuf *out, const char *const *argv);

#endif
