/*
 * import_hwloc.c - hwloc's XML of one host, of hwloc 2 and 3 (`lstopo --whole-io host.xml`): GPUs,
 * adapters, and the NUMA node and the bridge they hang on.
 *
 * Read here and not by libhwloc, which takes no document of a version later than its own.
 */
#include "survey/importers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/hostdevices.h"
#include "survey/importxml.h"

/* An object that is open. */
struct open {
	int numa; /* of the first NUMA node that it or an object above it holds */
	bool has_numa;
	enum hostdevices_kind kind;
	uint32_t device; /* that it or, of an OS device, the object above it is */
	char *os_name;	 /* of an OS device: "nvml0", "mlx5_3" */
	char *bus_id;	 /* of an Ethernet controller, which counts once it is seen to do RDMA */
};

struct reading {
	struct hostdevices *devices;
	struct open open[IMPORTXML_MAX_DEPTH + 1];
	char *host_name;
};

int hwloc_recognise(const char *bytes, size_t len)
{
	if (import_first(bytes, len) != '<' || !import_mentions(bytes, len, "<topology"))
		return 0;
	return import_mentions(bytes, len, "<object type=") ? 90 : 0;
}

/* pci_type is "0302 [10de:1db8] [10de:131d] a1". */
static int start_pci(struct reading *r, struct open *self, const char *const *attributes,
		     struct pl_error *err)
{
	const char *type = importxml_attribute(attributes, "pci_type");
	const char *bus_id = importxml_attribute(attributes, "pci_busid");
	const char *vendor = type != NULL ? strchr(type, '[') : NULL;
	enum hostdevices_kind kind =
		hostdevices_kind_of(type, vendor != NULL ? vendor + 1 : NULL);
	struct hostdevice *d;

	if (kind == HOSTDEVICES_OTHER)
		return 0;
	if (kind == HOSTDEVICES_ADAPTER && !hostdevices_is_infiniband(type)) {
		self->bus_id = xstrdup(bus_id);
		return 0;
	}
	d = hostdevices_add(r->devices, kind, bus_id, self->numa, err);
	if (d == NULL)
		return -1;
	d->infiniband = hostdevices_is_infiniband(type);
	self->kind = kind;
	self->device = (uint32_t)(kind == HOSTDEVICES_GPU ? r->devices->gpus.n
							  : r->devices->adapters.n) -
		       1;
	return 0;
}

/* "nvml3" numbers the GPU as nvidia-smi does. */
static void start_os_device(struct reading *r, struct open *self, const char *name)
{
	const struct open *above = self - 1;

	self->kind = above->kind;
	self->device = above->device;
	self->os_name = xstrdup(name);
	if (name != NULL && self->kind == HOSTDEVICES_GPU && strncmp(name, "nvml", 4) == 0 &&
	    strlen(name) < 9)
		r->devices->gpus.items[self->device].index = (uint32_t)atoi(name + 4);
}

static void start_numa(struct open *above, const char *const *attributes)
{
	const char *index = importxml_attribute(attributes, "os_index");

	if (above->has_numa || index == NULL || strlen(index) > 6)
		return;
	above->has_numa = true;
	above->numa = atoi(index);
}

static int start_object(struct reading *r, struct open *self, const char *const *attributes,
			struct pl_error *err)
{
	const char *type = importxml_attribute(attributes, "type");

	if (type == NULL)
		return pl_errorf(err, PL_EUSAGE, "an object without a type");
	if (strcmp(type, "NUMANode") == 0)
		start_numa(self - 1, attributes);
	else if (strcmp(type, "PCIDev") == 0)
		return start_pci(r, self, attributes, err);
	else if (strcmp(type, "OSDev") == 0)
		start_os_device(r, self, importxml_attribute(attributes, "name"));
	return 0;
}

