/* rankmap_format.c - see rankmap_format.h */
#include "map/rankmap_format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "map/drawing.h"
#include "map/graphmap.h"

const char *const pl_rankmap_formats[] = { "vector", "json",  "csv",      "rankfile",  "seq",
	                                   "mpich",  "slurm", "torchrun", "deepspeed", "svg",
	                                   NULL };

static const char *host_name(const struct pl_rankmap *m, uint32_t rank)
{
	return pl_hostlist_name(m->topo->hosts, m->places[rank].host);
}

/* ---- what a format can say ---- */

/* The GPU is left to the local rank. */
static int check_gpus(const struct pl_rankmap *m, const char *format, struct pl_error *err)
{
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		const struct pl_place *p = &m->places[r];

		if (p->gpu != p->local_rank)
			return pl_errorf(
			        err, PL_EUSAGE,
			        "format %s cannot say this map: rank %u runs on GPU %u of "
			        "%s, but its local rank is %u and the format has no place for "
			        "a GPU; use json or csv, or leave %s out",
			        format, r, p->gpu, host_name(m, r), p->local_rank, host_name(m, r));
	}
	return 0;
}

/* Ranks are numbered host by host. */
static int check_contiguous(const struct pl_rankmap *m, const char *format, struct pl_error *err)
{
	for (uint32_t r = 1; r < m->n_ranks; r++) {
		const struct pl_place *p = &m->places[r];

		if (p->host != m->places[r - 1].host && p->local_rank > 0)
			return pl_errorf(err, PL_EUSAGE,
			                 "format %s cannot say this map: rank %u comes back to %s, "
			                 "whose ranks must follow one another; map --for torchrun "
			                 "keeps them together",
			                 format, r, host_name(m, r));
	}
	return 0;
}

/* Every host has as many ranks as the first. The map is contiguous. */
static int check_equal(const struct pl_rankmap *m, const char *format, struct pl_error *err)
{
	uint32_t per_host = 1;

	while (per_host < m->n_ranks && m->places[per_host].host == m->places[0].host)
		per_host++;
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		if (m->places[r].local_rank != r % per_host)
			return pl_errorf(
			        err, PL_EUSAGE,
			        "format %s cannot say this map: %s has %u ranks, but rank %u "
			        "on %s breaks the equal share; map --for %s",
			        format, host_name(m, 0), per_host, r, host_name(m, r), format);
	}
	if (m->n_ranks % per_host != 0)
		return pl_errorf(
		        err, PL_EUSAGE,
		        "format %s cannot say this map: rank %u ends a host with fewer than "
		        "%u ranks; map --for %s",
		        format, m->n_ranks - 1, per_host, format);
	return 0;
}

/* ---- writers ---- */

static int write_vector(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	(void)err;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		strbuf_addf(out, "%u\n", m->places[r].pe);
	return 0;
}

static int write_csv(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	(void)err;
	strbuf_adds(out, "rank,host,gpu,local_rank,node_rank,pe\n");
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		const struct pl_place *p = &m->places[r];

		strbuf_addf(out, "%u,%s,%u,%u,%u,%u\n", r, host_name(m, r), p->gpu, p->local_rank,
		            p->node_rank, p->pe);
	}
	return 0;
}

/* A slot is a core to Open MPI, which must be told some: all sockets of the host leave the rank
 * unbound. */
static int write_rankfile(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	if (check_gpus(m, "rankfile", err) < 0)
		return -1;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		strbuf_addf(out, "rank %u=%s slot=S*\n", r, host_name(m, r));
	return 0;
}

static int write_hosts(const struct pl_rankmap *m, const char *format, const char *after,
                       struct strbuf *out, struct pl_error *err)
{
	if (check_gpus(m, format, err) < 0)
		return -1;
	for (uint32_t r = 0; r < m->n_ranks; r++)
		strbuf_addf(out, "%s%s\n", host_name(m, r), after);
	return 0;
}

static int write_seq(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	return write_hosts(m, "seq", "", out, err);
}

/* A host that comes again is a new one to Hydra: its local ranks begin at 0 once more. */
static int write_mpich(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	if (check_contiguous(m, "mpich", err) < 0)
		return -1;
	return write_hosts(m, "mpich", ":1", out, err);
}

