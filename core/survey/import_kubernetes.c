/*
 * import_kubernetes.c - `kubectl get nodes -o json`: where each node is by its labels, and how many
 * GPUs it offers.
 *
 * Nodes without GPUs are left out where others have some. Of the families of labels that tell tiers
 * the one is taken that most nodes have: names of two families would make no tree. So the document
 * is gone through twice, a node at a time: with all that Kubernetes writes of a node, the whole of
 * it as a tree would take nine times its bytes.
 */
#include "survey/importers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"
#include "survey/importjson.h"
#include "survey/nodelabels.h"

#define MAX_GPUS 1024 /* of a host; what says more is wrong */

static const char gpu_key[] = "nvidia.com/gpu";

struct reading {
	struct pl_survey *s;
	const struct survey_input *in;
	uint32_t source;
	size_t n_with[NODELABELS_N_FAMILIES]; /* nodes that have labels of the family */
	bool any_gpus;
	enum nodelabels_family family; /* NODELABELS_N_FAMILIES: none */
	struct pl_hostlist *without_gpus, *cordoned, *not_ready, *unlabelled;
	struct pl_error *err;
};

int kubernetes_nodes_recognise(const char *bytes, size_t len)
{
	if (import_first(bytes, len) != '{' || !import_mentions(bytes, len, "\"nodeInfo\""))
		return 0;
	return import_mentions(bytes, len, "\"allocatable\"") ? 90 : 60;
}

static const json_t *labels_of(const json_t *node)
{
	return importjson_object(importjson_object(node, "metadata"), "labels");
}

/* How many GPUs status.WHAT tells: a number, as Kubernetes writes it in a text. 0: none. */
static uint32_t count_gpus(const json_t *node, const char *what)
{
	const json_t *amounts = importjson_object(importjson_object(node, "status"), what);
	const json_t *value = json_object_get(amounts, gpu_key);
	const char *text = json_string_value(value);
	unsigned long n = 0;

	if (text != NULL && *text != '\0' && strspn(text, "0123456789") == strlen(text))
		n = strtoul(text, NULL, 10);
	else if (json_is_integer(value) && json_integer_value(value) > 0)
		n = (unsigned long)json_integer_value(value);
	return n <= MAX_GPUS ? (uint32_t)n : 0;
}

static bool is_ready(const json_t *node)
{
	const json_t *condition;
	size_t i;

	json_array_foreach(importjson_list(importjson_object(node, "status"), "conditions"), i,
			   condition) {
		const char *type = importjson_text(condition, "type");
		const char *status = importjson_text(condition, "status");

		if (type != NULL && strcmp(type, "Ready") == 0)
			return status != NULL && strcmp(status, "True") == 0;
	}
	return true;
}

/* ---- first look: which labels, whether there are GPUs at all ---- */

static int look(void *arg, const json_t *node, size_t i)
{
	struct reading *r = arg;

	(void)i;
	r->any_gpus |= count_gpus(node, "capacity") > 0;
	for (int f = 0; f < NODELABELS_N_FAMILIES; f++)
		r->n_with[f] += nodelabels_has(labels_of(node), (enum nodelabels_family)f);
	return 0;
}

static void choose_family(struct reading *r)
{
	size_t most = 0;

	r->family = NODELABELS_N_FAMILIES;
	for (int f = 0; f < NODELABELS_N_FAMILIES; f++) {
		if (r->n_with[f] > most) {
			most = r->n_with[f];
			r->family = (enum nodelabels_family)f;
		}
	}
}

/* ---- each node ---- */

static void mark_all(struct pl_survey_host *host, uint32_t n, uint32_t source)
{
	for (uint32_t i = 0; i < n; i++) {
		struct pl_survey_gpu *gpu = survey_gpu(host, i, source);

		gpu->health = PL_HEALTH_BAD;
		if (gpu->why == NULL)
			gpu->why = xstrdup("Kubernetes offers none of this node's GPUs");
	}
}

