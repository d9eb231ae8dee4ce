/* copy_source.c - see copy_source.h */
#include "transport/copy_source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/pool.h"

struct copy_sources {
	struct loop *loop;
	struct copy_source *first;
	bool closed; /* goes with its last source */
	bool unchecked_told;
};

struct copy_sources *copy_sources_create(struct loop *loop)
{
	struct copy_sources *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	return all;
}

void copy_sources_destroy(struct copy_sources *all)
{
	if (all == NULL)
		return;
	all->closed = true;
	if (all->first == NULL)
		free(all);
}

void copy_sources_tell_unchecked(struct copy_sources *all, const char *host)
{
	if (!all->unchecked_told)
		log_warn(LOG_RUN, "%s has no program that makes SHA-256 sums: of copies only the "
			 "length was compared", host);
	all->unchecked_told = true;
}

/* ---- sources ---- */

static void let_go(struct copy_source *s)
{
	struct copy_sources *all = s->all;
	struct copy_source **at = &all->first;

	if (--s->users > 0)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	archive_destroy(s->archive);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
	if (all->closed)
		copy_sources_destroy(all);
}

/* Near so many bytes the archive of the folder will have. */
static uint64_t estimate_folder(const struct copy_source *s)
{
	char *roots[] = { s->path, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	uint64_t bytes = 0;
	FTSENT *e;

	while (walk != NULL && bytes < SOURCE_ABOUT_MAX && !atomic_load(&s->stop) &&
	       (e = fts_read(walk)) != NULL)
		bytes += 512 + (e->fts_info == FTS_F ? (uint64_t)e->fts_statp->st_size : 0);
	if (walk != NULL)
		fts_close(walk);
	return bytes;
}

/* On the pool: what it is, and how large. */
static void look(void *arg)
{
	struct copy_source *s = arg;
	struct stat st;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		pl_error_sys(&s->error, errno, "cannot read '%s'", s->path);
	else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		pl_errorf(&s->error, PL_ESYS, "cannot copy '%s': neither a file nor a folder",
			  s->path);
	else
		s->about = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : estimate_folder(s);
}

static int sum_file(struct copy_source *s, const struct stat *st)
{
	s->size = (uint64_t)st->st_size;
	s->mtime = st->st_mtim.tv_sec;
	s->mode = st->st_mode & 0777;
	if (checksum_file(s->fd, s->size, s->sum, &s->stop) != 0)
		return pl_error_sys(&s->error, errno, "cannot read '%s'", s->path);
	memcpy(s->key, s->sum, sizeof(s->key) - 1);
	return 0;
}

static int sum_folder(struct copy_source *s, const struct stat *st)
{
	s->archive = archive_create(s->path, s->with_times, &s->stop, &s->error);
	if (s->archive == NULL)
		return -1;
	s->size = archive_size(s->archive);
	s->mode = archive_mode(s->archive);
	s->mtime = st->st_mtim.tv_sec;
	memcpy(s->key, archive_key(s->archive), sizeof(s->key) - 1);
	strcpy(s->sum, "-");
	return 0;
}

/* On the pool. */
static void sum(void *arg)
{
	struct copy_source *s = arg;
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		pl_error_sys(&s->error, errno, "cannot read '%s'", s->path);
	else if (S_ISREG(st.st_mode))
		sum_file(s, &st);
	else
		sum_folder(s, &st);
}

static void wait_for_state(struct copy_reader *r)
{
	r->next = r->source->waiting;
	r->source->waiting = r;
}

static void tell_one(struct copy_reader *r)
{
	if (r->source->state == SOURCE_SUMMING)
		wait_for_state(r);
	r->on_state(r->arg);
}

/* Readers may come and go meanwhile. */
static void tell_all(struct copy_source *s)
{
	struct copy_reader *r;

	s->telling = s->waiting;
	s->waiting = NULL;
	while ((r = s->telling) != NULL) {
		s->telling = r->next;
		tell_one(r);
	}
}

static void summed(void *arg)
{
	struct copy_source *s = arg;

	s->state = s->error.code == PL_EOK ? SOURCE_READY : SOURCE_BAD;
	tell_all(s);
	let_go(s);
}

static void looked(void *arg)
{
	struct copy_source *s = arg;

	if (s->error.code != PL_EOK || atomic_load(&s->stop)) {
		summed(s);
		return;
	}
	s->state = SOURCE_SUMMING;
	pool_submit(s->all->loop, sum, summed, s);
	tell_all(s);
}

static struct copy_source *find_source(struct copy_sources *all, const char *path, bool with_times)
{
	struct copy_source *s;

	for (s = all->first; s != NULL; s = s->next) {
		if (s->with_times == with_times && s->state != SOURCE_BAD &&
		    !atomic_load(&s->stop) &&
		    strcmp(s->path, path) == 0)
			return s;
	}
	s = xcalloc(1, sizeof(*s));
	s->all = all;
	s->path = xstrdup(path);
	s->with_times = with_times;
	s->fd = -1;
	s->users = 1;
	s->next = all->first;
	all->first = s;
	pool_submit(all->loop, look, looked, s);
	return s;
}

/* ---- readers ---- */

static void tell_late(void *arg)
{
	struct copy_reader *r = arg;

	r->busy = false;
	if (r->gone)
		copy_reader_close(r);
	else
		tell_one(r);
}

static void nothing(void *arg)
{
	(void)arg;
}

struct copy_reader *copy_reader_open(struct copy_sources *all, const char *path, bool with_times,
				     loop_call_f on_state, loop_call_f on_bytes, void *arg)
{
	struct copy_reader *r = xcalloc(1, sizeof(*r));

	r->source = find_source(all, path, with_times);
	r->source->users++;
	r->on_state = on_state;
	r->on_bytes = on_bytes;
	r->arg = arg;
	r->cursor = (struct archive_cursor)ARCHIVE_CURSOR_INIT;
	if (r->source->state == SOURCE_LOOKING) {
		wait_for_state(r);
	} else {
		r->busy = true;
		pool_submit(all->loop, nothing, tell_late, r);
	}
	return r;
}

static ssize_t read_file(struct copy_reader *r)
{
	const struct copy_source *s = r->source;
	ssize_t n;

	do
		n = pread(s->fd, r->bytes, r->want, (off_t)r->off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pl_error_sys(&r->error, errno, "cannot read '%s'", s->path);
	if (n == 0 && r->want > 0)
		return pl_errorf(&r->error, PL_ESYS, "'%s' was changed while it was copied",
				 s->path);
	return n;
}

/* On the pool. */
static void read_bytes(void *arg)
{
	struct copy_reader *r = arg;
	const struct copy_source *s = r->source;
	ssize_t n = s->archive != NULL ? archive_read(s->archive, &r->cursor, r->off, r->bytes,
						      r->want, &r->error)
				       : read_file(r);

	r->len = n > 0 ? (size_t)n : 0;
}

static void tell_bytes(void *arg)
{
	struct copy_reader *r = arg;

	r->busy = false;
	if (r->gone)
		copy_reader_close(r);
	else
		r->on_bytes(r->arg);
}

void copy_reader_ask(struct copy_reader *r, uint64_t off, uint64_t end)
{
	assert(!r->busy && r->source->state == SOURCE_READY);
	if (end > r->source->size)
		end = r->source->size;
	r->off = off;
	r->want = end <= off ? 0 : end - off < COPY_CHUNK ? (size_t)(end - off) : COPY_CHUNK;
	if (r->bytes == NULL)
		r->bytes = xmalloc(r->source->size < COPY_CHUNK ? (size_t)r->source->size + 1
								: COPY_CHUNK);
	r->busy = true;
	pool_submit(r->source->all->loop, read_bytes, tell_bytes, r);
}

static void leave(struct copy_reader **at, const struct copy_reader *r)
{
	while (*at != NULL && *at != r)
		at = &(*at)->next;
	if (*at == r)
		*at = r->next;
}

void copy_reader_close(struct copy_reader *r)
{
	if (r == NULL)
		return;
	r->gone = true;
	if (r->busy)
		return;
	leave(&r->source->waiting, r);
	leave(&r->source->telling, r);
	if (r->source->users == 2 && r->source->state <= SOURCE_SUMMING)
		atomic_store(&r->source->stop, true);
	let_go(r->source);
	archive_cursor_fini(&r->cursor);
	free(r->bytes);
	free(r);
}
