/* hostdevices.c - see hostdevices.h */
#include "survey/hostdevices.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

/* Index in alone[] and mark[]. */
enum { GPU, ADAPTER };

struct hostdevices *hostdevices_create(void)
{
	return xcalloc(1, sizeof(struct hostdevices));
}

static void fini(struct hostdevice_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].bus_id);
		free(list->items[i].name);
		free(list->items[i].uuid);
		free(list->items[i].model);
	}
	free(list->items);
}

void hostdevices_destroy(struct hostdevices *d)
{
	if (d == NULL)
		return;
	fini(&d->gpus);
	fini(&d->adapters);
	free(d);
}

/* ---- the walk ---- */

static char *lower(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; c != NULL && *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

struct hostdevice *hostdevices_add(struct hostdevices *d, enum hostdevices_kind kind,
				   const char *bus_id, int numa, struct pl_error *err)
{
	int which = kind == HOSTDEVICES_GPU ? GPU : ADAPTER;
	struct hostdevice_list *list = which == GPU ? &d->gpus : &d->adapters;

	if (list->n >= HOSTDEVICES_MAX)
		return pl_errorf(err, PL_EUSAGE, "more than %d %s in one host", HOSTDEVICES_MAX,
				 which == GPU ? "GPUs" : "adapters"),
		       NULL;
	ARRAY_GROW(list->items, list->n, list->cap);
	list->items[list->n] = (struct hostdevice){ .bus_id = lower(bus_id),
						    .index = HOSTDEVICES_NONE,
						    .nearest = HOSTDEVICES_NONE,
						    .numa = numa,
						    .rail = -1,
						    .plane = -1 };
	d->alone[which][d->n_alone[which]++] = (uint32_t)list->n;
	return &list->items[list->n++];
}

void hostdevices_enter(struct hostdevices *d, size_t depth)
{
	d->mark[GPU][depth] = d->n_alone[GPU];
	d->mark[ADAPTER][depth] = d->n_alone[ADAPTER];
}

/* Takes the first n of those that came since the mark out of the list. */
static void take(struct hostdevices *d, int which, size_t mark, size_t n)
{
	uint32_t *first = d->alone[which] + mark;

	memmove(first, first + n, (d->n_alone[which] - mark - n) * sizeof(*first));
	d->n_alone[which] -= n;
}

/* Domain, bus, device: of equal length they compare as text. */
static int compare_bus_ids(const char *a, const char *b)
{
	size_t n = a != NULL ? strlen(a) : 0, m = b != NULL ? strlen(b) : 0;

	if (n != m)
		return n < m ? -1 : 1;
	return n > 0 ? strcmp(a, b) : 0;
}

static int compare_in(const void *a, const void *b, void *arg)
{
	const struct hostdevice_list *list = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	int order = compare_bus_ids(list->items[i].bus_id, list->items[k].bus_id);

	return order != 0 ? order : (i > k) - (i < k);
}

/* One kind has none left here afterwards, so that no device is looked at in vain again. */
void hostdevices_leave(struct hostdevices *d, size_t depth)
{
	uint32_t *gpus = d->alone[GPU] + d->mark[GPU][depth];
	uint32_t *adapters = d->alone[ADAPTER] + d->mark[ADAPTER][depth];
	size_t n_gpus = d->n_alone[GPU] - d->mark[GPU][depth];
	size_t n_adapters = d->n_alone[ADAPTER] - d->mark[ADAPTER][depth];
	size_t n = n_gpus < n_adapters ? n_gpus : n_adapters;

	if (n == 0)
		return;
	qsort_r(gpus, n_gpus, sizeof(*gpus), compare_in, &d->gpus);
	qsort_r(adapters, n_adapters, sizeof(*adapters), compare_in, &d->adapters);
	for (size_t i = 0; i < n; i++)
		d->gpus.items[gpus[i]].nearest = adapters[i];
	take(d, GPU, d->mark[GPU][depth], n);
	take(d, ADAPTER, d->mark[ADAPTER][depth], n);
}

/* ---- classes (PCI Code and ID Assignment: 02 network, 03 display) ---- */

static const char *digits_of(const char *hex)
{
	return hex != NULL && hex[0] == '0' && (hex[1] == 'x' || hex[1] == 'X') ? hex + 2 : hex;
}

enum hostdevices_kind hostdevices_kind_of(const char *pci_class, const char *vendor)
{
	const char *c = digits_of(pci_class), *v = digits_of(vendor);

	if (c == NULL)
		return HOSTDEVICES_OTHER;
	if (strncmp(c, "0302", 4) == 0)
		return HOSTDEVICES_GPU;
	/* a display: a GPU of NVIDIA's, not the console that a board has */
	if (strncmp(c, "0300", 4) == 0 && v != NULL && strncasecmp(v, "10de", 4) == 0)
		return HOSTDEVICES_GPU;
	return strncmp(c, "02", 2) == 0 ? HOSTDEVICES_ADAPTER : HOSTDEVICES_OTHER;
}

bool hostdevices_is_infiniband(const char *pci_class)
{
	return pci_class != NULL && strncmp(digits_of(pci_class), "0207", 4) == 0;
}

/* ---- facts ---- */

/* GPUs without a number get the lowest free ones, in the order of bus ids. */
static void number_gpus(struct hostdevice_list *gpus)
{
	bool taken[HOSTDEVICES_MAX] = { false };
	uint32_t order[HOSTDEVICES_MAX], next = 0;

	for (size_t i = 0; i < gpus->n; i++) {
		struct hostdevice *gpu = &gpus->items[i];

		if (gpu->index >= HOSTDEVICES_MAX || taken[gpu->index])
			gpu->index = HOSTDEVICES_NONE;
		else
			taken[gpu->index] = true;
		order[i] = (uint32_t)i;
	}
	qsort_r(order, gpus->n, sizeof(*order), compare_in, gpus);
	for (size_t i = 0; i < gpus->n; i++) {
		struct hostdevice *gpu = &gpus->items[order[i]];

		if (gpu->index != HOSTDEVICES_NONE)
			continue;
		while (taken[next])
			next++;
		gpu->index = next++;
	}
}

static void give(char **fact, const char *text)
{
	if (*fact == NULL && text != NULL)
		*fact = xstrdup(text);
}

static void tell_gpu(const struct hostdevices *d, const struct hostdevice *gpu,
		     struct pl_survey *s, struct pl_survey_host *host, uint32_t source)
{
	struct pl_survey_gpu *fact = survey_gpu(host, gpu->index, source);
	const struct hostdevice *near = NULL;

	give(&fact->bus_id, gpu->bus_id);
	give(&fact->uuid, gpu->uuid);
	give(&fact->model, gpu->model);
	if (fact->numa < 0)
		fact->numa = gpu->numa;
	if (gpu->nearest == HOSTDEVICES_NONE)
		return;
	near = &d->adapters.items[gpu->nearest];
	give(&fact->adapter, near->name != NULL ? near->name : near->bus_id);
	if (near->rail >= 0 && (uint32_t)near->rail != gpu->index)
		survey_note_on(s, host->name, "GPU %u is on rail %d, by its nearest adapter %s",
			       gpu->index, near->rail, fact->adapter);
}

static void tell_fabric(const struct hostdevices *d, struct pl_survey *s,
			struct pl_survey_host *host, uint32_t source)
{
	bool infiniband = false, other = false;

	for (size_t i = 0; i < d->adapters.n; i++) {
		infiniband |= d->adapters.items[i].infiniband;
		other |= !d->adapters.items[i].infiniband;
	}
	/* on both, that of the GPUs counts */
	for (size_t i = 0; infiniband && other && i < d->gpus.n; i++) {
		uint32_t near = d->gpus.items[i].nearest;

		if (near != HOSTDEVICES_NONE && d->adapters.items[near].infiniband)
			other = false;
	}
	if (infiniband != other)
		survey_set(s, host, &host->fabric, infiniband ? "infiniband" : "ethernet",
			   infiniband ? 10 : 8, source, "fabric");
}

static void tell_adapters(const struct hostdevices *d, struct pl_survey *s,
			  struct pl_survey_host *host, uint32_t source)
{
	double gbyte_s = 0;
	int planes = 0;

	for (size_t i = 0; i < d->adapters.n; i++) {
		const struct hostdevice *a = &d->adapters.items[i];

		gbyte_s += a->gbyte_s;
		planes = a->plane >= planes ? a->plane + 1 : planes;
	}
	survey_set_count(s, host, &host->n_adapters, (uint32_t)d->adapters.n, source, "adapters");
	tell_fabric(d, s, host, source);
	if (planes > 1)
		survey_note_on(s, host->name, "its adapters are on %d planes", planes);
	if (s->fabric_gbyte_s <= 0 && gbyte_s > 0 && d->gpus.n > 0)
		s->fabric_gbyte_s = gbyte_s / (double)d->gpus.n;
}

void hostdevices_tell(struct hostdevices *d, struct pl_survey *s, const char *name,
		      uint32_t source)
{
	struct pl_survey_host *host = survey_host(s, name, strlen(name));

	number_gpus(&d->gpus);
	if (d->gpus.n > 0)
		survey_set_count(s, host, &host->n_gpus, (uint32_t)d->gpus.n, source, "GPUs");
	if (d->adapters.n > 0)
		tell_adapters(d, s, host, source);
	for (size_t i = 0; i < d->gpus.n; i++)
		tell_gpu(d, &d->gpus.items[i], s, host, source);
}
