/*
 * ssh_keywords.h - the keywords of ssh_config(5) (OpenSSH 9.9), what each takes as a value, and
 * which of them are honoured.
 */
#ifndef PL_TRANSPORT_SSH_KEYWORDS_H
#define PL_TRANSPORT_SSH_KEYWORDS_H

#include <stddef.h>

enum ssh_keyword_id {
	SSH_OTHER, /* known to OpenSSH, not honoured here */
	SSH_HOST,
	SSH_MATCH,
	SSH_INCLUDE,
	SSH_IGNORE_UNKNOWN,
	SSH_HOSTNAME,
	SSH_USER,
	SSH_PORT,
	SSH_HOST_KEY_ALIAS,
	SSH_STRICT,
	SSH_ADDRESS_FAMILY,
	SSH_BIND_ADDRESS,
	SSH_BIND_INTERFACE,
	SSH_CONNECT_TIMEOUT,
	SSH_ALIVE_INTERVAL,
	SSH_ALIVE_COUNT_MAX,
	SSH_IDENTITY_FILE,
	SSH_IDENTITIES_ONLY,
	SSH_IDENTITY_AGENT,
	SSH_CERTIFICATE_FILE,
	SSH_FORWARD_AGENT,
	SSH_PROXY_JUMP,
	SSH_PROXY_COMMAND,
	SSH_PROXY_FDPASS,
	SSH_USER_KNOWN_HOSTS,
	SSH_GLOBAL_KNOWN_HOSTS,
	SSH_HASH_KNOWN_HOSTS,
	SSH_KNOWN_HOSTS_COMMAND,
	SSH_REVOKED_HOST_KEYS,
	SSH_CHECK_HOST_IP,
	SSH_KEX,
	SSH_HOST_KEY_ALGORITHMS,
	SSH_CIPHERS,
	SSH_MACS,
	SSH_SET_ENV,
	SSH_SEND_ENV,
	SSH_PREFERRED_AUTH,
	SSH_PUBKEY_AUTH,
	SSH_GSSAPI_AUTH,
	SSH_HOSTBASED_AUTH,
	SSH_PKCS11_PROVIDER,
	SSH_SK_PROVIDER,
	SSH_CANONICALIZE,
	SSH_TAG,
	SSH_KEYWORD_IDS,
};

/* What may stand behind a keyword. */
enum ssh_value {
	SSH_ANY,   /* not looked at */
	SSH_TEXT,  /* one word */
	SSH_WORDS, /* one or more */
	SSH_FLAG,  /* yes or no */
	SSH_TIME,  /* seconds, 1h30m, none */
	SSH_NUMBER,
	SSH_REST,  /* the rest of the line as it stands */
};

struct ssh_keyword {
	const char *name;
	enum ssh_keyword_id id;
	enum ssh_value value;
	const char *satisfied; /* SSH_OTHER: pattern list of the values that need no note */
};

#define SSH_KEYWORDS_MAX 160

/* Letter case does not matter. NULL when OpenSSH does not know it. */
const struct ssh_keyword *ssh_keyword_find(const char *name);

/* Its place in the table, below SSH_KEYWORDS_MAX. */
size_t ssh_keyword_index(const struct ssh_keyword *k);

#endif
