/* ssh_copy.c - see ssh_copy.h */
#include "ssh/ssh_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "ssh/ssh_command.h"

#define CHUNK (256 * 1024)
#define WORDS_MAX 300 /* of what the command there complains */

struct ssh_copy {
	const struct command *cmd;
	int fd; /* of the local file, or of its temporary form */
	char *temp; /* TASK_GET */
	struct pl_error error; /* what went wrong here */
	struct strbuf words;
	struct strbuf header; /* TASK_GET: until its newline */
	bool header_done;
	unsigned mode;
	unsigned long long size, done;
};

/* ---- put ---- */

static int open_source(struct ssh_copy *c, struct pl_error *err)
{
	struct stat st;

	c->fd = open(c->cmd->local_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (c->fd < 0 || fstat(c->fd, &st) != 0)
		return pl_error_sys(err, errno, "cannot read '%s'", c->cmd->local_path);
	if (!S_ISREG(st.st_mode))
		return pl_errorf(err, PL_ESYS, "cannot copy '%s': not a regular file",
				 c->cmd->local_path);
	c->size = (unsigned long long)st.st_size;
	c->mode = c->cmd->mode >= 0 ? (unsigned)c->cmd->mode : (unsigned)st.st_mode & 0777;
	return 0;
}

void ssh_copy_feed(struct ssh_copy *c, struct ssh_channel *ch)
{
	char *chunk;
	ssize_t n;

	if (c->cmd->kind != TASK_PUT)
		return;
	chunk = xmalloc(CHUNK);
	n = read(c->fd, chunk, CHUNK);
	if (n < 0)
		pl_error_sys(&c->error, errno, "cannot read '%s'", c->cmd->local_path);
	if (n > 0)
		ssh_channel_write(ch, chunk, (size_t)n);
	else
		ssh_channel_close_stdin(ch);
	free(chunk);
}

/* ---- get ---- */

static int open_target(struct ssh_copy *c, const char *tag, struct pl_error *err)
{
	c->temp = xasprintf("%s.%.*s.part", c->cmd->local_path, (int)strcspn(tag, ":"),
			    tag);
	c->fd = open(c->temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c->fd < 0)
		return pl_error_sys(err, errno, "cannot write '%s'", c->cmd->local_path);
	return 0;
}

static void write_all(struct ssh_copy *c, const char *bytes, size_t len)
{
	while (len > 0 && c->error.code == PL_EOK) {
		ssize_t n = write(c->fd, bytes, len);

		if (n < 0 && errno != EINTR)
			pl_error_sys(&c->error, errno, "cannot write '%s'", c->cmd->local_path);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			c->done += (unsigned long long)n;
		}
	}
}

/* Bytes of "MODE SIZE\n" and what follows. */
static void take_output(struct ssh_copy *c, const char *bytes, size_t len)
{
	const char *end;

	if (c->header_done) {
		write_all(c, bytes, len);
		return;
	}
	end = memchr(bytes, '\n', len);
	strbuf_add(&c->header, bytes, end != NULL ? (size_t)(end - bytes) : len);
	if (end == NULL && c->header.len < 100)
		return;
	c->header_done = true;
	if (end == NULL || sscanf(strbuf_str(&c->header), "%o %llu", &c->mode, &c->size) != 2) {
		pl_errorf(&c->error, PL_ESYS, "the host does not say how long '%s' is",
			  c->cmd->remote_path);
		return;
	}
	write_all(c, end + 1, len - (size_t)(end + 1 - bytes));
}

static void finish_target(struct ssh_copy *c)
{
	mode_t mode = c->cmd->mode >= 0 ? (mode_t)c->cmd->mode : c->mode & 0777;

	if (c->error.code == PL_EOK && (!c->header_done || c->done != c->size))
		pl_errorf(&c->error, PL_ESYS, "'%s': %llu of %llu bytes came", c->cmd->remote_path,
			  c->done, c->size);
	if (c->error.code != PL_EOK)
		return;
	if (fchmod(c->fd, mode) != 0 || rename(c->temp, c->cmd->local_path) != 0) {
		pl_error_sys(&c->error, errno, "cannot write '%s'", c->cmd->local_path);
		return;
	}
	free(c->temp);
	c->temp = NULL;
}

/* ---- both ---- */

struct ssh_copy *ssh_copy_create(const struct command *cmd, const char *tag, struct strbuf *line,
				 struct pl_error *err)
{
	struct ssh_copy *c = xcalloc(1, sizeof(*c));
	int rc;

	c->cmd = cmd;
	c->fd = -1;
	rc = cmd->kind == TASK_PUT ? open_source(c, err) : open_target(c, tag, err);
	if (rc != 0) {
		ssh_copy_destroy(c);
		return NULL;
	}
	if (cmd->kind == TASK_PUT)
		ssh_command_put(line, cmd->remote_path, c->size, c->mode, tag);
	else
		ssh_command_get(line, cmd->remote_path, tag);
	return c;
}

void ssh_copy_output(struct ssh_copy *c, enum stream stream, const void *bytes, size_t len)
{
	if (stream == STREAM_OUT && c->cmd->kind == TASK_GET)
		take_output(c, bytes, len);
	else if (c->words.len < WORDS_MAX)
		strbuf_add(&c->words, bytes, len < WORDS_MAX ? len : WORDS_MAX);
}

void ssh_copy_end(struct ssh_copy *c, struct task_result *result)
{
	const char *words = strbuf_str(&c->words);

	if (result->outcome == OUTCOME_OK && c->cmd->kind == TASK_GET)
		finish_target(c);
	if (c->error.code != PL_EOK && result->outcome <= OUTCOME_EXIT) {
		result->outcome = OUTCOME_EXIT;
		result->code = 1;
		snprintf(result->why, sizeof(result->why), "%.399s", c->error.text);
	} else if (result->outcome == OUTCOME_EXIT && *words != '\0') {
		snprintf(result->why, sizeof(result->why), "%.*s", (int)strcspn(words, "\n"),
			 words);
	}
}

void ssh_copy_destroy(struct ssh_copy *c)
{
	if (c == NULL)
		return;
	if (c->fd >= 0)
		close(c->fd);
	if (c->temp != NULL)
		unlink(c->temp);
	free(c->temp);
	strbuf_fini(&c->words);
	strbuf_fini(&c->header);
	free(c);
}
