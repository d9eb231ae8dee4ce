/* pool.c - threads for work that would block; two queues under one lock. */
#include "loop/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop_private.h"

struct job {
	struct job *next;
	pool_work_f work;
	pool_done_f done;
	void *arg;
};

struct jobs {
	struct job *first, **last;
	size_t n;
};

struct pool {
	struct loop *loop;
	size_t pending; /* submitted, done not called yet; the loop's thread only */
	pthread_t threads[POOL_THREADS];
	size_t n_threads;
	struct loop_defer in_place; /* does the jobs on virtual time, or where no thread starts */
	int wake_fd; /* threads write, the loop reads */
	struct event *wake;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work_came;
	struct jobs todo, finished;
	size_t idle; /* threads waiting for work */
	bool closing;
};

static void jobs_init(struct jobs *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->n = 0;
}

static void jobs_add(struct jobs *q, struct job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
	q->n++;
}

static struct job *jobs_take(struct jobs *q)
{
	struct job *job = q->first;

	if (job == NULL)
		return NULL;
	q->first = job->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n--;
	return job;
}

/* ---- on the threads ---- */

static void wake_loop(struct pool *p)
{
	static const uint64_t one = 1;
	ssize_t n = write(p->wake_fd, &one, sizeof(one));

	(void)n; /* full means that the loop is woken already */
}

static struct job *await_job(struct pool *p)
{
	struct job *job;

	while ((job = jobs_take(&p->todo)) == NULL && !p->closing) {
		p->idle++;
		pthread_cond_wait(&p->work_came, &p->lock);
		p->idle--;
	}
	return job;
}

static void *run_jobs(void *arg)
{
	struct pool *p = arg;
	struct job *job;

	pthread_mutex_lock(&p->lock);
	while ((job = await_job(p)) != NULL) {
		pthread_mutex_unlock(&p->lock);
		job->work(job->arg);
		pthread_mutex_lock(&p->lock);
		jobs_add(&p->finished, job);
		wake_loop(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- on the loop's thread ---- */

static void deliver(struct pool *p, struct job *job)
{
	struct job copy = *job;

	free(job);
	p->pending--;
	loop_release(p->loop);
	copy.done(copy.arg);
}

static struct job *take_locked(struct pool *p, struct jobs *q)
{
	struct job *job;

	pthread_mutex_lock(&p->lock);
	job = jobs_take(q);
	pthread_mutex_unlock(&p->lock);
	return job;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct job *job;
	uint64_t count;
	ssize_t n = read(fd, &count, sizeof(count));

	(void)n;
	(void)what;
	loop_awake(p->loop);
	while ((job = take_locked(p, &p->finished)) != NULL) {
		loop_count(p->loop);
		deliver(p, job);
	}
}

/* One job; false when there was none. */
static bool work_in_place(struct pool *p)
{
	struct job *job = take_locked(p, &p->todo);

	if (job == NULL)
		return false;
	job->work(job->arg);
	deliver(p, job);
	return true;
}

static void on_in_place(void *arg)
{
	struct pool *p = arg;

	/* one per turn; asked for again first, as done may submit or end everything */
	pthread_mutex_lock(&p->lock);
	if (p->todo.n > 1)
		loop_defer_schedule(&p->in_place);
	pthread_mutex_unlock(&p->lock);
	work_in_place(p);
}

static struct pool *pool_of(struct loop *loop)
{
	struct pool *p = loop->pool;

	if (p != NULL)
		return p;
	p = loop->pool = xcalloc(1, sizeof(*p));
	p->loop = loop;
	loop_defer_init(&p->in_place, loop, on_in_place, p);
	jobs_init(&p->todo);
	jobs_init(&p->finished);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work_came, NULL);
	p->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	p->wake = event_new(loop->base, p->wake_fd, EV_READ | EV_PERSIST, on_wake, p);
	event_add(p->wake, NULL);
	return p;
}

/* Signals belong to the loop's thread: a new thread starts with all of them blocked. */
static bool add_thread(struct pool *p)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&p->threads[p->n_threads], NULL, run_jobs, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->n_threads += rc == 0;
	return rc == 0;
}

void pool_submit(struct loop *loop, pool_work_f work, pool_done_f done, void *arg)
{
	struct pool *p = pool_of(loop);
	struct job *job = xcalloc(1, sizeof(*job));
	bool short_of_threads;

	*job = (struct job){ .work = work, .done = done, .arg = arg };
	p->pending++;
	loop_hold(loop);
	pthread_mutex_lock(&p->lock);
	jobs_add(&p->todo, job);
	short_of_threads = !p->closing && p->todo.n > p->idle && p->n_threads < POOL_THREADS;
	pthread_cond_signal(&p->work_came);
	pthread_mutex_unlock(&p->lock);
	if (loop_is_virtual(loop))
		loop_defer_schedule(&p->in_place);
	else if (short_of_threads && !add_thread(p) && p->n_threads == 0)
		loop_defer_schedule(&p->in_place);
}

size_t pool_pending(const struct loop *loop)
{
	return loop->pool != NULL ? loop->pool->pending : 0;
}

void pool_fini(struct loop *loop)
{
	struct pool *p = loop->pool;
	struct job *job;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->work_came);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	while ((job = jobs_take(&p->finished)) != NULL)
		deliver(p, job);
	while (work_in_place(p))
		continue;
	loop_defer_cancel(&p->in_place);
	event_free(p->wake);
	close(p->wake_fd);
	pthread_cond_destroy(&p->work_came);
	pthread_mutex_destroy(&p->lock);
	free(p);
	loop->pool = NULL;
}
