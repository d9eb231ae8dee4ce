/* printer.c - see printer.h */
#include "run/printer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "run/printer_private.h"

static const struct run_sink_ops printer_ops;
static const struct outlet_events outlet_events;

/* True when both lead to the same place: one buffer then keeps lines whole and in order. */
static bool same_file(int a, int b)
{
	struct stat x, y;

	return a == b || (fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
			  x.st_ino == y.st_ino && x.st_rdev == y.st_rdev);
}

struct printer *printer_create(struct loop *loop, const struct printer_options *options,
			       struct pl_error *err)
{
	struct printer *p;

	if (options->mode == PRINTER_FILES && access(options->outdir, W_OK | X_OK) != 0) {
		pl_error_sys(err, errno, "cannot write output files into '%s'", options->outdir);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->sink.ops = &printer_ops;
	p->options = *options;
	p->options.outdir = p->outdir = xstrdup(options->outdir);
	p->out = outlet_create(loop, options->out_fd, &outlet_events, p);
	p->err = p->out;
	if (!same_file(options->out_fd, options->err_fd))
		p->err = outlet_create(loop, options->err_fd, &outlet_events, p);
	return p;
}

void printer_destroy(struct printer *p)
{
	if (p == NULL)
		return;
	assert(p->runs == NULL);
	if (p->err != p->out)
		outlet_destroy(p->err);
	outlet_destroy(p->out);
	free(p->outdir);
	free(p);
}

bool printer_busy(const struct printer *p)
{
	return p->runs != NULL;
}

struct run_sink *printer_sink(struct printer *p)
{
	return &p->sink;
}

size_t printer_pending(const struct printer *p)
{
	size_t pending = outlet_pending(p->out);

	return p->err != p->out ? pending + outlet_pending(p->err) : pending;
}

void printer_on_empty(struct printer *p, loop_call_f fn, void *arg)
{
	p->on_empty = fn;
	p->empty_arg = arg;
}

int printer_failed(const struct printer *p)
{
	return p->failed;
}

/* ---- what the outlets tell ---- */

static void outlet_high(void *arg)
{
	struct printer *p = arg;

	if (p->high++ > 0)
		return;
	for (struct printer_run *r = p->runs; r != NULL; r = r->next)
		run_pause(r->run);
}

static void outlet_low(void *arg)
{
	struct printer *p = arg;

	if (--p->high > 0)
		return;
	for (struct printer_run *r = p->runs; r != NULL; r = r->next)
		run_resume(r->run);
}

static void outlet_empty(void *arg)
{
	struct printer *p = arg;

	if (p->on_empty != NULL && printer_pending(p) == 0)
		p->on_empty(p->empty_arg);
}

/* Nobody reads any more: going on would only make hosts work for nothing. */
static void outlet_broken(void *arg, int errnum)
{
	struct printer *p = arg;

	if (errnum != EPIPE)
		log_info(LOG_RUN, "cannot write output: %s", strerror(errnum));
	p->failed = p->failed != 0 ? p->failed : errnum;
	for (struct printer_run *r = p->runs; r != NULL; r = r->next)
		run_cancel(r->run);
	outlet_empty(p);
}

static const struct outlet_events outlet_events = {
	.on_high = outlet_high,
	.on_low = outlet_low,
	.on_empty = outlet_empty,
	.on_broken = outlet_broken,
};

/* ---- what the runs tell ---- */

static struct printer *printer_of(struct run_sink *sink)
{
	return container_of(sink, struct printer, sink);
}

static struct printer_run *find_run(struct printer *p, const struct run *run)
{
	struct printer_run *r = p->runs;

