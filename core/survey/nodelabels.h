/*
 * nodelabels.h - labels of Kubernetes nodes that say where a node is. Several parties write such
 * labels, and names of one are no names of another: a family is all labels of one party.
 */
#ifndef PL_MAP_NODELABELS_H
#define PL_MAP_NODELABELS_H

#include <jansson.h>

#include "survey/survey.h"

enum nodelabels_family {
	NODELABELS_TOPOGRAPH, /* fabric.topograph.run/tier-N, 0 the leaf */
	NODELABELS_NVIDIA,    /* network.topology.nvidia.com/leaf, spine, core: topograph's before */
	NODELABELS_AWS,	      /* topology.k8s.aws/network-node-layer-N, 3 the leaf */
	NODELABELS_GOOGLE,    /* cloud.google.com/gce-topology-subblock, -block */
	NODELABELS_ORACLE,    /* oci.oraclecloud.com/rdma.local_block_id, network_block_id, ... */
	NODELABELS_ORACLE_HOST, /* oci.oraclecloud.com/host.rack_id, network_block_id */
	NODELABELS_N_FAMILIES,
};

/* The label of a family for a tier, the leaf 0; NULL when it has none for it. */
const char *nodelabels_tier_key(enum nodelabels_family family, size_t tier);

/* Whether the object `labels` (may be NULL) has any tier of the family. */
bool nodelabels_has(const json_t *labels, enum nodelabels_family family);

/* Adds the tiers that a family tells. */
void nodelabels_tell_tiers(struct pl_survey *s, struct pl_survey_host *host, const json_t *labels,
			   enum nodelabels_family family, uint32_t source);

/* Adds the NVLink domain, of whoever tells the finest: the driver's clique first. One that names
 * no cluster (an all-zero UUID) is no domain, and noted. */
void nodelabels_tell_domain(struct pl_survey *s, struct pl_survey_host *host,
			    const json_t *labels, uint32_t source);

#endif
