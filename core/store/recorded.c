/* recorded.c - see recorded.h */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/recorded_private.h"

/* ---- tasks ---- */

static void stream_fini(struct rec_stream *s)
{
	free(s->owned);
	if (s->fd >= 0)
		close(s->fd);
}

static void task_free(struct rec_task *x)
{
	if (x->number < x->r->n_tasks && x->r->by_number[x->number] == x)
		x->r->by_number[x->number] = NULL;
	ring_remove(&x->link);
	if (x->has_outlive)
		outlive_fini(&x->outlive);
	stream_fini(&x->out);
	stream_fini(&x->err);
	json_decref(x->event);
	free(x->tag);
	free(x);
}

/* The last thing that is done with it. */
void recorded_deliver(struct rec_task *x, const struct task_result *result)
{
	struct task *task = x->task;

	task_free(x);
	task->impl = NULL;
	task->events->on_done(task, result);
}

/* ---- the transport ---- */

/* ID.HOST.TASK.ATTEMPT: TASK, and whether it is the first attempt. */
static size_t number_of_tag(const char *tag, bool *first)
{
	const char *attempt = strrchr(tag, '.'), *task = attempt;

	while (task > tag && task[-1] != '.')
		task--;
	*first = strcmp(attempt, ".1") == 0;
	return (size_t)strtoull(task, NULL, 10);
}

static void accept_task(struct recorded *r, struct task *task)
{
	struct recorded_turns *t = recorded_turns_of(r->past);
	struct rec_task *x = xcalloc(1, sizeof(*x));
	bool first;

	x->r = r;
	x->task = task;
	x->out.fd = x->err.fd = -1;
	x->number = number_of_tag(task->tag, &first);
	ring_add_behind(&r->tasks, &x->link);
	task->impl = x;
	r->n_started += first;
	r->n_owed++;
	x->state = REC_WAITING;
	recorded_wait(t, r);
	loop_defer_schedule(&t->turn);
	if (r->call == NULL || !first || x->number >= r->n_tasks)
		return;
	r->by_number[x->number] = x;
	if (r->call->at[x->number] != 0)
		recorded_make_ready(t, x, r->call->at[x->number]);
}

static int recorded_start(struct transport *tp, struct task *const *tasks, size_t n,
			  struct pl_error *err)
{
	struct recorded *r = container_of(tp, struct recorded, base);

	(void)err;
	for (size_t i = 0; i < n; i++)
		accept_task(r, tasks[i]);
	return 0;
}

static bool is_live(const struct rec_task *x)
{
	return x->state == REC_LIVE || x->state == REC_ATTACHED;
}

static void recorded_write(struct task *task, const void *bytes, size_t len)
{
	struct rec_task *x = task->impl;

	if (x != NULL && x->state == REC_LIVE)
		x->r->live->ops->write(&x->live, bytes, len);
}

static void recorded_close_stdin(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x != NULL && x->state == REC_LIVE)
		x->r->live->ops->close_stdin(&x->live);
}

static int recorded_signal(struct task *task, int signo, struct pl_error *err)
{
	struct rec_task *x = task->impl;

	if (x == NULL || !is_live(x))
		return pl_errorf(err, PL_ENOENT, "%s: its command does not run now", task->host);
	return x->r->live->ops->signal(&x->live, signo, err);
}

static void recorded_cancel(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL || x->cancel_asked)
		return;
	x->cancel_asked = true;
	if (is_live(x))
		x->r->live->ops->cancel(&x->live);
	else if (x->state == REC_HELD)
		recorded_make_ready(recorded_turns_of(x->r->past), x, x->at);
}

static void recorded_pause(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL)
		return;
	x->paused = true;
	if (is_live(x))
		x->r->live->ops->pause(&x->live);
}

static void recorded_resume(struct task *task)
{
	struct rec_task *x = task->impl;

	if (x == NULL || !x->paused)
		return;
	x->paused = false;
	if (is_live(x))
		x->r->live->ops->resume(&x->live);
	else if (x->state == REC_TELLING)
		recorded_make_ready(recorded_turns_of(x->r->past), x, x->at);
}

static void recorded_close_idle(struct transport *tp)
{
	(void)tp; /* the other transport has sessions, and owners of its own */
}

static void recorded_destroy(struct transport *tp)
{
	struct recorded *r = container_of(tp, struct recorded, base);

	if (r->call != NULL)
		r->call->recorded = NULL;
	past_unref(r->past);
	free(r->by_number);
	free(r->numbers);
	free(r->run);
	free(r);
}

static const struct transport_ops recorded_ops = {
	.name = "recorded",
	.caps = TRANSPORT_STDIN | TRANSPORT_PUT | TRANSPORT_GET | TRANSPORT_SIGNAL,
	.start = recorded_start,
	.write = recorded_write,
	.close_stdin = recorded_close_stdin,
	.signal = recorded_signal,
	.cancel = recorded_cancel,
	.pause = recorded_pause,
	.resume = recorded_resume,
	.close_idle = recorded_close_idle,
	.destroy = recorded_destroy,
};

struct transport *recorded_create(struct past *past, struct past_call *call,
				  struct transport *live, enum recorded_rest rest, const char *run)
{
	struct recorded *r = xcalloc(1, sizeof(*r));

	r->base = (struct transport){ .ops = &recorded_ops, .loop = past->loop };
	ring_init(&r->tasks);
	r->past = past_ref(past);
	r->call = call;
	r->live = live;
	r->rest = rest;
	r->run = xstrdup(run);
	r->n_tasks = call->n_tasks;
	r->by_number = xcalloc(r->n_tasks, sizeof(*r->by_number));
	call->recorded = r;
	past_keep(past, call);
	return &r->base;
}
