/* rankmap.c - from a request to a map; see rankmap.h */
#include "map/rankmap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "map/graphmap.h"
#include "map/portfolio.h"
#include "map/rankmap_build.h"
#include "map/rankmap_limits.h"
#include "map/slots.h"

static const char *const launcher_names[] = { "torchrun", "megatron", "deepspeed", "slurm",
	                                      "mpi",      "env",      NULL };
static const char *const strategy_names[] = { "best",   "keep-order", "aligned",
	                                      "packed", "spread",     NULL };
static const char *const objective_names[] = { "time", "load", "volume", NULL };

static int parse_name(const char *what, const char *name, const char *const *names,
                      struct pl_error *err)
{
	struct strbuf list = STRBUF_INIT;
	char hint[64];

	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	for (int i = 0; names[i] != NULL; i++)
		strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	pl_errorf(err, PL_EUSAGE, "unknown %s '%s'%s: one of %s", what, name,
	          nearest_hint(name, names, hint, sizeof(hint)), strbuf_str(&list));
	strbuf_fini(&list);
	return -1;
}

const char *pl_launcher_name(enum pl_launcher launcher)
{
	return launcher_names[launcher];
}

int pl_launcher_parse(const char *name, struct pl_error *err)
{
	return parse_name("launcher", name, launcher_names, err);
}

const char *pl_strategy_name(enum pl_strategy strategy)
{
	return strategy_names[strategy];
}

int pl_strategy_parse(const char *name, struct pl_error *err)
{
	return parse_name("strategy", name, strategy_names, err);
}

const char *pl_objective_name(enum pl_objective objective)
{
	return objective_names[objective];
}

int pl_objective_parse(const char *name, struct pl_error *err)
{
	return parse_name("objective", name, objective_names, err);
}

bool pl_launcher_keeps_hosts(enum pl_launcher launcher)
{
	return launcher <= PL_FOR_DEEPSPEED;
}

/* ---- what the map tells about itself ---- */

#define note(map, ...) rankmap_note(map, __VA_ARGS__)

static void note_left_out(struct pl_rankmap *m, const struct slots *s)
{
	if (s->n_unusable > 0)
		note(m, "%u unusable %s left out", s->n_unusable,
		     s->n_unusable == 1 ? "GPU is" : "GPUs are");
	if (pl_hostlist_count(s->dead) > 0) {
		char *hosts = pl_hostlist_fold(s->dead);

		note(m, "no usable GPU on %s", hosts);
		free(hosts);
	}
	if (pl_hostlist_count(s->spares) > 0) {
		char *hosts = pl_hostlist_fold(s->spares);

		note(m, "spares kept free: %s", hosts);
		free(hosts);
	}
	if (pl_hostlist_count(s->dropped) > 0) {
		char *hosts = pl_hostlist_fold(s->dropped);

		note(m,
		     "%s needs equally many ranks on every host (%u here): %s %s fewer usable "
		     "GPUs and %s left out",
		     pl_launcher_name(m->launcher), s->per_host, hosts,
		     pl_hostlist_count(s->dropped) == 1 ? "has" : "have",
		     pl_hostlist_count(s->dropped) == 1 ? "is" : "are");
		free(hosts);
	}
	if (s->per_host > 0 && s->per_host < m->topo->gpus_per_host)
		note(m, "%u of %u GPUs of a host are used: so many divide %u ranks evenly",
		     s->per_host, m->topo->gpus_per_host, m->n_ranks);
}

/* Of what a gain is a share. */
static const char *const gain_words[] = { "step", "load of the worst uplink",
	                                  "volume x distance" };

