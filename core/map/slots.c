/* slots.c - see slots.h */
#include "map/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/islands.h"
#include "map/portfolio.h"

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
	int island_level; /* -1: none, or all hosts are in one */
	bool may_cross[PL_JOB_MAX_FAMILIES];
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

/* GPUs of a host that ranks may use: whole blocks, where blocks are to be kept and a host takes
 * one. */
static uint32_t count_taken(const struct collect *c, uint32_t host)
{
	uint32_t usable = count_usable(c->request->topo, host), keep = c->request->keep_blocks;

	return keep > 1 && keep <= c->request->topo->gpus_per_host ? usable - usable % keep
								    : usable;
}

static int find_hosts(struct collect *c, const bool *named, struct pl_error *err)
{
	const struct pl_topo *t = c->request->topo;
	const struct pl_hostlist *asked = c->request->hosts;
	size_t n = pl_hostlist_count(asked != NULL ? asked : t->hosts);
	int level = islands_level(t);

	c->hosts = xcalloc(n + 1, sizeof(*c->hosts));
	c->with = xcalloc(t->gpus_per_host + 1, sizeof(*c->with));
	for (size_t i = 0; i < n; i++) {
		struct candidate *h = &c->hosts[c->n_hosts];
		size_t at =
		        asked == NULL ? i : pl_hostlist_find(t->hosts, pl_hostlist_name(asked, i));

		if (at == SIZE_MAX)
			return pl_errorf(err, PL_EUSAGE, "%s is no host of '%s'",
			                 pl_hostlist_name(asked, i), t->name);
		if (named != NULL &&
		    !named[island_of(t, level, (uint32_t)at * t->gpus_per_host)])
			continue;
		h->host = (uint32_t)at;
		h->usable = count_taken(c, h->host);
		c->n_hosts++;
	}
	return 0;
}

/* The hosts of the islands asked for. */
static int find_hosts_of_islands(struct collect *c, struct pl_error *err)
{
	const struct pl_topo *t = c->request->topo;
	bool *named;
	int rc;

	if (c->request->islands == NULL)
		return find_hosts(c, NULL, err);
	named = xcalloc(t->n_pes, sizeof(*named));
	rc = islands_parse(t, c->request->islands, named, err);
	if (rc == 0)
		rc = find_hosts(c, named, err);
	free(named);
	return rc;
}

