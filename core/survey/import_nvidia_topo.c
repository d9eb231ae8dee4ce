/*
 * import_nvidia_topo.c - `nvidia-smi topo -m` on one host: how many GPUs and adapters, which GPU is
 * next to which adapter, and the NUMA node of each.
 *
 *		GPU0	GPU1	NIC0	NIC1	CPU Affinity	NUMA Affinity	GPU NUMA ID
 *	GPU0	 X	NV18	PXB	SYS	0-31		0		N/A
 *	...
 *	NIC Legend:
 *	  NIC0: mlx5_0
 *
 * It shows one tray, whatever NVLink joins it to. Between Grace and its adapters all is SYS: then
 * nothing here says which adapter is whose, and NUMA nodes are all there is to pair by.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/import_gpu.h"
#include "survey/importers.h"

#define MAX_COLUMNS 2048
#define MAX_GPUS    1024 /* of one host */
#define NO_ADAPTER  UINT32_MAX

/* How near a GPU and an adapter are, in the tool's words from far to near. */
enum nearness { FAR, NODE, PHB, PXB, PIX };

struct slice {
	const char *s;
	size_t len;
};

struct line {
	struct slice *fields; /* the first is the row's name, or what stands above it */
	size_t n, cap;
	size_t number;
	bool tabs; /* fields end at tabs, so that one may be empty */
};

struct gpu_row {
	uint32_t index, line;
	int numa;	       /* -1: not said */
	uint8_t *nearness;     /* by adapter */
	bool *nvlink;	       /* by GPU column */
	uint32_t adapter;      /* NO_ADAPTER: none is nearer than others */
};

struct matrix {
	const struct survey_input *in;
	struct pl_error *err;
	struct strbuf text; /* without what colours it */
	struct line line;
	bool has_header;
	uint32_t n_gpu_columns, n_adapters;
	uint32_t *gpu_of_column;
	char **adapters; /* names */
	struct gpu_row *rows;
	size_t n_rows, cap_rows;
};

/* ---- lines and fields ---- */

/* Copies the text without terminals' escape sequences: "\033[4m" underlines the header. */
static void copy_plain(struct strbuf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\033') {
			strbuf_addc(out, s[i]);
			continue;
		}
		while (i + 1 < len && s[i] != 'm' && s[i + 1] != '\n')
			i++;
	}
}

static struct slice trim(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return (struct slice){ s, (size_t)(end - s) };
}

/* One past the end of the field that begins at s. */
static const char *field_end(const struct line *line, const char *s, const char *end)
{
	while (s < end && *s != '\t' && (line->tabs || *s != ' '))
		s++;
	return s;
}

static void split(struct line *line, const char *s, const char *end)
{
	line->n = 0;
	line->tabs = memchr(s, '\t', (size_t)(end - s)) != NULL;
	if (!line->tabs && s < end && *s == ' ') /* the corner above the rows' names */
		line->n++;
	ARRAY_GROW(line->fields, line->n, line->cap);
	line->fields[0] = (struct slice){ s, 0 };
	while (s < end && line->n <= MAX_COLUMNS + 8) {
		const char *stop;

		while (!line->tabs && s < end && *s == ' ')
			s++;
		if (s == end)
			break;
		stop = field_end(line, s, end);
		ARRAY_GROW(line->fields, line->n, line->cap);
		line->fields[line->n++] = trim(s, stop);
		s = stop + (stop < end);
	}
}

static bool is_word(struct slice field, const char *word)
{
	return field.len == strlen(word) && memcmp(field.s, word, field.len) == 0;
}

/* The number of "GPU12"; false for another word. */
static bool take_index(struct slice field, const char *prefix, uint32_t *index)
{
	size_t at = strlen(prefix);

	if (field.len <= at || field.len > at + 4 || memcmp(field.s, prefix, at) != 0)
		return false;
	*index = 0;
	for (; at < field.len; at++) {
		if (field.s[at] < '0' || field.s[at] > '9')
			return false;
		*index = *index * 10 + (uint32_t)(field.s[at] - '0');
	}
	return *index < MAX_GPUS;
}

static int refuse(const struct matrix *m, const char *what)
{
	return pl_errorf(m->err, PL_EUSAGE, "%s:%zu: %s; give what nvidia-smi topo -m prints",
			 m->in->name, m->line.number, what);
}

/* ---- the matrix ---- */

