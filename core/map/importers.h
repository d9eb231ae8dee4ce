/*
 * importers.h - the importers that survey_formats.c lists, one file each (import_NAME.c).
 *
 * recognise() looks at the first bytes only and costs nothing to speak of; import() is as survey.h
 * has it: bytes in, facts out, linear in the bytes, and the line (or the path in a JSON document)
 * in errors.
 */
#ifndef PL_MAP_IMPORTERS_H
#define PL_MAP_IMPORTERS_H

#include "map/survey.h"

#define SURVEY_IMPORTER(name)                                                                      \
	int name##_recognise(const char *bytes, size_t len);                                       \
	int name##_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)

#endif
