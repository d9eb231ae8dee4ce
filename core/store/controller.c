/* controller.c - see controller.h */
#include "store/controller.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define HEAD_MAX 2048 /* bytes of the first line */
#define RELEASED "-"  /* after the beats: it is over, though the file could not be removed */

struct controller {
	char *path;
	char token[40];
	int fd;
};

const char *controller_state_name(enum controller_state s)
{
	static const char *const names[] = {
		[CONTROLLER_NONE] = "none", [CONTROLLER_ALIVE] = "alive",
		[CONTROLLER_DEAD] = "dead", [CONTROLLER_ELSEWHERE] = "elsewhere",
	};

	return names[s];
}

/* ---- who we are ---- */

/* The first line of a file of /proc or /etc; "" when it cannot be read. */
static void read_word(const char *path, char *to, size_t size)
{
	FILE *file = fopen(path, "re");

	to[0] = '\0';
	if (file == NULL)
		return;
	if (fgets(to, (int)size, file) != NULL)
		to[strcspn(to, "\n")] = '\0';
	fclose(file);
}

static void host_name(char *to, size_t size)
{
	if (gethostname(to, size) != 0)
		to[0] = '\0';
	to[size - 1] = '\0';
}

/* "MACHINE BOOT NAMESPACE": pids mean the same where all three are the same. */
static char *machine_word(void)
{
	char id[64], boot[64], space[64];
	ssize_t n = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);

	space[n > 0 ? n : 0] = '\0';
	read_word("/etc/machine-id", id, sizeof(id));
	read_word("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	return xasprintf("%s %s %s", id, boot, space);
}

/* When the process was started, in ticks since the boot; 0: there is none, or only what its parent
 * has not noticed yet. */
static uint64_t start_of(int64_t pid)
{
	char path[40], text[1024];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	read_word(path, text, sizeof(text));
	at = strrchr(text, ')');
	if (at != NULL && strncmp(at, ") Z", 3) == 0)
		return 0;
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at != NULL ? strtoull(at + 1, NULL, 10) : 0;
}

/* ---- reading ---- */

/* Same machine-id and name, another boot: it went down with whatever it ran. */
static bool has_rebooted(const char *theirs, const char *ours, const char *host)
{
	size_t id = strcspn(ours, " "), boot = strcspn(ours + id + 1, " ");
	char name[256];

	host_name(name, sizeof(name));
	return id > 0 && strncmp(theirs, ours, id + 1) == 0 && strcmp(host, name) == 0 &&
	       strncmp(theirs + id + 1, ours + id + 1, boot + 1) != 0;
}

static enum controller_state state_of(const json_t *head, const struct controller_info *info)
{
	const char *theirs = json_string_value(json_object_get(head, "machine"));
	uint64_t start = (uint64_t)json_integer_value(json_object_get(head, "start"));
	char *ours = machine_word();
	enum controller_state state = CONTROLLER_ELSEWHERE;

	if (theirs != NULL && strcmp(theirs, ours) == 0)
		state = start_of(info->pid) == start ? CONTROLLER_ALIVE : CONTROLLER_DEAD;
	else if (theirs != NULL && has_rebooted(theirs, ours, info->host))
		state = CONTROLLER_DEAD;
	free(ours);
	return state;
}

static void copy_field(const json_t *head, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(head, name));

	snprintf(to, size, "%s", text != NULL ? text : "?");
}

static void read_head(const json_t *head, struct controller_info *info)
{
	copy_field(head, "host", info->host, sizeof(info->host));
	copy_field(head, "token", info->token, sizeof(info->token));
	info->pid = json_integer_value(json_object_get(head, "pid"));
	info->since = json_number_value(json_object_get(head, "since"));
	info->state = state_of(head, info);
}

static double silent_since(const struct timespec *then)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_REALTIME, &now);
	s = (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
	return s > 0 ? s : 0;
}

static bool ends_released(int fd, off_t size)
{
	char last = 0;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last == *RELEASED;
}

static void read_file(int fd, struct controller_info *info)
{
	char text[HEAD_MAX + 1];
	ssize_t n = pread(fd, text, HEAD_MAX, 0);
	const char *end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
	json_t *head = end != NULL ? json_loadb(text, (size_t)(end - text), 0, NULL) : NULL;
	struct stat st;

	info->state = CONTROLLER_DEAD; /* a file that is no word of a controller's hinders nobody */
	snprintf(info->host, sizeof(info->host), "?");
	if (head != NULL && fstat(fd, &st) == 0) {
		read_head(head, info);
		info->beats = (uint64_t)(st.st_size - (end - text) - 1);
		info->silent_s = silent_since(&st.st_mtim);
		if (ends_released(fd, st.st_size))
			info->state = CONTROLLER_NONE;
	}
	json_decref(head);
}

