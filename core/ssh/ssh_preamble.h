/*
 * ssh_preamble.h - what a host reads from a command's stdin ahead of what is the command's own:
 * variables and words that must not stand on a command line, where ps shows them, or do not fit
 * there.
 *
 * The reader is one word that every login shell takes: a POSIX shell with it reads statements, one
 * a line, and obeys each; the last one becomes the command. Shells read a pipe byte by byte, so
 * not one byte behind that line is taken: stdin goes on untouched, whatever it holds and however
 * long it is. A statement has no newline inside ("$PERILUNE_NL" stands for one) and ends with an
 * ASCII character, so that no locale joins it with the next. Its $1 is the login shell. Pure
 * text.
 */
#ifndef PL_SSH_PREAMBLE_H
#define PL_SSH_PREAMBLE_H

#include "base/strbuf.h"
#include "transport/task.h"

/* What the reader is: `sh -c SSH_PREAMBLE_READER sh "$SHELL"`. */
#define SSH_PREAMBLE_READER \
	"while IFS= read -r PERILUNE_LINE; do eval \"$PERILUNE_LINE\"; done; exit 1"

/* Bytes that the kernel takes as one word of a command or as one variable. */
#define SSH_WORD_MAX 131071

/* True for a name that a shell can give to a variable; `len` bytes of it. */
bool ssh_preamble_is_name(const char *name, size_t len);

/* Appends statements that set variables: "NAME=value", NULL-terminated; NULL is none. */
void ssh_preamble_set(struct strbuf *out, const char *const *env);

/*
 * Appends statements after which all that follows is obeyed by root: `line` is what root's sh runs
 * then, with $SHELL the login shell of the user; it reads on from the same stdin. The password,
 * NULL for none, is in there twice: sudo is tried without it; then a sudo that can read nothing
 * else is tried with it, so that a wrong one is counted once and nothing else is taken for
 * another try; the sudo that stays reads it again. Refused, the shell says SSH_SUDO_REFUSED with
 * the mark, and what sudo said, on stderr, and exits 1.
 */
void ssh_preamble_sudo(struct strbuf *out, const char *line, const char *mark,
		       const char *password);
#define SSH_SUDO_REFUSED "perilune %s: " /* the mark */

/* Appends the last statements: they become the command. */
void ssh_preamble_run(struct strbuf *out, const struct command *cmd);

#endif