/* Whether the hosts are in several islands, and what may cross then. */
static int find_islands(struct collect *c, struct pl_error *err)
{
	const struct pl_topo *t = c->request->topo;
	int level = islands_level(t);

	c->island_level = -1;
	if (level < 0 && c->request->cross != NULL)
		return pl_errorf(err, PL_EUSAGE, "'%s' has no islands that axes could cross between",
				 t->name);
	for (uint32_t i = 1; i < c->n_hosts && level >= 0; i++) {
		if (islands_apart(t, c->hosts[0].host * t->gpus_per_host,
				  c->hosts[i].host * t->gpus_per_host))
			c->island_level = level;
	}
	return islands_parse_cross(c->request->job, c->request->cross, c->may_cross, err);
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
		if (kept == asked->hosts || count_usable(t, h->host) < t->gpus_per_host)
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

/* What a host gives: per_host ranks or none where hosts are equal. */
static uint32_t ranks_of(const struct candidate *h, uint32_t per_host)
{
	if (per_host == 0)
		return h->usable;
	return h->usable >= per_host ? per_host : 0;
}

static uint32_t atom_of(const struct collect *c, uint32_t per_host)
{
	uint32_t keep = c->request->keep_blocks;

	return (uint32_t)portfolio_lcm(per_host > 0 ? per_host : 1, keep > 0 ? keep : 1);
}

/* Whether the ranks that may not be apart fit in the islands. */
static bool islands_fit(const struct collect *c, const struct pl_job *job, uint32_t per_host)
{
	const struct pl_topo *t = c->request->topo;
	struct clusters clusters;
	uint32_t *room, n;
	bool fit;

	if (c->island_level < 0)
		return true;
	n = pl_topo_units(t, (size_t)c->island_level - 1);
	room = xcalloc(2 * n, sizeof(*room));
	for (uint32_t i = 0; i < c->n_hosts; i++)
		room[island_of(t, c->island_level, c->hosts[i].host * t->gpus_per_host)] +=
			ranks_of(&c->hosts[i], per_host);
	clusters_init(&clusters, job, c->may_cross, atom_of(c, per_host));
	fit = clusters_split(&clusters, room, NULL, n, room + n);
	clusters_fini(&clusters);
	free(room);
	return fit;
}

/* Ranks per host for a job: the largest divisor that enough hosts can take; 0 for none. */
static uint32_t choose_per_host(const struct collect *c, const struct pl_job *job, bool islands)
{
	uint32_t keep = c->request->keep_blocks;

	for (uint32_t m = c->request->topo->gpus_per_host; m > 0; m--) {
		if (keep > 1 && keep <= m && m % keep != 0)
			continue;
		if (job->world % m == 0 && (uint64_t)c->with[m] * m >= job->world &&
		    (!islands || islands_fit(c, job, m)))
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

static bool job_fits(const struct collect *c, const struct pl_job *job, bool islands)
{
	uint32_t keep = c->request->keep_blocks;

	if (keep > 1 && job->world % keep != 0)
		return false;
	if (pl_launcher_keeps_hosts(c->request->launcher))
		return choose_per_host(c, job, islands) > 0;
	return job->world <= total_usable(c) && (!islands || islands_fit(c, job, 0));
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
		if (pl_job_check(&job, NULL) == 0 && job_fits(c, &job, true))
			return job.dp;
	}
	return 0;
}

/* The largest smaller ep that divides this one and fits; 0 for none. */
static uint32_t nearest_ep(const struct collect *c)
{
	struct pl_job job = *c->request->job;
	uint32_t ep = job.ep;

	for (job.ep = ep / 2; job.ep > 0; job.ep--) {
		if (ep % job.ep == 0 && pl_job_check(&job, NULL) == 0 && job_fits(c, &job, true))
			return job.ep;
	}
	return 0;
}

/* What would fit, for a person. */
static void say_what_fits(const struct collect *c, struct strbuf *out)
{
	const struct pl_job *job = c->request->job;
	uint32_t replica = job->world / job->dp, dp, ep;

	if (job->only_lists) {
		strbuf_adds(out, "groups that are listed cannot be made smaller: use more hosts, or "
				 "dump a smaller job");
		return;
	}
	dp = nearest_dp(c);
	ep = dp == 0 || job_fits(c, job, false) ? nearest_ep(c) : 0;
	if (dp > 0)
		strbuf_addf(out, "the nearest size that fits is dp=%u with %u GPUs", dp,
			    dp * replica);
	if (ep > 0)
		strbuf_addf(out, "%sep=%u would fit%s", dp > 0 ? ", or " : "", ep,
			    dp > 0 ? " as well" : "");
	if (dp == 0 && ep == 0)
		strbuf_addf(out,
			    "not even one replica of %u GPUs fits: make tp, cp, pp or ep smaller",
			    replica);
}

/* Why so many usable GPUs are not enough. */
static void say_rule(const struct collect *c, struct strbuf *out)
{
	const struct pl_job *job = c->request->job;
	const char *cross = c->request->cross != NULL ? c->request->cross : ISLANDS_CROSS;
	struct clusters clusters;

	if (total_usable(c) < job->world)
		return;
	if (!job_fits(c, job, false)) {
		strbuf_adds(out, " but not on hosts with equally many ranks, which this launcher "
				 "needs");
		return;
	}
	clusters_init(&clusters, job, c->may_cross, atom_of(c, 0));
	strbuf_addf(out, " but in islands, between which only %s may cross, and no island has room "
			 "left for %u ranks that belong together", cross, clusters.largest);
	clusters_fini(&clusters);
}

static int too_few(const struct collect *c, struct pl_error *err)
{
	const struct pl_job *job = c->request->job;
	struct strbuf fits = STRBUF_INIT, rule = STRBUF_INIT;
	uint32_t usable = total_usable(c);

	say_rule(c, &rule);
	say_what_fits(c, &fits);
	pl_errorf(err, PL_ENOENT, "%u ranks need %u GPUs; %u %s usable on %u %s%s; %s", job->world,
		  job->world, usable, usable == 1 ? "is" : "are", c->n_hosts,
		  c->n_hosts == 1 ? "host" : "hosts", strbuf_str(&rule), strbuf_str(&fits));
	strbuf_fini(&fits);
	strbuf_fini(&rule);
	return -1;
}

static int check_blocks(const struct pl_map_request *request, struct pl_error *err)
{
	uint32_t keep = request->keep_blocks, world = request->job->world;

	if (keep < 2 || world % keep == 0)
		return 0;
	return pl_errorf(err, PL_EUSAGE,
			 "blocks of %u ranks do not divide %u ranks: %u or %u ranks would do", keep,
			 world, world - world % keep, world - world % keep + keep);
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
			take_host(s, t, h->host, ranks_of(h, s->per_host));
	}
}

static void number_slots(struct slots *s, uint32_t n_pes)
{
	s->at = xcalloc(n_pes, sizeof(*s->at));
	for (uint32_t i = 0; i < s->n; i++)
		s->at[s->pe[i]] = i;
}

/* The rules that the slots are under. */
static void set_rules(struct slots *s, const struct collect *c)
{
	const struct pl_map_request *request = c->request;

	if (pl_launcher_keeps_hosts(request->launcher))
		s->per_host = choose_per_host(c, request->job, true);
	s->keep = request->keep_blocks > 1 ? request->keep_blocks : 1;
	s->atom = atom_of(c, s->per_host);
	s->island_level = c->island_level;
	memcpy(s->may_cross, c->may_cross, sizeof(s->may_cross));
	if (s->island_level >= 0)
		clusters_init(&s->clusters, request->job, s->may_cross, s->atom);
}

int slots_collect(struct slots *s, const struct pl_map_request *request, struct pl_error *err)
{
	struct collect c = { .request = request };
	int rc = -1;

	*s = (struct slots){ .dead = pl_hostlist_create(),
		             .spares = pl_hostlist_create(),
		             .dropped = pl_hostlist_create(),
		             .island_level = -1 };
	if (check_blocks(request, err) < 0 || find_hosts_of_islands(&c, err) < 0)
		goto out;
	if (request->spares.hosts > 0)
		keep_spares(&c);
	count_hosts(&c);
	s->n_usable = total_usable(&c);
	if (find_islands(&c, err) < 0)
		goto out;
	if (!job_fits(&c, request->job, true)) {
		too_few(&c, err);
		goto out;
	}
	set_rules(s, &c);
	take_hosts(s, &c);
	if (s->keep > 1)
		number_slots(s, request->topo->n_pes);
	rc = 0;
out:
	free(c.hosts);
	free(c.with);
	return rc;
}

bool slots_keep_blocks(const struct slots *s, const uint32_t *pe, uint32_t n)
{
	for (uint32_t r = 1; r < n && s->keep > 1; r++) {
		if (r % s->keep != 0 && s->at[pe[r]] != s->at[pe[r - 1]] + 1)
			return false;
	}
	return true;
}

void slots_fini(struct slots *s)
{
	free(s->pe);
	free(s->at);
	pl_hostlist_destroy(s->dead);
	pl_hostlist_destroy(s->spares);
	pl_hostlist_destroy(s->dropped);
	clusters_fini(&s->clusters);
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
