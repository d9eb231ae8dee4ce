/*
 * sched_private.h - what the files of the scheduler share: sched.c (tasks and their turns),
 * sched_queue.c (where they stand), sched_cancel.c (how they are asked to end), sched_report.c
 * (deadlocks and lost failures), sched_hook.c (long Lua), sched_signal.c (Ctrl-C), lua_sched.c and
 * coroutine.c (what Lua sees of it).
 *
 * State of a task:
 *
 *	READY <-> RUNNING <-> WAITING
 *	             |
 *	             +-> DONE | FAILED | CANCELED
 *
 * A task is a userdata, kept alive by the registry (key: its address) until it has ended. Its
 * results stay on the stack of its thread until the userdata is collected.
 */
#ifndef PL_BINDINGS_SCHED_PRIVATE_H
#define PL_BINDINGS_SCHED_PRIVATE_H

#include <signal.h>

#include "sched.h"

#define SCHED_TASK "perilune.task"
#define SCHED_BEAT_US 50000 /* how often running code is looked at for how long it has run */

enum sched_state {
	SCHED_READY,
	SCHED_RUNNING,
	SCHED_WAITING,
	SCHED_DONE,	/* the first of those that have ended */
	SCHED_FAILED,
	SCHED_CANCELED,
};

/* How far the cancel of a task has come. */
enum sched_cancel {
	CANCEL_NONE,
	CANCEL_ASKED, /* not raised yet */
	CANCEL_HEARD, /* raised at least once; every further wait raises again */
	CANCEL_FINAL, /* the grace of the closers is over: they are refused too */
};

/* Why a thread stopped running: set by whoever yields, read by the one who resumed it. */
enum sched_yield {
	YIELD_WAIT,  /* the task waits in a queue */
	YIELD_TURN,  /* the task gives way, it stays ready */
	YIELD_USER,  /* coroutine.yield: for the coroutine that resumed */
};

/* User values of a task's userdata. */
enum { TASK_THREAD = 1, TASK_LOCALS, TASK_NAME, TASK_CANCEL, TASK_TRACED, TASK_TRACE };
#define TASK_VALUES TASK_TRACE

struct sched_task {
	struct sched *sched;
	lua_State *thread;
	unsigned long id;
	enum sched_state state;
	struct sched_queue *queue;	/* the one it stands in: ready, or of what it waits for */
	struct sched_task *prev, *next; /* there */
	struct sched_list *list; /* that of all live, or of all failed tasks; NULL: in none */
	struct sched_task *older, *newer; /* in it */
	struct sched_queue joiners;
	int n_results; /* on top of the thread's stack, once it has ended */
	bool joined;   /* somebody took its result */

	/* while WAITING */
	const char *what;
	lua_KContext ctx;
	lua_KFunction k;

	/* sleep */
	struct loop_timer timer;
	int64_t due_us;
	struct sched_queue sleepers; /* the task itself */

	/* cancel */
	enum sched_cancel cancel;
	const char *cancel_kind; /* "cancel", "deadlock" or "limit" */
	char *why;
	unsigned closers;	 /* depth of closers it is in */
	struct loop_timer grace;
	int hook_count;		 /* instructions between two calls of the hook; 0: none is set */
	unsigned overtime;	 /* slices used up since the cancel */
	int64_t busy_us;	 /* CPU time in the user's code since the last wait, about */
};

struct sched_list {
	struct sched_task *oldest, *newest;
};

struct sched {
	lua_State *L; /* the main thread; no Lua runs in it */
	struct loop *loop;
	bool loop_taken; /* somebody has asked for it: no other may take its place */
	struct sched_task *current, *main;
	struct sched_queue ready;
	struct sched_list live, failed;
	struct ring calls;	/* struct sched_call: due, in order */
	unsigned long last_id;
	enum sched_yield yield;

	/* threads that run now, each resumed by the one before: 0 is the task's own */
	lua_State **chain;
	size_t depth, cap_chain;
	lua_State *closing; /* the coroutine that coroutine.close() is ending */

	/* long Lua */
	lua_State *volatile running; /* the last of the chain: read by signal handlers */
	int64_t slice_until_us;	     /* real time: then the loop has its turn */
	int64_t turn_until_us;	     /* then another task has it */
	bool is_virtual;

	/* what the user's code may use: sched_limit.c */
	struct lua_memory *memory; /* NULL: not counted */
	int64_t busy_limit_us;	   /* without a wait; 0: none */
	unsigned ticks;
	volatile sig_atomic_t beat_due; /* SCHED_BEAT_US of CPU time have gone by */

	/* signals */
	struct loop_signal *on_int, *on_term;
	int signo;		 /* the first that came, or 0 */
	int signals_taken;	 /* of leave_count() */
	int64_t signal_us;	 /* real time of it */
	int interrupt_ref;	 /* registry reference of on_interrupt's function */
	struct sched_call interrupt;
	int victim_ref;		 /* registry reference of the task that a deadlock ends */
	unsigned lost;		 /* failed tasks that nobody joined */
};

