/*
 * ssh_words.h - what the system's ssh says on stderr with LogLevel=DEBUG1, in our words. Pure.
 *
 * Its lines "debug1: ..." tell how far a login has come; what it complains of has no such prefix.
 * The wordings are those of OpenSSH 7.4 to 10; a line that is not known changes nothing: the phase
 * is then an earlier one, and its own words are passed on.
 */
#ifndef PL_SSH_SSH_WORDS_H
#define PL_SSH_SSH_WORDS_H

#include <stdbool.h>

#include "transport/task.h"

/* The phase that a line, without its newline, says has begun; PHASE_NONE when it says none. */
enum phase ssh_words_phase(const char *line);

/* Whether a line is something to tell a person when the login fails. */
bool ssh_words_complains(const char *line);

/* Fills outcome, phase and why of a login that failed in `phase` with these complaints, one a line
 * ("" when there were none). `trust`: the file that a new host key belongs into. */
void ssh_words_failure(enum phase phase, const char *complaints, const char *trust,
		       struct task_result *r);

/* Whether it says that the connection ended before a banner came. */
bool ssh_words_hung_up(const struct task_result *r);

/* Fills why of a connection that was lost after the login. */
void ssh_words_loss(const char *complaints, struct task_result *r);

#endif
