/*
 * rankmap_format.h - a map as each launcher reads it.
 *
 *	vector	   one PE number a line, line i is rank i, as the mapping literature has it
 *	json	   {"ranks": [{"rank", "host", "gpu", "local_rank"}], "cost", "baseline", ...}; costs
 *		   are in "unit": "s" on a calibrated machine, else "uncalibrated", for ratios
 *	csv	   rank,host,gpu,local_rank,node_rank,pe with that header
 *	rankfile   Open MPI: "rank 0=host slot=0", slot is the GPU index
 *	seq	   Open MPI --mca rmaps seq: one host a line
 *	mpich	   Hydra -f: "host:1" a line
 *	slurm	   SLURM_HOSTFILE for srun -m arbitrary: one host a line
 *	torchrun   a line per host: the host, a tab, the environment and arguments to start there
 *	deepspeed  hostfile: "host slots=4"
 *	svg	   a drawing, see drawing.h
 *
 * Some formats cannot say every map: seq, mpich, slurm and deepspeed leave the GPU to the local
 * rank; mpich, deepspeed and torchrun number ranks host by host.
 */
#ifndef PL_MAP_RANKMAP_FORMAT_H
#define PL_MAP_RANKMAP_FORMAT_H

#include "map/rankmap.h"

/* NULL-terminated, in the order above. */
PL_API extern const char *const pl_rankmap_formats[];

/*
 * Appends the map in a format. PL_EUSAGE: an unknown format (the nearest is named), or a map that
 * the format cannot say, naming the first rank that it cannot place. Nothing is appended then.
 * O(ranks).
 */
PL_API int pl_rankmap_format(const struct pl_rankmap *map, const char *format, struct strbuf *out,
                             struct pl_error *err);

#endif
