/* topo_text.c - the machine as text, and text that says something about it; see topo.h */
#include "map/topo.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const char *const link_names[] = { "", "nvlink", "infiniband", "ethernet" };

const char *pl_link_name(enum pl_link link)
{
	return link_names[link];
}

int pl_link_parse(const char *name)
{
	for (size_t i = 1; i < ARRAY_LEN(link_names); i++) {
		if (strcmp(name, link_names[i]) == 0)
			return (int)i;
	}
	return -1;
}

/* ---- trees of numbers ---- */

/* The numbers of "4:18:7"; returns how many, -1 where something else stands. */
static int parse_numbers(const char *text, double *out)
{
	int n = 0;

	for (;;) {
		char *end;

		if (n == PL_TOPO_MAX_LEVELS || !isdigit((unsigned char)*text))
			return -1;
		out[n] = strtod(text, &end);
		if (!(out[n] > 0 && out[n] < 1e12) || (*end != ':' && *end != '\0'))
			return -1;
		n++;
		if (*end == '\0')
			return n;
		text = end + 1;
	}
}

static int check_tree(const double *counts, int n, struct pl_error *err)
{
	double pes = 1;

	for (int i = 0; i < n; i++) {
		if (counts[i] > PL_TOPO_MAX_PES || counts[i] != (double)(uint32_t)counts[i])
			return pl_errorf(err, PL_EUSAGE, "tree: %g is no count of units",
			                 counts[i]);
		pes *= counts[i];
	}
	if (pes > PL_TOPO_MAX_PES)
		return pl_errorf(err, PL_EUSAGE, "tree: more than %u GPUs", PL_TOPO_MAX_PES);
	if (counts[0] > 1024)
		return pl_errorf(err, PL_EUSAGE,
		                 "tree: the innermost level is a host: %g GPUs are "
		                 "more than 1024",
		                 counts[0]);
	return 0;
}

/* Hosts n[0-...], one per unit of the innermost level. */
static struct pl_topo *create_tree(const double *counts, const double *distances, int n,
                                   const char *source, struct pl_error *err)
{
	struct pl_topo_level levels[PL_TOPO_MAX_LEVELS] = { 0 };
	char names[PL_TOPO_MAX_LEVELS][16];
	struct pl_hostlist *hosts = pl_hostlist_create();
	struct pl_topo_spec spec = { .name = "tree",
		                     .source = source,
		                     .hosts = hosts,
		                     .gpus_per_host = (uint32_t)counts[0],
		                     .levels = levels,
		                     .n_levels = (size_t)n };
	struct pl_topo *t;
	double n_hosts = 1;

	for (int i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), i == 0 ? "host" : "level%d", i + 1);
		levels[i].name = names[i];
		levels[i].count = (uint32_t)counts[i];
		levels[i].distance = distances[i];
		n_hosts *= i > 0 ? counts[i] : 1;
	}
	for (uint32_t h = 0; h < (uint32_t)n_hosts; h++) {
		char name[16];

		snprintf(name, sizeof(name), "n%u", h);
		pl_hostlist_add(hosts, name);
	}
	t = pl_topo_create(&spec, err);
	pl_hostlist_destroy(hosts);
	return t;
}

struct pl_topo *pl_topo_parse_tree(const char *tree, const char *distance, struct pl_error *err)
{
	double counts[PL_TOPO_MAX_LEVELS], distances[PL_TOPO_MAX_LEVELS];
	int n = parse_numbers(tree, counts);
	int n_distances = parse_numbers(distance, distances);
	struct strbuf source = STRBUF_INIT;
	struct pl_topo *t;

	if (n < 0 || n_distances < 0)
		return pl_errorf(err, PL_EUSAGE,
		                 "%s '%s': up to %d positive numbers joined by ':', from the GPU "
		                 "outwards, as in 4:18:7:20",
		                 n < 0 ? "tree" : "distance", n < 0 ? tree : distance,
		                 PL_TOPO_MAX_LEVELS),
		       NULL;
	if (n != n_distances)
		return pl_errorf(err, PL_EUSAGE, "tree '%s' has %d levels but distance '%s' has %d",
		                 tree, n, distance, n_distances),
		       NULL;
	if (check_tree(counts, n, err) < 0)
		return NULL;
	strbuf_addf(&source, "tree %s with distance %s", tree, distance);
	t = create_tree(counts, distances, n, strbuf_str(&source), err);
	strbuf_fini(&source);
	return t;
}

