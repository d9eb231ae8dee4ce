/* past.c - see past.h: opening, and the cursor over calls and results */
#include "store/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/past_private.h"

#define EVENT_MAX (1u << 30) /* bytes of a line: more is damage */

/* ---- lives ---- */

static int open_reader(struct past_reader *r, const char *run_dir, struct pl_error *err)
{
	char *path = xasprintf("%s/journal", run_dir);
	struct stat st;
	int rc = 0;

	r->file = fopen(path, "re");
	if (r->file == NULL && errno == ENOENT)
		rc = pl_errorf(err, PL_ENOENT, "there is no journal '%s'", path);
	else if (r->file == NULL || fstat(fileno(r->file), &st) != 0)
		rc = pl_error_sys(err, errno, "cannot read journal '%s'", path);
	else
		r->end = (uint64_t)st.st_size;
	free(path);
	return rc;
}

static int rewind_reader(struct past_reader *r, struct pl_error *err)
{
	r->at = r->next = 0;
	if (fseeko(r->file, 0, SEEK_SET) != 0)
		return pl_error_sys(err, errno, "cannot read the journal again");
	return 0;
}

struct past *past_open(const char *run_dir, struct loop *loop, struct pl_error *err)
{
	struct past *p = xcalloc(1, sizeof(*p));

	p->refs = 1;
	p->loop = loop;
	p->dir = xstrdup(run_dir);
	if (open_reader(&p->reader, run_dir, err) == 0 && past_scan(p, err) == 0 &&
	    rewind_reader(&p->reader, err) == 0)
		return p;
	past_unref(p);
	return NULL;
}

struct past *past_ref(struct past *p)
{
	p->refs++;
	return p;
}

static void call_free(struct past_call *c)
{
	json_decref(c->event);
	free(c->key);
	free(c->numbers);
	free(c->at);
	free(c);
}

static void past_free(struct past *p)
{
	const struct strtable_entry *e;
	size_t pos = 0;

	recorded_turns_destroy(p->turns);
	while ((e = strtable_next(&p->by_key, &pos)) != NULL)
		call_free(e->value);
	for (size_t i = 0; i < p->n_voids; i++)
		json_decref(p->voids[i].kept);
	strtable_fini(&p->by_key);
	strtable_fini(&p->by_number);
	strtable_fini(&p->left_keys);
	json_decref(p->head);
	json_decref(p->events);
	json_decref(p->left);
	free(p->voids);
	free(p->skipped);
	free(p->kept);
	free(p->interrupts.points);
	free(p->reader.line);
	if (p->reader.file != NULL)
		fclose(p->reader.file);
	free(p->dir);
	free(p);
}

void past_unref(struct past *p)
{
	if (p != NULL && --p->refs == 0)
		past_free(p);
}

/* ---- what was read at once ---- */

const json_t *past_head(const struct past *p)
{
	return p->head;
}

const json_t *past_events(const struct past *p)
{
	return p->events;
}

const json_t *past_left(const struct past *p)
{
	return p->left;
}

unsigned past_last_call(const struct past *p)
{
	return p->last_call;
}

void past_skip(struct past *p, unsigned point)
{
	ARRAY_GROW(p->skipped, p->n_skipped, p->cap_skipped);
	p->skipped[p->n_skipped++] = point;
}

/* ---- the cursor ---- */

static unsigned number_of(const json_t *event, const char *name)
{
	return (unsigned)json_integer_value(json_object_get(event, name));
}

static struct past_call *call_of(const struct past *p, unsigned number)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", number);
	return strtable_get(&p->by_number, key);
}

static void add_number(struct past *p, struct past_call *c, unsigned number)
{
	char key[16];

	snprintf(key, sizeof(key), "%u", number);
	strtable_put(&p->by_number, key, c);
	ARRAY_GROW(c->numbers, c->n_numbers, c->cap_numbers);
	c->numbers[c->n_numbers++] = number;
}

/* The one whose rest this is, or a new one; NULL: it does not count. */
static struct past_call *take_call(struct past *p, json_t *event)
{
	const char *key = json_string_value(json_object_get(event, "key"));
	unsigned number = number_of(event, "call"), again = number_of(event, "again");
	unsigned point = number_of(event, "point");
	struct past_call *c;

	if (key == NULL || past_is_void(p, p->reader.at, point, number))
		return NULL;
	c = again > 0 ? call_of(p, again) : NULL;
	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		c->event = json_incref(event);
		c->key = xstrdup(key);
		c->point = point;
		c->n_tasks = number_of(event, "tasks");
		c->at = xcalloc(c->n_tasks, sizeof(*c->at));
		strtable_put(&p->by_key, key, c);
	}
	add_number(p, c, number);
	if (c->recorded != NULL)
		past_keep_number(p, point, number);
	return c;
}

static bool is_no_result(const struct past *p, const struct past_call *c, const json_t *event)
{
	const char *outcome = json_string_value(json_object_get(event, "outcome"));
	bool interrupted = p->interrupts.all;

	for (size_t i = 0; i < p->interrupts.n; i++)
		interrupted |= p->interrupts.points[i] == c->point;
	return interrupted && outcome != NULL && strcmp(outcome, "canceled") == 0;
}

