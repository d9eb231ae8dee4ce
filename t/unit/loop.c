/* loop.c - tests of core/loop: turns, time, timers, deferred calls, descriptors, signals */
#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "loop/loop.h"

/* What callbacks note, in order. */
static struct strbuf trace;

static int open_loop(void **state, enum loop_time time)
{
	*state = loop_create(time, NULL);
	strbuf_reset(&trace);
	return *state == NULL;
}

static int open_real(void **state)
{
	return open_loop(state, LOOP_REAL);
}

static int open_virtual(void **state)
{
	return open_loop(state, LOOP_VIRTUAL);
}

static int close_loop(void **state)
{
	loop_destroy(*state);
	strbuf_fini(&trace);
	return 0;
}

static void turn_all(struct loop *loop)
{
	while (loop_turn(loop, LOOP_WAIT) > 0)
		continue;
}

static void note(void *arg)
{
	strbuf_adds(&trace, arg);
}

/* ---- misuse ---- */

static void turn_again(void *arg)
{
	loop_turn(arg, LOOP_NOWAIT);
}

static void a_turn_inside_a_callback_is_refused(void **state)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct loop_defer d;

		signal(SIGABRT, SIG_DFL);
		close(2); /* the words of assert are of no use here */
		loop_defer_init(&d, *state, turn_again, *state);
		loop_defer_schedule(&d);
		loop_turn(*state, LOOP_NOWAIT);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void with_nothing_to_come_waiting_returns_at_once(void **state)
{
	struct loop_timer t;

	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	loop_timer_init(&t, *state, note, "x");
	loop_timer_stop(&t);
	loop_timer_start(&t, 1000);
	loop_timer_stop(&t);
	loop_timer_stop(&t);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	loop_destroy(NULL);
	loop_io_destroy(NULL);
	loop_signal_destroy(NULL);
}

/* ---- timers ---- */

static void timers_fire_in_order_of_time_then_of_arming(void **state)
{
	struct loop_timer a, b, c, d;

	loop_timer_init(&a, *state, note, "a");
	loop_timer_init(&b, *state, note, "b");
	loop_timer_init(&c, *state, note, "c");
	loop_timer_init(&d, *state, note, "d");
	loop_timer_start(&a, 3000);
	loop_timer_start(&b, 1000);
	loop_timer_start(&c, 1000);
	loop_timer_start(&d, -5);
	loop_timer_start(&b, 1000); /* armed again: now behind c */
	assert_true(loop_timer_armed(&b));
	turn_all(*state);
	assert_false(loop_timer_armed(&b));
	assert_string_equal(trace.s, "dcba");
}

struct early {
	struct loop *loop;
	struct loop_timer timer;
	bool early;
};

static void note_early(void *arg)
{
	struct early *e = arg;

	e->early = loop_now_us(e->loop) < e->timer.due_us;
}

static void no_timer_fires_early(void **state)
{
	struct early e[20] = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		e[i].loop = *state;
		loop_timer_init(&e[i].timer, *state, note_early, &e[i]);
		loop_timer_start(&e[i].timer, (int64_t)i * 700);
	}
	turn_all(*state);
	for (size_t i = 0; i < ARRAY_LEN(e); i++) {
		assert_false(loop_timer_armed(&e[i].timer));
		assert_false(e[i].early);
	}
}

struct again {
	struct loop_timer timer;
	int fired;
};

static void arm_again(void *arg)
{
	struct again *a = arg;

	a->fired++;
	loop_timer_start(&a->timer, 0);
}

static void a_timer_armed_for_now_waits_for_the_next_turn(void **state)
{
	struct again a = { .fired = 0 };

	loop_timer_init(&a.timer, *state, arm_again, &a);
	loop_timer_start(&a.timer, 0);
	for (int turns = 1; turns <= 3; turns++) {
		assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
		assert_int_equal(a.fired, turns);
	}
	loop_timer_stop(&a.timer);
}

static void free_timer(void *arg)
{
	free(*(struct loop_timer **)arg);
	*(struct loop_timer **)arg = NULL;
}

static void stop_timer(void *arg)
{
	loop_timer_stop(arg);
}

