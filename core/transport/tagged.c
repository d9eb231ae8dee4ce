/* tagged.c - see tagged.h; /proc is described in proc(5) */
#include "transport/tagged.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strbuf.h"

#define ENVIRON_MAX (4 * 1024 * 1024) /* more than an exec accepts by default */

static void read_environ(int proc, const char *pid, struct strbuf *env)
{
	char path[64];
	ssize_t n = 1;
	int fd;

	strbuf_reset(env);
	snprintf(path, sizeof(path), "%.32s/environ", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return; /* gone, or somebody else's */
	while (n > 0 && env->len < ENVIRON_MAX) {
		char *room = strbuf_reserve(env, 16384);

		n = read(fd, room, 16384);
		if (n > 0)
			env->len += (size_t)n;
	}
	close(fd);
	strbuf_add(env, "", 1);
}

static const char *find_tag(const struct strbuf *env)
{
	const char *end = env->s + env->len;

	for (const char *at = env->s; at < end; at += strlen(at) + 1) {
		if (strncmp(at, TASK_TAG_NAME "=", sizeof(TASK_TAG_NAME)) == 0)
			return at + sizeof(TASK_TAG_NAME);
	}
	return NULL;
}

void tagged_each(tagged_f fn, void *arg)
{
	struct strbuf env = STRBUF_INIT;
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	if (proc == NULL)
		return;
	while ((entry = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		const char *tag;

		if (!isdigit((unsigned char)entry->d_name[0]) || pid == getpid())
			continue;
		read_environ(dirfd(proc), entry->d_name, &env);
		tag = env.len > 0 ? find_tag(&env) : NULL;
		if (tag != NULL)
			fn(arg, pid, tag);
	}
	closedir(proc);
	strbuf_fini(&env);
}
