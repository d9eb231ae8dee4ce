/*
 * ibnet.h - an InfiniBand fabric as ibnetdiscover prints it: switches, adapters, links.
 *
 * ibnet_parse.c reads the text, ibnet_tiers.c finds which switches are leaves and what lies above
 * them, import_ibnetdiscover.c says what that means for hosts. Both directions of a link are in the
 * text; of two switches both are kept (nobody counts them), of an adapter the first.
 */
#ifndef PL_MAP_IBNET_H
#define PL_MAP_IBNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strtable.h"
#include "survey/survey.h"

#define IBNET_NONE UINT32_MAX

enum ibnet_kind {
	IBNET_UNKNOWN,
	IBNET_SWITCH,
	IBNET_ADAPTER,
	IBNET_IGNORED, /* a router, or the aggregation node inside a switch (SHARP) */
};

struct ibnet_node {
	enum ibnet_kind kind;
	char *id;   /* "S-0002c903007b78b0" */
	char *desc; /* as the fabric has it; "" where it has none */
	unsigned line;

	/* of an adapter: its first link */
	uint32_t peer, peer_port; /* IBNET_NONE: no link */
	double gbyte_s;		  /* 0: unknown */

	/* of a switch, by ibnet_find_tiers */
	char *name;				/* short, and no other switch has it */
	uint32_t n_adapters;			/* links to adapters */
	uint32_t tier;				/* 0 leaf; IBNET_NONE: no way down to a host */
	const char *above[PL_SURVEY_TIERS];	/* of a leaf: [k] the group of switches at tier k
						   that it reaches; [0] is its own name */
	uint32_t subnet;			/* equal for all that are linked */
};

struct ibnet_link {
	uint32_t a, b; /* switches */
};

struct ibnet {
	struct ibnet_node *nodes;
	size_t n_nodes, cap_nodes;
	struct strtable by_id; /* index + 1 */
	struct ibnet_link *links;
	size_t n_links, cap_links;
	char **group_names; /* what `above` points to */
	size_t n_group_names, cap_group_names;
	uint32_t n_switches, n_subnets; /* by ibnet_find_tiers */
};

/* Fills *net, which the caller finishes with ibnet_fini even after an error. PL_EUSAGE with
 * "NAME:LINE: ..." where a line is none of ibnetdiscover's. O(bytes). */
int ibnet_parse(struct ibnet *net, const struct survey_input *in, struct pl_error *err);
void ibnet_fini(struct ibnet *net);

/*
 * Names the switches and finds their tiers. A leaf is a switch with adapters; one that has few and
 * is linked to switches with four times as many is above them (a subnet manager's host hangs on a
 * spine). A switch's tier is its distance from the nearest leaf. The group of tier k above a leaf
 * is what is linked to it through switches up to tier k, so that groups nest: leaves, the spines
 * they share, the cores those share. O((nodes + links) * tiers).
 */
void ibnet_find_tiers(struct ibnet *net);

#endif
