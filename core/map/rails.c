/* rails.c - see rails.h */
#include "map/rails.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void rails_init(struct rails *r, const struct pl_topo *t)
{
	*r = (struct rails){ .topo = t };
	if (t->rail == NULL)
		return;
	r->shift = t->domain_level >= 0 ? t->shift[t->domain_level] : 0;
	r->chosen = xcalloc(t->n_rails, sizeof(*r->chosen));
	r->here = xcalloc(t->n_rails, sizeof(*r->here));
	r->least = xcalloc(t->n_rails, sizeof(*r->least));
}

void rails_fini(struct rails *r)
{
	free(r->presence);
	free(r->chosen);
	free(r->here);
	free(r->least);
	*r = (struct rails){ 0 };
}

/* Counts the members of the domain that begins at `from`, by rail; returns where it ends. */
static uint32_t count_domain(struct rails *r, const uint32_t *place, uint32_t n, uint32_t from)
{
	const struct pl_topo *t = r->topo;
	uint64_t domain = t->key[place[from]] >> r->shift;
	uint32_t i = from;

	memset(r->here, 0, t->n_rails * sizeof(*r->here));
	for (; i < n && t->key[place[i]] >> r->shift == domain; i++)
		r->here[t->rail[place[i]]]++;
	return i;
}

static uint32_t min_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Members of the domain that has fewest; sets r->least. */
static uint32_t find_fewest(struct rails *r, const uint32_t *place, uint32_t n)
{
	uint32_t fewest = n;

	memset(r->least, 0xff, r->topo->n_rails * sizeof(*r->least));
	for (uint32_t i = 0, end; i < n; i = end) {
		end = count_domain(r, place, n, i);
		fewest = min_of(fewest, end - i);
		for (uint32_t rail = 0; rail < r->topo->n_rails; rail++)
			r->least[rail] = min_of(r->least[rail], r->here[rail]);
	}
	return fewest;
}

static void count_presence(struct rails *r, const uint32_t *place, uint32_t n, uint32_t deep)
{
	size_t need = (size_t)r->topo->n_rails * deep;

	if (need > r->cap) {
		r->presence = xreallocarray(r->presence, need, sizeof(*r->presence));
		r->cap = need;
	}
	memset(r->presence, 0, need * sizeof(*r->presence));
	for (uint32_t i = 0; i < n;) {
		i = count_domain(r, place, n, i);
		for (uint32_t rail = 0; rail < r->topo->n_rails; rail++) {
			for (uint32_t k = 0; k < r->here[rail] && k < deep; k++)
				r->presence[rail * deep + k]++;
		}
	}
}

/* The rails, some several times, that most domains have: presence falls with k, so that the best
 * next one of each rail is at chosen[rail]. */
static void choose_rails(struct rails *r, uint32_t deep)
{
	uint32_t n_rails = r->topo->n_rails;

	memset(r->chosen, 0, n_rails * sizeof(*r->chosen));
	for (uint32_t i = 0; i < deep; i++) {
		uint32_t best = 0, most = 0;

		for (uint32_t rail = 0; rail < n_rails; rail++) {
			uint32_t k = r->chosen[rail];

			if (k < deep && r->presence[rail * deep + k] > most) {
				most = r->presence[rail * deep + k];
				best = rail;
			}
		}
		r->chosen[best]++;
	}
}

/* Whether the domain [from, end) has peers in its own unit of the level with rails. */
static bool has_peers(const struct rails *r, const uint32_t *place, uint32_t n, uint32_t from,
		      uint32_t end)
{
	size_t level = (size_t)r->topo->rail_level;
	uint64_t unit = pl_topo_unit(r->topo, place[from], level);

	return (from > 0 && pl_topo_unit(r->topo, place[from - 1], level) == unit) ||
	       (end < n && pl_topo_unit(r->topo, place[end], level) == unit);
}

static uint32_t load_off(struct rails *r, struct uplinks *u, const uint32_t *place, uint32_t n,
			 uint32_t deep, double gbyte)
{
	size_t spine = (size_t)r->topo->rail_level + 1;
	uint32_t sum = 0;

	for (uint32_t i = 0, end; i < n; i = end) {
		uint32_t off = deep;

		end = count_domain(r, place, n, i);
		for (uint32_t rail = 0; rail < r->topo->n_rails; rail++)
			off -= min_of(r->here[rail], r->chosen[rail]);
		if (off > 0 && spine < r->topo->n_levels && spine >= u->first &&
		    has_peers(r, place, n, i, end))
			uplinks_add(u, spine, place[i], off * gbyte);
		sum += off;
	}
	return sum;
}

uint32_t rails_count_off(struct rails *r, struct uplinks *u, const uint32_t *place, uint32_t n,
			 double gbyte)
{
	uint32_t fewest = find_fewest(r, place, n), common = 0;

	for (uint32_t rail = 0; rail < r->topo->n_rails; rail++)
		common += r->least[rail];
	if (common >= fewest)
		return 0;
	count_presence(r, place, n, fewest);
	choose_rails(r, fewest);
	return load_off(r, u, place, n, fewest, gbyte);
}
