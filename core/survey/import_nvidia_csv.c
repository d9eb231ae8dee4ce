/*
 * import_nvidia_csv.c - the NVLink domains of one host's GPUs, a line for each:
 *
 *	nvidia-smi --query-gpu=fabric.clusterUuid,fabric.cliqueId --format=csv,noheader
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/import_gpu.h"
#include "survey/importers.h"

#define MAX_GPUS   1024 /* of one host */
#define FIELD_MAX  64
#define HEADER	   "fabric.clusterUuid"

struct row {
	char cluster[FIELD_MAX + 1], clique[FIELD_MAX + 1];
};

enum row_kind { ROW_BAD, ROW_EMPTY, ROW_GPU };

/* Copies a field without the blanks around it; -1 when it is none. */
static int copy_field(char *out, const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	if (s == end || end - s > FIELD_MAX || memchr(s, '\0', (size_t)(end - s)) != NULL)
		return -1;
	memcpy(out, s, (size_t)(end - s));
	out[end - s] = '\0';
	return 0;
}

static bool is_absent(const char *field)
{
	return strcmp(field, "N/A") == 0 || strcmp(field, "[N/A]") == 0 ||
	       strcmp(field, "[Not Supported]") == 0;
}

/* "UUID, ID", "N/A, N/A", a header, or nothing. */
static enum row_kind parse_row(const char *s, const char *end, struct row *row)
{
	const char *comma = memchr(s, ',', (size_t)(end - s));

	if (comma == NULL)
		return copy_field(row->cluster, s, end) < 0 && end - s <= FIELD_MAX ? ROW_EMPTY
										    : ROW_BAD;
	if (copy_field(row->cluster, s, comma) < 0 || copy_field(row->clique, comma + 1, end) < 0)
		return ROW_BAD;
	if (strcmp(row->cluster, HEADER) == 0)
		return ROW_EMPTY;
	if (!is_absent(row->cluster) &&
	    strspn(row->cluster, "0123456789abcdefABCDEF-") != strlen(row->cluster))
		return ROW_BAD;
	if (!is_absent(row->clique) &&
	    strspn(row->clique, "0123456789") != strlen(row->clique))
		return ROW_BAD;
	return ROW_GPU;
}

struct table {
	struct row *rows;
	size_t n, cap;
};

static int parse_table(struct table *t, const struct survey_input *in, struct pl_error *err)
{
	const char *s = in->bytes, *end = in->bytes + in->len;
	size_t line = 0;

	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const char *stop = newline != NULL ? newline : end;
		enum row_kind kind;

		line++;
		ARRAY_GROW(t->rows, t->n, t->cap);
		kind = parse_row(s, stop, &t->rows[t->n]);
		if (kind == ROW_BAD || t->n == MAX_GPUS)
			return pl_errorf(err, PL_EUSAGE,
					 "%s:%zu: a cluster UUID, a comma and a clique id are "
					 "expected; give what nvidia-smi --query-gpu=" HEADER
					 ",fabric.cliqueId --format=csv,noheader prints",
					 in->name, line);
		t->n += kind == ROW_GPU;
		s = newline != NULL ? newline + 1 : end;
	}
	if (t->n == 0)
		return pl_errorf(err, PL_EUSAGE, "%s:%zu: no GPU in it", in->name, line + !line);
	return 0;
}

static void add_table(struct pl_survey *s, const struct survey_input *in,
		      struct pl_survey_host *host, const struct table *t)
{
	uint32_t source = survey_add_source(s, "nvidia-smi-csv", in->name, in->taken_at);

	survey_set_count(s, host, &host->n_gpus, (uint32_t)t->n, source, "GPUs");
	for (size_t i = 0; i < t->n; i++) {
		struct import_fabric fabric = { NULL, NULL, t->rows[i].clique, t->rows[i].cluster };

		import_gpu_fabric(s, host, survey_gpu(host, (uint32_t)i, source), &fabric);
	}
	import_host_domain(s, host, source);
}

int nvidia_smi_csv_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct table t = { NULL, 0, 0 };
	struct pl_survey_host *host = NULL;

	if (parse_table(&t, in, err) == 0)
		host = import_own_host(s, in, err);
	if (host != NULL)
		add_table(s, in, host, &t);
	free(t.rows);
	return host != NULL ? 0 : -1;
}

/* The first line is a UUID and a number; "N/A, N/A" might be anybody's. */
int nvidia_smi_csv_recognise(const char *bytes, size_t len)
{
	const char *newline = memchr(bytes, '\n', len < 256 ? len : 256);
	size_t first = newline != NULL ? (size_t)(newline - bytes) : len;
	struct row row;

	if (len == 0 || first > 256)
		return 0;
	if (first >= strlen(HEADER) && memcmp(bytes, HEADER, strlen(HEADER)) == 0)
		return 95;
	if (parse_row(bytes, bytes + first, &row) != ROW_GPU)
		return 0;
	return strlen(row.cluster) == 36 && row.cluster[8] == '-' ? 90 : 55;
}
