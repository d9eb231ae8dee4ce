/*
 * import_nvidia_smi.c - `nvidia-smi -q -x`: the GPUs of one host, where they are in NVLink, in
 * which chassis and slot, and whether they are well.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/import_gpu.h"
#include "survey/importers.h"
#include "survey/importxml.h"

#define MAX_GPUS 1024 /* of one host */

/* What is read of a GPU, by its path in the document. */
enum field {
	BUS_ID,
	MODEL,
	UUID,
	MINOR,
	CHASSIS,
	SLOT,
	MIG,
	STATE,
	STATUS,
	CLIQUE,
	CLUSTER,
	/* what may be wrong with it */
	SUMMARY,
	BANDWIDTH,
	ROUTE_RECOVERY,
	ROUTE_UNHEALTHY,
	ACCESS_TIMEOUT,
	CONFIGURATION,
	RECOVERY,
	DRAM_ERRORS,
	SRAM_ERRORS,
	SRAM_PARITY,
	SRAM_SECDED,
	SRAM_THRESHOLD,
	REMAP_PENDING,
	REMAP_FAILURE,
	RETIREMENT,
	N_FIELDS,
};

/* A field is wrong when it is none of `good` ("|a|b|"); NULL: it is no matter of health. */
static const struct {
	const char *path, *good, *words;
} fields[N_FIELDS] = {
	[BUS_ID] = { "/nvidia_smi_log/gpu/pci/pci_bus_id", NULL, NULL },
	[MODEL] = { "/nvidia_smi_log/gpu/product_name", NULL, NULL },
	[UUID] = { "/nvidia_smi_log/gpu/uuid", NULL, NULL },
	[MINOR] = { "/nvidia_smi_log/gpu/minor_number", NULL, NULL },
	[CHASSIS] = { "/nvidia_smi_log/gpu/platformInfo/chassis_serial_number", NULL, NULL },
	[SLOT] = { "/nvidia_smi_log/gpu/platformInfo/slot_number", NULL, NULL },
	[MIG] = { "/nvidia_smi_log/gpu/mig_mode/current_mig", "|Disabled|",
		  "it is split into instances (MIG)" },
	[STATE] = { "/nvidia_smi_log/gpu/fabric/state", NULL, NULL },
	[STATUS] = { "/nvidia_smi_log/gpu/fabric/status", NULL, NULL },
	[CLIQUE] = { "/nvidia_smi_log/gpu/fabric/cliqueId", NULL, NULL },
	[CLUSTER] = { "/nvidia_smi_log/gpu/fabric/clusterUuid", NULL, NULL },
	[SUMMARY] = { "/nvidia_smi_log/gpu/fabric/health/summary", "|Healthy|", "NVLink fabric" },
	[BANDWIDTH] = { "/nvidia_smi_log/gpu/fabric/health/bandwidth", "|Full|",
			"NVLink bandwidth" },
	[ROUTE_RECOVERY] = { "/nvidia_smi_log/gpu/fabric/health/route_recovery_in_progress",
			     "|False|", "NVLink route recovery in progress" },
	[ROUTE_UNHEALTHY] = { "/nvidia_smi_log/gpu/fabric/health/route_unhealthy", "|False|",
			      "NVLink route unhealthy" },
	[ACCESS_TIMEOUT] = { "/nvidia_smi_log/gpu/fabric/health/access_timeout_recovery",
			     "|False|", "NVLink access timeout recovery" },
	[CONFIGURATION] = { "/nvidia_smi_log/gpu/fabric/health/incorrect_configuration",
			    "|None|False|", "NVLink configuration" },
	[RECOVERY] = { "/nvidia_smi_log/gpu/gpu_recovery_action", "|None|",
		       "the driver asks for" },
	[DRAM_ERRORS] = { "/nvidia_smi_log/gpu/ecc_errors/volatile/dram_uncorrectable", "|0|",
			  "uncorrectable errors in its memory" },
	[SRAM_ERRORS] = { "/nvidia_smi_log/gpu/ecc_errors/volatile/sram_uncorrectable", "|0|",
			  "uncorrectable errors in its caches" },
	[SRAM_PARITY] = { "/nvidia_smi_log/gpu/ecc_errors/volatile/sram_uncorrectable_parity",
			  "|0|", "parity errors in its caches" },
	[SRAM_SECDED] = { "/nvidia_smi_log/gpu/ecc_errors/volatile/sram_uncorrectable_secded",
			  "|0|", "uncorrectable errors in its caches" },
	[SRAM_THRESHOLD] = { "/nvidia_smi_log/gpu/ecc_errors/aggregate/sram_threshold_exceeded",
			     "|No|", "too many errors in its caches over its life" },
	[REMAP_PENDING] = { "/nvidia_smi_log/gpu/remapped_rows/remapped_row_pending", "|No|",
			    "rows of its memory wait for a reset to be remapped" },
	[REMAP_FAILURE] = { "/nvidia_smi_log/gpu/remapped_rows/remapped_row_failure", "|No|",
			    "rows of its memory could not be remapped" },
	[RETIREMENT] = { "/nvidia_smi_log/gpu/retired_pages/pending_retirement", "|No|",
			 "pages of its memory wait for a reset to be retired" },
};

