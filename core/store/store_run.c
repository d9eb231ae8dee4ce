/* store_run.c - one run being recorded: its id, its folder, its events, its end */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "store/digest.h"
#include "store/store_private.h"

#define ID_TRIES 100

/* YYYYMMDD-HHMMSS-xxxxxx, in UTC. */
static void make_id(const struct store *store, char *id, size_t size)
{
	time_t now = (time_t)(store_wall_us(store) / 1000000);
	unsigned random = 0;
	struct tm tm;
	char date[32];

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (unsigned)getpid() * 2654435761u ^ (unsigned)clock();
	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%Y%m%d-%H%M%S", &tm);
	snprintf(id, size, "%s-%06x", date, random & 0xffffff);
}

/* runs/ID as a folder, or as a link to `target`; tries ids until one is free. */
static char *claim_id(const struct store *store, const char *target, struct pl_error *err)
{
	char id[48];

	for (int i = 0; i < ID_TRIES; i++) {
		char *path;
		int why;

		make_id(store, id, sizeof(id));
		path = xasprintf("%s/%s", store->runs, id);
		why = (target != NULL ? symlink(target, path) : mkdir(path, 0700)) != 0 ? errno : 0;
		if (why != 0 && why != EEXIST)
			pl_error_sys(err, why, "cannot make '%s'", path);
		free(path);
		if (why == 0)
			return xstrdup(id);
		if (why != EEXIST)
			return NULL;
	}
	pl_errorf(err, PL_ESYS, "cannot find a free id in '%s'", store->runs);
	return NULL;
}

static void drop_id(const struct store *store, const char *id)
{
	char *path = xasprintf("%s/%s", store->runs, id);

	if (unlink(path) != 0)
		rmdir(path);
	free(path);
}

static char *make_run_dir(const char *run_dir, struct pl_error *err)
{
	char *real;

	if (store_make_folders(run_dir, err) != 0)
		return NULL;
	real = realpath(run_dir, NULL);
	if (real == NULL)
		pl_error_sys(err, errno, "cannot use folder '%s'", run_dir);
	return real;
}

static int append_begin(struct store_run *run, const json_t *head, struct pl_error *err)
{
	int64_t now = store_wall_us(run->store);
	char *head_text = json_dumps(head, JSON_EMBED | JSON_COMPACT);
	char *fields = xasprintf("\"id\":\"%s\",%s", run->id, head_text);
	int rc = journal_append(run->journal, now, "begin", fields, err);

	run->row.begun = (double)now / 1e6;
	free(head_text);
	free(fields);
	return rc;
}

static void hear_requests(void *arg)
{
	struct store_run *run = arg;

	if (run->on_request != NULL)
		requests_look(run->requests, run->on_request, run->on_request_arg);
}

/* What comes before anybody listens is kept for then. A beat alone wakes nobody: only what is there
 * makes a turn of the loop. */
static void look_for_requests(void *arg)
{
	struct store_run *run = arg;

	if (run->on_request != NULL && requests_are_there(run->requests))
		loop_defer_schedule(&run->hear);
}

static void on_beat(void *arg)
{
	struct store_run *run = arg;

	if (run->looks++ % (CONTROLLER_BEAT_US / REQUESTS_LOOK_US) == 0)
		controller_beat(run->controller);
	look_for_requests(run);
}

void store_run_listen(struct store_run *run, void (*fn)(void *arg, const json_t *request),
		      void *arg)
{
	run->on_request = fn;
	run->on_request_arg = arg;
	if (run->requests != NULL)
		look_for_requests(run);
}

static int take_control(struct store_run *run, bool takeover, struct pl_error *err)
{
	run->controller = controller_take(run->dir, takeover, err);
	if (run->controller == NULL)
		return -1;
	run->requests = requests_open(run->dir);
	loop_defer_init(&run->hear, run->store->loop, hear_requests, run);
	run->on_poke = loop_signal_create(run->store->loop, CONTROLLER_POKE, look_for_requests, run);
	loop_beat(run->store->loop, REQUESTS_LOOK_US, on_beat, run);
	return 0;
}

