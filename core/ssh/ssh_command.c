/* ssh_command.c - see ssh_command.h */
#include "ssh/ssh_command.h"

#include <string.h>

#include "base/shellquote.h"
#include "ssh/ssh_supervisor_text.h"

static void add_words(struct strbuf *out, const char *const *words)
{
	if (words == NULL || words[0] == NULL)
		return;
	strbuf_addc(out, ' ');
	shellquote_argv(out, words);
}

static void add_word(struct strbuf *out, const char *word)
{
	strbuf_addc(out, ' ');
	shellquote_word(out, word);
}

static void add_env(struct strbuf *out, const char *tag)
{
	strbuf_adds(out, "exec env PERILUNE_TASK=");
	shellquote_word(out, tag);
}

/* Words of env and after it, for a login shell of any kind; `words` is freed. csh takes a newline
 * even in quotes for the end of a command and runs what follows it: what holds one goes by a POSIX
 * shell, which gets it with newlines written \n. */
static void add_any_words(struct strbuf *out, struct strbuf *words)
{
	struct strbuf escaped = STRBUF_INIT;

	if (words->s == NULL || memchr(words->s, '\n', words->len) == NULL) {
		strbuf_adds(out, strbuf_str(words));
		strbuf_fini(words);
		return;
	}
	strbuf_adds(&escaped, "exec env");
	for (const char *c = words->s; *c != '\0'; c++) {
		if (*c == '\n' || *c == '\\')
			strbuf_adds(&escaped, *c == '\n' ? "\\n" : "\\\\");
		else
			strbuf_addc(&escaped, *c);
	}
	strbuf_adds(out, " sh -c 'eval \"$(printf %b \"$1\")\"' sh");
	add_word(out, escaped.s);
	strbuf_fini(&escaped);
	strbuf_fini(words);
}

/* What stands between env and the command: nothing, unless only a POSIX shell can do it. */
static void add_between(struct strbuf *out, const struct command *cmd)
{
	/* env takes NAME=x in front for a variable, even when it is meant as a program */
	bool odd = cmd->argv != NULL && strchr(cmd->argv[0], '=') != NULL;

	if (cmd->cwd == NULL && !cmd->merge && !odd)
		return;
	strbuf_addf(out, " sh -c '%sexec \"$@\"%s' sh",
		    cmd->cwd != NULL ? "cd -- \"$1\" || exit 1; shift; " : "",
		    cmd->merge ? " 2>&1" : "");
	if (cmd->cwd != NULL)
		add_word(out, cmd->cwd);
}

void ssh_command_exec(struct strbuf *out, const struct command *cmd, const char *tag)
{
	struct strbuf words = STRBUF_INIT;

	add_words(&words, cmd->env);
	add_between(&words, cmd);
	if (cmd->argv != NULL) {
		add_words(&words, cmd->argv);
	} else {
		strbuf_adds(&words, " \"$SHELL\" -c");
		add_word(&words, cmd->line);
	}
	add_env(out, tag);
	add_any_words(out, &words);
	if (!cmd->stdin_open)
		strbuf_adds(out, " </dev/null");
}

int ssh_command_check(const struct command *cmd, const char *tag, struct pl_error *err)
{
	struct strbuf line = STRBUF_INIT;
	size_t len;

	if ((cmd->line == NULL) == (cmd->argv == NULL) ||
	    (cmd->argv != NULL && cmd->argv[0] == NULL))
		return pl_errorf(err, PL_EUSAGE, "a command is either a line or words");
	for (size_t i = 0; cmd->env != NULL && cmd->env[i] != NULL; i++) {
		const char *eq = strchr(cmd->env[i], '=');

		if (eq == NULL || eq == cmd->env[i] || cmd->env[i][0] == '-')
			return pl_errorf(err, PL_EUSAGE, "env '%s': NAME=value expected",
					 cmd->env[i]);
	}
	ssh_command_exec(&line, cmd, tag);
	len = line.len;
	strbuf_fini(&line);
	if (len > SSH_COMMAND_MAX)
		return pl_errorf(err, PL_EUSAGE,
				 "the command is %zu bytes long, %d fit into one request: copy it "
				 "there as a script", len, SSH_COMMAND_MAX);
	return 0;
}

/*
 * $1 tag, $2 signal, $3 grace in tenths of a second (-1: only signal). No newlines: csh has no
 * quote for them. One grep over /proc costs 3 ms where a shell's loop costs 140; a grep without -z
 * looks for the tag with nothing around it, which is why no tag is the beginning of another one.
 *
 * The login shell and env do not carry the tag yet, but their words name it: those among the
 * children of the sshd that runs this script are found too. Amid an exec a process shows neither
 * words nor environment, so only three looks in a row that find nobody are believed.
 */
static const char KILL_SCRIPT[] =
	"z=-lszxF; printf %s x | grep -qszxF x 2>/dev/null || z=-lsF; "
	"all() { { grep $z -e \"PERILUNE_TASK=$1\" /proc/[0-9]*/environ; "
	"grep -lsF -e \"PERILUNE_TASK=$1\" /dev/null "
	"$(grep -lsx -e \"PPid:.$PPID\" /proc/[0-9]*/status | sed -e s,status,cmdline,); "
	"} 2>/dev/null | sed -e s,/proc/,, -e s,/.*,,; }; "
	"told=\" \"; found=3; empty=0; n=0; while :; do p=$(all \"$1\"); pause=0.03; "
	"if [ -z \"$p\" ]; then empty=$((empty + 1)); [ $empty -lt 3 ] || exit $found; "
	"else empty=0; found=0; for q in $p; do case $told in *\" $q \"*) ;; "
	"*) kill -\"$2\" $q 2>/dev/null; kill -CONT $q 2>/dev/null; told=\"$told$q \" ;; esac; done; "
	"[ \"$3\" -ge 0 ] || exit 0; [ $n -lt $(($3 + 10)) ] || exit 1; "
	"[ $n -lt \"$3\" ] || kill -KILL $p 2>/dev/null; "
	"[ $n -eq 0 ] || pause=0.1; n=$((n + 1)); fi; "
	"sleep $pause 2>/dev/null || { sleep 1; n=$((n + 9)); }; done";

void ssh_command_kill(struct strbuf *out, const char *tag, int signo, int64_t grace_us)
{
	strbuf_adds(out, "exec sh -c ");
	shellquote_word(out, KILL_SCRIPT);
	strbuf_adds(out, " sh ");
	shellquote_word(out, tag);
	strbuf_addf(out, " %d %lld </dev/null", signo,
		    (long long)(grace_us < 0 ? -1 : (grace_us + 99999) / 100000));
}

/* The text has nothing in it that needs quoting (embed-supervisor sees to it): it is copied as a
 * whole, once per session. */
void ssh_command_supervise(struct strbuf *out, const char *token)
{
	strbuf_adds(out, "exec env PERILUNE_SUPERVISOR=");
	strbuf_adds(out, token);
	strbuf_adds(out, " sh -c '");
	strbuf_adds(out, ssh_supervisor_text);
	strbuf_adds(out, "' perilune ");
	strbuf_adds(out, token);
}
