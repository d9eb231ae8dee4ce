/*
 * hostpattern.h - one operand of a host set expression: text with number groups in brackets,
 * such as r[1-8]t[01-18]-ib0. For the files of this room only.
 */
#ifndef PL_SET_HOSTPATTERN_H
#define PL_SET_HOSTPATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "set/hostlist.h"

/* An expression being read. */
struct hosttext {
	const char *text;
	size_t at; /* the next byte */
	struct pl_error *err;
};

/* Puts the expression (cut around the place when long) and the column of `at` (from 1) before what
 * text->err says. Returns -1. */
int hosttext_locate(const struct hosttext *text, size_t at);

/* Fills text->err with PL_EUSAGE, the words, and where. Returns -1. */
int hosttext_error(const struct hosttext *text, size_t at, const char *fmt, ...) PL_PRINTF(3, 4);

/* first, first + step .. up to last, written with at least `width` digits. */
struct hostrange {
	uint64_t first, last, step;
	unsigned int width;
};

/* A literal, followed by a group of ranges unless it is the last part. */
struct hostpart {
	size_t literal; /* where in the text, and how long */
	size_t literal_len;
	size_t first_range;
	size_t n_ranges; /* 0: no group follows */
};

struct hostpattern {
	const char *text;
	struct hostpart *parts;
	size_t n_parts, cap_parts;
	struct hostrange *ranges;
	size_t n_ranges, cap_ranges;
	uint64_t count;	  /* names it expands to, at most the limit it was read with */
	size_t longest;	  /* bytes of its longest name */
	size_t n_groups;
	bool wildcard;	  /* holds * or ? */
	bool distinct;	  /* no name comes twice: seen from the text alone */
	struct strbuf name; /* where names are put together */
};

#define HOSTPATTERN_INIT { .name = STRBUF_INIT }
#define HOSTPATTERN_GROUPS_MAX 16
#define HOSTPATTERN_NAME_MAX 1024

void hostpattern_fini(struct hostpattern *p);

/*
 * Reads one operand at text->at and steps behind it (a blank, an operator or the end). *p may hold
 * an earlier one, whose memory is used again; it borrows the text. -1 with PL_EUSAGE when it is
 * malformed or expands to more than max_names.
 */
int hostpattern_parse(struct hostpattern *p, struct hosttext *text, size_t max_names);

/* Adds the names to `out` in the order they are written, the last group turning fastest. */
void hostpattern_expand(struct hostpattern *p, struct pl_hostlist *out);

bool hosttext_is_operator(char c); /* , ! & ^ */
bool hosttext_is_blank(char c);
void hosttext_skip_blanks(struct hosttext *text);

#endif