static int write_slurm(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	return write_hosts(m, "slurm", "", out, err);
}

/* One past the last rank of the host that rank r is on. */
static uint32_t host_end(const struct pl_rankmap *m, uint32_t r)
{
	uint32_t end = r + 1;

	while (end < m->n_ranks && m->places[end].host == m->places[r].host)
		end++;
	return end;
}

/* The port torchrun itself defaults to. */
#define TORCHRUN_PORT 29500

static int write_torchrun(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	uint32_t per_host, nodes;

	if (check_contiguous(m, "torchrun", err) < 0 || check_equal(m, "torchrun", err) < 0)
		return -1;
	per_host = host_end(m, 0);
	nodes = m->n_ranks / per_host;
	for (uint32_t r = 0; r < m->n_ranks; r += per_host) {
		strbuf_addf(out, "%s\tCUDA_VISIBLE_DEVICES=", host_name(m, r));
		for (uint32_t i = 0; i < per_host; i++)
			strbuf_addf(out, "%s%u", i > 0 ? "," : "", m->places[r + i].gpu);
		strbuf_addf(out,
		            " torchrun --nnodes=%u --nproc-per-node=%u --node-rank=%u "
		            "--master-addr=%s --master-port=%d\n",
		            nodes, per_host, m->places[r].node_rank, host_name(m, 0),
		            TORCHRUN_PORT);
	}
	return 0;
}

static int write_deepspeed(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	if (check_contiguous(m, "deepspeed", err) < 0 || check_gpus(m, "deepspeed", err) < 0)
		return -1;
	for (uint32_t r = 0, end; r < m->n_ranks; r = end) {
		end = host_end(m, r);
		strbuf_addf(out, "%s slots=%u\n", host_name(m, r), end - r);
	}
	return 0;
}

static int write_svg(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	(void)err;
	pl_draw(m->topo, m, out);
	return 0;
}

/* ---- json ---- */

static json_t *cost_json(const struct pl_rankmap *m, const struct pl_map_cost *c, bool levels)
{
	json_t *o = json_object(), *by_family = json_object(), *by_level;

	json_object_set_new(o, "step", json_real(c->step));
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.size > 1 && g.gbyte > 0)
			json_object_set_new(by_family, g.name, json_real(c->family[f]));
	}
	json_object_set_new(o, "groups", by_family);
	if (!levels)
		return o;
	by_level = json_object();
	for (size_t i = 0; i < m->topo->n_levels; i++)
		json_object_set_new(by_level, m->topo->levels[i].name, json_real(c->volume[i]));
	json_object_set_new(o, "weighted", json_real(c->weighted));
	json_object_set_new(o, "gbyte", by_level);
	return o;
}

static json_t *lines_json(char *const *lines, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(lines[i]));
	return a;
}

static void add_json(struct strbuf *out, const char *key, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

	strbuf_addf(out, ",\n\"%s\":%s", key, text != NULL ? text : "null");
	free(text);
	json_decref(value);
}

/* By hand, one rank a line: a tree of 100,000 objects would cost more than the map. */
static void add_ranks(const struct pl_rankmap *m, struct strbuf *out)
{
	char *quoted = NULL;

	strbuf_adds(out, "{\"ranks\":[");
	for (uint32_t r = 0; r < m->n_ranks; r++) {
		const struct pl_place *p = &m->places[r];

		if (r == 0 || p->host != m->places[r - 1].host) {
			json_t *name = json_string(host_name(m, r));

			free(quoted);
			quoted = json_dumps(name, JSON_ENCODE_ANY);
			json_decref(name);
		}
		strbuf_addf(out,
		            "%s\n{\"rank\":%u,\"host\":%s,\"gpu\":%u,\"local_rank\":%u,\"pe\":%u}",
		            r > 0 ? "," : "", r, quoted != NULL ? quoted : "null", p->gpu,
		            p->local_rank, p->pe);
	}
	free(quoted);
	strbuf_adds(out, "\n]");
}

