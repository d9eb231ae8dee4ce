/*
 * ssh_files.h - key files and known_hosts files, each read once, on the pool, for all sessions.
 */
#ifndef PL_TRANSPORT_SSH_FILES_H
#define PL_TRANSPORT_SSH_FILES_H

#include <stdbool.h>

#include "base/error.h"
#include "loop/loop.h"
#include "ssh/keyfile.h"
#include "ssh/known_hosts.h"

struct ssh_files;
struct ssh_file;

enum ssh_file_kind { SSH_FILE_KEY, SSH_FILE_TRUST, SSH_FILE_CERTIFICATE, SSH_FILE_KINDS };

/* Called each time a file is there, or known not to be. */
typedef void (*ssh_file_f)(void *arg, struct ssh_file *f);

struct ssh_files *ssh_files_create(struct loop *loop, ssh_file_f on_read, void *arg);
void ssh_files_destroy(struct ssh_files *files); /* reads under way finish by themselves */

/* The file under this path; reading begins with the first call. Lives as long as `files`. */
struct ssh_file *ssh_files_get(struct ssh_files *files, enum ssh_file_kind kind, const char *path);

bool ssh_file_is_read(const struct ssh_file *f);
const char *ssh_file_path(const struct ssh_file *f);

/* Its content, NULL when it could not be read; ssh_file_error then says why. */
struct keyfile *ssh_file_key(const struct ssh_file *f);
struct known_hosts *ssh_file_trust(const struct ssh_file *f);
struct field ssh_file_certificate(const struct ssh_file *f); /* empty, likewise */
const struct pl_error *ssh_file_error(const struct ssh_file *f);

/* Takes up a new host's key: at once for this program, and on the pool for the file (mode 0600
 * when new). `line` is from known_hosts_line(). */
void ssh_file_add_line(struct ssh_file *f, const char *line);

#endif
