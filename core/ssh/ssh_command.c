/* ssh_command.c - see ssh_command.h */
#include "ssh/ssh_command.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/shellquote.h"
#include "ssh/ssh_preamble.h"
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

static bool is_locale(const char *variable)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_.@-=";

	return (strncmp(variable, "LANG=", 5) == 0 || strncmp(variable, "LC_", 3) == 0) &&
	       variable[strspn(variable, plain)] == '\0';
}

/* One that only the configuration names: it may be meant for other hosts, and is left out where it
 * cannot be set. */
static bool can_be_set(const char *variable)
{
	const char *eq = strchr(variable, '=');

	return eq != NULL && ssh_preamble_is_name(variable, (size_t)(eq - variable)) &&
	       strlen(variable) <= SSH_WORD_MAX;
}

/* The beginning of every line: what all may see. */
static void add_open_env(struct strbuf *out, const char *tag, const char *const *more)
{
	strbuf_adds(out, "exec env PERILUNE_TASK=");
	shellquote_word(out, tag);
	for (; more != NULL && *more != NULL; more++) {
		if (is_locale(*more))
			add_word(out, *more);
	}
}

static void set_others(struct strbuf *out, const char *const *more)
{
	for (; more != NULL && *more != NULL; more++) {
		if (!is_locale(*more) && can_be_set(*more))
			ssh_preamble_set(out, (const char *const[]){ *more, NULL });
	}
}

/* Everything on one line; that can be too long, or hold newlines. */
static void add_plain(struct strbuf *out, const struct command *cmd)
{
	add_between(out, cmd);
	if (cmd->argv != NULL) {
		add_words(out, cmd->argv);
	} else {
		strbuf_adds(out, " \"$SHELL\" -c");
		add_word(out, cmd->line);
	}
	if (!cmd->stdin_open)
		strbuf_adds(out, " </dev/null");
}

static bool fits_a_line(const struct strbuf *line)
{
	return line->len <= SSH_COMMAND_MAX && strchr(line->s, '\n') == NULL;
}

void ssh_command_exec(struct ssh_request *out, const struct command *cmd, const char *tag,
		      const char *const *more)
{
	size_t begin;

	add_open_env(&out->line, tag, more);
	begin = out->line.len;
	set_others(&out->preamble, more);
	ssh_preamble_set(&out->preamble, cmd->env);
	if (out->preamble.len == 0) {
		add_plain(&out->line, cmd);
		if (fits_a_line(&out->line))
			return;
		strbuf_truncate(&out->line, begin);
	}
	strbuf_adds(&out->line, " sh -c '" SSH_PREAMBLE_READER "' sh \"$SHELL\"");
	ssh_preamble_run(&out->preamble, cmd);
}

void ssh_request_fini(struct ssh_request *request)
{
	strbuf_fini(&request->line);
	strbuf_wipe(&request->preamble);
	strbuf_wipe(&request->rest);
	free(request->mark);
	request->mark = NULL;
}

void ssh_command_as_root(struct ssh_request *request, const char *name, const char *mark,
			 bool asks)
{
	struct ssh_request root = SSH_REQUEST_INIT;

	strbuf_adds(&root.line, "exec ");
	if (name != NULL)
		strbuf_addf(&root.line, "env %s=%s ", name, mark);
	strbuf_adds(&root.line, "sh -c '" SSH_PREAMBLE_READER "' sh \"$SHELL\"");
	ssh_preamble_sudo(&root.preamble, request->line.s, mark, asks);
	root.rest = request->preamble;
	root.mark = xstrdup(mark);
	strbuf_init(&request->preamble);
	ssh_request_fini(request);
	*request = root;
}

static int check_env(const char *variable, struct pl_error *err)
{
	const char *eq = strchr(variable, '=');

	if (eq == NULL || !ssh_preamble_is_name(variable, (size_t)(eq - variable)))
		return pl_errorf(err, PL_EUSAGE, "env '%.*s': NAME=value expected, the name in "
				 "letters, digits and '_'",
				 (int)(eq != NULL ? eq - variable : 40), variable);
	if (strlen(variable) > SSH_WORD_MAX)
		return pl_errorf(err, PL_EUSAGE, "env %.*s: %zu bytes; a variable takes %d",
				 (int)(eq - variable), variable, strlen(variable), SSH_WORD_MAX);
	return 0;
}

int ssh_command_check(const struct command *cmd, struct pl_error *err)
{
	if ((cmd->line == NULL) == (cmd->argv == NULL) ||
	    (cmd->argv != NULL && cmd->argv[0] == NULL))
		return pl_errorf(err, PL_EUSAGE, "a command is either a line or words");
	for (size_t i = 0; cmd->env != NULL && cmd->env[i] != NULL; i++) {
		if (check_env(cmd->env[i], err) != 0)
			return -1;
	}
	for (size_t i = 0; cmd->argv != NULL && cmd->argv[i] != NULL; i++) {
		size_t len = strlen(cmd->argv[i]);

		if (len > SSH_WORD_MAX)
			return pl_errorf(err, PL_EUSAGE, "word %zu of the command is %zu bytes "
					 "long, a word takes %d: give it by stdin", i + 1, len,
					 SSH_WORD_MAX);
	}
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
	strbuf_adds(out, ssh_supervisor_first);
	strbuf_adds(out, "' perilune ");
	strbuf_adds(out, token);
}
