/*
 * lane.c - see lane.h. The lane lives as long as its owner or any of its threads holds on to it;
 * they are detached, so that the process ends in spite of them.
 */
#include "loop/lane.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct lane_job {
	struct lane_job *next;
	void *arg;
};

struct lane_jobs {
	struct lane_job *first, *last;
};

struct lane {
	struct loop_io *wake; /* the owner's; NULL: no descriptor was to be had */
	size_t underway;      /* likewise: begun, neither done nor dropped */
	struct lane_steps steps;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work_came;
	struct lane_jobs todo, finished;
	size_t n_todo, idle; /* jobs without a thread, threads without a job */
	size_t holders;	     /* threads, and the owner until it closed the lane */
	bool closed;
	int wake_fd; /* not written to once the lane is closed */
};

static void jobs_add(struct lane_jobs *q, struct lane_job *job)
{
	job->next = NULL;
	*(q->last != NULL ? &q->last->next : &q->first) = job;
	q->last = job;
}

static struct lane_job *jobs_take(struct lane_jobs *q)
{
	struct lane_job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->last = NULL;
	return job;
}

/* Unlocks; the last one frees. */
static void let_go(struct lane *lane)
{
	bool last = --lane->holders == 0;

	pthread_mutex_unlock(&lane->lock);
	if (!last)
		return;
	pthread_cond_destroy(&lane->work_came);
	pthread_mutex_destroy(&lane->lock);
	free(lane);
}

static void drop_all(struct lane *lane, struct lane_jobs *q)
{
	struct lane_job *job;

	while ((job = jobs_take(q)) != NULL) {
		lane->steps.drop(job->arg);
		free(job);
	}
}

/* The lock is held. */
static void wake_owner(struct lane *lane)
{
	static const uint64_t one = 1;
	ssize_t n = write(lane->wake_fd, &one, sizeof(one));

	(void)n; /* full means that the loop is woken already */
}

/* ---- on the threads, the lock held between jobs ---- */

static struct lane_job *await_job(struct lane *lane)
{
	struct lane_job *job = NULL;

	while (!lane->closed && (job = jobs_take(&lane->todo)) == NULL) {
		lane->idle++;
		pthread_cond_wait(&lane->work_came, &lane->lock);
		lane->idle--;
	}
	lane->n_todo -= job != NULL;
	return job;
}

static void hand_back(struct lane *lane, struct lane_job *job)
{
	jobs_add(&lane->finished, job);
	if (lane->closed)
		drop_all(lane, &lane->finished);
	else
		wake_owner(lane);
}

static void *run_jobs(void *arg)
{
	struct lane *lane = arg;
	struct lane_job *job;

	pthread_mutex_lock(&lane->lock);
	while ((job = await_job(lane)) != NULL) {
		pthread_mutex_unlock(&lane->lock);
		lane->steps.work(job->arg);
		pthread_mutex_lock(&lane->lock);
		hand_back(lane, job);
	}
	let_go(lane);
	return NULL;
}

/* ---- on the loop's thread ---- */

/* One a turn, as `done` may destroy the lane: what is left wakes the loop again. */
static struct lane_job *take_finished(struct lane *lane)
{
	struct lane_job *job;
	uint64_t count;
	ssize_t n = read(lane->wake_fd, &count, sizeof(count));

	(void)n; /* what woke us may have been for a job that is done */
	pthread_mutex_lock(&lane->lock);
	job = jobs_take(&lane->finished);
	if (lane->finished.first != NULL)
		wake_owner(lane);
	pthread_mutex_unlock(&lane->lock);
	return job;
}

static void on_wake(void *arg, int events)
{
	struct lane *lane = arg;
	struct lane_job *job = take_finished(lane);
	void *done_with;

	(void)events;
	if (job == NULL)
		return;
	done_with = job->arg;
	free(job);
	if (--lane->underway == 0)
		loop_io_want(lane->wake, 0);
	lane->steps.done(done_with);
}

struct lane *lane_create(struct loop *loop, const struct lane_steps *steps)
{
	struct lane *lane = xcalloc(1, sizeof(*lane));

	lane->steps = *steps;
	lane->holders = 1;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->work_came, NULL);
	lane->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (lane->wake_fd >= 0)
		lane->wake = loop_io_create(loop, lane->wake_fd, on_wake, lane);
	return lane;
}

/* Signals belong to the loop's thread: a new thread starts with all of them blocked. */
static bool add_thread(struct lane *lane)
{
	pthread_attr_t detached;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &detached, run_jobs, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&detached);
	lane->holders += rc == 0;
	return rc == 0;
}

bool lane_start(struct lane *lane, void *arg)
{
	struct lane_job *job;
	bool started;

	pthread_mutex_lock(&lane->lock);
	started = lane->wake != NULL && (lane->n_todo < lane->idle || add_thread(lane));
	if (started) {
		job = xcalloc(1, sizeof(*job));
		job->arg = arg;
		jobs_add(&lane->todo, job);
		lane->n_todo++;
		pthread_cond_signal(&lane->work_came);
	}
	pthread_mutex_unlock(&lane->lock);
	if (!started)
		return false;
	if (lane->underway++ == 0)
		loop_io_want(lane->wake, LOOP_READ);
	return true;
}

void lane_destroy(struct lane *lane)
{
	if (lane == NULL)
		return;
	loop_io_destroy(lane->wake);
	pthread_mutex_lock(&lane->lock);
	lane->closed = true;
	if (lane->wake_fd >= 0)
		close(lane->wake_fd);
	drop_all(lane, &lane->todo);
	drop_all(lane, &lane->finished);
	pthread_cond_broadcast(&lane->work_came);
	let_go(lane);
}
