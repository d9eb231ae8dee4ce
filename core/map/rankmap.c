/* rankmap.c - from a request to a map; see rankmap.h */
#include "map/rankmap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
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

static void add_line(char ***lines, size_t *n, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static void add_line(char ***lines, size_t *n, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	*lines = xreallocarray(*lines, *n + 1, sizeof(**lines));
	(*lines)[(*n)++] = strbuf_detach(&b);
}

#define note(map, ...)   add_line(&(map)->notes, &(map)->n_notes, __VA_ARGS__)
#define assume(map, ...) add_line(&(map)->assumed, &(map)->n_assumed, __VA_ARGS__)

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
	if (chosen->strategy == PL_STRATEGY_KEEP_ORDER) {
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
	} else if (chosen->level >= 0) {
		note(m, "blocks of %u ranks are kept within a %s", chosen->block,
		     m->topo->levels[chosen->level].name);
	} else {
		note(m, "hosts are taken unit by unit instead of in the order given");
	}
	if (chosen->cut > 0)
		note(m, "not all blocks of %u ranks fit in whole %ss: some are cut in parts of %u",
		     chosen->cut, m->topo->levels[chosen->level].name, chosen->piece);
}

static bool figures_known(const struct pl_topo *t)
{
	return t->by_bandwidth;
}

static void assume_silent_groups(struct pl_rankmap *m)
{
	for (unsigned f = PL_FAMILIES; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.gbyte == 0)
			assume(m, "%s groups send nothing: write %s@BYTES:ring where they do",
			       g.name, g.name);
	}
}

static void assume_job(struct pl_rankmap *m)
{
	struct strbuf figures = STRBUF_INIT;

	if (m->job.published != NULL)
		assume(m, "model %s: %s", m->job.published->name, m->job.published->source);
	pl_job_format_assumed(&m->job, &figures);
	if (figures.len > 0)
		assume(m, "model figures not given: %s", figures.s);
	if (m->job.fsdp > 0)
		assume(m, "parameters are gathered twice a step and gradients scattered once in "
		          "fsdp groups, and summed between hsdp replicas");
	if (m->job.hierarchical)
		assume(m, "a token goes once to each NVLink domain that holds experts of it, and is "
		          "forwarded there");
	if (m->job.ep > 1 && m->job.tp > 1 && m->job.etp == 1)
		assume(m, "experts are not split by tensor parallelism (etp=1)");
	assume_silent_groups(m);
	strbuf_fini(&figures);
}

static void assume_all(struct pl_rankmap *m)
{
	assume(m, "topology from %s, as described: nothing was probed",
	       m->topo->source != NULL ? m->topo->source : m->topo->name);
	assume_job(m);
	assume(m, "bf16 activations, sequence parallelism, distributed optimizer; rings for tp, cp "
	          "and dp, pairwise all-to-all for ep; phases do not overlap");
	assume(m, "costs are %s: uncalibrated, good for ratios only",
	       figures_known(m->topo) ? "volumes over nominal bandwidths"
	                              : "volumes times distances");
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
	uint32_t capacity[PL_TOPO_MAX_LEVELS];

	for (uint32_t i = 0; i < n; i++)
		grouped[i] = pe != NULL ? pe[i] : i;
	slots_group(m->topo, grouped, n);
	slots_capacity(m->topo, grouped, n, capacity);
	map_cost_bound(m->topo, &m->job, capacity, &m->bound);
	free(grouped);
}

void rankmap_note(struct pl_rankmap *m, const char *fmt, ...)
{
	struct strbuf b = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&b, fmt, ap);
	va_end(ap);
	note(m, "%s", strbuf_str(&b));
	strbuf_fini(&b);
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
	assume_all(m);
	return m;
}

static struct pl_rankmap *build_map(const struct pl_map_request *request,
                                    const struct portfolio *p, struct pl_error *err)
{
	double best_gain;
	const struct placement *chosen = portfolio_choose(p, request->strategy, &best_gain);
	struct pl_rankmap *m;

	if (chosen == NULL)
		return rankmap_refuse_order(request, p, err);
	m = rankmap_of_job(request, chosen->pe, p->slots);
	m->strategy = pl_strategy_name(chosen->strategy);
	m->cost = chosen->cost;
	m->baseline = p->items[0].cost;
	note_left_out(m, p->slots);
	rankmap_note_limits(m, request, p);
	if (request->strategy != PL_STRATEGY_KEEP_ORDER)
		note_choice(m, chosen, best_gain);
	return m;
}

struct pl_rankmap *pl_rankmap_place(const struct pl_map_request *request, struct pl_error *err)
{
	struct slots slots;
	struct portfolio portfolio = { .topo = request->topo,
		                       .job = request->job,
		                       .slots = &slots,
		                       .objective = request->objective };
	struct pl_rankmap *map = NULL;

	if (slots_collect(&slots, request, err) == 0) {
		portfolio_fill(&portfolio, request->strategy);
		map = build_map(request, &portfolio, err);
		portfolio_fini(&portfolio);
	}
	slots_fini(&slots);
	return map;
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
