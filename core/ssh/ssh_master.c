/* ssh_master.c - see ssh_master.h */
#include "ssh/ssh_master.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "loop/child.h"
#include "ssh/ssh_words.h"

#define WORDS_MAX 4000 /* of complaints, and of one line */
#define ALIVE_MAX_S 8
#define FOLDER_MAX 70  /* ssh adds 17 bytes to the socket's name, of 108 that a path may have */

enum master_state {
	MASTER_STARTED,	 /* logs in */
	MASTER_SPEAKING, /* its socket has been handed out */
	MASTER_GONE,
};

struct ssh_master {
	enum master_state state;
	const struct ssh_route *route;
	const struct ssh_master_events *events;
	void *arg;
	struct child *child;
	char *folder, *path; /* of the socket; NULL once they are removed */
	enum phase phase;    /* of the login */
	struct strbuf line;  /* of stderr, until its newline */
	struct strbuf complaints;
	struct strbuf fingerprint; /* of the host's key */
};

/* ---- the socket ---- */

static int make_folder(struct ssh_master *m, struct pl_error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (runtime == NULL || runtime[0] != '/' || strlen(runtime) > FOLDER_MAX ||
	    access(runtime, W_OK) != 0)
		runtime = "/tmp";
	m->folder = xasprintf("%s/perilune-XXXXXX", runtime);
	if (mkdtemp(m->folder) == NULL) {
		pl_error_sys(err, errno, "cannot make a folder in %s for the socket of ssh", runtime);
		free(m->folder);
		m->folder = NULL;
		return -1;
	}
	m->path = xasprintf("%s/s", m->folder);
	return 0;
}

static void remove_folder(struct ssh_master *m)
{
	if (m->folder == NULL)
		return;
	unlink(m->path);
	rmdir(m->folder);
	free(m->path);
	free(m->folder);
	m->path = m->folder = NULL;
}

/* The socket is there, at once whole, some time after the login and before ssh says its last. */
static void try_socket(struct ssh_master *m)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(m->path) >= sizeof(address.sun_path))
		return; /* ssh does not take it either, and says so */
	memcpy(address.sun_path, m->path, strlen(m->path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return;
	}
	m->state = MASTER_SPEAKING;
	strbuf_reset(&m->complaints);
	remove_folder(m);
	m->events->on_login(m->arg, fd);
}

/* ---- what it says ---- */

static void take_line(struct ssh_master *m, const char *line)
{
	enum phase phase = ssh_words_phase(line);
	const char *fingerprint = phase == PHASE_HOSTKEY ? strstr(line, " SHA256:") : NULL;

	log_debug(LOG_SSH, "ssh: %s", line);
	if (fingerprint != NULL) {
		strbuf_reset(&m->fingerprint);
		strbuf_add(&m->fingerprint, fingerprint + 1, strcspn(fingerprint + 1, " ,"));
	}
	if (ssh_words_complains(line)) {
		if (m->complaints.len < WORDS_MAX)
			strbuf_addf(&m->complaints, "%s\n", line);
	} else if (m->state == MASTER_STARTED && phase != PHASE_NONE) {
		m->phase = phase;
		m->events->on_phase(m->arg, phase);
	}
}

/* Hands out the lines of `line` that are whole, and one that is too long. */
static void take_lines(struct ssh_master *m)
{
	char *newline;

	while (m->line.len > 0 && (newline = memchr(m->line.s, '\n', m->line.len)) != NULL) {
		*newline = '\0';
		m->line.s[strcspn(m->line.s, "\r")] = '\0';
		take_line(m, m->line.s);
		strbuf_consume(&m->line, (size_t)(newline - m->line.s) + 1);
	}
	if (m->line.len > WORDS_MAX)
		strbuf_reset(&m->line);
}

static void on_output(void *arg, enum child_stream stream, const void *bytes, size_t len)
{
	struct ssh_master *m = arg;

	if (stream != CHILD_STDERR)
		return;
	strbuf_add(&m->line, bytes, len);
	take_lines(m);
	if (m->state == MASTER_STARTED && m->phase >= PHASE_AUTH)
		try_socket(m);
}

static void on_exit_status(void *arg, int status)
{
	struct ssh_master *m = arg;

	(void)status;
	m->state = MASTER_GONE;
	if (m->line.len > 0) {
		strbuf_addc(&m->line, '\n');
		take_lines(m);
	}
	m->events->on_gone(m->arg);
}

static const struct child_events child_events = {
	.on_output = on_output,
	.on_exit = on_exit_status,
};

/* ---- the beginning ---- */

#define ARGS_MAX 64

/* The words of a command line; those that were made are kept to be freed. */
struct args {
	const char *words[ARGS_MAX];
	size_t n;
	char *made[ARGS_MAX];
	size_t n_made;
};

static void add_arg(struct args *a, const char *word)
{
	a->words[a->n++] = word;
}

static void add_option(struct args *a, const char *option)
{
	add_arg(a, "-o");
	add_arg(a, option);
}

static void add_made(struct args *a, char *word)
{
	a->made[a->n_made++] = word;
	add_arg(a, word);
}

