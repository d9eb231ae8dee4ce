/* copy.c - see copy.h: what puts and gets have in common */
#include "transport/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/pool.h"
#include "transport/copy_private.h"
#include "transport/copy_script.h"
#include "transport/treefile.h"

#define WORDS_MAX 1000 /* of what the command there complains */

char *copy_expand(const char *path, const char *host)
{
	struct strbuf out = STRBUF_INIT;

	for (; *path != '\0'; path++) {
		if (path[0] != '%' || (path[1] != 'h' && path[1] != '%')) {
			strbuf_addc(&out, *path);
		} else if (*++path == '%') {
			strbuf_addc(&out, '%');
		} else {
			for (const char *p = host; *p != '\0'; p++)
				strbuf_addc(&out, *p == '/' ? '_' : *p);
		}
	}
	strbuf_adds(&out, "");
	return strbuf_detach(&out);
}

/* The last part of a path; "." of what has no name of its own. */
static char *last_part(const char *path)
{
	size_t end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/'; begin--)
		;
	if (begin == end || strcmp(path + begin, "..") == 0)
		return xstrdup(".");
	return xstrndup(path + begin, end - begin);
}

static char **make_argv(const struct task *task)
{
	const struct command *cmd = task->command;
	char *dst, *name, **argv;

	if (cmd->kind == TASK_GET)
		return copy_script_get(cmd->remote_path);
	dst = copy_expand(cmd->remote_path, task->host);
	name = last_part(cmd->local_path);
	argv = copy_script_put(dst, name, cmd->into_folder, task->tag);
	free(dst);
	free(name);
	return argv;
}

struct copy *copy_create(struct copy_sources *sources, struct loop *loop, struct task *task,
			 const struct copy_io *io, void *arg)
{
	struct copy *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->sources = sources;
	c->task = task;
	c->io = io;
	c->arg = arg;
	c->argv = make_argv(task);
	if (task->command->kind == TASK_PUT)
		copy_put_create(c);
	else
		copy_get_create(c);
	return c;
}

const char *const *copy_argv(const struct copy *c)
{
	return (const char *const *)c->argv;
}

void copy_started(struct copy *c)
{
	c->started = true;
	if (c->state != COPY_WAITING)
		return;
	if (c->reader != NULL)
		copy_put_go_on(c);
	else
		c->state = COPY_ASKING;
}

void copy_drained(struct copy *c)
{
	c->room = true;
	if (c->reader != NULL)
		copy_put_go_on(c);
}

static void take_answers(struct copy *c, const char *bytes, size_t len)
{
	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t n = end != NULL ? (size_t)(end - bytes) : len;

		if (c->line.len < WORDS_MAX)
			strbuf_add(&c->line, bytes, n);
		if (end == NULL)
			return;
		copy_put_answer(c, strbuf_str(&c->line));
		strbuf_reset(&c->line);
		bytes += n + 1;
		len -= n + 1;
	}
}

void copy_output(struct copy *c, enum stream stream, const void *bytes, size_t len)
{
	if (stream == STREAM_ERR && c->words.len < WORDS_MAX)
		strbuf_add(&c->words, bytes, len < WORDS_MAX ? len : WORDS_MAX);
	else if (stream == STREAM_OUT && c->reader != NULL)
		take_answers(c, bytes, len);
	else if (stream == STREAM_OUT)
		copy_get_output(c, bytes, len);
}

/* ---- the end ---- */

/* The total of all becomes what it is with this of ours. */
static void tell_total(struct copy *c, uint64_t total)
{
	struct copy_count *count = c->task->command->count;

	if (count != NULL)
		count->total += total - c->total; /* may wrap, and comes out right */
	c->total = total;
}

void copy_count_total(struct copy *c, uint64_t bytes)
{
	struct copy_count *count = c->task->command->count;

	if (count != NULL)
		count->copies++;
	tell_total(c, c->bytes + bytes);
}

void copy_count_done(struct copy *c, uint64_t bytes)
{
	struct copy_count *count = c->task->command->count;

	c->bytes += bytes;
	if (count != NULL)
		count->done += bytes;
	if (c->bytes > c->total)
		tell_total(c, c->bytes);
	if (c->task->events->on_moved != NULL)
		c->task->events->on_moved(c->task);
}

void copy_fail(struct copy *c, const struct pl_error *why)
{
	if (c->error.code == PL_EOK)
		c->error = *why;
}

void copy_end(struct copy *c, const struct task_result *result)
{
	c->result = *result;
	c->state = COPY_ENDING;
	copy_get_end(c);
}

/* The last line, which says why; what came before may be a shell's or tar's details. */
static void explain(struct copy *c)
{
	const char *words = strbuf_str(&c->words);
	size_t len = strlen(words);
	char *text = xstrndup(words, len - (len > 0 && words[len - 1] == '\n'));
	const char *newline = strchr(text, '\n');

	if (c->error.code != PL_EOK && c->result.outcome <= OUTCOME_EXIT) {
		c->result.outcome = OUTCOME_EXIT;
		c->result.code = 1;
		snprintf(c->result.why, sizeof(c->result.why), "%.399s", c->error.text);
	} else if (c->result.outcome == OUTCOME_EXIT && *text != '\0') {
		snprintf(c->result.why, sizeof(c->result.why), "%.*s",
			 newline != NULL ? (int)(newline - text) : 399, shown_name(text));
	} else if (c->result.outcome == OUTCOME_OK && *text != '\0') {
		log_warn(LOG_RUN, "%s: %s", c->task->host, shown_name(text));
	}
	free(text);
}

/* All that could be copied is there, but that is not all there was. */
static void tell_left_out(struct copy *c)
{
	const struct archive *a = c->reader != NULL ? c->reader->source->archive : NULL;
	const char *first;
	size_t n = a != NULL ? archive_left_out(a, &first) : 0;

	if (n > 0 && c->result.outcome == OUTCOME_OK)
		pl_errorf(&c->error, PL_ESYS, "%zu left out, being no file, folder or link: '%s'%s; "
			  "the rest was copied", n, shown_name(first), n > 1 ? " ..." : "");
}

void copy_finish(struct copy *c)
{
	c->state = COPY_OVER;
	tell_total(c, c->bytes); /* an estimate, or more than came */
	tell_left_out(c);
	explain(c);
	if (c->result.outcome == OUTCOME_OK && c->unchecked)
		copy_sources_tell_unchecked(c->sources, c->task->host);
	c->result.bytes = c->bytes;
	c->io->on_end(c->arg, &c->result);
}

void copy_free(struct copy *c)
{
	copy_reader_close(c->reader);
	for (char **word = c->argv; *word != NULL; word++)
		free(*word);
	free(c->argv);
	strbuf_fini(&c->words);
	strbuf_fini(&c->line);
	strbuf_fini(&c->arrived);
	strbuf_fini(&c->given);
	free(c);
}

void copy_destroy(struct copy *c)
{
	if (c == NULL)
		return;
	c->gone = true;
	c->task = NULL;
	copy_get_end(c);
}
