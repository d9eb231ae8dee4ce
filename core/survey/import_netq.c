/*
 * import_netq.c - a Spectrum-X fabric as NetQ draws it (telemetry/v1/object/topologygraph):
 *
 *	[ { "nodes": [ { "compounded_nodes": [ { "id", "name", "tier", "device_type" } ] } ],
 *	    "links": [ { "id": "A-*-B", "compounded_links": [ { "interfaces":
 *			 [ { "node", "interface" }, .. ] } ] } ] } ]
 *
 * A tier of -1 is a host. The tiers of switches are found anew from the links (ibnet.h has the
 * rules): leaves have hosts, and what shares switches above shares a group there.
 */
#include "survey/importers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"
#include "survey/ibnet.h"
#include "survey/importjson.h"

#define MAX_RAILS 64

/* A cable of a host. */
struct port {
	uint32_t host, leaf;  /* node indexes */
	const char *name;     /* of the host's interface, borrowed from the document */
};

struct reading {
	struct pl_survey *s;
	const struct survey_input *in;
	uint32_t source;
	struct ibnet net;
	bool *is_host; /* by node */
	size_t cap_is_host, n_graph; /* nodes of the graph; adapters follow them */
	struct port *ports;
	size_t n_ports, cap_ports;
	struct pl_error *err;
};

int netq_graph_recognise(const char *bytes, size_t len)
{
	if (!import_mentions(bytes, len, "\"compounded_nodes\""))
		return 0;
	return import_mentions(bytes, len, "\"links\"") ? 90 : 40;
}

/* ---- nodes ---- */

static bool is_switch(const json_t *node)
{
	const char *type = importjson_text(node, "device_type");

	return (type != NULL && strcmp(type, "switch") == 0) ||
	       json_integer_value(json_object_get(node, "tier")) > 0;
}

static int add_node(struct reading *r, const json_t *node, const char *where)
{
	const char *id = importjson_text(node, "id"), *name = importjson_text(node, "name");
	struct ibnet_node *n;

	if (id == NULL || name == NULL || !import_is_name(name, strlen(name)))
		return pl_errorf(r->err, PL_EUSAGE, "%s: %s: a node with an id and a name is expected",
				 r->in->name, where);
	if (strtable_get(&r->net.by_id, id) != NULL)
		return pl_errorf(r->err, PL_EUSAGE, "%s: %s: there is another node of id %.100s",
				 r->in->name, where, id);
	ARRAY_GROW(r->net.nodes, r->net.n_nodes, r->net.cap_nodes);
	ARRAY_GROW(r->is_host, r->net.n_nodes, r->cap_is_host);
	r->is_host[r->net.n_nodes] = !is_switch(node);
	n = &r->net.nodes[r->net.n_nodes++];
	*n = (struct ibnet_node){ .kind = is_switch(node) ? IBNET_SWITCH : IBNET_UNKNOWN,
				  .id = xstrdup(id),
				  .desc = xstrdup(name),
				  .peer = IBNET_NONE,
				  .tier = IBNET_NONE };
	strtable_put(&r->net.by_id, id, (void *)(uintptr_t)r->net.n_nodes);
	return 0;
}

static int read_nodes(struct reading *r, const json_t *graph)
{
	const json_t *tier, *node;
	size_t i, k;

	json_array_foreach(importjson_list(graph, "nodes"), i, tier) {
		json_array_foreach(importjson_list(tier, "compounded_nodes"), k, node) {
			char where[80];

			snprintf(where, sizeof(where), "nodes[%zu].compounded_nodes[%zu]", i, k);
			if (add_node(r, node, where) < 0)
				return -1;
		}
	}
	return 0;
}

/* ---- links ---- */

static void add_port(struct reading *r, uint32_t host, uint32_t leaf, const char *name)
{
	ARRAY_GROW(r->ports, r->n_ports, r->cap_ports);
	r->ports[r->n_ports++] = (struct port){ host, leaf, name };
}

static void connect(struct reading *r, uint32_t a, uint32_t b, const char *name_a,
		    const char *name_b)
{
	if (r->is_host[a] && !r->is_host[b]) {
		add_port(r, a, b, name_a);
	} else if (r->is_host[b] && !r->is_host[a]) {
		add_port(r, b, a, name_b);
	} else if (!r->is_host[a]) {
		ARRAY_GROW(r->net.links, r->net.n_links, r->net.cap_links);
		r->net.links[r->net.n_links++] = (struct ibnet_link){ a, b };
	}
}

static int find(const struct reading *r, const char *id, size_t len, uint32_t *index)
{
	uintptr_t at = (uintptr_t)strtable_get_n(&r->net.by_id, id, len);

	*index = at > 0 ? (uint32_t)(at - 1) : IBNET_NONE;
	return at > 0 ? 0 : -1;
}

/* Cables between two nodes, each with the interfaces at its ends. False where none is told. */
static bool read_cables(struct reading *r, const json_t *link)
{
	const json_t *cable;
	bool any = false;
	size_t i;

	json_array_foreach(importjson_list(link, "compounded_links"), i, cable) {
		const json_t *ends = importjson_list(cable, "interfaces");
		const json_t *x = json_array_get(ends, 0), *y = json_array_get(ends, 1);
		const char *node_x = importjson_text(x, "node"), *node_y = importjson_text(y, "node");
		uint32_t a, b;

		if (node_x == NULL || node_y == NULL || find(r, node_x, strlen(node_x), &a) < 0 ||
		    find(r, node_y, strlen(node_y), &b) < 0 || a == b)
			continue;
		connect(r, a, b, importjson_text(x, "interface"), importjson_text(y, "interface"));
		any = true;
	}
	return any;
}

