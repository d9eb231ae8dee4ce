/*
 * past_scan.c - the first reading of a journal: what is few is kept, of calls and results only
 * which of them lack what.
 *
 * Lines of results are most of a journal, and only two numbers of each are needed: these are taken
 * from where our writer puts them, without making a tree of the line.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "set/hostlist.h"
#include "store/past_private.h"

/* ---- lines ---- */

int past_read_line(struct past_reader *r, struct pl_error *err)
{
	ssize_t n;

	if (r->next >= r->end)
		return 0;
	r->at = r->next;
	n = getline(&r->line, &r->cap, r->file);
	if (n <= 0 || r->line[n - 1] != '\n') {
		if (ferror(r->file))
			return pl_error_sys(err, errno, "cannot read the journal");
		return 0;
	}
	r->len = (size_t)n;
	r->next += (uint64_t)n;
	return 1;
}

const char *past_line_event(const struct past_reader *r, size_t *len, const char **rest)
{
	static const char begins[] = "{\"t\":", then[] = ",\"ev\":\"";
	const char *at = r->line, *end;

	if (strncmp(at, begins, sizeof(begins) - 1) != 0)
		return NULL;
	at += sizeof(begins) - 1;
	at += strspn(at, "0123456789.");
	if (strncmp(at, then, sizeof(then) - 1) != 0)
		return NULL;
	at += sizeof(then) - 1;
	end = strchr(at, '"');
	if (end == NULL)
		return NULL;
	*len = (size_t)(end - at);
	*rest = end + 1;
	return at;
}

/* ---- interruptions ---- */

static unsigned number_of(const json_t *event, const char *name)
{
	return (unsigned)json_integer_value(json_object_get(event, name));
}

static void drop_point(struct past_interrupts *in, unsigned point)
{
	for (size_t i = 0; i < in->n; i++) {
		if (in->points[i] == point)
			in->points[i--] = in->points[--in->n];
	}
}

void past_interrupts_take(struct past_interrupts *in, const char *ev, const json_t *event)
{
	unsigned point = number_of(event, "point");

	if (strcmp(ev, "resume") == 0) {
		in->all = false;
		in->n = 0;
	} else if (strcmp(ev, "point") == 0) {
		drop_point(in, point);
	} else if (strcmp(ev, "interrupt") == 0 && point > 0) {
		ARRAY_GROW(in->points, in->n, in->cap);
		in->points[in->n++] = point;
	} else if (strcmp(ev, "interrupt") == 0) {
		in->all = true;
	}
}

/* ---- what counts no more ---- */

static bool range_has(const json_t *ranges, unsigned number)
{
	const json_t *range;
	size_t i;

	json_array_foreach(ranges, i, range) {
		if (number >= json_integer_value(json_array_get(range, 0)) &&
		    number <= json_integer_value(json_array_get(range, 1)))
			return true;
	}
	return false;
}

bool past_is_void(const struct past *p, uint64_t at, unsigned point, unsigned number)
{
	for (size_t i = 0; i < p->n_skipped; i++) {
		if (p->skipped[i] == point)
			return true;
	}
	for (size_t i = p->n_voids; i-- > 0 && p->voids[i].at > at;) {
		if (p->voids[i].point == point && !range_has(p->voids[i].kept, number))
			return true;
	}
	return false;
}

/* ---- calls that lack results ---- */

/* A call, and those that it was issued again as. */
struct open_call {
	json_t *event; /* of the first */
	json_t *calls; /* their numbers */
	size_t n_tasks, n_results;
	json_t *done; /* hosts with a result; NULL: there are several tasks on a host */
};

struct scan {
	struct past *past;
	struct past_interrupts interrupts;
	struct strtable open; /* struct open_call by the number of each of its calls */
	struct open_call *last; /* the one that was asked for last, */
	unsigned last_number;	/* under this number: most results come one behind the other */
};

static void number_key(char *key, unsigned number)
{
	snprintf(key, 16, "%u", number);
}

static struct open_call *open_of(struct scan *s, unsigned number)
{
	char key[16];

	if (s->last != NULL && s->last_number == number)
		return s->last;
	number_key(key, number);
	s->last = strtable_get(&s->open, key);
	s->last_number = number;
	return s->last;
}

static void open_free(struct open_call *o)
{
	json_decref(o->event);
	json_decref(o->calls);
	json_decref(o->done);
	free(o);
}

