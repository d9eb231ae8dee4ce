/* slots_rails.c - which GPUs of a host ranks take, and in which order: each the one on its rail */
#include <stdlib.h>

#include "base/mem.h"
#include "map/slots_collect.h"

bool slots_by_rail(enum pl_launcher launcher)
{
	return launcher != PL_FOR_DEEPSPEED && launcher != PL_FOR_SLURM;
}

/* Appends at most `most` usable GPUs of a host, by index. */
static void take_by_index(struct slots *s, const struct pl_topo *t, uint32_t host, uint32_t most)
{
	uint32_t first = host * t->gpus_per_host;

	for (uint32_t gpu = 0; gpu < t->gpus_per_host && most > 0; gpu++) {
		if (!t->unusable[first + gpu]) {
			s->pe[s->n++] = first + gpu;
			most--;
		}
	}
}

/* The first usable GPU of a host that is on this rail, or on any (UINT32_MAX), and not taken yet;
 * UINT32_MAX for none. */
static uint32_t find_on_rail(const struct pl_topo *t, uint32_t host, uint32_t rail,
			     const bool *taken)
{
	uint32_t first = host * t->gpus_per_host;

	for (uint32_t gpu = 0; gpu < t->gpus_per_host; gpu++) {
		if (!t->unusable[first + gpu] && !taken[gpu] &&
		    (rail == UINT32_MAX || t->rail[first + gpu] == rail))
			return first + gpu;
	}
	return UINT32_MAX;
}

/* A GPU for each of these rails; where the host has none left for one, another in its place, so
 * that the others keep theirs. */
static void take_by_rail(struct slots *s, const struct pl_topo *t, uint32_t host,
			 const uint32_t *rails, uint32_t n)
{
	bool *taken = xcalloc(t->gpus_per_host, sizeof(*taken));
	uint32_t *pe = s->pe + s->n;

	for (uint32_t i = 0; i < n; i++) {
		pe[i] = find_on_rail(t, host, rails[i], taken);
		if (pe[i] != UINT32_MAX)
			taken[pl_topo_gpu(t, pe[i])] = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (pe[i] != UINT32_MAX)
			continue;
		pe[i] = find_on_rail(t, host, UINT32_MAX, taken);
		taken[pl_topo_gpu(t, pe[i])] = true;
	}
	s->n += n;
	free(taken);
}

/* By rail, the GPUs that work on hosts which are used. */
static void count_by_rail(const struct collect *c, uint32_t per_host, uint32_t *working)
{
	const struct pl_topo *t = c->request->topo;

	for (uint32_t i = 0; i < c->n_hosts; i++) {
		uint32_t first = c->hosts[i].host * t->gpus_per_host;

		if (c->hosts[i].usable < per_host)
			continue;
		for (uint32_t pe = first; pe < first + t->gpus_per_host; pe++)
			working[t->rail[pe]] += !t->unusable[pe];
	}
}

/* A rail of several GPUs may be chosen for each of them. */
uint32_t *slots_choose_rails(const struct collect *c, uint32_t per_host)
{
	const struct pl_topo *t = c->request->topo;
	uint32_t per_rail, at = 0, *working, *times, *rails;

	if (t->rail == NULL || per_host == 0)
		return NULL;
	per_rail = (t->gpus_per_host + t->n_rails - 1) / t->n_rails;
	working = xcalloc(t->n_rails, sizeof(*working));
	times = xcalloc(t->n_rails, sizeof(*times));
	rails = xcalloc(per_host, sizeof(*rails));
	count_by_rail(c, per_host, working);
	for (uint32_t i = 0; i < per_host; i++) {
		uint32_t best = UINT32_MAX;

		for (uint32_t rail = 0; rail < t->n_rails; rail++) {
			if (times[rail] < per_rail &&
			    (best == UINT32_MAX || working[rail] > working[best]))
				best = rail;
		}
		times[best]++;
	}
	for (uint32_t rail = 0; rail < t->n_rails; rail++) {
		for (uint32_t i = 0; i < times[rail]; i++)
			rails[at++] = rail;
	}
	free(working);
	free(times);
	return rails;
}

/* All usable GPUs of a host, by rail. */
static void take_all_by_rail(struct slots *s, const struct pl_topo *t, uint32_t host, uint32_t most)
{
	uint32_t first = host * t->gpus_per_host;

	for (uint32_t rail = 0; rail < t->n_rails; rail++) {
		for (uint32_t gpu = 0; gpu < t->gpus_per_host && most > 0; gpu++) {
			if (!t->unusable[first + gpu] && t->rail[first + gpu] == rail) {
				s->pe[s->n++] = first + gpu;
				most--;
			}
		}
	}
}

void slots_take_host(struct slots *s, const struct collect *c, uint32_t host, uint32_t n,
		     const uint32_t *rails)
{
	const struct pl_topo *t = c->request->topo;

	if (t->rail == NULL || !slots_by_rail(c->request->launcher))
		take_by_index(s, t, host, n);
	else if (rails != NULL)
		take_by_rail(s, t, host, rails, n);
	else
		take_all_by_rail(s, t, host, n);
}
