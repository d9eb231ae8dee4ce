/*
 * nearest.h - "did you mean": the known name closest to a mistyped one.
 *
 *	pl_errorf(err, PL_EUSAGE, "unknown key '%s'%s", key,
 *		  nearest_hint(key, names, hint, sizeof(hint)));
 */
#ifndef PL_BASE_NEAREST_H
#define PL_BASE_NEAREST_H

#include <stddef.h>

/*
 * The entry of NULL-terminated `names` with the smallest edit distance to `word` (insert, delete,
 * replace, swap of neighbours; case costs nothing), NULL when even that needs more than a third of
 * the longer word changed, two letters at least. The first of equals. O(names * length^2).
 */
const char *nearest_name(const char *word, const char *const *names);

/* " (did you mean 'x'?)" written into buf, or "" where nothing is near. Returns buf. */
const char *nearest_hint(const char *word, const char *const *names, char *buf, size_t size);

#endif
