/* jobsmap_parts.c - see jobsmap_parts.h */
#include "map/jobsmap_parts.h"

#include <stdlib.h>

#include "base/mem.h"

#define MAX_TRIES 8 /* of parts that have enough GPUs but may not suit the launcher */

/* What is free, by unit of a level. */
struct rooms {
	size_t level;
	uint32_t n;
	uint32_t *room;  /* GPUs that are free */
	bool *shared;    /* another job is there */
};

static void rooms_init(struct rooms *rooms, const struct pl_topo *now,
                       const struct pl_topo *machine, size_t level)
{
	*rooms = (struct rooms){ .level = level, .n = pl_topo_units(now, level) };
	rooms->room = xcalloc(rooms->n, sizeof(*rooms->room));
	rooms->shared = xcalloc(rooms->n, sizeof(*rooms->shared));
	for (uint32_t pe = 0; pe < now->n_pes; pe++) {
		uint32_t unit = pl_topo_unit_index(now, pe, level);

		rooms->room[unit] += !now->unusable[pe];
		rooms->shared[unit] |= now->unusable[pe] && !machine->unusable[pe];
	}
}

static void rooms_fini(struct rooms *rooms)
{
	free(rooms->room);
	free(rooms->shared);
}

/* The job on those hosts of the request that are in units [first, end), without others where
 * `alone`. */
static struct pl_rankmap *place_in(const struct pl_map_request *request,
                                   const struct rooms *rooms, uint32_t first, uint32_t end,
                                   bool alone, struct pl_error *err)
{
	const struct pl_topo *t = request->topo;
	const struct pl_hostlist *hosts = request->hosts != NULL ? request->hosts : t->hosts;
	struct pl_map_request here = *request;
	struct pl_hostlist *part = pl_hostlist_create();
	struct pl_rankmap *m = NULL;

	for (size_t i = 0; i < pl_hostlist_count(hosts); i++) {
		const char *name = pl_hostlist_name(hosts, i);
		size_t host = hosts == t->hosts ? i : pl_hostlist_find(t->hosts, name);
		uint32_t unit;

		if (host == SIZE_MAX)
			continue;
		unit = pl_topo_unit_index(t, (uint32_t)host * t->gpus_per_host, rooms->level);
		if (unit >= first && unit < end && !(alone && rooms->shared[unit]))
			pl_hostlist_add(part, name);
	}
	here.hosts = part;
	if (pl_hostlist_count(part) > 0)
		m = pl_rankmap_place(&here, err);
	pl_hostlist_destroy(part);
	return m;
}

/* The fewest units from the first on, without others, and a few more where they do not do. */
static struct pl_rankmap *place_tight(const struct pl_map_request *request,
                                      const struct rooms *rooms)
{
	uint64_t room = 0;
	int tries = 0;

	for (uint32_t unit = 0; unit < rooms->n && tries < MAX_TRIES; unit++) {
		struct pl_rankmap *m;

		room += rooms->shared[unit] ? 0 : rooms->room[unit];
		if (rooms->shared[unit] || room < request->job->world)
			continue;
		m = place_in(request, rooms, 0, unit + 1, true, NULL);
		if (m != NULL)
			return m;
		tries++;
	}
	return NULL;
}

/* In one unit: that with least room of those that take the job. */
static struct pl_rankmap *place_in_one(const struct pl_map_request *request,
                                       const struct rooms *rooms)
{
	uint32_t least = request->job->world;

	for (int tries = 0; tries < MAX_TRIES; tries++) {
		uint32_t best = UINT32_MAX;
		struct pl_rankmap *m;

		for (uint32_t unit = 0; unit < rooms->n; unit++) {
			if (rooms->room[unit] >= least &&
			    (best == UINT32_MAX || rooms->room[unit] < rooms->room[best]))
				best = unit;
		}
		if (best == UINT32_MAX)
			return NULL;
		m = place_in(request, rooms, best, best + 1, false, NULL);
		if (m != NULL)
			return m;
		least = rooms->room[best] + 1;
	}
	return NULL;
}

static struct pl_rankmap *place_by(const struct pl_map_request *request,
                                   const struct pl_topo *machine, enum part_rule rule,
                                   size_t level)
{
	struct pl_rankmap *m = NULL;
	struct rooms rooms;

	rooms_init(&rooms, request->topo, machine, level);
	switch (rule) {
	case PART_WHOLE:
		m = place_in(request, &rooms, 0, rooms.n, true, NULL);
		break;
	case PART_TIGHT:
		m = place_tight(request, &rooms);
		break;
	case PART_FIT:
		m = place_in_one(request, &rooms);
		break;
	case PART_NEXT:
	case PART_RULES:
		break;
	}
	rooms_fini(&rooms);
	return m;
}

struct pl_rankmap *part_place(const struct pl_map_request *request, const struct pl_topo *machine,
                              enum part_rule rule, struct pl_error *err)
{
	const struct pl_topo *t = request->topo;
	int host = t->host_level > 0 ? t->host_level : 0;
	int domain = t->domain_level > host ? t->domain_level : host;
	struct pl_rankmap *m = NULL;

	for (size_t level = (size_t)host; rule == PART_FIT && level + 1 < t->n_levels; level++) {
		m = place_by(request, machine, PART_FIT, level);
		if (m != NULL)
			return m;
	}
	if (rule == PART_FIT)
		rule = PART_TIGHT;
	if (rule != PART_NEXT)
		m = place_by(request, machine, rule, (size_t)domain);
	if (m == NULL && rule != PART_NEXT)
		m = place_by(request, machine, rule, (size_t)host);
	return m != NULL ? m : pl_rankmap_place(request, err);
}
