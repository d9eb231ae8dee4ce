/* sched_queue.c - where tasks stand: the queue of what they wait for, the list of all */
#include "sched_private.h"

void sched_queue_add(struct sched_queue *q, struct sched_task *t)
{
	t->queue = q;
	t->next = NULL;
	t->prev = q->tail;
	if (q->tail != NULL)
		q->tail->next = t;
	else
		q->head = t;
	q->tail = t;
}

void sched_queue_remove(struct sched_task *t)
{
	struct sched_queue *q = t->queue;

	if (q == NULL)
		return;
	*(t->prev != NULL ? &t->prev->next : &q->head) = t->next;
	*(t->next != NULL ? &t->next->prev : &q->tail) = t->prev;
	t->queue = NULL;
	t->prev = t->next = NULL;
}

void sched_make_ready(struct sched_task *t)
{
	sched_queue_remove(t);
	t->state = SCHED_READY;
	sched_queue_add(&t->sched->ready, t);
}

void sched_wake_one(struct sched_queue *queue)
{
	if (queue->head != NULL)
		sched_make_ready(queue->head);
}

void sched_wake_all(struct sched_queue *queue)
{
	while (queue->head != NULL)
		sched_make_ready(queue->head);
}

/* ---- the list of live tasks, and that of failed ones ---- */

void sched_list_add(struct sched_list *list, struct sched_task *t)
{
	t->newer = NULL;
	t->older = list->newest;
	*(list->newest != NULL ? &list->newest->newer : &list->oldest) = t;
	list->newest = t;
	t->list = list;
}

void sched_list_remove(struct sched_task *t)
{
	struct sched_list *list = t->list;

	if (list == NULL)
		return;
	*(t->older != NULL ? &t->older->newer : &list->oldest) = t->newer;
	*(t->newer != NULL ? &t->newer->older : &list->newest) = t->older;
	t->older = t->newer = NULL;
	t->list = NULL;
}