static struct past_call *take_result(struct past *p, const json_t *event, size_t *task)
{
	struct past_call *c = call_of(p, number_of(event, "call"));

	*task = (size_t)number_of(event, "task") - 1;
	if (c == NULL || *task >= c->n_tasks || is_no_result(p, c, event))
		return NULL;
	c->n_at += c->at[*task] == 0;
	c->at[*task] = p->reader.at + 1;
	return c;
}

static void take_attempt(struct past *p, const json_t *event)
{
	struct past_call *c = call_of(p, number_of(event, "call"));

	if (c != NULL && number_of(event, "attempt") > c->attempts)
		c->attempts = number_of(event, "attempt");
}

static struct past_call *take_event(struct past *p, json_t *event, size_t *task)
{
	const char *ev = json_string_value(json_object_get(event, "ev"));

	*task = SIZE_MAX;
	if (strcmp(ev, "call") == 0)
		return take_call(p, event);
	if (strcmp(ev, "result") == 0)
		return take_result(p, event, task);
	if (strcmp(ev, "attempt") == 0)
		take_attempt(p, event);
	past_interrupts_take(&p->interrupts, ev, event);
	return NULL;
}

static bool is_followed(const char *ev, size_t len)
{
	static const char *const names[] = { "call",   "result", "attempt", "interrupt",
					     "resume", "point" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == len && memcmp(ev, names[i], len) == 0)
			return true;
	}
	return false;
}

int past_advance(struct past *p, struct past_call **call, size_t *task, struct pl_error *err)
{
	const char *ev, *rest;
	json_t *event;
	size_t len;
	int rc;

	*call = NULL;
	while (*call == NULL && (rc = past_read_line(&p->reader, err)) > 0) {
		ev = past_line_event(&p->reader, &len, &rest);
		if (ev == NULL || !is_followed(ev, len))
			continue;
		event = json_loadb(p->reader.line, p->reader.len, 0, NULL);
		if (event != NULL)
			*call = take_event(p, event, task);
		json_decref(event);
	}
	return *call != NULL ? 1 : rc;
}

struct past_call *past_find(struct past *p, const char *key, struct pl_error *err)
{
	struct past_call *c = strtable_get(&p->by_key, key), *read;
	size_t task;

	err->code = PL_EOK;
	while (c == NULL && past_advance(p, &read, &task, err) > 0) {
		if (task != SIZE_MAX)
			recorded_note(read, task);
		else if (strcmp(read->key, key) == 0)
			c = read;
	}
	return c;
}

json_t *past_read_at(struct past *p, uint64_t at, struct pl_error *err)
{
	size_t size = 4096, len = 0;
	char *text = NULL, *end = NULL;
	json_t *event = NULL;

	while (end == NULL && size < EVENT_MAX) {
		ssize_t n;

		text = xrealloc(text, size);
		n = pread(fileno(p->reader.file), text + len, size - len, (off_t)(at - 1 + len));
		if (n <= 0)
			break;
		end = memchr(text + len, '\n', (size_t)n);
		len += (size_t)n;
		size *= 2;
	}
	if (end != NULL)
		event = json_loadb(text, (size_t)(end - text), 0, NULL);
	if (event == NULL)
		pl_errorf(err, PL_ESYS, "the journal in '%s' cannot be read again at byte %llu",
			  p->dir, (unsigned long long)at - 1);
	free(text);
	return event;
}

/* ---- calls ---- */

const json_t *past_call_event(const struct past_call *c)
{
	return c->event;
}

size_t past_call_tasks(const struct past_call *c)
{
	return c->n_tasks;
}

bool past_call_is_whole(const struct past *p, const struct past_call *c)
{
	return strtable_get(&p->left_keys, c->key) == NULL;
}

void past_call_done(struct past *p, struct past_call *c)
{
	char key[16];

	strtable_remove(&p->by_key, c->key);
	for (size_t i = 0; i < c->n_numbers; i++) {
		snprintf(key, sizeof(key), "%u", c->numbers[i]);
		strtable_remove(&p->by_number, key);
	}
	call_free(c);
}

/* Numbers come nearly in order: the range that they continue is among the last. */
void past_keep_number(struct past *p, unsigned point, unsigned number)
{
	for (size_t i = p->n_kept; i-- > 0;) {
		struct past_range *r = &p->kept[i];

		if (r->point == point && (number == r->last + 1 || number + 1 == r->first)) {
			if (number == r->last + 1)
				r->last = number;
			else
				r->first = number;
			return;
		}
	}
	ARRAY_GROW(p->kept, p->n_kept, p->cap_kept);
	p->kept[p->n_kept++] = (struct past_range){ point, number, number };
}

void past_keep(struct past *p, const struct past_call *c)
{
	for (size_t i = 0; i < c->n_numbers; i++)
		past_keep_number(p, c->point, c->numbers[i]);
}

json_t *past_kept(const struct past *p, unsigned point)
{
	json_t *ranges = json_array();

	for (size_t i = 0; i < p->n_kept; i++) {
		const struct past_range *r = &p->kept[i];

		if (r->point == point)
			json_array_append_new(ranges, json_pack("[I,I]", (json_int_t)r->first,
								(json_int_t)r->last));
	}
	return ranges;
}