int controller_read(const char *run_dir, struct controller_info *info, struct pl_error *err)
{
	char *path = xasprintf("%s/controller", run_dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	memset(info, 0, sizeof(*info));
	if (fd >= 0)
		read_file(fd, info);
	else if (errno != ENOENT)
		rc = pl_error_sys(err, errno, "cannot read '%s'", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

void controller_poke(const char *run_dir)
{
	struct controller_info info;

	if (controller_read(run_dir, &info, NULL) == 0 && info.state == CONTROLLER_ALIVE &&
	    info.pid > 1)
		kill((pid_t)info.pid, CONTROLLER_POKE);
}

/* ---- taking ---- */

static void make_token(char *token, size_t size)
{
	uint64_t n[2] = { (uint64_t)getpid(), (uint64_t)time(NULL) };

	if (getrandom(n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n[1] ^= (uint64_t)clock() << 32;
	snprintf(token, size, "%016llx%016llx", (unsigned long long)n[0], (unsigned long long)n[1]);
}

static char *make_head(const char *token)
{
	char host[256], *machine = machine_word(), *text, *line;
	json_t *head;

	host_name(host, sizeof(host));
	head = json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "host", host, "machine", machine, "pid",
			 (json_int_t)getpid(), "start", (json_int_t)start_of(getpid()), "since",
			 (json_int_t)time(NULL), "token", token);
	text = head != NULL ? json_dumps(head, JSON_COMPACT) : NULL;
	line = xasprintf("%s\n", text != NULL ? text : "{}");
	json_decref(head);
	free(text);
	free(machine);
	return line;
}

/* A file of ours, whole, under a name that nobody else uses; it is not the controller's yet. */
static int make_file(struct controller *c, const char *own, struct pl_error *err)
{
	char *head = make_head(c->token);
	size_t len = strlen(head);
	int rc = 0;

	c->fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (c->fd < 0 || write(c->fd, head, len) != (ssize_t)len)
		rc = pl_error_sys(err, errno, "cannot write '%s'", own);
	free(head);
	return rc;
}

/* Gives the file its name where there is none of that name: errno, or 0. */
static int name_file(const char *own, const char *path)
{
	if (link(own, path) == 0) {
		unlink(own);
		return 0;
	}
	if (errno == EEXIST)
		return EEXIST;
	/* no links here */
	if (renameat2(AT_FDCWD, own, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return EEXIST;
	if (access(path, F_OK) == 0)
		return EEXIST;
	return rename(own, path) == 0 ? 0 : errno;
}

static int refuse(const char *run_dir, const struct controller_info *info, struct pl_error *err)
{
	const char *doubt = info->state == CONTROLLER_ELSEWHERE
				    ? " (whether it lives can only be seen there)" : "";

	return pl_errorf(err, PL_EBUSY,
			 "the run in '%s' is conducted by process %lld on %s, which said so %.0f s "
			 "ago%s; --takeover takes its place",
			 run_dir, (long long)info->pid, info->host, info->silent_s, doubt);
}

/* Two may have seen the same dead one: the file has the last one's token. */
static int check_ours(const struct controller *c, const char *run_dir, struct pl_error *err)
{
	struct controller_info info;

	if (controller_read(run_dir, &info, err) != 0)
		return -1;
	return strcmp(info.token, c->token) == 0 ? 0 : refuse(run_dir, &info, err);
}

/* In the place of one that is there. */
static int replace(struct controller *c, const char *run_dir, const char *own, bool takeover,
		   struct pl_error *err)
{
	struct controller_info info;

	if (controller_read(run_dir, &info, err) != 0)
		return -1;
	if (!takeover && (info.state == CONTROLLER_ALIVE || info.state == CONTROLLER_ELSEWHERE))
		return refuse(run_dir, &info, err);
	if (rename(own, c->path) != 0)
		return pl_error_sys(err, errno, "cannot take over '%s'", c->path);
	return check_ours(c, run_dir, err);
}

static int take(struct controller *c, const char *run_dir, const char *own, bool takeover,
		struct pl_error *err)
{
	int why;

	if (make_file(c, own, err) != 0)
		return -1;
	why = name_file(own, c->path);
	if (why == EEXIST)
		return replace(c, run_dir, own, takeover, err);
	if (why != 0)
		return pl_error_sys(err, why, "cannot make '%s'", c->path);
	return check_ours(c, run_dir, err);
}

static void controller_free(struct controller *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->path);
	free(c);
}

struct controller *controller_take(const char *run_dir, bool takeover, struct pl_error *err)
{
	struct controller *c = xcalloc(1, sizeof(*c));
	char *own;

	c->fd = -1;
	c->path = xasprintf("%s/controller", run_dir);
	make_token(c->token, sizeof(c->token));
	own = xasprintf("%s/controller.%s", run_dir, c->token);
	if (take(c, run_dir, own, takeover, err) != 0) {
		unlink(own);
		controller_free(c);
		c = NULL;
	}
	free(own);
	return c;
}

/* Where the disk is full it lives all the same. */
static void append_word(const struct controller *c, const char *word)
{
	ssize_t n = write(c->fd, word, strlen(word));

	(void)n;
}

void controller_beat(struct controller *c)
{
	append_word(c, ".");
}

int controller_check(struct controller *c, struct pl_error *err)
{
	struct controller_info info;
	struct stat ours, theirs;

	if (stat(c->path, &theirs) == 0 && fstat(c->fd, &ours) == 0 &&
	    ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
		return 0;
	*strrchr(c->path, '/') = '\0';
	controller_read(c->path, &info, NULL);
	c->path[strlen(c->path)] = '/';
	if (strcmp(info.token, c->token) == 0) /* a file system without lasting inode numbers */
		return 0;
	if (info.state == CONTROLLER_NONE)
		return pl_errorf(err, PL_EBUSY, "'%s' is gone: this run is no longer ours", c->path);
	return pl_errorf(err, PL_EBUSY, "the run was taken over by process %lld on %s",
			 (long long)info.pid, info.host);
}

void controller_release(struct controller *c)
{
	if (c == NULL)
		return;
	if (controller_check(c, NULL) == 0 && unlink(c->path) != 0)
		append_word(c, RELEASED);
	controller_free(c);
}