#define GPU_PATH      "/nvidia_smi_log/gpu"
#define ATTACHED_PATH "/nvidia_smi_log/attached_gpus"

struct gpu_text {
	char *field[N_FIELDS];
};

struct document {
	struct strbuf path;
	struct gpu_text *gpus;
	size_t n_gpus, cap_gpus;
	unsigned long attached; /* 0: not said */
};

/* ---- reading ---- */

static int on_start(struct importxml *x, const char *element, const char *const *attributes,
		    struct pl_error *err)
{
	struct document *d = x->arg;

	(void)attributes;
	if (x->depth == 1 && strcmp(element, "nvidia_smi_log") != 0)
		return pl_errorf(err, PL_EUSAGE,
				 "<%.40s> where <nvidia_smi_log> is expected; give what "
				 "nvidia-smi -q -x prints",
				 element);
	strbuf_addc(&d->path, '/');
	strbuf_adds(&d->path, element);
	if (strcmp(strbuf_str(&d->path), GPU_PATH) != 0)
		return 0;
	if (d->n_gpus == MAX_GPUS)
		return pl_errorf(err, PL_EUSAGE, "more than %d GPUs in one host", MAX_GPUS);
	ARRAY_GROW(d->gpus, d->n_gpus, d->cap_gpus);
	d->gpus[d->n_gpus++] = (struct gpu_text){ 0 };
	return 0;
}

static void keep(struct document *d, const char *path, const char *text)
{
	size_t prefix = strlen(GPU_PATH);

	if (strcmp(path, ATTACHED_PATH) == 0)
		d->attached = strtoul(text, NULL, 10);
	if (d->n_gpus == 0 || strncmp(path, GPU_PATH "/", prefix + 1) != 0)
		return;
	for (size_t i = 0; i < N_FIELDS; i++) {
		char **field = &d->gpus[d->n_gpus - 1].field[i];

		if (*field == NULL && strcmp(path, fields[i].path) == 0)
			*field = xstrdup(text);
	}
}

static int on_end(struct importxml *x, const char *element, const char *text, struct pl_error *err)
{
	struct document *d = x->arg;

	(void)err;
	keep(d, strbuf_str(&d->path), text);
	strbuf_truncate(&d->path, d->path.len - strlen(element) - 1);
	return 0;
}

static void free_document(struct document *d)
{
	for (size_t i = 0; i < d->n_gpus; i++) {
		for (size_t k = 0; k < N_FIELDS; k++)
			free(d->gpus[i].field[k]);
	}
	free(d->gpus);
	strbuf_fini(&d->path);
}

/* ---- what it means ---- */

static bool is_good(enum field field, const char *text)
{
	const char *found = fields[field].good, *end;
	size_t len = strlen(text);

	if (found == NULL || len == 0 || strcmp(text, "N/A") == 0 || strchr(text, '|') != NULL ||
	    strncmp(text, "Requested functionality", 23) == 0)
		return true;
	while ((found = strstr(found, text)) != NULL) {
		end = found + len;
		if (found[-1] == '|' && *end == '|')
			return true;
		found = end;
	}
	return false;
}

/* All that is wrong with it: "NVLink fabric: Unhealthy; NVLink route unhealthy: True". */
static void set_health(struct pl_survey_gpu *gpu, const struct gpu_text *t)
{
	struct strbuf why = STRBUF_INIT;

	for (enum field i = 0; i < N_FIELDS; i++) {
		if (t->field[i] != NULL && !is_good(i, t->field[i]))
			strbuf_addf(&why, "%s%s: %.80s", why.len > 0 ? "; " : "", fields[i].words,
				    t->field[i]);
	}
	if (why.len > 0) {
		gpu->health = PL_HEALTH_BAD;
		free(gpu->why);
		gpu->why = strbuf_detach(&why);
	} else if (gpu->health == PL_HEALTH_UNKNOWN && t->field[SUMMARY] != NULL &&
		   strcmp(t->field[SUMMARY], "Healthy") == 0) {
		gpu->health = PL_HEALTH_OK;
	}
	strbuf_fini(&why);
}

