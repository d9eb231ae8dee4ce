/*
 * nodelabels.c - see nodelabels.h. Sources: topograph's docs/reference/node-labels.md; AWS, "Amazon
 * EC2 instance topology"; Google, "View VM topology"; Oracle, the labeler of oci-hpc-oke.
 */
#include "survey/nodelabels.h"

#include <string.h>

#include "survey/importers.h"
#include "survey/importjson.h"

static const char *const tier_keys[NODELABELS_N_FAMILIES][PL_SURVEY_TIERS] = {
	[NODELABELS_TOPOGRAPH] = {
		"fabric.topograph.run/tier-0", "fabric.topograph.run/tier-1",
		"fabric.topograph.run/tier-2", "fabric.topograph.run/tier-3",
		"fabric.topograph.run/tier-4", "fabric.topograph.run/tier-5",
		"fabric.topograph.run/tier-6", "fabric.topograph.run/tier-7",
	},
	[NODELABELS_NVIDIA] = {
		"network.topology.nvidia.com/leaf", "network.topology.nvidia.com/spine",
		"network.topology.nvidia.com/core",
	},
	[NODELABELS_AWS] = {
		"topology.k8s.aws/network-node-layer-3", "topology.k8s.aws/network-node-layer-2",
		"topology.k8s.aws/network-node-layer-1",
	},
	/* gce-topology-host is the machine itself, and says nothing of its neighbours */
	[NODELABELS_GOOGLE] = {
		"cloud.google.com/gce-topology-subblock", "cloud.google.com/gce-topology-block",
	},
	[NODELABELS_ORACLE] = {
		"oci.oraclecloud.com/rdma.local_block_id",
		"oci.oraclecloud.com/rdma.network_block_id",
		"oci.oraclecloud.com/rdma.hpc_island_id",
	},
	[NODELABELS_ORACLE_HOST] = {
		"oci.oraclecloud.com/host.rack_id", "oci.oraclecloud.com/host.network_block_id",
	},
};

/* The finest and surest first. */
static const char *const domain_keys[] = {
	"nvidia.com/gpu.clique",
	"accelerator.topograph.run/domain",
	"network.topology.nvidia.com/accelerator",
	"oci.oraclecloud.com/host.gpu_memory_fabric_id",
	"topology.k8s.aws/ultraserver-id",
};

static const char sub_domain_key[] = "accelerator.topograph.run/sub-domain";

/* A label's value where it can name something. */
static const char *value_of(const json_t *labels, const char *key)
{
	const char *text = key != NULL ? importjson_text(labels, key) : NULL;

	return text != NULL && import_is_name(text, strlen(text)) ? text : NULL;
}

const char *nodelabels_tier_key(enum nodelabels_family family, size_t tier)
{
	return tier < PL_SURVEY_TIERS ? tier_keys[family][tier] : NULL;
}

bool nodelabels_has(const json_t *labels, enum nodelabels_family family)
{
	for (size_t tier = 0; tier < PL_SURVEY_TIERS; tier++) {
		if (value_of(labels, tier_keys[family][tier]) != NULL)
			return true;
	}
	return false;
}

void nodelabels_tell_tiers(struct pl_survey *s, struct pl_survey_host *host, const json_t *labels,
			   enum nodelabels_family family, uint32_t source)
{
	for (size_t tier = 0; tier < PL_SURVEY_TIERS; tier++) {
		const char *text = value_of(labels, tier_keys[family][tier]);

		if (text != NULL)
			survey_set(s, host, &host->tier[tier], text, strlen(text), source,
				   tier_keys[family][tier]);
	}
}

/* "00000000-0000-0000-0000-000000000000.0": a fabric manager that never finished. */
static bool names_no_cluster(const char *domain)
{
	size_t uuid = strspn(domain, "0-");

	return uuid >= 32 && (domain[uuid] == '.' || domain[uuid] == '\0');
}

void nodelabels_tell_domain(struct pl_survey *s, struct pl_survey_host *host,
			    const json_t *labels, uint32_t source)
{
	const char *sub = value_of(labels, sub_domain_key);

	if (sub != NULL)
		survey_set(s, host, &host->block, sub, strlen(sub), source, "block");
	for (size_t i = 0; i < sizeof(domain_keys) / sizeof(domain_keys[0]); i++) {
		const char *text = value_of(labels, domain_keys[i]);

		if (text != NULL && names_no_cluster(text)) {
			survey_note_on(s, host->name,
				       "its label %s is %s, which names no NVLink domain",
				       domain_keys[i], text);
		} else if (text != NULL) {
			survey_set(s, host, &host->domain, text, strlen(text), source,
				   "NVLink domain");
			return;
		}
	}
}
