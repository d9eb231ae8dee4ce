/* output.c - see output.h */
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SPILL_NAMES 1000 /* tries to find a name that is free */

struct output *output_create(struct output_budget *budget)
{
	struct output *o = xcalloc(1, sizeof(*o));

	o->budget = budget;
	o->fd = -1;
	return o;
}

void output_destroy(struct output *o)
{
	if (o == NULL)
		return;
	if (o->fd >= 0)
		close(o->fd);
	if (o->mapped != NULL)
		munmap(o->mapped, o->kept_len + 1);
	o->budget->used -= o->kept.len;
	strbuf_fini(&o->kept);
	free(o->path);
	free(o);
}

const char *output_kept(const struct output *o, size_t *len)
{
	*len = o != NULL ? o->kept_len : 0;
	if (*len == 0)
		return NULL;
	return o->mapped != NULL ? o->mapped : o->kept.s;
}

/* ---- the file ---- */

static int file_failed(struct output *o, int errnum, struct pl_error *err)
{
	pl_error_sys(err, errnum, "cannot keep output in '%s'", o->path);
	if (o->state != OUTPUT_MEMORY) /* the file is ours */
		unlink(o->path);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	free(o->path);
	o->path = NULL;
	return -1;
}

/* errno, or 0. */
static int write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static char *spill_name(const struct output_place *place, unsigned again)
{
	const char *suffix = place->stream == STREAM_OUT ? "out" : "err";
	struct strbuf name = STRBUF_INIT;
	size_t from;

	strbuf_addf(&name, "%s/", place->dir);
	from = name.len;
	strbuf_addf(&name, "%s.%.150s.%u.%u", place->id, place->host, place->index, place->attempt);
	for (char *c = name.s + from; *c != '\0'; c++) {
		if (*c == '/' || (unsigned char)*c < ' ' || *c == 0x7f)
			*c = '_';
	}
	if (again > 0)
		strbuf_addf(&name, "-%u", again);
	strbuf_addf(&name, ".%s", suffix);
	return strbuf_detach(&name);
}

bool output_folder_made(const char *dir)
{
	return errno == ENOENT && mkdir(dir, 0700) == 0;
}

static int open_new(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Opens the file and writes what memory holds, so that the file is the whole stream. */
static int open_file(struct output *o, const struct output_place *place, enum output_state next,
		     struct pl_error *err)
{
	int errnum;

	for (unsigned again = 0; again < SPILL_NAMES; again++) {
		free(o->path);
		o->path = spill_name(place, again);
		o->fd = open_new(o->path);
		if (o->fd < 0 && output_folder_made(place->dir))
			o->fd = open_new(o->path);
		if (o->fd >= 0 || errno != EEXIST)
			break;
	}
	if (o->fd < 0)
		return file_failed(o, errno, err);
	o->state = next;
	errnum = write_all(o->fd, o->kept.s, o->kept.len);
	return errnum == 0 ? 0 : file_failed(o, errnum, err);
}

/* ---- parking ---- */

static bool is_over_budget(const struct output *o)
{
	return o->budget->used > o->budget->most;
}

static void give_memory_back(struct output *o)
{
	o->budget->used -= o->kept.len;
	strbuf_fini(&o->kept);
}

/* The disk has no room: what is there comes back, and nobody tries again. */
static int unpark(struct output *o, enum output_state next, int errnum, struct pl_error *err)
{
	size_t have = o->kept.len;

	o->budget->most = SIZE_MAX;
	if (have < o->kept_len) {
		char *to = strbuf_reserve(&o->kept, o->kept_len);

		if (pread(o->fd, to, o->kept_len, 0) != (ssize_t)o->kept_len)
			o->kept_len = 0;
		to[o->kept_len] = '\0';
		o->kept.len = o->kept_len;
		o->budget->used += o->kept_len;
	}
	file_failed(o, errnum, err);
	o->state = next;
	return -1;
}

/* To the file with what is kept; from now on memory holds nothing of it. */
static int begin_parking(struct output *o, const struct output_place *place, struct pl_error *err)
{
	if (open_file(o, place, OUTPUT_PARKING, err) != 0) {
		o->budget->most = SIZE_MAX;
		o->state = OUTPUT_MEMORY;
		return -1;
	}
	give_memory_back(o);
	return 0;
}

/* Maps the first bytes of the file, with a NUL after them; falls back on memory. */
static void map_kept(struct output *o)
{
	size_t size = o->kept_len + 1;

	if (o->total < size && ftruncate(o->fd, (off_t)size) != 0)
		return;
	o->mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, o->fd, 0);
	if (o->mapped == MAP_FAILED)
		o->mapped = NULL;
	else if (o->total >= size)
		o->mapped[o->kept_len] = '\0';
}

