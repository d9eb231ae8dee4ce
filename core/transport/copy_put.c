/* copy_put.c - a copy to a host: the bytes of its source; see copy.h */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "transport/copy_private.h"
#include "transport/copy_script.h"

#define NOTHING UINT64_MAX

static void on_source(void *arg)
{
	struct copy *c = arg;

	if (!c->sized && c->io->on_size != NULL)
		c->io->on_size(c->arg, c->reader->source->about);
	c->sized = true;
	copy_put_go_on(c);
}

static void on_bytes(void *arg)
{
	copy_put_go_on(arg);
}

void copy_put_create(struct copy *c)
{
	const struct command *cmd = c->task->command;

	c->then = NOTHING;
	c->reader = copy_reader_open(c->sources, cmd->local_path, cmd->keep_times, on_source,
				     on_bytes, c);
}

static void send_from(struct copy *c, uint64_t first_end, uint64_t from)
{
	const struct copy_source *s = c->reader->source;

	c->state = COPY_MOVING;
	c->room = true;
	c->position = first_end > 0 ? 0 : from;
	c->end = first_end > 0 ? first_end : s->size;
	c->then = first_end > 0 ? from : NOTHING;
	copy_count_total(c, (first_end > 0 ? first_end : 0) + s->size - from);
	copy_reader_ask(c->reader, c->position, c->end);
}

/* What is coming; see copy_script.h. */
static void send_head(struct copy *c)
{
	const struct copy_source *s = c->reader->source;
	const struct command *cmd = c->task->command;
	bool ask = s->size >= COPY_KEEP;
	char mtime[32] = "-";
	char *line;

	if (cmd->keep_times)
		snprintf(mtime, sizeof(mtime), "%" PRId64, s->mtime);
	line = xasprintf("%c %" PRIu64 " %o %s %s %s %d\n", s->archive != NULL ? 'd' : 'f', s->size,
			 cmd->mode >= 0 ? (unsigned)cmd->mode & 07777 : s->mode, s->sum, s->key,
			 mtime, ask);
	c->io->write(c->arg, line, strlen(line));
	free(line);
	c->state = COPY_ASKING;
	if (!ask)
		send_from(c, 0, 0);
}

static void begin(struct copy *c)
{
	const struct copy_source *s = c->reader->source;

	if (!c->started || s->state <= SOURCE_SUMMING)
		return;
	if (s->state == SOURCE_READY) {
		send_head(c);
		return;
	}
	copy_fail(c, &s->error);
	c->state = COPY_OVER;
	c->io->close_stdin(c->arg);
}

/* Passes on what was read, and reads ahead while that is on its way. */
static void move(struct copy *c)
{
	struct copy_reader *r = c->reader;

	if (r->busy || !c->room)
		return;
	if (r->error.code != PL_EOK) {
		copy_fail(c, &r->error);
		c->state = COPY_OVER;
		c->io->close_stdin(c->arg);
		return;
	}
	if (r->len > 0) {
		c->room = false;
		c->io->write(c->arg, r->bytes, r->len);
		copy_count_done(c, r->len);
		c->position += r->len;
		r->len = 0;
	}
	if (c->position == c->end && c->then != NOTHING) {
		c->position = c->then;
		c->end = r->source->size;
		c->then = NOTHING;
	}
	if (c->position < c->end) {
		copy_reader_ask(r, c->position, c->end);
	} else {
		c->state = COPY_OVER;
		c->io->close_stdin(c->arg);
	}
}

void copy_put_go_on(struct copy *c)
{
	switch (c->state) {
	case COPY_WAITING:
		begin(c);
		break;
	case COPY_MOVING:
		move(c);
		break;
	case COPY_ASKING:
	case COPY_ENDING:
	case COPY_OVER:
		break;
	}
}

void copy_put_answer(struct copy *c, const char *line)
{
	const struct copy_source *s = c->reader->source;
	uint64_t have, first_end = 0;

	if (strcmp(line, "UNCHECKED") == 0)
		c->unchecked = true;
	if (c->state != COPY_ASKING || strncmp(line, "HAVE ", 5) != 0)
		return;
	have = strtoull(line + 5, NULL, 10);
	if (s->archive != NULL)
		archive_resume(s->archive, (size_t)have, &first_end, &have);
	send_from(c, first_end, have < s->size ? have : s->size);
}
