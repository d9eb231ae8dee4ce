/*
 * import_nmx.c - the compute nodes of NVIDIA's NVLink manager (NMX): a list of objects with Name,
 * DomainUUID, Health, GpuIDList and LocationInfo.
 *
 * Its DomainUUID names the NVLink domain otherwise than the driver does. The two cannot be
 * compared, so it is taken only for hosts whose domain nobody has told.
 */
#include "survey/importers.h"

#include <string.h>

#include "base/mem.h"
#include "survey/importjson.h"

#define MAX_GPUS 1024 /* of a host */

struct reading {
	struct pl_survey *s;
	const struct survey_input *in;
	uint32_t source;
	struct pl_error *err;
};

int nmx_nodes_recognise(const char *bytes, size_t len)
{
	if (!import_mentions(bytes, len, "\"DomainUUID\""))
		return 0;
	return import_mentions(bytes, len, "\"GpuIDList\"") ? 90 : 60;
}

static bool domain_is_known(const struct pl_survey_host *host)
{
	for (size_t i = 0; i < host->n_gpus_seen; i++) {
		if (host->gpus[i].domain != NULL)
			return true;
	}
	return host->domain.text != NULL;
}

static void tell_domain(struct reading *r, struct pl_survey_host *host, const char *uuid)
{
	if (uuid == NULL || *uuid == '\0' || domain_is_known(host))
		return;
	if (strspn(uuid, "0-") == strlen(uuid))
		survey_note_on(r->s, host->name, "its DomainUUID is %s, which names no NVLink domain",
			       uuid);
	else
		survey_set(r->s, host, &host->domain, uuid, strlen(uuid), r->source,
			   "NVLink domain");
}

static void tell_place(struct reading *r, struct pl_survey_host *host, const json_t *place)
{
	const char *chassis = importjson_text(place, "ChassisSerialNumber");
	json_int_t slot = json_integer_value(json_object_get(place, "SlotID"));

	if (chassis != NULL && *chassis != '\0')
		survey_set(r->s, host, &host->chassis, chassis, strlen(chassis), r->source,
			   "chassis");
	if (slot > 0 && slot < 1000)
		survey_set_count(r->s, host, &host->slot, (uint32_t)slot, r->source, "as its slot");
}

static void tell_health(struct reading *r, struct pl_survey_host *host, const char *health,
			size_t n_gpus)
{
	if (health == NULL || strcmp(health, "HEALTHY") == 0)
		return;
	survey_note_on(r->s, host->name, "NMX says %.40s of it%s", health,
		       strcmp(health, "UNHEALTHY") == 0 ? ": its GPUs are taken as unusable" : "");
	if (strcmp(health, "UNHEALTHY") != 0)
		return;
	for (uint32_t i = 0; i < n_gpus; i++) {
		struct pl_survey_gpu *gpu = survey_gpu(host, i, r->source);

		gpu->health = PL_HEALTH_BAD;
		if (gpu->why == NULL)
			gpu->why = xstrdup("NMX says UNHEALTHY of its tray");
	}
}

static int read_node(struct reading *r, const json_t *node, size_t i)
{
	const char *name = importjson_text(node, "Name");
	size_t n_gpus = json_array_size(json_object_get(node, "GpuIDList"));
	struct pl_survey_host *host;

	if (name == NULL || !import_is_name(name, strlen(name)))
		return pl_errorf(r->err, PL_EUSAGE, "%s: [%zu].Name: the name of a host is expected",
				 r->in->name, i);
	if (n_gpus > MAX_GPUS)
		return pl_errorf(r->err, PL_EUSAGE, "%s: [%zu].GpuIDList: %zu GPUs in one host",
				 r->in->name, i, n_gpus);
	host = survey_host(r->s, name, strlen(name));
	if (n_gpus > 0)
		survey_set_count(r->s, host, &host->n_gpus, (uint32_t)n_gpus, r->source, "GPUs");
	tell_domain(r, host, importjson_text(node, "DomainUUID"));
	tell_place(r, host, importjson_object(node, "LocationInfo"));
	tell_health(r, host, importjson_text(node, "Health"), n_gpus);
	return 0;
}

int nmx_nodes_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct reading r = { .s = s, .in = in, .err = err };
	json_t *root = importjson_load(in, err);
	const json_t *node;
	size_t i;
	int rc = 0;

	if (root == NULL)
		return -1;
	r.source = survey_add_source(s, "nmx", in->name, in->taken_at);
	if (json_array_size(root) == 0)
		rc = pl_errorf(err, PL_EUSAGE, "%s: no list of compute nodes", in->name);
	json_array_foreach(root, i, node) {
		if (rc == 0)
			rc = read_node(&r, node, i);
	}
	json_decref(root);
	return rc;
}
