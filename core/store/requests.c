/* requests.c - see requests.h */
#include "store/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define LINES_MAX (64 * 1024) /* bytes a look takes; the rest is for the next one */

struct requests {
	char *path;
	off_t seen; /* what lies before has been read */
};

static char *path_of(const char *run_dir)
{
	return xasprintf("%s/requests", run_dir);
}

static off_t size_of(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_size : 0;
}

struct requests *requests_open(const char *run_dir)
{
	struct requests *r = xcalloc(1, sizeof(*r));
	int fd;

	r->path = path_of(run_dir);
	fd = open(r->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	r->seen = size_of(fd);
	if (fd >= 0)
		close(fd);
	return r;
}

void requests_close(struct requests *r)
{
	if (r == NULL)
		return;
	free(r->path);
	free(r);
}

static void read_line(const char *line, size_t len,
		      void (*fn)(void *arg, const json_t *request), void *arg)
{
	json_t *request = json_loadb(line, len, 0, NULL);

	if (json_is_object(request))
		fn(arg, request);
	json_decref(request);
}

/* Whole lines only: who writes may be amid one. */
static size_t read_lines(const char *bytes, size_t len,
			 void (*fn)(void *arg, const json_t *request), void *arg)
{
	size_t at = 0;
	const char *end;

	while ((end = memchr(bytes + at, '\n', len - at)) != NULL) {
		read_line(bytes + at, (size_t)(end - bytes) - at, fn, arg);
		at = (size_t)(end - bytes) + 1;
	}
	return at;
}

bool requests_are_there(const struct requests *r)
{
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);
	bool grown = size_of(fd) > r->seen;

	if (fd >= 0)
		close(fd);
	return grown;
}

void requests_look(struct requests *r, void (*fn)(void *arg, const json_t *request), void *arg)
{
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (size_of(fd) > r->seen) {
		char *bytes = xmalloc(LINES_MAX);
		ssize_t n = pread(fd, bytes, LINES_MAX, r->seen);
		size_t used = n > 0 ? read_lines(bytes, (size_t)n, fn, arg) : 0;

		/* a line without an end that fills all of it would be looked at for ever */
		r->seen += used == 0 && n == LINES_MAX ? n : (off_t)used;
		free(bytes);
	}
	close(fd);
}

int requests_append(const char *run_dir, const json_t *request, struct pl_error *err)
{
	char *path = path_of(run_dir), *text = json_dumps(request, JSON_COMPACT);
	char *line = xasprintf("%s\n", text != NULL ? text : "{}");
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	size_t len = strlen(line);
	int rc = 0;

	if (fd < 0 || write(fd, line, len) != (ssize_t)len)
		rc = pl_error_sys(err, errno, "cannot write '%s', where a run is asked to end", path);
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = pl_error_sys(err, errno, "cannot write '%s', where a run is asked to end", path);
	free(line);
	free(text);
	free(path);
	return rc;
}
