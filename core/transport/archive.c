/* archive.c - see archive.h */
#include "transport/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "transport/checksum.h"
#include "transport/tarhead.h"

#define END_BLOCKS (2 * TAR_BLOCK)

struct entry {
	char *path; /* in the archive */
	char *link;
	char *bytes; /* of what is no file of the folder: its content */
	uint64_t off, size;
	struct timespec mtime;
	unsigned mode;
	char type;
};

struct entries {
	struct entry *v;
	size_t n, cap;
};

struct archive {
	char *folder;
	bool with_times;
	const atomic_bool *stop;
	struct entries all;	      /* in the order of the archive */
	struct entries files, links;  /* until the walk is over; folders come first */
	size_t n_folders, n_files;
	uint64_t size;
	struct strbuf sums, modes;
	char *left_out;
	size_t n_left_out;
	char key[CHECKSUM_LENGTH + 1];
};

static struct tar_entry head_of(const struct archive *a, const struct entry *e)
{
	return (struct tar_entry){
		.type = e->type,
		.mode = e->type == TAR_FOLDER ? e->mode | 0700 : e->mode,
		.size = e->size,
		.mtime = a->with_times ? e->mtime.tv_sec : 0,
		.path = e->path,
		.link = e->link != NULL ? e->link : "",
	};
}

/* ---- the walk ---- */

static int walk(struct archive *a, const char *dir, const char *name, struct pl_error *err);

/* Takes the strings of e. */
static void add(struct entries *list, const struct entry *e)
{
	ARRAY_GROW(list->v, list->n, list->cap);
	list->v[list->n++] = *e;
}

static void append(struct archive *a, struct entries *list)
{
	for (size_t i = 0; i < list->n; i++)
		add(&a->all, &list->v[i]);
	free(list->v);
	*list = (struct entries){ 0 };
}

static void leave_out(struct archive *a, const char *path)
{
	if (a->n_left_out++ == 0)
		a->left_out = xstrdup(path);
}

/* sha256sum's escapes for such names are not understood everywhere: they go unchecked. */
static bool is_plain(const char *name)
{
	return strpbrk(name, "\n\r\\") == NULL;
}

static int fail_entry(struct entry *e, int errnum, const char *full, struct pl_error *err)
{
	free(e->path);
	return pl_error_sys(err, errnum, "cannot read '%s'", full);
}

static int add_file(struct archive *a, struct entry *e, const char *full, struct pl_error *err)
{
	char sum[CHECKSUM_LENGTH + 1];
	int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int errnum;

	if (fd < 0)
		return fail_entry(e, errno, full, err);
	errnum = checksum_file(fd, UINT64_MAX, sum, a->stop) != 0 ? errno : 0;
	close(fd);
	if (errnum != 0)
		return fail_entry(e, errnum, full, err);
	if (is_plain(e->path))
		strbuf_addf(&a->sums, "%s  %s\n", sum, e->path + strlen("t/"));
	add(&a->files, e);
	return 0;
}

static int add_link(struct archive *a, struct entry *e, const char *full, struct pl_error *err)
{
	char target[PATH_MAX];
	ssize_t n = readlink(full, target, sizeof(target));

	if (n < 0 || n == sizeof(target))
		return fail_entry(e, n < 0 ? errno : ENAMETOOLONG, full, err);
	e->link = xstrndup(target, (size_t)n);
	add(&a->links, e);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_folder(const char *full, char ***names, size_t *n)
{
	DIR *dir = opendir(full);
	struct dirent *d;
	size_t cap = 0;

	if (dir == NULL)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		ARRAY_GROW(*names, *n, cap);
		(*names)[(*n)++] = xstrdup(d->d_name);
	}
	closedir(dir);
	if (*n > 1)
		qsort(*names, *n, sizeof(**names), compare_names);
	return 0;
}

/* Its true mode comes when everything is in it. */
static void note_mode(struct archive *a, const struct entry *e)
{
	struct tar_entry head = head_of(a, e);

	if (head.mode == e->mode)
		return;
	head.mode = e->mode;
	head.path = e->path[1] == '\0' ? "." : e->path + strlen("t/");
	tar_head_write(&a->modes, &head);
}

