/*
 * lua_run.h - perilune.core.run: fan-outs as Lua sees them.
 *
 * A run lives in a struct of its own, not in its userdata: the userdata may be collected (which
 * cancels the run) before the last of its tasks has ended. While it goes on, everything that it
 * borrows (transport, hosts, sinks) is anchored in the registry; the anchor is dropped, and the run
 * freed when nobody holds it, at the next call into this module after its end.
 */
#ifndef PL_BINDINGS_LUA_RUN_H
#define PL_BINDINGS_LUA_RUN_H

#include <lua.h>
#include <stdbool.h>

#include "base/strtable.h"
#include "run/run.h"
#include "sched.h"
#include "set/hostlist.h"

#define LUA_RUN_CLASS "perilune.run"

/* What the user value of a run's userdata holds, by number. */
enum { ANCHOR_TRANSPORT = 1, ANCHOR_HOSTS, ANCHOR_SINKS, ANCHOR_RESULTS };

/* What a run borrows and this module owns. */
struct lua_run_parts {
	struct run_spec spec;
	struct run_task *tasks;
	size_t n_tasks;
	struct run_sink **sinks;
	size_t n_sinks;
	void **owned; /* strings, arrays, commands: freed with the run */
	size_t n_owned, cap_owned;
	const char *stdin_text; /* given whole, or NULL */
	size_t stdin_len;
	const struct pl_hostlist *hosts; /* when the tasks are those of a set, else NULL */
	struct copy_count copied;	 /* by all tasks */
	struct redactor *redactor;	 /* of the secrets, or NULL */
	bool lines;			 /* next_line() will be called */
};

struct lua_lines;

struct lua_run {
	struct lua_run *next; /* in the list of all that are not freed */
	struct run *run;      /* NULL before the start */
	struct lua_run_parts parts;
	struct run_sink sink;
	struct sched_queue ended, drained, lined, one_ended;
	uint32_t *order; /* next_ended(): tasks as they ended; NULL until it is called */
	size_t n_order, n_taken;
	struct lua_lines *lines; /* NULL unless asked for */
	struct strtable places;	 /* find(): 1 + number of the task, as a pointer; made when needed */
	size_t first_failed; /* number of the task, from 1, that failed by itself before others */
	bool anchored;
	bool orphan; /* its userdata is gone */
};

/* The run at arg; raises when it is none. */
struct lua_run *lua_check_run(lua_State *L, int arg);

/* The number of a task at arg (1-based there, 0-based here); RUN_ALL_TASKS when it is nil. */
size_t lua_check_task(lua_State *L, int arg, const struct lua_run *r);

/* True while some run goes on over this transport. */
bool lua_run_uses(lua_State *L, const struct transport *tp);

/* lua_run_spec.c: reads the table at arg into r->parts, anchoring into the table at `anchor`. What
 * it allocates hangs on r->parts at once, so it may raise at any point. */
void lua_run_read_spec(lua_State *L, int arg, int anchor, struct lua_run *r);
void lua_run_parts_fini(struct lua_run_parts *parts);

/* lua_run_result.c: methods that read results. */
int lua_run_result(lua_State *L);
int lua_run_outcome(lua_State *L);
int lua_run_summary(lua_State *L);
int lua_run_copied(lua_State *L);
int lua_run_fold(lua_State *L);
int lua_run_find(lua_State *L);
int lua_run_next_ended(lua_State *L);
int lua_run_first_failed(lua_State *L);
int lua_run_waiting(lua_State *L);

/* lua_run_lines.c: the queue of lines that next_line() takes from. */
struct lua_lines *lua_lines_create(size_t n_tasks);
void lua_lines_destroy(struct lua_lines *q);
void lua_lines_output(struct lua_run *r, size_t i, enum stream stream, const void *bytes,
		      size_t len);
void lua_lines_result(struct lua_run *r, size_t i);
int lua_run_next_line(lua_State *L);

/* lua_printer.c */
int lua_printer_new(lua_State *L);
void lua_printer_class(lua_State *L);

/*
 * Cancels every run that still goes on and turns the loop until they have ended, at most for the
 * grace of a cancel and a little: the process is about to leave.
 */
void lua_run_shutdown(lua_State *L);

#endif
