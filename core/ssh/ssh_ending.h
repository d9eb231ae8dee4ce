/*
 * ssh_ending.h - ends what a task runs on its host: asks the session's supervisor, or where there
 * is none sends a command of its own that looks for the tag. One try; what the answer means for
 * the task is ssh_task_cancel.c's to decide. Private to the ssh family.
 */
#ifndef PL_SSH_ENDING_H
#define PL_SSH_ENDING_H

#include "ssh/ssh_supervisor.h"

struct ssh_channel;

/* Embedded in the task. The strings are borrowed until it has answered or was stopped. */
struct ssh_ending {
	struct ssh_session *session;
	const char *tag;  /* of the task */
	const char *mark; /* what PERILUNE_TASK is there: the tag, and the session's token */
	bool alone;	  /* the mark is without a token: the supervisor does not know it */
	/* `why` only with ENDED_UNKNOWN; valid during the call */
	void (*on_ended)(void *arg, enum ssh_ended ended, const char *why);
	void *arg;

	struct ssh_question question;
	struct ssh_channel *channel; /* NULL: none is under way */
	int signo;
	int64_t grace_us;
};

/* `signo` to everything that belongs to the task, SIGKILL after grace_us. Only on a session that is
 * READY; one answer, unless it is stopped before. */
void ssh_ending_start(struct ssh_ending *e, int signo, int64_t grace_us);

/* The answer is not wanted any more. Safe when there is none to come. */
void ssh_ending_stop(struct ssh_ending *e);

/* Only the signal, once; nobody waits for the answer. */
void ssh_ending_signal(const struct ssh_ending *e, int signo);

#endif
