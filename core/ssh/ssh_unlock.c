/*
 * ssh_unlock.c - see ssh_unlock.h
 *
 *	OFF -> STARTING -> READY <-> ASKING
 */
#include "ssh/ssh_unlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "loop/child.h"

/*
 * ssh-agent runs with the rights of a group of its own, so the kernel does not end it with us
 * (PR_SET_PDEATHSIG is lost at its exec). This shell does: its standard input is a pipe of ours,
 * whose end it sees even when we are killed.
 */
static const char KEEPER[] = "ssh-agent -D -a \"$1\" & agent=$!; trap : HUP INT TERM; "
			     "cat >/dev/null; kill $agent; rm -rf \"${1%/*}\"";

enum unlock_phase { UNLOCK_OFF, UNLOCK_STARTING, UNLOCK_READY, UNLOCK_ASKING, UNLOCK_BROKEN };

struct locked_key {
	char *path;
	enum ssh_unlock_state state;
};

struct ssh_unlock {
	struct loop *loop;
	const struct ssh_unlock_events *events;
	void *arg;
	enum unlock_phase phase;
	struct loop_defer again;
	struct child *keeper, *asker;
	char *folder, *socket;
	struct strtable keys; /* by path */
	struct locked_key *asked; /* by the asker */
	bool asking;		  /* on_asking(true) was said */
};

static void on_again(void *arg);

struct ssh_unlock *ssh_unlock_create(struct loop *loop, const struct ssh_unlock_events *events,
				     void *arg)
{
	struct ssh_unlock *u = xcalloc(1, sizeof(*u));

	*u = (struct ssh_unlock){ .loop = loop, .events = events, .arg = arg };
	loop_defer_init(&u->again, loop, on_again, u);
	return u;
}

/* ---- whom to ask ---- */

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	bool ours = fd >= 0 && tcgetpgrp(fd) == getpgrp();

	if (fd >= 0)
		close(fd);
	return ours;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0';
}

static bool has_askpass(void)
{
	const char *require = getenv("SSH_ASKPASS_REQUIRE");

	if (!is_set("SSH_ASKPASS") || (require != NULL && strcmp(require, "never") == 0))
		return false;
	return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") ||
	       (require != NULL && (strcmp(require, "force") == 0 ||
				    strcmp(require, "prefer") == 0));
}

bool ssh_unlock_can_ask(void)
{
	return has_askpass() || has_terminal();
}

/* False when that was said before. */
static bool say_asking(struct ssh_unlock *u, bool begins)
{
	if (u->asking == begins)
		return false;
	u->asking = begins;
	u->events->on_asking(u->arg, begins);
	return true;
}

/* ---- the agent ---- */

static void give_up(struct ssh_unlock *u, const char *why)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	log_warn(LOG_SSH, "no key can be unlocked: %s", why);
	u->phase = UNLOCK_BROKEN;
	while ((it = strtable_next(&u->keys, &pos)) != NULL) {
		struct locked_key *key = it->value;

		if (key->state == SSH_UNLOCK_PENDING)
			key->state = SSH_UNLOCK_FAILED;
	}
	loop_defer_schedule(&u->again);
	u->events->on_change(u->arg);
}

/* It tells of its socket once it listens. */
static void on_keeper_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct ssh_unlock *u = arg;

	if (u->phase != UNLOCK_STARTING || stream != CHILD_STDOUT ||
	    memmem(bytes, len, "SSH_AUTH_SOCK", strlen("SSH_AUTH_SOCK")) == NULL)
		return;
	u->phase = UNLOCK_READY;
	loop_defer_schedule(&u->again);
}

static void on_keeper_exit(void *arg, int status)
{
	struct ssh_unlock *u = arg;

	(void)status;
	child_destroy(u->keeper);
	u->keeper = NULL;
	give_up(u, "ssh-agent ended");
}

static bool make_folder(struct ssh_unlock *u)
{
	const char *parent = is_set("XDG_RUNTIME_DIR") ? getenv("XDG_RUNTIME_DIR") : "/tmp";

	u->folder = xasprintf("%s/perilune-agent.XXXXXX", parent);
	if (mkdtemp(u->folder) == NULL) {
		free(u->folder);
		u->folder = NULL;
		return false;
	}
	u->socket = xasprintf("%s/socket", u->folder);
	return true;
}

