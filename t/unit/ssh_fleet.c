/* ssh_fleet.c - see ssh_fleet.h */
#include "ssh_fleet.h"

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int ssh_fleet_sh(const struct ssh_fleet *f, const char *command)
{
	char line[2048];
	int status;

	snprintf(line, sizeof(line), "D='%s' P=%d; export D P; %s", f->dir, f->port, command);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int read_port(const struct ssh_fleet *f)
{
	char path[128], line[256];
	FILE *env;
	int port = 0;

	snprintf(path, sizeof(path), "%s/env", f->dir);
	env = fopen(path, "r");
	while (env != NULL && fgets(line, sizeof(line), env) != NULL)
		sscanf(line, "FLEET_PORT=%d", &port);
	if (env != NULL)
		fclose(env);
	return port;
}

const char *ssh_fleet_start(struct ssh_fleet *f, int n)
{
	char line[512];

	*f = (struct ssh_fleet){ .dir = "/tmp/perilune-ssh.XXXXXX" };
	if (getenv("PERILUNE_SRCDIR") == NULL)
		return "PERILUNE_SRCDIR is not set: run by `make check`";
	if (ssh_fleet_sh(f, "PATH=$PATH:/usr/sbin; command -v sshd ssh ssh-keygen >/dev/null") != 0)
		return "no sshd here (Debian/Ubuntu package openssh-server)";
	if (mkdtemp(f->dir) == NULL)
		return "cannot make a folder in /tmp";
	snprintf(line, sizeof(line),
		 "\"$PERILUNE_SRCDIR\"/scripts/dev/fleet start \"$D\" %d >&2", n);
	if (ssh_fleet_sh(f, line) != 0) {
		ssh_fleet_stop(f);
		return "the fleet does not start";
	}
	snprintf(f->config, sizeof(f->config), "%s/ssh_config", f->dir);
	f->port = read_port(f);
	return NULL;
}

void ssh_fleet_stop(struct ssh_fleet *f)
{
	ssh_fleet_sh(f, "\"$PERILUNE_SRCDIR\"/scripts/dev/fleet stop \"$D\"; "
			"for p in $(cat \"$D\"/*.pid 2>/dev/null); do "
			"grep -qsaF \"$D\" /proc/$p/cmdline && kill $p; done; rm -rf \"$D\"");
}

const char *ssh_fleet_write(const struct ssh_fleet *f, const char *name, const char *fmt, ...)
{
	static char path[256];
	va_list ap;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	va_start(ap, fmt);
	vfprintf(file, fmt, ap);
	va_end(ap);
	fclose(file);
	return path;
}

/* ---- servers that misbehave ---- */

static void say_next(void *arg)
{
	struct bad_server *b = arg;
	size_t len = strlen(b->text);
	size_t n = b->pace_us > 0 ? 1 : len;

	if (send(b->peer, b->text + b->said % len, n, MSG_NOSIGNAL) < 0)
		return; /* the client had enough */
	b->said += n;
	if (b->pace_us > 0)
		loop_timer_start(&b->timer, b->pace_us);
	else if (b->hang_up)
		shutdown(b->peer, SHUT_RDWR);
}

static void reset_connection(struct bad_server *b)
{
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(b->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(b->peer);
	b->peer = -1;
}

static void on_connect(void *arg, int events)
{
	struct bad_server *b = arg;

	(void)events;
	b->peer = accept(b->fd, NULL, NULL);
	loop_io_want(b->io, 0);
	if (b->reset)
		reset_connection(b);
	else if (b->text != NULL)
		say_next(b);
	else if (b->hang_up)
		shutdown(b->peer, SHUT_RDWR);
}

void bad_server_start(struct bad_server *b, struct loop *loop)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	b->loop = loop;
	b->peer = -1;
	b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(b->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(b->fd, 8), 0);
	assert_int_equal(getsockname(b->fd, (struct sockaddr *)&address, &len), 0);
	b->port = ntohs(address.sin_port);
	loop_timer_init(&b->timer, loop, say_next, b);
	b->io = loop_io_create(loop, b->fd, on_connect, b);
	loop_io_want(b->io, LOOP_READ);
}

void bad_server_stop(struct bad_server *b)
{
	loop_timer_stop(&b->timer);
	loop_io_destroy(b->io);
	close(b->fd);
	if (b->peer >= 0)
		close(b->peer);
}