/* An OS device with a node GUID does RDMA: its name is the adapter's. */
static int name_adapter(struct reading *r, struct open *os, struct pl_error *err)
{
	struct hostdevice *d;

	if (os->kind == HOSTDEVICES_GPU)
		return 0;
	if (os->kind == HOSTDEVICES_OTHER) {
		if (hostdevices_add(r->devices, HOSTDEVICES_ADAPTER, os[-1].bus_id, os->numa,
				    err) == NULL)
			return -1;
		os->kind = HOSTDEVICES_ADAPTER;
		os->device = (uint32_t)r->devices->adapters.n - 1;
	}
	d = &r->devices->adapters.items[os->device];
	if (d->name == NULL)
		d->name = xstrdup(os->os_name);
	return 0;
}

static void set_once(char **text, const char *value)
{
	if (*text == NULL)
		*text = xstrdup(value);
}

/* Of an OS device, or of the host as a whole. */
static int start_info(struct reading *r, struct open *of, const char *const *attributes,
		      struct pl_error *err)
{
	const char *name = importxml_attribute(attributes, "name");
	const char *value = importxml_attribute(attributes, "value");

	if (name == NULL || value == NULL)
		return 0;
	if (strcmp(name, "HostName") == 0)
		set_once(&r->host_name, value);
	if (of->os_name == NULL)
		return 0;
	if (strcmp(name, "NodeGUID") == 0)
		return name_adapter(r, of, err);
	if (of->kind == HOSTDEVICES_GPU && strcmp(name, "GPUModel") == 0)
		set_once(&r->devices->gpus.items[of->device].model, value);
	if (of->kind == HOSTDEVICES_GPU && strcmp(name, "NVIDIAUUID") == 0)
		set_once(&r->devices->gpus.items[of->device].uuid, value);
	return 0;
}

static int on_start(struct importxml *x, const char *element, const char *const *attributes,
		    struct pl_error *err)
{
	struct reading *r = x->arg;
	struct open *self = &r->open[x->depth];

	hostdevices_enter(r->devices, x->depth);
	*self = (struct open){ .numa = x->depth > 1 ? self[-1].numa : -1 };
	if (x->depth == 1 && strcmp(element, "topology") != 0)
		return pl_errorf(err, PL_EUSAGE,
				 "no topology of hwloc's: it begins with <%.40s>, not <topology>",
				 element);
	if (x->depth > 1 && strcmp(element, "object") == 0)
		return start_object(r, self, attributes, err);
	if (x->depth > 1 && strcmp(element, "info") == 0)
		return start_info(r, self - 1, attributes, err);
	return 0;
}

static void close_object(struct open *self)
{
	free(self->os_name);
	free(self->bus_id);
	*self = (struct open){ 0 };
}

static int on_end(struct importxml *x, const char *element, const char *text,
		  struct pl_error *err)
{
	struct reading *r = x->arg;

	(void)element, (void)text, (void)err;
	hostdevices_leave(r->devices, x->depth);
	close_object(&r->open[x->depth]);
	return 0;
}

static int tell(struct reading *r, struct pl_survey *s, const struct survey_input *in,
		struct pl_error *err)
{
	const char *host = in->host != NULL ? in->host : r->host_name;

	if (host == NULL || !import_is_name(host, strlen(host)))
		return pl_errorf(err, PL_EUSAGE, "%s: it names no host: say which one it is of",
				 in->name);
	if (r->devices->gpus.n == 0 && r->devices->adapters.n == 0)
		return pl_errorf(err, PL_EUSAGE,
				 "%s: neither GPUs nor InfiniBand in it: lstopo --whole-io FILE.xml "
				 "writes devices, too",
				 in->name);
	hostdevices_tell(r->devices, s, host,
			 survey_add_source(s, "hwloc", in->name, in->taken_at));
	return 0;
}

int hwloc_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct reading *r = xcalloc(1, sizeof(*r));
	struct importxml x = { .start = on_start, .end = on_end, .arg = r };
	int rc;

	r->devices = hostdevices_create();
	rc = importxml_read(in, &x, err);
	if (rc == 0)
		rc = tell(r, s, in, err);
	for (size_t i = 0; i <= IMPORTXML_MAX_DEPTH; i++)
		close_object(&r->open[i]);
	hostdevices_destroy(r->devices);
	free(r->host_name);
	free(r);
	return rc;
}
