/* outlive.c - see outlive.h */
#include "transport/outlive.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/shellquote.h"

/* A signal to all that carry the tag is for the command: what follows it goes on, and ends with it.
 * What it runs does not carry the tag, so that no byte is lost when one comes. */
#define SIGNALS "HUP INT QUIT TERM USR1 USR2"
#define SHRUG "trap : " SIGNALS "; unset PERILUNE_TASK; "

/* Ahead of each program: whose home it is. sudo may keep the user's, where root's files would be
 * in the way of his own. */
#define HOME_OF_USER "h=$HOME; "
#define HOME_OF_ROOT "h=~root; "

/* $1 RUN, $2 TAG: its folder is $d, its files begin with $f. A login shell of any kind must read
 * all of this within single quotes: no newline, backslash or exclamation mark. */
#define PLACE                                                                                      \
	"no() { echo \"perilune: $1\" >&2; exit 73; }; "                                           \
	"d=${XDG_STATE_HOME:-}; case $d in /*) ;; *) d=$h/.local/state ;; esac; "                  \
	"d=$d/perilune/$1; f=$d/$2; "

/* Parent and start of process $1, empty when there is none. */
#define STAT                                                                                       \
	"stat() { l=; { read -r l </proc/$1/stat; } 2>/dev/null; set -- ${l##*) }; "               \
	"parent=$2 start=${20}; }; "                                                               \
	"alive() { [ -s \"$f.pid\" ] || return 0; read -r p s <\"$f.pid\"; stat $p; "              \
	"[ \"$start\" = \"$s\" ]; }; "

/*
 * From bytes $1 and $2 on, until the command has ended. The files stay open, so cat goes on where
 * the last one stopped. That it has ended is seen before the sizes are, so no byte is left behind.
 * Who started us is gone when we have another parent.
 */
#define FOLLOW                                                                                     \
	"follow() { trap : " SIGNALS "; exec 3<\"$f.out\" 4<\"$f.err\"; "                \
	"was= gone= pause=0.05; "                                                                  \
	"[ $1 -eq 0 ] || tail -c +$(($1 + 1)) <&3 || exit 1; "                                     \
	"[ $2 -eq 0 ] || tail -c +$(($2 + 1)) <&4 >&2 || exit 1; "                                 \
	"while :; do over=; [ -e \"$f.code\" ] && over=1; now=$(ls -ln \"$f.out\" \"$f.err\"); "   \
	"if [ \"$now\" = \"$was\" ]; then "                                                        \
	"case $pause in 0.05) pause=0.1 ;; 0.1) pause=0.2 ;; *) pause=0.5 ;; esac; "               \
	"else was=$now pause=0.05; cat <&3 && cat <&4 >&2 || exit 1; fi; "                         \
	"[ -z \"$over\" ] || return 0; "                                                           \
	"[ -z \"$gone\" ] || { echo \"perilune: it was ended, and nobody could say how\" >&2; "    \
	"exit 70; }; alive || gone=1; "                                                            \
	"stat $$; [ \"$parent\" = $PPID ] || exit 1; "                                             \
	"sleep $pause 2>/dev/null || sleep 1; done; }; "

/* As the command ended. */
#define END                                                                                        \
	"read -r c <\"$f.code\"; [ $c -ge 256 ] || exit $c; ulimit -c 0 2>/dev/null; "             \
	"trap - " SIGNALS "; kill -$((c % 128)) $$; exit $((c % 128 + 128))"

/*
 * $3 RUNNER, $4 the command as sh has it, $5 for the runner. A pipeline, as sh would have a
 * command in the background ignore SIGINT; what waits for the runner says how it was ended if
 * that cannot. A redirection that fails would end a shell amid `:`, not amid `true`.
 */
static const char START[] =
	PLACE STAT FOLLOW SHRUG
	"o=$(umask); umask 077; "
	"e=$({ mkdir -p \"$d\" && true >\"$f.out\" && true >\"$f.err\"; } 2>&1) || "
	"no \"its output cannot be kept in $d: ${e##*: }; nothing was started\"; "
	"s=; command -v setsid >/dev/null && s=setsid; "
	"{ PERILUNE_TASK=$2 $s sh -c \"$3\" sh \"$f\" \"umask $o; $4\" \"$5\" "
	">>\"$f.out\" 2>>\"$f.err\"; s=$?; "
	"[ $s -le 128 ] || s=$((s + 128)); [ -e \"$f.code\" ] || echo $s >\"$f.code\"; } | "
	"follow 0 0 || exit; " END;

/* Most kinds of awk tell an exit status from a signal, which sh cannot: 256 and more. $3 is a death
 * by SIGKILL to try it with; busybox has one that calls it success. */
static const char RUNNER[] =
	"f=$1 k=$3 t=\"PERILUNE_TASK=$PERILUNE_TASK; export PERILUNE_TASK; $2\"; " SHRUG
	"umask 077; read -r l </proc/$$/stat; set -- ${l##*) }; "
	"echo \"$$ ${20}\" >\"$f.pid\"; "
	"if awk \"BEGIN { exit (system(ARGV[1]) == 265) ? 0 : 1 }\" \"$k\" 2>/dev/null; then "
	"awk \"BEGIN { s = system(ARGV[1]); print s >ARGV[2] }\" \"$t\" \"$f.part\"; "
	"else exec 5>&2 2>/dev/null; (exec 2>&5 5>&-; exec sh -c \"$t\"); fi; s=$?; "
	"[ $s -le 128 ] || s=$((s + 128)); "
	"[ -s \"$f.part\" ] || echo $s >\"$f.part\"; mv -f \"$f.part\" \"$f.code\"";

