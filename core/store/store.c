/* store.c - the state folder: opening it, finding runs, listing them, the index made anew */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strtable.h"
#include "store/digest.h"
#include "store/store_private.h"

int store_make_folders(const char *path, struct pl_error *err)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(copy, 0700); /* one that cannot be made shows at the last */
		*slash = '/';
	}
	if (mkdir(copy, 0700) != 0 && errno != EEXIST)
		rc = pl_error_sys(err, errno, "cannot make folder '%s'", path);
	free(copy);
	return rc;
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -1;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int store_write_new(const char *folder, const char *path, const void *bytes, size_t len,
		    struct pl_error *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600), rc = 0;

	if (fd < 0 && errno == ENOENT && mkdir(folder, 0700) == 0)
		fd = open(path, flags, 0600);
	/* left by a crash before it was on record */
	if (fd < 0 && errno == EEXIST && unlink(path) == 0)
		fd = open(path, flags, 0600);
	if (fd < 0 || write_all(fd, bytes, len) != 0)
		rc = pl_error_sys(err, errno, "cannot write '%s'", path);
	if (fd >= 0 && close(fd) != 0 && rc == 0)
		rc = pl_error_sys(err, errno, "cannot write '%s'", path);
	return rc;
}

static int64_t real_wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

struct store *store_open(const char *state_dir, struct loop *loop, struct pl_error *err)
{
	char *runs = xasprintf("%s/runs", state_dir);
	struct store *store = NULL;

	if (store_make_folders(runs, err) == 0) {
		store = xcalloc(1, sizeof(*store));
		store->dir = realpath(state_dir, NULL);
		if (store->dir == NULL)
			store->dir = xstrdup(state_dir);
		store->runs = xasprintf("%s/runs", store->dir);
		store->loop = loop;
		store->refs = 1;
		if (loop_is_virtual(loop))
			store->clock_ahead_us = real_wall_us() - loop_wall_us(loop);
	}
	free(runs);
	return store;
}

int64_t store_wall_us(const struct store *store)
{
	return loop_wall_us(store->loop) + store->clock_ahead_us;
}

void store_unref(struct store *store)
{
	if (--store->refs > 0)
		return;
	index_close(store->index);
	free(store->dir);
	free(store->runs);
	free(store);
}

void store_close(struct store *store)
{
	if (store != NULL)
		store_unref(store);
}

static char *index_path(const struct store *store)
{
	return xasprintf("%s/index.db", store->dir);
}

struct index *store_index(struct store *store, struct pl_error *err)
{
	if (store->index == NULL) {
		char *path = index_path(store);

		store->index = index_open(path, err);
		free(path);
	}
	return store->index;
}

int store_read(const char *run_dir, bool (*fn)(void *arg, const json_t *event), void *arg,
	       bool *torn, struct pl_error *err)
{
	char *path = xasprintf("%s/journal", run_dir);
	int rc = journal_read(path, fn, arg, torn, err);

	free(path);
	return rc;
}

/* ---- from folders to rows ---- */

/* The row of one folder below runs/ into the index. A folder without a run's beginning (just being
 * made, or not ours) is passed over; returns 1 when a row was put. */
static int put_folder(struct store *store, const char *name, struct pl_error *err)
{
	char *path = xasprintf("%s/%s", store->runs, name);
	char *real = realpath(path, NULL);
	struct pl_error why = { 0 };
	struct digest d;
	int rc = 0;

	if (real == NULL || digest_read(&d, real, &why) != 0) {
		log_info(LOG_STORE, "passed over '%s': %s", path,
			 real != NULL ? why.text : strerror(errno));
	} else {
		rc = index_put(store->index, &d.row, err) == 0 ? 1 : -1;
		digest_fini(&d);
	}
	free(real);
	free(path);
	return rc;
}

