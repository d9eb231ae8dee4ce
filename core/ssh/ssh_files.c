/* ssh_files.c - see ssh_files.h */
#include "ssh/ssh_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strtable.h"
#include "loop/pool.h"
#include "ssh/pubkey.h"

enum file_state { FILE_READING, FILE_READ };

struct ssh_file {
	struct ssh_files *files; /* NULL when they went away during the read */
	enum ssh_file_kind kind;
	enum file_state state;
	char *path;
	struct keyfile *key;
	struct known_hosts *trust;
	struct strbuf certificate;
	struct pl_error error;
};

struct ssh_files {
	struct loop *loop;
	ssh_file_f on_read;
	void *arg;
	struct strtable by_path[SSH_FILE_KINDS]; /* by kind */
};

static void file_free(struct ssh_file *f)
{
	keyfile_destroy(f->key);
	known_hosts_destroy(f->trust);
	strbuf_fini(&f->certificate);
	free(f->path);
	free(f);
}

static void read_work(void *arg)
{
	struct ssh_file *f = arg;

	if (f->kind == SSH_FILE_KEY)
		f->key = keyfile_read(f->path, &f->error);
	else if (f->kind == SSH_FILE_CERTIFICATE)
		pubkey_read(f->path, &f->certificate, &f->error);
	else
		f->trust = known_hosts_read(f->path, &f->error);
}

static void read_done(void *arg)
{
	struct ssh_file *f = arg;

	if (f->files == NULL) {
		file_free(f);
		return;
	}
	f->state = FILE_READ;
	f->files->on_read(f->files->arg, f);
}

struct ssh_files *ssh_files_create(struct loop *loop, ssh_file_f on_read, void *arg)
{
	struct ssh_files *files = xcalloc(1, sizeof(*files));

	*files = (struct ssh_files){ .loop = loop, .on_read = on_read, .arg = arg };
	return files;
}

void ssh_files_destroy(struct ssh_files *files)
{
	if (files == NULL)
		return;
	for (int kind = 0; kind < SSH_FILE_KINDS; kind++) {
		const struct strtable_entry *it;
		size_t pos = 0;

		while ((it = strtable_next(&files->by_path[kind], &pos)) != NULL) {
			struct ssh_file *f = it->value;

			if (f->state == FILE_READ)
				file_free(f);
			else
				f->files = NULL;
		}
		strtable_fini(&files->by_path[kind]);
	}
	free(files);
}

struct ssh_file *ssh_files_get(struct ssh_files *files, enum ssh_file_kind kind, const char *path)
{
	struct ssh_file *f = strtable_get(&files->by_path[kind], path);

	if (f != NULL)
		return f;
	f = xcalloc(1, sizeof(*f));
	f->files = files;
	f->kind = kind;
	f->path = xstrdup(path);
	strtable_put(&files->by_path[kind], path, f);
	pool_submit(files->loop, read_work, read_done, f);
	return f;
}

bool ssh_file_is_read(const struct ssh_file *f)
{
	return f->state == FILE_READ;
}

const char *ssh_file_path(const struct ssh_file *f)
{
	return f->path;
}

struct keyfile *ssh_file_key(const struct ssh_file *f)
{
	return f->key;
}

struct known_hosts *ssh_file_trust(const struct ssh_file *f)
{
	return f->trust;
}

struct field ssh_file_certificate(const struct ssh_file *f)
{
	return (struct field){ (const unsigned char *)f->certificate.s, f->certificate.len };
}

const struct pl_error *ssh_file_error(const struct ssh_file *f)
{
	return &f->error;
}

/* ---- new lines ---- */

struct append {
	char *path;
	char *line; /* between newlines; the first is for a file that does not end with one */
	struct pl_error error;
};

static void make_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? xstrndup(path, (size_t)(slash - path)) : NULL;

	if (folder != NULL && *folder != '\0')
		mkdir(folder, 0700); /* where it fails for a reason, so does open */
	free(folder);
}

/* What somebody else wrote may not end with a newline. */
static bool ends_a_line(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char last = '\n';

	return end <= 0 || pread(fd, &last, 1, end - 1) != 1 || last == '\n';
}

/*
 * One write at the end of the file: lines of several programs do not mix. The lock is for what is
 * looked at before. Whoever rewrites the file as a whole (ssh-keygen -R) may lose a line, as with
 * ssh.
 */
static void append_work(void *arg)
{
	struct append *a = arg;
	ssize_t len = (ssize_t)strlen(a->line);
	const char *line = a->line;
	int fd;

	make_folder(a->path);
	fd = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0 && ends_a_line(fd)) {
		line++;
		len--;
	}
	if (fd < 0 || write(fd, line, (size_t)len) != len)
		pl_error_sys(&a->error, errno, "a new host key is trusted for this run only: it "
			     "cannot be added to %s", a->path);
	if (fd >= 0)
		close(fd);
}

static void append_done(void *arg)
{
	struct append *a = arg;

	if (a->error.code != PL_EOK)
		log_warn(LOG_SSH, "%s", a->error.text);
	free(a->path);
	free(a->line);
	free(a);
}

void ssh_file_add_line(struct ssh_file *f, const char *line)
{
	struct append *a = xcalloc(1, sizeof(*a));

	if (f->trust != NULL)
		known_hosts_add(f->trust, line);
	a->path = xstrdup(f->path);
	a->line = xasprintf("\n%s\n", line);
	pool_submit(f->files->loop, append_work, append_done, a);
}
