/* topo_rails.c - the rails of a machine's GPUs; see topo.h */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "map/topo.h"

void topo_derive_rails(struct pl_topo *t)
{
	uint32_t gpus = t->gpus_per_host;

	t->rail_level = -1;
	for (size_t i = t->n_levels; i-- > (size_t)(t->domain_level + 1);) {
		if (t->levels[i].rails > 1)
			t->rail_level = (int)i;
	}
	if (t->rail_level < 0 || t->rail_level <= t->host_level)
		return;
	t->n_rails = t->levels[t->rail_level].rails;
	if (t->n_rails > gpus)
		t->n_rails = gpus; /* several adapters a GPU: it uses all of them */
	if (t->n_rails < 2)
		return;
	t->rail = xmalloc(t->n_pes * sizeof(*t->rail));
	for (uint32_t pe = 0; pe < t->n_pes; pe++)
		t->rail[pe] = topo_usual_rail(t, pe);
}

uint16_t topo_usual_rail(const struct pl_topo *t, uint32_t pe)
{
	return (uint16_t)((uint64_t)pl_topo_gpu(t, pe) * t->n_rails / t->gpus_per_host);
}

/* "1/0/2/3": a rail for each GPU of a host. */
static int parse_rails(const struct pl_topo *t, const char *text, uint16_t *rails)
{
	for (uint32_t gpu = 0; gpu < t->gpus_per_host; gpu++) {
		char *end;
		unsigned long rail = strtoul(text, &end, 10);

		if (end == text || text[0] == '-' || rail >= t->n_rails ||
		    *end != (gpu + 1 < t->gpus_per_host ? '/' : '\0'))
			return -1;
		rails[gpu] = (uint16_t)rail;
		text = end + 1;
	}
	return 0;
}

static int set_hosts(const struct pl_topo *t, const char *part, const uint16_t *rails,
		     uint16_t *all, struct pl_error *err)
{
	struct pl_hostlist *hosts = pl_hostlist_parse(part, NULL, err);
	int rc = 0;

	if (hosts == NULL)
		return pl_error_prefix(err, "rails of '%s'", part);
	for (size_t i = 0; i < pl_hostlist_count(hosts) && rc == 0; i++) {
		size_t host = pl_hostlist_find(t->hosts, pl_hostlist_name(hosts, i));

		if (host == SIZE_MAX)
			rc = pl_errorf(err, PL_EUSAGE, "rails: %s is no host of '%s'",
				       pl_hostlist_name(hosts, i), t->name);
		else
			memcpy(all + host * t->gpus_per_host, rails,
			       t->gpus_per_host * sizeof(*rails));
	}
	pl_hostlist_destroy(hosts);
	return rc;
}

/* "HOSTS:1/0/2/3"; `part` is changed. */
static int set_part(const struct pl_topo *t, char *part, uint16_t *all, struct pl_error *err)
{
	char *colon = strrchr(part, ':');
	uint16_t *rails = xcalloc(t->gpus_per_host, sizeof(*rails));
	int rc;

	if (colon != NULL)
		*colon = '\0';
	if (colon == NULL || parse_rails(t, colon + 1, rails) < 0)
		rc = pl_errorf(err, PL_EUSAGE,
			       "rails '%s': the host and the rail of each of its %u GPUs, from 0 "
			       "to %u: HOST:1/0/...", part, t->gpus_per_host, t->n_rails - 1);
	else
		rc = set_hosts(t, part, rails, all, err);
	free(rails);
	return rc;
}

int pl_topo_set_rails(struct pl_topo *t, const char *text, struct pl_error *err)
{
	uint16_t *all;
	int rc = 0;

	if (*text == '\0')
		return 0;
	if (t->rail == NULL)
		return pl_errorf(err, PL_EUSAGE,
				 "rails: '%s' has none: a level of the topology says how many, "
				 "rails = 4", t->name);
	all = xmalloc(t->n_pes * sizeof(*all));
	memcpy(all, t->rail, t->n_pes * sizeof(*all));
	while (*text != '\0' && rc == 0) {
		const char *end = topo_part_end(text);
		char *part = xstrndup(text, (size_t)(end - text));

		rc = *part != '\0' ? set_part(t, part, all, err) : 0;
		free(part);
		text = *end == ',' ? end + 1 : end;
	}
	if (rc == 0)
		memcpy(t->rail, all, t->n_pes * sizeof(*all));
	free(all);
	return rc;
}

bool pl_topo_host_rails_differ(const struct pl_topo *t, uint32_t host)
{
	uint32_t first = host * t->gpus_per_host;

	for (uint32_t pe = first; t->rail != NULL && pe < first + t->gpus_per_host; pe++) {
		if (t->rail[pe] != topo_usual_rail(t, pe))
			return true;
	}
	return false;
}

void pl_topo_format_rails(const struct pl_topo *t, struct strbuf *out)
{
	for (uint32_t host = 0; host < t->n_pes / t->gpus_per_host; host++) {
		if (!pl_topo_host_rails_differ(t, host))
			continue;
		strbuf_addf(out, "%s%s:", out->len > 0 ? "," : "",
			    pl_hostlist_name(t->hosts, host));
		for (uint32_t gpu = 0; gpu < t->gpus_per_host; gpu++)
			strbuf_addf(out, "%s%u", gpu > 0 ? "/" : "",
				    t->rail[host * t->gpus_per_host + gpu]);
	}
}
