/* output.c - see output.h */
#include "run/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define SPILL_NAMES 1000 /* tries to find a name that is free */

static int spill(struct output *o, const void *bytes, size_t len, struct pl_error *err);
static int spill_open(struct output *o, const struct output_place *place, struct pl_error *err);
static int spill_failed(struct output *o, int errnum, struct pl_error *err);

struct output *output_create(void)
{
	struct output *o = xcalloc(1, sizeof(*o));

	o->fd = -1;
	return o;
}

void output_destroy(struct output *o)
{
	if (o == NULL)
		return;
	if (o->fd >= 0)
		close(o->fd);
	strbuf_fini(&o->kept);
	free(o->path);
	free(o);
}

/* FNV-1a, byte by byte because chunks may be cut anywhere. */
static uint64_t hash_more(uint64_t h, const unsigned char *p, size_t len)
{
	if (h == 0)
		h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

int output_add(struct output *o, const struct output_place *place, const void *bytes, size_t len,
	       struct pl_error *err)
{
	size_t room = place->keep_bytes - o->kept.len;
	size_t keep = len < room ? len : room;
	const unsigned char *rest = (const unsigned char *)bytes + keep;

	o->total += len;
	strbuf_add(&o->kept, bytes, keep);
	len -= keep;
	if (len == 0)
		return 0;
	o->tail_hash = hash_more(o->tail_hash, rest, len);
	if (o->state == OUTPUT_MEMORY) {
		if (place->dir == NULL)
			o->state = OUTPUT_DROPPING;
		else if (spill_open(o, place, err) != 0)
			return -1;
	}
	return o->state == OUTPUT_SPILLING ? spill(o, rest, len, err) : 0;
}

int output_finish(struct output *o, struct pl_error *err)
{
	int rc = 0;

	if (o == NULL)
		return 0;
	if (o->state == OUTPUT_SPILLING) {
		int fd = o->fd;

		o->state = OUTPUT_SPILLED;
		o->fd = -1;
		/* network file systems tell of a full disk here */
		if (close(fd) != 0 && errno != EINTR)
			rc = spill_failed(o, errno, err);
	}
	if (o->kept.cap > o->kept.len + 1) {
		o->kept.cap = o->kept.len + 1;
		o->kept.s = xrealloc(o->kept.s, o->kept.cap);
	}
	return rc;
}

static int spill_failed(struct output *o, int errnum, struct pl_error *err)
{
	pl_error_sys(err, errnum, "cannot keep output in '%s'", o->path);
	if (o->state != OUTPUT_MEMORY) /* the file is ours */
		unlink(o->path);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	free(o->path);
	o->path = NULL;
	o->state = OUTPUT_DROPPING;
	return -1;
}

static int spill(struct output *o, const void *bytes, size_t len, struct pl_error *err)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(o->fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spill_failed(o, errno, err);
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

/* Opens the file and writes what memory holds, so that the file is the whole stream. */
static int spill_open(struct output *o, const struct output_place *place, struct pl_error *err)
{
	for (unsigned again = 0; again < SPILL_NAMES; again++) {
		free(o->path);
		o->path = spill_name(place, again);
		o->fd = open(o->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (o->fd >= 0 || errno != EEXIST)
			break;
	}
	if (o->fd < 0)
		return spill_failed(o, errno, err);
	o->state = OUTPUT_SPILLING;
	return spill(o, o->kept.s, o->kept.len, err);
}
