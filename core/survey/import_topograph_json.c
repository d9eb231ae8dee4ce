/*
 * import_topograph_json.c - topograph's graph, the answer of its `graph` engine, and its payload,
 * the request that names the hosts (docs/engines/graph.md and docs/api.md there):
 *
 *	{ "instances": [ { "id": "n1", "network_layers": ["leaf", "spine"],
 *			   "labels": { "accelerator.topograph.run/domain": "nvl1" },
 *			   "attributes": { "nvlink": "nvl1" } } ] }	(attributes: before)
 *	{ "provider": {..}, "engine": {..},
 *	  "nodes": [ { "region": "r", "instances": { "i-1": "n1" } } ] }
 *
 * A payload may hold credentials: nothing of them is read.
 */
#include "survey/importers.h"

#include <stdio.h>
#include <string.h>

#include "survey/importjson.h"
#include "survey/nodelabels.h"

struct reading {
	struct pl_survey *s;
	const struct survey_input *in;
	uint32_t source;
	struct pl_error *err;
};

int topograph_graph_recognise(const char *bytes, size_t len)
{
	if (import_first(bytes, len) != '{' || !import_mentions(bytes, len, "\"instances\""))
		return 0;
	return import_mentions(bytes, len, "\"network_layers\"") ? 90 : 0;
}

int topograph_payload_recognise(const char *bytes, size_t len)
{
	if (import_first(bytes, len) != '{' || !import_mentions(bytes, len, "\"provider\""))
		return 0;
	return import_mentions(bytes, len, "\"engine\"") ? 80 : 0;
}

/* ---- the graph ---- */

static int set_tiers(struct reading *r, struct pl_survey_host *host, const json_t *layers,
		     size_t instance)
{
	size_t tier;
	const json_t *layer;

	if (json_array_size(layers) > PL_SURVEY_TIERS)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: instances[%zu].network_layers: more than %d tiers",
				 r->in->name, instance, PL_SURVEY_TIERS);
	json_array_foreach(layers, tier, layer) {
		const char *text = json_string_value(layer);
		char what[48];

		if (text == NULL || !import_is_name(text, strlen(text)))
			return pl_errorf(r->err, PL_EUSAGE,
					 "%s: instances[%zu].network_layers[%zu]: the name of a "
					 "switch is expected",
					 r->in->name, instance, tier);
		snprintf(what, sizeof(what), "switch at tier %zu", tier);
		survey_set(r->s, host, &host->tier[tier], text, strlen(text), r->source, what);
	}
	return 0;
}

static int read_instance(struct reading *r, const json_t *instance, size_t i)
{
	const char *id = importjson_text(instance, "id");
	const char *domain = importjson_text(importjson_object(instance, "attributes"), "nvlink");
	struct pl_survey_host *host;

	if (id == NULL || !import_is_name(id, strlen(id)))
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: instances[%zu].id: the name of a host is expected",
				 r->in->name, i);
	host = survey_host(r->s, id, strlen(id));
	if (domain != NULL && *domain != '\0')
		survey_set(r->s, host, &host->domain, domain, strlen(domain), r->source,
			   "NVLink domain");
	else
		nodelabels_tell_domain(r->s, host, importjson_object(instance, "labels"),
				       r->source);
	return set_tiers(r, host, importjson_list(instance, "network_layers"), i);
}

static int read_graph(struct reading *r, const json_t *root)
{
	const json_t *instances = importjson_list(root, "instances");
	const json_t *instance;
	size_t i;

	if (json_array_size(instances) == 0)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: no graph of topograph's: it lists no instances", r->in->name);
	json_array_foreach(instances, i, instance) {
		if (read_instance(r, instance, i) < 0)
			return -1;
	}
	return 0;
}

/* ---- the payload ---- */

static int add_named(struct reading *r, const json_t *instances, size_t region, size_t *n)
{
	const char *id;
	const json_t *value;

	json_object_foreach((json_t *)instances, id, value) {
		const char *name = json_string_value(value);

		if (name == NULL || !import_is_name(name, strlen(name)))
			return pl_errorf(r->err, PL_EUSAGE,
					 "%s: nodes[%zu].instances.%.100s: the name of a host is "
					 "expected",
					 r->in->name, region, id);
		survey_host(r->s, name, strlen(name));
		++*n;
	}
	return 0;
}

static int read_payload(struct reading *r, const json_t *root)
{
	const json_t *provider = importjson_object(root, "provider");
	const char *model = importjson_text(importjson_object(provider, "params"),
					    "modelFileName");
	const json_t *region;
	size_t i, n = 0;

	json_array_foreach(importjson_list(root, "nodes"), i, region) {
		if (add_named(r, importjson_object(region, "instances"), i, &n) < 0)
			return -1;
	}
	if (n == 0 && model != NULL)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: a request to topograph that holds no topology: import its "
				 "model, %.200s",
				 r->in->name, model);
	if (n == 0)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: a request to topograph that names no hosts: import what "
				 "topograph answers",
				 r->in->name);
	survey_note(r->s, "%s: a request to topograph: it names %zu hosts and no switches",
		    r->in->name, n);
	return 0;
}

static int import(struct pl_survey *s, const struct survey_input *in, const char *format,
		  int (*read)(struct reading *, const json_t *), struct pl_error *err)
{
	struct reading r = { .s = s, .in = in, .err = err };
	json_t *root = importjson_load(in, err);
	int rc;

	if (root == NULL)
		return -1;
	r.source = survey_add_source(s, format, in->name, in->taken_at);
	rc = read(&r, root);
	json_decref(root);
	return rc;
}

int topograph_graph_import(struct pl_survey *s, const struct survey_input *in,
			   struct pl_error *err)
{
	return import(s, in, "topograph-graph", read_graph, err);
}

int topograph_payload_import(struct pl_survey *s, const struct survey_input *in,
			     struct pl_error *err)
{
	return import(s, in, "topograph-payload", read_payload, err);
}
