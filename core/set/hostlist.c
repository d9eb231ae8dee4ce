/* hostlist.c - host sets: storage, index and algebra; see hostlist.h and hostlist_store.h */
#include "set/hostlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "set/hostlist_store.h"

/* Up to here a search along the names is cheaper than building an index. */
#define INDEX_FROM 8

static size_t place_of(const struct pl_hostlist *h, const char *name, size_t len);
static void index_drop(struct pl_hostlist *h);
static void index_insert(struct pl_hostlist *h, uint32_t hash, size_t place);
static uint32_t hash_name(const char *name, size_t len);
static void list_clear(struct pl_hostlist *h);
static void keep_where(struct pl_hostlist *a, const struct pl_hostlist *b, bool present);

struct pl_hostlist *pl_hostlist_create(void)
{
	return xcalloc(1, sizeof(struct pl_hostlist));
}

void pl_hostlist_destroy(struct pl_hostlist *h)
{
	if (h == NULL)
		return;
	free(h->arena);
	free(h->starts);
	free(h->slots);
	free(h);
}

struct pl_hostlist *pl_hostlist_copy(const struct pl_hostlist *h)
{
	return pl_hostlist_slice(h, 0, h->n);
}

size_t pl_hostlist_count(const struct pl_hostlist *h)
{
	return h->n;
}

const char *pl_hostlist_name(const struct pl_hostlist *h, size_t i)
{
	return i < h->n ? h->arena + h->starts[i] : NULL;
}

size_t hostlist_name_len(const struct pl_hostlist *h, size_t i)
{
	size_t end = i + 1 < h->n ? h->starts[i + 1] : h->arena_len;

	return end - h->starts[i] - 1;
}

size_t pl_hostlist_find(const struct pl_hostlist *h, const char *name)
{
	return place_of(h, name, strlen(name));
}

bool pl_hostlist_add(struct pl_hostlist *h, const char *name)
{
	return hostlist_add_n(h, name, strlen(name));
}

bool hostlist_add_n(struct pl_hostlist *h, const char *name, size_t len)
{
	if (len == 0 || place_of(h, name, len) != SIZE_MAX)
		return false;
	hostlist_append(h, name, len);
	return true;
}

/* More than 4 GiB of names is out of memory in every way that matters. */
static void reserve(struct pl_hostlist *h, size_t bytes)
{
	size_t need = h->arena_len + bytes;

	if (need > HOSTLIST_ARENA_MAX)
		need = SIZE_MAX;
	if (need > h->arena_cap) {
		h->arena_cap = need == SIZE_MAX ? need : mem_grow(h->arena_cap, need);
		h->arena = xrealloc(h->arena, h->arena_cap);
	}
}

void hostlist_append(struct pl_hostlist *h, const char *name, size_t len)
{
	reserve(h, len + 1);
	ARRAY_GROW(h->starts, h->n, h->cap);
	memcpy(h->arena + h->arena_len, name, len);
	h->arena[h->arena_len + len] = '\0';
	h->starts[h->n++] = (uint32_t)h->arena_len;
	h->arena_len += len + 1;
	if (h->slots != NULL)
		index_insert(h, hash_name(name, len), h->n);
}

void pl_hostlist_union(struct pl_hostlist *a, const struct pl_hostlist *b)
{
	if (a == b)
		return;
	for (size_t i = 0; i < b->n; i++)
		hostlist_add_n(a, b->arena + b->starts[i], hostlist_name_len(b, i));
}

void pl_hostlist_subtract(struct pl_hostlist *a, const struct pl_hostlist *b)
{
	if (a == b)
		list_clear(a);
	else
		keep_where(a, b, false);
}

void pl_hostlist_intersect(struct pl_hostlist *a, const struct pl_hostlist *b)
{
	if (a != b)
		keep_where(a, b, true);
}

void pl_hostlist_xor(struct pl_hostlist *a, const struct pl_hostlist *b)
{
	struct pl_hostlist *only_b;

	if (a == b) {
		list_clear(a);
		return;
	}
	only_b = pl_hostlist_copy(b);
	keep_where(only_b, a, false);
	keep_where(a, b, false);
	pl_hostlist_union(a, only_b);
	pl_hostlist_destroy(only_b);
}

struct pl_hostlist *pl_hostlist_slice(const struct pl_hostlist *h, size_t first, size_t n)
{
	struct pl_hostlist *out = pl_hostlist_create();
	size_t begin, end;

