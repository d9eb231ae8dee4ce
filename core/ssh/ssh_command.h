/*
 * ssh_command.h - the one line that is sent to a host for a command of ours. Pure text.
 *
 * sshd hands the line to the user's login shell, which may be sh, bash, csh or fish; so the outer
 * line holds nothing but words, quotes, "$SHELL" and redirections that all of them read alike:
 *
 *	exec env PERILUNE_TASK=tag NAME=value "$SHELL" -c 'line' </dev/null
 *
 * env sets the tag for the command and everything it starts, whatever the shell's own syntax for
 * variables; the line then runs in the login shell as ssh would have run it. Exact words follow
 * env themselves, without a second shell. A directory, or stderr into stdout, needs a POSIX shell
 * between:
 *
 *	exec env PERILUNE_TASK=tag sh -c 'cd -- "$1" || exit 1; shift; exec "$@" 2>&1' sh DIR ...
 *
 * Words with a newline in them go by a POSIX shell too, with it written \n: csh has no quote for it
 * and would run what follows.
 */
#ifndef PL_TRANSPORT_SSH_COMMAND_H
#define PL_TRANSPORT_SSH_COMMAND_H

#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "transport/task.h"

/* libssh2 sends a request in one packet and takes no longer ones. */
#define SSH_COMMAND_MAX 34000

/*
 * Checks what can be wrong in a TASK_EXEC itself: no command, env without '=', a line over
 * SSH_COMMAND_MAX. PL_EUSAGE.
 */
int ssh_command_check(const struct command *cmd, const char *tag, struct pl_error *err);

/* Appends the line for a TASK_EXEC. */
void ssh_command_exec(struct strbuf *out, const struct command *cmd, const char *tag);

/*
 * Appends the line that signals every process there with the tag in its environment, and the
 * login shell that is about to set it (when run under the same sshd): `signo` once to each, and
 * after grace_us what is left is killed. It looks until three looks in a row find none, and exits
 * 0 then, 3 when there was none to begin with, 1 when some would not die. grace_us < 0 only sends
 * the signal and exits 0 or 3.
 */
#define SSH_KILL_NONE 3
void ssh_command_kill(struct strbuf *out, const char *tag, int signo, int64_t grace_us);

/* Appends the line that runs a session's supervisor; it looks for what carries the token. */
void ssh_command_supervise(struct strbuf *out, const char *token);

#endif
