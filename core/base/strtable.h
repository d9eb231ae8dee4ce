/*
 * strtable.h - a hash table from strings to pointers.
 *
 * Open addressing, at most 3/4 full; keys are copied. A lookup is O(1) expected. Iteration visits
 * entries in the order they were put in (removed ones left out), so that what is printed from a
 * table is the same in every run.
 */
#ifndef PL_BASE_STRTABLE_H
#define PL_BASE_STRTABLE_H

#include <stddef.h>
#include <stdint.h>

struct strtable_entry {
	char *key; /* NULL: removed */
	size_t len;
	uint64_t hash;
	void *value;
};

struct strtable {
	struct strtable_entry *entries; /* in order of insertion */
	size_t n_entries;		/* removed ones included */
	size_t cap_entries;
	size_t n_live;
	uint32_t *slots; /* 1 + index into entries, 0 when free */
	size_t n_slots;	 /* a power of two, or 0 */
};

#define STRTABLE_INIT { NULL, 0, 0, 0, NULL, 0 }

void strtable_init(struct strtable *t);
void strtable_fini(struct strtable *t); /* frees keys, not values */

size_t strtable_count(const struct strtable *t);

/* The value under key, NULL when there is none. */
void *strtable_get(const struct strtable *t, const char *key);
void *strtable_get_n(const struct strtable *t, const char *key, size_t len);

/* Sets the value (not NULL) and returns the one it replaced, or NULL. */
void *strtable_put(struct strtable *t, const char *key, void *value);

/* Takes key out and returns its value, NULL when it was not there. */
void *strtable_remove(struct strtable *t, const char *key);

/*
 * Steps through the live entries: *pos is 0 before the first call. Returns NULL after the last.
 * The table must not be changed meanwhile, except by removing the entry just returned.
 */
const struct strtable_entry *strtable_next(const struct strtable *t, size_t *pos);

/* 64-bit hash of bytes (FNV-1a with a final mix); the same in every run. */
uint64_t strtable_hash(const void *bytes, size_t len);

#endif
