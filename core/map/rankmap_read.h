/*
 * rankmap_read.h - a map that somebody wrote: every format of rankmap_format.h but the drawing.
 *
 *	vector		one PE number a line, line i is rank i
 *	json		as pl_rankmap_format() writes it; only "ranks" is read
 *	csv		a header that names the columns rank, host and gpu
 *	rankfile	Open MPI: "rank 0=host slot=0"
 *	torchrun	"HOST CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc-per-node=2 --node-rank=0"
 *	deepspeed	"HOST slots=4": the next four ranks
 *	mpich		"HOST:1": the next rank
 *	seq, slurm	"HOST": the next rank
 *
 * '#' begins a comment. Where a line names no GPU, a host's ranks take its GPUs from 0. The first
 * line tells which format it is; all must be of that.
 */
#ifndef PL_MAP_RANKMAP_READ_H
#define PL_MAP_RANKMAP_READ_H

#include "base/strbuf.h"
#include "map/topo.h"

/*
 * Reads a map, whichever of these it looks like. On success *pe is an array of *n PEs by rank,
 * which the caller frees. Else -1, and everything that is wrong is appended to `problems`, a line
 * "NAME:LINE: what" each (no newline at the end; beyond 50 they are counted): a line that is none
 * of the format, a host that the machine has not with the nearest name, a GPU index beyond the
 * host's, a rank given twice or missing, two ranks on one GPU. O(bytes), and O(hosts) for each
 * unknown host.
 */
PL_API int pl_rankmap_read_all(const struct pl_topo *topo, const char *name, const char *bytes,
			       size_t len, uint32_t **pe, uint32_t *n, struct strbuf *problems);

/* The same with as many of the problems as fit in an error, PL_EUSAGE. */
PL_API int pl_rankmap_read(const struct pl_topo *topo, const char *name, const char *bytes,
			   size_t len, uint32_t **pe, uint32_t *n, struct pl_error *err);

#endif
