/*
 * child.c - a process and its three streams, from spawn to reaped.
 *
 * The process stays a zombie until its streams are at their end: so its number, and that of the
 * group it leads, cannot belong to somebody else while child_signal() may still be called.
 */
#include "loop/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/ring.h"
#include "base/strbuf.h"
#include "loop/loop_private.h"
#include "loop/spawn.h"

enum child_state {
	CHILD_RUNNING,
	CHILD_DEAD,    /* a zombie; somebody still holds its output */
	CHILD_DRAINED, /* output at its end, the process runs */
	CHILD_GONE,    /* reaped, on_exit fired */
	CHILD_LEFT,    /* destroyed and killed; to be reaped and freed */
};

struct child {
	struct loop *loop;
	struct ring link; /* in loop->children until reaped */
	enum child_state state;
	pid_t pid;
	bool leads_group;
	const struct child_events *events;
	void *arg;
	struct child_end {
		int fd; /* -1: closed */
		struct loop_io *io;
	} in, out, err;
	struct strbuf queue; /* for stdin, from `taken` on */
	size_t taken;
	bool close_wanted; /* stdin, once the queue is empty */
	struct loop_defer drained;
};

/* ---- streams ---- */

static void open_end(struct child *c, struct child_end *end, int fd, loop_io_f fn, int want)
{
	end->fd = fd;
	end->io = NULL;
	if (fd < 0)
		return;
	end->io = loop_io_create(c->loop, fd, fn, c);
	loop_io_want(end->io, want);
}

static void close_end(struct child_end *end)
{
	loop_io_destroy(end->io);
	end->io = NULL;
	if (end->fd >= 0)
		close(end->fd);
	end->fd = -1;
}

static bool has_output(const struct child *c)
{
	return c->out.fd >= 0 || c->err.fd >= 0;
}

/* ---- life ---- */

enum child_happening { HAPPENED_DEATH, HAPPENED_EOF };

static void finish(struct child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	c->state = CHILD_GONE;
	ring_remove(&c->link);
	loop_release(c->loop);
	close_end(&c->in);
	loop_defer_cancel(&c->drained);
	c->events->on_exit(c->arg, status);
}

static void step(struct child *c, enum child_happening what)
{
	switch (c->state) {
	case CHILD_RUNNING:
		c->state = what == HAPPENED_DEATH ? CHILD_DEAD : CHILD_DRAINED;
		if (what == HAPPENED_DEATH && !has_output(c))
			finish(c);
		break;
	case CHILD_DEAD:
		if (what == HAPPENED_EOF)
			finish(c);
		break;
	case CHILD_DRAINED:
		if (what == HAPPENED_DEATH)
			finish(c);
		break;
	case CHILD_GONE:
	case CHILD_LEFT:
		break;
	}
}

