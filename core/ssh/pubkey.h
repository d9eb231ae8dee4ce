/*
 * pubkey.h - public keys as the protocol carries them ("blobs", RFC 4253, 6.6), certificates
 * (openssh/PROTOCOL.certkeys) among them, and what this build can do with each kind.
 */
#ifndef PL_SSH_PUBKEY_H
#define PL_SSH_PUBKEY_H

#include <stdbool.h>

#include "base/error.h"
#include "ssh/fields.h"

struct pubkey_kind {
	const char *name;  /* "ssh-ed25519": what a blob begins with */
	const char *plain; /* of a certificate: the kind of the key in it; NULL: no certificate */
	const char *lacks; /* why we cannot log in with it where ssh can; NULL: we can */
};

/* NULL for what neither we nor OpenSSH's client log in with. */
const struct pubkey_kind *pubkey_kind(struct field blob);

/* True when the private half lies in a security token (FIDO). */
bool pubkey_is_in_token(struct field blob);

/* Appends the blob of the key in a certificate; nothing when it is none. */
void pubkey_of_certificate(struct field blob, struct strbuf *out);

/* The blob of a line "TYPE BASE64 [COMMENT]" as in a .pub file, appended. -1: no such. */
int pubkey_parse(const char *text, struct strbuf *out);

/* The same from a file. Errors: PL_ENOENT, PL_ESYS, PL_EUSAGE when it holds no public key. */
int pubkey_read(const char *path, struct strbuf *out, struct pl_error *err);

#endif
