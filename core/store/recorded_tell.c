/* recorded_tell.c - a result as the record has it: its bytes, then its end. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/recorded_private.h"

#define CHUNK_MAX (64 * 1024)
#define SETTLE_TURNS 6 /* a run ends -> Lua goes on -> its next run begins -> hands out its tasks */

/* ---- the bytes of a recorded stream ---- */

static void decode_base64(struct rec_stream *s, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	unsigned held = 0, bits = 0;

	s->owned = xmalloc(strlen(text) * 3 / 4 + 1);
	for (; *text != '\0' && *text != '='; text++) {
		const char *digit = strchr(digits, *text);

		if (digit == NULL)
			break;
		held = (held << 6) | (unsigned)(digit - digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			s->owned[s->len++] = (char)(held >> bits);
		}
	}
	s->bytes = s->owned;
}

/* A path in the journal, from the folder of the run. */
static char *full_path(const struct past *p, const char *path)
{
	return path[0] == '/' ? xstrdup(path) : xasprintf("%s/%s", p->dir, path);
}

static void open_file(struct rec_stream *s, const struct rec_task *x, const char *path)
{
	char *full = full_path(x->r->past, path);

	s->fd = open(full, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0)
		log_warn(LOG_STORE, "%s: recorded output is missing: '%s': %s", x->task->host, full,
			 strerror(errno));
	free(full);
}

static void open_stream(struct rec_stream *s, const struct rec_task *x, const char *name,
			const char *path_name)
{
	char field[32], file[32];
	const char *path = json_string_value(json_object_get(x->event, path_name));
	const json_t *text = json_object_get(x->event, name);
	const char *base64;

	snprintf(field, sizeof(field), "%s_base64", name);
	base64 = json_string_value(json_object_get(x->event, field));
	if (path == NULL) {
		snprintf(file, sizeof(file), "%s_file", name);
		path = json_string_value(json_object_get(x->event, file));
	}
	if (path != NULL) {
		open_file(s, x, path);
	} else if (json_is_string(text)) {
		s->bytes = json_string_value(text);
		s->len = json_string_length(text);
	} else if (base64 != NULL) {
		decode_base64(s, base64);
	}
}

/* The next bytes of it; 0: there are no more. */
static size_t next_bytes(struct rec_stream *s, char *buffer, const char **bytes)
{
	ssize_t n;

	if (s->fd >= 0) {
		n = pread(s->fd, buffer, CHUNK_MAX, (off_t)s->told);
		*bytes = buffer;
		return n > 0 ? (size_t)n : 0;
	}
	*bytes = s->bytes + s->told;
	return s->len - s->told < CHUNK_MAX ? s->len - s->told : CHUNK_MAX;
}

/* Until all was told or the task is paused: true when nothing is left. */
static bool tell_stream(struct rec_task *x, struct rec_stream *s, enum stream which, char *buffer)
{
	const char *bytes;
	size_t n;

	while (!x->paused && (n = next_bytes(s, buffer, &bytes)) > 0) {
		s->told += n;
		x->task->events->on_output(x->task, which, bytes, n);
	}
	return !x->paused;
}

/* ---- telling a result ---- */

static uint64_t count_of(const json_t *event, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(event, name));
}

static void copy_text(char *to, size_t size, const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	snprintf(to, size, "%s", text != NULL ? text : "");
}

static const char *text_of(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text != NULL ? text : "";
}

static void read_result(const json_t *event, struct task_result *result)
{
	result->outcome = outcome_parse(text_of(event, "outcome"));
	result->phase = phase_parse(text_of(event, "phase"));
	result->begun = true; /* never tried again */
	result->code = (int)json_integer_value(json_object_get(event, "code"));
	result->bytes = count_of(event, "bytes");
	copy_text(result->signal, sizeof(result->signal), event, "signal");
	copy_text(result->why, sizeof(result->why), event, "why");
	copy_text(result->detail, sizeof(result->detail), event, "detail");
}

/* Where the whole of a stream lies that did not fit; the caller's. */
static char *whole_path(const struct rec_task *x, const char *field)
{
	const char *path = json_string_value(json_object_get(x->event, field));

	return path != NULL ? full_path(x->r->past, path) : NULL;
}

void recorded_settle_one(struct recorded *r)
{
	r->n_owed--;
	if (r->n_owed > 0 || r->n_started < r->n_tasks || r->call == NULL)
		return;
	past_call_done(r->past, r->call);
	r->call = NULL;
	recorded_turns_of(r->past)->settle = SETTLE_TURNS;
}

static void tell_end(struct rec_task *x)
{
	double seconds = json_number_value(json_object_get(x->event, "seconds"));
	char *out = whole_path(x, "out_path"), *err = whole_path(x, "err_path");
	struct task_past past = {
		.seconds_us = (int64_t)(seconds * 1e6 + 0.5),
		.attempts = (unsigned)count_of(x->event, "attempts"),
		.out_total = count_of(x->event, "out"),
		.err_total = count_of(x->event, "err"),
		.out_path = out,
		.err_path = err,
	};
	struct task_result result = { .past = &past };

	if (past.attempts == 0)
		past.attempts = 1;
	read_result(x->event, &result);
	recorded_settle_one(x->r);
	recorded_deliver(x, &result);
	free(out);
	free(err);
}

/* Its bytes, then its end; a paused one stops on the way, and one that somebody ended waits to be
 * ended again. */
void recorded_tell(struct rec_task *x)
{
	char *buffer = xmalloc(CHUNK_MAX);
	bool told = tell_stream(x, &x->out, STREAM_OUT, buffer) &&
		    tell_stream(x, &x->err, STREAM_ERR, buffer);

	free(buffer);
	if (!told)
		return;
	if (strcmp(text_of(x->event, "outcome"), "canceled") == 0 && !x->cancel_asked)
		x->state = REC_HELD;
	else
		tell_end(x);
}

void recorded_begin_telling(struct rec_task *x)
{
	struct pl_error err;

	x->event = past_read_at(x->r->past, x->at, &err);
	if (x->event == NULL) {
		struct task_result lost = { .outcome = OUTCOME_LOST, .begun = true };

		snprintf(lost.why, sizeof(lost.why), "%.390s", err.text);
		recorded_settle_one(x->r);
		recorded_deliver(x, &lost);
		return;
	}
	x->state = REC_TELLING;
	open_stream(&x->out, x, "stdout", "out_path");
	open_stream(&x->err, x, "stderr", "err_path");
	if (x->task->events->on_start != NULL)
		x->task->events->on_start(x->task);
	recorded_tell(x);
}