static int add_folder(struct archive *a, struct entry *e, const char *full, struct pl_error *err)
{
	const char *path = e->path;
	char **names = NULL;
	size_t n = 0;
	int rc = 0;

	if (list_folder(full, &names, &n) != 0)
		return fail_entry(e, errno, full, err);
	note_mode(a, e);
	add(&a->all, e);
	for (size_t i = 0; i < n; i++) {
		rc = rc == 0 ? walk(a, path, names[i], err) : rc;
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Entry `path` (taken) of the archive, which is `full` here. */
static int add_one(struct archive *a, char *path, const char *full, const struct stat *st,
		   struct pl_error *err)
{
	struct entry e = { .path = path, .mode = st->st_mode & 0777, .mtime = st->st_mtim };

	switch (st->st_mode & S_IFMT) {
	case S_IFDIR:
		e.type = TAR_FOLDER;
		return add_folder(a, &e, full, err);
	case S_IFREG:
		e.type = TAR_FILE;
		e.size = (uint64_t)st->st_size;
		return add_file(a, &e, full, err);
	case S_IFLNK:
		e.type = TAR_SYMLINK;
		return add_link(a, &e, full, err);
	}
	leave_out(a, full);
	free(path);
	return 0;
}

static int walk(struct archive *a, const char *dir, const char *name, struct pl_error *err)
{
	char *path = xasprintf("%s/%s", dir, name);
	char *full = xasprintf("%s%s", a->folder, path + 1);
	struct stat st;
	int rc;

	if (lstat(full, &st) == 0) {
		rc = add_one(a, path, full, &st, err);
	} else {
		rc = pl_error_sys(err, errno, "cannot read '%s'", full);
		free(path);
	}
	free(full);
	return rc;
}

/* ---- the whole ---- */

static void add_bytes(struct archive *a, const char *path, const struct strbuf *bytes)
{
	struct entry e = { .path = xstrdup(path), .bytes = bytes->s, .size = bytes->len,
			   .mode = 0600, .type = TAR_FILE };

	add(&a->all, &e);
}

/* What is not of the tree. */
static void add_ends(struct archive *a)
{
	if (a->modes.len > 0) {
		memset(strbuf_reserve(&a->modes, END_BLOCKS), 0, END_BLOCKS);
		a->modes.len += END_BLOCKS;
		add_bytes(a, "modes", &a->modes);
	}
	add_bytes(a, "sums", &a->sums);
}

/* Folders, files, links, the ends: and where each begins. */
static void lay_out(struct archive *a)
{
	a->n_folders = a->all.n;
	a->n_files = a->files.n;
	append(a, &a->files);
	append(a, &a->links);
	add_ends(a);
	for (size_t i = 0; i < a->all.n; i++) {
		struct entry *e = &a->all.v[i];
		struct tar_entry head = head_of(a, e);

		e->off = a->size;
		a->size += tar_head_length(&head) + e->size + tar_padding(e->size);
	}
}

/* Of all headers, and of the sums. */
static void make_key(struct archive *a)
{
	struct checksum *sum = checksum_create();
	struct strbuf head = STRBUF_INIT;

	for (size_t i = 0; i < a->all.n; i++) {
		struct tar_entry e = head_of(a, &a->all.v[i]);

		strbuf_reset(&head);
		tar_head_write(&head, &e);
		checksum_add(sum, head.s, head.len);
	}
	strbuf_fini(&head);
	checksum_add(sum, strbuf_str(&a->sums), a->sums.len);
	checksum_end(sum, a->key);
}

struct archive *archive_create(const char *folder, bool with_times, const atomic_bool *stop,
			       struct pl_error *err)
{
	struct archive *a = xcalloc(1, sizeof(*a));
	struct stat st;
	int rc;

	a->folder = xstrdup(folder);
	a->with_times = with_times;
	a->stop = stop;
	rc = stat(folder, &st) == 0 ? add_one(a, xstrdup("t"), folder, &st, err)
				    : pl_error_sys(err, errno, "cannot read '%s'", folder);
	if (rc != 0) {
		archive_destroy(a);
		return NULL;
	}
	lay_out(a);
	make_key(a);
	return a;
}

void archive_destroy(struct archive *a)
{
	if (a == NULL)
		return;
	append(a, &a->files);
	append(a, &a->links);
	for (size_t i = 0; i < a->all.n; i++) {
		free(a->all.v[i].path);
		free(a->all.v[i].link);
	}
	free(a->all.v);
	strbuf_fini(&a->sums);
	strbuf_fini(&a->modes);
	free(a->left_out);
	free(a->folder);
	free(a);
}

uint64_t archive_size(const struct archive *a)
{
	return a->size + END_BLOCKS;
}

unsigned archive_mode(const struct archive *a)
{
	return a->all.v[0].mode;
}

const char *archive_key(const struct archive *a)
{
	return a->key;
}

void archive_resume(const struct archive *a, size_t have, uint64_t *folders_end, uint64_t *from)
{
	size_t last = a->n_folders + a->n_files;

	*folders_end = *from = 0;
	if (have <= a->n_folders)
		return;
	*folders_end = a->all.v[a->n_folders].off;
	*from = a->all.v[have - 1 < last ? have - 1 : last].off;
}

size_t archive_left_out(const struct archive *a, const char **first)
{
	*first = a->left_out;
	return a->n_left_out;
}

/* ---- reading ---- */

void archive_cursor_fini(struct archive_cursor *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* The entry that `off` lies in: the last that begins at or before it. */
static size_t find_entry(const struct archive *a, uint64_t off)
{
	size_t low = 0, high = a->all.n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (a->all.v[middle].off <= off)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static ssize_t copy_from(const char *bytes, size_t have, uint64_t off, char *buf, size_t len)
{
	size_t n = have - (size_t)off < len ? have - (size_t)off : len;

	memcpy(buf, bytes + off, n);
	return (ssize_t)n;
}

static ssize_t read_head(const struct archive *a, const struct entry *e, uint64_t off, char *buf,
			 size_t len)
{
	struct tar_entry head = head_of(a, e);
	struct strbuf bytes = STRBUF_INIT;
	ssize_t n;

	tar_head_write(&bytes, &head);
	n = copy_from(bytes.s, bytes.len, off, buf, len);
	strbuf_fini(&bytes);
	return n;
}

/* The file of entry i; it must be the one that was walked. */
static int open_entry(const struct archive *a, struct archive_cursor *c, size_t i,
		      struct pl_error *err)
{
	const struct entry *e = &a->all.v[i];
	struct stat st;
	char *full;
	int rc = 0;

	if (c->fd >= 0 && c->entry == i)
		return 0;
	archive_cursor_fini(c);
	full = xasprintf("%s%s", a->folder, e->path + 1);
	c->fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	c->entry = i;
	if (c->fd < 0 || fstat(c->fd, &st) != 0)
		rc = pl_error_sys(err, errno, "cannot read '%s'", full);
	else if ((uint64_t)st.st_size != e->size || st.st_mtim.tv_sec != e->mtime.tv_sec ||
		 st.st_mtim.tv_nsec != e->mtime.tv_nsec)
		rc = pl_errorf(err, PL_ESYS, "'%s' was changed while it was copied", full);
	free(full);
	return rc;
}

static ssize_t read_file(const struct archive *a, struct archive_cursor *c, size_t i, uint64_t off,
			 char *buf, size_t len, struct pl_error *err)
{
	const struct entry *e = &a->all.v[i];
	ssize_t n;

	if (open_entry(a, c, i, err) != 0)
		return -1;
	if (len > e->size - off)
		len = (size_t)(e->size - off);
	do
		n = pread(c->fd, buf, len, (off_t)off);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return pl_error_sys(err, errno, "cannot read '%s%s'", a->folder, e->path + 1);
	if (n == 0)
		return pl_errorf(err, PL_ESYS, "'%s%s' was changed while it was copied",
				 a->folder, e->path + 1);
	return n;
}

/* What one piece of the archive has from `off` on: a head, data, or zeros. */
static ssize_t read_piece(const struct archive *a, struct archive_cursor *c, uint64_t off,
			  char *buf, size_t len, struct pl_error *err)
{
	size_t i = find_entry(a, off);
	const struct entry *e = &a->all.v[i];
	struct tar_entry head = head_of(a, e);
	size_t head_len = tar_head_length(&head);
	uint64_t end = i + 1 < a->all.n ? a->all.v[i + 1].off : archive_size(a);

	off -= e->off;
	if (off < head_len)
		return read_head(a, e, off, buf, len);
	if (off - head_len < e->size && e->bytes != NULL)
		return copy_from(e->bytes, e->size, off - head_len, buf, len);
	if (off - head_len < e->size)
		return read_file(a, c, i, off - head_len, buf, len, err);
	if (len > end - e->off - off)
		len = (size_t)(end - e->off - off);
	memset(buf, 0, len);
	return (ssize_t)len;
}

ssize_t archive_read(const struct archive *a, struct archive_cursor *c, uint64_t off, void *buf,
		     size_t len, struct pl_error *err)
{
	size_t done = 0;

	while (done < len && off + done < archive_size(a)) {
		ssize_t n = read_piece(a, c, off + done, (char *)buf + done, len - done, err);

		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return (ssize_t)done;
}
