/* ssh.c - the ssh transport: what transport.h asks, on ssh_pool.h and ssh_task.h. See ssh.h. */
#include "ssh/ssh.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libssh2.h>

#include "base/mem.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_task.h"
#include "transport/outlive.h"

struct ssh {
	struct transport base;
	struct ssh_pool *pool;
};

static struct ssh *ssh_of(const struct transport *tp)
{
	return container_of(tp, struct ssh, base);
}

/* One that outlives its connection is sent in the words of another command. */
static int check_outliving(const struct command *cmd, const char *tag, struct pl_error *err)
{
	struct outlive o;
	int rc;

	if (outlive_check(cmd, err) != 0)
		return -1;
	outlive_start(&o, cmd, tag, "\"$SHELL\"");
	rc = ssh_command_check(&o.command, err);
	outlive_fini(&o);
	return rc;
}

static int check_command(const struct command *cmd, const char *tag, struct pl_error *err)
{
	/* what is wrong in the words themselves is said first */
	if (ssh_command_check(cmd, err) != 0)
		return -1;
	return outlives(cmd) ? check_outliving(cmd, tag, err) : 0;
}

static int check_task(struct ssh *ssh, const struct task *task, struct pl_error *err)
{
	const struct command *cmd = task->command;

	if (ssh_pool_host(ssh->pool, task->host, err) == NULL)
		return -1;
	if (cmd->kind == TASK_EXEC)
		return check_command(cmd, task->tag, err);
	if (cmd->local_path == NULL || cmd->remote_path == NULL)
		return pl_errorf(err, PL_EUSAGE, "a copy needs both paths");
	return 0;
}

static int ssh_start(struct transport *tp, struct task *const *tasks, size_t n,
		     struct pl_error *err)
{
	struct ssh *ssh = ssh_of(tp);

	for (size_t i = 0; i < n; i++) {
		if (check_task(ssh, tasks[i], err) != 0)
			return -1;
	}
	for (size_t i = 0; i < n; i++)
		ssh_task_start(ssh_pool_host(ssh->pool, tasks[i]->host, NULL), tasks[i]);
	return 0;
}

static void ssh_write(struct task *task, const void *bytes, size_t len)
{
	if (task->impl != NULL)
		ssh_task_write(task->impl, bytes, len);
}

static void ssh_close_stdin(struct task *task)
{
	if (task->impl != NULL)
		ssh_task_close_stdin(task->impl);
}

static int ssh_signal(struct task *task, int signo, struct pl_error *err)
{
	if (task->impl == NULL)
		return pl_errorf(err, PL_EUSAGE, "%s: no command runs", task->host);
	return ssh_task_signal(task->impl, signo, err);
}

static void ssh_cancel(struct task *task)
{
	if (task->impl != NULL)
		ssh_task_cancel(task->impl);
}

static void ssh_pause(struct task *task)
{
	if (task->impl != NULL)
		ssh_task_pause(task->impl);
}

static void ssh_resume(struct task *task)
{
	if (task->impl != NULL)
		ssh_task_resume(task->impl);
}

static void ssh_close_idle(struct transport *tp)
{
	ssh_pool_close_idle(ssh_of(tp)->pool);
}

static void ssh_destroy(struct transport *tp)
{
	struct ssh *ssh = ssh_of(tp);

	ssh_pool_destroy(ssh->pool);
	libssh2_exit();
	free(ssh);
}

#define SSH_OPS(of_name)                                                                           \
	{                                                                                          \
		.name = (of_name),                                                                 \
		.caps = TRANSPORT_STDIN | TRANSPORT_PUT | TRANSPORT_GET | TRANSPORT_SIGNAL |       \
			TRANSPORT_PLACES,                                                          \
		.start = ssh_start, .write = ssh_write, .close_stdin = ssh_close_stdin,            \
		.signal = ssh_signal, .cancel = ssh_cancel, .pause = ssh_pause,                    \
		.resume = ssh_resume, .close_idle = ssh_close_idle, .destroy = ssh_destroy,        \
	}

static const struct transport_ops ssh_ops = SSH_OPS("ssh");
static const struct transport_ops openssh_ops = SSH_OPS("openssh");

const char *ssh_library_version(void)
{
	return libssh2_version(0);
}

struct transport *ssh_create(struct loop *loop, const struct ssh_options *options,
			     struct pl_error *err)
{
	struct ssh_pool *pool;
	struct ssh *ssh;

	if (loop_is_virtual(loop))
		return pl_errorf(err, PL_EUSAGE, "ssh needs real time"), NULL;
	if (libssh2_init(0) != 0)
		return pl_errorf(err, PL_ESYS, "cannot initialise libssh2"), NULL;
	pool = ssh_pool_create(loop, options, err);
	if (pool == NULL) {
		libssh2_exit();
		return NULL;
	}
	ssh = xcalloc(1, sizeof(*ssh));
	ssh->base = (struct transport){ options->system_ssh ? &openssh_ops : &ssh_ops, loop };
	ssh->pool = pool;
	return &ssh->base;
}

int ssh_target(struct transport *tp, const char *host, struct ssh_target *out,
	       struct pl_error *err)
{
	const struct ssh_host *h = ssh_pool_host(ssh_of(tp)->pool, host, err);

	if (h == NULL)
		return -1;
	if (h->route.is_pending || h->route.no_route != NULL)
		return pl_errorf(err, PL_EUNSUPPORTED, "%s: only `ssh -G %s` can say where that is",
				 host, host);
	*out = (struct ssh_target){ .port = h->route.port };
	if (snprintf(out->user, sizeof(out->user), "%s", h->route.user) >=
		    (int)sizeof(out->user) ||
	    snprintf(out->hostname, sizeof(out->hostname), "%s", h->route.hostname) >=
		    (int)sizeof(out->hostname))
		return pl_errorf(err, PL_EUSAGE, "%s: user or host name is too long", host);
	return 0;
}

void ssh_stats(const struct transport *tp, struct ssh_stats *out)
{
	*out = *ssh_pool_stats(ssh_of(tp)->pool);
}
