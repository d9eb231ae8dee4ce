/*
 * lua_fs.c - files, for perilune.core.sys. The world failing returns nil, message, code.
 *
 * Small files are read and written in place; hashing a file may take long and goes to the pool.
 */
#include "lua_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "binding.h"
#include "loop/pool.h"
#include "sched.h"

#define BYTES "perilune.sys.bytes"
#define HASH "perilune.sys.hash"
#define READ_CHUNK (64 * 1024)
#define READ_MAX (1024 * 1024 * 1024)
#define SHA256_BYTES 32

/* ---- failing ---- */

static int fail(lua_State *L, int errnum, const char *what, const char *path)
{
	struct pl_error err = { 0 };

	pl_error_sys(&err, errnum, "cannot %s %s", what, path);
	if (errnum == ENOENT)
		err.code = PL_ENOENT;
	return binding_fail(L, &err);
}

static int done(lua_State *L, int rc, const char *what, const char *path)
{
	if (rc < 0)
		return fail(L, errno, what, path);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- names ---- */

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "link";
	}
	return "other";
}

/* Follows links, except one that leads nowhere. */
static int fs_stat(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct stat st;

	if (stat(path, &st) < 0 && lstat(path, &st) < 0)
		return fail(L, errno, "look at", path);
	lua_createtable(L, 0, 4);
	binding_set_string(L, "type", type_name(st.st_mode));
	binding_set_integer(L, "size", (lua_Integer)st.st_size);
	binding_set_integer(L, "mode", (lua_Integer)(st.st_mode & 07777));
	binding_set_number(L, "mtime", (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9);
	return 1;
}

/* path and its parents, as mkdir -p: what exists is fine when it is a folder. */
static int make_folders(char *path, mode_t mode)
{
	struct stat st;

	for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		if (mkdir(path, mode | 0700) < 0 && errno != EEXIST) {
			*slash = '/';
			return -1;
		}
		*slash = '/';
	}
	if (mkdir(path, mode) == 0)
		return 0;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return -1;
}

static int fs_mkdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	mode_t mode = (mode_t)luaL_optinteger(L, 2, 0777);
	char copy[PATH_MAX];
	int rc;

	if (!lua_toboolean(L, 3))
		return done(L, mkdir(path, mode), "make the folder", path);
	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return fail(L, ENAMETOOLONG, "make the folder", path);
	rc = make_folders(copy, mode);
	return done(L, rc, "make the folder", path);
}

static int not_a_dot(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int fs_readdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct dirent **names;
	int n = scandir(path, &names, not_a_dot, by_bytes);

	if (n < 0)
		return fail(L, errno, "read the folder", path);
	lua_createtable(L, n, 0);
	for (int i = 0; i < n; i++) {
		lua_pushstring(L, names[i]->d_name);
		lua_rawseti(L, -2, i + 1);
		free(names[i]);
	}
	free(names);
	return 1;
}

static int fs_realpath(lua_State *L)
{
	char real[PATH_MAX];
	const char *path = luaL_checkstring(L, 1);

	if (realpath(path, real) == NULL)
		return fail(L, errno, "find", path);
	lua_pushstring(L, real);
	return 1;
}

static int fs_cwd(lua_State *L)
{
	char cwd[PATH_MAX];

	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return fail(L, errno, "find", "the working directory");
	lua_pushstring(L, cwd);
	return 1;
}

static int fs_unlink(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	return done(L, unlink(path), "remove", path);
}

static int fs_rmdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	return done(L, rmdir(path), "remove the folder", path);
}

static int fs_chdir(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);

	return done(L, chdir(path), "go to the folder", path);
}

static int fs_rename(lua_State *L)
{
	const char *from = luaL_checkstring(L, 1);

	return done(L, rename(from, luaL_checkstring(L, 2)), "rename", from);
}

/* mkdtemp("/tmp/perilune.") -> "/tmp/perilune.x7Qw2k" */
static int fs_mkdtemp(lua_State *L)
{
	char path[PATH_MAX];
	const char *prefix = luaL_checkstring(L, 1);

	if (snprintf(path, sizeof(path), "%sXXXXXX", prefix) >= (int)sizeof(path))
		return fail(L, ENAMETOOLONG, "make a folder", prefix);
	if (mkdtemp(path) == NULL)
		return fail(L, errno, "make a folder", path);
	lua_pushstring(L, path);
	return 1;
}

/* ---- contents ---- */

/* What a read holds while Lua may raise: a buffer and a descriptor. */
struct bytes {
	struct strbuf text;
	int fd; /* 1 + the descriptor; 0: none */
};

static void close_bytes(struct bytes *b)
{
	if (b->fd > 0)
		close(b->fd - 1);
	b->fd = 0;
}

static int bytes_gc(lua_State *L)
{
	struct bytes *b = luaL_checkudata(L, 1, BYTES);

	strbuf_fini(&b->text);
	close_bytes(b);
	return 0;
}

