/*
 * checksum.h - SHA-256, as sha256sum(1) prints it.
 */
#ifndef PL_TRANSPORT_CHECKSUM_H
#define PL_TRANSPORT_CHECKSUM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_LENGTH 64 /* hex digits */

struct checksum;

struct checksum *checksum_create(void);
void checksum_add(struct checksum *sum, const void *bytes, size_t len);

/* Writes the digits and a NUL to hex (NULL: not wanted), and frees. NULL is a no-op. */
void checksum_end(struct checksum *sum, char *hex);

/*
 * Adds the first `most` bytes of a file (UINT64_MAX: all). 0, or -1 with errno; ECANCELED when
 * *stop (may be NULL) became true. Blocks.
 */
int checksum_add_file(struct checksum *sum, int fd, uint64_t most, const atomic_bool *stop);

/* The sum of the first `most` bytes of a file. As above. */
int checksum_file(int fd, uint64_t most, char *hex, const atomic_bool *stop);

#endif
