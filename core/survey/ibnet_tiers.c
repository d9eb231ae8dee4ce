/* ibnet_tiers.c - see ibnet.h: names of switches, leaves, and what is above them */
#include "survey/ibnet.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"

/* A switch with this many times fewer adapters than a switch beside it is no leaf. */
#define FEW 4
#define GROUP_NAME_MAX 60

static bool is_switch(const struct ibnet *net, size_t i)
{
	return net->nodes[i].kind == IBNET_SWITCH;
}

/* ---- names ---- */

/* What firmware calls a switch nobody named: the same for all of them. */
static bool is_default_name(const char *desc)
{
	return desc[0] == '\0' || strstr(desc, "Mellanox Technologies") != NULL ||
	       strstr(desc, "Nvidia Technologies") != NULL ||
	       strstr(desc, "NVIDIA Technologies") != NULL;
}

/* "MF0;leaf-1:MQM9700/U1" is leaf-1; where a box holds several switches, leaf-1:MQM9700/U1. */
static char *described_name(const struct ibnet_node *node, bool whole)
{
	const char *desc = node->desc;
	bool managed = strncmp(desc, "MF0;", 4) == 0;
	const char *colon;

	if (is_default_name(desc))
		return xstrdup(node->id);
	desc += managed ? 4 : 0;
	colon = managed && !whole ? strchr(desc, ':') : NULL;
	return colon != NULL && colon > desc ? xstrndup(desc, (size_t)(colon - desc))
					     : xstrdup(desc);
}

/* The same as one name: a comma would make it a list of several. */
static char *short_name(const struct ibnet_node *node, bool whole)
{
	char *name = described_name(node, whole);

	for (char *s = name; *s != '\0'; s++) {
		if (*s == ',')
			*s = '_';
	}
	return name;
}

/* How often each name occurs. */
static void count_names(const struct ibnet *net, struct strtable *seen)
{
	for (size_t i = 0; i < net->n_nodes; i++) {
		const char *name = net->nodes[i].name;

		if (name != NULL)
			strtable_put(seen, name,
				     (void *)((uintptr_t)strtable_get(seen, name) + 1));
	}
}

/* Names that several switches have are made longer: by the rest of the description, by the GUID. */
static void name_switches(struct ibnet *net)
{
	for (size_t i = 0; i < net->n_nodes; i++) {
		if (is_switch(net, i))
			net->nodes[i].name = short_name(&net->nodes[i], false);
	}
	for (int longer = 0; longer < 2; longer++) {
		struct strtable seen = STRTABLE_INIT;

		count_names(net, &seen);
		for (size_t i = 0; i < net->n_nodes; i++) {
			struct ibnet_node *node = &net->nodes[i];
			char *name = node->name;

			if (name == NULL || (uintptr_t)strtable_get(&seen, name) < 2)
				continue;
			node->name = longer == 0 ? short_name(node, true)
						 : xasprintf("%s %s", name, node->id);
			free(name);
		}
		strtable_fini(&seen);
	}
}

/* ---- leaves ---- */

static void count_adapters(struct ibnet *net)
{
	for (size_t i = 0; i < net->n_nodes; i++) {
		const struct ibnet_node *node = &net->nodes[i];

		if (node->kind == IBNET_ADAPTER && node->peer != IBNET_NONE &&
		    is_switch(net, node->peer))
			net->nodes[node->peer].n_adapters++;
	}
}

static void demote(struct ibnet_node *node, const struct ibnet_node *beside)
{
	if (beside->n_adapters >= FEW * node->n_adapters)
		node->tier = IBNET_NONE;
}

static void find_leaves(struct ibnet *net)
{
	for (size_t i = 0; i < net->n_nodes; i++) {
		if (is_switch(net, i) && net->nodes[i].n_adapters > 0)
			net->nodes[i].tier = 0;
	}
	for (size_t i = 0; i < net->n_links; i++) {
		struct ibnet_node *a = &net->nodes[net->links[i].a];
		struct ibnet_node *b = &net->nodes[net->links[i].b];

		demote(a, b);
		demote(b, a);
	}
}

/* ---- tiers: breadth first from all leaves ---- */

/* Neighbours of node i are to[from[i]] .. to[from[i + 1] - 1]. */
struct adjacency {
	uint32_t *from, *to;
};

static struct adjacency adjacency_of(const struct ibnet *net)
{
	struct adjacency a = { xcalloc(net->n_nodes + 2, sizeof(uint32_t)),
			       xcalloc(2 * net->n_links + 1, sizeof(uint32_t)) };

	for (size_t i = 0; i < net->n_links; i++) {
		a.from[net->links[i].a + 2]++;
		a.from[net->links[i].b + 2]++;
	}
	for (size_t i = 2; i < net->n_nodes + 2; i++)
		a.from[i] += a.from[i - 1];
	for (size_t i = 0; i < net->n_links; i++) {
		const struct ibnet_link *link = &net->links[i];

		a.to[a.from[link->a + 1]++] = link->b;
		a.to[a.from[link->b + 1]++] = link->a;
	}
	return a;
}

static void visit(struct ibnet *net, const struct adjacency *a, uint32_t at, uint32_t *queue,
		  size_t *n)
{
	for (uint32_t i = a->from[at]; i < a->from[at + 1]; i++) {
		struct ibnet_node *next = &net->nodes[a->to[i]];

		if (next->tier != IBNET_NONE)
			continue;
		next->tier = net->nodes[at].tier + 1;
		queue[(*n)++] = a->to[i];
	}
}

