/*
 * copy_source.h - what is copied to hosts: a file, or a folder as an archive; one for all hosts
 * that it goes to at the same time. Everything that blocks happens on the pool.
 */
#ifndef PL_TRANSPORT_COPY_SOURCE_H
#define PL_TRANSPORT_COPY_SOURCE_H

#include "loop/loop.h"
#include "transport/archive.h"
#include "transport/checksum.h"

struct copy_sources; /* of one transport */

struct copy_sources *copy_sources_create(struct loop *loop);
void copy_sources_destroy(struct copy_sources *all); /* readers are closed; NULL is a no-op */

/* Says, once, that a host could not make the sum of what came. */
void copy_sources_tell_unchecked(struct copy_sources *all, const char *host);

struct copy_source {
	struct copy_sources *all;
	struct copy_source *next;
	char *path;
	bool with_times;
	unsigned users; /* readers, and the job that looks at it */
	enum { SOURCE_LOOKING, SOURCE_SUMMING, SOURCE_READY, SOURCE_BAD } state;
	struct pl_error error; /* SOURCE_BAD */
	atomic_bool stop;
	uint64_t about; /* not LOOKING: bytes; of a folder no more than SOURCE_ABOUT_MAX are counted */
	/* SOURCE_READY */
	struct archive *archive; /* NULL: a file */
	int fd;
	uint64_t size;
	int64_t mtime;
	unsigned mode;
	char sum[CHECKSUM_LENGTH + 1]; /* of a file; "-" of an archive */
	char key[17]; /* names the content */
	struct copy_reader *waiting; /* for its next state */
	struct copy_reader *telling; /* of this one */
};

/* One that reads a source, from one place at a time. */
struct copy_reader {
	struct copy_source *source;
	loop_call_f on_state; /* of the source: it is SUMMING, or READY or BAD, after which no other
			       * call comes; never from inside open */
	loop_call_f on_bytes; /* what was asked for is in `bytes`, or `error` is set */
	void *arg;
	char *bytes;
	size_t len; /* of what was read; 0 at the end */
	struct pl_error error;
	/* its own */
	struct copy_reader *next;
	struct archive_cursor cursor;
	uint64_t off;
	size_t want;
	bool busy, gone;
};

#define COPY_CHUNK (128 * 1024)
#define SOURCE_ABOUT_MAX (64 * 1024 * 1024) /* of a folder, for which its entries are looked at */

/* Begins to look at what `path` is, unless another reader of it is there already. */
struct copy_reader *copy_reader_open(struct copy_sources *all, const char *path, bool with_times,
				     loop_call_f on_state, loop_call_f on_bytes, void *arg);

/* Asks for up to COPY_CHUNK bytes from off on, but none from `end` on; one request at a time. */
void copy_reader_ask(struct copy_reader *r, uint64_t off, uint64_t end);

void copy_reader_close(struct copy_reader *r); /* at any time; NULL is a no-op */

#endif