/* GPUs, then adapters: NIC0 (named below, in the legend) or mlx5_0. */
static int read_header(struct matrix *m)
{
	const struct line *line = &m->line;
	uint32_t index;

	m->gpu_of_column = xcalloc(line->n + 1, sizeof(*m->gpu_of_column));
	m->adapters = xcalloc(line->n + 1, sizeof(*m->adapters));
	for (size_t i = 1; i < line->n; i++) {
		struct slice field = line->fields[i];

		if (is_word(field, "CPU") || is_word(field, "CPU Affinity") || field.len == 0)
			break;
		if (i > MAX_COLUMNS)
			return refuse(m, "more than 2048 columns");
		if (take_index(field, "GPU", &index) && m->n_adapters == 0)
			m->gpu_of_column[m->n_gpu_columns++] = index;
		else
			m->adapters[m->n_adapters++] = xstrndup(field.s, field.len);
	}
	m->has_header = true;
	return 0;
}

static enum nearness nearness_of(struct slice cell)
{
	static const char *const words[] = { [NODE] = "NODE", [PHB] = "PHB", [PXB] = "PXB",
					     [PIX] = "PIX" };

	for (enum nearness i = PIX; i > FAR; i--) {
		if (is_word(cell, words[i]))
			return i;
	}
	return FAR;
}

/* The first number of "0,3-9,11-17": the node of the processor, then come those of GPUs. */
static int first_number(const struct line *line, size_t at)
{
	struct slice field = at < line->n ? line->fields[at] : (struct slice){ "", 0 };
	int n = 0;

	if (field.len == 0 || field.s[0] < '0' || field.s[0] > '9')
		return -1;
	for (size_t i = 0; i < field.len && i < 6 && field.s[i] >= '0' && field.s[i] <= '9'; i++)
		n = n * 10 + (field.s[i] - '0');
	return n;
}

static int read_gpu(struct matrix *m, uint32_t index)
{
	const struct line *line = &m->line;
	size_t n_cells = m->n_gpu_columns + m->n_adapters;
	struct gpu_row row = { .index = index, .line = (uint32_t)line->number,
			       .adapter = NO_ADAPTER };

	if (line->n < 1 + n_cells)
		return refuse(m, "fewer cells than the header has columns");
	if (m->n_rows == m->n_gpu_columns)
		return refuse(m, "more GPUs than the header has");
	row.nvlink = xcalloc(m->n_gpu_columns + 1, sizeof(*row.nvlink));
	row.nearness = xcalloc(m->n_adapters + 1, sizeof(*row.nearness));
	for (size_t i = 0; i < n_cells; i++) {
		struct slice cell = line->fields[1 + i];

		if (i >= m->n_gpu_columns)
			row.nearness[i - m->n_gpu_columns] = (uint8_t)nearness_of(cell);
		else
			row.nvlink[i] = cell.len >= 2 && memcmp(cell.s, "NV", 2) == 0;
	}
	row.numa = first_number(line, 1 + n_cells + 1);
	ARRAY_GROW(m->rows, m->n_rows, m->cap_rows);
	m->rows[m->n_rows++] = row;
	return 0;
}

/* "  NIC0: mlx5_0" */
static void read_legend(struct matrix *m)
{
	struct slice name = m->line.fields[m->line.n - 1], key; /* there is one at least */
	uint32_t index;

	for (size_t i = 0; i + 1 < m->line.n; i++) {
		key = m->line.fields[i];
		if (key.len < 2 || key.s[key.len - 1] != ':')
			continue;
		key.len--;
		if (!take_index(key, "NIC", &index) || index >= m->n_adapters ||
		    !import_is_name(name.s, name.len))
			return;
		free(m->adapters[index]);
		m->adapters[index] = xstrndup(name.s, name.len);
	}
}

static int read_line(struct matrix *m)
{
	const struct line *line = &m->line;
	uint32_t index;

	if (line->n == 0 || (line->n == 1 && line->fields[0].len == 0))
		return 0;
	if (!m->has_header) {
		if (line->n < 2 || !take_index(line->fields[1], "GPU", &index))
			return refuse(m, "a header that begins with GPU0 is expected");
		return read_header(m);
	}
	if (take_index(line->fields[0], "GPU", &index))
		return read_gpu(m, index);
	read_legend(m);
	return 0;
}

static int read_matrix(struct matrix *m)
{
	const char *s, *end;

	copy_plain(&m->text, m->in->bytes, m->in->len);
	s = strbuf_str(&m->text);
	end = s + m->text.len;
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const char *stop = newline != NULL ? newline : end;

		m->line.number++;
		if (memchr(s, '\0', (size_t)(stop - s)) != NULL)
			return refuse(m, "a NUL byte");
		split(&m->line, s, stop);
		if (read_line(m) < 0)
			return -1;
		s = newline != NULL ? newline + 1 : end;
	}
	if (m->n_rows == 0 || m->n_rows != m->n_gpu_columns)
		return refuse(m, m->n_rows == 0 ? "no GPU in it" : "rows of GPUs are missing");
	return 0;
}

