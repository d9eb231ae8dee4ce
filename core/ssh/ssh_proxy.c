/* ssh_proxy.c - see ssh_proxy.h */
#include "ssh/ssh_proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/child.h"

#define WORDS_MAX 200 /* of a line of stderr */
#define LINGER_US (1000 * 1000) /* between the end of its stream and its own */

enum proxy_state {
	PROXY_RUNNING,
	PROXY_LINGERS, /* its stream has ended */
	PROXY_OVER,    /* it is not waited for any more, or: */
	PROXY_DEAD,
};

struct ssh_proxy {
	struct child *child;
	enum proxy_state state;
	int status;
	loop_call_f on_over;
	void *arg;
	struct loop_timer linger;
	char line[WORDS_MAX]; /* being said */
	size_t line_len;
	char words[WORDS_MAX]; /* the last whole line that was not empty */
};

static void end_line(struct ssh_proxy *p)
{
	if (p->line_len > 0)
		memcpy(p->words, p->line, p->line_len);
	if (p->line_len > 0)
		p->words[p->line_len] = '\0';
	p->line_len = 0;
}

static void on_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct ssh_proxy *p = arg;
	const char *s = bytes;

	(void)stream;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n' || s[i] == '\r')
			end_line(p);
		else if (p->line_len < WORDS_MAX - 1)
			p->line[p->line_len++] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
	}
}

static void on_exit_status(void *arg, int status)
{
	struct ssh_proxy *p = arg;

	end_line(p);
	p->status = status;
	loop_timer_stop(&p->linger);
	if (p->state == PROXY_LINGERS)
		p->on_over(p->arg);
	p->state = PROXY_DEAD;
}

static void on_linger(void *arg)
{
	struct ssh_proxy *p = arg;

	p->state = PROXY_OVER;
	p->on_over(p->arg);
}

bool ssh_proxy_is_over(struct ssh_proxy *p)
{
	if (p->state == PROXY_RUNNING) {
		p->state = PROXY_LINGERS;
		loop_timer_start(&p->linger, LINGER_US);
	}
	return p->state >= PROXY_OVER;
}

static const struct child_events events = { .on_output = on_output, .on_exit = on_exit_status };

static const char *user_shell(void)
{
	const char *shell = getenv("SHELL");

	return shell != NULL && *shell != '\0' ? shell : "/bin/sh";
}

struct ssh_proxy *ssh_proxy_create(struct loop *loop, const char *command, loop_call_f on_over,
				   void *arg, int *fd, struct pl_error *err)
{
	struct ssh_proxy *p = xcalloc(1, sizeof(*p));
	char *line = xasprintf("exec %s", command);
	const char *argv[] = { user_shell(), "-c", line, NULL };
	struct child_spec spec = { .argv = argv, .new_session = true,
				   .death_signal = SIGTERM };
	int pair[2];

	p->on_over = on_over;
	p->arg = arg;
	loop_timer_init(&p->linger, loop, on_linger, p);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		pl_error_sys(err, errno, "cannot run the ProxyCommand: no pair of sockets");
		goto fail;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	spec.socket = pair[1];
	p->child = child_spawn(loop, &spec, &events, p, err);
	close(pair[1]);
	if (p->child == NULL) {
		close(pair[0]);
		goto fail;
	}
	*fd = pair[0];
	free(line);
	return p;
fail:
	free(line);
	free(p);
	return NULL;
}

void ssh_proxy_destroy(struct ssh_proxy *p)
{
	if (p == NULL)
		return;
	loop_timer_stop(&p->linger);
	child_destroy(p->child);
	free(p);
}

const char *ssh_proxy_words(struct ssh_proxy *p)
{
	if (p->words[0] != '\0' || p->state != PROXY_DEAD)
		return p->words;
	if (WIFEXITED(p->status))
		snprintf(p->words, sizeof(p->words), "it ended with exit status %d",
			 WEXITSTATUS(p->status));
	else
		snprintf(p->words, sizeof(p->words), "it died by signal %d", WTERMSIG(p->status));
	return p->words;
}
