/*
 * ring.h - lists whose links lie in the things themselves: a head, and from it round to it again.
 * A zeroed link is in no ring. All in constant time; nothing is allocated.
 */
#ifndef PL_BASE_RING_H
#define PL_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct ring {
	struct ring *prev, *next;
};

static inline void ring_init(struct ring *head)
{
	head->prev = head->next = head;
}

static inline bool ring_is_empty(const struct ring *head)
{
	return head->next == head;
}

/* True while the link is in a ring. */
static inline bool ring_holds(const struct ring *link)
{
	return link->next != NULL;
}

/* Puts a link that is in no ring behind another one; behind the head, it is the first. */
static inline void ring_add_behind(struct ring *at, struct ring *link)
{
	link->prev = at;
	link->next = at->next;
	link->prev->next = link->next->prev = link;
}

static inline void ring_add_last(struct ring *head, struct ring *link)
{
	ring_add_behind(head->prev, link);
}

/* A no-op for one that is in no ring. */
static inline void ring_remove(struct ring *link)
{
	if (!ring_holds(link))
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

/* Moves all of a ring that is not empty to another head. */
static inline void ring_move(struct ring *from, struct ring *to)
{
	*to = *from;
	to->prev->next = to->next->prev = to;
	ring_init(from);
}

/* The first thing, which there must be. */
#define ring_first(head, type, member) container_of((head)->next, type, member)

/* For each thing, in order: a loop that declares var. Nothing may be removed meanwhile, but by who
 * goes on no further. */
#define ring_each(type, var, head, member)                                                         \
	for (type *var = container_of((head)->next, type, member); &var->member != (head);         \
	     var = container_of(var->member.next, type, member))

#endif