static int read_link(struct reading *r, const json_t *link, size_t i)
{
	const char *id = importjson_text(link, "id");
	const char *middle = id != NULL ? strstr(id, "-*-") : NULL;
	uint32_t a, b;

	if (read_cables(r, link))
		return 0;
	if (middle == NULL)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: links[%zu].id: two nodes as A-*-B are expected", r->in->name,
				 i);
	if (find(r, id, (size_t)(middle - id), &a) == 0 &&
	    find(r, middle + 3, strlen(middle + 3), &b) == 0 && a != b)
		connect(r, a, b, NULL, NULL);
	else
		survey_note(r->s, "%s: links[%zu]: %.100s names a node that is not there: left out",
			    r->in->name, i, id);
	return 0;
}

/* ---- facts ---- */

/* By host, then by the name of the interface. */
static int compare_ports(const void *a, const void *b)
{
	const struct port *x = a, *y = b;

	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	return pl_hostlist_compare_names(x->name != NULL ? x->name : "",
					 y->name != NULL ? y->name : "");
}

/* What ibnet_find_tiers knows as adapters. */
static void add_adapters(struct reading *r)
{
	r->n_graph = r->net.n_nodes;
	for (size_t i = 0; i < r->n_ports; i++) {
		ARRAY_GROW(r->net.nodes, r->net.n_nodes, r->net.cap_nodes);
		r->net.nodes[r->net.n_nodes++] = (struct ibnet_node){
			.kind = IBNET_ADAPTER, .peer = r->ports[i].leaf, .tier = IBNET_NONE
		};
	}
}

/* Rails are known where each cable goes to a leaf of its own. */
static bool has_rails(const struct port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (ports[i].leaf == ports[k].leaf)
				return false;
		}
	}
	return n > 1;
}

static void set_rails(struct reading *r, struct pl_survey_host *host, const struct port *ports,
		      size_t n)
{
	struct pl_survey_net *net = &host->net[PL_FABRIC_ETHERNET];

	if (n > MAX_RAILS || net->n_rails > 0 || !has_rails(ports, n))
		return;
	survey_room_for_rails(&net->rails, &net->n_rails, n);
	for (size_t i = 0; i < n; i++) {
		const char *leaf = r->net.nodes[ports[i].leaf].name;

		survey_set(r->s, host, &net->rails[i], leaf, strlen(leaf), r->source,
			   "leaf switch of a rail");
	}
}

static void tell_host(struct reading *r, const struct port *ports, size_t n)
{
	const struct ibnet_node *node = &r->net.nodes[ports[0].host];
	struct pl_survey_host *host = survey_host(r->s, node->desc, strlen(node->desc));
	struct pl_survey_net *net = &host->net[PL_FABRIC_ETHERNET];

	survey_set_count(r->s, host, &net->n_adapters, (uint32_t)n, r->source, "adapters");
	set_rails(r, host, ports, n);
	for (size_t tier = 0; tier < PL_SURVEY_TIERS; tier++) {
		const char *name = r->net.nodes[ports[0].leaf].above[tier];

		if (name != NULL)
			survey_set(r->s, host, &net->tier[tier], name, strlen(name), r->source,
				   tier == 0 ? "leaf switch" : "group of switches");
	}
}

static int tell(struct reading *r)
{
	size_t first = 0;

	if (r->n_ports == 0)
		return pl_errorf(r->err, PL_EUSAGE,
				 "%s: no host is linked to a switch in it: NetQ must see the hosts "
				 "(LLDP)",
				 r->in->name);
	qsort(r->ports, r->n_ports, sizeof(*r->ports), compare_ports);
	add_adapters(r);
	ibnet_find_tiers(&r->net);
	for (size_t i = 1; i <= r->n_ports; i++) {
		if (i < r->n_ports && r->ports[i].host == r->ports[first].host)
			continue;
		tell_host(r, &r->ports[first], i - first);
		first = i;
	}
	if (r->s->n_switches == 0)
		r->s->n_switches = r->net.n_switches;
	return 0;
}

static int read_graph(struct reading *r, const json_t *graph)
{
	const json_t *link;
	size_t i;

	if (read_nodes(r, graph) < 0)
		return -1;
	json_array_foreach(importjson_list(graph, "links"), i, link) {
		if (read_link(r, link, i) < 0)
			return -1;
	}
	return 0;
}

/* A list of graphs, or one. */
static int read_graphs(struct reading *r, const json_t *root)
{
	const json_t *graph;
	size_t i;

	if (json_is_object(root))
		return read_graph(r, root);
	json_array_foreach(root, i, graph) {
		if (read_graph(r, graph) < 0)
			return -1;
	}
	return 0;
}

int netq_graph_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	struct reading r = { .s = s, .in = in, .err = err };
	json_t *root = importjson_load(in, err);
	int rc;

	if (root == NULL)
		return -1;
	strtable_init(&r.net.by_id);
	r.source = survey_add_source(s, "netq-graph", in->name, in->taken_at);
	rc = read_graphs(&r, root);
	if (rc == 0)
		rc = tell(&r);
	ibnet_fini(&r.net);
	free(r.is_host);
	free(r.ports);
	json_decref(root);
	return rc;
}
