/* journal.c - see journal.h */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define STEP 65536 /* bytes read at once when looking for the last line */

struct journal {
	int fd;
	char *path;
	struct strbuf line;
	bool torn; /* the last line is, and could not be cut off: nothing may follow it */
};

static int lock(int fd, const char *path, struct pl_error *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	/* a file system without locks: one writer is then the user's care */
	if (errno != EWOULDBLOCK)
		return 0;
	return pl_errorf(err, PL_EBUSY, "journal '%s' is being written by another process", path);
}

static struct journal *journal_of(int fd, const char *path)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->fd = fd;
	j->path = xstrdup(path);
	return j;
}

struct journal *journal_create(const char *path, struct pl_error *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return pl_errorf(err, PL_EBUSY, "journal '%s' is there already: name another folder",
				 path), NULL;
	if (fd < 0)
		return pl_error_sys(err, errno, "cannot make journal '%s'", path), NULL;
	if (lock(fd, path, err) != 0) {
		close(fd);
		return NULL;
	}
	return journal_of(fd, path);
}

/* The length of the file up to the end of its last whole line, -1 with errno set. */
static off_t whole_lines(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char bytes[STEP];

	while (end > 0) {
		off_t from = end > STEP ? end - STEP : 0;
		ssize_t n = pread(fd, bytes, (size_t)(end - from), from);
		const char *newline;

		if (n <= 0)
			return -1;
		newline = memrchr(bytes, '\n', (size_t)n);
		if (newline != NULL)
			return from + (newline - bytes) + 1;
		end = from;
	}
	return end;
}

/* errno, or 0. */
static int cut_torn_line(int fd)
{
	off_t end = whole_lines(fd);
	struct stat st;

	if (end < 0 || fstat(fd, &st) != 0)
		return errno;
	if (st.st_size == end)
		return 0;
	return ftruncate(fd, end) == 0 ? 0 : errno;
}

/* The first `len` bytes of one file into another; errno, or 0. */
static int copy_bytes(int from, int to, off_t len)
{
	char bytes[STEP];
	off_t at = 0;

	while (at < len) {
		size_t want = len - at < STEP ? (size_t)(len - at) : STEP;
		ssize_t n = pread(from, bytes, want, at);

		if (n > 0)
			n = write(to, bytes, (size_t)n);
		if (n <= 0)
			return n < 0 ? errno : EIO;
		at += n;
	}
	return fsync(to) == 0 || errno == EINVAL ? 0 : errno;
}

/* Where files only grow, the whole lines become a new file in the place of the old one. */
static int replace_file(struct journal *j, struct pl_error *err)
{
	char *path = xasprintf("%s.mended", j->path);
	off_t end = whole_lines(j->fd);
	int fd, why = 0;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || end < 0 || (why = copy_bytes(j->fd, fd, end)) != 0 ||
	    rename(path, j->path) != 0) {
		pl_error_sys(err, why != 0 ? why : errno, "cannot mend journal '%s'", j->path);
		if (fd >= 0)
			close(fd);
		free(path);
		return -1;
	}
	free(path);
	close(j->fd);
	j->fd = fd;
	return lock(fd, j->path, err);
}

static struct journal *open_there(const char *path, struct pl_error *err)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return pl_error_sys(err, errno, "cannot open journal '%s'", path), NULL;
	return journal_of(fd, path);
}

struct journal *journal_open(const char *path, struct pl_error *err)
{
	struct journal *j = open_there(path, err);

	if (j == NULL || (lock(j->fd, path, err) == 0 &&
			  (cut_torn_line(j->fd) == 0 || replace_file(j, err) == 0)))
		return j;
	journal_close(j);
	return NULL;
}

struct journal *journal_take_over(const char *path, struct pl_error *err)
{
	struct journal *j = open_there(path, err);

	if (j == NULL || replace_file(j, err) == 0)
		return j;
	journal_close(j);
	return NULL;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	close(j->fd);
	strbuf_fini(&j->line);
	free(j->path);
	free(j);
}

int journal_append(struct journal *j, int64_t wall_us, const char *ev, const char *fields,
		   struct pl_error *err)
{
	ssize_t n;

	if (j->torn)
		return pl_errorf(err, PL_ESYS, "journal '%s' ends with a torn line", j->path);
	strbuf_reset(&j->line);
	strbuf_adds(&j->line, "{\"t\":");
	strbuf_add_seconds(&j->line, wall_us);
	strbuf_adds(&j->line, ",\"ev\":\"");
	strbuf_adds(&j->line, ev);
	strbuf_addc(&j->line, '"');
	if (*fields != '\0')
		strbuf_addc(&j->line, ',');
	strbuf_adds(&j->line, fields);
	strbuf_adds(&j->line, "}\n");
	do {
		n = write(j->fd, j->line.s, j->line.len);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)j->line.len)
		return 0;
	if (n >= 0) /* a disk that is full takes a part */
		errno = ENOSPC;
	pl_error_sys(err, errno, "cannot write journal '%s'", j->path);
	j->torn = n > 0 && cut_torn_line(j->fd) != 0;
	return -1;
}

int journal_sync(struct journal *j, struct pl_error *err)
{
	if (fdatasync(j->fd) != 0 && errno != EINVAL && errno != EROFS)
		return pl_error_sys(err, errno, "cannot sync journal '%s'", j->path);
	return 0;
}

/* ---- reading ---- */

static json_t *parse_line(const char *path, size_t number, const char *line, size_t len,
			  struct pl_error *err)
{
	json_error_t why;
	json_t *event = json_loadb(line, len, 0, &why);

	if (event != NULL && json_is_object(event))
		return event;
	pl_errorf(err, PL_ESYS, "journal '%s', line %zu: %s", path, number,
		  event != NULL ? "no object" : why.text);
	json_decref(event);
	return NULL;
}

static int read_lines(FILE *file, const char *path, bool (*fn)(void *arg, const json_t *event),
		      void *arg, bool *torn, struct pl_error *err)
{
	char *line = NULL;
	size_t cap = 0, number = 0;
	ssize_t len;
	bool more = true;
	int rc = 0;

	while (rc == 0 && more && (len = getline(&line, &cap, file)) > 0) {
		json_t *event;

		number++;
		if (line[len - 1] != '\n') {
			*torn = true;
			break;
		}
		event = parse_line(path, number, line, (size_t)len, err);
		if (event != NULL)
			more = fn(arg, event);
		else
			rc = -1;
		json_decref(event);
	}
	if (rc == 0 && ferror(file))
		rc = pl_error_sys(err, errno, "cannot read journal '%s'", path);
	free(line);
	return rc;
}

int journal_read(const char *path, bool (*fn)(void *arg, const json_t *event), void *arg,
		 bool *torn, struct pl_error *err)
{
	FILE *file = fopen(path, "re");
	bool ignored;
	int rc;

	if (file == NULL && errno == ENOENT)
		return pl_errorf(err, PL_ENOENT, "there is no journal '%s'", path);
	if (file == NULL)
		return pl_error_sys(err, errno, "cannot open journal '%s'", path);
	torn = torn != NULL ? torn : &ignored;
	*torn = false;
	rc = read_lines(file, path, fn, arg, torn, err);
	fclose(file);
	return rc;
}