/* All folders but those in `known` (may be NULL); returns how many rows were put. */
static int put_folders(struct store *store, const struct strtable *known, struct pl_error *err)
{
	DIR *dir = opendir(store->runs);
	const struct dirent *entry;
	int n = 0, rc = 0;

	if (dir == NULL)
		return pl_error_sys(err, errno, "cannot read folder '%s'", store->runs);
	while (rc >= 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (known != NULL && strtable_get(known, entry->d_name) != NULL)
			continue;
		rc = put_folder(store, entry->d_name, err);
		n += rc > 0;
	}
	closedir(dir);
	return rc < 0 ? -1 : n;
}

static bool note_ended(void *arg, const struct store_row *row)
{
	if (row->ended > 0)
		strtable_put(arg, row->id, arg);
	return true;
}

int store_catch_up(struct store *store, struct pl_error *err)
{
	struct strtable ended = STRTABLE_INIT;
	int rc;

	if (store_index(store, err) == NULL)
		return -1;
	rc = index_list(store->index, "", 0, note_ended, &ended, err);
	if (rc == 0)
		rc = index_begin(store->index, false, err);
	if (rc == 0) {
		rc = put_folders(store, &ended, err);
		if (rc < 0)
			index_rollback(store->index);
		else
			rc = index_commit(store->index, err);
	}
	strtable_fini(&ended);
	return rc;
}

static int rebuild(struct store *store, struct pl_error *err)
{
	int n;

	if (store_index(store, err) == NULL || index_begin(store->index, true, err) != 0)
		return -1;
	n = put_folders(store, NULL, err);
	if (n < 0)
		index_rollback(store->index);
	else if (index_commit(store->index, err) != 0)
		n = -1;
	return n;
}

/* The file stays for who wants to look, its journal would spoil the new one. */
static int move_damaged(struct store *store, struct pl_error *err)
{
	char *path = index_path(store);
	char *aside = xasprintf("%s.damaged", path);
	char *journal = xasprintf("%s-journal", path);
	int rc = 0;

	index_close(store->index);
	store->index = NULL;
	if (rename(path, aside) != 0)
		rc = pl_error_sys(err, errno, "cannot move '%s' aside", path);
	unlink(journal);
	free(path);
	free(aside);
	free(journal);
	return rc;
}

int store_reindex(struct store *store, struct pl_error *err)
{
	struct pl_error why = { 0 };
	int n = rebuild(store, &why);

	if (n < 0 && why.code == PL_ENOENT && move_damaged(store, &why) == 0)
		n = rebuild(store, &why);
	if (n < 0 && err != NULL)
		*err = why;
	return n;
}

/* ---- finding ---- */

int store_list(struct store *store, size_t limit,
	       bool (*fn)(void *arg, const struct store_row *row), void *arg, struct pl_error *err)
{
	if (store_catch_up(store, err) != 0)
		return -1;
	return index_list(store->index, "", limit, fn, arg, err);
}

struct search {
	const char *prefix;
	char *dir, *id, *other; /* other: a second id that begins so */
};

static bool take_found(void *arg, const struct store_row *row)
{
	struct search *s = arg;

	if (s->dir != NULL && strcmp(row->id, s->prefix) != 0) {
		s->other = xstrdup(row->id);
		return false;
	}
	free(s->dir);
	free(s->id);
	s->dir = xstrdup(row->dir);
	s->id = xstrdup(row->id);
	return strcmp(row->id, s->prefix) != 0;
}

char *store_find(struct store *store, const char *prefix, struct pl_error *err)
{
	bool last = strcmp(prefix, "last") == 0;
	struct search s = { .prefix = prefix };

	if (store_catch_up(store, err) != 0)
		return NULL;
	if (index_list(store->index, last ? "" : prefix, last ? 1 : 0, take_found, &s, err) != 0) {
		free(s.dir);
		s.dir = NULL;
	} else if (s.dir == NULL) {
		pl_errorf(err, PL_ENOENT, last ? "there is no run in '%s'%s"
					       : "there is no run in '%s' whose id begins with '%s'",
			  store->dir, last ? "" : prefix);
	} else if (s.other != NULL) {
		pl_errorf(err, PL_EUSAGE, "several runs begin with '%s': %s, %s ...", prefix, s.id,
			  s.other);
		free(s.dir);
		s.dir = NULL;
	}
	free(s.id);
	free(s.other);
	return s.dir;
}
