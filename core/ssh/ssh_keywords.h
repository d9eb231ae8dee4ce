/*
 * ssh_keywords.h - the keywords of ssh_config(5) (OpenSSH 9.9), and which of them are honoured.
 */
#ifndef PL_TRANSPORT_SSH_KEYWORDS_H
#define PL_TRANSPORT_SSH_KEYWORDS_H

#include <stddef.h>

enum ssh_keyword_id {
	SSH_OTHER, /* known to OpenSSH, not honoured here */
	SSH_HOST,
	SSH_MATCH,
	SSH_HOSTNAME,
	SSH_USER,
	SSH_PORT,
	SSH_IDENTITY_FILE,
	SSH_USER_KNOWN_HOSTS,
	SSH_GLOBAL_KNOWN_HOSTS,
	SSH_CONNECT_TIMEOUT,
	SSH_STRICT,
	SSH_IGNORE_UNKNOWN,
};

struct ssh_keyword {
	const char *name;
	enum ssh_keyword_id id;
	const char *satisfied; /* SSH_OTHER: pattern list of the values that need no note */
};

#define SSH_KEYWORDS_MAX 160

/* Letter case does not matter. NULL when OpenSSH does not know it. */
const struct ssh_keyword *ssh_keyword_find(const char *name);

/* Its place in the table, below SSH_KEYWORDS_MAX. */
size_t ssh_keyword_index(const struct ssh_keyword *k);

#endif
