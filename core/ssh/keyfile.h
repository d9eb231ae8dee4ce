/*
 * keyfile.h - a private key of ours, parsed once, that signs for every login.
 *
 * Reads OpenSSH's own format (openssh/PROTOCOL.key) without a passphrase, ed25519 and ECDSA.
 * libssh2 would parse a key handed to it again for each host, which costs more than the login.
 */
#ifndef PL_TRANSPORT_KEYFILE_H
#define PL_TRANSPORT_KEYFILE_H

#include <stddef.h>

#include "base/error.h"

struct keyfile;

/*
 * Errors: PL_ENOENT when it is not there, PL_ESYS when it cannot be read, PL_EUNSUPPORTED for an
 * encrypted key or a kind that cannot be used, PL_EUSAGE when it is no key or, as ssh refuses it
 * too, when others may read it.
 */
struct keyfile *keyfile_read(const char *path, struct pl_error *err);

/* The same from text; `path` stands for the file in messages. */
struct keyfile *keyfile_parse(const char *text, const char *path, struct pl_error *err);

void keyfile_destroy(struct keyfile *key); /* NULL is a no-op; wipes */

const char *keyfile_path(const struct keyfile *key);
const char *keyfile_type(const struct keyfile *key); /* "ssh-ed25519" */

/* The public key as the protocol carries it. */
const void *keyfile_blob(const struct keyfile *key, size_t *len);

/*
 * Signs bytes as the key's type asks (RFC 8709, RFC 5656): *sig is allocated with malloc, for
 * libssh2 to free. 0, or -1 when OpenSSL fails.
 */
int keyfile_sign(const struct keyfile *key, const void *bytes, size_t len, unsigned char **sig,
		 size_t *sig_len);

#endif
