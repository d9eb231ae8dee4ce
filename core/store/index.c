/* index.c - see index.h */
#include "store/index.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define BUSY_MS 3000

/* Step i brings a file from version i to i + 1. A step that has been released never changes. */
static const char *const migrations[INDEX_VERSION] = {
	/* 1 */
	"CREATE TABLE run ("
	" id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, verdict TEXT NOT NULL,"
	" dir TEXT NOT NULL, begun REAL NOT NULL, ended REAL NOT NULL, status INTEGER NOT NULL,"
	" hosts INTEGER NOT NULL, failed INTEGER NOT NULL) WITHOUT ROWID",
	/* 2: listing starts at the newest */
	"CREATE INDEX run_begun ON run (begun DESC, id DESC)",
};

static const char put_sql[] = "INSERT OR REPLACE INTO run (id, kind, name, verdict, dir, begun,"
			      " ended, status, hosts, failed) VALUES (?,?,?,?,?,?,?,?,?,?)";
static const char list_sql[] =
	"SELECT id, kind, name, verdict, dir, begun, ended, status, hosts,"
	" failed FROM run WHERE id >= ?1 AND substr(id, 1, length(?1)) = ?1"
	" ORDER BY begun DESC, id DESC LIMIT ?2";

struct index {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *put; /* prepared when first needed */
};

static int index_error(const struct index *ix, const char *what, struct pl_error *err)
{
	int code = sqlite3_errcode(ix->db) & 0xff;

	if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
		return pl_errorf(err, PL_ENOENT,
				 "index '%s' is damaged (%s): `perilune runs reindex` makes it "
				 "anew from the run folders",
				 ix->path, sqlite3_errmsg(ix->db));
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return pl_errorf(err, PL_EBUSY, "index '%s' is held by another process", ix->path);
	return pl_errorf(err, PL_ESYS, "cannot %s index '%s': %s", what, ix->path,
			 sqlite3_errmsg(ix->db));
}

static int execute(struct index *ix, const char *sql, const char *what, struct pl_error *err)
{
	if (sqlite3_exec(ix->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return index_error(ix, what, err);
}

static int prepare(struct index *ix, const char *sql, sqlite3_stmt **stmt, struct pl_error *err)
{
	if (sqlite3_prepare_v2(ix->db, sql, -1, stmt, NULL) == SQLITE_OK)
		return 0;
	return index_error(ix, "use", err);
}

static int read_version(struct index *ix, int *version, struct pl_error *err)
{
	sqlite3_stmt *stmt;
	int rc = 0;

	if (prepare(ix, "PRAGMA user_version", &stmt, err) != 0)
		return -1;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*version = sqlite3_column_int(stmt, 0);
	else
		rc = index_error(ix, "read", err);
	sqlite3_finalize(stmt);
	return rc;
}

/* Inside a transaction: two processes may come to an old file at once. */
static int migrate_steps(struct index *ix, struct pl_error *err)
{
	char pragma[48];
	int version = 0;

	if (read_version(ix, &version, err) != 0)
		return -1;
	for (; version < INDEX_VERSION; version++) {
		if (execute(ix, migrations[version], "migrate", err) != 0)
			return -1;
	}
	sqlite3_snprintf(sizeof(pragma), pragma, "PRAGMA user_version = %d", INDEX_VERSION);
	return execute(ix, pragma, "migrate", err);
}

static int migrate(struct index *ix, struct pl_error *err)
{
	int version = 0;

	if (read_version(ix, &version, err) != 0)
		return -1;
	if (version == INDEX_VERSION)
		return 0;
	if (version > INDEX_VERSION)
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "index '%s' was made by a newer perilune (schema %d, this one knows "
				 "%d): use that one, or move the file away and run `perilune runs "
				 "reindex`",
				 ix->path, version, INDEX_VERSION);
	if (index_begin(ix, false, err) != 0)
		return -1;
	if (migrate_steps(ix, err) != 0) {
		index_rollback(ix);
		return -1;
	}
	return index_commit(ix, err);
}

/*
 * A rollback journal, not WAL: most processes write one row and leave, and would each read the log
 * of their predecessors or sync a checkpoint; and it works on a network file system. Nothing is
 * synced: a crash of the machine may damage the file, which is then made anew from the journals.
 */
static int configure(struct index *ix, struct pl_error *err)
{
	sqlite3_busy_timeout(ix->db, BUSY_MS);
	return execute(ix, "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = OFF", "open", err);
}

struct index *index_open(const char *path, struct pl_error *err)
{
	struct index *ix = xcalloc(1, sizeof(*ix));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

	ix->path = xstrdup(path);
	if (sqlite3_open_v2(path, &ix->db, flags, NULL) != SQLITE_OK) {
		index_error(ix, "open", err);
		goto fail;
	}
	if (configure(ix, err) != 0 || migrate(ix, err) != 0)
		goto fail;
	return ix;
fail:
	index_close(ix);
	return NULL;
}

void index_close(struct index *ix)
{
	if (ix == NULL)
		return;
	sqlite3_finalize(ix->put);
	sqlite3_close(ix->db);
	free(ix->path);
	free(ix);
}

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
	sqlite3_bind_text(stmt, at, text != NULL ? text : "", -1, SQLITE_STATIC);
}

