/* ssh_algorithms.c - see ssh_algorithms.h */
#include "ssh/ssh_algorithms.h"

#include <stdlib.h>
#include <string.h>

#include <libssh2.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"

/*
 * Dearest last: a login with nistp256 takes 4.2 million instructions, with curve25519 5.0 (libssh2
 * has OpenSSL derive a public key that nobody asked for), with group14 some 25. All of them are
 * what OpenSSH allows by default; RSA under SHA-1 (ssh-rsa) is not.
 */
static const char *const OWN[] = {
	[SSH_ALG_KEX] = "ecdh-sha2-nistp256,curve25519-sha256,curve25519-sha256@libssh.org,"
			"ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
			"diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,"
			"diffie-hellman-group18-sha512,diffie-hellman-group14-sha256",
	[SSH_ALG_HOST_KEY] = "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
			     "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256",
	[SSH_ALG_CIPHER] = "aes128-ctr,aes192-ctr,aes256-ctr,aes128-gcm@openssh.com,"
			   "aes256-gcm@openssh.com,chacha20-poly1305@openssh.com",
	[SSH_ALG_MAC] = "hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,"
			"hmac-sha2-512-etm@openssh.com,hmac-sha1",
};

static const int METHODS[] = {
	[SSH_ALG_KEX] = LIBSSH2_METHOD_KEX,
	[SSH_ALG_HOST_KEY] = LIBSSH2_METHOD_HOSTKEY,
	[SSH_ALG_CIPHER] = LIBSSH2_METHOD_CRYPT_CS,
	[SSH_ALG_MAC] = LIBSSH2_METHOD_MAC_CS,
};

/* What libssh2 has, with commas; asked for once. */
static const char *supported(enum ssh_algorithms what)
{
	static char *lists[ARRAY_LEN(METHODS)];
	struct strbuf list = STRBUF_INIT;
	const char **names = NULL;
	LIBSSH2_SESSION *ssh;
	int n;

	if (lists[what] != NULL)
		return lists[what];
	ssh = libssh2_session_init_ex(NULL, NULL, NULL, NULL);
	if (ssh == NULL)
		abort(); /* out of memory, as in xmalloc */
	n = libssh2_session_supported_algs(ssh, METHODS[what], &names);
	for (int i = 0; i < n; i++) {
		/* it names host certificates, and cannot tell who signed one */
		if (what != SSH_ALG_HOST_KEY || strstr(names[i], "-cert-") == NULL)
			strbuf_addf(&list, "%s%s", list.len > 0 ? "," : "", names[i]);
	}
	if (n > 0)
		libssh2_free(ssh, (void *)names);
	libssh2_session_free(ssh);
	lists[what] = strbuf_detach(&list);
	return lists[what];
}

/* Calls for each name of a list with commas; false ends it. */
#define FOR_EACH_NAME(at, len, list)                                                               \
	for ((at) = (list); (len) = strcspn((at), ","), *(at) != '\0';                             \
	     (at) += (len) + ((at)[len] == ','))

static bool list_has(const char *list, const char *name, size_t name_len)
{
	const char *at;
	size_t len;

	FOR_EACH_NAME(at, len, list) {
		if (len == name_len && memcmp(at, name, len) == 0)
			return true;
	}
	return false;
}

bool ssh_algorithms_has(enum ssh_algorithms what, const char *name)
{
	return list_has(supported(what), name, strlen(name));
}

static void add_name(struct strbuf *out, const char *name, size_t len)
{
	if (list_has(strbuf_str(out), name, len))
		return;
	if (out->len > 0)
		strbuf_addc(out, ',');
	strbuf_add(out, name, len);
}

/* Adds what a list's patterns mean among the names that libssh2 has, in the order of the list. */
static void add_matching(struct strbuf *out, enum ssh_algorithms what, const char *patterns)
{
	const char *at, *name;
	size_t len, name_len;

	FOR_EACH_NAME(at, len, patterns) {
		FOR_EACH_NAME(name, name_len, supported(what)) {
			char *one = xstrndup(name, name_len);

			if (pattern_match(at, len, one))
				add_name(out, name, name_len);
			free(one);
		}
	}
}

/* Adds our own choice without what the patterns name. */
static void add_own(struct strbuf *out, enum ssh_algorithms what, const char *without)
{
	const char *name;
	size_t len;

	FOR_EACH_NAME(name, len, OWN[what]) {
		char *one = xstrndup(name, len);

		if (ssh_algorithms_has(what, one) && pattern_list_match(without, one) == PATTERN_NO)
			add_name(out, name, len);
		free(one);
	}
}

/* "" when nothing is left. */
static char *choose(enum ssh_algorithms what, const char *asked)
{
	struct strbuf out = STRBUF_INIT;

	if (*asked == '^')
		add_matching(&out, what, asked + 1);
	if (*asked == '-')
		add_own(&out, what, asked + 1);
	else if (*asked == '+' || *asked == '^')
		add_own(&out, what, "");
	if (*asked == '+')
		add_matching(&out, what, asked + 1);
	else if (*asked != '-' && *asked != '^')
		add_matching(&out, what, asked);
	return strbuf_detach(&out);
}

/* Ten thousand hosts ask for the same: what one of them got is kept. */
char *ssh_algorithms_choose(enum ssh_algorithms what, const char *asked)
{
	static struct {
		char *asked, *chosen;
	} last[ARRAY_LEN(METHODS)];

	if (asked == NULL)
		asked = "+";
	if (last[what].asked == NULL || strcmp(last[what].asked, asked) != 0) {
		free(last[what].asked);
		free(last[what].chosen);
		last[what].asked = xstrdup(asked);
		last[what].chosen = choose(what, asked);
	}
	return *last[what].chosen != '\0' ? xstrdup(last[what].chosen) : NULL;
}
