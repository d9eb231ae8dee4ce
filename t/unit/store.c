/* store.c - tests of core/store: run folders, the index over them, the sink of a fan-out */
#include "unit.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "sim_fleet.h"
#include "store/index.h"
#include "store/store.h"

static const struct command command = { .line = "uptime", .mode = -1 };

struct stage {
	struct fleet fleet;
	char dir[32];
	char *index_path;
	struct store *store;
};

static void stage_open(struct stage *st)
{
	strcpy(st->dir, "/tmp/pl-store-XXXXXX");
	assert_non_null(mkdtemp(st->dir));
	st->index_path = xasprintf("%s/index.db", st->dir);
	fleet_open(&st->fleet);
	st->store = store_open(st->dir, st->fleet.loop, NULL);
	assert_non_null(st->store);
}

static void stage_close(struct stage *st)
{
	char *rm = xasprintf("rm -r '%s'", st->dir);

	store_close(st->store);
	fleet_close(&st->fleet);
	assert_int_equal(system(rm), 0);
	free(rm);
	free(st->index_path);
}

static struct store_run *begin(struct stage *st, const char *name, const char *run_dir,
			       struct pl_error *err)
{
	json_t *head = json_pack("{s:s, s:s}", "kind", "exec", "name", name);
	struct store_run *run = store_run_begin(st->store, head, run_dir, err);

	json_decref(head);
	return run;
}

/* A run with one fan-out over three hosts, of which one fails. */
static char *record(struct stage *st, const char *name)
{
	static const char *const hosts[] = { "say1", "exit1", "down7" };
	struct store_run *run = begin(st, name, NULL, NULL);
	struct run_sink *sink = store_sink_create(run, 1);
	char *id = xstrdup(store_run_id(run));
	struct pl_error err;

	run_destroy(fleet_run(&st->fleet, hosts, 3, &command, sink));
	if (store_run_finish(run, 3, "fail", &err) != 0)
		fail_msg("%s", err.text);
	store_sink_destroy(sink);
	return id;
}

/* All rows as text, newest first. */
static bool add_row(void *arg, const struct store_row *row)
{
	strbuf_addf(arg, "%s %s %s %s %d %d/%d %d %s\n", row->id, row->kind, row->name,
		    row->verdict, row->status, (int)row->failed, (int)row->hosts,
		    row->ended >= row->begun && row->begun > 0, row->dir);
	return true;
}

static char *rows(struct stage *st)
{
	struct strbuf text = STRBUF_INIT;
	struct pl_error err;

	if (store_list(st->store, 0, add_row, &text, &err) != 0)
		fail_msg("%s", err.text);
	return strbuf_detach(&text);
}

static void a_record_needs_kind_and_name_and_a_folder_of_its_own(void **state)
{
	struct pl_error err;
	struct stage st;
	struct store_run *run;
	char *dir;
	json_t *head = json_pack("{s:s}", "kind", "exec");

	(void)state;
	assert_null(store_open("/proc/nowhere", NULL, &err));
	stage_open(&st);
	assert_null(store_run_begin(st.store, head, NULL, &err));
	assert_int_equal(err.code, PL_EUSAGE);
	json_decref(head);
	dir = xasprintf("%s/mine", st.dir);
	run = begin(&st, "a", dir, &err);
	assert_non_null(run);
	assert_null(begin(&st, "b", dir, &err));
	assert_int_equal(err.code, PL_EBUSY);
	assert_int_equal(store_run_finish(run, 0, "pass", NULL), 0);
	assert_int_equal(store_run_finish(NULL, 0, "pass", NULL), 0);
	free(dir);
	stage_close(&st);
}

static bool add_event(void *arg, const json_t *event)
{
	json_array_append(arg, (json_t *)event);
	return true;
}

static const char *field(const json_t *events, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(events, i), name));
}