	if (first >= h->n || n == 0)
		return out;
	if (n > h->n - first)
		n = h->n - first;
	begin = h->starts[first];
	end = first + n < h->n ? h->starts[first + n] : h->arena_len;
	out->arena_len = out->arena_cap = end - begin;
	out->arena = xmalloc(out->arena_cap);
	memcpy(out->arena, h->arena + begin, out->arena_len);
	out->n = out->cap = n;
	out->starts = xreallocarray(NULL, n, sizeof(*out->starts));
	for (size_t i = 0; i < n; i++)
		out->starts[i] = h->starts[first + i] - (uint32_t)begin;
	return out;
}

char *pl_hostlist_join(const struct pl_hostlist *h, const char *sep)
{
	struct strbuf b = STRBUF_INIT;
	size_t sep_len = strlen(sep);

	strbuf_reserve(&b, h->arena_len + h->n * sep_len);
	for (size_t i = 0; i < h->n; i++) {
		if (i > 0)
			strbuf_add(&b, sep, sep_len);
		strbuf_add(&b, h->arena + h->starts[i], hostlist_name_len(h, i));
	}
	if (b.len == 0)
		strbuf_reset(&b);
	return strbuf_detach(&b);
}

static void list_clear(struct pl_hostlist *h)
{
	h->n = 0;
	h->arena_len = 0;
	index_drop(h);
}

/* Keeps the names of a that are (present) or are not in b; moves the rest of the arena up. */
static void keep_where(struct pl_hostlist *a, const struct pl_hostlist *b, bool present)
{
	size_t kept = 0, used = 0;

	for (size_t i = 0; i < a->n; i++) {
		size_t len = hostlist_name_len(a, i);
		char *name = a->arena + a->starts[i];

		if ((place_of(b, name, len) != SIZE_MAX) != present)
			continue;
		memmove(a->arena + used, name, len + 1);
		a->starts[kept++] = (uint32_t)used;
		used += len + 1;
	}
	if (kept < a->n)
		index_drop(a);
	a->n = kept;
	a->arena_len = used;
}

/* ---- the index ---- */

static uint32_t hash_name(const char *name, size_t len)
{
	return (uint32_t)strtable_hash(name, len);
}

static void index_drop(struct pl_hostlist *h)
{
	free(h->slots);
	h->slots = NULL;
	h->n_slots = 0;
}

static void slot_put(struct hostlist_slot *slots, size_t n_slots, struct hostlist_slot slot)
{
	size_t at = slot.hash & (n_slots - 1);

	while (slots[at].place != 0)
		at = (at + 1) & (n_slots - 1);
	slots[at] = slot;
}

/* A table for n names, at most half full, with what the old one held: hashes are kept. */
static void index_resize(struct pl_hostlist *h, size_t n)
{
	struct hostlist_slot *slots;
	size_t n_slots = 32;

	while (n_slots < 2 * n)
		n_slots *= 2;
	slots = xcalloc(n_slots, sizeof(*slots));
	for (size_t i = 0; i < h->n_slots; i++) {
		if (h->slots[i].place != 0)
			slot_put(slots, n_slots, h->slots[i]);
	}
	free(h->slots);
	h->slots = slots;
	h->n_slots = n_slots;
}

static void index_insert(struct pl_hostlist *h, uint32_t hash, size_t place)
{
	if (2 * place > h->n_slots)
		index_resize(h, 2 * place);
	slot_put(h->slots, h->n_slots, (struct hostlist_slot){ hash, (uint32_t)place });
}

static void index_build(struct pl_hostlist *h)
{
	index_resize(h, h->n);
	for (size_t i = 0; i < h->n; i++)
		index_insert(h, hash_name(h->arena + h->starts[i], hostlist_name_len(h, i)), i + 1);
}

static bool name_is(const struct pl_hostlist *h, size_t i, const char *name, size_t len)
{
	return hostlist_name_len(h, i) == len && memcmp(h->arena + h->starts[i], name, len) == 0;
}

static size_t search_along(const struct pl_hostlist *h, const char *name, size_t len)
{
	for (size_t i = 0; i < h->n; i++) {
		if (name_is(h, i, name, len))
			return i;
	}
	return SIZE_MAX;
}

static size_t place_of(const struct pl_hostlist *h, const char *name, size_t len)
{
	uint32_t hash;
	size_t at;

	if (h->slots == NULL) {
		if (h->n <= INDEX_FROM)
			return search_along(h, name, len);
		/* lists live on the heap: what looks const to the caller may gain an index */
		index_build((struct pl_hostlist *)h);
	}
	hash = hash_name(name, len);
	for (at = hash & (h->n_slots - 1); h->slots[at].place != 0; at = (at + 1) & (h->n_slots - 1)) {
		if (h->slots[at].hash == hash && name_is(h, h->slots[at].place - 1, name, len))
			return h->slots[at].place - 1;
	}
	return SIZE_MAX;
}
