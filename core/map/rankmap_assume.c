/* rankmap_assume.c - what the costs of a map take for granted; see rankmap.h */
#include "map/rankmap_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void add_line(char ***lines, size_t *n, const char *fmt, va_list ap)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_vaddf(&b, fmt, ap);
	*lines = xreallocarray(*lines, *n + 1, sizeof(**lines));
	(*lines)[(*n)++] = strbuf_detach(&b);
}

void rankmap_note(struct pl_rankmap *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&m->notes, &m->n_notes, fmt, ap);
	va_end(ap);
}

void rankmap_assume(struct pl_rankmap *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&m->assumed, &m->n_assumed, fmt, ap);
	va_end(ap);
}

/* ---- the machine ---- */

static void assume_source(struct pl_rankmap *m)
{
	const struct pl_topo *t = m->topo;
	const char *source = t->source != NULL ? t->source : t->name;

	if (t->unknown)
		rankmap_assume(m, "topology: unknown. Only hosts and their GPUs are known (%s)",
		               source);
	else if (t->told)
		rankmap_assume(m, "topology: %s", source);
	else
		rankmap_assume(m, "topology: %s, as described there: nothing was probed", source);
}

static void assume_gpus(struct pl_rankmap *m)
{
	const struct pl_topo *t = m->topo;
	struct strbuf b = STRBUF_INIT;

	strbuf_addf(&b, "%u on every host", t->gpus_per_host);
	if (t->n_missing > 0)
		strbuf_addf(&b, " but for %u that are missing", t->n_missing);
	if (t->n_unusable > t->n_missing)
		strbuf_addf(&b, ", %u of %u unusable", t->n_unusable - t->n_missing,
		            t->n_pes - t->n_missing);
	else
		strbuf_adds(&b, ", all taken to work");
	rankmap_assume(m, "GPUs: %s", b.s);
	strbuf_fini(&b);
}

static void assume_figures(struct pl_rankmap *m)
{
	const struct pl_topo *t = m->topo;

	if (t->calibrated != NULL)
		rankmap_assume(m, "bandwidths: calibrated (%s). Times are volumes over them; latency "
		                  "and computing are not counted", t->calibrated);
	else if (t->by_bandwidth)
		rankmap_assume(m, "bandwidths: nominal, uncalibrated. Good for ratios between maps, "
		                  "not for times: topo calibrate fits them to a measured run");
	else
		rankmap_assume(m, "bandwidths: unknown, distances stand for them, uncalibrated. Good "
		                  "for ratios between maps, not for times");
}

/* ---- the job ---- */

static void assume_model(struct pl_rankmap *m)
{
	struct strbuf figures = STRBUF_INIT;

	if (m->job.published != NULL)
		rankmap_assume(m, "model: %s. %s", m->job.published->name,
		               m->job.published->source);
	pl_job_format_assumed(&m->job, &figures);
	if (figures.len > 0)
		rankmap_assume(m, "model: figures not given: %s", figures.s);
	strbuf_fini(&figures);
	if (m->job.fsdp > 0)
		rankmap_assume(m, "shards: parameters are gathered twice a step and gradients "
		                  "scattered once in fsdp groups, and summed between hsdp replicas");
	if (m->job.hierarchical)
		rankmap_assume(m, "experts: a token goes once to each NVLink domain that holds "
		                  "experts of it, and is forwarded there");
	if (m->job.ep > 1 && m->job.tp > 1 && m->job.etp == 1)
		rankmap_assume(m, "experts: not split by tensor parallelism (etp=1)");
}

static void assume_silent_groups(struct pl_rankmap *m)
{
	for (unsigned f = PL_FAMILIES; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.gbyte == 0)
			rankmap_assume(m, "%s: these groups send nothing: write %s@BYTES:ring "
			                  "where they do", g.name, g.name);
	}
}

/* "tp, cp": the families that send in one way. */
static void add_families(const struct pl_rankmap *m, enum pl_pattern pattern, struct strbuf *out)
{
	for (unsigned f = 0; f < pl_job_n_families(&m->job); f++) {
		struct pl_groups g;

		pl_job_groups(&m->job, f, &g);
		if (g.size > 1 && g.gbyte > 0 && g.pattern == pattern)
			strbuf_addf(out, "%s%s", out->len > 0 ? ", " : "", g.name);
	}
}

static void assume_algorithms(struct pl_rankmap *m)
{
	static const char *const ways[] = { [PL_RING] = "one ring per group",
		                            [PL_ALLTOALL] = "all-to-all in pairs",
		                            [PL_P2P] = "neighbours" };
	struct strbuf line = STRBUF_INIT;

	for (int p = PL_RING; p <= PL_P2P; p++) {
		struct strbuf names = STRBUF_INIT;

		add_families(m, (enum pl_pattern)p, &names);
		if (names.len > 0)
			strbuf_addf(&line, "%s%s for %s", line.len > 0 ? "; " : "", ways[p],
			            names.s);
		strbuf_fini(&names);
	}
	if (line.len > 0)
		rankmap_assume(m, "algorithms: %s. No trees, nothing is reduced in the network",
		               line.s);
	strbuf_fini(&line);
}

void rankmap_assume_machine(struct pl_rankmap *m)
{
	assume_source(m);
	assume_gpus(m);
}

void rankmap_assume_all(struct pl_rankmap *m, const struct pl_map_request *request)
{
	assume_source(m);
	for (size_t i = 0; i < request->n_assumed; i++)
		rankmap_assume(m, "%s", request->assumed[i]);
	assume_gpus(m);
	assume_figures(m);
	assume_model(m);
	assume_silent_groups(m);
	assume_algorithms(m);
	rankmap_assume(m, "overlap: none. The phases follow one another, in each the slowest group "
	                  "counts; groups of a phase run at once and share adapters and uplinks");
	rankmap_assume(m, "volumes: bf16 activations, sequence parallelism, distributed optimizer");
}
