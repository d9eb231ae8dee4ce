/* ssh_audit.c - see ssh_audit.h */
#include "ssh/ssh_audit.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/shellquote.h"

/* The user by id: what the environment says is anybody's word. */
void ssh_audit_option(struct strbuf *line)
{
	const struct passwd *pw = getpwuid(getuid());
	char host[256] = "", text[400];

	gethostname(host, sizeof(host) - 1);
	if (pw != NULL)
		snprintf(text, sizeof(text), "%.100s@%s", pw->pw_name, host);
	else
		snprintf(text, sizeof(text), "%lu@%s", (unsigned long)getuid(), host);
	strbuf_addc(line, ' ');
	shellquote_word(line, text);
}

static void add_command(struct strbuf *what, const struct command *cmd)
{
	switch (cmd->kind) {
	case TASK_EXEC:
		strbuf_adds(what, cmd->sudo ? "sudo " : "");
		if (cmd->line != NULL)
			strbuf_adds(what, cmd->line);
		else
			shellquote_argv(what, cmd->argv);
		break;
	case TASK_PUT:
		strbuf_addf(what, "push to %s", cmd->remote_path);
		break;
	case TASK_GET:
		strbuf_addf(what, "pull of %s", cmd->remote_path);
		break;
	}
}

void ssh_audit_start(struct strbuf *line, const struct task *task)
{
	struct strbuf what = STRBUF_INIT;
	size_t most;

	add_command(&what, task->command);
	strbuf_addf(line, "start %s ", task->tag);
	most = what.len < SSH_AUDIT_MOST ? what.len : SSH_AUDIT_MOST;
	for (size_t i = 0; i < most; i++)
		strbuf_addc(line, iscntrl((unsigned char)what.s[i]) ? '?' : what.s[i]);
	if (most < what.len)
		strbuf_adds(line, "...");
	strbuf_addc(line, '\n');
	strbuf_fini(&what);
}
