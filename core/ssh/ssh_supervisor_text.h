/*
 * ssh_supervisor_text.h - the program that runs beside the commands of a session, without comments:
 * supervisor_first.sh and supervisor.sh, as one line each. Put between single quotes they are read
 * alike by every login shell.
 */
#ifndef PL_SSH_SSH_SUPERVISOR_TEXT_H
#define PL_SSH_SSH_SUPERVISOR_TEXT_H

extern const char ssh_supervisor_first[], ssh_supervisor_rest[];

#define SSH_SUPERVISOR_SUM_MAX (64 + 1)

/* SHA-256 of the two with a newline between them, in small hex digits. */
void ssh_supervisor_sum(char out[SSH_SUPERVISOR_SUM_MAX]);

#endif