static void read_end(struct child *c, struct child_end *end, enum child_stream stream)
{
	struct loop *loop = c->loop;
	ssize_t n;

	if (loop->scratch == NULL)
		loop->scratch = xmalloc(LOOP_SCRATCH);
	n = read(end->fd, loop->scratch, LOOP_SCRATCH);
	if (n > 0) {
		c->events->on_output(c->arg, stream, loop->scratch, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	close_end(end);
	if (!has_output(c))
		step(c, HAPPENED_EOF);
}

static void on_stdout(void *arg, int events)
{
	struct child *c = arg;

	(void)events;
	read_end(c, &c->out, CHILD_STDOUT);
}

static void on_stderr(void *arg, int events)
{
	struct child *c = arg;

	(void)events;
	read_end(c, &c->err, CHILD_STDERR);
}

/* ---- stdin ---- */

static void on_drained(void *arg)
{
	struct child *c = arg;

	if (c->events->on_drain != NULL)
		c->events->on_drain(c->arg);
}

static void drop_queue(struct child *c)
{
	strbuf_fini(&c->queue);
	c->taken = 0;
}

/* Nothing is queued any more: taken, or nobody there to take it. */
static void queue_empty(struct child *c)
{
	drop_queue(c);
	loop_defer_schedule(&c->drained);
	if (c->close_wanted)
		close_end(&c->in);
	else if (c->in.io != NULL)
		loop_io_want(c->in.io, 0);
}

static void on_stdin(void *arg, int events)
{
	struct child *c = arg;
	ssize_t n = write(c->in.fd, c->queue.s + c->taken, c->queue.len - c->taken);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		close_end(&c->in);
		queue_empty(c);
		return;
	}
	c->taken += (size_t)n;
	if (c->taken == c->queue.len) {
		queue_empty(c);
	} else if (c->taken > c->queue.len / 2) {
		strbuf_consume(&c->queue, c->taken);
		c->taken = 0;
	}
}

/* ---- death ---- */

static bool is_dead(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

static void free_left(struct child *c)
{
	ring_remove(&c->link);
	free(c);
}

/* The next of the list that died and was not noticed yet. Only our own children are looked at. */
static struct child *next_dead(const struct loop *loop)
{
	ring_each (struct child, c, &loop->children, link) {
		if (c->state != CHILD_DEAD && is_dead(c->pid))
			return c;
	}
	return NULL;
}

static void note_death(struct child *c)
{
	if (c->state == CHILD_LEFT) {
		waitpid(c->pid, NULL, 0);
		free_left(c);
	} else {
		step(c, HAPPENED_DEATH);
	}
}

static void on_sigchld(void *arg)
{
	struct loop *loop = arg;
	struct child *c;

	/* on_exit may destroy any child, so the list is walked anew after each */
	while ((c = next_dead(loop)) != NULL)
		note_death(c);
}

/* ---- public ---- */

struct child *child_spawn(struct loop *loop, const struct child_spec *spec,
			  const struct child_events *events, void *arg, struct pl_error *err)
{
	struct spawned s;
	struct child *c;

	/* before the fork: with SIGCHLD inherited as ignored, the kernel would reap for us */
	if (loop->sigchld == NULL)
		loop->sigchld = loop_signal_create(loop, SIGCHLD, on_sigchld, loop);
	if (spawn_process(spec, &s, err) < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->loop = loop;
	c->pid = s.pid;
	c->leads_group = spec->new_session;
	c->events = events;
	c->arg = arg;
	open_end(c, &c->in, s.in, on_stdin, 0);
	open_end(c, &c->out, s.out, on_stdout, LOOP_READ);
	open_end(c, &c->err, s.err, on_stderr, LOOP_READ);
	loop_defer_init(&c->drained, loop, on_drained, c);
	ring_add_behind(&c->loop->children, &c->link);
	loop_hold(loop);
	return c;
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

void child_write(struct child *c, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	if (c->in.fd < 0 || c->close_wanted) {
		if (c->state != CHILD_GONE)
			loop_defer_schedule(&c->drained);
		return;
	}
	strbuf_add(&c->queue, bytes, len);
	loop_io_want(c->in.io, LOOP_WRITE);
}

size_t child_stdin_pending(const struct child *c)
{
	return c->queue.len - c->taken;
}

void child_close_stdin(struct child *c)
{
	c->close_wanted = true;
	if (child_stdin_pending(c) == 0)
		close_end(&c->in);
}

static void want_output(struct child *c, int want)
{
	if (c->out.io != NULL)
		loop_io_want(c->out.io, want);
	if (c->err.io != NULL)
		loop_io_want(c->err.io, want);
}

void child_pause(struct child *c)
{
	want_output(c, 0);
}

void child_resume(struct child *c)
{
	want_output(c, LOOP_READ);
}

void child_signal(struct child *c, int signo)
{
	if (c->state != CHILD_GONE)
		kill(c->leads_group ? -c->pid : c->pid, signo);
}

void child_kill_all(struct loop *loop)
{
	ring_each (struct child, c, &loop->children, link)
		kill(c->leads_group ? -c->pid : c->pid, SIGKILL);
}

void child_destroy(struct child *c)
{
	if (c == NULL)
		return;
	close_end(&c->in);
	close_end(&c->out);
	close_end(&c->err);
	drop_queue(c);
	loop_defer_cancel(&c->drained);
	if (c->state == CHILD_GONE) {
		free(c);
		return;
	}
	child_signal(c, SIGKILL);
	loop_release(c->loop);
	/* reaped when the kernel is done with it, not waited for here */
	c->state = CHILD_LEFT;
	if (is_dead(c->pid))
		note_death(c);
}

void children_fini(struct loop *loop)
{
	while (!ring_is_empty(&loop->children)) {
		struct child *c = ring_first(&loop->children, struct child, link);

		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		free_left(c);
	}
}
