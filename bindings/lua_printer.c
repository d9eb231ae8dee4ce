/* lua_printer.c - run.printer: the sink that people read, as Lua sees it; see lua_run.h */
#include "lua_run.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"
#include "lua_sink.h"
#include "run/printer.h"

#define PRINTER_CLASS "perilune.printer"

struct lua_printer {
	struct lua_sink base; /* first: see lua_sink.h */
	struct printer *printer;
	struct sched_queue empty; /* tasks in flush() */
};

static const char *const printer_keys[] = { "prefix", "quiet", "json",	"outdir", "lines",
					    "width",  "raw",   "color", NULL };

static struct lua_printer *check_printer(lua_State *L, int arg)
{
	struct lua_printer *p = luaL_checkudata(L, arg, PRINTER_CLASS);

	luaL_argcheck(L, p->printer != NULL, arg, "this printer is closed");
	return p;
}

static void went_empty(void *arg)
{
	struct lua_printer *p = arg;

	sched_wake_all(&p->empty);
}

static enum printer_mode read_mode(lua_State *L, int arg)
{
	if (binding_opt_bool(L, arg, "json", 0))
		return PRINTER_JSON;
	if (binding_opt_string(L, arg, "outdir", NULL) != NULL)
		return PRINTER_FILES;
	return binding_opt_bool(L, arg, "lines", 1) ? PRINTER_LINES : PRINTER_NOTES;
}

/* printer{ prefix=true, quiet=, json=, outdir=, lines=true, width=, raw=, color= } */
int lua_printer_new(lua_State *L)
{
	struct printer_options options = { .out_fd = STDOUT_FILENO, .err_fd = STDERR_FILENO };
	struct lua_printer *p;
	struct pl_error err = { 0 };

	lua_settop(L, 1);
	if (lua_isnil(L, 1)) {
		lua_newtable(L);
		lua_replace(L, 1);
	}
	binding_check_keys(L, 1, "run.printer", printer_keys);
	options.mode = read_mode(L, 1);
	options.prefix = binding_opt_bool(L, 1, "prefix", 1) != 0;
	options.quiet = binding_opt_bool(L, 1, "quiet", 0) != 0;
	options.raw = binding_opt_bool(L, 1, "raw", 0) != 0;
	options.color = binding_opt_bool(L, 1, "color", 0) != 0;
	options.width = (size_t)binding_opt_int(L, 1, "width", 0);
	options.outdir = binding_opt_string(L, 1, "outdir", NULL);
	luaL_argcheck(L, options.width <= 256, 1, "width is at most 256");
	p = binding_new(L, PRINTER_CLASS, sizeof(*p));
	p->printer = printer_create(sched_loop(L), &options, &err);
	if (p->printer == NULL)
		return binding_fail(L, &err);
	p->base.sink = printer_sink(p->printer);
	printer_on_empty(p->printer, went_empty, p);
	return 1;
}

/* Runs that print here keep it alive, so there are none but when Lua itself goes away. */
static int printer_gc(lua_State *L)
{
	struct lua_printer *p = luaL_checkudata(L, 1, PRINTER_CLASS);

	if (p->printer != NULL && !printer_busy(p->printer)) {
		printer_destroy(p->printer);
		p->printer = NULL;
		p->base.sink = NULL;
	}
	return 0;
}

/* Waits until the reader has taken everything: true, or nil, message, code ("pipe": it left). */
static int flush_k(lua_State *L, int status, lua_KContext ctx)
{
	struct lua_printer *p = check_printer(L, 1);
	int errnum = printer_failed(p->printer);

	(void)status;
	if (printer_pending(p->printer) > 0)
		return sched_block(L, &p->empty, "printer:flush", ctx, flush_k);
	if (errnum == 0) {
		lua_pushboolean(L, 1);
		return 1;
	}
	lua_pushnil(L);
	lua_pushfstring(L, "cannot write output: %s", strerror(errnum));
	lua_pushstring(L, errnum == EPIPE ? "pipe" : "sys");
	return 3;
}

static int printer_flush_lua(lua_State *L)
{
	lua_settop(L, 1);
	return flush_k(L, LUA_OK, 0);
}

void lua_printer_class(lua_State *L)
{
	static const luaL_Reg methods[] = { { "flush", printer_flush_lua }, { NULL, NULL } };

	binding_class(L, PRINTER_CLASS, methods, NULL, printer_gc);
	luaL_getmetatable(L, PRINTER_CLASS);
	lua_pushboolean(L, 1);
	lua_setfield(L, -2, LUA_SINK_MARK);
	lua_pop(L, 1);
}