static void start_keeper(struct ssh_unlock *u)
{
	static const struct child_events events = { .on_output = on_keeper_output,
						    .on_exit = on_keeper_exit };
	struct pl_error err = { 0 };

	if (!make_folder(u)) {
		give_up(u, strerror(errno));
		return;
	}
	u->phase = UNLOCK_STARTING;
	u->keeper = child_spawn(u->loop,
				&(struct child_spec){
					.argv = (const char *const[]){ "sh", "-c", KEEPER, "sh",
								       u->socket, NULL },
					.stdin_open = true,
					.new_session = true,
				},
				&events, u, &err);
	if (u->keeper == NULL)
		give_up(u, err.text);
}

/* ---- the question ---- */

static void on_asker_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	(void)arg;
	(void)stream;
	log_debug(LOG_SSH, "ssh-add: %.*s", (int)(len < 200 ? len : 200), (const char *)bytes);
}

static void on_asker_exit(void *arg, int status)
{
	struct ssh_unlock *u = arg;

	child_destroy(u->asker);
	u->asker = NULL;
	u->asked->state = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? SSH_UNLOCK_DONE
									  : SSH_UNLOCK_FAILED;
	u->asked = NULL;
	if (u->phase == UNLOCK_ASKING)
		u->phase = UNLOCK_READY;
	loop_defer_schedule(&u->again);
	u->events->on_change(u->arg);
}

static void ask(struct ssh_unlock *u, struct locked_key *key)
{
	static const struct child_events events = { .on_output = on_asker_output,
						    .on_exit = on_asker_exit };
	char *env = xasprintf("SSH_AUTH_SOCK=%s", u->socket);
	struct pl_error err = { 0 };

	u->asked = key;
	u->phase = UNLOCK_ASKING;
	u->asker = child_spawn(u->loop,
			       &(struct child_spec){
				       .argv = (const char *const[]){ "ssh-add", "-q", key->path,
								      NULL },
				       .env = (const char *const[]){ env, NULL },
				       .stdin_terminal = has_terminal(),
				       .merge = true,
			       },
			       &events, u, &err);
	free(env);
	if (u->asker == NULL)
		give_up(u, err.text);
}

static struct locked_key *next_key(struct ssh_unlock *u)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	while ((it = strtable_next(&u->keys, &pos)) != NULL) {
		struct locked_key *key = it->value;

		if (key->state == SSH_UNLOCK_PENDING)
			return key;
	}
	return NULL;
}

static void step(struct ssh_unlock *u, struct locked_key *key)
{
	switch (u->phase) {
	case UNLOCK_OFF:
		start_keeper(u);
		break;
	case UNLOCK_READY:
		ask(u, key);
		break;
	case UNLOCK_BROKEN:
		give_up(u, "there is no agent for it");
		break;
	case UNLOCK_STARTING:
	case UNLOCK_ASKING:
		break;
	}
}

static void on_again(void *arg)
{
	struct ssh_unlock *u = arg;
	struct locked_key *key = next_key(u);

	if (say_asking(u, key != NULL))
		loop_defer_schedule(&u->again); /* whoever heard it comes first */
	else if (key != NULL)
		step(u, key);
}

enum ssh_unlock_state ssh_unlock_key(struct ssh_unlock *u, const char *path)
{
	struct locked_key *key = strtable_get(&u->keys, path);

	if (key == NULL) {
		key = xcalloc(1, sizeof(*key));
		key->path = xstrdup(path);
		strtable_put(&u->keys, path, key);
		loop_defer_schedule(&u->again);
	}
	return key->state;
}

const char *ssh_unlock_agent(const struct ssh_unlock *u)
{
	return u->socket;
}

void ssh_unlock_destroy(struct ssh_unlock *u)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (u == NULL)
		return;
	loop_defer_cancel(&u->again);
	child_destroy(u->asker);
	child_destroy(u->keeper); /* the agent with it: they are one group */
	while ((it = strtable_next(&u->keys, &pos)) != NULL) {
		struct locked_key *key = it->value;

		free(key->path);
		free(key);
	}
	strtable_fini(&u->keys);
	if (u->folder != NULL) {
		unlink(u->socket);
		rmdir(u->folder);
	}
	free(u->folder);
	free(u->socket);
	free(u);
}
