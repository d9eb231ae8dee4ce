/*
 * keyfile.h - a key of ours, parsed once, that signs for every login.
 *
 * Reads OpenSSH's own format (openssh/PROTOCOL.key) and PEM (PKCS#1, SEC1, PKCS#8): ed25519, ECDSA,
 * RSA. libssh2 would parse a key handed to it again for each host, which costs more than the login.
 */
#ifndef PL_TRANSPORT_KEYFILE_H
#define PL_TRANSPORT_KEYFILE_H

#include <stddef.h>

#include "base/error.h"
#include "ssh/fields.h"

struct keyfile;

enum keyfile_state {
	KEYFILE_OPEN,	/* it can sign */
	KEYFILE_LOCKED, /* a passphrase stands before its private half */
	KEYFILE_PUBLIC, /* the private half is elsewhere: in an agent, in a security token */
};

/*
 * Reads PATH, a private or a public key, or when that is not there the public PATH.pub; and
 * PATH-cert.pub beside it. Errors: PL_ENOENT when none is there, PL_ESYS when it cannot be read,
 * PL_EUNSUPPORTED for a kind that cannot be used, PL_EUSAGE when it is no key or, as ssh refuses it
 * too, when others may read a private one.
 */
struct keyfile *keyfile_read(const char *path, struct pl_error *err);

/* The same from the text of PATH alone; `path` stands for the file in messages. */
struct keyfile *keyfile_parse(const char *text, const char *path, struct pl_error *err);

void keyfile_destroy(struct keyfile *key); /* NULL is a no-op; wipes */

enum keyfile_state keyfile_state(const struct keyfile *key);
const char *keyfile_path(const struct keyfile *key);

/* The public half as the protocol carries it; empty where only the passphrase would tell it. */
struct field keyfile_blob(const struct keyfile *key);

/* The certificate for it that lies beside it, as the protocol carries it; empty: none. */
struct field keyfile_certificate(const struct keyfile *key);

/*
 * Signs bytes as the key's kind asks (RFC 8709, RFC 5656; an RSA key as `algorithm` says, RFC
 * 8332): *sig is allocated with malloc, for libssh2 to free. 0, or -1 when OpenSSL fails or the
 * key is not KEYFILE_OPEN.
 */
int keyfile_sign(const struct keyfile *key, struct field algorithm, struct field bytes,
		 unsigned char **sig, size_t *sig_len);

#endif
