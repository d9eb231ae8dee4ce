/*
 * import_nccl.c - NCCL's topology of one host, as NCCL_TOPO_DUMP_FILE writes it and NCCL_TOPO_FILE
 * reads it: <system> <cpu numaid> <pci busid class> <gpu dev> and <nic> <net name dev speed rail
 * plane>. It names no host.
 */
#include "survey/importers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "survey/hostdevices.h"
#include "survey/importxml.h"

/* An element that is open: what its children belong to. */
struct open {
	int numa;
	uint32_t gpu, adapter; /* that the pci element is; HOSTDEVICES_NONE: neither */
	char *bus_id, *pci_class;
};

struct reading {
	struct hostdevices *devices;
	struct open open[IMPORTXML_MAX_DEPTH + 1];
	char *host_hash;
	bool sockets; /* some <net> is no adapter of a fabric */
};

int nccl_topology_recognise(const char *bytes, size_t len)
{
	if (import_first(bytes, len) != '<')
		return 0;
	if (import_mentions(bytes, len, "<graphs") && import_mentions(bytes, len, "<channel"))
		return 70;
	if (!import_mentions(bytes, len, "<system") || !import_mentions(bytes, len, "<cpu"))
		return 0;
	return import_mentions(bytes, len, "busid=") ? 90 : 50;
}

static int number_of(const char *const *attributes, const char *name, int missing)
{
	const char *text = importxml_attribute(attributes, name);
	char *end;
	long n;

	if (text == NULL || *text == '\0')
		return missing;
	n = strtol(text, &end, 0);
	return *end == '\0' && n >= 0 && n < 1 << 30 ? (int)n : missing;
}

static int start_cpu(struct reading *r, struct open *self, const char *const *attributes,
		     struct pl_error *err)
{
	const char *hash = importxml_attribute(attributes, "host_hash");

	self->numa = number_of(attributes, "numaid", -1);
	if (hash == NULL)
		return 0;
	if (r->host_hash == NULL)
		r->host_hash = xstrdup(hash);
	else if (strcmp(r->host_hash, hash) != 0)
		return pl_errorf(err, PL_EUSAGE,
				 "it describes several hosts (host_hash %.40s and %.40s) and names "
				 "none: dump it in a job on one host",
				 r->host_hash, hash);
	return 0;
}

static int add(struct reading *r, struct open *self, enum hostdevices_kind kind,
	       struct pl_error *err)
{
	struct hostdevice *d = hostdevices_add(r->devices, kind, self->bus_id, self->numa, err);

	if (d == NULL)
		return -1;
	if (kind == HOSTDEVICES_GPU) {
		self->gpu = (uint32_t)r->devices->gpus.n - 1;
	} else {
		self->adapter = (uint32_t)r->devices->adapters.n - 1;
		d->infiniband = hostdevices_is_infiniband(self->pci_class);
	}
	return 0;
}

static int start_pci(struct reading *r, struct open *self, const char *const *attributes,
		     struct pl_error *err)
{
	enum hostdevices_kind kind;

	self->bus_id = xstrdup(importxml_attribute(attributes, "busid"));
	self->pci_class = xstrdup(importxml_attribute(attributes, "class"));
	kind = hostdevices_kind_of(self->pci_class, importxml_attribute(attributes, "vendor"));
	return kind == HOSTDEVICES_OTHER ? 0 : add(r, self, kind, err);
}

/* The gpu element makes a GPU of whatever class its pci element has (other vendors'). */
static int start_gpu(struct reading *r, struct open *pci, const char *const *attributes,
		     struct pl_error *err)
{
	int dev = number_of(attributes, "dev", -1);

	if (pci->gpu == HOSTDEVICES_NONE && add(r, pci, HOSTDEVICES_GPU, err) < 0)
		return -1;
	if (dev >= 0)
		r->devices->gpus.items[pci->gpu].index = (uint32_t)dev;
	return 0;
}

/* The pci element that a net is below, which stands at most two elements above it; else itself. */
static struct open *pci_above(struct reading *r, size_t depth)
{
	for (size_t above = depth - 1; above > 0 && above + 2 >= depth; above--) {
		if (r->open[above].bus_id != NULL)
			return &r->open[above];
	}
	return &r->open[depth];
}

