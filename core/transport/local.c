/*
 * local.c - commands on this machine, under any host name.
 *
 * Every command leads a session of its own, carries its tag in the environment and starts where
 * perilune was started; relative paths of put and get count from there too. All hosts being this
 * machine, they share its files: putting one relative path on many hosts writes one file, whole
 * each time. As with ssh, a command lasts until its output is closed, so a child in the background
 * that keeps it open keeps the task running, and one that does not is left alone.
 *
 * Once a task was cancelled, output that comes while it is paused is dropped.
 */
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/shellquote.h"
#include "transport/local_private.h"
#include "transport/tagged.h"

#define STARTS_PER_TURN 32 /* then others have their turn: near 10 ms */
#define FDS_PER_CHILD 3
#define FDS_SPARE 128 /* for everybody else */

/* ---- the end of a task ---- */

static void free_task(struct local_task *t)
{
	ending_fini_task(t);
	loop_defer_cancel(&t->done);
	copy_destroy(t->copy);
	strbuf_fini(&t->early);
	free(t);
}

static void deliver(void *arg)
{
	struct local_task *t = arg;
	struct task *task = t->task;
	struct task_result result = t->result;

	free_task(t);
	task->impl = NULL;
	task->events->on_done(task, &result);
}

void local_finish(struct local_task *t, enum outcome outcome, const char *fmt, ...)
{
	va_list ap;

	t->state = LOCAL_DONE;
	t->result.outcome = outcome;
	va_start(ap, fmt);
	vsnprintf(t->result.why, sizeof(t->result.why), fmt, ap);
	va_end(ap);
	ending_fini_task(t);
	loop_defer_schedule(&t->done);
}

void local_drop_child(struct local_task *t)
{
	if (t->child == NULL)
		return;
	child_destroy(t->child);
	t->child = NULL;
	t->local->children--;
	if (!ring_is_empty(&t->local->queue))
		loop_defer_schedule(&t->local->starter);
}

static struct child *spawn(struct local_task *t, const struct command *c, struct pl_error *err);

static void finish_by_status(struct local_task *t, int status)
{
	struct task_result *r = &t->result;
	const char *name;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		local_finish(t, OUTCOME_OK, "%s", "");
		return;
	}
	if (WIFEXITED(status)) {
		r->code = WEXITSTATUS(status);
		local_finish(t, OUTCOME_EXIT, "exit code %d", r->code);
		return;
	}
	name = sigabbrev_np(WTERMSIG(status));
	if (name != NULL)
		snprintf(r->signal, sizeof(r->signal), "%s", name);
	else
		snprintf(r->signal, sizeof(r->signal), "%d", WTERMSIG(status));
	local_finish(t, OUTCOME_SIGNAL, "killed by signal %s", r->signal);
}

/* ---- what the child tells ---- */

static void on_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct local_task *t = arg;

	enum stream which = stream == CHILD_STDOUT ? STREAM_OUT : STREAM_ERR;

	if (t->copy != NULL && t->state == LOCAL_RUNNING)
		copy_output(t->copy, which, bytes, len);
	if (t->copy != NULL || t->paused) /* paused only while it is ending */
		return;
	t->task->events->on_output(t->task, which, bytes, len);
}

static void on_drain(void *arg)
{
	struct local_task *t = arg;

	if (t->copy != NULL && t->state == LOCAL_RUNNING)
		copy_drained(t->copy);
	else if (t->copy == NULL && t->task->events->on_drain != NULL)
		t->task->events->on_drain(t->task);
}

/* What it came to is kept; its files have served. When they cannot be removed they stay. */
static void clear_files(struct local_task *t, int status)
{
	struct outlive o;
	struct pl_error err;

	outlive_clear(&o, t->task->command, t->task->tag);
	t->status = status;
	t->state = LOCAL_CLEARING;
	t->child = spawn(t, &o.command, &err);
	outlive_fini(&o);
	if (t->child == NULL)
		finish_by_status(t, status);
	else
		t->local->children++;
}

