/*
 * importxml.h - an XML document, element by element, for importers.
 *
 * Expat reads it: no external entity is followed, and entities that grow out of all proportion are
 * refused. Deeper than 256 elements is refused, too.
 */
#ifndef PL_MAP_IMPORTXML_H
#define PL_MAP_IMPORTXML_H

#include <stddef.h>

#include "survey/survey.h"

#define IMPORTXML_MAX_DEPTH 256

struct importxml {
	/* An element begins; attributes: name, value, ... NULL, good until the call returns. May be
	 * NULL. -1 with *err ends the reading; the name and the line are put before it. */
	int (*start)(struct importxml *x, const char *element, const char *const *attributes,
		     struct pl_error *err);
	/* It ends. `text` is what followed its last child, of a leaf all it holds, without white
	 * space at both ends. May be NULL. */
	int (*end)(struct importxml *x, const char *element, const char *text,
		   struct pl_error *err);
	void *arg;    /* the importer's */
	size_t line;  /* of what is told now, from 1 */
	size_t depth; /* 1 in the outermost element; the same in start and end */
};

/* Reads all of it. PL_EUSAGE with "NAME:LINE: why" when it is no XML, or a call said so. O(bytes).
 *  */
int importxml_read(const struct survey_input *in, struct importxml *x, struct pl_error *err);

/* The value of an attribute, NULL when there is none of that name. */
const char *importxml_attribute(const char *const *attributes, const char *name);

#endif
