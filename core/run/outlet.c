/* outlet.c - see outlet.h */
#include "run/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

struct outlet {
	struct loop *loop;
	int fd;
	const struct outlet_events *events;
	void *arg;
	struct strbuf buf;
	size_t written; /* bytes at the front of buf that are gone */
	size_t chunk;	/* what poll() promises room for */
	struct loop_defer flush;
	struct loop_io *io; /* NULL until it was full once */
	bool terminal;
	bool high;
	bool broken;
};

static void outlet_flush(void *arg);
static void flush_ready(void *arg, int events);

/* A pipe that polls writable has room for PIPE_BUF bytes; a file takes anything. */
static size_t chunk_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || S_ISREG(st.st_mode))
		return OUTLET_HIGH;
	return PIPE_BUF;
}

struct outlet *outlet_create(struct loop *loop, int fd, const struct outlet_events *events,
			     void *arg)
{
	struct outlet *o = xcalloc(1, sizeof(*o));

	o->loop = loop;
	o->fd = fd;
	o->events = events;
	o->arg = arg;
	o->chunk = chunk_of(fd);
	o->terminal = isatty(fd) != 0;
	loop_defer_init(&o->flush, loop, outlet_flush, o);
	return o;
}

size_t outlet_pending(const struct outlet *o)
{
	return o->buf.len - o->written;
}

bool outlet_is_terminal(const struct outlet *o)
{
	return o->terminal;
}

struct strbuf *outlet_buffer(struct outlet *o)
{
	return &o->buf;
}

static void forget_written(struct outlet *o)
{
	if (o->written == o->buf.len && o->buf.cap > 2 * OUTLET_LOW)
		strbuf_fini(&o->buf);
	else if (o->written == o->buf.len || o->written > OUTLET_LOW)
		strbuf_consume(&o->buf, o->written);
	else
		return;
	o->written = 0;
}

static void break_off(struct outlet *o, int errnum)
{
	o->broken = true;
	strbuf_fini(&o->buf);
	o->written = 0;
	if (o->io != NULL)
		loop_io_want(o->io, 0);
	if (o->high) /* whoever was held up can go on, if only to its end */
		o->events->on_low(o->arg);
	o->high = false;
	o->events->on_broken(o->arg, errnum);
}

/* Writes while there is room. Returns 0, or the errno of a write that failed for good. */
static int write_some(struct outlet *o)
{
	while (outlet_pending(o) > 0) {
		struct pollfd p = { .fd = o->fd, .events = POLLOUT };
		size_t len = outlet_pending(o) < o->chunk ? outlet_pending(o) : o->chunk;
		ssize_t n;

		if (poll(&p, 1, 0) <= 0)
			return 0;
		n = write(o->fd, o->buf.s + o->written, len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return errno;
		if (n < 0 && errno == EAGAIN)
			return 0;
		o->written += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void wait_for_room(struct outlet *o, bool wait)
{
	if (o->io == NULL && wait)
		o->io = loop_io_create(o->loop, o->fd, flush_ready, o);
	if (o->io != NULL)
		loop_io_want(o->io, wait ? LOOP_WRITE : 0);
}

static void outlet_flush(void *arg)
{
	struct outlet *o = arg;
	int errnum = write_some(o);

	if (errnum != 0) {
		break_off(o, errnum);
		return;
	}
	forget_written(o);
	wait_for_room(o, outlet_pending(o) > 0);
	if (o->high && outlet_pending(o) <= OUTLET_LOW) {
		o->high = false;
		o->events->on_low(o->arg);
	}
	if (outlet_pending(o) == 0)
		o->events->on_empty(o->arg);
}

static void flush_ready(void *arg, int events)
{
	(void)events;
	outlet_flush(arg);
}

void outlet_commit(struct outlet *o)
{
	if (o->broken) {
		strbuf_reset(&o->buf);
		return;
	}
	loop_defer_schedule(&o->flush);
	if (!o->high && outlet_pending(o) > OUTLET_HIGH) {
		o->high = true;
		o->events->on_high(o->arg);
	}
}

void outlet_destroy(struct outlet *o)
{
	if (o == NULL)
		return;
	write_some(o);
	loop_defer_cancel(&o->flush);
	loop_io_destroy(o->io);
	strbuf_fini(&o->buf);
	free(o);
}
