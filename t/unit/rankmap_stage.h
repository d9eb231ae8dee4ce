/* rankmap_stage.h - a small machine, and what tests of maps ask of one */
#ifndef T_UNIT_RANKMAP_STAGE_H
#define T_UNIT_RANKMAP_STAGE_H

#include <string.h>

#include "base/mem.h"
#include "map/rankmap.h"

/* Two units of four hosts of four GPUs, each on a rail of its own; 1:4 above the units. */
static inline struct pl_topo *create_rails(const char *rails, const char *unusable)
{
	struct pl_topo_level levels[] = {
		{ .name = "host", .count = 4, .link = PL_LINK_NVLINK, .bandwidth_gbyte_s = 900 },
		{ .name = "su", .count = 4, .bandwidth_gbyte_s = 100, .rails = 4 },
		{ .name = "fabric", .count = 2, .bandwidth_gbyte_s = 100, .oversubscription = 4 },
	};
	struct pl_hostlist *hosts = pl_hostlist_parse("h[0-7]", NULL, NULL);
	struct pl_topo_spec spec = { .name = "railed", .gpus_per_host = 4, .levels = levels,
				     .n_levels = ARRAY_LEN(levels), .hosts = hosts };
	struct pl_topo *t = pl_topo_create(&spec, NULL);

	pl_hostlist_destroy(hosts);
	assert_non_null(t);
	assert_int_equal(pl_topo_set_rails(t, rails, NULL), 0);
	assert_int_equal(pl_topo_mark_unusable(t, unusable, NULL), 0);
	return t;
}

static inline struct pl_rankmap *try_place(struct pl_map_request *request, const char *text,
				    struct pl_error *err)
{
	struct pl_rankmap *m;
	struct pl_job job;

	assert_int_equal(pl_job_parse(&job, text, err), 0);
	request->job = &job;
	m = pl_rankmap_place(request, err);
	request->job = NULL;
	return m;
}

static inline bool notes_say(const struct pl_rankmap *m, const char *text)
{
	for (size_t i = 0; i < m->n_notes; i++) {
		if (strstr(m->notes[i], text) != NULL)
			return true;
	}
	return false;
}

#endif
