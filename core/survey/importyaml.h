/*
 * importyaml.h - a YAML document as a tree whose nodes know their lines, for importers.
 *
 * libyaml splits it into events. One document; anchors and aliases are refused, since a few bytes
 * of them can stand for any amount; so is a document nested deeper than 64.
 */
#ifndef PL_MAP_IMPORTYAML_H
#define PL_MAP_IMPORTYAML_H

#include <stddef.h>

#include "survey/survey.h"

enum importyaml_kind { IMPORTYAML_TEXT, IMPORTYAML_LIST, IMPORTYAML_MAP };

struct importyaml {
	enum importyaml_kind kind;
	size_t line; /* from 1 */
	char *text;  /* of a text; "" for nothing written. May hold no NUL */
	/* of a list; of a map key, value, key, value: an even number */
	struct importyaml *items;
	size_t n_items, cap_items;
};

/* NULL: PL_EUSAGE with "NAME:LINE: why". O(bytes). */
struct importyaml *importyaml_load(const struct survey_input *in, struct pl_error *err);
void importyaml_destroy(struct importyaml *root);

/* The value under a key of a map; NULL when `map` is NULL or none, or has no such key. O(keys). */
const struct importyaml *importyaml_get(const struct importyaml *map, const char *key);

/* The text under a key; NULL when there is none. */
const char *importyaml_text(const struct importyaml *map, const char *key);

#endif