/* $3, $4 the bytes to begin with. */
static const char ATTACH[] =
	PLACE STAT FOLLOW
	"[ -r \"$f.out\" ] && [ -r \"$f.err\" ] || no \"nothing of it is kept in $d\"; "
	"follow $3 $4; " END;

static const char CLEAR[] =
	PLACE
	"[ -e \"$f.code\" ] || exit 0; rm -f \"$f.out\" \"$f.err\" \"$f.pid\" \"$f.code\"; "
	"rmdir \"$d\" 2>/dev/null; exit 0";

/*
 * $1 the program, empty for a line of the shell; $2 the command as sh has it. Of a process that
 * leads its group, setsid returns at once and leaves the command as it is; otherwise sh must put it
 * in the background.
 */
static const char DETACH[] =
	"[ -z \"$1\" ] || command -v \"$1\" >/dev/null || { echo \"perilune: $1: not found\" >&2; "
	"exit 127; }; exec </dev/null >/dev/null 2>&1; PERILUNE_DETACH=1; export PERILUNE_DETACH; "
	"t=$2; read -r l </proc/$$/stat; set -- ${l##*) }; "
	"if command -v setsid; then [ \"$3\" = $$ ] && exec setsid sh -c \"$t\"; "
	"setsid sh -c \"$t\" & else sh -c \"$t\" & fi";

int outlive_check(const struct command *cmd, struct pl_error *err)
{
	if (cmd->survive && cmd->detach)
		return pl_errorf(err, PL_EUSAGE, "survive and detach exclude each other: one is "
				 "followed, the other is not");
	if (outlives(cmd) && cmd->stdin_open)
		return pl_errorf(err, PL_EUSAGE,
				 "a command that outlives its connection has no standard input, "
				 "which would be cut with it: push a file and let it read that");
	return 0;
}

/* RUN of a tag RUN-CALL.HOST.TASK.ATTEMPT. */
static char *run_of(const char *tag)
{
	size_t len = strcspn(tag, ".");
	size_t digits = 0;

	while (digits < len && isdigit((unsigned char)tag[len - 1 - digits]))
		digits++;
	if (digits > 0 && digits + 1 < len && tag[len - 1 - digits] == '-')
		len -= digits + 1;
	return xstrndup(tag, len);
}

static char *make_text(const struct command *cmd, const char *shell)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_adds(&text, "exec ");
	if (cmd->argv != NULL) {
		shellquote_argv(&text, cmd->argv);
	} else {
		strbuf_addf(&text, "%s -c ", shell);
		shellquote_word(&text, cmd->line);
	}
	if (cmd->merge)
		strbuf_adds(&text, " 2>&1");
	return strbuf_detach(&text);
}

/* The words so far are those of a program in sh; up to five more follow. The environment of the
 * command counts: it may move the folder. */
static void begin(struct outlive *o, const struct command *cmd, const char *program)
{
	*o = (struct outlive){
		.command = { .env = cmd->env, .cwd = cmd->cwd, .sudo = cmd->sudo },
		.argv = { "sh", "-c", NULL, "perilune" },
	};
	o->program = xasprintf("%s%s", cmd->sudo ? HOME_OF_ROOT : HOME_OF_USER, program);
	o->argv[2] = o->program;
	o->command.argv = o->argv;
}

void outlive_start(struct outlive *o, const struct command *cmd, const char *tag,
		   const char *shell)
{
	begin(o, cmd, cmd->survive ? START : DETACH);
	o->text = make_text(cmd, shell);
	if (cmd->survive) {
		o->argv[4] = o->run = run_of(tag);
		o->argv[5] = tag;
		o->argv[6] = RUNNER;
		o->argv[7] = o->text;
		o->argv[8] = "kill -9 $$";
	} else {
		o->argv[4] = cmd->argv != NULL ? cmd->argv[0] : "";
		o->argv[5] = o->text;
	}
}

void outlive_attach(struct outlive *o, const struct command *cmd, const char *tag,
		    uint64_t from_out, uint64_t from_err)
{
	begin(o, cmd, ATTACH);
	o->argv[4] = o->run = run_of(tag);
	o->argv[5] = tag;
	o->argv[6] = o->from_out = xasprintf("%" PRIu64, from_out);
	o->argv[7] = o->from_err = xasprintf("%" PRIu64, from_err);
}

void outlive_clear(struct outlive *o, const struct command *cmd, const char *tag)
{
	begin(o, cmd, CLEAR);
	o->argv[4] = o->run = run_of(tag);
	o->argv[5] = tag;
}

void outlive_fini(struct outlive *o)
{
	free(o->program);
	free(o->run);
	free(o->text);
	free(o->from_out);
	free(o->from_err);
}

/* As a shell there has it: its environment may move the folder, and only that of the command is
 * known here. */
static const char *state_folder(const struct command *cmd)
{
	static const char name[] = "XDG_STATE_HOME=";

	for (const char *const *e = cmd->env; e != NULL && *e != NULL; e++) {
		if (strncmp(*e, name, sizeof(name) - 1) == 0 && (*e)[sizeof(name) - 1] == '/')
			return *e + sizeof(name) - 1;
	}
	return cmd->sudo ? "${XDG_STATE_HOME:-~root/.local/state}"
			 : "${XDG_STATE_HOME:-~/.local/state}";
}

void outlive_explain_loss(struct task_result *r, const struct command *cmd, const char *tag)
{
	char *run = run_of(tag);
	size_t len = strlen(r->why);

	snprintf(r->why + len, sizeof(r->why) - len,
		 "; the command goes on there, with its output in %.200s/perilune/%s",
		 state_folder(cmd), run);
	free(run);
}
