/*
 * ssh_audit.h - who does what, as a host's system log gets it from the supervisor of a session: one
 * line per start, "USER@CONTROLLER start TAG COMMAND". Pure text. Private to the ssh family.
 */
#ifndef PL_SSH_AUDIT_H
#define PL_SSH_AUDIT_H

#include "base/strbuf.h"
#include "transport/task.h"

#define SSH_AUDIT_MOST 800 /* bytes of a command that are told; a line of syslog has 1024 */

/* Appends the option of the supervisor that asks for it, as a word of a shell. */
void ssh_audit_option(struct strbuf *line);

/* Appends the line that tells the supervisor of a start. Of a command its words, shortened, shown
 * as on a terminal (screen.h): logs are read there; neither its environment nor its standard
 * input. */
void ssh_audit_start(struct strbuf *line, const struct task *task);

#endif
