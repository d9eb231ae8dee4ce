/* slots_fit.c - whether a job fits on the hosts of a request, and what would */
#include <stdlib.h>

#include "base/mem.h"
#include "map/islands.h"
#include "map/portfolio.h"
#include "map/slots_collect.h"

uint32_t slots_ranks_of(const struct candidate *h, uint32_t per_host)
{
	if (per_host == 0)
		return h->usable;
	return h->usable >= per_host ? per_host : 0;
}

uint32_t slots_atom(const struct collect *c, uint32_t per_host)
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
			slots_ranks_of(&c->hosts[i], per_host);
	clusters_init(&clusters, job, c->may_cross, slots_atom(c, per_host));
	fit = clusters_split(&clusters, room, NULL, n, room + n);
	clusters_fini(&clusters);
	free(room);
	return fit;
}

/* Whether tensor groups need not straddle hosts of m ranks; where NVLink reaches beyond the host
 * that does not matter. */
static bool keeps_tp(const struct collect *c, const struct pl_job *job, uint32_t m)
{
	const struct pl_topo *t = c->request->topo;
	struct pl_groups g;

	pl_job_groups(job, PL_FAMILY_TP, &g);
	return t->domain_level > t->host_level || g.size < 2 || m % g.size == 0 || g.size % m == 0;
}

static uint32_t largest_per_host(const struct collect *c, const struct pl_job *job, bool islands,
				 bool whole)
{
	uint32_t keep = c->request->keep_blocks;

	for (uint32_t m = c->request->topo->gpus_per_host; m > 0; m--) {
		if ((keep > 1 && keep <= m && m % keep != 0) || (whole && !keeps_tp(c, job, m)))
			continue;
		if (job->world % m == 0 && (uint64_t)c->with[m] * m >= job->world &&
		    (!islands || islands_fit(c, job, m)))
			return m;
	}
	return 0;
}

uint32_t slots_per_host(const struct collect *c, const struct pl_job *job, bool islands)
{
	uint32_t m = largest_per_host(c, job, islands, true);

	return m > 0 ? m : largest_per_host(c, job, islands, false);
}

uint32_t slots_total(const struct collect *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_hosts; i++)
		n += c->hosts[i].usable;
	return n;
}

bool slots_job_fits(const struct collect *c, const struct pl_job *job, bool islands)
{
	uint32_t keep = c->request->keep_blocks;

	if (keep > 1 && job->world % keep != 0)
		return false;
	if (pl_launcher_keeps_hosts(c->request->launcher))
		return slots_per_host(c, job, islands) > 0;
	return job->world <= slots_total(c) && (!islands || islands_fit(c, job, 0));
}

/* The largest smaller dp that is a job and fits; 0 for none. */
static uint32_t nearest_dp(const struct collect *c)
{
	struct pl_job job = *c->request->job;
	uint32_t replica = job.world / job.dp;
	uint32_t most = slots_total(c) / replica;

	if (job.fsdp > 0)
		job.fsdp = job.hsdp = 0; /* they follow dp */
	for (job.dp = most < job.dp ? most : job.dp - 1; job.dp > 0; job.dp--) {
		if (pl_job_check(&job, NULL) == 0 && slots_job_fits(c, &job, true))
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
		if (ep % job.ep == 0 && pl_job_check(&job, NULL) == 0 &&
		    slots_job_fits(c, &job, true))
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
		strbuf_adds(out, "groups that are listed cannot be made smaller: use more hosts, "
				 "or dump a smaller job");
		return;
	}
	dp = nearest_dp(c);
	ep = dp == 0 || slots_job_fits(c, job, false) ? nearest_ep(c) : 0;
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

	if (slots_total(c) < job->world)
		return;
	if (!slots_job_fits(c, job, false)) {
		strbuf_adds(out, " but not on hosts with equally many ranks, which this launcher "
				 "needs");
		return;
	}
	clusters_init(&clusters, job, c->may_cross, slots_atom(c, 0));
	strbuf_addf(out, " but in islands, between which only %s may cross, and no island has room "
			 "left for %u ranks that belong together", cross, clusters.largest);
	clusters_fini(&clusters);
}

int slots_too_few(const struct collect *c, struct pl_error *err)
{
	const struct pl_job *job = c->request->job;
	struct strbuf fits = STRBUF_INIT, rule = STRBUF_INIT;
	uint32_t usable = slots_total(c);

	say_rule(c, &rule);
	say_what_fits(c, &fits);
	pl_errorf(err, PL_ENOENT, "%u ranks need %u GPUs; %u %s usable on %u %s%s; %s", job->world,
		  job->world, usable, usable == 1 ? "is" : "are", c->n_hosts,
		  c->n_hosts == 1 ? "host" : "hosts", strbuf_str(&rule), strbuf_str(&fits));
	strbuf_fini(&fits);
	strbuf_fini(&rule);
	return -1;
}
