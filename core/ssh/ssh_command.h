/*
 * ssh_command.h - the one line that is sent to a host for a command of ours. Pure text.
 *
 * sshd hands the line to the user's login shell, which may be sh, bash, csh or fish; so the outer
 * line holds nothing but words, quotes, "$SHELL" and redirections that all of them read alike:
 *
 *	exec env PERILUNE_TASK=tag "$SHELL" -c 'line' </dev/null
 *
 * env sets the tag for the command and everything it starts, whatever the shell's own syntax for
 * variables; the line then runs in the login shell as ssh would have run it. Exact words follow
 * env themselves, without a second shell. A directory, or stderr into stdout, needs a POSIX shell
 * between:
 *
 *	exec env PERILUNE_TASK=tag sh -c 'cd -- "$1" || exit 1; shift; exec "$@" 2>&1' sh DIR ...
 *
 * Everything on that line is for all to see there, in ps. So a command with an environment comes in
 * a preamble of its stdin instead (ssh_preamble.h), which costs one more journey, as does one that
 * is too long for a request, or has a newline in it: csh has no quote for that, and would run what
 * follows. Only what SendEnv and SetEnv say of the locale (LANG, LC_*) stays on the line: it is no
 * secret, and many systems send it always.
 */
#ifndef PL_TRANSPORT_SSH_COMMAND_H
#define PL_TRANSPORT_SSH_COMMAND_H

#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "transport/task.h"

/* libssh2 sends a request in one packet and takes no longer ones. */
#define SSH_COMMAND_MAX 34000

/* What is sent: the line, and what goes into stdin ahead of everything else; often nothing. With
 * a mark, the preamble is for sudo (ssh_sudo.h), and `rest` for what becomes root. */
struct ssh_request {
	struct strbuf line, preamble, rest;
	char *mark;
};
#define SSH_REQUEST_INIT { STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, NULL }

/*
 * Checks what can be wrong in a TASK_EXEC itself: no command, env without '=' or with a name that
 * no shell can set, a word or a variable longer than the kernel takes. PL_EUSAGE.
 */
int ssh_command_check(const struct command *cmd, struct pl_error *err);

/* Frees it; what was in it, secrets of an environment perhaps, is wiped. */
void ssh_request_fini(struct ssh_request *request);

/*
 * What is requested runs as root instead, through sudo; `name` is the variable that says so to
 * everybody there ("PERILUNE_TASK"; NULL: none), `mark` its value, and what the words of sudo are
 * known by. asks: there is a password for a sudo that wants one.
 */
void ssh_command_as_root(struct ssh_request *request, const char *name, const char *mark,
			 bool asks);

/* Appends the request for a TASK_EXEC. `more` is what the configuration adds to the environment,
 * below the command's own; NULL is none. */
void ssh_command_exec(struct ssh_request *out, const struct command *cmd, const char *tag,
		      const char *const *more);

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
