/*
 * survey_merge.h - what several sources say of one host, settled: what contradicts is told, what
 * cannot be used is told. Internal to map/.
 */
#ifndef PL_MAP_SURVEY_MERGE_H
#define PL_MAP_SURVEY_MERGE_H

#include "survey/survey.h"

/* Adds notes on: GPUs that are not healthy; a host whose GPUs are in several NVLink domains;
 * domains that reach over several racks, by serial number, and racks that hold several domains;
 * more GPUs seen than counted. O(hosts). */
void survey_merge_notes(struct pl_survey *survey);

/* How many GPUs a host has: as counted, else as seen, else `otherwise`. */
uint32_t survey_gpus_of(const struct pl_survey_host *host, uint32_t otherwise);

#endif
