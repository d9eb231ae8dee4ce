/*
 * survey_nets.h - which of a host's networks is the one between its GPUs. Internal to survey/.
 *
 * ibnetdiscover sees one fabric, LLDP another, and a host may be on both: then they contradict each
 * other in nothing. What counts is the fabric that the GPUs' adapters are on: where a source tells
 * it (pl_survey_host.fabric), that one; else that with more adapters over the whole fleet. A host
 * that only has what others have for storage is on none that is known.
 */
#ifndef PL_SURVEY_NETS_H
#define PL_SURVEY_NETS_H

#include "survey/survey.h"

/* Makes the facts of each host's own fabric those of the host, and forgets the others; they are
 * told in notes. Once, when all is imported. O(hosts). */
void survey_settle_nets(struct pl_survey *survey);

/* "infiniband", "ethernet". */
const char *survey_fabric_name(enum pl_survey_fabric fabric);

#endif
