/*
 * io.c - descriptors. Reading and writing are two events of libevent, so that a change of one
 * wish is one system call.
 */
#include "loop/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "loop/loop_private.h"

struct loop_io {
	struct loop *loop;
	struct event *reading, *writing;
	int want;
	loop_io_f fn;
	void *arg;
};

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;

	(void)fd;
	loop_awake(io->loop);
	loop_count(io->loop);
	io->fn(io->arg, what & EV_READ ? LOOP_READ : LOOP_WRITE);
}

struct loop_io *loop_io_create(struct loop *loop, int fd, loop_io_f fn, void *arg)
{
	struct loop_io *io = xmalloc(sizeof(*io) + 2 * event_get_struct_event_size());

	*io = (struct loop_io){ .loop = loop, .fn = fn, .arg = arg };
	io->reading = (struct event *)(io + 1);
	io->writing = (struct event *)((char *)(io + 1) + event_get_struct_event_size());
	event_assign(io->reading, loop->base, fd, EV_READ | EV_PERSIST, on_ready, io);
	event_assign(io->writing, loop->base, fd, EV_WRITE | EV_PERSIST, on_ready, io);
	return io;
}

static void set_watch(struct event *ev, bool on)
{
	int rc = on ? event_add(ev, NULL) : event_del(ev);

	assert(!on || rc == 0); /* fails for regular files and closed descriptors only */
	(void)rc;
}

void loop_io_want(struct loop_io *io, int events)
{
	int change = events ^ io->want;

	if (change & LOOP_READ)
		set_watch(io->reading, events & LOOP_READ);
	if (change & LOOP_WRITE)
		set_watch(io->writing, events & LOOP_WRITE);
	io->loop->watched += (events != 0) - (io->want != 0);
	io->want = events;
}

void loop_io_destroy(struct loop_io *io)
{
	if (io == NULL)
		return;
	loop_io_want(io, 0);
	free(io);
}
