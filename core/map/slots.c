/* slots.c - see slots.h */
#include "map/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A host of the request. */
struct candidate {
	uint32_t host;   /* index in the machine */
	uint32_t usable; /* GPUs; 0 for a spare */
	bool spare;
};

struct collect {
	const struct pl_map_request *request;
	struct candidate *hosts;
	uint32_t n_hosts;
	uint32_t *with; /* [m]: hosts that have at least m usable GPUs */
};

static uint32_t count_marked(const struct pl_topo *t, uint32_t host, enum pl_topo_mark mark)
{
	uint32_t first = host * t->gpus_per_host, n = 0;

	for (uint32_t gpu = 0; gpu < t->gpus_per_host; gpu++)
		n += t->unusable[first + gpu] == mark;
	return n;
}

static uint32_t count_usable(const struct pl_topo *t, uint32_t host)
{
	return count_marked(t, host, PL_TOPO_USABLE);
}

static int find_hosts(struct collect *c, struct pl_error *err)
{
	const struct pl_topo *t = c->request->topo;
	const struct pl_hostlist *asked = c->request->hosts;
	size_t n = pl_hostlist_count(asked != NULL ? asked : t->hosts);

	c->hosts = xcalloc(n + 1, sizeof(*c->hosts));
	c->with = xcalloc(t->gpus_per_host + 1, sizeof(*c->with));
	for (size_t i = 0; i < n; i++) {
		struct candidate *h = &c->hosts[c->n_hosts++];
		size_t at =
		        asked == NULL ? i : pl_hostlist_find(t->hosts, pl_hostlist_name(asked, i));

		if (at == SIZE_MAX)
			return pl_errorf(err, PL_EUSAGE, "%s is no host of '%s'",
			                 pl_hostlist_name(asked, i), t->name);
		h->host = (uint32_t)at;
		h->usable = count_usable(t, h->host);
	}
	return 0;
}

static bool same_domain(const struct pl_topo *t, uint32_t a, uint32_t b)
{
	return t->domain_level >= 0 &&
	       pl_topo_unit(t, a * t->gpus_per_host, (size_t)t->domain_level) ==
		       pl_topo_unit(t, b * t->gpus_per_host, (size_t)t->domain_level);
}

/* Sets the last whole hosts aside, of all or of each run of hosts of one domain. */
static void keep_spares(struct collect *c)
{
	const struct pl_topo *t = c->request->topo;
	const struct pl_map_spares *asked = &c->request->spares;
	uint32_t kept = 0;

	for (uint32_t i = c->n_hosts; i-- > 0;) {
		struct candidate *h = &c->hosts[i];

		if (asked->per_domain && i + 1 < c->n_hosts &&
		    !same_domain(t, h->host, c->hosts[i + 1].host))
			kept = 0;
		if (kept == asked->hosts || h->usable < t->gpus_per_host)
			continue;
		h->spare = true;
		h->usable = 0;
		kept++;
	}
}

static void count_hosts(struct collect *c)
{
	for (uint32_t i = 0; i < c->n_hosts; i++) {
		for (uint32_t m = 0; m <= c->hosts[i].usable; m++)
			c->with[m]++;
	}
}

int pl_map_spares_parse(struct pl_map_spares *spares, const char *text, struct pl_error *err)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || text[0] == '-' || n > PL_TOPO_MAX_PES ||
	    (*end != '\0' && strcmp(end, "/rack") != 0 && strcmp(end, "/domain") != 0))
		return pl_errorf(err, PL_EUSAGE,
		                 "spares '%s': a number of hosts, or so many in each rack: 1/rack",
		                 text);
	*spares = (struct pl_map_spares){ (uint32_t)n, *end != '\0' };
	return 0;
}

/* Ranks per host for a world: the largest divisor that enough hosts can take; 0 for none. */
static uint32_t choose_per_host(const struct collect *c, uint32_t world)
{
	for (uint32_t m = c->request->topo->gpus_per_host; m > 0; m--) {
		if (world % m == 0 && (uint64_t)c->with[m] * m >= world)
			return m;
	}
	return 0;
}

