/*
 * keyfile_pkey.h - the private half of a key in OpenSSL's hands. Private to keyfile.c.
 */
#ifndef PL_SSH_KEYFILE_PKEY_H
#define PL_SSH_KEYFILE_PKEY_H

#include <openssl/evp.h>

#include "ssh/fields.h"

struct pkey_kind;

/* The kind that goes by a name ("ssh-ed25519"), or that OpenSSL's key is of; NULL: none of ours. */
const struct pkey_kind *pkey_kind_find(struct field name);
const struct pkey_kind *pkey_kind_of(EVP_PKEY *pkey);

const char *pkey_kind_name(const struct pkey_kind *kind);

/* From the numbers in OpenSSH's format (PROTOCOL.key, the part after the kind); NULL when they make
 * no key. */
EVP_PKEY *pkey_take(const struct pkey_kind *kind, struct field_reader *numbers);

/* Appends the public half as the protocol carries it. -1 when OpenSSL fails. */
int pkey_add_blob(const struct pkey_kind *kind, EVP_PKEY *pkey, struct strbuf *out);

/* See keyfile_sign. */
int pkey_sign(const struct pkey_kind *kind, EVP_PKEY *pkey, struct field algorithm,
	      struct field bytes, unsigned char **sig, size_t *sig_len);

#endif
