/*
 * job_axes.h - the axes of a job in its two generators. Internal to map/.
 */
#ifndef PL_MAP_JOB_AXES_H
#define PL_MAP_JOB_AXES_H

#include "map/job.h"

/* The size of an axis in the dense or the expert generator; 1 for one it has not. */
uint32_t job_axis_size(const struct pl_job *job, enum pl_axis axis, bool expert);

/* How far apart two ranks are that differ by one along the axis. */
uint32_t job_axis_stride(const struct pl_job *job, enum pl_axis axis, bool expert);

/* "tp", or the name of one's own. Borrowed from the job. */
const char *job_axis_name(const struct pl_job *job, enum pl_axis axis);

/* "dp-cp" */
const char *job_family_name(enum pl_family family);

/* "ring", "alltoall", "p2p", and back: PL_EUSAGE with the three. */
const char *job_pattern_name(enum pl_pattern pattern);
int job_pattern_parse(enum pl_pattern *pattern, const char *name, struct pl_error *err);

/* 405B, 1.5T, 32K, 8e9: decimal. PL_EUSAGE, which calls the number `name`; above 0, below 1e18. */
int job_figure_parse(double *figure, const char *name, const char *text, struct pl_error *err);

#endif