/* A port of the adapter above it, or one that hangs on no bus. Sockets have no GUID. */
static int start_net(struct reading *r, size_t depth, const char *const *attributes,
		     struct pl_error *err)
{
	const char *guid = importxml_attribute(attributes, "guid");
	struct open *pci = pci_above(r, depth);
	struct hostdevice *net;

	if (guid != NULL && strtoull(guid, NULL, 0) == 0) {
		r->sockets = true;
		return 0;
	}
	if ((pci->adapter == HOSTDEVICES_NONE ||
	     r->devices->adapters.items[pci->adapter].name != NULL) &&
	    add(r, pci, HOSTDEVICES_ADAPTER, err) < 0)
		return -1;
	net = &r->devices->adapters.items[pci->adapter];
	net->name = xstrdup(importxml_attribute(attributes, "name"));
	net->rail = number_of(attributes, "rail", -1);
	net->plane = number_of(attributes, "plane", -1);
	net->gbyte_s = number_of(attributes, "speed", 0) / 8000.0; /* told in Mb/s */
	return 0;
}

static int refuse_root(const char *element, struct pl_error *err)
{
	if (strcmp(element, "graphs") == 0)
		return pl_errorf(err, PL_EUSAGE,
				 "this is NCCL's graph, the rings it made, and no topology: "
				 "NCCL_TOPO_DUMP_FILE writes that");
	return pl_errorf(err, PL_EUSAGE, "no topology of NCCL's: it begins with <%.40s>, not <system>",
			 element);
}

static int on_start(struct importxml *x, const char *element, const char *const *attributes,
		    struct pl_error *err)
{
	struct reading *r = x->arg;
	struct open *self = &r->open[x->depth];

	hostdevices_enter(r->devices, x->depth);
	*self = (struct open){ x->depth > 1 ? self[-1].numa : -1, HOSTDEVICES_NONE,
			       HOSTDEVICES_NONE, NULL, NULL };
	if (x->depth == 1)
		return strcmp(element, "system") == 0 ? 0 : refuse_root(element, err);
	if (strcmp(element, "cpu") == 0)
		return start_cpu(r, self, attributes, err);
	if (strcmp(element, "pci") == 0)
		return start_pci(r, self, attributes, err);
	if (strcmp(element, "gpu") == 0)
		return start_gpu(r, self - 1, attributes, err);
	if (strcmp(element, "net") == 0)
		return start_net(r, x->depth, attributes, err);
	return 0;
}

static void close_element(struct open *self)
{
	free(self->bus_id);
	free(self->pci_class);
	*self = (struct open){ 0 };
}

static int on_end(struct importxml *x, const char *element, const char *text,
		  struct pl_error *err)
{
	struct reading *r = x->arg;

	(void)element, (void)text, (void)err;
	hostdevices_leave(r->devices, x->depth);
	close_element(&r->open[x->depth]);
	return 0;
}

static int tell(struct reading *r, struct pl_survey *s, const struct survey_input *in,
		struct pl_error *err)
{
	uint32_t source;

	if (r->devices->gpus.n == 0)
		return pl_errorf(err, PL_EUSAGE, "%s: it has no GPUs", in->name);
	source = survey_add_source(s, "nccl", in->name, in->taken_at);
	hostdevices_tell(r->devices, s, in->host, source);
	if (r->sockets)
		survey_note(s, "%s: NCCL goes over sockets there: they are no adapters of a fabric",
			    in->name);
	return 0;
}

int nccl_topology_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct reading *r;
	struct importxml x = { .start = on_start, .end = on_end };
	int rc;

	if (in->host == NULL)
		return pl_errorf(err, PL_EUSAGE,
				 "%s: a topology of NCCL's names no host: say which one it is of",
				 in->name);
	x.arg = r = xcalloc(1, sizeof(*r));
	r->devices = hostdevices_create();
	rc = importxml_read(in, &x, err);
	if (rc == 0)
		rc = tell(r, s, in, err);
	for (size_t i = 0; i <= IMPORTXML_MAX_DEPTH; i++)
		close_element(&r->open[i]);
	hostdevices_destroy(r->devices);
	free(r->host_hash);
	free(r);
	return rc;
}
