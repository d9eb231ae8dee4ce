/* rankmap_read.c - see rankmap_read.h */
#include "map/rankmap_read.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* One rank as it was read. */
struct entry {
	uint32_t pe, line; /* line 0: not given */
};

struct reading {
	const struct pl_topo *topo;
	const char *name;
	struct entry *ranks;
	size_t n, cap;
	uint32_t line;
	struct pl_error *err;
};

static int refuse(const struct reading *r, const char *fmt, ...)
        __attribute__((format(printf, 2, 3)));

static int refuse(const struct reading *r, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	pl_errorf(r->err, PL_EUSAGE, "%s:%u: %s", r->name, r->line, strbuf_str(&b));
	strbuf_fini(&b);
	return -1;
}

static int add_rank(struct reading *r, uint64_t rank, uint32_t pe)
{
	if (rank >= r->topo->n_pes)
		return refuse(r, "rank %llu: the machine has %u GPUs", (unsigned long long)rank,
		              r->topo->n_pes);
	while (r->n <= rank) {
		ARRAY_GROW(r->ranks, r->n, r->cap);
		r->ranks[r->n++] = (struct entry){ 0 };
	}
	if (r->ranks[rank].line > 0)
		return refuse(r, "rank %llu was placed in line %u already",
		              (unsigned long long)rank, r->ranks[rank].line);
	r->ranks[rank] = (struct entry){ pe, r->line };
	return 0;
}

static int add_on_host(struct reading *r, uint64_t rank, const char *host, uint64_t gpu)
{
	size_t at = pl_hostlist_find(r->topo->hosts, host);

	if (at == SIZE_MAX)
		return refuse(r, "%s is no host of '%s'", host, r->topo->name);
	if (gpu >= r->topo->gpus_per_host)
		return refuse(r, "%s has GPUs 0 to %u, not %llu", host, r->topo->gpus_per_host - 1,
		              (unsigned long long)gpu);
	return add_rank(r, rank, pl_topo_pe(r->topo, at, (uint32_t)gpu));
}

/* A whole number that ends at *end; false where there is none. */
static bool read_number(const char **text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*value = strtoull(*text, &end, 10);
	*text = end;
	return true;
}

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t\r");
}

/* ---- lines of the formats ---- */

typedef int line_f(struct reading *r, char *line);

static int read_vector_line(struct reading *r, char *line)
{
	const char *at = line;
	uint64_t pe;

	if (!read_number(&at, &pe) || *skip_blanks(at) != '\0')
		return refuse(r, "'%s' is no PE number: line i says where rank i - 1 is", line);
	if (pe >= r->topo->n_pes)
		return refuse(r, "PE %llu: '%s' has PEs 0 to %u", (unsigned long long)pe,
		              r->topo->name, r->topo->n_pes - 1);
	return add_rank(r, r->n, (uint32_t)pe);
}

/* rank 0=host slot=0 */
static int read_rankfile_line(struct reading *r, char *line)
{
	static const char shape[] = "a line is 'rank 0=HOST slot=GPU'";
	const char *at = line;
	char *host;
	uint64_t rank, gpu;

	if (strncmp(at, "rank", 4) != 0)
		return refuse(r, "'%s': %s", line, shape);
	at = skip_blanks(at + 4);
	if (!read_number(&at, &rank) || *(at = skip_blanks(at)) != '=')
		return refuse(r, "'%s': no rank number and '=': %s", line, shape);
	host = line + (skip_blanks(at + 1) - line);
	at = host + strcspn(host, " \t");
	if (*at == '\0' || at == host)
		return refuse(r, "'%s': no host and slot: %s", line, shape);
	line[at - line] = '\0';
	at = skip_blanks(at + 1);
	if (strncmp(at, "slot=", 5) == 0 || strncmp(at, "slots=", 6) == 0)
		at = strchr(at, '=') + 1;
	if (!read_number(&at, &gpu) || *skip_blanks(at) != '\0')
		return refuse(r, "rank %llu: 'slot=' takes one GPU index, not '%s'",
		              (unsigned long long)rank, at);
	return add_on_host(r, rank, host, gpu);
}

/* rank,host,gpu,... */
static int read_csv_line(struct reading *r, char *line)
{
	const char *at = line;
	char *host, *end;
	uint64_t rank, gpu;

	if (r->line == 1)
		return 0;
	if (!read_number(&at, &rank) || *at != ',')
		return refuse(r, "'%s': no rank in the first column", line);
	host = line + (at + 1 - line);
	end = strchr(host, ',');
	if (end == NULL)
		return refuse(r, "rank %llu: no host and GPU", (unsigned long long)rank);
	*end = '\0';
	at = end + 1;
	if (!read_number(&at, &gpu))
		return refuse(r, "rank %llu: '%s' is no GPU index", (unsigned long long)rank, at);
	return add_on_host(r, rank, host, gpu);
}

