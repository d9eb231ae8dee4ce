/*
 * ssh_supervisor_text.h - the program that runs beside the commands of a session: supervisor.sh
 * without comments, as one line. Put between single quotes it is read alike by every login shell.
 */
#ifndef PL_SSH_SSH_SUPERVISOR_TEXT_H
#define PL_SSH_SSH_SUPERVISOR_TEXT_H

extern const char ssh_supervisor_text[];

#define SSH_SUPERVISOR_SUM_MAX (64 + 1)

/* SHA-256 of the text (without a newline after it), in small hex digits. */
void ssh_supervisor_sum(char out[SSH_SUPERVISOR_SUM_MAX]);

#endif