static void a_fan_out_is_journaled_intent_first(void **state)
{
	json_t *events = json_array();
	struct stage st;
	char *id, *dir;
	bool torn;

	(void)state;
	stage_open(&st);
	id = record(&st, "uptime");
	dir = store_find(st.store, id, NULL);
	assert_non_null(dir);
	assert_int_equal(store_read(dir, add_event, events, &torn, NULL), 0);
	assert_false(torn);
	assert_int_equal(json_array_size(events), 7);
	assert_string_equal(field(events, 0, "ev"), "begin");
	assert_string_equal(field(events, 0, "id"), id);
	assert_string_equal(field(events, 1, "ev"), "call");
	assert_string_equal(field(events, 1, "command"), "uptime");
	assert_string_equal(field(events, 1, "hosts"), "down7,exit1,say1");
	assert_string_equal(field(events, 2, "ev"), "result");
	assert_string_equal(field(events, 2, "host"), "down7");
	assert_string_equal(field(events, 2, "phase"), "connect");
	assert_string_equal(field(events, 5, "ev"), "call_end");
	assert_string_equal(field(events, 6, "verdict"), "fail");
	json_decref(events);
	free(id);
	free(dir);
	stage_close(&st);
}

static void a_reindex_says_what_the_index_said(void **state)
{
	struct stage st;
	char *before, *after;
	struct store_run *run;
	char *dir;

	(void)state;
	stage_open(&st);
	free(record(&st, "one"));
	free(record(&st, "two"));
	dir = xasprintf("%s/elsewhere", st.dir);
	run = begin(&st, "three", dir, NULL);
	store_run_append(run, "metric", json_pack("{s:f}", "value", 0.5), NULL);
	assert_int_equal(store_run_finish(run, 0, "pass", NULL), 0);
	before = rows(&st);
	assert_non_null(strstr(before, "two fail 3 2/3 1"));
	assert_non_null(strstr(before, "three pass 0 0/0 1"));
	assert_int_equal(store_reindex(st.store, NULL), 3);
	after = rows(&st);
	assert_string_equal(before, after);
	free(before);
	free(after);
	free(dir);
	stage_close(&st);
}

static void runs_without_an_end_are_listed_too(void **state)
{
	struct stage st;
	struct store_run *crashed, *going;
	char *text;

	(void)state;
	stage_open(&st);
	crashed = begin(&st, "crashed", NULL, NULL);
	store_run_abandon(crashed);
	going = begin(&st, "going", NULL, NULL);
	text = rows(&st);
	assert_non_null(strstr(text, "crashed  -1"));
	assert_non_null(strstr(text, "going  -1"));
	free(text);
	assert_int_equal(store_run_finish(going, 0, "pass", NULL), 0);
	text = rows(&st);
	assert_non_null(strstr(text, "going pass 0"));
	free(text);
	stage_close(&st);
}

static void runs_are_found_by_the_beginning_of_their_id(void **state)
{
	struct pl_error err;
	struct stage st;
	char *one, *two, *dir;

	(void)state;
	stage_open(&st);
	assert_null(store_find(st.store, "last", &err));
	assert_int_equal(err.code, PL_ENOENT);
	one = record(&st, "one");
	two = record(&st, "two");
	dir = store_find(st.store, "last", NULL);
	assert_non_null(strstr(dir, two));
	free(dir);
	dir = store_find(st.store, one, NULL);
	assert_non_null(strstr(dir, one));
	free(dir);
	assert_null(store_find(st.store, "2026", &err));
	assert_int_equal(err.code, PL_EUSAGE);
	assert_null(store_find(st.store, "1999", &err));
	assert_int_equal(err.code, PL_ENOENT);
	free(one);
	free(two);
	stage_close(&st);
}

static void a_sink_outlives_its_record_in_silence(void **state)
{
	static const char *const hosts[] = { "say1" };
	struct stage st;
	struct store_run *run;
	struct run_sink *sink;

	(void)state;
	stage_open(&st);
	run = begin(&st, "x", NULL, NULL);
	sink = store_sink_create(run, 1);
	assert_int_equal(store_run_finish(run, 0, "pass", NULL), 0);
	run_destroy(fleet_run(&st.fleet, hosts, 1, &command, sink));
	store_sink_destroy(sink);
	store_sink_destroy(NULL);
	stage_close(&st);
}

/* ---- the index's file ---- */

