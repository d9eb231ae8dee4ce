/* rankmap_read.c - see rankmap_read.h */
#include "map/rankmap_read.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "map/rankmap_reading.h"

/* ---- problems ---- */

void reading_refuse(struct reading *r, const char *fmt, ...)
{
	va_list ap;

	if (r->n_problems++ >= READING_MAX_PROBLEMS)
		return;
	strbuf_addf(&r->problems, "%s%s:%u: ", r->problems.len > 0 ? "\n" : "", r->name, r->line);
	va_start(ap, fmt);
	strbuf_vaddf(&r->problems, fmt, ap);
	va_end(ap);
}

static void refuse_host(struct reading *r, const char *host)
{
	size_t n = pl_hostlist_count(r->topo->hosts);
	const char **names;
	char hint[300];

	if (r->n_problems >= READING_MAX_PROBLEMS) {
		r->n_problems++;
		return;
	}
	names = xcalloc(n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = pl_hostlist_name(r->topo->hosts, i);
	reading_refuse(r, "%s is no host of '%s'%s", host, r->topo->name,
		       nearest_hint(host, names, hint, sizeof(hint)));
	free(names);
}

/* ---- places ---- */

void reading_place_pe(struct reading *r, uint64_t rank, uint64_t pe)
{
	struct reading_entry *e;

	if (rank >= r->topo->n_pes) {
		reading_refuse(r, "rank %llu: the machine has %u GPUs", (unsigned long long)rank,
			       r->topo->n_pes);
		return;
	}
	if (pe != UINT64_MAX && pe >= r->topo->n_pes) {
		reading_refuse(r, "PE %llu: '%s' has PEs 0 to %u", (unsigned long long)pe,
			       r->topo->name, r->topo->n_pes - 1);
		pe = UINT64_MAX;
	}
	while (r->n <= rank) {
		ARRAY_GROW(r->ranks, r->n, r->cap);
		r->ranks[r->n++] = (struct reading_entry){ UINT32_MAX, 0 };
	}
	e = &r->ranks[rank];
	if (e->line > 0)
		reading_refuse(r, "rank %llu was placed in line %u already",
			       (unsigned long long)rank, e->line);
	else
		*e = (struct reading_entry){ pe != UINT64_MAX ? (uint32_t)pe : UINT32_MAX, r->line };
}

void reading_place(struct reading *r, uint64_t rank, const char *host, uint64_t gpu)
{
	size_t at = pl_hostlist_find(r->topo->hosts, host);
	uint64_t pe = UINT64_MAX;

	if (at == SIZE_MAX)
		refuse_host(r, host);
	else if (gpu >= r->topo->gpus_per_host)
		reading_refuse(r, "%s has GPUs 0 to %u, not %llu", host,
			       r->topo->gpus_per_host - 1, (unsigned long long)gpu);
	else
		pe = pl_topo_pe(r->topo, at, (uint32_t)gpu);
	reading_place_pe(r, rank, pe);
}

/* ---- the text ---- */

static void read_lines(struct reading *r, const char *bytes, size_t len)
{
	const char *end = bytes + len, *format;
	reading_line_f *read_line = NULL;

	while (bytes < end) {
		const char *eol = memchr(bytes, '\n', (size_t)(end - bytes));
		char *line = xstrndup(bytes, (size_t)((eol != NULL ? eol : end) - bytes));
		char *text;

		line[strcspn(line, "#\r")] = '\0';
		text = line + strspn(line, " \t");
		r->line++;
		if (*text != '\0' && read_line == NULL)
			read_line = reading_format(text, &format);
		if (*text != '\0' && read_line != NULL)
			read_line(r, text);
		else if (*text != '\0')
			reading_refuse(r, "'%.60s': a line of no format of maps: vector, csv, "
			                  "rankfile, torchrun, deepspeed, mpich, seq or slurm",
				       text);
		free(line);
		bytes = eol != NULL ? eol + 1 : end;
		if (read_line == NULL && r->n_problems > 0)
			return;
	}
}

static void read_json_rank(struct reading *r, size_t i, json_t *item)
{
	json_t *rank = json_object_get(item, "rank"), *gpu = json_object_get(item, "gpu");
	const char *host = json_string_value(json_object_get(item, "host"));

	if (!json_is_integer(rank) || !json_is_integer(gpu) || host == NULL ||
	    json_integer_value(rank) < 0 || json_integer_value(gpu) < 0)
		reading_refuse(r, "entry %zu of \"ranks\" needs rank, host and gpu", i + 1);
	else
		reading_place(r, (uint64_t)json_integer_value(rank), host,
			      (uint64_t)json_integer_value(gpu));
}

static void read_json(struct reading *r, const char *bytes, size_t len)
{
	json_error_t why;
	json_t *doc = json_loadb(bytes, len, 0, &why), *ranks, *item;
	size_t i;

	r->line = doc != NULL || why.line < 0 ? 1 : (uint32_t)why.line;
	if (doc == NULL) {
		reading_refuse(r, "no JSON: %s", why.text);
		return;
	}
	ranks = json_object_get(doc, "ranks");
	if (!json_is_array(ranks))
		reading_refuse(r, "no \"ranks\": a map has {\"ranks\":[{\"rank\":0,\"host\":...,"
				  "\"gpu\":0}, ...]}");
	json_array_foreach(ranks, i, item) {
		r->line = (uint32_t)i + 2; /* as we write it: one rank a line */
		read_json_rank(r, i, item);
	}
	json_decref(doc);
}

static void read_any(struct reading *r, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && isspace((unsigned char)bytes[at]))
		at++;
	if (at < len && bytes[at] == '{')
		read_json(r, bytes, len);
	else
		read_lines(r, bytes, len);
}