static void a_callback_may_free_its_timer_and_stop_another(void **state)
{
	struct loop_timer *own = xmalloc(sizeof(*own)), stopper, other;

	loop_timer_init(own, *state, free_timer, &own);
	loop_timer_init(&stopper, *state, stop_timer, &other);
	loop_timer_init(&other, *state, note, "other");
	loop_timer_start(own, 1000);
	loop_timer_start(&stopper, 1000);
	loop_timer_start(&other, 1000);
	turn_all(*state);
	assert_null(own);
	assert_int_equal(trace.len, 0);
}

enum { CROWD = 5000 };

struct crowd {
	struct loop_timer timers[CROWD];
	const struct loop_timer *last;
	int fired, disorder;
	struct loop *loop;
};

static struct crowd *crowd;

static void note_order(void *arg)
{
	const struct loop_timer *t = arg, *last = crowd->last;

	crowd->fired++;
	if (t->due_us != loop_now_us(crowd->loop) ||
	    (last != NULL && (last->due_us > t->due_us ||
			      (last->due_us == t->due_us && last->seq > t->seq))))
		crowd->disorder++;
	crowd->last = t;
}

static void many_timers_armed_and_stopped_at_random_keep_their_order(void **state)
{
	unsigned seed = 12345, armed = 0;

	crowd = xcalloc(1, sizeof(*crowd));
	crowd->loop = *state;
	for (size_t i = 0; i < CROWD; i++)
		loop_timer_init(&crowd->timers[i], *state, note_order, &crowd->timers[i]);
	for (int i = 0; i < 4 * CROWD; i++) {
		struct loop_timer *t = &crowd->timers[rand_r(&seed) % CROWD];

		if (rand_r(&seed) % 4 == 0)
			loop_timer_stop(t);
		else
			loop_timer_start(t, rand_r(&seed) % 1000);
	}
	for (size_t i = 0; i < CROWD; i++)
		armed += loop_timer_armed(&crowd->timers[i]);
	turn_all(*state);
	assert_true(armed > CROWD / 2);
	assert_int_equal(crowd->fired, armed);
	assert_int_equal(crowd->disorder, 0);
	free(crowd);
}

/* ---- virtual time ---- */

static void virtual_time_starts_at_zero_in_2026_and_jumps(void **state)
{
	struct loop_timer t;

	assert_true(loop_is_virtual(*state));
	assert_int_equal(loop_now_us(*state), 0);
	assert_int_equal(loop_wall_us(*state), INT64_C(1767225600000000));
	loop_timer_init(&t, *state, note, "x");
	loop_timer_start(&t, INT64_C(86400000000));
	assert_int_equal(loop_turn(*state, LOOP_NOWAIT), 0); /* looking is no waiting */
	assert_int_equal(loop_now_us(*state), 0);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(loop_now_us(*state), INT64_C(86400000000));
}

struct reader {
	struct loop_io *io;
	int fd;
	int calls, events;
};

static void read_it(void *arg, int events)
{
	struct reader *r = arg;
	char byte;

	r->calls++;
	r->events |= events;
	if (events & LOOP_READ)
		assert_int_equal(read(r->fd, &byte, 1), 1);
	strbuf_adds(&trace, "r");
}

static void a_ready_descriptor_comes_before_a_jump(void **state)
{
	struct reader r = { 0 };
	struct loop_timer t;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	r.fd = fds[0];
	r.io = loop_io_create(*state, fds[0], read_it, &r);
	loop_io_want(r.io, LOOP_READ);
	loop_timer_init(&t, *state, note, "t");
	loop_timer_start(&t, 1);
	assert_int_equal(write(fds[1], "xy", 2), 2);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(loop_now_us(*state), 0);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_string_equal(trace.s, "rrt");
	loop_io_destroy(r.io);
	close(fds[0]);
	close(fds[1]);
}

static void *write_a_byte(void *arg)
{
	assert_int_equal(write(*(int *)arg, "x", 1), 1);
	return NULL;
}

static void with_descriptors_only_the_turn_waits_for_them(void **state)
{
	struct reader r = { 0 };
	pthread_t thread;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	r.fd = fds[0];
	r.io = loop_io_create(*state, fds[0], read_it, &r);
	loop_io_want(r.io, LOOP_READ);
	assert_int_equal(pthread_create(&thread, NULL, write_a_byte, &fds[1]), 0);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(r.calls, 1);
	loop_io_destroy(r.io);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
}

/* ---- deferred calls ---- */

