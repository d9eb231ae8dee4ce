/*
 * copy_target.h - where a copy from a host goes on this machine. Its calls block: they are made on
 * the pool, one at a time.
 */
#ifndef PL_TRANSPORT_COPY_TARGET_H
#define PL_TRANSPORT_COPY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct copy_target;

struct copy_place {
	const char *dst;      /* itself, or a folder that it goes into */
	const char *src;      /* there; its last part is its name here */
	const char *host;
	const char *tag;      /* makes temporary names unique */
	bool must_be_folder;  /* dst is one, or it is an error */
	bool make_folders;    /* the folders of dst are made when they are missing */
	bool name_host;	      /* ".HOST" follows the name of what goes into a folder */
	bool with_times;
	int mode;	      /* of a file; -1: that of the source */
};

/* Strings of the place are copied. */
struct copy_target *copy_target_create(const struct copy_place *place);

/*
 * The first line of copy_script_get's answer. *asks becomes true when it has to be told from which
 * byte on to send, which *from becomes: so many are here from an earlier attempt.
 */
int copy_target_begin(struct copy_target *t, const char *line, bool *asks, uint64_t *from,
		      struct pl_error *err);

/* How many bytes are to come, once it has begun; of an archive near so many. */
uint64_t copy_target_expects(const struct copy_target *t);

/* What follows it. */
int copy_target_add(struct copy_target *t, const char *bytes, size_t len, struct pl_error *err);

/* Everything came: it takes its place when it is whole and its sum is right. *unchecked becomes
 * true when the host could not make one. */
int copy_target_end(struct copy_target *t, bool *unchecked, struct pl_error *err);

/* What is not whole is removed; a file of which much came is kept for the next attempt. */
void copy_target_destroy(struct copy_target *t);

#endif