static void open_remove(struct scan *s, struct open_call *o)
{
	const json_t *number;
	size_t i;
	char key[16];

	json_array_foreach(o->calls, i, number) {
		number_key(key, (unsigned)json_integer_value(number));
		strtable_remove(&s->open, key);
	}
	if (s->last == o)
		s->last = NULL;
	open_free(o);
}

static size_t count_hosts(const char *text)
{
	struct pl_hostlist *set = pl_hostlist_parse(text, NULL, NULL);
	size_t n = set != NULL ? pl_hostlist_count(set) : 0;

	pl_hostlist_destroy(set);
	return n;
}

static struct open_call *open_create(json_t *event)
{
	const char *hosts = json_string_value(json_object_get(event, "hosts"));
	struct open_call *o = xcalloc(1, sizeof(*o));

	o->event = json_incref(event);
	o->calls = json_array();
	o->n_tasks = number_of(event, "tasks");
	if (o->n_tasks > 1 && hosts != NULL && count_hosts(hosts) == o->n_tasks)
		o->done = json_object();
	return o;
}

static void scan_call(struct scan *s, json_t *event)
{
	unsigned number = number_of(event, "call"), again = number_of(event, "again");
	struct open_call *o = again > 0 ? open_of(s, again) : NULL;
	char key[16];

	if (number > s->past->last_call)
		s->past->last_call = number;
	if (json_object_get(event, "key") == NULL)
		return;
	if (o == NULL && again > 0) /* of one that counts no more */
		return;
	if (o == NULL)
		o = open_create(event);
	json_array_append_new(o->calls, json_integer(number));
	number_key(key, number);
	strtable_put(&s->open, key, o);
	s->last = NULL;
}

static bool is_interrupted(const struct past_interrupts *in, unsigned point)
{
	bool is = in->all;

	for (size_t i = 0; i < in->n; i++)
		is |= in->points[i] == point;
	return is;
}

static bool is_canceled(const json_t *event)
{
	const char *outcome = json_string_value(json_object_get(event, "outcome"));

	return outcome != NULL && strcmp(outcome, "canceled") == 0;
}

/* Whether a result counts: its line is looked at only when that is in doubt. */
static bool counts(const struct scan *s, const struct open_call *o)
{
	const struct past_reader *r = &s->past->reader;
	json_t *event;
	bool canceled;

	if (!is_interrupted(&s->interrupts, number_of(o->event, "point")))
		return true;
	event = json_loadb(r->line, r->len, 0, NULL);
	canceled = is_canceled(event);
	json_decref(event);
	return !canceled;
}

static void note_done(const struct scan *s, struct open_call *o)
{
	const struct past_reader *r = &s->past->reader;
	json_t *event = json_loadb(r->line, r->len, 0, NULL);
	const char *host = json_string_value(json_object_get(event, "host"));

	if (host != NULL)
		json_object_set_new(o->done, host, json_true());
	json_decref(event);
}

/* rest: ,"call":N,"task":M,... */
static void scan_result(struct scan *s, const char *rest)
{
	static const char field[] = ",\"call\":";
	struct open_call *o;

	if (strncmp(rest, field, sizeof(field) - 1) != 0)
		return;
	o = open_of(s, (unsigned)strtoul(rest + sizeof(field) - 1, NULL, 10));
	if (o == NULL || !counts(s, o))
		return;
	o->n_results++;
	if (o->n_results == o->n_tasks)
		open_remove(s, o);
	else if (o->done != NULL)
		note_done(s, o);
}

/* ---- the events that are few ---- */

/* Their number is that of the calls that lack results: few. */
static void drop_void_calls(struct scan *s, unsigned point, const json_t *kept)
{
	const struct strtable_entry *e;
	size_t pos = 0;

	while ((e = strtable_next(&s->open, &pos)) != NULL) {
		struct open_call *o = e->value;
		unsigned number = (unsigned)strtoul(e->key, NULL, 10);

		if (number_of(o->event, "point") == point &&
		    (kept == NULL || !range_has(kept, number))) {
			open_remove(s, o);
			pos = 0;
		}
	}
}

static bool has_finished(const json_t *event)
{
	const char *verdict = json_string_value(json_object_get(event, "verdict"));

	return verdict != NULL && strcmp(verdict, "canceled") != 0 && strcmp(verdict, "error") != 0;
}

