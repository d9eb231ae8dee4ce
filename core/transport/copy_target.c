/* copy_target.c - see copy_target.h */
#include "transport/copy_target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "transport/checksum.h"
#include "transport/copy_script.h"
#include "transport/unpack.h"

struct copy_target {
	struct copy_place place; /* strings are ours */
	struct unpack *unpack;	 /* of archives */
	uint64_t about;		 /* bytes of an archive */
	/* of a file */
	char *path, *temp, *kept;
	int fd; /* -1: not begun, or over */
	uint64_t size, done;
	int64_t mtime;
	unsigned mode;
	struct checksum *sum;
	struct strbuf trailer;
};

struct copy_target *copy_target_create(const struct copy_place *place)
{
	struct copy_target *t = xcalloc(1, sizeof(*t));

	t->place = *place;
	t->place.dst = xstrdup(place->dst);
	t->place.src = xstrdup(place->src);
	t->place.host = xstrdup(place->host);
	t->place.tag = xstrdup(place->tag);
	t->fd = -1;
	return t;
}

/* ---- where it goes ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes the folders that lead to path, itself included when `all`. */
static int make_folders(const char *path, bool all, struct pl_error *err)
{
	char *copy = xstrdup(path);
	int rc = 0;

	for (char *p = copy + 1; rc == 0 && *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		rc = mkdir(copy, 0777) != 0 && errno != EEXIST ? -1 : 0;
		*p = '/';
	}
	if (rc == 0 && all && mkdir(copy, 0777) != 0 && errno != EEXIST)
		rc = -1;
	if (rc != 0)
		pl_error_sys(err, errno, "cannot make the folder '%s'", path);
	free(copy);
	return rc;
}

/* "NAME" or "NAME.HOST" with a slash before it; "" or "/HOST" where SRC has no name of its own. */
static char *name_in_folder(const struct copy_place *place)
{
	size_t end = strlen(place->src);
	size_t begin;

	while (end > 0 && place->src[end - 1] == '/')
		end--;
	begin = end;
	while (begin > 0 && place->src[begin - 1] != '/')
		begin--;
	if (end == begin || strspn(place->src + begin, ".") == end - begin)
		return place->name_host ? xasprintf("/%s", place->host) : xstrdup("");
	return xasprintf("/%.*s%s%s", (int)(end - begin), place->src + begin,
			 place->name_host ? "." : "", place->name_host ? place->host : "");
}

/* The path of what is one thing there; NULL and the reason. */
static char *find_path(const struct copy_place *place, struct pl_error *err)
{
	char *name, *path;

	if (place->make_folders && make_folders(place->dst, place->must_be_folder, err) != 0)
		return NULL;
	if (!is_folder(place->dst)) {
		if (!place->must_be_folder)
			return xstrdup(place->dst);
		pl_errorf(err, PL_ESYS, "'%s' is no folder", place->dst);
		return NULL;
	}
	name = name_in_folder(place);
	path = xasprintf("%s%s", place->dst, name);
	free(name);
	return path;
}

/* ---- a file ---- */

static void name_temporaries(struct copy_target *t)
{
	const char *slash = strrchr(t->path, '/');
	int dir = slash != NULL ? (int)(slash + 1 - t->path) : 0;
	char *what = xasprintf("%s\n%s\n%llu %lld", t->place.host, t->place.src,
			       (unsigned long long)t->size, (long long)t->mtime);
	struct checksum *sum = checksum_create();
	char key[CHECKSUM_LENGTH + 1];

	checksum_add(sum, what, strlen(what));
	checksum_end(sum, key);
	t->temp = xasprintf("%.*s.perilune-%.16s.%s.part", dir, t->path, key, t->place.tag);
	t->kept = xasprintf("%.*s.perilune-%.16s.part", dir, t->path, key);
	free(what);
}

