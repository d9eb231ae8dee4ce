/*
 * job_axes.h - the axes of a job in its two generators, and how they are written. Internal to map/.
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

/* A whole number from 1 to PL_JOB_MAX_WORLD. PL_EUSAGE, which calls it `name`. */
int job_size_parse(uint32_t *size, const char *name, const char *text, struct pl_error *err);

/* 405B, 1.5T, 32K, 8e9: decimal. PL_EUSAGE, which calls the number `name`; above 0, below 1e18. */
int job_figure_parse(double *figure, const char *name, const char *text, struct pl_error *err);

/* Appends the axis that NAME=SIZE:PATTERN:BYTES says. PL_EUSAGE: what is none, a name that is taken
 * or given twice, more than PL_OWN_AXES. */
int job_axis_parse(struct pl_job *job, const char *text, struct pl_error *err);

/* Fills the order with the tokens as written, then with the axes that were left out; *seen has a
 * bit for each token. PL_EUSAGE: a token that is no axis, or there twice. */
int job_order_parse(struct pl_job *job, const char *text, unsigned *seen, struct pl_error *err);

/* As Megatron has it: PL_EUSAGE where an axis that the order does not name has not size 1. */
int job_order_check(const struct pl_job *job, unsigned seen, struct pl_error *err);

/* Whether a key of the text of a job has this name. */
bool job_is_key(const char *name);

#endif