static int end_parking(struct output *o, struct pl_error *err)
{
	bool whole = o->total == o->kept_len;

	map_kept(o);
	if (o->mapped == NULL)
		return unpark(o, whole ? OUTPUT_MEMORY : OUTPUT_DROPPING, errno, err);
	close(o->fd);
	o->fd = -1;
	o->state = whole ? OUTPUT_PARKED : OUTPUT_SPILLED;
	if (!whole)
		return 0;
	unlink(o->path);
	free(o->path);
	o->path = NULL;
	return 0;
}

/* ---- bytes come ---- */

/* FNV-1a, byte by byte because chunks may be cut anywhere. */
static uint64_t hash_more(uint64_t h, const unsigned char *p, size_t len)
{
	if (h == 0)
		h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

/* To memory, or to the file where that is instead of it. */
static int keep(struct output *o, const char *bytes, size_t len, struct pl_error *err)
{
	int errnum;

	o->kept_len += len;
	if (o->state != OUTPUT_PARKING) {
		o->budget->used += len;
		strbuf_add(&o->kept, bytes, len);
		return 0;
	}
	errnum = write_all(o->fd, bytes, len);
	if (errnum == 0)
		return 0;
	o->kept_len -= len;
	unpark(o, OUTPUT_MEMORY, errnum, err);
	keep(o, bytes, len, NULL);
	return -1;
}

/* What is past the cap. */
static int spill(struct output *o, const struct output_place *place, const char *bytes, size_t len,
		 struct pl_error *err)
{
	int errnum;

	o->tail_hash = hash_more(o->tail_hash, (const unsigned char *)bytes, len);
	if (o->state == OUTPUT_MEMORY && place->dir == NULL)
		o->state = OUTPUT_DROPPING;
	if (o->state == OUTPUT_MEMORY && open_file(o, place, OUTPUT_SPILLING, err) != 0) {
		o->state = OUTPUT_DROPPING;
		return -1;
	}
	if (o->state == OUTPUT_DROPPING)
		return 0;
	errnum = write_all(o->fd, bytes, len);
	if (errnum == 0)
		return 0;
	if (o->state == OUTPUT_PARKING)
		return unpark(o, OUTPUT_DROPPING, errnum, err);
	o->state = OUTPUT_DROPPING;
	return file_failed(o, errnum, err);
}

int output_add(struct output *o, const struct output_place *place, const void *bytes, size_t len,
	       struct pl_error *err)
{
	size_t room = place->keep_bytes - o->kept_len;
	size_t first = len < room ? len : room;
	int rc = 0;

	o->total += len;
	if (first > 0)
		rc = keep(o, bytes, first, err);
	if (rc == 0 && o->state == OUTPUT_MEMORY && o->kept.len >= OUTPUT_PARK_MIN &&
	    place->dir != NULL && is_over_budget(o))
		rc = begin_parking(o, place, err);
	if (len > first && spill(o, place, (const char *)bytes + first, len - first, err) != 0)
		rc = -1;
	return rc;
}

/* ---- the end ---- */

/* network file systems tell of a full disk here */
static int end_spilling(struct output *o, struct pl_error *err)
{
	int fd = o->fd;

	o->state = OUTPUT_SPILLED;
	o->fd = -1;
	if (close(fd) == 0 || errno == EINTR)
		return 0;
	file_failed(o, errno, err);
	o->state = OUTPUT_DROPPING;
	return -1;
}

int output_finish(struct output *o, const struct output_place *place, struct pl_error *err)
{
	int rc = 0;

	if (o == NULL)
		return 0;
	if (o->state == OUTPUT_MEMORY && o->kept.len >= OUTPUT_PARK_MIN && place->dir != NULL &&
	    is_over_budget(o))
		rc = begin_parking(o, place, err);
	if (o->state == OUTPUT_SPILLING && is_over_budget(o)) {
		give_memory_back(o);
		o->state = OUTPUT_PARKING;
	}
	if (o->state == OUTPUT_PARKING)
		rc = end_parking(o, err);
	else if (o->state == OUTPUT_SPILLING)
		rc = end_spilling(o, err);
	if (o->kept.cap > o->kept.len + 1) {
		o->kept.cap = o->kept.len + 1;
		o->kept.s = xrealloc(o->kept.s, o->kept.cap);
	}
	return rc;
}

void output_adopt(struct output *o, const char *path, uint64_t total)
{
	if (o == NULL)
		return;
	o->total = total;
	if (path == NULL)
		return;
	if (o->path != NULL)
		unlink(o->path);
	free(o->path);
	o->path = xstrdup(path);
}
