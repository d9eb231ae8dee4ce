/*
 * outlive.h - commands that may outlive the connection they were started through, as the words of
 * another command: a POSIX sh program that starts them and, with `survive`, follows them.
 *
 * `survive`: the command runs in a session of its own; its streams go to files of the user's there,
 * in ${XDG_STATE_HOME:-$HOME/.local/state}/perilune/RUN (0700, files 0600); through sudo they are
 * root's, in root's home:
 *
 *	TAG.out TAG.err	its output, whole
 *	TAG.pid		"PID START" of who waits for it; START as in /proc/PID/stat
 *	TAG.code	there once it has ended: its exit status, or 256 + the signal it died by
 *
 * Who follows writes what comes there to its own streams and ends as the command did; so it runs
 * in place of the command, and can end and come again (outlive_attach). It looks every 0.05 s
 * while bytes come, every 0.5 s when none do. Bytes that children in the background write after
 * the command has ended are not waited for.
 *
 * `detach`: in a session of its own too, its streams are /dev/null; the program ends, with status
 * 0, when the command has been started. PERILUNE_DETACH=1 in its environment says what it is.
 *
 * Both carry PERILUNE_TASK=TAG and nothing after it: they belong to no connection. Needs setsid
 * (without it they share the session of who follows), awk (without it, and with that of some
 * busybox, exit status 128 + N is taken for a death by signal N), and for `survive` /proc.
 */
#ifndef PL_TRANSPORT_OUTLIVE_H
#define PL_TRANSPORT_OUTLIVE_H

#include "base/error.h"
#include "transport/task.h"

/* A command whose words are here; alive and in place as long as it is used. */
struct outlive {
	struct command command;
	const char *argv[10];
	char *program, *run, *text, *from_out, *from_err;
};

/* True when the command is one of these. */
static inline bool outlives(const struct command *cmd)
{
	return cmd->kind == TASK_EXEC && (cmd->survive || cmd->detach);
}

/* PL_EUSAGE for what cannot be: both at once, a standard input (it would be cut with the
 * connection). */
int outlive_check(const struct command *cmd, struct pl_error *err);

/* Starts `cmd` under this tag. `shell` is who runs a line, as a word of sh. Borrows of cmd. */
void outlive_start(struct outlive *o, const struct command *cmd, const char *tag,
		   const char *shell);

/* Follows what was started as `cmd` under this tag, from these bytes of its streams on. Fails with
 * status 73 when nothing of it is there, 70 when it was ended and nobody could say how. */
void outlive_attach(struct outlive *o, const struct command *cmd, const char *tag,
		    uint64_t from_out, uint64_t from_err);

/* Removes the files of one that has ended; of one that has not, nothing. */
void outlive_clear(struct outlive *o, const struct command *cmd, const char *tag);

void outlive_fini(struct outlive *o);

/* Its connection was lost: adds to `why` that it goes on, and where its output is. */
void outlive_explain_loss(struct task_result *r, const struct command *cmd, const char *tag);

#endif
