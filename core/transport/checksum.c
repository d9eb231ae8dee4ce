/* checksum.c - see checksum.h */
#include "transport/checksum.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/mem.h"

#define CHUNK (256 * 1024)

struct checksum {
	EVP_MD_CTX *md;
};

struct checksum *checksum_create(void)
{
	struct checksum *sum = xcalloc(1, sizeof(*sum));

	sum->md = EVP_MD_CTX_new();
	if (sum->md == NULL || EVP_DigestInit_ex(sum->md, EVP_sha256(), NULL) != 1)
		abort(); /* out of memory, as in xmalloc */
	return sum;
}

void checksum_add(struct checksum *sum, const void *bytes, size_t len)
{
	EVP_DigestUpdate(sum->md, bytes, len);
}

void checksum_end(struct checksum *sum, char *hex)
{
	unsigned char bytes[EVP_MAX_MD_SIZE] = { 0 };

	if (sum == NULL)
		return;
	EVP_DigestFinal_ex(sum->md, bytes, NULL);
	EVP_MD_CTX_free(sum->md);
	free(sum);
	for (size_t i = 0; hex != NULL && i < CHECKSUM_LENGTH / 2; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
}

int checksum_add_file(struct checksum *sum, int fd, uint64_t most, const atomic_bool *stop)
{
	char *chunk = xmalloc(CHUNK);
	uint64_t off = 0;
	ssize_t n = 1;

	while (n > 0 && off < most) {
		if (stop != NULL && atomic_load(stop)) {
			errno = ECANCELED;
			n = -1;
			break;
		}
		n = pread(fd, chunk, most - off < CHUNK ? (size_t)(most - off) : CHUNK, (off_t)off);
		if (n < 0 && errno == EINTR) {
			n = 1;
		} else if (n > 0) {
			checksum_add(sum, chunk, (size_t)n);
			off += (uint64_t)n;
		}
	}
	free(chunk);
	return n < 0 ? -1 : 0;
}

int checksum_file(int fd, uint64_t most, char *hex, const atomic_bool *stop)
{
	struct checksum *sum = checksum_create();
	int rc = checksum_add_file(sum, fd, most, stop);

	checksum_end(sum, hex);
	return rc;
}
