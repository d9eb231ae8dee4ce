/* strtable.c - see strtable.h */
#include "base/strtable.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void strtable_init(struct strtable *t)
{
	*t = (struct strtable)STRTABLE_INIT;
}

void strtable_fini(struct strtable *t)
{
	for (size_t i = 0; i < t->n_entries; i++)
		free(t->entries[i].key);
	free(t->entries);
	free(t->slots);
	strtable_init(t);
}

size_t strtable_count(const struct strtable *t)
{
	return t->n_live;
}

uint64_t strtable_hash(const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

/* The slot that holds the key, or the free slot where it would go. */
static size_t find_slot(const struct strtable *t, const char *key, size_t len, uint64_t hash)
{
	size_t mask = t->n_slots - 1;
	size_t at = hash & mask;

	for (; t->slots[at] != 0; at = (at + 1) & mask) {
		const struct strtable_entry *e = &t->entries[t->slots[at] - 1];

		if (e->key != NULL && e->hash == hash && e->len == len &&
		    memcmp(e->key, key, len) == 0)
			break;
	}
	return at;
}

/* Drops removed entries and makes the slots at most half full. */
static void rebuild(struct strtable *t)
{
	size_t live = 0;

	for (size_t i = 0; i < t->n_entries; i++) {
		if (t->entries[i].key != NULL)
			t->entries[live++] = t->entries[i];
	}
	t->n_entries = live;
	t->n_slots = 16;
	while (t->n_slots < 2 * (live + 1))
		t->n_slots *= 2;
	free(t->slots);
	t->slots = xcalloc(t->n_slots, sizeof(*t->slots));
	for (size_t i = 0; i < live; i++) {
		const struct strtable_entry *e = &t->entries[i];

		t->slots[find_slot(t, e->key, e->len, e->hash)] = (uint32_t)(i + 1);
	}
}

void *strtable_get_n(const struct strtable *t, const char *key, size_t len)
{
	size_t at;

	if (t->n_live == 0)
		return NULL;
	at = find_slot(t, key, len, strtable_hash(key, len));
	return t->slots[at] != 0 ? t->entries[t->slots[at] - 1].value : NULL;
}

void *strtable_get(const struct strtable *t, const char *key)
{
	return strtable_get_n(t, key, strlen(key));
}

void *strtable_put(struct strtable *t, const char *key, void *value)
{
	size_t len = strlen(key);
	uint64_t hash = strtable_hash(key, len);
	struct strtable_entry *e;
	size_t at;

	if ((t->n_entries + 1) * 4 > t->n_slots * 3)
		rebuild(t);
	at = find_slot(t, key, len, hash);
	if (t->slots[at] != 0) {
		void *old;

		e = &t->entries[t->slots[at] - 1];
		old = e->value;
		e->value = value;
		return old;
	}
	ARRAY_GROW(t->entries, t->n_entries, t->cap_entries);
	e = &t->entries[t->n_entries++];
	*e = (struct strtable_entry){ xstrndup(key, len), len, hash, value };
	t->slots[at] = (uint32_t)t->n_entries;
	t->n_live++;
	return NULL;
}

void *strtable_remove(struct strtable *t, const char *key)
{
	struct strtable_entry *e;
	size_t len = strlen(key);
	size_t at;

	if (t->n_live == 0)
		return NULL;
	at = find_slot(t, key, len, strtable_hash(key, len));
	if (t->slots[at] == 0)
		return NULL;
	/* the slot stays taken by a dead entry until the next rebuild, so probes go past it */
	e = &t->entries[t->slots[at] - 1];
	free(e->key);
	e->key = NULL;
	t->n_live--;
	return e->value;
}

const struct strtable_entry *strtable_next(const struct strtable *t, size_t *pos)
{
	while (*pos < t->n_entries) {
		const struct strtable_entry *e = &t->entries[(*pos)++];

		if (e->key != NULL)
			return e;
	}
	return NULL;
}
