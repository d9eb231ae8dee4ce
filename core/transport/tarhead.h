/*
 * tarhead.h - one header of a tar archive, written and read: ustar (POSIX.1-1988) with GNU's long
 * names and large sizes, which GNU, busybox and BSD tar all understand; of pax, what they write.
 * Pure text.
 */
#ifndef PL_TRANSPORT_TARHEAD_H
#define PL_TRANSPORT_TARHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define TAR_BLOCK 512

enum tar_type {
	TAR_FILE = '0',
	TAR_HARDLINK = '1',
	TAR_SYMLINK = '2',
	TAR_FOLDER = '5',
	TAR_LONG_LINK = 'K', /* GNU: the link of the next entry, as data */
	TAR_LONG_NAME = 'L', /* GNU: the name of the next entry, as data */
	TAR_PAX = 'x',	     /* fields of the next entry, as data */
	TAR_PAX_ALL = 'g',   /* of all that follow */
};

struct tar_entry {
	char type; /* enum tar_type, or another letter: a device, a pipe, a vendor's invention */
	unsigned mode;
	uint64_t size;	    /* of the data that follows, without padding */
	int64_t mtime;	    /* seconds since 1970 */
	const char *path, *link; /* link: "" when there is none */
};

/* Bytes of padding after `size` bytes of data. */
static inline size_t tar_padding(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

/* Appends the header of an entry, its long names included; always so many bytes for one entry. */
void tar_head_write(struct strbuf *out, const struct tar_entry *e);
size_t tar_head_length(const struct tar_entry *e);

/* Room for what a block says without a NUL at the end. */
struct tar_names {
	char path[100 + 1 + 155 + 1], link[100 + 1];
};

/* Reads one block. False when its checksum is wrong. Strings of *e lie in *names. */
bool tar_head_read(const char *block, struct tar_entry *e, struct tar_names *names);

/* All zeros: the end of an archive. */
bool tar_block_is_empty(const char *block);

#endif
