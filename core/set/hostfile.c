/* hostfile.c - see hostfile.h */
#include "set/hostfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define FILE_MAX (256u << 20)
#define CHUNK (64u << 10)

/* All of fd. */
static int read_all(int fd, const char *path, struct strbuf *content, struct pl_error *err)
{
	ssize_t n;

	do {
		char *to = strbuf_reserve(content, CHUNK);

		n = read(fd, to, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return pl_error_sys(err, errno, "cannot read host file '%s'", path);
		content->len += (size_t)n;
		if (content->len > FILE_MAX)
			return pl_errorf(err, PL_EUSAGE, "host file '%s' is larger than %u MiB",
					 path, FILE_MAX >> 20);
	} while (n != 0);
	strbuf_reserve(content, 1)[0] = '\0';
	return 0;
}

static int read_path(const char *path, struct strbuf *content, struct pl_error *err)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", content, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return pl_errorf(err, PL_ENOENT, "host file '%s' does not exist", path);
	if (fd < 0)
		return pl_error_sys(err, errno, "cannot open host file '%s'", path);
	rc = read_all(fd, path, content, err);
	close(fd);
	return rc;
}

static bool is_blank_line(const char *line)
{
	return line[strspn(line, " \t\r\v\f")] == '\0';
}

/* Cuts the content into lines in place; comments end at the '#'. */
static int each_line(struct strbuf *content, hostfile_line_f *on_line, void *arg,
		     struct pl_hostlist *out, struct pl_error *err, size_t *line_number)
{
	char *line = content->s;
	char *end = content->s + content->len;

	for (*line_number = 1; line < end; ++*line_number) {
		char *newline = memchr(line, '\n', (size_t)(end - line));
		char *next = newline != NULL ? newline + 1 : end;
		char *comment;

		if (newline != NULL)
			*newline = '\0';
		if (strlen(line) < (size_t)((newline != NULL ? newline : end) - line))
			return pl_errorf(err, PL_EUSAGE, "a NUL byte: this is no text file");
		comment = strchr(line, '#');
		if (comment != NULL)
			*comment = '\0';
		if (!is_blank_line(line) && on_line(arg, line, out) != 0)
			return -1;
		line = next;
	}
	return 0;
}

int hostfile_read(const char *path, size_t path_len, hostfile_line_f *on_line, void *arg,
		  struct pl_hostlist *out, struct pl_error *err)
{
	char *name = xstrndup(path, path_len);
	struct strbuf content = STRBUF_INIT;
	size_t line_number;
	int rc;

	rc = read_path(name, &content, err);
	if (rc == 0 && each_line(&content, on_line, arg, out, err, &line_number) != 0)
		rc = pl_error_prefix(err, "host file '%s' line %zu", name, line_number);
	strbuf_fini(&content);
	free(name);
	return rc;
}
