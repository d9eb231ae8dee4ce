/*
 * commgraph_text.h - the text of a graph while it is read. Internal to map/.
 *
 * The functions of the inner loop are inline: a graph is megabytes of small numbers.
 */
#ifndef PL_MAP_COMMGRAPH_TEXT_H
#define PL_MAP_COMMGRAPH_TEXT_H

#include <stdbool.h>

#include "map/commgraph.h"

struct graph_text {
	const char *at, *end;
	const char *name;
	uint64_t line; /* of `at`, from 1 */
	struct pl_error *err;
};

/* An entry of a list of edges, in any order and direction, not yet merged. */
struct graph_entry {
	uint32_t a, b;
	float weight;
};

struct graph_entries {
	struct graph_entry *items;
	size_t n, cap;
};

/* The formats; the first line tells which. */
struct pl_commgraph *commgraph_read_metis(struct graph_text *text);
struct pl_commgraph *commgraph_read_matrix(struct graph_text *text);
struct pl_commgraph *commgraph_read_csv(struct graph_text *text);

/* The graph of these entries: both directions and doubles added up, a rank's entry for itself left
 * out. O(entries). */
struct pl_commgraph *commgraph_build(uint32_t n, const struct graph_entries *entries);

/* Arrays for n ranks and n_arcs row entries, not filled but first[0] = 0. */
struct pl_commgraph *commgraph_create(uint32_t n, size_t n_arcs);

/* PL_EUSAGE with "NAME:LINE: " before the words; returns -1. */
int graph_text_error(const struct graph_text *text, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

/* Reads "12", "1.5" or "1e6" into *value; what names it in the message. */
int graph_text_weight(struct graph_text *text, float *value);

static inline void graph_text_blanks(struct graph_text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\r'))
		t->at++;
}

static inline bool graph_text_line_ended(const struct graph_text *t)
{
	return t->at == t->end || *t->at == '\n';
}

static inline bool graph_text_word_ended(const struct graph_text *t)
{
	return graph_text_line_ended(t) || *t->at == ' ' || *t->at == '\t' || *t->at == '\r';
}

/* Goes to the next line; nothing at the end of the text. */
static inline void graph_text_next_line(struct graph_text *t)
{
	while (t->at < t->end && *t->at != '\n')
		t->at++;
	if (t->at < t->end) {
		t->at++;
		t->line++;
	}
}

/* Reads decimal digits. False when there are none, or when they say `limit` or more. */
static inline bool graph_text_number(struct graph_text *t, uint64_t limit, uint64_t *value)
{
	const char *start = t->at;
	uint64_t v = 0;

	while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && v < limit)
		v = v * 10 + (uint64_t)(*t->at++ - '0');
	*value = v;
	return t->at > start && v < limit;
}

/* Goes past lines that begin with `mark`, and past empty ones where `empty` says so. */
static inline void graph_text_skip_comments(struct graph_text *t, char mark, bool empty)
{
	for (;;) {
		const char *start = t->at;

		if (empty)
			graph_text_blanks(t);
		if (t->at == t->end || (*t->at != mark && !(empty && *t->at == '\n'))) {
			t->at = start;
			return;
		}
		graph_text_next_line(t);
	}
}

#endif
