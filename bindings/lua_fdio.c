/*
 * lua_fdio.c - reading and writing descriptors without holding the loop, for perilune.core.sys.
 *
 * Descriptors handed to us (a terminal, a pipe) stay as they are, blocking: others share them. So
 * each call is preceded by poll(2), and a write is never longer than what a pipe that polls as
 * writable is sure to take. Where nothing is ready the task waits.
 */
#include "lua_fdio.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "binding.h"
#include "sched.h"

#define WATCH "perilune.sys.watch"
#define READ_MAX (64 * 1024)

struct watch {
	struct loop_io *io;
	struct sched_queue waiter;
};

static void watch_fini(struct watch *w)
{
	sched_wake_all(&w->waiter);
	loop_io_destroy(w->io);
	w->io = NULL;
}

static int watch_gc(lua_State *L)
{
	watch_fini(luaL_checkudata(L, 1, WATCH));
	return 0;
}

static void on_ready(void *arg, int events)
{
	struct watch *w = arg;

	(void)events;
	loop_io_want(w->io, 0);
	sched_wake_all(&w->waiter);
}

/* The watch at index 3 of a call, made when it is needed; fd is at 1. */
static struct watch *watch_of(lua_State *L)
{
	struct watch *w;

	if (lua_isuserdata(L, 3))
		return luaL_checkudata(L, 3, WATCH);
	lua_settop(L, 2);
	w = binding_new(L, WATCH, sizeof(*w));
	w->io = loop_io_create(sched_loop(L), (int)lua_tointeger(L, 1), on_ready, w);
	return w;
}

/* Takes the watch away: nothing may watch a descriptor that its owner closes. */
static void end_watch(lua_State *L)
{
	if (lua_isuserdata(L, 3))
		watch_fini(luaL_checkudata(L, 3, WATCH));
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return is_regular(fd) || poll(&p, 1, 0) != 0;
}

static int fail(lua_State *L, const char *what)
{
	struct pl_error err = { 0 };

	pl_error_sys(&err, errno, "cannot %s descriptor %d", what, (int)lua_tointeger(L, 1));
	end_watch(L);
	return binding_fail(L, &err);
}

/* Writes until it would block, or all of it; bytes done so far, -1 with errno. */
static ssize_t write_some(int fd, const char *text, size_t done, size_t len, bool all)
{
	size_t most = is_regular(fd) ? len : PIPE_BUF;

	while (done < len && (all || is_ready(fd, POLLOUT))) {
		size_t left = len - done;
		ssize_t n = write(fd, text + done, left < most ? left : most);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN && all)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n < 0 && errno != EINTR)
			return -1;
	}
	return (ssize_t)done;
}

static int write_k(lua_State *L, int status, lua_KContext ctx)
{
	size_t len;
	const char *text = lua_tolstring(L, 2, &len);
	ssize_t done = write_some((int)lua_tointeger(L, 1), text, (size_t)ctx, len,
				  !sched_can_wait(L));
	struct watch *w;

	(void)status;
	if (done < 0)
		return fail(L, "write to");
	if ((size_t)done < len) {
		w = watch_of(L);
		loop_io_want(w->io, LOOP_WRITE);
		return sched_block(L, &w->waiter, "sys.write", done, write_k);
	}
	end_watch(L);
	lua_pushboolean(L, 1);
	return 1;
}

/* write(fd, text) -> true (waits; where no wait is allowed, a print inside table.sort, it holds the
 * loop instead) */
static int fdio_write(lua_State *L)
{
	luaL_checkinteger(L, 1);
	luaL_checkstring(L, 2);
	lua_settop(L, 2);
	return write_k(L, LUA_OK, 0);
}

static int read_k(lua_State *L, int status, lua_KContext ctx)
{
	int fd = (int)lua_tointeger(L, 1);
	luaL_Buffer b;
	struct watch *w;
	ssize_t n = -1;

	(void)status;
	errno = EAGAIN;
	if (is_ready(fd, POLLIN)) {
		char bytes[READ_MAX];

		n = read(fd, bytes, (size_t)lua_tointeger(L, 2));
		if (n >= 0) {
			end_watch(L);
			luaL_buffinit(L, &b);
			luaL_addlstring(&b, bytes, (size_t)n);
			luaL_pushresult(&b);
			return 1;
		}
	}
	if (errno != EAGAIN && errno != EINTR)
		return fail(L, "read from");
	w = watch_of(L);
	loop_io_want(w->io, LOOP_READ);
	return sched_block(L, &w->waiter, "sys.read", ctx, read_k);
}

/* read(fd [, most]) -> the bytes that are there, "" at the end (waits for the first) */
static int fdio_read(lua_State *L)
{
	lua_Integer most = luaL_optinteger(L, 2, READ_MAX);

	luaL_checkinteger(L, 1);
	luaL_argcheck(L, most > 0, 2, "bytes, 1 or more");
	lua_settop(L, 1);
	lua_pushinteger(L, most < READ_MAX ? most : READ_MAX);
	return read_k(L, LUA_OK, 0);
}

void lua_fdio_add(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{ "read", fdio_read },
		{ "write", fdio_write },
		{ NULL, NULL },
	};

	binding_class(L, WATCH, NULL, NULL, watch_gc);
	luaL_setfuncs(L, functions, 0);
}
