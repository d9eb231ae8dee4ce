/*
 * run_stdin.c - bytes for the standard input of tasks, before and while they run.
 *
 * What is written for all is kept until the last task has had it, because each of them gets the
 * whole of it: what does not fit into memory lies in a file, from which each task that started
 * later is fed at its own pace until it has caught up. A task that was written to on its own
 * before its start has a log of its own, which then also takes what is written for all.
 */
#include "run/run_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

#define CHUNK (64 * 1024)
#define FEED_HIGH (256 * 1024) /* queued for an attempt that is behind */

static bool waits_for_start(const struct slot *slot)
{
	return slot->state == SLOT_PENDING || slot->state == SLOT_STARTING;
}

static bool is_behind(const struct slot *slot)
{
	return slot->attempt != NULL && slot->attempt->behind;
}

static void feed(struct attempt *a, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	a->stdin_queued += len;
	a->run->spec.transport->ops->write(&a->task, bytes, len);
}

/* ---- the log ---- */

/* A file in `dir` without a name; -1 with errno. */
static int open_nameless(const char *dir)
{
	char *path = xasprintf("%s/stdin.XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC), errnum = errno;

	if (fd >= 0)
		unlink(path);
	free(path);
	errno = errnum;
	return fd;
}

static void log_init_file(struct stdin_log *log, const char *dir)
{
	log->fd = open_nameless(dir);
	if (log->fd < 0 && output_folder_made(dir))
		log->fd = open_nameless(dir);
}

/* Moves what memory holds into the file. What the disk does not take stays where it is. */
static void log_spill(struct stdin_log *log, const char *dir)
{
	size_t done = 0;

	if (log->fd == 0)
		log_init_file(log, dir);
	while (log->fd > 0 && done < log->bytes.len) {
		ssize_t n = pwrite(log->fd, log->bytes.s + done, log->bytes.len - done,
				   (off_t)(log->in_file + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	log->in_file += done;
	strbuf_consume(&log->bytes, done);
	if (log->bytes.len == 0)
		return;
	log->refused = true;
	log_warn(LOG_RUN, "standard input is held in memory: cannot write into '%s': %s", dir,
		 strerror(errno));
}

static void log_add(struct run *run, const void *bytes, size_t len)
{
	struct stdin_log *log = &run->input;

	strbuf_add(&log->bytes, bytes, len);
	if (log->bytes.len >= RUN_STDIN_BYTES && run->spill_dir != NULL && !log->refused)
		log_spill(log, run->spill_dir);
}

/* Up to `size` bytes of the log from `at`; 0 at its end, -1 with errno. */
static ssize_t log_read(const struct stdin_log *log, uint64_t at, char *to, size_t size)
{
	uint64_t left = log->in_file + log->bytes.len - at;
	ssize_t n;

	if (at >= log->in_file) {
		size = left < size ? (size_t)left : size;
		if (size > 0)
			memcpy(to, log->bytes.s + (at - log->in_file), size);
		return (ssize_t)size;
	}
	do {
		n = pread(log->fd, to, size, (off_t)at);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = EIO; /* somebody made the file shorter */
	return n > 0 ? n : -1;
}

static void log_fini(struct stdin_log *log)
{
	if (log->fd > 0)
		close(log->fd);
	log->fd = 0;
	log->in_file = 0;
	strbuf_fini(&log->bytes);
}

static void drop_if_unneeded(struct run *run)
{
	if (run->n_unstarted == 0 && run->n_behind == 0)
		log_fini(&run->input);
}

/* ---- attempts that are behind ---- */

void stdin_leave(struct attempt *a)
{
	if (!a->behind)
		return;
	a->behind = false;
	a->run->n_behind--;
	drop_if_unneeded(a->run);
}

static void caught_up(struct attempt *a)
{
	bool closed = a->run->input.closed;

	stdin_leave(a);
	if (closed)
		a->run->spec.transport->ops->close_stdin(&a->task);
}

/* Feeds it from the log until `most` bytes are queued or it has had all. */
static void catch_up(struct attempt *a, size_t most)
{
	char chunk[CHUNK];

	while (a->behind && a->stdin_queued < most) {
		ssize_t n = log_read(&a->run->input, a->stdin_at, chunk, sizeof(chunk));

		if (n < 0) {
			log_warn(LOG_RUN, "%s: cannot read its standard input again: %s",
				 a->slot->host, strerror(errno));
			slot_step(a->run, a->slot, SLOT_ON_CANCEL, NULL);
			return;
		}
		if (n == 0) {
			caught_up(a);
			return;
		}
		a->stdin_at += (uint64_t)n;
		feed(a, chunk, (size_t)n);
	}
}

void stdin_catch_up(struct attempt *a)
{
	if (a->slot->state == SLOT_RUNNING)
		catch_up(a, FEED_HIGH);
}

/* ---- tasks one by one ---- */

/* A copy of the log, for one task. */
static void log_copy(struct stdin_log *to, const struct stdin_log *from)
{
	char chunk[CHUNK];
	uint64_t at = 0;
	ssize_t n;

	while ((n = log_read(from, at, chunk, sizeof(chunk))) > 0) {
		strbuf_add(&to->bytes, chunk, (size_t)n);
		at += (uint64_t)n;
	}
	to->closed = from->closed;
}

static struct stdin_log *own_log(struct run *run, struct slot *slot)
{
	if (slot->input == NULL) {
		slot->input = xcalloc(1, sizeof(*slot->input));
		log_copy(slot->input, &run->input);
	}
	return slot->input;
}

static void log_free(struct slot *slot)
{
	if (slot->input == NULL)
		return;
	strbuf_fini(&slot->input->bytes);
	free(slot->input);
	slot->input = NULL;
}

static void write_one(struct run *run, struct slot *slot, const void *bytes, size_t len)
{
	if (slot->state == SLOT_RUNNING) {
		catch_up(slot->attempt, SIZE_MAX);
		feed(slot->attempt, bytes, len);
	} else if (waits_for_start(slot) && !own_log(run, slot)->closed) {
		strbuf_add(&slot->input->bytes, bytes, len);
	}
}

void run_write(struct run *run, size_t i, const void *bytes, size_t len)
{
	if (i != RUN_ALL_TASKS) {
		assert(i < run->spec.n_tasks);
		write_one(run, &run->slots[i], bytes, len);
		return;
	}
	if (run->input.closed)
		return;
	for (i = 0; i < run->spec.n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		if (is_behind(slot))
			continue;
		if (slot->state == SLOT_RUNNING || slot->input != NULL)
			write_one(run, slot, bytes, len);
	}
	if (run->n_unstarted > 0 || run->n_behind > 0)
		log_add(run, bytes, len);
}

static void close_one(struct run *run, struct slot *slot)
{
	if (is_behind(slot))
		catch_up(slot->attempt, SIZE_MAX);
	if (slot->state == SLOT_RUNNING)
		run->spec.transport->ops->close_stdin(&slot->attempt->task);
	else if (waits_for_start(slot))
		own_log(run, slot)->closed = true;
}

void run_close_stdin(struct run *run, size_t i)
{
	if (i != RUN_ALL_TASKS) {
		assert(i < run->spec.n_tasks);
		close_one(run, &run->slots[i]);
		return;
	}
	if (run->input.closed)
		return;
	run->input.closed = true;
	for (i = 0; i < run->spec.n_tasks; i++) {
		struct slot *slot = &run->slots[i];

		if (is_behind(slot))
			continue;
		if (slot->state == SLOT_RUNNING || slot->input != NULL)
			close_one(run, slot);
	}
}

size_t run_stdin_pending(const struct run *run)
{
	size_t most = 0;

	ring_each (const struct attempt, a, &run->live, link) {
		if (a->stdin_queued > most)
			most = a->stdin_queued;
	}
	return most;
}

/* Nobody needs the common log any more once every task has had it. */
static void one_less_waits(struct run *run)
{
	run->n_unstarted--;
	drop_if_unneeded(run);
}

void stdin_hand_over(struct attempt *a)
{
	struct run *run = a->run;
	struct slot *slot = a->slot;
	const struct stdin_log *log = slot->input != NULL ? slot->input : &run->input;

	if (a->task.command->stdin_open && log->fd > 0) {
		a->behind = true;
		run->n_behind++;
	} else if (a->task.command->stdin_open) {
		feed(a, log->bytes.s, log->bytes.len);
		if (log->closed)
			run->spec.transport->ops->close_stdin(&a->task);
	}
	log_free(slot);
	slot->had_input = true;
	one_less_waits(run);
	catch_up(a, FEED_HIGH);
}

void stdin_forget(struct run *run, struct slot *slot)
{
	log_free(slot);
	if (slot->had_input)
		return;
	slot->had_input = true;
	one_less_waits(run);
}

void stdin_fini(struct run *run)
{
	log_fini(&run->input);
}
