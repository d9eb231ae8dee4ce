/*
 * importers.h - the importers that survey_formats.c lists, one file each (import_NAME.c).
 *
 * recognise() looks at the first bytes only and costs nothing to speak of; import() is as survey.h
 * has it: bytes in, facts out, linear in the bytes, and the line (or the path in a JSON document)
 * in errors.
 */
#ifndef PL_MAP_IMPORTERS_H
#define PL_MAP_IMPORTERS_H

#include "survey/survey.h"

/* Whether bytes can name a host or a switch: printable, 1 to 253, no spaces, commas or brackets. */
bool import_is_name(const char *name, size_t len);

/* Whether `word` occurs in the bytes. */
bool import_mentions(const char *bytes, size_t len, const char *word);

/* The first byte that is no white space (nor a byte order mark); '\0' where there is none. */
char import_first(const char *bytes, size_t len);

#define SURVEY_IMPORTER(name)                                                                      \
	int name##_recognise(const char *bytes, size_t len);                                       \
	int name##_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)

SURVEY_IMPORTER(hwloc);
SURVEY_IMPORTER(kubernetes_nodes);
SURVEY_IMPORTER(ibnetdiscover);
SURVEY_IMPORTER(lldp);
SURVEY_IMPORTER(nvidia_smi_csv);
SURVEY_IMPORTER(nvidia_smi_xml);
SURVEY_IMPORTER(nvidia_topo);
SURVEY_IMPORTER(nccl_topology);
SURVEY_IMPORTER(netq_graph);
SURVEY_IMPORTER(nmx_nodes);
SURVEY_IMPORTER(topograph_model);
SURVEY_IMPORTER(topograph_graph);
SURVEY_IMPORTER(topograph_payload);
SURVEY_IMPORTER(slurm_conf);
SURVEY_IMPORTER(slurm_scontrol);
SURVEY_IMPORTER(slurm_yaml);

#endif