/* ---- sched.c ---- */

/* L's extra space points to it from then on; threads made later inherit that. */
struct sched *sched_create(lua_State *L, enum loop_time time, struct pl_error *err);
void sched_destroy(struct sched *s); /* after lua_close */

/* Puts a loop on virtual time in the place of the real one; false, with nothing changed, when it
 * is too late: a second task was spawned, or something holds on to the loop. */
bool sched_use_virtual_time(struct sched *s, struct pl_error *err);

/* Takes a function and n_args arguments off the top of L's stack, leaves the new task's userdata
 * there. It is ready; locals are copied from the running task's. */
struct sched_task *sched_spawn(lua_State *L, int n_args);

/* Runs tasks and the loop until `main` has ended and all the others, which are cancelled then. */
void sched_run(struct sched *s, struct sched_task *main);

/* Pushes the userdata of a live task. */
void sched_push_task(lua_State *L, struct sched_task *t);

/* Pushes the name of a live task: the one given, or "task N". */
const char *sched_push_name(lua_State *L, struct sched_task *t);

void sched_forget(struct sched_task *t); /* takes it out of every list and stops its timers */

/* A message handler: notes traceback and error object in the running task, returns the object. */
int sched_on_error(lua_State *L);

/* The running chain of threads. */
void sched_chain_push(struct sched *s, lua_State *co);
void sched_chain_pop(struct sched *s);

/* The outermost of them that cannot yield now; NULL when all can. */
lua_State *sched_barrier(struct sched *s);

/* ---- sched_queue.c ---- */

void sched_queue_add(struct sched_queue *q, struct sched_task *t);
void sched_queue_remove(struct sched_task *t); /* no-op when it stands in none */
void sched_make_ready(struct sched_task *t);
void sched_list_add(struct sched_list *list, struct sched_task *t);
void sched_list_remove(struct sched_task *t); /* no-op when it is in none */

/* ---- sched_cancel.c ---- */

/* Asks a task to end. `why` is copied; the first cancel counts. May be called by callbacks. */
void sched_cancel(struct sched_task *t, const char *kind, const char *why);

/* True when a wait in this task, or a check, must raise now. */
bool sched_must_stop(const struct sched_task *t);

/* Raises the cancel error of t when it must stop. */
void sched_check(lua_State *L, struct sched_task *t);

/* Sets the depth of closers; starts their grace when the task is cancelled. */
void sched_enter_closer(struct sched_task *t);
void sched_leave_closer(struct sched_task *t);

/* Pushes the one cancel error of t. */
void sched_push_cancel(lua_State *L, struct sched_task *t);

/* The timer of a task's grace. */
void sched_grace_is_over(void *task);

/* ---- sched_report.c ---- */

/* Cancels the victim, or `main` when there is none or it was in vain, with a text that names who
 * waits, in what and where. */
void sched_end_deadlock(struct sched *s, struct sched_task *main);

/* Keeps a failed task in mind until somebody takes its result. */
void sched_note_failed(struct sched *s, struct sched_task *t);

/* For each failed task that nobody joined: says so on standard error, counts it in s->lost. */
void sched_report_lost(struct sched *s);
void sched_report_lost_task(lua_State *L, struct sched_task *t, int ud);
/* ---- sched_hook.c ---- */

/* The hook of a thread: every `count` instructions, or never (0). */
void sched_hook_set(lua_State *L, int count);

/* A slice is how long Lua may run before others have their turn. */
void sched_turn_begin(struct sched *s); /* of one task */
void sched_slice_begin(struct sched *s);
bool sched_slice_over(struct sched *s);

/* The timer that looks after running Lua, for one scheduler at a time. */
void sched_ticks_start(struct sched *s);
void sched_ticks_stop(void);

/* Stops running Lua when its slice is over or a signal is due. Async-signal-safe. */
void sched_poke(void);

/* Monotonic, also when the loop is on virtual time. */
int64_t sched_real_us(void);

/* ---- sched_limit.c ---- */

/* Called by the hook: raises when the user's code holds too much memory; cancels its task, as
 * "limit", when it has computed for too long. */
void sched_limits_check(lua_State *L, struct sched *s, struct sched_task *t);

/* ---- sched_signal.c ---- */

void sched_signals_init(struct sched *s);
void sched_signals_fini(struct sched *s);
const char *sched_signal_name(int signo); /* "INT" or "TERM" */

/* ---- coroutine.c ---- */

/* Pushes a table to stand in for the library `coroutine`. */
int luaopen_perilune_coroutine(lua_State *L);

/* True for functions of it that a wait passes through. */
bool coroutine_passes_waits(lua_CFunction fn);

#endif
