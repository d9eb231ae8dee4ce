/*
 * outlet.h - a descriptor of ours that people or programs read: standard output and error.
 *
 * Bytes are gathered in a buffer and written once per turn of the loop, and never by blocking: a
 * pipe or terminal that is full is written to when it has room. The descriptor's flags are left
 * alone, because it is shared with whoever started us.
 */
#ifndef PL_RUN_OUTLET_H
#define PL_RUN_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"
#include "loop/loop.h"

#define OUTLET_HIGH (1024 * 1024) /* more waits: on_high */
#define OUTLET_LOW (256 * 1024)	  /* at most this waits again: on_low */

struct outlet;

/* From a turn of the loop, or from inside outlet_commit (on_high only). */
struct outlet_events {
	void (*on_high)(void *arg);
	void (*on_low)(void *arg);
	void (*on_empty)(void *arg);
	/* nothing can be written any more (EPIPE: the reader left); what waited is dropped */
	void (*on_broken)(void *arg, int errnum);
};

/* fd is not owned; SIGPIPE must be ignored. `events` is borrowed. */
struct outlet *outlet_create(struct loop *loop, int fd, const struct outlet_events *events,
			     void *arg);
void outlet_destroy(struct outlet *o); /* writes what fits without waiting; NULL is a no-op */

/* The buffer to append to; after that, outlet_commit(). */
struct strbuf *outlet_buffer(struct outlet *o);
void outlet_commit(struct outlet *o);

size_t outlet_pending(const struct outlet *o);
bool outlet_is_terminal(const struct outlet *o);

#endif
