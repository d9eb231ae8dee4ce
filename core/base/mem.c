/* mem.c - see mem.h; the one place where lack of memory ends the program */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void die_of_memory(size_t size)
{
	fprintf(stderr, "perilune: out of memory (asked for %zu bytes)\n", size);
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		die_of_memory(size);
	return p;
}

void *xcalloc(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		die_of_memory(count > SIZE_MAX / (size > 0 ? size : 1) ? SIZE_MAX : count * size);
	return p;
}

void *xrealloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
		die_of_memory(size);
	return p;
}

void *xreallocarray(void *p, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size)
		die_of_memory(SIZE_MAX);
	return xrealloc(p, count * size);
}

char *xstrdup(const char *s)
{
	return s != NULL ? xstrndup(s, strlen(s)) : NULL;
}

char *xstrndup(const char *s, size_t len)
{
	char *copy = xmalloc(len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	char *s;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die_of_memory(0);
	va_end(ap);
	return s;
}

size_t mem_grow(size_t cap, size_t need)
{
	size_t next = cap < 16 ? 16 : cap;

	while (next < need) {
		if (next > SIZE_MAX / 2)
			die_of_memory(SIZE_MAX);
		next *= 2;
	}
	return next;
}