static void sql(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int pragma(const char *path, const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;
	int value;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	value = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void an_old_index_is_brought_up_and_keeps_its_rows(void **state)
{
	struct stage st;
	char *text;

	(void)state;
	stage_open(&st);
	sql(st.index_path,
	    "CREATE TABLE run (id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL,"
	    " verdict TEXT NOT NULL, dir TEXT NOT NULL, begun REAL NOT NULL, ended REAL NOT NULL,"
	    " status INTEGER NOT NULL, hosts INTEGER NOT NULL, failed INTEGER NOT NULL)"
	    " WITHOUT ROWID;"
	    "INSERT INTO run VALUES ('old', 'exec', 'n', 'pass', '/d', 1, 2, 0, 5, 0);"
	    "PRAGMA user_version = 1");
	text = rows(&st);
	assert_string_equal(text, "old exec n pass 0 0/5 1 /d\n");
	free(text);
	assert_int_equal(pragma(st.index_path, "PRAGMA user_version"), INDEX_VERSION);
	assert_int_equal(pragma(st.index_path,
				"SELECT count(*) FROM sqlite_master WHERE name = 'run_begun'"),
			 1);
	stage_close(&st);
}

static void a_newer_index_is_left_alone(void **state)
{
	struct pl_error err;
	struct stage st;

	(void)state;
	stage_open(&st);
	sql(st.index_path, "PRAGMA user_version = 99");
	assert_int_equal(store_list(st.store, 0, add_row, NULL, &err), -1);
	assert_int_equal(err.code, PL_EUNSUPPORTED);
	assert_non_null(strstr(err.text, "newer"));
	assert_int_equal(store_reindex(st.store, &err), -1);
	assert_int_equal(pragma(st.index_path, "PRAGMA user_version"), 99);
	stage_close(&st);
}

/* Garbage over the file. */
static void damage(const char *path)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	for (int i = 0; i < 300; i++)
		assert_int_equal(write(fd, "this is no database, far from it", 32), 32);
	close(fd);
}

static void a_damaged_index_is_named_and_made_anew(void **state)
{
	struct pl_error err;
	struct stage st;
	char *text, *aside;

	(void)state;
	stage_open(&st);
	free(record(&st, "one"));
	store_close(st.store);
	st.store = store_open(st.dir, st.fleet.loop, NULL);
	damage(st.index_path);
	assert_int_equal(store_list(st.store, 0, add_row, NULL, &err), -1);
	assert_non_null(strstr(err.text, "reindex"));
	assert_int_equal(store_reindex(st.store, &err), 1);
	text = rows(&st);
	assert_non_null(strstr(text, "one fail"));
	free(text);
	aside = xasprintf("%s.damaged", st.index_path);
	assert_int_equal(access(aside, F_OK), 0);
	free(aside);
	stage_close(&st);
}

static void many_processes_record_at_once(void **state)
{
	enum { PROCESSES = 6, RUNS = 5 };
	struct stage st;
	pid_t pids[PROCESSES];
	char *text;
	size_t n = 0;

	(void)state;
	stage_open(&st);
	for (int p = 0; p < PROCESSES; p++) {
		pids[p] = fork();
		if (pids[p] != 0)
			continue;
		for (int i = 0; i < RUNS; i++) {
			struct store *store = store_open(st.dir, st.fleet.loop, NULL);
			struct stage mine = { .store = store };
			struct store_run *run = begin(&mine, "x", NULL, NULL);

			if (run == NULL || store_run_finish(run, 0, "pass", NULL) != 0)
				_exit(1);
			store_close(store);
		}
		_exit(0);
	}
	for (int p = 0; p < PROCESSES; p++) {
		int status;

		assert_int_equal(waitpid(pids[p], &status, 0), pids[p]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(pragma(st.index_path, "SELECT count(*) FROM run"), PROCESSES * RUNS);
	text = rows(&st);
	for (const char *c = text; *c != '\0'; c++)
		n += *c == '\n';
	assert_int_equal(n, PROCESSES * RUNS);
	free(text);
	stage_close(&st);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_record_needs_kind_and_name_and_a_folder_of_its_own),
	cmocka_unit_test(a_fan_out_is_journaled_intent_first),
	cmocka_unit_test(a_reindex_says_what_the_index_said),
	cmocka_unit_test(runs_without_an_end_are_listed_too),
	cmocka_unit_test(runs_are_found_by_the_beginning_of_their_id),
	cmocka_unit_test(a_sink_outlives_its_record_in_silence),
	cmocka_unit_test(an_old_index_is_brought_up_and_keeps_its_rows),
	cmocka_unit_test(a_newer_index_is_left_alone),
	cmocka_unit_test(a_damaged_index_is_named_and_made_anew),
	cmocka_unit_test(many_processes_record_at_once),
};

UNIT_MAIN(tests)
