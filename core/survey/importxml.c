/* importxml.c - see importxml.h */
#include "survey/importxml.h"

#include <ctype.h>
#include <expat.h>
#include <stdbool.h>
#include <string.h>

#include "base/strbuf.h"

#define PIECE (1 << 20) /* expat counts in ints */

struct reading {
	struct importxml *x;
	XML_Parser parser;
	struct strbuf text;
	struct pl_error *err, scratch;
	bool stopped;
};

static void stop(struct reading *r)
{
	r->stopped = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void on_start(void *arg, const XML_Char *element, const XML_Char **attributes)
{
	struct reading *r = arg;

	strbuf_reset(&r->text);
	r->x->line = XML_GetCurrentLineNumber(r->parser);
	if (++r->x->depth > IMPORTXML_MAX_DEPTH) {
		pl_errorf(r->err, PL_EUSAGE, "elements are nested more than %d deep",
			  IMPORTXML_MAX_DEPTH);
		stop(r);
	} else if (r->x->start != NULL &&
		   r->x->start(r->x, element, (const char *const *)attributes, r->err) < 0) {
		stop(r);
	}
}

static const char *trim(struct strbuf *b)
{
	const char *s = strbuf_str(b);

	while (b->len > 0 && isspace((unsigned char)b->s[b->len - 1]))
		strbuf_truncate(b, b->len - 1);
	s = strbuf_str(b);
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

static void on_end(void *arg, const XML_Char *element)
{
	struct reading *r = arg;

	r->x->line = XML_GetCurrentLineNumber(r->parser);
	if (!r->stopped && r->x->end != NULL &&
	    r->x->end(r->x, element, trim(&r->text), r->err) < 0)
		stop(r);
	r->x->depth--;
	strbuf_reset(&r->text);
}

static void on_text(void *arg, const XML_Char *bytes, int len)
{
	struct reading *r = arg;

	strbuf_add(&r->text, bytes, (size_t)len);
}

static enum XML_Status parse(XML_Parser parser, const struct survey_input *in)
{
	size_t at = 0;
	enum XML_Status status;

	do {
		size_t n = in->len - at < PIECE ? in->len - at : PIECE;

		status = XML_Parse(parser, in->bytes + at, (int)n, at + n == in->len);
		at += n;
	} while (status == XML_STATUS_OK && at < in->len);
	return status;
}

int importxml_read(const struct survey_input *in, struct importxml *x, struct pl_error *err)
{
	struct reading r = { .x = x, .parser = XML_ParserCreate(NULL), .text = STRBUF_INIT };
	int rc = 0;

	r.err = err != NULL ? err : &r.scratch;
	x->line = 1;
	x->depth = 0;
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	if (parse(r.parser, in) != XML_STATUS_OK) {
		if (!r.stopped) {
			x->line = XML_GetCurrentLineNumber(r.parser);
			pl_errorf(err, PL_EUSAGE, "this is no XML: %s",
				  XML_ErrorString(XML_GetErrorCode(r.parser)));
		}
		rc = pl_error_prefix(err, "%s:%zu", in->name, x->line);
	}
	XML_ParserFree(r.parser);
	strbuf_fini(&r.text);
	return rc;
}

const char *importxml_attribute(const char *const *attributes, const char *name)
{
	for (; *attributes != NULL; attributes += 2) {
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	}
	return NULL;
}
