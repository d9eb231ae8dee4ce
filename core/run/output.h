/*
 * output.h - one output stream of one task: its first bytes at hand, the whole of it on disk once
 * there are more than the cap.
 *
 *	MEMORY -> SPILLING -> SPILLED		with a folder to spill to
 *	MEMORY -> DROPPING			without one, or when the disk refused
 *	MEMORY -> PARKING -> PARKED | SPILLED	when all streams together hold too much memory
 *
 * What is parked lies in a file that is gone from its folder once the stream has ended, and is
 * mapped: it reads like memory and costs none until it is read.
 */
#ifndef PL_RUN_OUTPUT_H
#define PL_RUN_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "transport/task.h"

#define OUTPUT_PARK_MIN (64 * 1024) /* smaller ones are not worth a file */

enum output_state {
	OUTPUT_MEMORY,
	OUTPUT_SPILLING,
	OUTPUT_SPILLED,
	OUTPUT_PARKING,
	OUTPUT_PARKED,
	OUTPUT_DROPPING,
};

/* Memory that many streams share. */
struct output_budget {
	size_t used; /* bytes that they hold in memory */
	size_t most; /* more than this, and large ones are parked */
};

struct output {
	struct output_budget *budget; /* outlives it */
	struct strbuf kept; /* the first bytes, unless they are parked */
	char *mapped;	    /* them, once PARKED, or SPILLED after PARKING; else NULL */
	size_t kept_len;    /* how many: all, up to the cap */
	uint64_t total;	    /* bytes that came */
	uint64_t tail_hash; /* of the bytes past those, so that two long streams can be compared */
	char *path;	    /* the file, while there is one with a name */
	int fd;		    /* while SPILLING or PARKING, else -1 */
	enum output_state state;
};

/* Where a stream may spill to and what its file is called:
 * DIR/ID.HOST.INDEX.ATTEMPT.out (or .err), 0600, never an existing file. */
struct output_place {
	size_t keep_bytes;
	const char *dir; /* made when first needed; NULL: nowhere */
	const char *id;
	const char *host; /* any bytes; those unfit for a file name become '_' */
	unsigned index, attempt;
	enum stream stream;
};

/* After a file could not be opened in `dir`, with errno: true when the folder was missing and has
 * now been made, 0700, so that it is worth another try. */
bool output_folder_made(const char *dir);

struct output *output_create(struct output_budget *budget);
void output_destroy(struct output *o); /* a file with a name stays; NULL is a no-op */

/* The kept bytes of a stream that has ended, NUL-terminated; NULL when there are none. */
const char *output_kept(const struct output *o, size_t *len);

/*
 * Adds bytes. An error (PL_ESYS: folder gone, disk full) is told once. A stream that was to spill
 * is then DROPPING: what is in memory stays, the incomplete file is removed, further bytes are
 * counted. One that was to be parked stays in memory, and so does every other.
 */
int output_add(struct output *o, const struct output_place *place, const void *bytes, size_t len,
	       struct pl_error *err);

/* The stream is at its end: closes the file, and gives spare memory back or parks what is kept.
 * Errors as output_add (a late write error of the file). NULL is a no-op. */
int output_finish(struct output *o, const struct output_place *place, struct pl_error *err);

/* After the finish: the whole stream, of so many bytes, lies at `path` already (NULL: nowhere), so
 * the file that was made of it goes away again. NULL is a no-op. */
void output_adopt(struct output *o, const char *path, uint64_t total);

#endif
