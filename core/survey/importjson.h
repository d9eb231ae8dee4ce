/*
 * importjson.h - a JSON document as a tree, for importers: Jansson's, with an error that names the
 * file and the line. Deeper than 2048 is refused, and so is a NUL in a string.
 */
#ifndef PL_MAP_IMPORTJSON_H
#define PL_MAP_IMPORTJSON_H

#include <jansson.h>

#include "survey/survey.h"

/* The caller calls json_decref(). NULL: PL_EUSAGE with "NAME:LINE: why". O(bytes). */
json_t *importjson_load(const struct survey_input *in, struct pl_error *err);

/*
 * Calls `take` for each element of the list under `key` of the document, which is an object, one
 * after the other: only one is ever in memory, so that a large list costs little more than its
 * bytes. `index` counts from 0; the element is borrowed. A result of `take` other than 0 ends it
 * and is returned. -1 with PL_EUSAGE and "NAME:LINE: why" where the bytes are no JSON. *n is the
 * number of elements; where the document has no such list it is passed to `take` itself, and *n
 * is 1. O(bytes).
 */
typedef int importjson_take_f(void *arg, const json_t *element, size_t index);
int importjson_each(const struct survey_input *in, const char *key, importjson_take_f *take,
		    void *arg, size_t *n, struct pl_error *err);

/* The text under a key; NULL when `object` is none, or has no text of that name. Borrowed. */
const char *importjson_text(const json_t *object, const char *key);

/* The list under a key, and the object; NULL when there is none. Borrowed. */
const json_t *importjson_list(const json_t *object, const char *key);
const json_t *importjson_object(const json_t *object, const char *key);

#endif
