/*
 * output.h - one output stream of one task: the first bytes in memory, the whole of it on disk once
 * there are more than the cap.
 *
 *	MEMORY -> SPILLING -> SPILLED		with a folder to spill to
 *	MEMORY -> DROPPING			without one, or when the disk refused
 */
#ifndef PL_RUN_OUTPUT_H
#define PL_RUN_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "transport/task.h"

enum output_state { OUTPUT_MEMORY, OUTPUT_SPILLING, OUTPUT_SPILLED, OUTPUT_DROPPING };

struct output {
	struct strbuf kept;
	uint64_t total;	    /* bytes that came */
	uint64_t tail_hash; /* of the bytes past `kept`, so that two long streams can be compared */
	char *path;	    /* the file, while SPILLING or SPILLED */
	int fd;		    /* while SPILLING, else -1 */
	enum output_state state;
};

/* Where a stream may spill to and what its file is called:
 * DIR/ID.HOST.INDEX.ATTEMPT.out (or .err), 0600, never an existing file. */
struct output_place {
	size_t keep_bytes;
	const char *dir; /* NULL: nowhere */
	const char *id;
	const char *host; /* any bytes; those unfit for a file name become '_' */
	unsigned index, attempt;
	enum stream stream;
};

struct output *output_create(void);
void output_destroy(struct output *o); /* the file stays; NULL is a no-op */

/*
 * Adds bytes. An error (PL_ESYS: folder gone, disk full) is told once, with the stream turned to
 * DROPPING: what is in memory stays, the incomplete file is removed, further bytes are counted.
 */
int output_add(struct output *o, const struct output_place *place, const void *bytes, size_t len,
	       struct pl_error *err);

/* The stream is at its end: closes the file and gives spare memory back. Errors as output_add (a
 * late write error of the file). NULL is a no-op. */
int output_finish(struct output *o, struct pl_error *err);

#endif
