/* copy_get.c - a copy from a host: where its bytes go here; see copy.h */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "loop/pool.h"
#include "transport/copy_private.h"
#include "transport/copy_script.h"

#define ARRIVED_MAX (256 * 1024) /* then the host waits */
#define HEAD_MAX 200

static void pool_work(void *arg);
static void pool_done(void *arg);

void copy_get_create(struct copy *c)
{
	const struct command *cmd = c->task->command;
	char *dst = copy_expand(cmd->local_path, c->task->host);
	char *host = copy_expand("%h", c->task->host);
	struct copy_place place = {
		.dst = dst,
		.src = cmd->remote_path,
		.host = host,
		.tag = c->task->tag,
		.must_be_folder = cmd->into_folder,
		.make_folders = strcmp(dst, cmd->local_path) != 0,
		.name_host = cmd->name_host,
		.with_times = cmd->keep_times,
		.mode = cmd->mode,
	};

	c->target = copy_target_create(&place);
	free(dst);
	free(host);
}

static void submit(struct copy *c, enum copy_job job)
{
	c->job = job;
	pool_submit(c->loop, pool_work, pool_done, c);
}

/* ---- on the pool ---- */

static void pool_work(void *arg)
{
	struct copy *c = arg;
	struct pl_error *err = &c->job_error;

	switch (c->job) {
	case COPY_JOB_BEGIN:
		copy_target_begin(c->target, strbuf_str(&c->line), &c->asks, &c->from, err);
		break;
	case COPY_JOB_ADD:
		copy_target_add(c->target, c->given.s, c->given.len, err);
		break;
	case COPY_JOB_END:
		if (c->result.outcome == OUTCOME_OK && c->error.code == PL_EOK && !c->gone)
			copy_target_end(c->target, &c->unchecked, err);
		copy_target_destroy(c->target);
		c->target = NULL;
		break;
	case COPY_JOB_NONE:
		break;
	}
}

/* ---- on the loop ---- */

static void set_paused(struct copy *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	c->io->pause(c->arg, paused);
}

static void give_bytes(struct copy *c)
{
	struct strbuf empty = c->given;

	c->given = c->arrived;
	c->arrived = empty;
	strbuf_reset(&c->arrived);
	submit(c, COPY_JOB_ADD);
	if (c->state != COPY_ENDING)
		set_paused(c, false);
}

static void begun(struct copy *c)
{
	char line[32];

	c->state = c->state == COPY_ASKING ? COPY_MOVING : c->state;
	copy_count_total(c, c->error.code == PL_EOK ? copy_target_expects(c->target) : 0);
	if (c->asks && c->error.code == PL_EOK && c->state == COPY_MOVING) {
		snprintf(line, sizeof(line), "%" PRIu64 "\n", c->from);
		c->io->write(c->arg, line, strlen(line));
	}
	if (c->state == COPY_MOVING)
		c->io->close_stdin(c->arg);
}

/* The next thing to do, when the pool is free. */
static void go_on(struct copy *c)
{
	if (c->job != COPY_JOB_NONE)
		return;
	if (c->gone && c->target == NULL)
		copy_free(c);
	else if (c->gone)
		submit(c, COPY_JOB_END);
	else if (c->arrived.len > 0 && c->error.code == PL_EOK && c->target != NULL &&
		 c->state >= COPY_MOVING)
		give_bytes(c);
	else if (c->state == COPY_ENDING && c->target != NULL)
		submit(c, COPY_JOB_END);
	else if (c->state == COPY_ENDING)
		copy_finish(c);
}

static void pool_done(void *arg)
{
	struct copy *c = arg;
	enum copy_job job = c->job;
	bool failed;

	c->job = COPY_JOB_NONE;
	failed = c->job_error.code != PL_EOK && c->error.code == PL_EOK;
	if (failed)
		copy_fail(c, &c->job_error);
	if (c->error.code != PL_EOK)
		strbuf_reset(&c->arrived);
	if (!c->gone && job == COPY_JOB_BEGIN)
		begun(c);
	if (!c->gone && failed && c->state < COPY_ENDING)
		c->io->give_up(c->arg);
	go_on(c);
}

/* The first line, and what follows it. Returns how many of the bytes were of the line. */
static size_t take_line(struct copy *c, const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t n = end != NULL ? (size_t)(end - bytes) : len;

	strbuf_add(&c->line, bytes, n);
	if (end == NULL && c->line.len < HEAD_MAX)
		return len;
	if (c->io->on_size != NULL &&
	    c->io->on_size(c->arg, copy_script_size(strbuf_str(&c->line)))) {
		c->state = COPY_OVER;
		return len;
	}
	submit(c, COPY_JOB_BEGIN);
	return end != NULL ? n + 1 : n;
}

void copy_get_output(struct copy *c, const char *bytes, size_t len)
{
	if (c->state == COPY_ASKING && c->job == COPY_JOB_NONE) {
		size_t n = take_line(c, bytes, len);

		bytes += n;
		len -= n;
	}
	if (len == 0 || c->error.code != PL_EOK || c->state == COPY_OVER)
		return;
	copy_count_done(c, len);
	strbuf_add(&c->arrived, bytes, len);
	if (c->arrived.len >= ARRIVED_MAX)
		set_paused(c, true);
	go_on(c);
}

void copy_get_end(struct copy *c)
{
	go_on(c);
}