	while (r->run != run)
		r = r->next;
	return r;
}

static bool shows_controls(const struct printer *p, const struct outlet *o)
{
	return outlet_is_terminal(o) && !p->options.raw;
}

static struct outlet *outlet_of(struct printer *p, enum stream stream)
{
	return stream == STREAM_OUT ? p->out : p->err;
}

static void on_begin(struct run_sink *sink, struct run *run)
{
	struct printer *p = printer_of(sink);
	struct printer_run *r = xcalloc(1, sizeof(*r));

	r->run = run;
	r->next = p->runs;
	p->runs = r;
	r->plain = !p->options.prefix && run_count(run) == 1 && !shows_controls(p, p->out) &&
		   !shows_controls(p, p->err);
	if (p->options.mode == PRINTER_LINES)
		r->lines = xcalloc(run_count(run), sizeof(*r->lines));
	if (p->options.mode == PRINTER_FILES)
		r->files = xcalloc(run_count(run), 1);
	if (p->high > 0)
		run_pause(run);
	if (p->failed != 0 && p->options.mode != PRINTER_FILES)
		run_cancel(run);
}

struct line_target {
	struct printer *p;
	enum stream stream;
	struct run_result who;
};

static void print_line(void *arg, const char *text, size_t len, unsigned flags)
{
	const struct line_target *t = arg;
	struct outlet *o = outlet_of(t->p, t->stream);

	printer_line(t->p, outlet_buffer(o), shows_controls(t->p, o), t->stream, &t->who, text, len,
		     flags);
	outlet_commit(o);
}

static void print_output(struct printer *p, struct printer_run *r, size_t i, enum stream stream,
			 const void *bytes, size_t len)
{
	struct line_target target = { .p = p, .stream = stream };

	if (r->plain) {
		strbuf_add(outlet_buffer(outlet_of(p, stream)), bytes, len);
		outlet_commit(outlet_of(p, stream));
		return;
	}
	if (r->lines[i] == NULL)
		r->lines[i] = xcalloc(2, sizeof(*r->lines[i]));
	run_result(r->run, i, &target.who);
	lines_feed(&r->lines[i][stream == STREAM_ERR], bytes, len, print_line, &target);
}

static void write_file(struct printer *p, struct printer_run *r, size_t i,
		       const struct run_result *who, enum stream stream, const void *bytes,
		       size_t len)
{
	bool first = (r->files[i] & stream) == 0;
	int errnum = printer_file(p, who->host, who->index, stream, first, bytes, len);

	r->files[i] |= (unsigned char)stream;
	if (errnum != 0 && p->failed == 0) {
		p->failed = errnum;
		log_warn(LOG_RUN, "cannot write the output of %s into '%s': %s", who->host,
			 p->outdir, strerror(errnum));
	}
}

static void on_output(struct run_sink *sink, struct run *run, size_t i, enum stream stream,
		      const void *bytes, size_t len)
{
	struct printer *p = printer_of(sink);
	struct run_result who;

	switch (p->options.mode) {
	case PRINTER_LINES:
		print_output(p, find_run(p, run), i, stream, bytes, len);
		break;
	case PRINTER_FILES:
		run_result(run, i, &who);
		write_file(p, find_run(p, run), i, &who, stream, bytes, len);
		break;
	case PRINTER_JSON:
	case PRINTER_NOTES:
		break;
	}
}

static void finish_lines(struct printer *p, struct printer_run *r, size_t i,
			 const struct run_result *result)
{
	struct line_target target = { .p = p, .who = *result };

	if (r->lines[i] == NULL)
		return;
	for (int s = 0; s < 2; s++) {
		target.stream = s == 0 ? STREAM_OUT : STREAM_ERR;
		lines_finish(&r->lines[i][s], print_line, &target);
	}
	free(r->lines[i]);
	r->lines[i] = NULL;
}

/* An empty stream leaves an empty file: who looks sees that the host was there. */
static void finish_files(struct printer *p, struct printer_run *r, size_t i,
			 const struct run_result *result)
{
	if ((r->files[i] & STREAM_OUT) == 0)
		write_file(p, r, i, result, STREAM_OUT, NULL, 0);
	if ((r->files[i] & STREAM_ERR) == 0)
		write_file(p, r, i, result, STREAM_ERR, NULL, 0);
}

static void note_failure(struct printer *p, const struct run_result *result)
{
	enum outcome o = result->end.outcome;

	/* who was cancelled is for the summary: it would be a line for each host that waited */
	if (p->options.quiet || o == OUTCOME_OK || o == OUTCOME_CANCELED)
		return;
	printer_note(outlet_buffer(p->err), result);
	outlet_commit(p->err);
}

static void on_result(struct run_sink *sink, struct run *run, size_t i,
		      const struct run_result *result)
{
	struct printer *p = printer_of(sink);

	switch (p->options.mode) {
	case PRINTER_LINES:
		finish_lines(p, find_run(p, run), i, result);
		break;
	case PRINTER_FILES:
		finish_files(p, find_run(p, run), i, result);
		break;
	case PRINTER_JSON:
		printer_object(outlet_buffer(p->out), result);
		outlet_commit(p->out);
		return;
	case PRINTER_NOTES:
		break;
	}
	note_failure(p, result);
}

static void on_end(struct run_sink *sink, struct run *run)
{
	struct printer *p = printer_of(sink);
	struct printer_run **at = &p->runs, *r;

	if (p->options.mode == PRINTER_JSON) {
		printer_summary(outlet_buffer(p->out), run);
		outlet_commit(p->out);
	}
	while ((*at)->run != run)
		at = &(*at)->next;
	r = *at;
	*at = r->next;
	free(r->lines);
	free(r->files);
	free(r);
}

static const struct run_sink_ops printer_ops = {
	.on_begin = on_begin,
	.on_output = on_output,
	.on_result = on_result,
	.on_end = on_end,
};
