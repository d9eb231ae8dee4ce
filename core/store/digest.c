/* digest.c - see digest.h */
#include "store/digest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void take_string(const json_t *event, const char *name, char **to)
{
	const char *text = json_string_value(json_object_get(event, name));

	if (text != NULL) {
		free(*to);
		*to = xstrdup(text);
	}
}

static void take_begin(struct digest *d, const json_t *event)
{
	d->row.begun = json_number_value(json_object_get(event, "t"));
	take_string(event, "id", &d->id);
	take_string(event, "kind", &d->kind);
	take_string(event, "name", &d->name);
}

static void take_call(struct digest *d, const json_t *event)
{
	json_int_t tasks = json_integer_value(json_object_get(event, "tasks"));

	if (tasks > d->row.hosts)
		d->row.hosts = tasks;
}

static void take_result(struct digest *d, const json_t *event)
{
	const char *outcome = json_string_value(json_object_get(event, "outcome"));

	if (outcome != NULL && strcmp(outcome, "ok") != 0)
		d->row.failed++;
}

static void take_end(struct digest *d, const json_t *event)
{
	d->row.ended = json_number_value(json_object_get(event, "t"));
	d->row.status = (int)json_integer_value(json_object_get(event, "status"));
	take_string(event, "verdict", &d->verdict);
}

/* It goes on: its end was none. */
static void take_resume(struct digest *d, const json_t *event)
{
	(void)event;
	d->row.ended = 0;
	d->row.status = -1;
	free(d->verdict);
	d->verdict = NULL;
}

static bool take_event(void *arg, const json_t *event)
{
	static const struct {
		const char *ev;
		void (*take)(struct digest *d, const json_t *event);
	} takers[] = {
		{ "result", take_result },
		{ "call", take_call },
		{ "begin", take_begin },
		{ "end", take_end },
		{ "resume", take_resume },
	};
	const char *ev = json_string_value(json_object_get(event, "ev"));

	for (size_t i = 0; ev != NULL && i < ARRAY_LEN(takers); i++) {
		if (strcmp(ev, takers[i].ev) == 0)
			takers[i].take(arg, event);
	}
	return true;
}

int digest_read(struct digest *d, const char *run_dir, struct pl_error *err)
{
	memset(d, 0, sizeof(*d));
	d->row.status = -1;
	d->dir = xstrdup(run_dir);
	if (store_read(run_dir, take_event, d, NULL, err) != 0) {
		digest_fini(d);
		return -1;
	}
	if (d->id == NULL) {
		pl_errorf(err, PL_ESYS, "the journal in '%s' does not begin a run", run_dir);
		digest_fini(d);
		return -1;
	}
	d->row.id = d->id;
	d->row.kind = d->kind;
	d->row.name = d->name;
	d->row.verdict = d->verdict;
	d->row.dir = d->dir;
	return 0;
}

void digest_fini(struct digest *d)
{
	free(d->id);
	free(d->kind);
	free(d->name);
	free(d->verdict);
	free(d->dir);
	memset(d, 0, sizeof(*d));
}
