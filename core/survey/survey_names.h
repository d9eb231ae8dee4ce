/*
 * survey_names.h - units that two sources name differently. Internal to survey/.
 *
 * Slurm may call s1 what the fabric calls leaf-1. Two names are of one unit when, over the hosts of
 * which both sources speak, one stands exactly where the other does; then the first source's name
 * is taken on all hosts, and both are told, once. Names that overlap otherwise contradict each
 * other: that is told, and the first source's are taken on its hosts.
 */
#ifndef PL_SURVEY_NAMES_H
#define PL_SURVEY_NAMES_H

#include "survey/survey.h"

/* Settles the words of all hosts (pl_survey_host.words), after survey_settle_nets. O(words + kinds
 * of sources x hosts). */
void survey_match_names(struct pl_survey *survey);

#endif