static void note_choice(struct pl_rankmap *m, const struct placement *chosen, double best_gain)
{
	if (chosen->strategy == PL_STRATEGY_KEEP_ORDER && chosen->axes == 0 &&
	    chosen->swaps == 0) {
		m->no_gain = true;
		if (best_gain > 0)
			note(m,
			     "no gain expected: keep your order (the best other placement gains "
			     "%.1f %% of the modelled %s, normal noise is %.0f %%)",
			     100 * best_gain, gain_words[m->objective], 100 * PL_MAP_MIN_GAIN);
		else
			note(m, "no gain expected: keep your order");
	} else if (chosen->strategy == PL_STRATEGY_PACKED) {
		note(m, "groups of %u ranks do not fit in whole %ss: those that are cut have at "
			"least %u ranks on either side", chosen->block,
		     m->topo->levels[chosen->level].name, chosen->least);
	} else if (chosen->strategy == PL_STRATEGY_SPREAD) {
		note(m, "blocks of %u ranks begin in a %s of their own where there is room",
		     chosen->block, m->topo->levels[chosen->level].name);
	} else if (chosen->nested) {
		note(m, "ranks that share groups are placed together, whatever their numbers");
	} else if (chosen->strategy == PL_STRATEGY_KEEP_ORDER) {
		note(m, "hosts are taken in the order given");
	} else if (chosen->level >= 0) {
		note(m, "blocks of %u ranks are kept within a %s", chosen->block,
		     m->topo->levels[chosen->level].name);
	} else {
		note(m, "hosts are taken unit by unit instead of in the order given");
	}
	if (chosen->axes > 0)
		note(m, "blocks of %u ranks follow one another along another axis than in the job's "
			"order", chosen->axes);
	if (chosen->swaps > 0)
		note(m, "%u %s of blocks of ranks made it better", chosen->swaps,
		     chosen->swaps == 1 ? "swap" : "swaps");
	if (chosen->cut > 0)
		note(m, "not all blocks of %u ranks fit in whole %ss: some are cut in parts of %u",
		     chosen->cut, m->topo->levels[chosen->level].name, chosen->piece);
}

/* ---- the map ---- */

/* Fills host, GPU, local rank and node rank of every place. */
static void fill_places(struct pl_rankmap *m, const uint32_t *pe)
{
	size_t n_hosts = pl_hostlist_count(m->topo->hosts);
	uint32_t *ranks_on = xcalloc(n_hosts, sizeof(*ranks_on));
	uint32_t *node_rank = xcalloc(n_hosts, sizeof(*node_rank));
	uint32_t nodes = 0;

	m->places = xcalloc(m->n_ranks, sizeof(*m->places));
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		struct pl_place *p = &m->places[r];

		p->pe = pe[r];
		p->host = pl_topo_host(m->topo, pe[r]);
		p->gpu = pl_topo_gpu(m->topo, pe[r]);
		if (ranks_on[p->host] == 0)
			node_rank[p->host] = nodes++;
		p->local_rank = ranks_on[p->host]++;
		p->node_rank = node_rank[p->host];
	}
	free(ranks_on);
	free(node_rank);
}

struct pl_rankmap *rankmap_create(const struct pl_topo *topo, const uint32_t *pe, uint32_t n_ranks)
{
	struct pl_rankmap *m = xcalloc(1, sizeof(*m));

	m->topo = topo;
	m->n_ranks = n_ranks;
	fill_places(m, pe);
	return m;
}

static void fill_bound(struct pl_rankmap *m, const uint32_t *pe, uint32_t n)
{
	uint32_t *grouped = xmalloc(n * sizeof(*grouped));

	for (uint32_t i = 0; i < n; i++)
		grouped[i] = pe != NULL ? pe[i] : i;
	slots_group(m->topo, grouped, n);
	slots_capacity(m->topo, grouped, n, m->capacity);
	map_cost_bound(m->topo, &m->job, m->capacity, &m->bound);
	free(grouped);
}

struct pl_rankmap *rankmap_of_job(const struct pl_map_request *request, const uint32_t *pe,
                                  const struct slots *slots)
{
	struct pl_rankmap *m;

	m = rankmap_create(request->topo, pe, request->job->world);
	pl_job_copy(&m->job, request->job);
	m->launcher = request->launcher;
	m->objective = request->objective;
	if (slots != NULL)
		fill_bound(m, slots->pe, slots->n);
	else
		fill_bound(m, NULL, m->topo->n_pes);
	rankmap_assume_all(m, request);
	return m;
}

