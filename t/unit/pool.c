/* pool.c - tests of core/loop/pool.c */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "loop/pool.h"

enum { JOBS = 200 };

struct job {
	struct loop *loop;
	pthread_t worked_on, done_on;
	int worked, done;
	bool signals_blocked;
};

static atomic_int at_work, most_at_work;

static void work(void *arg)
{
	struct job *j = arg;
	int now = atomic_fetch_add(&at_work, 1) + 1, most = atomic_load(&most_at_work);
	sigset_t mask;

	while (now > most && !atomic_compare_exchange_weak(&most_at_work, &most, now))
		continue;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	j->signals_blocked = sigismember(&mask, SIGINT) && sigismember(&mask, SIGCHLD);
	j->worked++;
	j->worked_on = pthread_self();
	atomic_fetch_sub(&at_work, 1);
}

static void done(void *arg)
{
	struct job *j = arg;

	j->done++;
	j->done_on = pthread_self();
}

static void done_then_again(void *arg)
{
	struct job *j = arg;

	done(j);
	if (j->done < 10)
		pool_submit(j->loop, work, done_then_again, j);
}

static void nothing_pending_keeps_nobody_waiting(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);

	(void)state;
	assert_int_equal(pool_pending(loop), 0);
	assert_int_equal(loop_turn(loop, LOOP_WAIT), 0);
	loop_destroy(loop);
}

static void run_jobs(enum loop_time time)
{
	struct loop *loop = loop_create(time, NULL);
	struct job *jobs = xcalloc(JOBS, sizeof(*jobs));

	atomic_store(&most_at_work, 0);
	for (size_t i = 0; i < JOBS; i++)
		pool_submit(loop, work, done, &jobs[i]);
	assert_int_equal(pool_pending(loop), JOBS);
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(jobs[i].done, 0);
	while (loop_turn(loop, LOOP_WAIT) > 0)
		continue;
	assert_int_equal(pool_pending(loop), 0);
	for (size_t i = 0; i < JOBS; i++) {
		bool here = pthread_equal(jobs[i].worked_on, pthread_self());

		assert_int_equal(jobs[i].worked, 1);
		assert_int_equal(jobs[i].done, 1);
		assert_true(pthread_equal(jobs[i].done_on, pthread_self()));
		assert_int_equal(here, time == LOOP_VIRTUAL);
		assert_int_equal(jobs[i].signals_blocked, time == LOOP_REAL);
	}
	assert_in_range(atomic_load(&most_at_work), 1, time == LOOP_REAL ? POOL_THREADS : 1);
	loop_destroy(loop);
	free(jobs);
}

static void each_job_works_on_a_thread_and_is_done_once_on_the_loop(void **state)
{
	(void)state;
	run_jobs(LOOP_REAL);
}

static void on_virtual_time_jobs_work_in_place(void **state)
{
	(void)state;
	run_jobs(LOOP_VIRTUAL);
}

static void a_job_may_submit_the_next(void **state)
{
	static const enum loop_time times[] = { LOOP_REAL, LOOP_VIRTUAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct loop *loop = loop_create(times[i], NULL);
		struct job j = { .loop = loop };

		pool_submit(loop, work, done_then_again, &j);
		while (loop_turn(loop, LOOP_WAIT) > 0)
			continue;
		assert_int_equal(j.worked, 10);
		assert_int_equal(j.done, 10);
		loop_destroy(loop);
	}
}

/* Four jobs that can only go on together: proof that they are at work at once. */
static pthread_barrier_t together;

static void meet(void *arg)
{
	pthread_barrier_wait(&together);
	work(arg);
}

static void four_jobs_work_at_once(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct job jobs[POOL_THREADS] = { 0 };

	(void)state;
	pthread_barrier_init(&together, NULL, POOL_THREADS);
	for (size_t i = 0; i < POOL_THREADS; i++)
		pool_submit(loop, meet, done, &jobs[i]);
	while (loop_turn(loop, LOOP_WAIT) > 0)
		continue;
	for (size_t i = 0; i < POOL_THREADS; i++)
		assert_int_equal(jobs[i].done, 1);
	pthread_barrier_destroy(&together);
	loop_destroy(loop);
}

static void a_destroyed_loop_delivers_what_was_submitted(void **state)
{
	static const enum loop_time times[] = { LOOP_REAL, LOOP_VIRTUAL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct loop *loop = loop_create(times[i], NULL);
		struct job jobs[20] = { 0 };

		for (size_t k = 0; k < ARRAY_LEN(jobs); k++)
			pool_submit(loop, work, done, &jobs[k]);
		loop_destroy(loop);
		for (size_t k = 0; k < ARRAY_LEN(jobs); k++) {
			assert_int_equal(jobs[k].worked, 1);
			assert_int_equal(jobs[k].done, 1);
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nothing_pending_keeps_nobody_waiting),
	cmocka_unit_test(each_job_works_on_a_thread_and_is_done_once_on_the_loop),
	cmocka_unit_test(on_virtual_time_jobs_work_in_place),
	cmocka_unit_test(a_job_may_submit_the_next),
	cmocka_unit_test(four_jobs_work_at_once),
	cmocka_unit_test(a_destroyed_loop_delivers_what_was_submitted),
};

UNIT_MAIN(tests)
