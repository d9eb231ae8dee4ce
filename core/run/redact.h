/*
 * redact.h - words that no output may show: in the streams of a run every byte of them is a '*'
 * before a sink, the memory or a file gets to see it, wherever the pieces were cut.
 */
#ifndef PL_RUN_REDACT_H
#define PL_RUN_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define REDACT_MIN 4 /* shorter words would strike out half of any text */

struct redactor;

struct redactor *redactor_create(void);
void redactor_destroy(struct redactor *r); /* wipes the words; NULL is a no-op */

/* Copies a word of REDACT_MIN bytes or more (asserted). */
void redactor_add(struct redactor *r, const char *word, size_t len);

/* What a stream has said and has not been shown, since a word may begin there. Zeroed at first. */
struct redact_held {
	struct strbuf bytes; /* at most one less than the longest word */
	size_t struck;	     /* of these at the front, the end of a word whose beginning was shown */
};

void redact_held_fini(struct redact_held *held); /* wipes; safe twice */

/*
 * Adds bytes of a stream: *shown is emptied and gets what may be seen now, `last` with all that was
 * held. O(len x words).
 */
void redact_add(const struct redactor *r, struct redact_held *held, const void *bytes, size_t len,
		bool last, struct strbuf *shown);

#endif
