/*
 * pattern.h - the wildcards of ssh_config(5) and sshd(8): `*` any bytes, `?` one byte.
 */
#ifndef PL_TRANSPORT_PATTERN_H
#define PL_TRANSPORT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* True when the text matches the pattern of `len` bytes. O(len * strlen(text)) at worst. */
bool pattern_match(const char *pattern, size_t len, const char *text);

enum pattern_answer { PATTERN_NO, PATTERN_YES, PATTERN_NEGATED };

/*
 * A list of patterns with commas between; one that begins with `!` negates. NEGATED when a negated
 * one matches (it wins wherever it stands), else YES when another one does, else NO.
 */
enum pattern_answer pattern_list_match(const char *list, const char *text);

/* True when the bytes hold a wildcard or a negation. */
bool pattern_is_wild(const char *list, size_t len);

#endif
