/* survey_formats.c - see survey.h: the formats there are, and which one bytes are of */
#include "map/survey.h"

#include <string.h>

#include "map/importers.h"

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

static const struct survey_format *by_looks(const struct survey_input *in)
{
	const struct survey_format *best = NULL;
	int best_sure = SURE_ENOUGH - 1;

	for (const struct survey_format *f = survey_formats; f->name != NULL; f++) {
		int sure = f->recognise(in->bytes, in->len);

		if (sure > best_sure) {
			best = f;
			best_sure = sure;
		}
	}
	return best;
}

int pl_survey_import(struct pl_survey *s, const struct survey_input *in, const char *format,
		     struct pl_error *err)
{
	const struct survey_format *f = format != NULL ? by_name(format) : by_looks(in);

	if (f != NULL)
		return f->import(s, in, err);
	if (format != NULL)
		return pl_errorf(err, PL_EUSAGE, "no topology format '%s' is known", format);
	return pl_errorf(err, PL_EUSAGE, "%s: of no topology format that is known; name one",
			 in->name);
}
