/* commgraph_list.c - lists of edges: Matrix Market coordinates and CSV; see commgraph.h */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "map/commgraph_text.h"

static void add_entry(struct graph_entries *e, uint64_t a, uint64_t b, float weight)
{
	ARRAY_GROW(e->items, e->n, e->cap);
	e->items[e->n++] = (struct graph_entry){ (uint32_t)a, (uint32_t)b, weight };
}

/* ---- Matrix Market ---- */

struct matrix {
	bool pattern, symmetric;
	uint64_t n, entries;
};

/* Copies the next word in small letters; "" at the end of the line. */
static void next_word(struct graph_text *t, char word[32])
{
	size_t len = 0;

	graph_text_blanks(t);
	while (!graph_text_line_ended(t) && *t->at != ' ' && *t->at != '\t' && *t->at != '\r') {
		if (len < 31)
			word[len++] = *t->at;
		t->at++;
	}
	word[len] = '\0';
}

static int read_banner(struct graph_text *t, struct matrix *m)
{
	char word[32];

	next_word(t, word);
	next_word(t, word);
	if (strcasecmp(word, "matrix") != 0)
		return graph_text_error(t, "a Matrix Market file of kind '%s': 'matrix' is read",
		                        word);
	next_word(t, word);
	if (strcasecmp(word, "coordinate") != 0)
		return graph_text_error(t, "a matrix in format '%s': 'coordinate' is read", word);
	next_word(t, word);
	m->pattern = strcasecmp(word, "pattern") == 0;
	if (!m->pattern && strcasecmp(word, "real") != 0 && strcasecmp(word, "integer") != 0)
		return graph_text_error(t, "a matrix of '%s': real, integer or pattern is read",
		                        word);
	next_word(t, word);
	m->symmetric = strcasecmp(word, "symmetric") == 0;
	if (!m->symmetric && strcasecmp(word, "general") != 0)
		return graph_text_error(t, "a matrix that is '%s': general or symmetric is read",
		                        word);
	graph_text_next_line(t);
	return 0;
}

static int read_sizes(struct graph_text *t, struct matrix *m)
{
	uint64_t columns;

	graph_text_skip_comments(t, '%', true);
	graph_text_blanks(t);
	if (!graph_text_number(t, PL_COMMGRAPH_MAX_RANKS + 1, &m->n) || m->n == 0)
		return graph_text_error(t, "'ROWS COLUMNS ENTRIES' expected, with at most %u rows",
		                        PL_COMMGRAPH_MAX_RANKS);
	graph_text_blanks(t);
	if (!graph_text_number(t, UINT32_MAX, &columns))
		return graph_text_error(t, "'ROWS COLUMNS ENTRIES' expected");
	if (columns != m->n)
		return graph_text_error(t, "%llu rows but %llu columns: both are the ranks",
		                        (unsigned long long)m->n, (unsigned long long)columns);
	graph_text_blanks(t);
	if (!graph_text_number(t, UINT32_MAX / 2, &m->entries))
		return graph_text_error(t, "'ROWS COLUMNS ENTRIES' expected");
	graph_text_next_line(t);
	return 0;
}

static int read_index(struct graph_text *t, uint64_t n, uint64_t *value)
{
	graph_text_blanks(t);
	if (!graph_text_number(t, n + 1, value) || *value == 0)
		return graph_text_error(t, "a row and a column are numbers from 1 to %llu",
		                        (unsigned long long)n);
	return 0;
}

static int read_matrix_entry(struct graph_text *t, const struct matrix *m, struct graph_entries *e)
{
	uint64_t row, column;
	float weight = 1;

	if (read_index(t, m->n, &row) < 0 || read_index(t, m->n, &column) < 0)
		return -1;
	graph_text_blanks(t);
	if (!m->pattern && graph_text_weight(t, &weight) < 0)
		return -1;
	graph_text_blanks(t);
	if (!graph_text_line_ended(t))
		return graph_text_error(t, "the line goes on after the entry");
	graph_text_next_line(t);
	add_entry(e, row - 1, column - 1, m->symmetric ? 2 * weight : weight);
	return 0;
}

