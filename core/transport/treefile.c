/* treefile.c - see treefile.h */
#include "transport/treefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define HOLE 4096 /* the least run of zeros worth a hole */

/* A folder that was made here, whose mode comes last. */
struct made {
	char *name;
	unsigned mode;
};

struct tree {
	char *folder, *suffix;
	int root;
	bool root_made;
	int dir;	/* of `dir_name`: the folder of the last name; -1 */
	char *dir_name;
	struct made *made;
	size_t n_made, cap_made;
	int fd;		/* of the file that was begun; -1 */
	char *name;	/* its name in `dir` */
	char temp[64];
};

/* ---- names ---- */

const char *shown_name(const char *name)
{
	static _Thread_local char text[200];
	size_t i;

	for (i = 0; name[i] != '\0' && i < sizeof(text) - 1; i++)
		text[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
	text[i] = '\0';
	return text;
}

static int refuse(const char *name, const char *why, struct pl_error *err)
{
	return pl_errorf(err, PL_ESYS, "the host sent the name '%s', which %s: refused",
			 shown_name(name), why);
}

static int fail(const struct tree *t, const char *name, struct pl_error *err)
{
	const char *why = errno == ELOOP || errno == ENOTDIR ? "a link or a file is in its way"
							      : strerror(errno);

	return pl_errorf(err, PL_ESYS, "cannot write '%s/%s': %s", t->folder, shown_name(name),
			 why);
}

/* The next part of a path, and what follows it. Empty parts and "." are passed over. */
static size_t next_part(const char **path, const char **part)
{
	size_t len;

	do {
		*path += strspn(*path, "/");
		*part = *path;
		len = strcspn(*path, "/");
		*path += len;
	} while (len == 1 && **part == '.');
	return len;
}

/* The parts of `name` joined by single slashes, the suffix added; NULL and refused. "" is the
 * folder itself. */
static char *clean_name(const struct tree *t, const char *name, struct pl_error *err)
{
	struct strbuf out = STRBUF_INIT;
	const char *path = name, *part;
	size_t len;

	if (*name == '/')
		return refuse(name, "is absolute", err), NULL;
	while ((len = next_part(&path, &part)) > 0) {
		if (len == 2 && memcmp(part, "..", 2) == 0) {
			strbuf_fini(&out);
			return refuse(name, "leads out of the folder", err), NULL;
		}
		if (out.len > 0)
			strbuf_addc(&out, '/');
		strbuf_add(&out, part, len);
		if (out.len == len && t->suffix != NULL)
			strbuf_adds(&out, t->suffix);
	}
	strbuf_adds(&out, "");
	return out.s != NULL ? strbuf_detach(&out) : xstrdup("");
}

/* ---- folders ---- */

static int open_folder(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void note_made(struct tree *t, const char *name, unsigned mode)
{
	ARRAY_GROW(t->made, t->n_made, t->cap_made);
	t->made[t->n_made++] = (struct made){ xstrdup(name), mode };
}

/* Opens one folder in another, making it when it is not there. */
static int enter(struct tree *t, int dir, const char *part, const char *name)
{
	int fd = open_folder(dir, part);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mkdirat(dir, part, 0700) != 0)
		return -1;
	note_made(t, name, 0755);
	return open_folder(dir, part);
}

/* A descriptor of folder `name` (clean), each part opened without following links; -1 with
 * errno. */
static int walk_to(struct tree *t, const char *name)
{
	char *path = xstrdup(name);
	char *part = path;
	int fd = dup(t->root);

	while (fd >= 0 && *part != '\0') {
		char *slash = strchr(part, '/');
		int next, saved;

		if (slash != NULL)
			*slash = '\0';
		next = enter(t, fd, part, path);
		saved = errno;
		close(fd);
		errno = saved;
		fd = next;
		if (slash == NULL)
			break;
		*slash = '/';
		part = slash + 1;
	}
	free(path);
	return fd;
}

/* Makes t->dir the folder that `name` (clean) lies in; returns the last part of it. */
static const char *go_to(struct tree *t, const char *name)
{
	const char *slash = strrchr(name, '/');
	char *dir = xstrndup(name, slash != NULL ? (size_t)(slash - name) : 0);

	if (t->dir < 0 || strcmp(t->dir_name, dir) != 0) {
		if (t->dir >= 0)
			close(t->dir);
		free(t->dir_name);
		t->dir_name = dir;
		t->dir = walk_to(t, dir);
	} else {
		free(dir);
	}
	if (t->dir < 0)
		return NULL;
	return slash != NULL ? slash + 1 : name;
}

static void set_modes(struct tree *t)
{
	while (t->n_made > 0) {
		struct made *m = &t->made[--t->n_made];
		int fd = walk_to(t, m->name);

		if (fd >= 0) {
			fchmod(fd, (mode_t)m->mode);
			close(fd);
		}
		free(m->name);
	}
	free(t->made);
}

int tree_folder(struct tree *t, const char *name, unsigned mode, struct pl_error *err)
{
	char *clean = clean_name(t, name, err);
	size_t before = t->n_made;
	int fd;

	if (clean == NULL)
		return -1;
	fd = walk_to(t, clean);
	if (fd < 0) {
		fail(t, clean, err);
	} else {
		close(fd);
		if (*clean == '\0' && t->root_made)
			note_made(t, "", mode);
		else if (t->n_made > before)
			t->made[t->n_made - 1].mode = mode;
	}
	free(clean);
	return fd < 0 ? -1 : 0;
}

/* ---- what lies in them ---- */

/* `name` in t->dir takes the place of what is there, a folder excepted. */
static int take_place(struct tree *t, const char *name)
{
	if (renameat(t->dir, t->temp, t->dir, name) == 0)
		return 0;
	int saved = errno;

	unlinkat(t->dir, t->temp, 0);
	errno = saved;
	return -1;
}

static void make_temp(struct tree *t)
{
	static _Atomic unsigned serial;

	snprintf(t->temp, sizeof(t->temp), ".perilune-%ld.%u.part", (long)getpid(), serial++);
}

/* Prepares to make `name`: its last part, to be freed; NULL and the reason. */
static char *prepare(struct tree *t, const char *name, struct pl_error *err)
{
	char *clean = clean_name(t, name, err);
	const char *last;
	char *copy = NULL;

	if (clean == NULL)
		return NULL;
	if (*clean == '\0')
		refuse(name, "is empty", err);
	else if ((last = go_to(t, clean)) == NULL)
		fail(t, clean, err);
	else
		copy = xstrdup(last);
	free(clean);
	make_temp(t);
	return copy;
}

int tree_symlink(struct tree *t, const char *name, const char *target, struct pl_error *err)
{
	char *last = prepare(t, name, err);
	int rc;

	if (last == NULL)
		return -1;
	rc = symlinkat(target, t->dir, t->temp);
	if (rc == 0)
		rc = take_place(t, last);
	if (rc != 0)
		fail(t, name, err);
	free(last);
	return rc;
}

int tree_hardlink(struct tree *t, const char *name, const char *to, struct pl_error *err)
{
	char *clean = clean_name(t, to, err);
	char *source = clean != NULL ? prepare(t, to, err) : NULL;
	int from = source != NULL ? dup(t->dir) : -1;
	char *last = from >= 0 ? prepare(t, name, err) : NULL;
	int rc = -1;

	if (last != NULL) {
		rc = linkat(from, source, t->dir, t->temp, 0);
		if (rc == 0)
			rc = take_place(t, last);
		/* renaming one name of a file over another leaves both */
		unlinkat(t->dir, t->temp, 0);
		if (rc != 0)
			fail(t, name, err);
	}
	if (from >= 0)
		close(from);
	free(clean);
	free(source);
	free(last);
	return rc;
}

int tree_file_begin(struct tree *t, const char *name, struct pl_error *err)
{
	t->name = prepare(t, name, err);
	if (t->name == NULL)
		return -1;
	t->fd = openat(t->dir, t->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd >= 0)
		return 0;
	fail(t, name, err);
	free(t->name);
	t->name = NULL;
	return -1;
}

int tree_file_write(struct tree *t, const void *bytes, size_t len, struct pl_error *err)
{
	if (write_sparse(t->fd, bytes, len) == 0)
		return 0;
	return fail(t, t->name, err);
}

static void drop_file(struct tree *t)
{
	if (t->fd < 0)
		return;
	close(t->fd);
	unlinkat(t->dir, t->temp, 0);
	free(t->name);
	t->fd = -1;
}

int tree_file_end(struct tree *t, unsigned mode, int64_t mtime, struct pl_error *err)
{
	struct timespec times[2] = { { mtime, 0 }, { mtime, 0 } };
	off_t end = lseek(t->fd, 0, SEEK_CUR);

	if (end < 0 || ftruncate(t->fd, end) != 0 || fchmod(t->fd, (mode_t)mode) != 0 ||
	    (mtime >= 0 && futimens(t->fd, times) != 0)) {
		fail(t, t->name, err);
		drop_file(t);
		return -1;
	}
	if (close(t->fd) != 0 || take_place(t, t->name) != 0) {
		t->fd = -1;
		fail(t, t->name, err);
		unlinkat(t->dir, t->temp, 0);
		free(t->name);
		return -1;
	}
	t->fd = -1;
	free(t->name);
	return 0;
}

int write_sparse(int fd, const char *bytes, size_t len)
{
	static const char zeros[HOLE];

	while (len > 0) {
		size_t part = len < HOLE ? len : HOLE;
		ssize_t n;

		if (part == HOLE && memcmp(bytes, zeros, HOLE) == 0) {
			n = lseek(fd, HOLE, SEEK_CUR) < 0 ? -1 : HOLE;
		} else {
			/* up to the next hole, in one call */
			while (part + HOLE <= len && memcmp(bytes + part, zeros, HOLE) != 0)
				part += HOLE;
			n = write(fd, bytes, len - part < HOLE ? len : part);
		}
		if (n < 0 && errno != EINTR)
			return -1;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---- the whole ---- */

struct tree *tree_create(const char *folder, bool made, const char *suffix, struct pl_error *err)
{
	int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tree *t;

	if (root < 0)
		return pl_error_sys(err, errno, "cannot write into '%s'", folder), NULL;
	t = xcalloc(1, sizeof(*t));
	t->folder = xstrdup(folder);
	t->suffix = xstrdup(suffix);
	t->root = root;
	t->root_made = made;
	t->dir = t->fd = -1;
	return t;
}

void tree_destroy(struct tree *t)
{
	if (t == NULL)
		return;
	drop_file(t);
	set_modes(t);
	if (t->dir >= 0)
		close(t->dir);
	close(t->root);
	free(t->dir_name);
	free(t->folder);
	free(t->suffix);
	free(t);
}
