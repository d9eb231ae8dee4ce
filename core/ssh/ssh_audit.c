/* ssh_audit.c - see ssh_audit.h */
#include "ssh/ssh_audit.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/screen.h"
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

/* Where a text of so many bytes may be cut: not amid a character. */
static size_t cut_at(const struct strbuf *text, size_t most)
{
	if (text->len <= most)
		return text->len;
	while (most > 0 && (text->s[most] & 0xc0) == 0x80)
		most--;
	return most;
}

void ssh_audit_start(struct strbuf *line, const struct task *task)
{
	struct strbuf what = STRBUF_INIT, shown = STRBUF_INIT;
	size_t len;

	add_command(&what, task->command);
	screen_text(&shown, strbuf_str(&what), what.len);
	len = cut_at(&shown, SSH_AUDIT_MOST);
	strbuf_addf(line, "start %s ", task->tag);
	strbuf_add(line, strbuf_str(&shown), len);
	strbuf_adds(line, len < shown.len ? "...\n" : "\n");
	strbuf_fini(&shown);
	strbuf_fini(&what);
}