/* The strategy asked for; without a topology there is nothing to choose by. */
static enum pl_strategy strategy_of(const struct pl_map_request *request)
{
	if (request->topo->unknown && request->strategy == PL_STRATEGY_BEST)
		return PL_STRATEGY_KEEP_ORDER;
	return request->strategy;
}

static struct pl_rankmap *build_map(const struct pl_map_request *request,
                                    const struct portfolio *p, struct pl_error *err)
{
	double best_gain;
	const struct placement *chosen = portfolio_choose(p, strategy_of(request), &best_gain);
	struct pl_rankmap *m;

	if (chosen == NULL)
		return rankmap_refuse_order(request, p, err);
	m = rankmap_of_job(request, chosen->pe, p->slots);
	m->strategy = chosen->axes > 0    ? "axes"
		      : chosen->swaps > 0 && chosen->strategy == PL_STRATEGY_KEEP_ORDER
			      ? "swapped"
			      : pl_strategy_name(chosen->strategy);
	m->cost = chosen->cost;
	m->baseline = p->items[0].cost;
	note_left_out(m, p->slots);
	rankmap_note_limits(m, request, p);
	if (request->topo->unknown && request->strategy == PL_STRATEGY_BEST) {
		m->no_gain = true;
		note(m, "no topology is known: your order is kept");
	} else if (request->strategy != PL_STRATEGY_KEEP_ORDER) {
		note_choice(m, chosen, best_gain);
	}
	return m;
}

/* Places the job once more as if the launcher had no rule. */
static void price_rule(struct pl_rankmap *m, const struct pl_map_request *request)
{
	struct pl_map_request free_request = *request;
	struct pl_rankmap *other;

	if (!request->price || !pl_launcher_keeps_hosts(request->launcher))
		return;
	free_request.launcher = PL_FOR_ENV;
	free_request.price = false;
	other = pl_rankmap_place(&free_request, NULL);
	if (other != NULL)
		m->free_step = other->cost.step < m->cost.step ? other->cost.step : m->cost.step;
	pl_rankmap_destroy(other);
}

struct pl_rankmap *pl_rankmap_place(const struct pl_map_request *request, struct pl_error *err)
{
	struct slots slots;
	struct portfolio portfolio = { .topo = request->topo,
		                       .job = request->job,
		                       .slots = &slots,
		                       .objective = request->objective,
		                       .effort = request->effort,
		                       .seed = request->seed };
	struct pl_rankmap *map = NULL;

	if (slots_collect(&slots, request, err) == 0) {
		portfolio_fill(&portfolio, strategy_of(request));
		map = build_map(request, &portfolio, err);
		portfolio_fini(&portfolio);
	}
	slots_fini(&slots);
	if (map != NULL)
		price_rule(map, request);
	return map;
}

double pl_rankmap_gain(const struct pl_rankmap *m)
{
	if (m->graph != NULL)
		return m->graph->baseline.weighted > 0
			       ? 1 - m->graph->cost.weighted / m->graph->baseline.weighted
			       : 0;
	return map_cost_gain(&m->baseline, &m->cost, m->objective);
}

void pl_rankmap_destroy(struct pl_rankmap *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_notes; i++)
		free(m->notes[i]);
	for (size_t i = 0; i < m->n_assumed; i++)
		free(m->assumed[i]);
	free(m->graph);
	free(m->notes);
	free(m->assumed);
	free(m->places);
	pl_job_fini(&m->job);
	free(m);
}

uint32_t pl_rankmap_find(const struct pl_rankmap *m, uint32_t pe)
{
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		if (m->places[r].pe == pe)
			return r;
	}
	return UINT32_MAX;
}
