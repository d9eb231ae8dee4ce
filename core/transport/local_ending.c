/*
 * local_ending.c - ends a command with everything that it started.
 *
 * SIGTERM goes to its process group and to whatever else carries its tag; after CANCEL_GRACE_US
 * SIGKILL goes to the same. The task is done when its process is gone, its output at the end and
 * nothing with its tag left, or KILL_PATIENCE_US after SIGKILL (an untagged process that left the
 * session may hold the output for ever). Looking for tags reads all of /proc, so one look serves
 * all tasks that wait for one, and looks are LOOK_PAUSE_US apart.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strtable.h"
#include "transport/local_private.h"
#include "transport/tagged.h"

#define LOOK_PAUSE_US (20 * 1000)
#define KILL_PATIENCE_US (1000 * 1000)
/* Amid an exec a process has no environment to be seen: one look may miss it, two hardly. */
#define ENOUGH_LOOKS 2

enum ending_event {
	ENDING_EXITED,
	ENDING_LOOKED,
	ENDING_GRACE_OVER,
};

static void ask_look(struct local *local)
{
	int64_t next = local->looked_us + LOOK_PAUSE_US;

	if (!loop_timer_armed(&local->look))
		loop_timer_start(&local->look, next - loop_now_us(local->base.loop));
}

static void kill_all(struct local_task *t)
{
	t->state = LOCAL_KILLED;
	if (t->child != NULL)
		child_signal(t->child, SIGKILL);
	loop_timer_start(&t->grace, KILL_PATIENCE_US);
	ask_look(t->local);
}

static void give_up(struct local_task *t)
{
	bool tagged = t->left > 0;

	local_drop_child(t);
	local_finish(t, OUTCOME_CANCELED, "%s",
		     tagged ? "cancelled; a process of it does not go even after SIGKILL"
			    : "cancelled; a process that left its session still holds its output");
}

static void end_if_nothing_left(struct local_task *t)
{
	t->empty_looks = t->left == 0 ? t->empty_looks + 1 : 0;
	if (t->child != NULL)
		return;
	if (t->empty_looks >= ENOUGH_LOOKS)
		local_finish(t, OUTCOME_CANCELED, "cancelled");
	else if (t->left == 0 || t->state == LOCAL_KILLED)
		ask_look(t->local);
}

static void step(struct local_task *t, enum ending_event what)
{
	switch (what) {
	case ENDING_EXITED:
		ask_look(t->local);
		break;
	case ENDING_LOOKED:
		end_if_nothing_left(t);
		break;
	case ENDING_GRACE_OVER:
		if (t->state == LOCAL_ENDING)
			kill_all(t);
		else
			give_up(t);
		break;
	}
}

/* ---- the look ---- */

/* SIGTERM is sent once: for many programs a second one means "now". */
static void on_tagged(void *arg, pid_t pid, const char *tag)
{
	struct local_task *t = strtable_get(arg, tag);

	if (t == NULL)
		return;
	t->left++;
	if (t->state == LOCAL_KILLED)
		kill(pid, SIGKILL);
	else if (!t->looked && getpgid(pid) != t->pid)
		kill(pid, SIGTERM);
}

static void look(void *arg)
{
	struct local *local = arg;
	struct strtable tags = STRTABLE_INIT;
	struct ring *next;

	ring_each (struct local_task, t, &local->ending, link) {
		t->left = 0;
		if (t->task->tag != NULL)
			strtable_put(&tags, t->task->tag, t);
	}
	if (strtable_count(&tags) > 0)
		tagged_each(on_tagged, &tags);
	strtable_fini(&tags);
	local->looked_us = loop_now_us(local->base.loop);
	for (struct ring *at = local->ending.next; at != &local->ending; at = next) {
		struct local_task *t = container_of(at, struct local_task, link);

		next = at->next;
		t->looked = true;
		step(t, ENDING_LOOKED);
	}
}

static void on_grace_over(void *arg)
{
	step(arg, ENDING_GRACE_OVER);
}

/* ---- one signal ---- */

struct told {
	const char *tag;
	int signo;
};

static void tell_tagged(void *arg, pid_t pid, const char *tag)
{
	const struct told *told = arg;

	if (strcmp(tag, told->tag) == 0)
		kill(pid, told->signo);
}

void ending_signal(const struct local_task *t, int signo)
{
	struct told told = { t->task->tag, signo };

	tagged_each(tell_tagged, &told);
}

/* ---- for local.c ---- */

void ending_init(struct local *local)
{
	ring_init(&local->ending);
	local->looked_us = loop_now_us(local->base.loop) - LOOK_PAUSE_US;
	loop_timer_init(&local->look, local->base.loop, look, local);
}

void ending_init_task(struct local_task *t)
{
	loop_timer_init(&t->grace, t->local->base.loop, on_grace_over, t);
}

void ending_start(struct local_task *t)
{
	t->state = LOCAL_ENDING;
	ring_add_last(&t->local->ending, &t->link);
	child_signal(t->child, SIGTERM);
	child_signal(t->child, SIGCONT); /* a stopped process would not see it */
	/* its output must come to an end even when nobody reads on */
	child_resume(t->child);
	loop_timer_start(&t->grace, CANCEL_GRACE_US);
	ask_look(t->local);
}

void ending_exited(struct local_task *t)
{
	step(t, ENDING_EXITED);
}

void ending_fini_task(struct local_task *t)
{
	ring_remove(&t->link);
	loop_timer_stop(&t->grace);
}
