/*
 * ssh_supervisor.h - what watches over the commands of a session, there: a shell program on a
 * channel of its own, which ends them when we ask it to, and all of them when it hears nothing from
 * us any more.
 *
 *	STARTING -> WATCHING -> GONE
 *	STARTING -> GONE
 *
 * It is asked for before the session's first command, so that its request is on the way first, and
 * costs one round trip: the channel of the command is opened while it starts. From then on it hears
 * a line every five seconds, whatever else goes on here. It is no user of the session. Its program
 * comes in two parts, as most sessions need no more than the first: the rest follows after a
 * second, or with the first line that wants it. What it says and hears stands in supervisor.sh.
 *
 * GONE while STARTING, the host has no shell that could run it, or no channel for it beside a
 * command's: its commands run without, and so do those of later sessions there. GONE later, the
 * session serves nobody new. Either way what runs is ended by a channel of its own, see
 * ssh_ending.h. Private to the ssh family.
 */
#ifndef PL_SSH_SUPERVISOR_H
#define PL_SSH_SUPERVISOR_H

#include "ssh/ssh_session.h"

struct ssh_supervisor;

enum ssh_ended {
	ENDED_ALL,	/* of those that were found nobody is left; of a signal: somebody got it */
	ENDED_NOBODY,	/* nobody was found */
	ENDED_NOT_ALL,	/* some would not die */
	ENDED_UNKNOWN,	/* it was not asked, or could not answer */
};

/* A question on its way. In place until it was answered or is forgotten; the tag, without the
 * session's token, is borrowed as long. */
struct ssh_question {
	struct ssh_question *next;
	const char *tag;
	void (*on_answer)(void *arg, enum ssh_ended ended);
	void *arg;
};

/* Asks for it, ahead of the channels that wait; no-op when it was asked for before, or the
 * session is to have none. */
void ssh_supervisor_start(struct ssh_session *s);
void ssh_supervisor_free(struct ssh_session *s);

/* True when it can be asked: also while it starts, it answers then. */
bool ssh_supervisor_is_there(const struct ssh_session *s);

/* Ends every process of the task: `signo`, SIGKILL after the grace. Only when it is there. */
void ssh_supervisor_end(struct ssh_session *s, struct ssh_question *q, int signo,
			int64_t grace_us);

/* The signal, once, to every process of the task; nobody waits for the answer. */
void ssh_supervisor_signal(struct ssh_session *s, const char *tag, int signo);

/* A command begins there, in words for the system's log. No-op where that is not asked for. */
void ssh_supervisor_audit(struct ssh_session *s, const struct task *task);

/* The answer is not wanted any more. No-op when there is none to come. */
void ssh_supervisor_forget(struct ssh_session *s, struct ssh_question *q);

/* Under sudo it goes first, so that a host is asked once whether it allows that; refused, the
 * session fails as a login would. True while the commands wait for it, one connect_timeout at most
 * beside what ssh_sudo.h takes. */
bool ssh_supervisor_holds_back(const struct ssh_session *s);

/* The host has one channel and a command waits for it. False when it is not there. */
bool ssh_supervisor_give_way(struct ssh_session *s);

/* Tells it that no command runs any more and the session is about to end, if so. True: what is not
 * to be overtaken by a message that ends the connection is on its way. */
bool ssh_supervisor_say_bye(struct ssh_session *s);

/* Takes in what it has said: it may have ended what another channel is about to report. */
void ssh_supervisor_listen(struct ssh_session *s);

#endif