static void add_void(struct past *p, const json_t *event)
{
	struct past_void *v;

	ARRAY_GROW(p->voids, p->n_voids, p->cap_voids);
	v = &p->voids[p->n_voids++];
	v->at = p->reader.at;
	v->point = number_of(event, "point");
	v->kept = json_incref(json_object_get(event, "kept"));
}

static void scan_few(struct scan *s, const char *ev, json_t *event)
{
	struct past *p = s->past;
	static const char *const kept[] = { "point", "point_end", "diverged", "resume", "end" };

	if (strcmp(ev, "begin") == 0 && p->head == NULL)
		p->head = json_incref(event);
	if (strcmp(ev, "diverged") == 0) {
		add_void(p, event);
		drop_void_calls(s, number_of(event, "point"), json_object_get(event, "kept"));
	} else if (strcmp(ev, "point_end") == 0 && has_finished(event)) {
		drop_void_calls(s, number_of(event, "point"), NULL);
	}
	past_interrupts_take(&s->interrupts, ev, event);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (strcmp(ev, kept[i]) == 0)
			json_array_append(p->events, event);
	}
}

static bool is_few(const char *ev, size_t len)
{
	static const char *const names[] = { "begin",  "call", "point", "point_end", "diverged",
					     "interrupt", "resume", "end" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strlen(names[i]) == len && memcmp(ev, names[i], len) == 0)
			return true;
	}
	return false;
}

static int scan_line(struct scan *s, struct pl_error *err)
{
	const struct past_reader *r = &s->past->reader;
	const char *rest, *ev, *name;
	json_error_t why;
	json_t *event;
	size_t len;

	ev = past_line_event(r, &len, &rest);
	if (ev == NULL)
		return pl_errorf(err, PL_ESYS, "the journal in '%s' has a line at byte %llu that "
				 "is none of ours", s->past->dir, (unsigned long long)r->at);
	if (len == 6 && memcmp(ev, "result", 6) == 0) {
		scan_result(s, rest);
		return 0;
	}
	if (!is_few(ev, len))
		return 0;
	event = json_loadb(r->line, r->len, 0, &why);
	if (event == NULL)
		return pl_errorf(err, PL_ESYS, "the journal in '%s', at byte %llu: %s",
				 s->past->dir, (unsigned long long)r->at, why.text);
	name = json_string_value(json_object_get(event, "ev"));
	if (strcmp(name, "call") == 0)
		scan_call(s, event);
	else
		scan_few(s, name, event);
	json_decref(event);
	return 0;
}

/* ---- what is left ---- */

static json_t *hosts_left(const struct open_call *o)
{
	const char *text = json_string_value(json_object_get(o->event, "hosts"));
	struct pl_hostlist *set = pl_hostlist_parse(text != NULL ? text : "", NULL, NULL);
	json_t *left = json_array();

	for (size_t i = 0; set != NULL && i < pl_hostlist_count(set); i++) {
		const char *name = pl_hostlist_name(set, i);

		if (o->done == NULL || json_object_get(o->done, name) == NULL)
			json_array_append_new(left, json_string(name));
	}
	pl_hostlist_destroy(set);
	return left;
}

/* Each once, under the number of its first call. */
static void keep_left(struct scan *s)
{
	const struct strtable_entry *e;
	struct past *p = s->past;
	size_t pos = 0;

	while ((e = strtable_next(&s->open, &pos)) != NULL) {
		struct open_call *o = e->value;
		json_t *event = json_copy(o->event);

		json_object_set(event, "calls", o->calls);
		json_object_set_new(event, "left", hosts_left(o));
		strtable_put(&p->left_keys, json_string_value(json_object_get(event, "key")), p);
		json_array_append_new(p->left, event);
		open_remove(s, o);
		pos = 0;
	}
}

int past_scan(struct past *p, struct pl_error *err)
{
	struct scan s = { .past = p };
	int rc;

	p->events = json_array();
	p->left = json_array();
	while ((rc = past_read_line(&p->reader, err)) > 0) {
		rc = scan_line(&s, err);
		if (rc != 0)
			break;
	}
	if (rc == 0 && p->head == NULL)
		rc = pl_errorf(err, PL_ESYS, "the journal in '%s' does not begin a run", p->dir);
	keep_left(&s);
	strtable_fini(&s.open);
	free(s.interrupts.points);
	return rc;
}
