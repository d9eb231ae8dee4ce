/* survey_formats.c - see survey.h: the formats there are, and which one bytes are of */
#include "survey/survey.h"

#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "survey/importers.h"

#define SURE_ENOUGH 50

const struct survey_format survey_formats[] = {
	{ "topograph-model", "a topograph model (YAML)", topograph_model_recognise,
	  topograph_model_import },
	{ "topograph-graph", "topograph's graph (JSON)", topograph_graph_recognise,
	  topograph_graph_import },
	{ "topograph-payload", "a request to topograph (JSON)", topograph_payload_recognise,
	  topograph_payload_import },
	{ "kubernetes", "kubectl get nodes -o json", kubernetes_nodes_recognise,
	  kubernetes_nodes_import },
	{ "ibnetdiscover", "an InfiniBand fabric, as ibnetdiscover prints it",
	  ibnetdiscover_recognise, ibnetdiscover_import },
	{ "nvidia-smi-xml", "nvidia-smi -q -x on one host", nvidia_smi_xml_recognise,
	  nvidia_smi_xml_import },
	{ "nvidia-smi-csv", "nvidia-smi's fabric.clusterUuid and fabric.cliqueId as CSV",
	  nvidia_smi_csv_recognise, nvidia_smi_csv_import },
	{ "nccl", "NCCL's topology of one host (XML)", nccl_topology_recognise,
	  nccl_topology_import },
	{ "hwloc", "hwloc's topology of one host (XML)", hwloc_recognise, hwloc_import },
	{ "nvidia-smi-topo", "nvidia-smi topo -m on one host", nvidia_topo_recognise,
	  nvidia_topo_import },
	{ "lldp", "lldpcli -f json0 show neighbors on one host", lldp_recognise, lldp_import },
	{ "slurm-topology-conf", "Slurm's topology.conf", slurm_conf_recognise, slurm_conf_import },
	{ "slurm-topology-yaml", "Slurm's topology.yaml", slurm_yaml_recognise, slurm_yaml_import },
	{ "slurm-scontrol", "scontrol show topology", slurm_scontrol_recognise,
	  slurm_scontrol_import },
	{ "netq-graph", "NetQ's topology graph (JSON)", netq_graph_recognise, netq_graph_import },
	{ "nmx", "compute nodes of NMX (JSON)", nmx_nodes_recognise, nmx_nodes_import },
	{ NULL, NULL, NULL, NULL },
};

static const struct survey_format *by_name(const char *name)
{
	for (const struct survey_format *f = survey_formats; f->name != NULL; f++) {
		if (strcmp(f->name, name) == 0)
			return f;
	}
	return NULL;
}

const struct survey_format *pl_survey_recognise(const char *bytes, size_t len)
{
	const struct survey_format *best = NULL;
	int best_sure = SURE_ENOUGH - 1;

	for (const struct survey_format *f = survey_formats; f->name != NULL; f++) {
		int sure = f->recognise(bytes, len);

		if (sure > best_sure) {
			best = f;
			best_sure = sure;
		}
	}
	return best;
}

/* With the nearest name, or all of them. */
static int unknown_format(const char *format, struct pl_error *err)
{
	const char *names[ARRAY_LEN(survey_formats)] = { NULL };
	struct strbuf all = STRBUF_INIT;
	char hint[128];

	for (size_t i = 0; survey_formats[i].name != NULL; i++) {
		names[i] = survey_formats[i].name;
		strbuf_addf(&all, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	nearest_hint(format, names, hint, sizeof(hint));
	pl_errorf(err, PL_EUSAGE, "no topology format '%s'%s%s%s", format, hint,
		  hint[0] == '\0' ? "; known are " : "", hint[0] == '\0' ? strbuf_str(&all) : "");
	strbuf_fini(&all);
	return -1;
}

int pl_survey_import(struct pl_survey *s, const struct survey_input *in, const char *format,
		     struct pl_error *err)
{
	const struct survey_format *f = format != NULL ? by_name(format)
						       : pl_survey_recognise(in->bytes, in->len);

	if (f != NULL)
		return f->import(s, in, err);
	if (format != NULL)
		return unknown_format(format, err);
	return pl_errorf(err, PL_EUSAGE,
			 "%s: of no topology format that is known; name one with --format",
			 in->name);
}
