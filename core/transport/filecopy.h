/*
 * filecopy.h - a file copied on this machine, whole or not at all.
 */
#ifndef PL_TRANSPORT_FILECOPY_H
#define PL_TRANSPORT_FILECOPY_H

#include <stdatomic.h>

#include "base/error.h"

/*
 * Copies regular file `from` to `to` through a temporary name beside it that is renamed at the
 * end: a reader sees the old file or the new one. mode: permission bits, -1 for those of `from`
 * (umask does not count). Gives up when *stop becomes true. Blocks: call it from the pool.
 * Errors: PL_ENOENT when `from` is not there, PL_ESYS otherwise; `to` is then as it was.
 */
int file_copy(const char *from, const char *to, int mode, const atomic_bool *stop,
	      struct pl_error *err);

#endif