/* ---- unusable GPUs ---- */

const char *topo_part_end(const char *s)
{
	int depth = 0;

	for (; *s != '\0' && (*s != ',' || depth > 0); s++)
		depth += (*s == '[') - (*s == ']');
	return s;
}

/* GPUS: "2" or "0-3"; empty means all. */
static int parse_gpus(const struct pl_topo *t, const char *text, uint32_t *first, uint32_t *last)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	*first = *last = (uint32_t)strtoul(text, &end, 10);
	if (*end == '-' && isdigit((unsigned char)end[1]))
		*last = (uint32_t)strtoul(end + 1, &end, 10);
	return *end == '\0' && *first <= *last && *last < t->gpus_per_host ? 0 : -1;
}

/* Sets `mark` in the mask for one part, "HOSTS" or "HOSTS:GPUS"; `part` is changed. */
static int mark_part(const struct pl_topo *t, char *part, enum pl_topo_mark mark, uint8_t *mask,
                     struct pl_error *err)
{
	uint32_t first = 0, last = t->gpus_per_host - 1;
	char *colon = strrchr(part, ':');
	struct pl_hostlist *hosts;
	int rc = 0;

	if (colon != NULL) {
		*colon = '\0';
		if (parse_gpus(t, colon + 1, &first, &last) < 0)
			return pl_errorf(err, PL_EUSAGE,
			                 "unusable '%s:%s': GPUs are a number or a range from 0 to "
			                 "%u",
			                 part, colon + 1, t->gpus_per_host - 1);
	}
	hosts = pl_hostlist_parse(part, NULL, err);
	if (hosts == NULL)
		return pl_error_prefix(err, "unusable '%s'", part);
	for (size_t i = 0; i < pl_hostlist_count(hosts) && rc == 0; i++) {
		const char *name = pl_hostlist_name(hosts, i);
		size_t host = pl_hostlist_find(t->hosts, name);

		if (host == SIZE_MAX)
			rc = pl_errorf(err, PL_EUSAGE, "unusable '%s': %s is no host of '%s'", part,
			               name, t->name);
		else
			memset(mask + pl_topo_pe(t, host, first), (int)mark, last - first + 1);
	}
	pl_hostlist_destroy(hosts);
	return rc;
}

static int mark_all(struct pl_topo *t, const char *text, enum pl_topo_mark mark,
                    struct pl_error *err)
{
	uint8_t *mask = xmalloc(t->n_pes);
	int rc = 0;

	memcpy(mask, t->unusable, t->n_pes);
	while (*text != '\0' && rc == 0) {
		const char *end = topo_part_end(text);
		char *part = xstrndup(text, (size_t)(end - text));

		rc = *part != '\0' ? mark_part(t, part, mark, mask, err) : 0;
		free(part);
		text = *end == ',' ? end + 1 : end;
	}
	if (rc == 0) {
		for (uint32_t pe = 0; pe < t->n_pes; pe++)
			topo_mark(t, pe, (enum pl_topo_mark)mask[pe]);
	}
	free(mask);
	return rc;
}

int pl_topo_mark_unusable(struct pl_topo *t, const char *text, struct pl_error *err)
{
	return mark_all(t, text, PL_TOPO_UNUSABLE, err);
}

int pl_topo_mark_missing(struct pl_topo *t, const char *text, struct pl_error *err)
{
	return mark_all(t, text, PL_TOPO_MISSING, err);
}

/* ---- for a person ---- */

static void add_count(struct strbuf *out, uint64_t n, const char *one, const char *many)
{
	strbuf_addf(out, "%s%llu %s", out->len > 0 ? ", " : "", (unsigned long long)n,
	            n == 1 ? one : many);
}