/* What an earlier attempt left: only a plain file of ours, and no longer than it may be. */
static bool take_over(struct copy_target *t)
{
	struct stat st;

	if (t->size < COPY_KEEP || lstat(t->kept, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || st.st_nlink != 1 || (uint64_t)st.st_size > t->size ||
	    rename(t->kept, t->temp) != 0)
		return false;
	t->fd = open(t->temp, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (t->fd < 0 || checksum_add_file(t->sum, t->fd, UINT64_MAX, NULL) != 0)
		return false;
	t->done = (uint64_t)lseek(t->fd, 0, SEEK_END);
	return true;
}

static int begin_file(struct copy_target *t, struct pl_error *err)
{
	t->path = find_path(&t->place, err);
	if (t->path == NULL)
		return -1;
	if (is_folder(t->path))
		return pl_errorf(err, PL_ESYS, "cannot write '%s': is a directory", t->path);
	name_temporaries(t);
	t->sum = checksum_create();
	if (take_over(t))
		return 0;
	t->fd = open(t->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0)
		return pl_error_sys(err, errno, "cannot write '%s'", t->path);
	return 0;
}

static int add_to_file(struct copy_target *t, const char *bytes, size_t len, struct pl_error *err)
{
	size_t mine = len < t->size - t->done ? len : (size_t)(t->size - t->done);

	if (write_sparse(t->fd, bytes, mine) != 0) {
		t->size = 0; /* nothing to be kept of what has no room */
		return pl_error_sys(err, errno, "cannot write '%s'", t->path);
	}
	checksum_add(t->sum, bytes, mine);
	t->done += mine;
	strbuf_add(&t->trailer, bytes + mine, len - mine);
	if (t->trailer.len <= CHECKSUM_LENGTH + 1)
		return 0;
	t->size = 0;
	return pl_errorf(err, PL_ESYS, "'%s' was changed while it was copied", t->place.src);
}

static int check_file(struct copy_target *t, bool *unchecked, struct pl_error *err)
{
	char sum[CHECKSUM_LENGTH + 1];

	if (t->done != t->size)
		return pl_errorf(err, PL_ESYS, "'%s': %llu of %llu bytes came", t->place.src,
				 (unsigned long long)t->done, (unsigned long long)t->size);
	checksum_end(t->sum, sum);
	t->sum = NULL;
	*unchecked = strcmp(strbuf_str(&t->trailer), "-\n") == 0;
	if (*unchecked || strncmp(strbuf_str(&t->trailer), sum, CHECKSUM_LENGTH) == 0)
		return 0;
	t->size = 0; /* wrong bytes are not kept */
	return pl_errorf(err, PL_ESYS, "'%s': what came is not what was sent (its checksum "
			 "differs): not put in place", t->place.src);
}

static int place_file(struct copy_target *t, struct pl_error *err)
{
	unsigned mode = t->place.mode >= 0 ? (unsigned)t->place.mode : t->mode;
	struct timespec times[2] = { { t->mtime, 0 }, { t->mtime, 0 } };

	if (ftruncate(t->fd, (off_t)t->size) != 0 || fchmod(t->fd, (mode_t)(mode & 0777)) != 0 ||
	    (t->place.with_times && futimens(t->fd, times) != 0) ||
	    rename(t->temp, t->path) != 0)
		return pl_error_sys(err, errno, "cannot write '%s'", t->path);
	close(t->fd);
	t->fd = -1;
	return 0;
}

/* ---- archives ---- */

static int begin_tree(struct copy_target *t, char *folder, const char *suffix,
		      struct pl_error *err)
{
	bool made = mkdir(folder, 0700) == 0;
	struct tree *tree;

	if (!made && errno != EEXIST)
		return pl_error_sys(err, errno, "cannot make the folder '%s'", folder);
	tree = tree_create(folder, made, suffix, err);
	if (tree == NULL)
		return -1;
	t->unpack = unpack_create(tree, t->place.with_times);
	return 0;
}

static int begin_folder(struct copy_target *t, struct pl_error *err)
{
	char *path = find_path(&t->place, err);
	int rc;

	if (path == NULL)
		return -1;
	rc = begin_tree(t, path, NULL, err);
	free(path);
	return rc;
}

static int begin_many(struct copy_target *t, struct pl_error *err)
{
	char *folder = xstrdup(t->place.dst);
	char *suffix = t->place.name_host ? xasprintf(".%s", t->place.host) : NULL;
	int rc = t->place.make_folders ? make_folders(folder, true, err) : 0;

	if (rc == 0 && !is_folder(folder))
		rc = pl_errorf(err, PL_ESYS, "'%s' is no folder, and '%s' may be several files",
			       folder, t->place.src);
	if (rc == 0)
		rc = begin_tree(t, folder, suffix, err);
	free(folder);
	free(suffix);
	return rc;
}

static int check_tree(struct copy_target *t, struct pl_error *err)
{
	const char *first;
	size_t n = unpack_left_out(t->unpack, &first);

	if (!unpack_is_whole(t->unpack))
		return pl_errorf(err, PL_ESYS, "'%s': not all of it came", t->place.src);
	if (n > 0)
		return pl_errorf(err, PL_ESYS, "%zu left out, being no file, folder or link: '%s'"
				 "%s; the rest was copied", n, first, n > 1 ? " ..." : "");
	return 0;
}

/* ---- all ---- */

int copy_target_begin(struct copy_target *t, const char *line, bool *asks, uint64_t *from,
		      struct pl_error *err)
{
	unsigned long long size;
	long long mtime;
	int rc;

	*asks = false;
	*from = 0;
	t->about = copy_script_size(line);
	*asks = t->about >= COPY_WAITS_KB * UINT64_C(1024);
	if (strncmp(line, "d ", 2) == 0)
		return begin_folder(t, err);
	if (strncmp(line, "m ", 2) == 0)
		return begin_many(t, err);
	if (sscanf(line, "f %o %llu %lld", &t->mode, &size, &mtime) != 3 || size > INT64_MAX)
		return pl_errorf(err, PL_ESYS, "the host does not say what '%s' is", t->place.src);
	t->size = size;
	t->mtime = mtime;
	rc = begin_file(t, err);
	*asks = size >= COPY_KEEP;
	*from = t->done;
	return rc;
}

uint64_t copy_target_expects(const struct copy_target *t)
{
	return t->unpack == NULL ? t->size - t->done : t->about;
}

int copy_target_add(struct copy_target *t, const char *bytes, size_t len, struct pl_error *err)
{
	return t->unpack != NULL ? unpack_add(t->unpack, bytes, len, err)
				 : add_to_file(t, bytes, len, err);
}

int copy_target_end(struct copy_target *t, bool *unchecked, struct pl_error *err)
{
	*unchecked = false;
	if (t->unpack != NULL)
		return check_tree(t, err);
	if (t->sum == NULL)
		return pl_errorf(err, PL_ESYS, "the host sent nothing");
	if (check_file(t, unchecked, err) != 0)
		return -1;
	return place_file(t, err);
}

static void leave_file(struct copy_target *t)
{
	close(t->fd);
	if (t->size == 0 || t->done < COPY_KEEP || rename(t->temp, t->kept) != 0)
		unlink(t->temp);
}

void copy_target_destroy(struct copy_target *t)
{
	if (t == NULL)
		return;
	if (t->fd >= 0)
		leave_file(t);
	unpack_destroy(t->unpack);
	checksum_end(t->sum, NULL);
	strbuf_fini(&t->trailer);
	free(t->path);
	free(t->temp);
	free(t->kept);
	free((char *)t->place.dst);
	free((char *)t->place.src);
	free((char *)t->place.host);
	free((char *)t->place.tag);
	free(t);
}