static void free_matrix(struct matrix *m)
{
	for (uint32_t i = 0; i < m->n_adapters; i++)
		free(m->adapters[i]);
	for (size_t i = 0; i < m->n_rows; i++) {
		free(m->rows[i].nearness);
		free(m->rows[i].nvlink);
	}
	free(m->adapters);
	free(m->gpu_of_column);
	free(m->rows);
	free(m->line.fields);
	strbuf_fini(&m->text);
}

/* ---- which adapter is whose ---- */

/* The nearest that no GPU has yet, of as near ones; shared where all of them are taken. */
static uint32_t nearest(const struct matrix *m, const struct gpu_row *row, const bool *taken)
{
	uint32_t best = NO_ADAPTER;

	for (uint32_t i = 0; i < m->n_adapters; i++) {
		if (row->nearness[i] == FAR)
			continue;
		if (best == NO_ADAPTER || row->nearness[i] > row->nearness[best] ||
		    (row->nearness[i] == row->nearness[best] && taken[best] && !taken[i]))
			best = i;
	}
	return best;
}

static void pair(struct matrix *m)
{
	bool *taken = xcalloc(m->n_adapters + 1, sizeof(*taken));

	for (size_t i = 0; i < m->n_rows; i++) {
		m->rows[i].adapter = nearest(m, &m->rows[i], taken);
		if (m->rows[i].adapter != NO_ADAPTER)
			taken[m->rows[i].adapter] = true;
	}
	free(taken);
}

/* Adapters that share a bridge with a GPU are for the fabric; the others are for storage and
 * users. Where no adapter does, all of them. */
static uint32_t fabric_adapters(const struct matrix *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_adapters; i++) {
		bool near = false;

		for (size_t k = 0; k < m->n_rows; k++)
			near = near || m->rows[k].nearness[i] >= PHB;
		n += near;
	}
	return n > 0 ? n : m->n_adapters;
}

/* ---- facts ---- */

static void note_nvlink(struct pl_survey *s, const struct matrix *m,
			const struct pl_survey_host *host)
{
	for (size_t i = 0; i < m->n_rows; i++) {
		for (uint32_t k = 0; k < m->n_gpu_columns; k++) {
			if (m->rows[i].nvlink[k] || m->gpu_of_column[k] == m->rows[i].index)
				continue;
			survey_note(s, "%s:%u: GPUs %u and %u of %s have no NVLink between them",
				    m->in->name, m->rows[i].line, m->rows[i].index,
				    m->gpu_of_column[k], host->name);
			return;
		}
	}
}

static void add_facts(struct pl_survey *s, const struct matrix *m, struct pl_survey_host *host)
{
	uint32_t source =
		survey_add_source(s, "nvidia-smi-topo", m->in->name, m->in->taken_at);
	bool paired = false;

	survey_set_count(s, host, &host->n_gpus, (uint32_t)m->n_rows, source, "GPUs");
	if (m->n_adapters > 0)
		survey_set_count(s, host, &host->n_adapters, fabric_adapters(m), source,
				 "adapters");
	for (size_t i = 0; i < m->n_rows; i++) {
		const struct gpu_row *row = &m->rows[i];
		struct pl_survey_gpu *gpu = survey_gpu(host, row->index, source);

		if (gpu->numa < 0)
			gpu->numa = row->numa;
		if (row->adapter == NO_ADAPTER)
			continue;
		paired = true;
		import_gpu_text(s, host, gpu, &gpu->adapter, m->adapters[row->adapter], "adapter");
	}
	if (!paired && m->n_adapters > 0)
		survey_note_on(s, host->name,
			       "no GPU is nearer to one adapter than to another (SYS): they are "
			       "paired by NUMA node");
	note_nvlink(s, m, host);
}

int nvidia_topo_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct matrix m = { .in = in, .err = err, .text = STRBUF_INIT };
	struct pl_survey_host *host = NULL;

	if (read_matrix(&m) == 0)
		host = import_own_host(s, in, err);
	if (host != NULL) {
		pair(&m);
		add_facts(s, &m, host);
	}
	free_matrix(&m);
	return host != NULL ? 0 : -1;
}

int nvidia_topo_recognise(const char *bytes, size_t len)
{
	size_t looked = len < 8192 ? len : 8192;

	return import_mentions(bytes, looked, "GPU0") && import_mentions(bytes, looked, " X ") &&
			       import_mentions(bytes, looked, "CPU Affinity")
		       ? 90
		       : 0;
}