int index_put(struct index *ix, const struct store_row *row, struct pl_error *err)
{
	int rc = 0;

	if (ix->put == NULL && prepare(ix, put_sql, &ix->put, err) != 0)
		return -1;
	bind_text(ix->put, 1, row->id);
	bind_text(ix->put, 2, row->kind);
	bind_text(ix->put, 3, row->name);
	bind_text(ix->put, 4, row->verdict);
	bind_text(ix->put, 5, row->dir);
	sqlite3_bind_double(ix->put, 6, row->begun);
	sqlite3_bind_double(ix->put, 7, row->ended);
	sqlite3_bind_int(ix->put, 8, row->status);
	sqlite3_bind_int64(ix->put, 9, row->hosts);
	sqlite3_bind_int64(ix->put, 10, row->failed);
	if (sqlite3_step(ix->put) != SQLITE_DONE)
		rc = index_error(ix, "write", err);
	sqlite3_reset(ix->put);
	sqlite3_clear_bindings(ix->put);
	return rc;
}

int index_begin(struct index *ix, bool empty, struct pl_error *err)
{
	/* IMMEDIATE: waits here for others, where nothing has been done yet */
	if (execute(ix, "BEGIN IMMEDIATE", "lock", err) != 0)
		return -1;
	if (!empty || execute(ix, "DELETE FROM run", "empty", err) == 0)
		return 0;
	index_rollback(ix);
	return -1;
}

int index_commit(struct index *ix, struct pl_error *err)
{
	if (execute(ix, "COMMIT", "write", err) == 0)
		return 0;
	index_rollback(ix);
	return -1;
}

void index_rollback(struct index *ix)
{
	sqlite3_exec(ix->db, "ROLLBACK", NULL, NULL, NULL);
}

static const char *text_at(sqlite3_stmt *stmt, int at)
{
	const unsigned char *text = sqlite3_column_text(stmt, at);

	return text != NULL ? (const char *)text : "";
}

static struct store_row row_of(sqlite3_stmt *stmt)
{
	return (struct store_row){
		.id = text_at(stmt, 0),
		.kind = text_at(stmt, 1),
		.name = text_at(stmt, 2),
		.verdict = text_at(stmt, 3),
		.dir = text_at(stmt, 4),
		.begun = sqlite3_column_double(stmt, 5),
		.ended = sqlite3_column_double(stmt, 6),
		.status = sqlite3_column_int(stmt, 7),
		.hosts = sqlite3_column_int64(stmt, 8),
		.failed = sqlite3_column_int64(stmt, 9),
	};
}

int index_list(struct index *ix, const char *prefix, size_t limit,
	       bool (*fn)(void *arg, const struct store_row *row), void *arg, struct pl_error *err)
{
	sqlite3_stmt *stmt;
	bool more = true;
	int step = SQLITE_DONE, rc = 0;

	if (prepare(ix, list_sql, &stmt, err) != 0)
		return -1;
	bind_text(stmt, 1, prefix);
	sqlite3_bind_int64(stmt, 2, limit > 0 ? (sqlite3_int64)limit : -1);
	while (more && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct store_row row = row_of(stmt);

		more = fn(arg, &row);
	}
	if (more && step != SQLITE_DONE)
		rc = index_error(ix, "read", err);
	sqlite3_finalize(stmt);
	return rc;
}

const char *store_library_version(void)
{
	return sqlite3_libversion();
}
