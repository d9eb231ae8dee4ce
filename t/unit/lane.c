/* lane.c - threads that nobody waits for */
#include "unit.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/lane.h"

#define JOBS 40

/* Its work ends when a byte can be read. */
struct job {
	int fd; /* -1: at once */
	bool worked;
};

static int done;
static atomic_int dropped;

static void work(void *arg)
{
	struct job *job = arg;
	char c;

	job->worked = job->fd < 0 || read(job->fd, &c, 1) == 1;
}

static void on_done(void *arg)
{
	struct job *job = arg;

	assert_true(job->worked);
	done++;
	free(job);
}

static void on_drop(void *arg)
{
	free(arg);
	atomic_fetch_add(&dropped, 1);
}

static const struct lane_steps steps = { work, on_done, on_drop };

static void start(struct lane *lane, int fd)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->fd = fd;
	assert_true(lane_start(lane, job));
}

static void jobs_that_hang_keep_no_other_waiting(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct lane *lane = lane_create(loop, &steps);
	int hang[2];

	(void)state;
	done = 0;
	assert_int_equal(pipe(hang), 0);
	for (int i = 0; i < 10; i++)
		start(lane, hang[0]);
	for (int i = 0; i < JOBS; i++)
		start(lane, -1);
	while (done < JOBS)
		loop_turn(loop, LOOP_WAIT);
	assert_int_equal(write(hang[1], "0123456789", 10), 10);
	while (loop_turn(loop, LOOP_WAIT) > 0)
		;
	assert_int_equal(done, JOBS + 10);
	lane_destroy(lane);
	loop_destroy(loop);
	close(hang[0]);
	close(hang[1]);
}

static void the_end_waits_for_nobody(void **state)
{
	struct loop *loop = loop_create(LOOP_REAL, NULL);
	struct lane *lane = lane_create(loop, &steps);
	int hang[2];

	(void)state;
	done = 0;
	assert_int_equal(pipe(hang), 0);
	for (int i = 0; i < 3; i++)
		start(lane, hang[0]);
	lane_destroy(lane);
	loop_destroy(loop);
	/* their threads come back when all of it is gone */
	assert_int_equal(write(hang[1], "012", 3), 3);
	while (atomic_load(&dropped) < 3)
		usleep(1000);
	assert_int_equal(done, 0);
	close(hang[0]);
	close(hang[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_that_hang_keep_no_other_waiting),
		cmocka_unit_test(the_end_waits_for_nobody),
	};

	return cmocka_run_group_tests_name("lane", tests, NULL, NULL);
}