static void walk_up(struct ibnet *net)
{
	struct adjacency a = adjacency_of(net);
	uint32_t *queue = xcalloc(net->n_nodes + 1, sizeof(*queue));
	size_t n = 0;

	for (size_t i = 0; i < net->n_nodes; i++) {
		if (net->nodes[i].tier == 0)
			queue[n++] = (uint32_t)i;
	}
	for (size_t i = 0; i < n; i++)
		visit(net, &a, queue[i], queue, &n);
	free(queue);
	free(a.from);
	free(a.to);
}

/* ---- groups ---- */

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i) {
		parent[i] = parent[parent[i]];
		i = parent[i];
	}
	return i;
}

/* The tier from which on a link is used; what is too far from the hosts to be told apart counts as
 * one tier. */
static uint32_t tier_of_link(const struct ibnet *net, const struct ibnet_link *link)
{
	uint32_t a = net->nodes[link->a].tier, b = net->nodes[link->b].tier;
	uint32_t tier = a > b ? a : b;

	return tier == 0 ? 1 : tier < PL_SURVEY_TIERS ? tier : PL_SURVEY_TIERS;
}

static void join_through(const struct ibnet *net, uint32_t tier, uint32_t *parent)
{
	for (size_t i = 0; i < net->n_links; i++) {
		const struct ibnet_link *link = &net->links[i];

		if (tier_of_link(net, link) == tier)
			parent[root_of(parent, link->a)] = root_of(parent, link->b);
	}
}

/* "spine-[1-4]"; of names that fold badly, the first and how many more. No comma: it would make the
 * name a list of several. */
static char *group_name(const struct pl_hostlist *members)
{
	char *folded = pl_hostlist_fold(members);
	size_t n = pl_hostlist_count(members);

	if (strlen(folded) <= GROUP_NAME_MAX && strchr(folded, ',') == NULL)
		return folded;
	free(folded);
	return xasprintf("%s and %zu more", pl_hostlist_name(members, 0), n - 1);
}

/* Names the groups of one tier by the switches of tier `by` in them, and tells the leaves. */
static void name_groups(struct ibnet *net, uint32_t tier, uint32_t by, uint32_t *parent)
{
	struct pl_hostlist **members = xcalloc(net->n_nodes, sizeof(struct pl_hostlist *));
	const char **names = xcalloc(net->n_nodes, sizeof(char *));

	for (size_t i = 0; i < net->n_nodes; i++) {
		uint32_t root = root_of(parent, (uint32_t)i);

		if (net->nodes[i].tier != by)
			continue;
		if (members[root] == NULL)
			members[root] = pl_hostlist_create();
		pl_hostlist_add(members[root], net->nodes[i].name);
	}
	for (size_t i = 0; i < net->n_nodes; i++) {
		if (members[i] == NULL)
			continue;
		ARRAY_GROW(net->group_names, net->n_group_names, net->cap_group_names);
		names[i] = net->group_names[net->n_group_names++] = group_name(members[i]);
		pl_hostlist_destroy(members[i]);
	}
	for (size_t i = 0; i < net->n_nodes; i++) {
		if (net->nodes[i].tier == 0)
			net->nodes[i].above[tier] = names[root_of(parent, (uint32_t)i)];
	}
	free(members);
	free(names);
}

static uint32_t top_tier(const struct ibnet *net)
{
	uint32_t top = 0;

	for (size_t i = 0; i < net->n_nodes; i++) {
		if (net->nodes[i].tier != IBNET_NONE && net->nodes[i].tier > top)
			top = net->nodes[i].tier;
	}
	return top;
}

static void count_subnets(struct ibnet *net, uint32_t *parent)
{
	bool *seen = xcalloc(net->n_nodes + 1, sizeof(*seen));

	for (size_t i = 0; i < net->n_nodes; i++) {
		struct ibnet_node *node = &net->nodes[i];

		node->subnet = root_of(parent, (uint32_t)i);
		if (node->tier == 0 && !seen[node->subnet]) {
			seen[node->subnet] = true;
			net->n_subnets++;
		}
	}
	free(seen);
}

void ibnet_find_tiers(struct ibnet *net)
{
	uint32_t *parent = xcalloc(net->n_nodes + 1, sizeof(*parent));
	uint32_t top;

	for (size_t i = 0; i < net->n_nodes; i++) {
		parent[i] = (uint32_t)i;
		net->n_switches += is_switch(net, i);
	}
	name_switches(net);
	count_adapters(net);
	find_leaves(net);
	walk_up(net);
	top = top_tier(net);
	for (size_t i = 0; i < net->n_nodes; i++) {
		if (net->nodes[i].tier == 0)
			net->nodes[i].above[0] = net->nodes[i].name;
	}
	for (uint32_t tier = 1; tier <= PL_SURVEY_TIERS; tier++) {
		join_through(net, tier, parent);
		if (tier <= top && tier < PL_SURVEY_TIERS)
			name_groups(net, tier, tier, parent);
		else if (tier == 1 && net->n_links > 0) /* leaves that are linked directly */
			name_groups(net, 1, 0, parent);
	}
	count_subnets(net, parent);
	free(parent);
}
