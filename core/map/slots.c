/* slots.c - see slots.h */
#include "map/slots_collect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/islands.h"

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
		return pl_errorf(err, PL_EUSAGE,
				 "'%s' has no islands that axes could cross between", t->name);
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

static int check_blocks(const struct pl_map_request *request, struct pl_error *err)
{
	uint32_t keep = request->keep_blocks, world = request->job->world;

	if (keep < 2 || world % keep == 0)
		return 0;
	return pl_errorf(err, PL_EUSAGE,
			 "blocks of %u ranks do not divide %u ranks: %u or %u ranks would do", keep,
			 world, world - world % keep, world - world % keep + keep);
}

static void take_hosts(struct slots *s, const struct collect *c)
{
	const struct pl_topo *t = c->request->topo;

	uint32_t *rails = slots_choose_rails(c, s->per_host);

	s->pe = xcalloc((size_t)c->n_hosts * t->gpus_per_host + 1, sizeof(*s->pe));
	for (uint32_t i = 0; i < c->n_hosts; i++) {
		const struct candidate *h = &c->hosts[i];

		if (h->spare) {
			pl_hostlist_add(s->spares, pl_hostlist_name(t->hosts, h->host));
			continue;
		}
		s->n_unusable += count_marked(t, h->host, PL_TOPO_UNUSABLE);
		if (h->usable == 0 && count_marked(t, h->host, PL_TOPO_OCCUPIED) > 0)
			continue; /* another job has it */
		if (h->usable == 0)
			pl_hostlist_add(s->dead, pl_hostlist_name(t->hosts, h->host));
		else if (h->usable < s->per_host)
			pl_hostlist_add(s->dropped, pl_hostlist_name(t->hosts, h->host));
		else
			slots_take_host(s, c, h->host, slots_ranks_of(h, s->per_host), rails);
	}
	free(rails);
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
		s->per_host = slots_per_host(c, request->job, true);
	s->keep = request->keep_blocks > 1 ? request->keep_blocks : 1;
	s->atom = slots_atom(c, s->per_host);
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
	s->n_usable = slots_total(&c);
	if (find_islands(&c, err) < 0)
		goto out;
	if (!slots_job_fits(&c, request->job, true)) {
		slots_too_few(&c, err);
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
