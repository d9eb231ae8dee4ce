/*
 * archive.h - a folder of this machine as the tar archive it would make, without making it.
 *
 * The tree is walked once; of each entry its place in the archive is kept, so that any range of
 * bytes can be read at any time, by many readers at once, from the files themselves. Folders, files
 * and symbolic links are in it; what else there is, is left out and counted. Names are sorted: the
 * same tree makes the same archive, byte for byte.
 *
 *	t/...	the tree: first its folders, then its files, then its links
 *	modes	a second archive, of folders whose owner may not write to them: to be unpacked over
 *		the tree when it is complete. Only when there are such
 *	sums	the SHA-256 of each file as sha256sum prints it, relative to t/; last, so that its
 *		presence says that all came
 */
#ifndef PL_TRANSPORT_ARCHIVE_H
#define PL_TRANSPORT_ARCHIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct archive;

/*
 * Walks the folder and reads every file of it for its sum: blocks, so call it from the pool. Gives
 * up when *stop becomes true. with_times: the archive tells when files were changed.
 * O(entries) memory, near 150 bytes each.
 */
struct archive *archive_create(const char *folder, bool with_times, const atomic_bool *stop,
			       struct pl_error *err);
void archive_destroy(struct archive *a); /* NULL is a no-op */

uint64_t archive_size(const struct archive *a);
unsigned archive_mode(const struct archive *a); /* of the folder itself */
const char *archive_key(const struct archive *a); /* 64 hex digits: equal archives, equal keys */

/*
 * What is to be sent to a place where `have` entries of the tree are already, in the order of the
 * archive: the bytes up to *folders_end, which make the folders what they should be, and those from
 * *from on. The last entry there may not be whole: it is sent again, and so are all links, which
 * some tars make in the end only.
 */
void archive_resume(const struct archive *a, size_t have, uint64_t *folders_end, uint64_t *from);

/* How many were left out, and the path of the first of them. */
size_t archive_left_out(const struct archive *a, const char **first);

/* A file that a reader has open; begin with ARCHIVE_CURSOR_INIT. */
struct archive_cursor {
	int fd;
	size_t entry;
};
#define ARCHIVE_CURSOR_INIT { -1, 0 }
void archive_cursor_fini(struct archive_cursor *c);

/*
 * Reads up to len bytes from off on: how many, 0 at the end, -1 with the reason (a file that was
 * changed since the walk). Blocks; any number of threads at once, each with a cursor of its own.
 */
ssize_t archive_read(const struct archive *a, struct archive_cursor *c, uint64_t off, void *buf,
		     size_t len, struct pl_error *err);

#endif
