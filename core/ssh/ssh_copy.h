/*
 * ssh_copy.h - a single file over one channel: put and get.
 *
 * The bytes travel as the stdin or stdout of a small command there (ssh_command.h), not by SFTP:
 * libssh2 1.10 knows no posix-rename, so that replacing a file at once needs a command anyway, one
 * stream is faster than acknowledged writes, and hosts without the subsystem are served.
 */
#ifndef PL_TRANSPORT_SSH_COPY_H
#define PL_TRANSPORT_SSH_COPY_H

#include "base/error.h"
#include "base/strbuf.h"
#include "ssh/ssh_channel.h"
#include "transport/task.h"

struct ssh_copy;

/* Opens the local file and appends the command for the host to `line`. NULL with the reason. */
struct ssh_copy *ssh_copy_create(const struct command *cmd, const char *tag, struct strbuf *line,
				 struct pl_error *err);

/* The channel has started, or has taken all it was given. */
void ssh_copy_feed(struct ssh_copy *c, struct ssh_channel *ch);

void ssh_copy_output(struct ssh_copy *c, enum stream stream, const void *bytes, size_t len);

/* The command has ended: makes the local file, or turns `result` into a failure. */
void ssh_copy_end(struct ssh_copy *c, struct task_result *result);

void ssh_copy_destroy(struct ssh_copy *c); /* removes what is not whole; NULL is a no-op */

#endif