/* The command of a copy has ended: what it came to, the copy knows. */
static void end_copy(struct local_task *t, int status)
{
	struct task_result r = { .outcome = OUTCOME_OK, .begun = true };

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		r.outcome = OUTCOME_EXIT;
		r.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		snprintf(r.why, sizeof(r.why), "%s", "the command that copies failed");
	}
	copy_end(t->copy, &r);
}

static void on_exit_status(void *arg, int status)
{
	struct local_task *t = arg;

	local_drop_child(t);
	if (t->state == LOCAL_RUNNING && t->copy != NULL)
		end_copy(t, status);
	else if (t->state == LOCAL_CLEARING)
		finish_by_status(t, t->status);
	else if (t->state == LOCAL_RUNNING && outlives(t->task->command) &&
		 t->task->command->survive)
		clear_files(t, status);
	else if (t->state == LOCAL_RUNNING)
		finish_by_status(t, status);
	else
		ending_exited(t);
}

static const struct child_events child_events = {
	.on_output = on_output,
	.on_drain = on_drain,
	.on_exit = on_exit_status,
};

/* ---- the start of a command ---- */

static const char **task_env(const struct command *c, const char *tag)
{
	const char *const *env = c->env;
	const char **all;
	size_t n = 0;

	while (env != NULL && env[n] != NULL)
		n++;
	all = xcalloc(n + 2, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = env[i];
	all[n] = tag;
	return all;
}

static struct child *spawn(struct local_task *t, const struct command *c, struct pl_error *err)
{
	const struct task *task = t->task;
	const char *line[] = { t->local->shell, "-c", c->line, NULL };
	const char *const *argv = t->copy != NULL ? copy_argv(t->copy) : c->argv;
	char *tag = task->tag != NULL ? xasprintf(TASK_TAG_NAME "=%s", task->tag) : NULL;
	const char **env = task_env(c, tag);
	struct child_spec spec = {
		.argv = argv != NULL ? argv : line,
		.env = env,
		.cwd = c->cwd,
		.stdin_open = c->stdin_open || t->copy != NULL,
		.merge = c->merge,
		.new_session = true,
	};
	struct child *child = child_spawn(t->local->base.loop, &spec, &child_events, t, err);

	free(env);
	free(tag);
	return child;
}

/* One that outlives us, in the words of another command. */
static struct child *spawn_outliving(struct local_task *t, struct pl_error *err)
{
	struct strbuf shell = STRBUF_INIT;
	struct child *child;
	struct outlive o;

	shellquote_word(&shell, t->local->shell);
	outlive_start(&o, t->task->command, t->task->tag, shell.s);
	child = spawn(t, &o.command, err);
	outlive_fini(&o);
	strbuf_fini(&shell);
	return child;
}

/* What a shell would have said of a program that is not there, or cannot be run. */
static void finish_unspawned(struct local_task *t, const struct pl_error *err)
{
	if (err->code == PL_ESYS) {
		t->result.phase = PHASE_EXEC;
		local_finish(t, OUTCOME_UNREACHABLE, "%.*s", (int)sizeof(t->result.why) - 1,
			     err->text);
		return;
	}
	t->result.begun = true;
	t->result.code = err->code == PL_ENOENT ? 127 : 126;
	local_finish(t, OUTCOME_EXIT, "%.*s", (int)sizeof(t->result.why) - 1, err->text);
}

static void feed_early(struct local_task *t)
{
	child_write(t->child, t->early.s, t->early.len);
	strbuf_fini(&t->early);
	if (t->early_close)
		child_close_stdin(t->child);
	if (t->paused)
		child_pause(t->child);
}

static void begin_command(struct local_task *t)
{
	struct pl_error err = { 0 };

	t->child = outlives(t->task->command) ? spawn_outliving(t, &err)
					      : spawn(t, t->task->command, &err);
	if (t->child == NULL) {
		finish_unspawned(t, &err);
		return;
	}
	t->local->children++;
	t->pid = child_pid(t->child);
	t->state = LOCAL_RUNNING;
	t->result.begun = true;
	feed_early(t);
	if (t->task->events->on_start != NULL)
		t->task->events->on_start(t->task);
}

/* ---- copies ---- */

static void copy_write(void *arg, const void *bytes, size_t len)
{
	struct local_task *t = arg;

	if (t->child != NULL)
		child_write(t->child, bytes, len);
}

static void copy_close_stdin(void *arg)
{
	struct local_task *t = arg;

	if (t->child != NULL)
		child_close_stdin(t->child);
}

static void copy_pause(void *arg, bool on)
{
	struct local_task *t = arg;

	if (t->child == NULL || t->state != LOCAL_RUNNING)
		return;
	if (on)
		child_pause(t->child);
	else
		child_resume(t->child);
}

static void copy_give_up(void *arg)
{
	struct local_task *t = arg;

	copy_pause(t, false);
	if (t->child != NULL && t->state == LOCAL_RUNNING)
		child_signal(t->child, SIGTERM);
}

static void on_copied(void *arg, const struct task_result *result)
{
	struct local_task *t = arg;

	t->result = *result;
	local_finish(t, result->outcome, "%s", result->why);
}

static const struct copy_io copy_io = {
	.write = copy_write,
	.close_stdin = copy_close_stdin,
	.pause = copy_pause,
	.give_up = copy_give_up,
	.on_end = on_copied,
};

static void begin_copy(struct local_task *t)
{
	t->copy = copy_create(t->local->copies, t->local->base.loop, t->task, &copy_io, t);
	begin_command(t);
	if (t->state == LOCAL_RUNNING)
		copy_started(t->copy);
}

/* ---- the queue ---- */

static void begin(struct local_task *t)
{
	ring_remove(&t->link);
	if (t->task->events->on_phase != NULL)
		t->task->events->on_phase(t->task, PHASE_EXEC);
	if (t->state != LOCAL_QUEUED) /* cancelled in on_phase */
		return;
	if (t->task->command->kind == TASK_EXEC)
		begin_command(t);
	else
		begin_copy(t);
}

static size_t most_children(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < FDS_SPARE + 8 * FDS_PER_CHILD)
		return 8;
	return (size_t)(limit.rlim_cur - FDS_SPARE) / FDS_PER_CHILD;
}

