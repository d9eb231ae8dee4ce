/*
 * rankmap_read.h - a map that somebody wrote: our own formats, or a hand-written rankfile.
 *
 *	vector		one PE number a line, line i is rank i
 *	json		as pl_rankmap_format() writes it; only "ranks" is read
 *	csv		a header that names the columns rank, host and gpu
 *	rankfile	Open MPI: "rank 0=host slot=0", '#' begins a comment
 */
#ifndef PL_MAP_RANKMAP_READ_H
#define PL_MAP_RANKMAP_READ_H

#include "map/topo.h"

/*
 * Reads a map, whichever of these it looks like. On success *pe is an array of *n PEs by rank,
 * which the caller frees. PL_EUSAGE with "NAME:LINE: what": a line that is none of the format, a
 * host that the machine has not, a GPU index beyond the host's, a rank given twice or missing, two
 * ranks on one GPU. O(bytes).
 */
PL_API int pl_rankmap_read(const struct pl_topo *topo, const char *name, const char *bytes,
                           size_t len, uint32_t **pe, uint32_t *n, struct pl_error *err);

#endif