static void add_gpu(struct pl_survey *s, struct pl_survey_host *host, uint32_t index,
		    const struct gpu_text *t, uint32_t source)
{
	struct pl_survey_gpu *gpu = survey_gpu(host, index, source);
	struct import_fabric fabric = { t->field[STATE], t->field[STATUS], t->field[CLIQUE],
					t->field[CLUSTER] };
	char *bus_id = t->field[BUS_ID] != NULL ? import_bus_id(t->field[BUS_ID]) : NULL;

	import_gpu_text(s, host, gpu, &gpu->bus_id, bus_id, "bus id");
	import_gpu_text(s, host, gpu, &gpu->uuid, t->field[UUID], "UUID");
	import_gpu_text(s, host, gpu, &gpu->model, t->field[MODEL], "model");
	set_health(gpu, t);
	import_gpu_fabric(s, host, gpu, &fabric);
	free(bus_id);
}

/* Its place in the document, which is in the order of indexes; where only some GPUs are in it
 * (-i), the minor number comes nearer. */
static uint32_t index_of(const struct document *d, size_t place)
{
	const char *minor = d->gpus[place].field[MINOR];
	unsigned long n;

	if (d->attached == 0 || d->attached == d->n_gpus || minor == NULL || minor[0] < '0' ||
	    minor[0] > '9')
		return (uint32_t)place;
	n = strtoul(minor, NULL, 10);
	return n < MAX_GPUS ? (uint32_t)n : (uint32_t)place;
}

static void add_place(struct pl_survey *s, struct pl_survey_host *host, const struct gpu_text *t,
		      uint32_t source)
{
	const char *chassis = t->field[CHASSIS], *slot = t->field[SLOT];
	unsigned long n = slot != NULL ? strtoul(slot, NULL, 10) : 0;

	if (chassis != NULL && chassis[0] != '\0' && strcmp(chassis, "N/A") != 0)
		survey_set(s, host, &host->chassis, chassis, strlen(chassis), source,
			   "chassis serial number");
	if (n > 0 && n <= UINT32_MAX)
		survey_set_count(s, host, &host->slot, (uint32_t)n, source, "as slot");
}

static void add_document(struct pl_survey *s, const struct survey_input *in,
			 struct pl_survey_host *host, const struct document *d)
{
	uint32_t source = survey_add_source(s, "nvidia-smi-xml", in->name, in->taken_at);
	unsigned long n = d->attached > 0 && d->attached <= MAX_GPUS ? d->attached : d->n_gpus;

	if (n != d->n_gpus)
		survey_note_on(s, host->name,
			       "%lu GPUs are attached and %zu described: their minor numbers are "
			       "taken for indexes",
			       n, d->n_gpus);
	survey_set_count(s, host, &host->n_gpus, (uint32_t)n, source, "GPUs");
	for (size_t i = 0; i < d->n_gpus; i++) {
		add_gpu(s, host, index_of(d, i), &d->gpus[i], source);
		add_place(s, host, &d->gpus[i], source);
	}
	import_host_domain(s, host, source);
}

int nvidia_smi_xml_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct document d = { STRBUF_INIT, NULL, 0, 0, 0 };
	struct importxml x = { .start = on_start, .end = on_end, .arg = &d };
	struct pl_survey_host *host;
	int rc = importxml_read(in, &x, err);

	if (rc == 0 && d.n_gpus == 0)
		rc = pl_errorf(err, PL_EUSAGE, "%s:%zu: no <gpu> in <nvidia_smi_log>", in->name,
			       x.line);
	if (rc == 0) {
		host = import_own_host(s, in, err);
		if (host != NULL)
			add_document(s, in, host, &d);
		rc = host != NULL ? 0 : -1;
	}
	free_document(&d);
	return rc;
}

int nvidia_smi_xml_recognise(const char *bytes, size_t len)
{
	return import_first(bytes, len) == '<' &&
			       import_mentions(bytes, len < 1024 ? len : 1024, "<nvidia_smi_log")
		       ? 100
		       : 0;
}