/* Begins some of the queue. The rest waits for the next turn, or for a child to end. */
static void start_some(void *arg)
{
	struct local *local = arg;
	size_t most = most_children();

	for (int i = 0; i < STARTS_PER_TURN; i++) {
		if (ring_is_empty(&local->queue) || local->children >= most)
			return;
		begin(ring_first(&local->queue, struct local_task, link));
	}
	loop_defer_schedule(&local->starter);
}

static int check_task(const struct task *task, struct pl_error *err)
{
	const struct command *c = task->command;

	if (c->kind == TASK_EXEC && (c->line == NULL) == (c->argv == NULL))
		return pl_errorf(err, PL_EUSAGE, "a command is either a line or words");
	if (c->kind == TASK_EXEC && c->argv != NULL && c->argv[0] == NULL)
		return pl_errorf(err, PL_EUSAGE, "a command needs at least one word");
	if (outlives(c) && task->tag == NULL)
		return pl_errorf(err, PL_EUSAGE, "what outlives us needs a tag to be found by");
	if (outlive_check(c, err) != 0)
		return -1;
	if (c->sudo)
		return pl_errorf(err, PL_EUSAGE, "sudo is for hosts that are reached by SSH: run "
				 "perilune itself by sudo here");
	if (c->kind != TASK_EXEC && (c->local_path == NULL || c->remote_path == NULL))
		return pl_errorf(err, PL_EUSAGE, "a copy needs both paths");
	return 0;
}

static void accept_task(struct local *local, struct task *task)
{
	struct local_task *t = xcalloc(1, sizeof(*t));

	t->local = local;
	t->task = task;
	t->state = LOCAL_QUEUED;
	loop_defer_init(&t->done, local->base.loop, deliver, t);
	ending_init_task(t);
	task->impl = t;
	ring_add_last(&local->queue, &t->link);
}

/* ---- the transport ---- */