/* What is offered counts; a node that offers none of its GPUs has them, all unusable. */
static void tell_gpus(struct reading *r, struct pl_survey_host *host, const json_t *node)
{
	uint32_t capacity = count_gpus(node, "capacity");
	uint32_t offered = count_gpus(node, "allocatable");

	if (capacity > 0 && offered < capacity)
		survey_note_on(r->s, host->name, "%u of its %u GPUs cannot be allocated; %s",
			       capacity - offered, capacity,
			       offered > 0 ? "which ones is not told" : "it is taken as unusable");
	if (offered == 0)
		mark_all(host, capacity, r->source);
	survey_set_count(r->s, host, &host->n_gpus, offered > 0 ? offered : capacity, r->source,
			 "GPUs");
}

static void tell_state(struct reading *r, const struct pl_survey_host *host, const json_t *node)
{
	if (json_is_true(json_object_get(importjson_object(node, "spec"), "unschedulable")))
		pl_hostlist_add(r->cordoned, host->name);
	if (!is_ready(node))
		pl_hostlist_add(r->not_ready, host->name);
	if (r->family < NODELABELS_N_FAMILIES && !nodelabels_has(labels_of(node), r->family))
		pl_hostlist_add(r->unlabelled, host->name);
}

static int read_node(void *arg, const json_t *node, size_t i)
{
	struct reading *r = arg;
	const char *name = importjson_text(importjson_object(node, "metadata"), "name");
	struct pl_survey_host *host;

	if (name == NULL || !import_is_name(name, strlen(name)))
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: items[%zu].metadata.name: the name of a node is expected",
				 r->in->name, i);
	if (r->any_gpus && count_gpus(node, "capacity") == 0) {
		pl_hostlist_add(r->without_gpus, name);
		return 0;
	}
	host = survey_host(r->s, name, strlen(name));
	if (r->any_gpus)
		tell_gpus(r, host, node);
	if (r->family < NODELABELS_N_FAMILIES)
		nodelabels_tell_tiers(r->s, host, labels_of(node), r->family, r->source);
	nodelabels_tell_domain(r->s, host, labels_of(node), r->source);
	tell_state(r, host, node);
	return 0;
}

/* ---- what a person should know ---- */

static void note_hosts(struct reading *r, const struct pl_hostlist *hosts, const char *what)
{
	size_t n = pl_hostlist_count(hosts);
	char *folded;

	if (n == 0)
		return;
	folded = pl_hostlist_fold(hosts);
	survey_note(r->s, "%s: %zu node%s %s: %s", r->in->name, n, n == 1 ? "" : "s", what,
		    folded);
	free(folded);
}

/* A List, or one Node as `kubectl get node NAME -o json` prints it. */
static int read_all(struct reading *r)
{
	size_t n;

	if (importjson_each(r->in, "items", look, r, &n, r->err) < 0)
		return -1;
	if (n == 0)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: no list of nodes: kubectl get nodes -o json prints one",
				 r->in->name);
	choose_family(r);
	r->source = survey_add_source(r->s, "kubernetes", r->in->name, r->in->taken_at);
	if (importjson_each(r->in, "items", read_node, r, &n, r->err) < 0)
		return -1;
	note_hosts(r, r->without_gpus, "without GPUs, left out");
	note_hosts(r, r->cordoned, "unschedulable (cordoned), which the map takes as usable");
	note_hosts(r, r->not_ready, "not ready, which the map takes as usable");
	note_hosts(r, r->unlabelled, "without the label that tells the others' place");
	return 0;
}

int kubernetes_nodes_import(struct pl_survey *s, const struct survey_input *in,
			    struct pl_error *err)
{
	struct reading r = { .s = s, .in = in, .err = err };
	int rc;

	r.without_gpus = pl_hostlist_create();
	r.cordoned = pl_hostlist_create();
	r.not_ready = pl_hostlist_create();
	r.unlabelled = pl_hostlist_create();
	rc = read_all(&r);
	pl_hostlist_destroy(r.without_gpus);
	pl_hostlist_destroy(r.cordoned);
	pl_hostlist_destroy(r.not_ready);
	pl_hostlist_destroy(r.unlabelled);
	return rc;
}