static void run_free(struct store_run *run)
{
	while (run->sinks != NULL)
		store_sink_detach(run->sinks);
	if (run->controller != NULL)
		loop_beat(run->store->loop, 0, NULL, NULL);
	if (run->requests != NULL)
		loop_defer_cancel(&run->hear);
	loop_signal_destroy(run->on_poke);
	requests_close(run->requests);
	controller_release(run->controller);
	journal_close(run->journal);
	store_unref(run->store);
	free(run->id);
	free(run->dir);
	free(run->kind);
	free(run->name);
	free(run);
}

/* The folder and the id are there; the journal makes it a run. */
static struct store_run *begin_in(struct store *store, char *id, char *dir, const json_t *head,
				  struct pl_error *err)
{
	struct store_run *run = xcalloc(1, sizeof(*run));
	char *path = xasprintf("%s/journal", dir);

	run->store = store;
	store->refs++;
	run->id = id;
	run->dir = dir;
	run->kind = xstrdup(json_string_value(json_object_get(head, "kind")));
	run->name = xstrdup(json_string_value(json_object_get(head, "name")));
	run->row.status = -1;
	if (strcmp(run->kind, "run") != 0 || take_control(run, false, err) == 0)
		run->journal = journal_create(path, err);
	if (run->journal != NULL && append_begin(run, head, err) != 0) {
		unlink(path);
		journal_close(run->journal);
		run->journal = NULL;
	}
	free(path);
	if (run->journal == NULL) {
		drop_id(store, id);
		run_free(run);
		return NULL;
	}
	return run;
}

struct store_run *store_run_begin(struct store *store, json_t *head, const char *run_dir,
				  struct pl_error *err)
{
	char *dir = NULL, *id;

	if (!json_is_string(json_object_get(head, "kind")) ||
	    !json_is_string(json_object_get(head, "name"))) {
		pl_errorf(err, PL_EUSAGE, "a run's record needs 'kind' and 'name'");
		return NULL;
	}
	if (run_dir != NULL && (dir = make_run_dir(run_dir, err)) == NULL)
		return NULL;
	id = claim_id(store, dir, err);
	if (id == NULL) {
		free(dir);
		return NULL;
	}
	if (dir == NULL)
		dir = xasprintf("%s/%s", store->runs, id);
	return begin_in(store, id, dir, head, err);
}

const char *store_run_id(const struct store_run *run)
{
	return run->id;
}

const char *store_run_dir(const struct store_run *run)
{
	return run->dir;
}

static int append(struct store_run *run, const char *ev, const char *fields, struct pl_error *err)
{
	return journal_append(run->journal, store_wall_us(run->store), ev, fields, err);
}

int store_run_append(struct store_run *run, const char *ev, json_t *fields, struct pl_error *err)
{
	char *text = fields != NULL ? json_dumps(fields, JSON_EMBED | JSON_COMPACT) : NULL;
	struct pl_error why = { 0 };
	int rc;

	if (fields != NULL && text == NULL)
		rc = pl_errorf(err, PL_EUSAGE, "event '%s': its fields cannot be written as JSON", ev);
	else if (run->broken && run->controller != NULL)
		rc = store_run_check(run, err);
	else
		rc = append(run, ev, text != NULL ? text : "", &why);
	if (rc != 0 && why.code != PL_EOK) {
		store_run_break(run, &why);
		if (err != NULL)
			*err = why;
	}
	json_decref(fields);
	free(text);
	return rc;
}

void store_run_break(struct store_run *run, const struct pl_error *err)
{
	if (run->broken)
		return;
	run->broken = true;
	run->first_error = *err;
	log_warn(LOG_STORE, "%s", err->text);
}

void store_run_note(struct store_run *run, const char *ev, const char *fields)
{
	struct pl_error err;

	/* after a gap in the record of a recipe nothing may follow */
	if (run->broken && run->controller != NULL)
		return;
	if (append(run, ev, fields, &err) != 0)
		store_run_break(run, &err);
}