static int read_matrix_entries(struct graph_text *t, struct matrix *m, struct graph_entries *e)
{
	if (read_banner(t, m) < 0 || read_sizes(t, m) < 0)
		return -1;
	for (;;) {
		graph_text_skip_comments(t, '%', true);
		graph_text_blanks(t);
		if (t->at == t->end)
			break;
		if (e->n == m->entries)
			return graph_text_error(t, "more entries than the %llu announced",
			                        (unsigned long long)m->entries);
		if (read_matrix_entry(t, m, e) < 0)
			return -1;
	}
	if (e->n < m->entries)
		return graph_text_error(t, "the file ends after %zu of %llu entries", e->n,
		                        (unsigned long long)m->entries);
	return 0;
}

struct pl_commgraph *commgraph_read_matrix(struct graph_text *t)
{
	struct graph_entries e = { 0 };
	struct pl_commgraph *g = NULL;
	struct matrix m = { 0 };

	if (read_matrix_entries(t, &m, &e) == 0)
		g = commgraph_build((uint32_t)m.n, &e);
	free(e.items);
	return g;
}

/* ---- CSV ---- */

/* The line that names the columns begins with a letter or a quote. */
static void skip_names(struct graph_text *t)
{
	graph_text_skip_comments(t, '#', true);
	graph_text_blanks(t);
	if (t->at < t->end && (*t->at < '0' || *t->at > '9') && *t->at != ',' && *t->at != '-')
		graph_text_next_line(t);
}

static int read_rank(struct graph_text *t, uint64_t *rank)
{
	graph_text_blanks(t);
	if (!graph_text_number(t, PL_COMMGRAPH_MAX_RANKS, rank))
		return graph_text_error(t, "a rank must be a number from 0 to %u",
		                        PL_COMMGRAPH_MAX_RANKS - 1);
	graph_text_blanks(t);
	if (t->at == t->end || *t->at != ',')
		return graph_text_error(t, "'src,dst,bytes' expected");
	t->at++;
	return 0;
}

static int read_csv_entry(struct graph_text *t, struct graph_entries *e, uint32_t *n)
{
	uint64_t src, dst;
	float weight;

	if (read_rank(t, &src) < 0 || read_rank(t, &dst) < 0)
		return -1;
	graph_text_blanks(t);
	if (graph_text_weight(t, &weight) < 0)
		return -1;
	graph_text_blanks(t);
	if (!graph_text_line_ended(t))
		return graph_text_error(t, "the line goes on after 'src,dst,bytes'");
	graph_text_next_line(t);
	add_entry(e, src, dst, weight);
	if (src >= *n)
		*n = (uint32_t)src + 1;
	if (dst >= *n)
		*n = (uint32_t)dst + 1;
	return 0;
}

static int read_csv_entries(struct graph_text *t, struct graph_entries *e, uint32_t *n)
{
	skip_names(t);
	for (;;) {
		graph_text_skip_comments(t, '#', true);
		graph_text_blanks(t);
		if (t->at == t->end)
			break;
		if (e->n == UINT32_MAX / 2)
			return graph_text_error(t, "more than %u entries", UINT32_MAX / 2);
		if (read_csv_entry(t, e, n) < 0)
			return -1;
	}
	if (e->n == 0)
		return graph_text_error(t, "no line 'src,dst,bytes' follows");
	return 0;
}

struct pl_commgraph *commgraph_read_csv(struct graph_text *t)
{
	struct graph_entries e = { 0 };
	struct pl_commgraph *g = NULL;
	uint32_t n = 0;

	if (read_csv_entries(t, &e, &n) == 0)
		g = commgraph_build(n, &e);
	free(e.items);
	return g;
}
