/*
 * treefile.h - files made below a folder by names that somebody else chose.
 *
 * Nothing is ever made outside the folder: names with "..", and absolute ones, are refused, and no
 * symbolic link on the way is followed, whoever put it there. Every file is written under a
 * temporary name and takes its place when it is whole. All calls block.
 */
#ifndef PL_TRANSPORT_TREEFILE_H
#define PL_TRANSPORT_TREEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct tree;

/* Below `folder`, which is there; a link to it is followed. made: it was made for this, and takes
 * the mode of the name ".". suffix: is added to the first part of each name, NULL: none. NULL with
 * the reason. */
struct tree *tree_create(const char *folder, bool made, const char *suffix, struct pl_error *err);

/* Removes a file that was begun; gives folders that were made their modes. NULL is a no-op. */
void tree_destroy(struct tree *t);

/* All of these: 0, or -1 with the reason. `name` may begin with "./"; mode: permission bits. */
int tree_folder(struct tree *t, const char *name, unsigned mode, struct pl_error *err);
int tree_symlink(struct tree *t, const char *name, const char *target, struct pl_error *err);
int tree_hardlink(struct tree *t, const char *name, const char *to, struct pl_error *err);

/* A file: begin, write all of it, end. times < 0: now. */
int tree_file_begin(struct tree *t, const char *name, struct pl_error *err);
int tree_file_write(struct tree *t, const void *bytes, size_t len, struct pl_error *err);
int tree_file_end(struct tree *t, unsigned mode, int64_t mtime, struct pl_error *err);

/* Writes, leaving holes where long runs of zeros are; the caller sets the length at the end.
 * 0, or -1 with errno. */
int write_sparse(int fd, const char *bytes, size_t len);

/* `name` as a message may show it: what could drive a terminal becomes '?'. Valid until the next
 * call of this thread. */
const char *shown_name(const char *name);

#endif