int store_run_check(struct store_run *run, struct pl_error *err)
{
	struct pl_error why;

	if (!run->broken && run->controller != NULL && controller_check(run->controller, &why) != 0)
		store_run_break(run, &why);
	if (!run->broken)
		return 0;
	if (err != NULL)
		*err = run->first_error;
	return -1;
}

int store_run_sync(struct store_run *run, struct pl_error *err)
{
	return journal_sync(run->journal, err);
}

/* A digest of the journal would say the same; a test compares. */
static int index_run(struct store_run *run, struct pl_error *err)
{
	struct index *index = store_index(run->store, err);

	if (index == NULL)
		return -1;
	run->row.id = run->id;
	run->row.dir = run->dir;
	run->row.kind = run->kind;
	run->row.name = run->name;
	return index_put(index, &run->row, err);
}

static int append_end(struct store_run *run, int status, const char *verdict, struct pl_error *err)
{
	int64_t now = store_wall_us(run->store);
	char *fields = xasprintf("\"status\":%d,\"verdict\":\"%s\"", status, verdict);
	int rc = journal_append(run->journal, now, "end", fields, err);

	run->row.ended = (double)now / 1e6;
	run->row.status = status;
	run->row.verdict = verdict;
	free(fields);
	return rc;
}

int store_run_finish(struct store_run *run, int status, const char *verdict, struct pl_error *err)
{
	int rc = 0;

	if (run == NULL)
		return 0;
	if (run->broken) {
		if (err != NULL)
			*err = run->first_error;
		rc = -1;
	} else if (append_end(run, status, verdict, err) != 0 || store_run_sync(run, err) != 0 ||
		   index_run(run, err) != 0) {
		rc = -1;
	}
	run_free(run);
	return rc;
}

void store_run_abandon(struct store_run *run)
{
	if (run != NULL)
		run_free(run);
}

/* ---- asking another ---- */

int store_ask(const char *run_dir, const json_t *request, struct pl_error *err)
{
	if (requests_append(run_dir, request, err) != 0)
		return -1;
	controller_poke(run_dir);
	return 0;
}

/* ---- going on ---- */

/* What has been so far, from the journal. */
static int take_row(struct store_run *run, struct pl_error *err)
{
	struct digest d;

	if (digest_read(&d, run->dir, err) != 0)
		return -1;
	run->id = xstrdup(d.id);
	run->kind = xstrdup(d.kind != NULL ? d.kind : "");
	run->name = xstrdup(d.name != NULL ? d.name : "");
	run->row = d.row;
	run->row.ended = 0;
	run->row.status = -1;
	run->row.verdict = NULL;
	digest_fini(&d);
	if (strcmp(run->kind, "run") == 0)
		return 0;
	return pl_errorf(err, PL_EUSAGE, "%s is no run of a recipe: only these are resumed", run->id);
}

static int open_journal(struct store_run *run, bool takeover, struct pl_error *err)
{
	char *path = xasprintf("%s/journal", run->dir);

	run->journal = takeover ? journal_take_over(path, err) : journal_open(path, err);
	free(path);
	return run->journal != NULL ? 0 : -1;
}

/* In the index it goes on, too; where that cannot be written, it only is listed as before. */
static void unend_row(struct store_run *run)
{
	struct pl_error why = { 0 };

	if (index_run(run, &why) != 0)
		log_info(LOG_STORE, "%s", why.text);
}

struct store_run *store_run_resume(struct store *store, const char *run_dir, bool takeover,
				   struct pl_error *err)
{
	struct store_run *run = xcalloc(1, sizeof(*run));

	run->store = store;
	store->refs++;
	run->dir = xstrdup(run_dir);
	if (take_row(run, err) == 0 && take_control(run, takeover, err) == 0 &&
	    open_journal(run, takeover, err) == 0) {
		unend_row(run);
		return run;
	}
	run_free(run);
	return NULL;
}