/* ---- every rank is there, and alone on its GPU ---- */

/* "3, 7-9": the ranks below the highest that no line places. */
static void check_missing(struct reading *r)
{
	struct strbuf list = STRBUF_INIT;
	size_t n = 0;

	for (size_t i = 0, end; i < r->n; i = end) {
		for (end = i; end < r->n && r->ranks[end].line == 0; end++)
			;
		if (end > i && list.len < 300) {
			strbuf_addf(&list, "%s%zu", n > 0 ? ", " : "", i);
			if (end > i + 1)
				strbuf_addf(&list, "-%zu", end - 1);
		}
		n += end - i;
		end += end == i;
	}
	if (n > 0) {
		r->line = r->ranks[r->n - 1].line;
		reading_refuse(r, "%s %s%s missing below rank %zu", n == 1 ? "rank" : "ranks",
			       list.s, n == 1 ? " is" : list.len < 300 ? " are" : " and more are",
			       r->n - 1);
	}
	strbuf_fini(&list);
}

static void check_shared(struct reading *r)
{
	uint32_t *rank_on = xcalloc(r->topo->n_pes, sizeof(*rank_on));

	for (size_t i = 0; i < r->n; i++) {
		const struct reading_entry *e = &r->ranks[i];

		if (e->pe == UINT32_MAX)
			continue;
		r->line = e->line;
		if (rank_on[e->pe] > 0)
			reading_refuse(r, "rank %zu is on GPU %u of %s, where rank %u is (line %u)",
				       i, pl_topo_gpu(r->topo, e->pe),
				       pl_hostlist_name(r->topo->hosts,
							pl_topo_host(r->topo, e->pe)),
				       rank_on[e->pe] - 1, r->ranks[rank_on[e->pe] - 1].line);
		else
			rank_on[e->pe] = (uint32_t)i + 1;
	}
	free(rank_on);
}

static void check_all(struct reading *r)
{
	if (r->n == 0 && r->n_problems == 0) {
		r->line = 1;
		reading_refuse(r, "no ranks: a map of any format has them one a line");
	}
	check_missing(r);
	check_shared(r);
	if (r->n_problems > READING_MAX_PROBLEMS)
		strbuf_addf(&r->problems, "\n%s: and %zu more problems", r->name,
			    r->n_problems - READING_MAX_PROBLEMS);
}

int pl_rankmap_read_all(const struct pl_topo *topo, const char *name, const char *bytes, size_t len,
			uint32_t **pe, uint32_t *n, struct strbuf *problems)
{
	struct reading r = { .topo = topo, .name = name, .problems = STRBUF_INIT };
	int rc = -1;

	read_any(&r, bytes != NULL ? bytes : "", len);
	check_all(&r);
	if (r.n_problems == 0) {
		rc = 0;
		*n = (uint32_t)r.n;
		*pe = xcalloc(r.n, sizeof(**pe));
		for (size_t i = 0; i < r.n; i++)
			(*pe)[i] = r.ranks[i].pe;
	}
	strbuf_add(problems, strbuf_str(&r.problems), r.problems.len);
	strbuf_fini(&r.problems);
	free(r.ranks);
	free(r.next_gpu);
	return rc;
}

int pl_rankmap_read(const struct pl_topo *topo, const char *name, const char *bytes, size_t len,
		    uint32_t **pe, uint32_t *n, struct pl_error *err)
{
	struct strbuf problems = STRBUF_INIT;
	int rc = pl_rankmap_read_all(topo, name, bytes, len, pe, n, &problems);

	if (rc < 0)
		pl_errorf(err, PL_EUSAGE, "%s", strbuf_str(&problems));
	strbuf_fini(&problems);
	return rc;
}
