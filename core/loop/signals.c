/*
 * signals.c - signals as callbacks of a turn.
 *
 * The handler notes the signal and wakes the loop through an eventfd. Watchers of one signal (of
 * several loops) form a list that only changes while the signal is blocked; threads of the pool
 * block all signals, so the handler runs on the loop's thread alone.
 */
#include "loop/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop_private.h"

struct loop_signal {
	struct loop *loop;
	int signo;
	loop_call_f fn;
	void *arg;
	volatile sig_atomic_t arrived;
	struct loop_signal *next_same; /* of this signal, whatever the loop */
	struct loop_signal *next;      /* of this loop */
};

static struct loop_signal *watchers[NSIG];
static struct sigaction former[NSIG]; /* while watchers[] is not empty */

static void on_signal(int signo)
{
	static const uint64_t one = 1;
	int saved = errno;

	for (struct loop_signal *s = watchers[signo]; s != NULL; s = s->next_same) {
		ssize_t n;

		s->arrived = 1;
		n = write(s->loop->wake_fd, &one, sizeof(one));
		(void)n; /* full means that the loop is woken already */
	}
	errno = saved;
}

static void block_signal(int signo, sigset_t *before)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_BLOCK, &set, before);
}

struct loop_signal *loop_signal_create(struct loop *loop, int signo, loop_call_f fn, void *arg)
{
	struct loop_signal *s = xcalloc(1, sizeof(*s));
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t before;

	*s = (struct loop_signal){ .loop = loop, .signo = signo, .fn = fn, .arg = arg };
	block_signal(signo, &before);
	if (watchers[signo] == NULL) {
		sigfillset(&action.sa_mask);
		sigaction(signo, &action, &former[signo]);
	}
	s->next_same = watchers[signo];
	watchers[signo] = s;
	s->next = loop->signals;
	loop->signals = s;
	/* a signal that was inherited as blocked would never come */
	sigdelset(&before, signo);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s;
}

void loop_signal_destroy(struct loop_signal *s)
{
	struct loop_signal **at;
	sigset_t before;

	if (s == NULL)
		return;
	block_signal(s->signo, &before);
	for (at = &watchers[s->signo]; *at != s; at = &(*at)->next_same)
		continue;
	*at = s->next_same;
	if (watchers[s->signo] == NULL)
		sigaction(s->signo, &former[s->signo], NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (at = &s->loop->signals; *at != s; at = &(*at)->next)
		continue;
	*at = s->next;
	free(s);
}

static struct loop_signal *next_arrived(const struct loop *loop)
{
	struct loop_signal *s = loop->signals;

	while (s != NULL && !s->arrived)
		s = s->next;
	return s;
}

/* A callback may destroy any watcher, so the list is searched anew after each. */
static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct loop_signal *s;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
	(void)what;
	loop_awake(loop);
	while ((s = next_arrived(loop)) != NULL) {
		s->arrived = 0;
		loop_count(loop);
		s->fn(s->arg);
	}
}

int signals_init(struct loop *loop, struct pl_error *err)
{
	loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (loop->wake_fd < 0)
		return pl_error_sys(err, errno, "cannot set up the event loop");
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	if (loop->wake == NULL || event_add(loop->wake, NULL) < 0)
		return pl_errorf(err, PL_ESYS, "cannot watch for signals");
	return 0;
}

void signals_fini(struct loop *loop)
{
	while (loop->signals != NULL)
		loop_signal_destroy(loop->signals);
	if (loop->wake != NULL)
		event_free(loop->wake);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
}