static void schedule(void *arg)
{
	strbuf_adds(&trace, "s");
	loop_defer_schedule(arg);
}

static void deferred_calls_run_once_in_order(void **state)
{
	struct loop_defer a, b, c;

	loop_defer_init(&a, *state, note, "a");
	loop_defer_init(&b, *state, note, "b");
	loop_defer_init(&c, *state, note, "c");
	loop_defer_cancel(&a);
	loop_defer_schedule(&b);
	loop_defer_schedule(&a);
	loop_defer_schedule(&b);
	loop_defer_schedule(&c);
	loop_defer_cancel(&c);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 2);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	assert_string_equal(trace.s, "ba");
}

static void what_is_scheduled_in_a_callback_runs_in_the_next_turn(void **state)
{
	struct loop_defer self;

	loop_defer_init(&self, *state, schedule, &self);
	loop_defer_schedule(&self);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_string_equal(trace.s, "ss");
	loop_defer_cancel(&self);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
}

static void on_readable(void *arg, int what)
{
	(void)what;
	note("r");
	loop_defer_schedule(arg);
}

static void what_an_event_leaves_to_do_is_done_in_its_turn(void **state)
{
	struct loop_defer left;
	struct loop_io *io;
	int fds[2];

	loop_defer_init(&left, *state, note, "d");
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	io = loop_io_create(*state, fds[0], on_readable, &left);
	loop_io_want(io, LOOP_READ);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 2);
	assert_string_equal(trace.s, "rd");
	loop_io_destroy(io);
	close(fds[0]);
	close(fds[1]);
}

static void cancel_deferred(void *arg)
{
	loop_defer_cancel(arg);
}

static void a_callback_may_cancel_the_next_of_the_same_turn(void **state)
{
	struct loop_defer killer, victim;

	loop_defer_init(&killer, *state, cancel_deferred, &victim);
	loop_defer_init(&victim, *state, note, "victim");
	loop_defer_schedule(&killer);
	loop_defer_schedule(&victim);
	turn_all(*state);
	assert_int_equal(trace.len, 0);
}

/* ---- descriptors ---- */

static void both_directions_are_told_as_wanted(void **state)
{
	struct reader r = { 0 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	r.fd = fds[0];
	r.io = loop_io_create(*state, fds[0], read_it, &r);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0); /* nothing is wanted yet */
	assert_int_equal(write(fds[1], "xyz", 3), 3);
	loop_io_want(r.io, LOOP_READ | LOOP_WRITE);
	loop_turn(*state, LOOP_WAIT);
	assert_int_equal(r.events, LOOP_READ | LOOP_WRITE);
	r.events = 0;
	loop_io_want(r.io, LOOP_WRITE);
	loop_turn(*state, LOOP_WAIT);
	assert_int_equal(r.events, LOOP_WRITE);
	r.events = 0;
	loop_io_want(r.io, LOOP_READ);
	loop_io_want(r.io, LOOP_READ);
	loop_turn(*state, LOOP_WAIT);
	assert_int_equal(r.events, LOOP_READ);
	loop_io_want(r.io, 0);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	loop_io_destroy(r.io);
	close(fds[0]);
	close(fds[1]);
}

/* Two watchers that are ready together; whoever comes first destroys both. */
struct pair {
	struct loop_io *io[2];
	int calls;
};

static void destroy_both(void *arg, int events)
{
	struct pair *p = arg;

	(void)events;
	p->calls++;
	for (int i = 0; i < 2; i++) {
		loop_io_destroy(p->io[i]);
		p->io[i] = NULL;
	}
}

static void a_callback_may_destroy_its_watcher_and_others(void **state)
{
	struct pair p = { .calls = 0 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(fds[1 - i], "x", 1), 1);
		p.io[i] = loop_io_create(*state, fds[i], destroy_both, &p);
		loop_io_want(p.io[i], LOOP_READ | LOOP_WRITE);
	}
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 1);
	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	assert_int_equal(p.calls, 1);
	close(fds[0]);
	close(fds[1]);
}

/* ---- signals ---- */