static uint32_t total_usable(const struct collect *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_hosts; i++)
		n += c->hosts[i].usable;
	return n;
}

static bool world_fits(const struct collect *c, uint32_t world)
{
	return pl_launcher_keeps_hosts(c->request->launcher) ? choose_per_host(c, world) > 0
	                                                     : world <= total_usable(c);
}

/* The largest smaller dp that is a job and fits; 0 for none. */
static uint32_t nearest_dp(const struct collect *c)
{
	struct pl_job job = *c->request->job;
	uint32_t replica = job.world / job.dp;
	uint32_t most = total_usable(c) / replica;

	if (job.fsdp > 0)
		job.fsdp = job.hsdp = 0; /* they follow dp */
	for (job.dp = most < job.dp ? most : job.dp - 1; job.dp > 0; job.dp--) {
		if (pl_job_check(&job, NULL) == 0 && world_fits(c, job.world))
			return job.dp;
	}
	return 0;
}

static int too_few(const struct collect *c, struct pl_error *err)
{
	const struct pl_job *job = c->request->job;
	uint32_t replica = job->world / job->dp, usable = total_usable(c), dp;
	const char *rule = "";
	char fits[128];

	dp = job->only_lists ? 0 : nearest_dp(c);
	if (usable >= job->world)
		rule = " but not on hosts with equally many ranks, which this launcher needs";
	if (job->only_lists)
		snprintf(fits, sizeof(fits), "groups that are listed cannot be made smaller: use more "
		                             "hosts, or dump a smaller job");
	else if (dp > 0)
		snprintf(fits, sizeof(fits), "the nearest size that fits is dp=%u with %u GPUs", dp,
		         dp * replica);
	else
		snprintf(fits, sizeof(fits),
		         "not even one replica of %u GPUs fits: make tp, cp, pp "
		         "or ep smaller",
		         replica);
	return pl_errorf(err, PL_ENOENT, "%u ranks need %u GPUs; %u %s usable on %u %s%s; %s",
	                 job->world, job->world, usable, usable == 1 ? "is" : "are", c->n_hosts,
	                 c->n_hosts == 1 ? "host" : "hosts", rule, fits);
}

/* Appends at most `most` usable GPUs of a host. */
static void take_host(struct slots *s, const struct pl_topo *t, uint32_t host, uint32_t most)
{
	uint32_t first = host * t->gpus_per_host;

	for (uint32_t gpu = 0; gpu < t->gpus_per_host && most > 0; gpu++) {
		if (!t->unusable[first + gpu]) {
			s->pe[s->n++] = first + gpu;
			most--;
		}
	}
}

static void take_hosts(struct slots *s, const struct collect *c)
{
	const struct pl_topo *t = c->request->topo;

	s->pe = xcalloc((size_t)c->n_hosts * t->gpus_per_host + 1, sizeof(*s->pe));
	for (uint32_t i = 0; i < c->n_hosts; i++) {
		const struct candidate *h = &c->hosts[i];

		if (h->spare) {
			pl_hostlist_add(s->spares, pl_hostlist_name(t->hosts, h->host));
			continue;
		}
		s->n_unusable += count_marked(t, h->host, PL_TOPO_UNUSABLE);
		if (h->usable == 0)
			pl_hostlist_add(s->dead, pl_hostlist_name(t->hosts, h->host));
		else if (h->usable < s->per_host)
			pl_hostlist_add(s->dropped, pl_hostlist_name(t->hosts, h->host));
		else
			take_host(s, t, h->host, s->per_host > 0 ? s->per_host : t->gpus_per_host);
	}
}

int slots_collect(struct slots *s, const struct pl_map_request *request, struct pl_error *err)
{
	struct collect c = { .request = request };
	int rc = -1;

	*s = (struct slots){ .dead = pl_hostlist_create(),
		             .spares = pl_hostlist_create(),
		             .dropped = pl_hostlist_create() };
	if (find_hosts(&c, err) < 0)
		goto out;
	if (request->spares.hosts > 0)
		keep_spares(&c);
	count_hosts(&c);
	s->n_usable = total_usable(&c);
	if (!world_fits(&c, request->job->world)) {
		too_few(&c, err);
		goto out;
	}
	if (pl_launcher_keeps_hosts(request->launcher))
		s->per_host = choose_per_host(&c, request->job->world);
	take_hosts(s, &c);
	rc = 0;
out:
	free(c.hosts);
	free(c.with);
	return rc;
}

