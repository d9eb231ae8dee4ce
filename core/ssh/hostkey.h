/*
 * hostkey.h - the public keys of hosts: their kinds, how they are written and shown.
 */
#ifndef PL_SSH_HOSTKEY_H
#define PL_SSH_HOSTKEY_H

#include <stdbool.h>
#include <stddef.h>

/* The kinds of host keys that can be used, as bits. */
enum hostkey_type {
	HOSTKEY_ED25519 = 1 << 0,
	HOSTKEY_ECDSA_256 = 1 << 1,
	HOSTKEY_ECDSA_384 = 1 << 2,
	HOSTKEY_ECDSA_521 = 1 << 3,
	HOSTKEY_RSA = 1 << 4,
	HOSTKEY_OTHER = 1 << 5, /* of a kind that ssh may know */
};

/* By name ("ssh-ed25519"), 0 when it is none of them; and back. */
unsigned hostkey_type_parse(const char *name, size_t len);
const char *hostkey_type_name(enum hostkey_type type);

/* The kind of key behind a host key method ("rsa-sha2-512"), 0 when it is none of them. */
unsigned hostkey_method_type(const char *name, size_t len);

/* The kind of a key as the protocol carries it, whose first string names it: that in *name. */
unsigned hostkey_blob_type(const void *key, size_t len, const char **name, size_t *name_len);

/* Base64; owned by the caller. */
char *hostkey_encode(const void *key, size_t len);

/* Whether base64 text is a key of the kind that is written in front of it; ssh passes over lines of
 * known_hosts where it is not. */
bool hostkey_makes_sense(const char *kind, const char *key);

/* "SHA256:..." as ssh-keygen -l prints it. */
#define HOSTKEY_FINGERPRINT_MAX 52
void hostkey_fingerprint(const void *key, size_t len, char out[HOSTKEY_FINGERPRINT_MAX]);
void hostkey_fingerprint_base64(const char *key, char out[HOSTKEY_FINGERPRINT_MAX]);

#endif
