/* filecopy.c - see filecopy.h */
#include "transport/filecopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define CHUNK (256 * 1024)

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* 0, or -1 with errno; ECANCELED when stopped. */
static int copy_bytes(int in, int out, const atomic_bool *stop)
{
	char *chunk = xmalloc(CHUNK);
	ssize_t n = 1;
	int rc = 0;

	while (rc == 0 && n > 0) {
		if (atomic_load(stop)) {
			errno = ECANCELED;
			rc = -1;
			break;
		}
		n = read(in, chunk, CHUNK);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			rc = -1;
		else
			rc = write_all(out, chunk, (size_t)n);
	}
	free(chunk);
	return rc;
}

static int open_source(const char *from, struct stat *st, struct pl_error *err)
{
	int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		pl_error_sys(err, errno, "cannot read '%s'", from);
		if (err != NULL && errno == ENOENT)
			err->code = PL_ENOENT;
		return -1;
	}
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return pl_errorf(err, PL_ESYS, "cannot copy '%s': not a regular file", from);
}

static int copy_through(int in, const char *temp, const char *to, mode_t mode,
			const atomic_bool *stop)
{
	int out = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc, saved;

	if (out < 0)
		return -1;
	rc = copy_bytes(in, out, stop);
	if (rc == 0)
		rc = fchmod(out, mode);
	saved = errno;
	/* a full disk may be noticed here only */
	if (close(out) < 0 && rc == 0) {
		rc = -1;
		saved = errno;
	}
	if (rc == 0 && rename(temp, to) == 0)
		return 0;
	if (rc == 0)
		saved = errno;
	unlink(temp);
	errno = saved;
	return -1;
}

int file_copy(const char *from, const char *to, int mode, const atomic_bool *stop,
	      struct pl_error *err)
{
	static atomic_uint serial;
	struct stat st;
	char *temp;
	int in, rc;

	in = open_source(from, &st, err);
	if (in < 0)
		return -1;
	temp = xasprintf("%s.%ld.%u.part", to, (long)getpid(), atomic_fetch_add(&serial, 1));
	rc = copy_through(in, temp, to, mode >= 0 ? (mode_t)mode : st.st_mode & 0777, stop);
	if (rc < 0)
		pl_error_sys(err, errno, "cannot write '%s'", to);
	free(temp);
	close(in);
	return rc;
}
