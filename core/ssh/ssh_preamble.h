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

#include <stdbool.h>

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
 * then, with $SHELL the login shell of the user; it reads on from the same stdin. On stderr the
 * shell says SSH_SUDO_SAYS with the mark, which needs no quotes, and a word: that it is root from
 * here on; that sudo refused, with what sudo said behind it, and exits 1; or, where `asks`, first
 * that sudo asks for a password. It reads that twice then: a sudo that can read nothing else is
 * tried with it, so that a wrong one is counted once and nothing else is taken for another try;
 * the sudo that stays reads it again.
 */
void ssh_preamble_sudo(struct strbuf *out, const char *line, const char *mark, bool asks);
#define SSH_SUDO_SAYS "perilune %s: sudo "
#define SSH_SUDO_ASKS "asks\n"
#define SSH_SUDO_ROOT "works\n"
#define SSH_SUDO_REFUSED "refused: "

/* Appends the last statements: they become the command. */
void ssh_preamble_run(struct strbuf *out, const struct command *cmd);

#endif