void pl_topo_format_counts(const struct pl_topo *t, struct strbuf *out)
{
	struct strbuf line = STRBUF_INIT;
	size_t hosts = pl_hostlist_count(t->hosts);
	uint32_t broken = t->n_unusable - t->n_missing;

	add_count(&line, hosts, "host", "hosts");
	add_count(&line, t->n_pes - t->n_missing, "GPU", "GPUs");
	if (t->domain_level >= 0 && t->levels[t->domain_level].link == PL_LINK_NVLINK)
		add_count(&line, pl_topo_units(t, (size_t)t->domain_level), "NVLink domain",
		          "NVLink domains");
	if (t->n_switches > 0)
		add_count(&line, t->n_switches, "switch", "switches");
	if (t->n_adapters > 0)
		add_count(&line, t->n_adapters, "adapter", "adapters");
	if (broken > 0)
		add_count(&line, broken, "GPU unusable", "GPUs unusable");
	strbuf_add(out, line.s, line.len);
	strbuf_fini(&line);
}

/* A number, or "-" where it is unknown. */
static void add_figure(struct strbuf *out, int width, double value, const char *suffix)
{
	char text[32];

	if (value > 0)
		snprintf(text, sizeof(text), "%g%s", value, suffix);
	else
		snprintf(text, sizeof(text), "-");
	strbuf_addf(out, "  %*s", width, text);
}

static bool level_is_uneven(const struct pl_topo *t, size_t i)
{
	return t->host_unit[i] != NULL && i > 0 &&
	       (uint64_t)t->n_units[i] * t->levels[i].count !=
	               (t->host_unit[i - 1] != NULL ? t->n_units[i - 1]
	                                            : t->n_pes / t->gpus_per_host);
}

static void add_level(const struct pl_topo *t, size_t i, struct strbuf *out)
{
	const struct pl_topo_level *l = &t->levels[i];
	const char *inner = i > 0 ? t->levels[i - 1].name : "GPU";
	const char *link = pl_link_name(l->link);
	char holds[64];

	snprintf(holds, sizeof(holds), "%s%u x %s", level_is_uneven(t, i) ? "<= " : "", l->count,
	         inner);
	strbuf_addf(out, "%-10s  %-14s  %6u  %8u  %-10s", l->name, holds, pl_topo_units(t, i),
	            t->span[i], link[0] != '\0' ? link : "-");
	add_figure(out, 9, l->bandwidth_gbyte_s, "");
	add_figure(out, 7, l->latency_us, "");
	strbuf_addf(out, "  %4s%g", "1:", l->oversubscription);
	add_figure(out, 5, l->rails, "");
	add_figure(out, 8, l->distance, "");
	strbuf_addc(out, '\n');
}

static void add_islands(const struct pl_topo_level *l, struct strbuf *out)
{
	if (l->n_islands == 0)
		return;
	strbuf_addf(out, "islands of %s:", l->name);
	for (size_t k = 0; k < l->n_islands; k++)
		strbuf_addf(out, " %s", l->islands[k]);
	strbuf_addc(out, '\n');
}

void pl_topo_format_text(const struct pl_topo *t, struct strbuf *out)
{
	char *hosts = pl_hostlist_fold(t->hosts);

	pl_topo_format_counts(t, out);
	strbuf_addf(out, "\n\n%s: hosts %s, GPUs 0-%u\n", t->name, hosts, t->gpus_per_host - 1);
	free(hosts);
	if (t->source != NULL)
		strbuf_addf(out, "source: %s\n", t->source);
	if (t->calibrated != NULL)
		strbuf_addf(out, "calibrated: %s\n", t->calibrated);
	strbuf_addf(out, "\n%-10s  %-14s  %6s  %8s  %-10s  %9s  %7s  %5s  %5s  %8s\n", "level",
	            "holds", "units", "GPUs", "link", "GB/s/GPU", "us", "over", "rails",
	            "distance");
	for (size_t i = 0; i < t->n_levels; i++)
		add_level(t, i, out);
	for (size_t i = 0; i < t->n_levels; i++)
		add_islands(&t->levels[i], out);
}
