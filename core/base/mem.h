/*
 * mem.h - memory that is there or the program is not.
 *
 * Out of memory ends the process in one place (mem.c) with a message; no caller checks for NULL.
 * Sizes that come from outside are bounded by the caller before they reach here.
 */
#ifndef PL_BASE_MEM_H
#define PL_BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size); /* zeroed; dies on overflow of count * size */
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);		     /* xstrdup(NULL) is NULL */
char *xstrndup(const char *s, size_t len);   /* NUL-terminated copy of len bytes */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The next capacity of an array that must hold at least `need` entries: doubles, from 16. */
size_t mem_grow(size_t cap, size_t need);

/*
 * Makes room for one more entry at the end of array `a` with `n` used of `cap`.
 *	ARRAY_GROW(list->items, list->n, list->cap);
 *	list->items[list->n++] = item;
 */
#define ARRAY_GROW(a, n, cap)                                                                      \
	do {                                                                                       \
		if ((n) >= (cap)) {                                                                \
			(cap) = mem_grow((cap), (n) + 1);                                          \
			(a) = xreallocarray((a), (cap), sizeof(*(a)));                             \
		}                                                                                  \
	} while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#endif
