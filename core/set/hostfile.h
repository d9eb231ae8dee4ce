/*
 * hostfile.h - files of host sets: one expression a line, # begins a comment. For the files of
 * this room only.
 */
#ifndef PL_SET_HOSTFILE_H
#define PL_SET_HOSTFILE_H

#include <stddef.h>

#include "base/error.h"
#include "set/hostlist.h"

/* Adds to `out` what one line, comments and blank lines left out, says; -1 with an error. */
typedef int hostfile_line_f(void *arg, const char *line, struct pl_hostlist *out);

/*
 * Calls on_line for each line of the file (`path` need not end with NUL; "-" is standard input).
 * PL_ENOENT or PL_ESYS when it cannot be read, PL_EUSAGE when it is larger than 256 MiB or holds a
 * NUL; an error of on_line gets the file and the line put before it.
 */
int hostfile_read(const char *path, size_t path_len, hostfile_line_f *on_line, void *arg,
		  struct pl_hostlist *out, struct pl_error *err);

#endif