/* 0 at the end, 1 when there is more than max, -1 with errno. */
static int read_all(struct bytes *b, size_t max)
{
	for (;;) {
		ssize_t n = read(b->fd - 1, strbuf_reserve(&b->text, READ_CHUNK), READ_CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		b->text.len += (size_t)n;
		b->text.s[b->text.len] = '\0';
		if (b->text.len > max)
			return 1;
	}
}

static int fs_read_file(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	lua_Integer max = luaL_optinteger(L, 2, READ_MAX);
	struct bytes *b = binding_new(L, BYTES, sizeof(*b));
	struct pl_error err = { 0 };
	int rc;

	luaL_argcheck(L, max >= 0, 2, "bytes, 0 or more");
	b->fd = open(path, O_RDONLY | O_CLOEXEC) + 1;
	if (b->fd == 0)
		return fail(L, errno, "read", path);
	rc = read_all(b, (size_t)max);
	if (rc < 0)
		rc = -errno;
	close_bytes(b);
	if (rc < 0)
		return fail(L, -rc, "read", path);
	if (rc > 0) {
		pl_errorf(&err, PL_ESYS, "cannot read %s: it is larger than %lld bytes", path,
			  (long long)max);
		return binding_fail(L, &err);
	}
	lua_pushlstring(L, strbuf_str(&b->text), b->text.len);
	strbuf_fini(&b->text);
	return 1;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A new file beside path, with the text and the mode, that takes its place. */
static int replace_file(const char *path, const char *text, size_t len, mode_t mode)
{
	char temp[PATH_MAX];
	int fd, saved;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >= (int)sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write_all(fd, text, len) < 0 || fchmod(fd, mode) < 0)
		goto fail;
	if (close(fd) < 0 || rename(temp, path) < 0) {
		fd = -1;
		goto fail;
	}
	return 0;
fail:
	saved = errno;
	if (fd >= 0)
		close(fd);
	unlink(temp);
	errno = saved;
	return -1;
}

/* Readers see the old content or the new one. What is no regular file is written in place. */
static int fs_write_file(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	size_t len;
	const char *text = luaL_checklstring(L, 2, &len);
	mode_t mode = (mode_t)luaL_optinteger(L, 3, 0644);
	struct stat st;
	int fd, rc;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return done(L, replace_file(path, text, len, mode), "write", path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(L, errno, "write", path);
	rc = write_all(fd, text, len);
	close(fd);
	return done(L, rc, "write", path);
}

/* ---- SHA-256 ---- */

static void push_hex(lua_State *L, const unsigned char *digest)
{
	char hex[2 * SHA256_BYTES + 1];

	for (int i = 0; i < SHA256_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	lua_pushstring(L, hex);
}

static int fs_sha256(lua_State *L)
{
	size_t len;
	const char *text = luaL_checklstring(L, 1, &len);
	unsigned char digest[SHA256_BYTES];

	if (EVP_Digest(text, len, digest, NULL, EVP_sha256(), NULL) != 1)
		return luaL_error(L, "cannot compute a SHA-256 digest");
	push_hex(L, digest);
	return 1;
}

/* One file on its way through the pool. The job owns it; the userdata lets go when collected. */
struct hash {
	char *path;
	int errnum;
	bool ended, abandoned;
	unsigned char digest[SHA256_BYTES];
	struct sched_queue waiter;
};

static void hash_free(struct hash *h)
{
	free(h->path);
	free(h);
}

static int hash_bytes(EVP_MD_CTX *ctx, int fd, unsigned char *digest)
{
	unsigned char chunk[READ_CHUNK];
	ssize_t n;

	if (EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return EIO;
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0 && EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
			return EIO;
	}
	return EVP_DigestFinal_ex(ctx, digest, NULL) == 1 ? 0 : EIO;
}

static void hash_work(void *arg)
{
	struct hash *h = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int fd = open(h->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		h->errnum = errno;
	else
		h->errnum = ctx != NULL ? hash_bytes(ctx, fd, h->digest) : ENOMEM;
	if (fd >= 0)
		close(fd);
	EVP_MD_CTX_free(ctx);
}

static void hash_done(void *arg)
{
	struct hash *h = arg;

	h->ended = true;
	if (h->abandoned)
		hash_free(h);
	else
		sched_wake_all(&h->waiter);
}

static int hash_gc(lua_State *L)
{
	struct hash **handle = luaL_checkudata(L, 1, HASH);
	struct hash *h = *handle;

	*handle = NULL;
	if (h == NULL)
		return 0;
	sched_wake_all(&h->waiter);
	h->abandoned = true;
	if (h->ended)
		hash_free(h);
	return 0;
}

static int sha256_file_k(lua_State *L, int status, lua_KContext ctx)
{
	struct hash *h = *(struct hash **)luaL_checkudata(L, 2, HASH);

	(void)status;
	if (!h->ended)
		return sched_block(L, &h->waiter, "sys.sha256_file", ctx, sha256_file_k);
	if (h->errnum != 0)
		return fail(L, h->errnum, "read", h->path);
	push_hex(L, h->digest);
	return 1;
}

static int fs_sha256_file(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	struct hash **handle;

	lua_settop(L, 1);
	handle = binding_new(L, HASH, sizeof(*handle));
	*handle = xcalloc(1, sizeof(**handle));
	(*handle)->path = xstrdup(path);
	pool_submit(sched_loop(L), hash_work, hash_done, *handle);
	return sha256_file_k(L, LUA_OK, 0);
}

void lua_fs_add(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "chdir", fs_chdir },
		{ "cwd", fs_cwd },
		{ "mkdir", fs_mkdir },
		{ "mkdtemp", fs_mkdtemp },
		{ "read_file", fs_read_file },
		{ "readdir", fs_readdir },
		{ "realpath", fs_realpath },
		{ "rename", fs_rename },
		{ "rmdir", fs_rmdir },
		{ "sha256", fs_sha256 },
		{ "sha256_file", fs_sha256_file },
		{ "stat", fs_stat },
		{ "unlink", fs_unlink },
		{ "write_file", fs_write_file },
		{ NULL, NULL },
	};

	binding_class(L, BYTES, NULL, NULL, bytes_gc);
	binding_class(L, HASH, NULL, NULL, hash_gc);
	luaL_setfuncs(L, functions, 0);
}
