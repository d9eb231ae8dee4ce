/*
 * printer.h - the sink that people read: output of many hosts on standard output and error.
 *
 * Whole lines only, stdout lines to one descriptor, stderr lines to the other; when both lead to
 * the same file or terminal, everything goes through one buffer so that lines never mix. Never
 * blocks: when the reader is slow the runs are paused. When the reader has gone (EPIPE) they are
 * cancelled without a word.
 *
 * On a terminal control characters from remote hosts are shown, not obeyed (see screen.h).
 */
#ifndef PL_RUN_PRINTER_H
#define PL_RUN_PRINTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "loop/loop.h"
#include "run/sink.h"

enum printer_mode {
	PRINTER_LINES, /* each line as it comes */
	PRINTER_JSON,  /* one object per task as it ends, a summary at the end of the run */
	PRINTER_FILES, /* DIR/HOST.out and DIR/HOST.err (HOST.INDEX.out from the second task), 0600;
			* bytes of a host's name that are unfit for a file's stand as %2F */
	PRINTER_NOTES, /* only who failed */
};

struct printer_options {
	enum printer_mode mode;
	bool prefix;	    /* LINES: "host: line"; from the second task of a host "host/index: " */
	bool quiet;	    /* no word on standard error about tasks that failed */
	bool raw;	    /* control characters go to a terminal as they are */
	bool color;	    /* the prefix in color */
	size_t width;	    /* LINES: the prefix is padded to so many columns */
	const char *outdir; /* FILES: existing folder; copied */
	int out_fd, err_fd; /* not owned */
};

struct printer;

/* Errors: PL_ESYS when outdir cannot be written to. */
struct printer *printer_create(struct loop *loop, const struct printer_options *options,
			       struct pl_error *err);
void printer_destroy(struct printer *p); /* its runs have ended; NULL is a no-op */

bool printer_busy(const struct printer *p); /* some run prints here */

/* May be given to several runs, one after the other or at once. */
struct run_sink *printer_sink(struct printer *p);

/* Bytes not yet taken by the reader. on_empty is called (from the loop) when there are none. */
size_t printer_pending(const struct printer *p);
void printer_on_empty(struct printer *p, loop_call_f fn, void *arg);

/* errno of the first write that failed (EPIPE: the reader left), 0 when all is well. */
int printer_failed(const struct printer *p);

#endif
