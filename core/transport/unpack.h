/*
 * unpack.h - a tar archive that comes from a host we do not trust, unpacked as its bytes come.
 *
 * Several archives may follow each other. Folders, files, symbolic and hard links are made;
 * devices, pipes and sockets are left out and counted. What a name may not do: treefile.h.
 */
#ifndef PL_TRANSPORT_UNPACK_H
#define PL_TRANSPORT_UNPACK_H

#include "transport/treefile.h"

struct unpack;

/* Into `tree` (taken). with_times: files get the times that the archive tells. */
struct unpack *unpack_create(struct tree *tree, bool with_times);

/* Takes bytes; -1 with the reason, and nothing more is to be given then. Blocks on the disk. */
int unpack_add(struct unpack *u, const char *bytes, size_t len, struct pl_error *err);

/* True when the archive is at its end, or between two entries of it. */
bool unpack_is_whole(const struct unpack *u);

/* How many entries were left out, and the first of them. */
size_t unpack_left_out(const struct unpack *u, const char **first);

void unpack_destroy(struct unpack *u); /* removes a file that is not whole; NULL is a no-op */

#endif
