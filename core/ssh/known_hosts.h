/*
 * known_hosts.h - whose keys are trusted: the file format of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
 *
 * Names without wildcards are found in a hash table, so that a check costs the same among 10,000
 * lines as among ten; lines with `*`, `?` or `!` and hashed names are walked. A host on another
 * port than 22 is known as "[host]:port", and by its bare name when no line has it with the port.
 * @revoked keys are refused, @cert-authority lines are counted and passed over.
 */
#ifndef PL_TRANSPORT_KNOWN_HOSTS_H
#define PL_TRANSPORT_KNOWN_HOSTS_H

#include <stddef.h>

#include "base/error.h"

struct known_hosts;

/* A file that is not there is an empty table. Errors: PL_ESYS when it cannot be read. O(bytes). */
struct known_hosts *known_hosts_read(const char *path, struct pl_error *err);

/* The same from bytes; `path` stands for the file in messages. Malformed lines are passed over, as
 * OpenSSH does. */
struct known_hosts *known_hosts_parse(const void *bytes, size_t len, const char *path);

void known_hosts_destroy(struct known_hosts *kh); /* NULL is a no-op */

/* @cert-authority lines met. */
size_t known_hosts_authorities(const struct known_hosts *kh);

/* The kinds of host keys that can be used, as bits. */
enum hostkey_type {
	HOSTKEY_ED25519 = 1 << 0,
	HOSTKEY_ECDSA_256 = 1 << 1,
	HOSTKEY_ECDSA_384 = 1 << 2,
	HOSTKEY_ECDSA_521 = 1 << 3,
	HOSTKEY_RSA = 1 << 4,
};

/* By name ("ssh-ed25519"), 0 when it is none of them; and back. */
unsigned hostkey_type_parse(const char *name, size_t len);
const char *hostkey_type_name(enum hostkey_type type);

/* The kind of key behind a host key method ("rsa-sha2-512"), 0 when it is none of them. */
unsigned hostkey_method_type(const char *name, size_t len);

enum hostkey_verdict {
	HOSTKEY_UNKNOWN, /* no line for this host holds a key of this kind */
	HOSTKEY_KNOWN,
	HOSTKEY_CHANGED, /* a line holds another key of this kind */
	HOSTKEY_REVOKED,
};

struct hostkey_answer {
	enum hostkey_verdict verdict;
	const char *path; /* of the line that decided, NULL when none; the table's */
	int line;
};

/*
 * Looks a key up in several files; one that matches anywhere is known, one revoked anywhere is
 * revoked. `key` is the blob as the protocol carries it. O(1) in plain lines.
 */
void known_hosts_check(struct known_hosts *const *files, size_t n, const char *host, int port,
		       const void *key, size_t len, struct hostkey_answer *answer);

/* Bits of enum hostkey_type for which any file has a line for this host; on another port than 22
 * those of its bare name too, when there would be none but RSA. */
unsigned known_hosts_types(struct known_hosts *const *files, size_t n, const char *host, int port);

/* "SHA256:..." as ssh-keygen -l prints it. */
#define HOSTKEY_FINGERPRINT_MAX 52
void hostkey_fingerprint(const void *key, size_t len, char out[HOSTKEY_FINGERPRINT_MAX]);

/* Takes up one more line, as if it stood at the end of the file. */
void known_hosts_add(struct known_hosts *kh, const char *line);

/* The line that ssh would add for this host and key, without a newline. Owned by the caller. */
char *known_hosts_line(const char *host, int port, const void *key, size_t len);

#endif
