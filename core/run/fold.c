/* fold.c - see fold.h */
#include "run/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "run/run_private.h"

/* Groups while they are found: open addressing over the hash of what a task said. */
struct folding {
	const struct run *run;
	enum fold_by by;
	struct found {
		uint64_t hash;
		size_t first; /* the task that speaks for the group */
		size_t n;
	} *found;
	size_t n, cap;
	uint32_t *table; /* 1 + number of the group, 0 when free */
	size_t mask;
	uint32_t *group_of; /* by task: 1 + number of the group, 0 when not over */
};

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 31);
}

static uint64_t hash_output(uint64_t h, const struct output *o)
{
	const char *kept;
	size_t len;

	if (o == NULL)
		return mix(h, 0);
	h = mix(h, o->total);
	h = mix(h, o->tail_hash);
	kept = output_kept(o, &len);
	return len > 0 ? mix(h, strtable_hash(kept, len)) : h;
}

static uint64_t hash_outcome(const struct slot *slot)
{
	uint64_t h = mix(slot->outcome, slot->phase);

	h = mix(h, (uint64_t)slot->code);
	return mix(h, strtable_hash(slot->signal, strlen(slot->signal)));
}

static uint64_t hash_slot(enum fold_by by, const struct slot *slot)
{
	switch (by) {
	case FOLD_BY_STDOUT:
		return hash_output(0, slot->out);
	case FOLD_BY_STDERR:
		return hash_output(0, slot->err);
	case FOLD_BY_OUTCOME:
		return hash_outcome(slot);
	case FOLD_BY_OUTPUT:
		break;
	}
	return hash_output(hash_output(hash_outcome(slot), slot->out), slot->err);
}

static bool same_output(const struct output *a, const struct output *b)
{
	size_t a_len, b_len;
	const char *a_kept = output_kept(a, &a_len), *b_kept = output_kept(b, &b_len);

	if (a == NULL || b == NULL)
		return a == b;
	return a->total == b->total && a->tail_hash == b->tail_hash &&
	       a_len == b_len && (a_len == 0 || memcmp(a_kept, b_kept, a_len) == 0);
}

static bool same_outcome(const struct slot *a, const struct slot *b)
{
	return a->outcome == b->outcome && a->phase == b->phase && a->code == b->code &&
	       strcmp(a->signal, b->signal) == 0;
}

static bool same(enum fold_by by, const struct slot *a, const struct slot *b)
{
	switch (by) {
	case FOLD_BY_STDOUT:
		return same_output(a->out, b->out);
	case FOLD_BY_STDERR:
		return same_output(a->err, b->err);
	case FOLD_BY_OUTCOME:
		return same_outcome(a, b);
	case FOLD_BY_OUTPUT:
		break;
	}
	return same_outcome(a, b) && same_output(a->out, b->out) && same_output(a->err, b->err);
}

/* The place in the table of the slot's group, or the free one where it would go. */
static uint32_t *find(const struct folding *f, const struct slot *slot, uint64_t hash)
{
	size_t at = hash & f->mask;

	for (; f->table[at] != 0; at = (at + 1) & f->mask) {
		const struct found *g = &f->found[f->table[at] - 1];

		if (g->hash == hash && same(f->by, &f->run->slots[g->first], slot))
			break;
	}
	return &f->table[at];
}

static void put(struct folding *f, size_t task)
{
	const struct slot *slot = &f->run->slots[task];
	uint64_t hash = hash_slot(f->by, slot);
	uint32_t *at = find(f, slot, hash);

	if (*at == 0) {
		ARRAY_GROW(f->found, f->n, f->cap);
		f->found[f->n++] = (struct found){ hash, task, 0 };
		*at = (uint32_t)f->n;
	}
	f->found[*at - 1].n++;
	f->group_of[task] = *at;
}

static int larger_first(const void *a, const void *b)
{
	const struct fold_group *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->tasks[0] < y->tasks[0] ? -1 : 1;
}

/* Numbers into groups, ascending because tasks are visited in order. */
static void collect(struct fold *fold, const struct folding *f, size_t n_tasks)
{
	size_t *numbers = xcalloc(n_tasks, sizeof(*numbers));
	size_t from = 0;

	fold->n = f->n;
	fold->numbers = numbers;
	fold->groups = xcalloc(f->n, sizeof(*fold->groups));
	for (size_t g = 0; g < f->n; g++) {
		fold->groups[g].tasks = numbers + from;
		from += f->found[g].n;
	}
	for (size_t i = 0; i < n_tasks; i++) {
		if (f->group_of[i] != 0) {
			struct fold_group *g = &fold->groups[f->group_of[i] - 1];

			g->tasks[g->n++] = i;
		}
	}
	if (fold->n > 1)
		qsort(fold->groups, fold->n, sizeof(*fold->groups), larger_first);
}

void fold_init(struct fold *fold, const struct run *run, enum fold_by by)
{
	size_t n_tasks = run->spec.n_tasks;
	struct folding f = { .run = run, .by = by, .mask = 15 };

	while (f.mask < 2 * n_tasks)
		f.mask = 2 * f.mask + 1;
	f.table = xcalloc(f.mask + 1, sizeof(*f.table));
	f.group_of = xcalloc(n_tasks, sizeof(*f.group_of));
	for (size_t i = 0; i < n_tasks; i++) {
		if (run->slots[i].outcome != OUTCOME_NONE)
			put(&f, i);
	}
	collect(fold, &f, n_tasks);
	free(f.found);
	free(f.table);
	free(f.group_of);
}

void fold_fini(struct fold *fold)
{
	free(fold->groups);
	free(fold->numbers);
	*fold = (struct fold){ 0 };
}