/* ---- the whole ---- */

static int read_lines(struct reading *r, const char *bytes, size_t len, line_f *read_line)
{
	const char *end = bytes + len;
	int rc = 0;

	while (bytes < end && rc == 0) {
		const char *eol = memchr(bytes, '\n', (size_t)(end - bytes));
		char *line = xstrndup(bytes, (size_t)((eol != NULL ? eol : end) - bytes));
		char *text;

		line[strcspn(line, "#\r")] = '\0';
		text = line + strspn(line, " \t");
		r->line++;
		if (*text != '\0')
			rc = read_line(r, text);
		free(line);
		bytes = eol != NULL ? eol + 1 : end;
	}
	return rc;
}

static int read_json(struct reading *r, const char *bytes, size_t len)
{
	json_error_t why;
	json_t *doc = json_loadb(bytes, len, 0, &why), *ranks, *item;
	int rc = 0;
	size_t i;

	r->line = doc != NULL || why.line < 0 ? 1 : (uint32_t)why.line;
	if (doc == NULL)
		return refuse(r, "no JSON: %s", why.text);
	ranks = json_object_get(doc, "ranks");
	if (!json_is_array(ranks))
		rc = refuse(r, "no \"ranks\": a map has {\"ranks\":[{\"rank\":0,\"host\":...,"
			       "\"gpu\":0}, ...]}");
	json_array_foreach(ranks, i, item) {
		json_t *rank = json_object_get(item, "rank"), *gpu = json_object_get(item, "gpu");
		const char *host = json_string_value(json_object_get(item, "host"));

		r->line = (uint32_t)i + 2; /* as we write it: one rank a line */
		if (rc == 0 && (!json_is_integer(rank) || !json_is_integer(gpu) || host == NULL ||
		                json_integer_value(rank) < 0 || json_integer_value(gpu) < 0))
			rc = refuse(r, "entry %zu of \"ranks\" needs rank, host and gpu", i + 1);
		if (rc == 0)
			rc = add_on_host(r, (uint64_t)json_integer_value(rank), host,
			                 (uint64_t)json_integer_value(gpu));
	}
	json_decref(doc);
	return rc;
}

static int read_any(struct reading *r, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && (isspace((unsigned char)bytes[at]) || bytes[at] == '#')) {
		const char *eol = bytes[at] == '#' ? memchr(bytes + at, '\n', len - at) : NULL;

		at = eol != NULL ? (size_t)(eol - bytes) : at + 1;
	}
	if (at < len && bytes[at] == '{')
		return read_json(r, bytes, len);
	if (len - at >= 5 && memcmp(bytes + at, "rank,", 5) == 0)
		return read_lines(r, bytes, len, read_csv_line);
	if (at < len && isdigit((unsigned char)bytes[at]))
		return read_lines(r, bytes, len, read_vector_line);
	return read_lines(r, bytes, len, read_rankfile_line);
}

/* Every rank is there, and alone on its GPU. */
static int check_all(struct reading *r)
{
	uint32_t *rank_on = xcalloc(r->topo->n_pes, sizeof(*rank_on));
	int rc = 0;

	if (r->n == 0) {
		r->line = 1;
		rc = refuse(r, "no ranks: a vector, JSON, CSV or rankfile has one a line");
	}
	for (size_t i = 0; i < r->n && rc == 0; i++) {
		const struct entry *e = &r->ranks[i];
		uint32_t *on = &rank_on[e->pe];

		r->line = e->line;
		if (e->line == 0) {
			r->line = r->ranks[r->n - 1].line;
			rc = refuse(r, "rank %zu is missing below rank %zu", i, r->n - 1);
		} else if (*on > 0) {
			rc = refuse(r, "rank %zu is on GPU %u of %s, where rank %u is (line %u)", i,
			            pl_topo_gpu(r->topo, e->pe),
			            pl_hostlist_name(r->topo->hosts, pl_topo_host(r->topo, e->pe)),
			            *on - 1, r->ranks[*on - 1].line);
		}
		*on = (uint32_t)i + 1;
	}
	free(rank_on);
	return rc;
}

int pl_rankmap_read(const struct pl_topo *topo, const char *name, const char *bytes, size_t len,
                    uint32_t **pe, uint32_t *n, struct pl_error *err)
{
	struct reading r = { .topo = topo, .name = name, .err = err };
	int rc = read_any(&r, bytes, len);

	if (rc == 0)
		rc = check_all(&r);
	if (rc == 0) {
		*n = (uint32_t)r.n;
		*pe = xcalloc(r.n, sizeof(**pe));
		for (size_t i = 0; i < r.n; i++)
			(*pe)[i] = r.ranks[i].pe;
	}
	free(r.ranks);
	return rc;
}