static void a_signal_is_told_in_a_turn_and_keeps_nobody_waiting(void **state)
{
	struct loop_signal *s = loop_signal_create(*state, SIGUSR1, note, "u");

	assert_int_equal(loop_turn(*state, LOOP_WAIT), 0);
	raise(SIGUSR1);
	raise(SIGUSR1);
	assert_int_equal(trace.len, 0);
	assert_int_equal(loop_turn(*state, LOOP_NOWAIT), 1);
	assert_int_equal(loop_turn(*state, LOOP_NOWAIT), 0);
	assert_string_equal(trace.s, "u");
	loop_signal_destroy(s);
}

static void a_signal_inherited_as_ignored_and_blocked_is_told(void **state)
{
	struct loop_signal *s;
	struct sigaction now;
	sigset_t set, before;

	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, &before);
	s = loop_signal_create(*state, SIGUSR2, note, "u");
	raise(SIGUSR2);
	loop_turn(*state, LOOP_NOWAIT);
	assert_string_equal(trace.s, "u");
	loop_signal_destroy(s);
	sigaction(SIGUSR2, NULL, &now);
	assert_ptr_equal(now.sa_handler, SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR2, SIG_DFL);
}

static void destroy_signal(void *arg)
{
	struct loop_signal **s = arg;

	loop_signal_destroy(*s);
	*s = NULL;
}

static void two_loops_hear_one_signal_and_a_watcher_may_end_itself(void **state)
{
	struct loop *other = loop_create(LOOP_REAL, NULL);
	struct loop_signal *own = loop_signal_create(*state, SIGUSR1, destroy_signal, &own);
	struct loop_signal *second = loop_signal_create(other, SIGUSR1, note, "second");

	raise(SIGUSR1);
	assert_int_equal(loop_turn(*state, LOOP_NOWAIT), 1);
	assert_null(own);
	assert_int_equal(loop_turn(other, LOOP_NOWAIT), 1);
	assert_string_equal(trace.s, "second");
	loop_signal_destroy(second);
	loop_destroy(other);
}

static void raise_it(void *arg)
{
	raise(*(int *)arg);
}

static void a_signal_ends_the_wait(void **state)
{
	struct loop_signal *s = loop_signal_create(*state, SIGUSR1, note, "u");
	struct loop_timer far, near;
	int signo = SIGUSR1;

	loop_timer_init(&far, *state, note, "far");
	loop_timer_start(&far, INT64_C(3600000000));
	loop_timer_init(&near, *state, raise_it, &signo);
	loop_timer_start(&near, 1000);
	while (trace.len == 0)
		assert_true(loop_turn(*state, LOOP_WAIT) > 0);
	assert_string_equal(trace.s, "u");
	loop_timer_stop(&far);
	loop_signal_destroy(s);
}

#define REAL(f) { #f ", real time", f, open_real, close_loop, NULL }
#define VIRTUAL(f) { #f ", virtual time", f, open_virtual, close_loop, NULL }
#define BOTH(f) REAL(f), VIRTUAL(f)

static const struct CMUnitTest tests[] = {
	REAL(a_turn_inside_a_callback_is_refused),
	BOTH(with_nothing_to_come_waiting_returns_at_once),
	BOTH(timers_fire_in_order_of_time_then_of_arming),
	BOTH(no_timer_fires_early),
	BOTH(a_timer_armed_for_now_waits_for_the_next_turn),
	BOTH(a_callback_may_free_its_timer_and_stop_another),
	VIRTUAL(many_timers_armed_and_stopped_at_random_keep_their_order),
	VIRTUAL(virtual_time_starts_at_zero_in_2026_and_jumps),
	VIRTUAL(a_ready_descriptor_comes_before_a_jump),
	BOTH(with_descriptors_only_the_turn_waits_for_them),
	BOTH(deferred_calls_run_once_in_order),
	BOTH(what_is_scheduled_in_a_callback_runs_in_the_next_turn),
	BOTH(what_an_event_leaves_to_do_is_done_in_its_turn),
	BOTH(a_callback_may_cancel_the_next_of_the_same_turn),
	BOTH(both_directions_are_told_as_wanted),
	BOTH(a_callback_may_destroy_its_watcher_and_others),
	BOTH(a_signal_is_told_in_a_turn_and_keeps_nobody_waiting),
	BOTH(a_signal_inherited_as_ignored_and_blocked_is_told),
	BOTH(two_loops_hear_one_signal_and_a_watcher_may_end_itself),
	REAL(a_signal_ends_the_wait),
};

UNIT_MAIN(tests)