static json_t *graph_cost_json(const struct pl_rankmap *m, const struct pl_graph_cost *c)
{
	json_t *o = json_object(), *by_level = json_object();

	for (size_t i = 0; i < m->topo->n_levels; i++)
		json_object_set_new(by_level, m->topo->levels[i].name, json_real(c->volume[i]));
	json_object_set_new(o, "weighted", json_real(c->weighted));
	json_object_set_new(o, "volume", by_level);
	return o;
}

/* What a map for a graph says instead of its job and the costs of a step. */
static void add_graph_score(const struct pl_rankmap *m, struct strbuf *out)
{
	add_json(out, "cost", graph_cost_json(m, &m->graph->cost));
	add_json(out, "baseline", graph_cost_json(m, &m->graph->baseline));
	add_json(out, "lower_bound", json_pack("{s:f}", "weighted", m->graph->bound));
}

static json_t *volumes_json(const struct pl_rankmap *m)
{
	json_t *o = json_object();

	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_volume_source from;
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.size < 2 || g.gbyte == 0)
			continue;
		pl_job_volume_source(&m->job, f, &from);
		json_object_set_new(o, g.name,
		                    json_pack("{s:f,s:s,s:s?,s:s?}", "gbyte", g.gbyte, "volume",
		                              pl_volume_origin_name(from.origin), "formula",
		                              from.formula, "source", from.citation));
	}
	return o;
}

/* What the costs are worth: seconds of a calibrated machine, else only good for ratios. */
static void add_worth(const struct pl_rankmap *m, struct strbuf *out)
{
	add_json(out, "unit", json_string(m->topo->calibrated != NULL ? "s" : "uncalibrated"));
	add_json(out, "calibrated", m->topo->calibrated != NULL ? json_string(m->topo->calibrated)
	                                                        : json_false());
	add_json(out, "gain", json_real(pl_rankmap_gain(m)));
	add_json(out, "no_gain_expected", json_boolean(m->no_gain));
	if (m->free_step > 0)
		add_json(out, "without_launcher_rule", json_pack("{s:f}", "step", m->free_step));
}

static void add_job_costs(const struct pl_rankmap *m, struct strbuf *out)
{
	struct strbuf job = STRBUF_INIT;

	pl_job_format(&m->job, &job);
	add_json(out, "job", json_string(strbuf_str(&job)));
	add_json(out, "launcher", json_string(pl_launcher_name(m->launcher)));
	add_json(out, "cost", cost_json(m, &m->cost, true));
	add_json(out, "baseline", cost_json(m, &m->baseline, true));
	add_json(out, "lower_bound", cost_json(m, &m->bound, false));
	if (m->alone_step > 0)
		add_json(out, "alone", json_pack("{s:f}", "step", m->alone_step));
	add_worth(m, out);
	add_json(out, "volumes", volumes_json(m));
	strbuf_fini(&job);
}

static int write_json(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err)
{
	(void)err;
	add_ranks(m, out);
	add_json(out, "topology", json_string(m->topo->name));
	add_json(out, "strategy", json_string(m->strategy));
	if (m->graph != NULL)
		add_graph_score(m, out);
	else
		add_job_costs(m, out);
	add_json(out, "assumed", lines_json(m->assumed, m->n_assumed));
	add_json(out, "notes", lines_json(m->notes, m->n_notes));
	if (m->seconds > 0)
		add_json(out, "seconds", json_real(m->seconds));
	strbuf_adds(out, "}\n");
	return 0;
}

typedef int write_f(const struct pl_rankmap *m, struct strbuf *out, struct pl_error *err);

/* In the order of pl_rankmap_formats. */
static write_f *const writers[] = { write_vector,   write_json,     write_csv,
	                            write_rankfile, write_seq,      write_mpich,
	                            write_slurm,    write_torchrun, write_deepspeed, write_svg };

int pl_rankmap_format(const struct pl_rankmap *m, const char *format, struct strbuf *out,
                      struct pl_error *err)
{
	char hint[64];

	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		if (strcmp(pl_rankmap_formats[i], format) == 0)
			return writers[i](m, out, err);
	}
	return pl_errorf(err, PL_EUSAGE, "unknown map format '%s'%s", format,
	                 nearest_hint(format, pl_rankmap_formats, hint, sizeof(hint)));
}