static int local_start(struct transport *tp, struct task *const *tasks, size_t n,
		       struct pl_error *err)
{
	struct local *local = container_of(tp, struct local, base);

	for (size_t i = 0; i < n; i++) {
		if (check_task(tasks[i], err) < 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		accept_task(local, tasks[i]);
	if (n > 0)
		loop_defer_schedule(&local->starter);
	return 0;
}

static void local_write(struct task *task, const void *bytes, size_t len)
{
	struct local_task *t = task->impl;

	if (t == NULL)
		return;
	if (t->child != NULL)
		child_write(t->child, bytes, len);
	else if (t->state == LOCAL_QUEUED && !t->early_close)
		strbuf_add(&t->early, bytes, len);
}

static void local_close_stdin(struct task *task)
{
	struct local_task *t = task->impl;

	if (t == NULL)
		return;
	t->early_close = true;
	if (t->child != NULL)
		child_close_stdin(t->child);
}

static int local_signal(struct task *task, int signo, struct pl_error *err)
{
	struct local_task *t = task->impl;

	if (t == NULL || t->child == NULL)
		return pl_errorf(err, PL_ENOENT, "%s: no command is running", task->host);
	if (outlives(task->command)) /* it has left the session of who follows it */
		ending_signal(t, signo);
	else
		child_signal(t->child, signo);
	return 0;
}

static void local_cancel(struct task *task)
{
	struct local_task *t = task->impl;

	if (t == NULL)
		return;
	switch (t->state) {
	case LOCAL_QUEUED:
		local_finish(t, OUTCOME_CANCELED, "canceled before it started");
		break;
	case LOCAL_RUNNING:
		/* what is detached is being started, and is not ended */
		/* without one a copy that has come is being put in place */
		if (t->child != NULL && !t->task->command->detach)
			ending_start(t);
		break;
	case LOCAL_ENDING:
	case LOCAL_KILLED:
	case LOCAL_CLEARING:
	case LOCAL_DONE:
		break;
	}
}

static void local_pause(struct task *task)
{
	struct local_task *t = task->impl;

	if (t == NULL)
		return;
	t->paused = true;
	if (t->child != NULL && t->state == LOCAL_RUNNING)
		child_pause(t->child);
}

static void local_resume(struct task *task)
{
	struct local_task *t = task->impl;

	if (t == NULL)
		return;
	t->paused = false;
	if (t->child != NULL)
		child_resume(t->child);
}

static void local_close_idle(struct transport *tp)
{
	(void)tp; /* there are no sessions */
}

static void local_destroy(struct transport *tp)
{
	struct local *local = container_of(tp, struct local, base);

	loop_defer_cancel(&local->starter);
	loop_timer_stop(&local->look);
	copy_sources_destroy(local->copies);
	free(local->shell);
	free(local);
}

static const struct transport_ops local_ops = {
	.name = "local",
	.caps = TRANSPORT_STDIN | TRANSPORT_PUT | TRANSPORT_GET | TRANSPORT_SIGNAL,
	.start = local_start,
	.write = local_write,
	.close_stdin = local_close_stdin,
	.signal = local_signal,
	.cancel = local_cancel,
	.pause = local_pause,
	.resume = local_resume,
	.close_idle = local_close_idle,
	.destroy = local_destroy,
};

static char *login_shell(void)
{
	const char *shell = getenv("SHELL");
	const struct passwd *pw;

	if (shell != NULL && shell[0] == '/')
		return xstrdup(shell);
	pw = getpwuid(getuid());
	if (pw != NULL && pw->pw_shell != NULL && pw->pw_shell[0] == '/')
		return xstrdup(pw->pw_shell);
	return xstrdup("/bin/sh");
}

struct transport *local_create(struct loop *loop, struct pl_error *err)
{
	struct local *local = xcalloc(1, sizeof(*local));

	(void)err;
	local->base = (struct transport){ .ops = &local_ops, .loop = loop };
	local->shell = login_shell();
	local->copies = copy_sources_create(loop);
	ring_init(&local->queue);
	ending_init(local);
	loop_defer_init(&local->starter, loop, start_some, local);
	return &local->base;
}
