/*
 * known_hosts.h - whose keys are trusted: the file format of sshd(8), SSH_KNOWN_HOSTS FILE FORMAT.
 *
 * Names without wildcards are found in a hash table, so that a check costs the same among 10,000
 * lines as among ten; lines with `*`, `?` or `!` are walked. So are hashed names, once for a
 * host: 0.2 us a line. A host on another port than 22 is known as "[host]:port", and by its bare
 * name when no line has it with the port. @revoked keys are refused. @cert-authority lines make
 * no key known here; known_hosts_marks() tells of them.
 *
 * Verdicts are those of OpenSSH: another key in any line of the host is a change, of whatever kind
 * it is; lines whose key makes no sense are passed over.
 */
#ifndef PL_TRANSPORT_KNOWN_HOSTS_H
#define PL_TRANSPORT_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "ssh/hostkey.h"

struct known_hosts;

/* A file that is not there is an empty table. Errors: PL_ESYS when it cannot be read. O(bytes). */
struct known_hosts *known_hosts_read(const char *path, struct pl_error *err);

/* The same from bytes; `path` stands for the file in messages. Malformed lines are passed over, as
 * OpenSSH does. */
struct known_hosts *known_hosts_parse(const void *bytes, size_t len, const char *path);

void known_hosts_destroy(struct known_hosts *kh); /* NULL is a no-op */

/* The markers of lines, as bits. */
enum known_hosts_mark {
	KNOWN_HOSTS_REVOKED = 1 << 0,
	KNOWN_HOSTS_AUTHORITY = 1 << 1,
};

/* Those that speak of the host; on another port than 22 those of its bare name too. With an
 * authority it may show a certificate; what is revoked may be the authority of one. */
unsigned known_hosts_marks(struct known_hosts *const *files, size_t n, const char *host, int port);

enum hostkey_verdict {
	HOSTKEY_UNKNOWN, /* no line is for this host */
	HOSTKEY_KNOWN,
	HOSTKEY_CHANGED, /* only lines with other keys are */
	HOSTKEY_REVOKED,
};

struct hostkey_answer {
	enum hostkey_verdict verdict;
	const char *path; /* of the line that decided, NULL when none; the table's */
	int line;
	const char *key; /* its key, base64; the table's */
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

/* Takes up one more line, as if it stood at the end of the file. */
void known_hosts_add(struct known_hosts *kh, const char *line);

/* The line that ssh would add for this host and key, without a newline; `hashed` as HashKnownHosts
 * says. Owned by the caller. */
char *known_hosts_line(const char *host, int port, const void *key, size_t len, bool hashed);

#endif
