/* utf8.h - is it text? UTF-8 as RFC 3629 has it: no overlong forms, no surrogates. */
#ifndef PL_BASE_UTF8_H
#define PL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the character at the start of `s` has, 0 when there is none. */
size_t utf8_length(const char *s, size_t len);

/* O(len), fast over ASCII. */
bool utf8_valid(const char *s, size_t len);

#endif
