/*
 * hostlist_store.h - how a host set lies in memory; for the files of this room only.
 *
 * Names stand one after the other in an arena, NUL-terminated, in the order of the set, so a slice
 * is one copy and a length is the distance to the next start. The index by name is a table of
 * (hash, place) built when first needed: a list that is only expanded and printed never pays.
 */
#ifndef PL_SET_HOSTLIST_STORE_H
#define PL_SET_HOSTLIST_STORE_H

#include "set/hostlist.h"

struct hostlist_slot {
	uint32_t hash;
	uint32_t place; /* 1 + place in starts, 0 when free */
};

struct pl_hostlist {
	char *arena;
	size_t arena_len;
	size_t arena_cap;
	uint32_t *starts; /* of each name in the arena, ascending */
	size_t n;
	size_t cap;
	struct hostlist_slot *slots; /* NULL: no index */
	size_t n_slots;		     /* a power of two, or 0 */
};

/* The most bytes of names in one list, NULs included: starts are 32 bits. */
#define HOSTLIST_ARENA_MAX UINT32_MAX

/* Bytes of the i-th name, without the NUL; i is below the count. */
size_t hostlist_name_len(const struct pl_hostlist *h, size_t i);

/* Adds a name of `len` bytes (without NUL) unless it is there; true when it was new. */
bool hostlist_add_n(struct pl_hostlist *h, const char *name, size_t len);

/* Adds a name that the caller knows to be new; needs no index. */
void hostlist_append(struct pl_hostlist *h, const char *name, size_t len);

#endif