/* What must be so whatever the configuration says; it says the rest. */
static void add_ours(struct args *a)
{
	static const char *const options[] = {
		"ControlPersist=no", "BatchMode=yes", "LogLevel=DEBUG1", "RemoteCommand=none",
		"RequestTTY=no", "PermitLocalCommand=no", "ClearAllForwardings=yes",
		"ForwardX11=no", "ServerAliveCountMax=2",
	};

	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		add_option(a, options[i]);
}

static void add_asked(struct args *a, const struct ssh_route *r)
{
	const struct ssh_options *asked = r->asked;

	if (asked->config_path != NULL) {
		add_arg(a, "-F");
		add_arg(a, asked->config_path);
	}
	if (asked->user != NULL) {
		add_arg(a, "-l");
		add_arg(a, asked->user);
	}
	if (asked->port != 0) {
		add_arg(a, "-p");
		add_made(a, xasprintf("%d", asked->port));
	}
}

/* ssh gives a silent host up after three intervals: within what is allowed, as far as seconds go,
 * and within 30 s anyway. */
static int alive_interval(const struct ssh_route *r)
{
	int64_t seconds = r->lost_us / 3000000;

	return seconds < 1 ? 1 : seconds > ALIVE_MAX_S ? ALIVE_MAX_S : (int)seconds;
}

/* ssh's own choice, the cheapest first: where the processor has instructions for AES, ChaCha20
 * costs twice as much. A list that old ones know too. */
static const char CHEAP_CIPHERS[] =
	"Ciphers=aes128-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,"
	"aes256-ctr,aes256-gcm@openssh.com";

static void make_args(struct args *a, const struct ssh_master *m)
{
	const struct ssh_route *r = m->route;
	bool accept_new = r->hostkey == SSH_HOSTKEY_ACCEPT_NEW;

	add_arg(a, "ssh");
	add_arg(a, "-MNT");
	add_arg(a, "-S");
	add_arg(a, m->path);
	add_asked(a, r);
	add_ours(a);
	add_arg(a, "-o");
	add_made(a, xasprintf("ServerAliveInterval=%d", alive_interval(r)));
	/* of each address; ours bounds the phase */
	add_arg(a, "-o");
	add_made(a, xasprintf("ConnectTimeout=%lld",
			      (long long)(r->connect_timeout_us + 999999) / 1000000));
	add_option(a, accept_new ? "StrictHostKeyChecking=accept-new"
				 : "StrictHostKeyChecking=yes");
	if (!r->is_pending && !r->names_ciphers)
		add_option(a, CHEAP_CIPHERS);
	add_arg(a, "--");
	add_arg(a, r->name);
}

static struct child *spawn(struct ssh_master *m, struct loop *loop, struct pl_error *err)
{
	struct args args = { .n = 0 };
	struct child_spec spec = {
		.argv = args.words, .new_session = true, .death_signal = SIGTERM
	};
	struct child *child;

	make_args(&args, m);
	child = child_spawn(loop, &spec, &child_events, m, err);
	for (size_t i = 0; i < args.n_made; i++)
		free(args.made[i]);
	return child;
}

bool ssh_master_can_start(void)
{
	const char *path = getenv("PATH");
	const char *at = path != NULL ? path : "/usr/bin:/bin";
	bool found = false;

	while (!found && *at != '\0') {
		int len = (int)strcspn(at, ":");
		char *file = xasprintf("%.*s/ssh", len, at);

		found = len > 0 && access(file, X_OK) == 0;
		free(file);
		at += len + (at[len] == ':');
	}
	return found;
}

struct ssh_master *ssh_master_start(struct loop *loop, const struct ssh_route *route,
				    const struct ssh_master_events *events, void *arg,
				    struct pl_error *err)
{
	struct ssh_master *m = xcalloc(1, sizeof(*m));

	m->route = route;
	m->events = events;
	m->arg = arg;
	m->phase = PHASE_RESOLVE;
	if (make_folder(m, err) == 0)
		m->child = spawn(m, loop, err);
	if (m->child == NULL) {
		ssh_master_destroy(m);
		return NULL;
	}
	return m;
}

void ssh_master_failure(const struct ssh_master *m, struct task_result *r)
{
	const struct ssh_route *route = m->route;
	const char *trust = route->n_trust > 0 ? ssh_file_path(route->trust[0])
					       : "~/.ssh/known_hosts";

	if (m->folder == NULL)
		ssh_words_loss(strbuf_str(&m->complaints), r);
	else
		ssh_words_failure(m->phase, strbuf_str(&m->complaints), trust, r);
	snprintf(r->detail, sizeof(r->detail), "%.100s port %d%s%.80s", route->hostname,
		 route->port, r->outcome == OUTCOME_HOSTKEY ? " shows " : "",
		 r->outcome == OUTCOME_HOSTKEY ? strbuf_str(&m->fingerprint) : "");
}

void ssh_master_destroy(struct ssh_master *m)
{
	if (m == NULL)
		return;
	child_destroy(m->child);
	remove_folder(m);
	strbuf_fini(&m->line);
	strbuf_fini(&m->complaints);
	strbuf_fini(&m->fingerprint);
	free(m);
}