void slots_fini(struct slots *s)
{
	free(s->pe);
	pl_hostlist_destroy(s->dead);
	pl_hostlist_destroy(s->spares);
	pl_hostlist_destroy(s->dropped);
	*s = (struct slots){ 0 };
}

/* ---- by unit ---- */

/* Sort key of a slot: at each level the order in which its unit first appeared. */
struct ordered {
	uint64_t units;
	uint32_t at; /* place in the list given */
	uint32_t pe;
};

static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	if (x->units != y->units)
		return x->units < y->units ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static bool ascending(const uint32_t *pe, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (pe[i - 1] >= pe[i])
			return false;
	}
	return true;
}

/* Adds, for one level, the index of each slot's unit among its siblings in order of appearance.
 * The bits of the level in the key are reused: there are as many siblings as they can count. */
static void rank_units(const struct pl_topo *t, struct ordered *o, uint32_t n, size_t level)
{
	unsigned inner = level > 0 ? t->shift[level - 1] : 0;
	uint32_t n_units = level > 0 ? pl_topo_units(t, level - 1) : t->n_pes;
	uint32_t n_parents = pl_topo_units(t, level);
	uint32_t *rank = xcalloc(n_units, sizeof(*rank)); /* 1 + rank of the unit, 0: not seen */
	uint32_t *seen = xcalloc(n_parents, sizeof(*seen));

	for (uint32_t i = 0; i < n; i++) {
		uint32_t unit = level > 0 ? pl_topo_unit_index(t, o[i].pe, level - 1) : o[i].pe;
		uint32_t parent = pl_topo_unit_index(t, o[i].pe, level);

		if (rank[unit] == 0)
			rank[unit] = ++seen[parent];
		o[i].units |= (uint64_t)(rank[unit] - 1) << inner;
	}
	free(rank);
	free(seen);
}

void slots_group(const struct pl_topo *t, uint32_t *pe, uint32_t n)
{
	struct ordered *o;

	if (ascending(pe, n))
		return;
	o = xcalloc(n, sizeof(*o));
	for (uint32_t i = 0; i < n; i++)
		o[i] = (struct ordered){ 0, i, pe[i] };
	for (size_t level = 1; level < t->n_levels; level++)
		rank_units(t, o, n, level);
	qsort(o, n, sizeof(*o), compare_ordered);
	for (uint32_t i = 0; i < n; i++)
		pe[i] = o[i].pe;
	free(o);
}

static uint32_t run_end(const struct pl_topo *t, const uint32_t *pe, uint32_t n, uint32_t from,
                        size_t level)
{
	uint64_t unit = pl_topo_unit(t, pe[from], level);
	uint32_t i = from + 1;

	while (i < n && pl_topo_unit(t, pe[i], level) == unit)
		i++;
	return i;
}

uint32_t slots_trim(const struct pl_topo *t, uint32_t *pe, uint32_t n, size_t level, uint32_t block)
{
	uint32_t kept = 0;

	for (uint32_t i = 0, end; i < n; i = end) {
		uint32_t keep;

		end = run_end(t, pe, n, i, level);
		keep = (end - i) / block * block;
		memmove(pe + kept, pe + i, keep * sizeof(*pe));
		kept += keep;
	}
	return kept;
}

void slots_capacity(const struct pl_topo *t, const uint32_t *pe, uint32_t n,
                    uint32_t capacity[PL_TOPO_MAX_LEVELS])
{
	for (size_t level = 0; level < t->n_levels; level++) {
		capacity[level] = 0;
		for (uint32_t i = 0, end; i < n; i = end) {
			end = run_end(t, pe, n, i, level);
			if (end - i > capacity[level])
				capacity[level] = end - i;
		}
	}
}
