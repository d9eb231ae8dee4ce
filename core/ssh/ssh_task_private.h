/*
 * ssh_task_private.h - what the files ssh_task*.c share: one task under way. ssh_task.c is the life
 * of a command; what copies, commands that outlive their connection, and ends before their time
 * need more stands in files of their own. Private to these.
 */
#ifndef PL_SSH_TASK_PRIVATE_H
#define PL_SSH_TASK_PRIVATE_H

#include "base/strbuf.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_ending.h"
#include "ssh/ssh_task.h"

enum ssh_task_state {
	SSH_TASK_SIZING, /* a copy to the host learns how much it has to move */
	SSH_TASK_RUNNING,
	SSH_TASK_KILLING, /* an ending is under way; the timer bounds it */
	SSH_TASK_PAUSING, /* the task's own channel is open still; the timer sends another kill */
	SSH_TASK_CLEARING, /* it survived and has ended: a channel removes its files there */
	SSH_TASK_OVER,	  /* the result waits to be delivered */
};

struct ssh_task {
	struct ssh_host *host;
	struct task *task;
	enum ssh_task_state state;
	struct ssh_channel *channel; /* NULL once it ended */
	bool warm;		     /* its session had served others before */
	bool paused, started, stdin_closed;
	bool told_start;       /* by a copy's first command, where it began anew */
	struct strbuf early;   /* stdin, kept until the command runs: the session may be another */
	struct loop_timer timer;
	struct loop_defer deliver;
	struct ssh_ending ending;
	char *mark; /* PERILUNE_TASK there: the tag, and the token of the session */
	struct task_result result;

	/* ssh_task_copy.c */
	struct copy *copy; /* TASK_PUT, TASK_GET */
	bool bulk;	   /* it moves much, by the system's ssh */
	enum { BREAK_NONE, BREAK_GIVES_UP, BREAK_BEGINS_ANEW } after_break;
	struct loop_defer break_off; /* the channel of a copy is let go of */

	/* ssh_task_cancel.c */
	int64_t cancelled_us, kill_pause_us;
	bool found;	/* a kill met somebody: the command has come so far as to set its tag */
	bool last_look; /* the kill under way was sent after the command's own channel had ended */
	bool muted;	/* cancelled and paused: what still comes is thrown away */
};

/* ---- ssh_task.c ---- */

/* Takes a session and opens a channel on it. */
void ssh_task_begin(struct ssh_task *t);

/* The session was not what it seemed, or another one is better. */
void ssh_task_begin_anew(struct ssh_task *t);

/* Asks the channel for this command, under the task's mark, and as root if the task is to be. */
void ssh_task_ask_for(struct ssh_task *t, const struct command *cmd);

/* Lets go of what still lives and delivers the result. From callbacks of the loop only. */
void ssh_task_finish(struct ssh_task *t);

/* ---- ssh_task_copy.c ---- */

void ssh_task_copy_init(struct ssh_task *t, struct loop *loop);
void ssh_task_copy_fini(struct ssh_task *t);

/* Begins to read what is to be copied, if the task is a copy and has not done so. */
void ssh_task_copy_make(struct ssh_task *t);
void ssh_task_copy_forget(struct ssh_task *t); /* as if none had been made */

void ssh_task_copy_ask(struct ssh_task *t);

/* The channel has ended like this. True when the system's ssh was to carry the copy and could not:
 * it begins anew with libssh2. */
bool ssh_task_copy_leaves_bulk(struct ssh_task *t, const struct task_result *result);

/* Its command has ended; the end of the task follows. */
void ssh_task_copy_end(struct ssh_task *t, const struct task_result *result);

/* ---- ssh_task_outlive.c ---- */

void ssh_task_outlive_ask(struct ssh_task *t);

/* Who started or followed it has ended; t->result says how. */
void ssh_task_outlive_end(struct ssh_task *t);

/* ---- ssh_task_cancel.c ---- */

/* The answer of t->ending. */
void ssh_task_on_ended(void *arg, enum ssh_ended ended, const char *words);

/* Sends a kill, the first or after a pause. */
void ssh_task_kill(struct ssh_task *t);
void ssh_task_kill_unanswered(struct ssh_task *t); /* its time is over */

/* The channel has ended. Children without our output may live on, if no kill came since. */
void ssh_task_kill_channel_ended(struct ssh_task *t);

#endif
