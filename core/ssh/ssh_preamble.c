/* ssh_preamble.c - see ssh_preamble.h */
#include "ssh/ssh_preamble.h"

#include <string.h>

#include "base/shellquote.h"

#define NEWLINE "'\"$PERILUNE_NL\"'" /* within single quotes, where shellquote has put it */

static const char NAME_BYTES[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

bool ssh_preamble_is_name(const char *name, size_t len)
{
	return len > 0 && (*name < '0' || *name > '9') && strspn(name, NAME_BYTES) >= len;
}

/* Appends statements, each newline inside a word in the words above, which it defines first. */
static void add_statement(struct strbuf *out, const struct strbuf *statement)
{
	const char *at = strbuf_str(statement), *end;

	if (strchr(at, '\n') != NULL)
		strbuf_adds(out, "PERILUNE_NL=$(printf '\\nx'); PERILUNE_NL=${PERILUNE_NL%x}\n");
	while ((end = strchr(at, '\n')) != NULL) {
		strbuf_add(out, at, (size_t)(end - at));
		strbuf_adds(out, NEWLINE);
		at = end + 1;
	}
	strbuf_adds(out, at);
	strbuf_addc(out, '\n');
}

void ssh_preamble_set(struct strbuf *out, const char *const *env)
{
	for (; env != NULL && *env != NULL; env++) {
		struct strbuf statement = STRBUF_INIT;
		const char *value = strchr(*env, '=') + 1;

		strbuf_adds(&statement, "export ");
		strbuf_add(&statement, *env, (size_t)(value - *env));
		shellquote_word(&statement, value);
		add_statement(out, &statement);
		strbuf_fini(&statement);
	}
}

#define SUDO_ONCE "LC_ALL=C sudo -k -S -p ''" /* asks even where it would remember */
#define TRIES(sudo) "PERILUNE_SAID=$(" sudo " -- sh -c : 2>&1 >/dev/null"

/* No newline in here: `line` has none. */
static void define_sudo(struct strbuf *out, const char *line)
{
	struct strbuf program = STRBUF_INIT;

	strbuf_addf(&program, "SHELL=$1; export SHELL; %s", line);
	strbuf_adds(out, "perilune_go() { perilune_says 'works\\n'; exec sudo \"$@\" -- sh -c ");
	shellquote_word(out, program.s);
	strbuf_adds(out, " sh \"$PERILUNE_SHELL\"; }\n");
	strbuf_fini(&program);
}

void ssh_preamble_sudo(struct strbuf *out, const char *line, const char *mark, bool asks)
{
	strbuf_addf(out, "PERILUNE_SHELL=$1; perilune_says() { printf \"" SSH_SUDO_SAYS
		    "$1\" \"$2\" >&2; }\n", mark);
	define_sudo(out, line);
	/* one statement: what follows it is read by root's shell */
	strbuf_adds(out, TRIES("LC_ALL=C sudo -n") " </dev/null) && perilune_go -n; ");
	if (asks)
		strbuf_adds(out, "perilune_says 'asks\\n'; IFS= read -r PERILUNE_WORD || exit 1; "
			    TRIES("printf '%s\\n' \"$PERILUNE_WORD\" | " SUDO_ONCE)
			    ") && perilune_go -k -S -p ''; ");
	strbuf_adds(out, "perilune_says 'refused: %s' \"$PERILUNE_SAID\"; exit 1\n");
}

/* What a word cannot hold is read by the login shell as a script, from a pipe. */
static void add_script(struct strbuf *out, const struct command *cmd)
{
	strbuf_adds(out, cmd->stdin_open ? "exec 4<&0; " : "exec 4</dev/null; ");
	strbuf_adds(out, "printf '%s\\n' ");
	shellquote_word(out, cmd->line);
	strbuf_adds(out, " | { exec \"$1\" /dev/fd/3 3<&0 <&4 4<&-");
	strbuf_adds(out, cmd->merge ? " 2>&1; }; exit $?" : "; }; exit $?");
}

static void add_words(struct strbuf *out, const struct command *cmd)
{
	strbuf_adds(out, "exec ");
	if (cmd->argv != NULL) {
		shellquote_argv(out, cmd->argv);
	} else {
		strbuf_adds(out, "\"$1\" -c ");
		shellquote_word(out, cmd->line);
	}
	strbuf_adds(out, cmd->stdin_open ? "" : " </dev/null");
	strbuf_adds(out, cmd->merge ? " 2>&1" : "");
}

void ssh_preamble_run(struct strbuf *out, const struct command *cmd)
{
	struct strbuf statement = STRBUF_INIT;

	if (cmd->cwd != NULL) {
		strbuf_adds(&statement, "cd -- ");
		shellquote_word(&statement, cmd->cwd);
		strbuf_adds(&statement, " || exit 1; ");
	}
	if (cmd->line != NULL && strlen(cmd->line) > SSH_WORD_MAX)
		add_script(&statement, cmd);
	else
		add_words(&statement, cmd);
	add_statement(out, &statement);
	strbuf_fini(&statement);
}
