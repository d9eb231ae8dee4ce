/* hostkey.c - see hostkey.h */
#include "ssh/hostkey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <openssl/evp.h>

#include "base/mem.h"

#define KEY_MAX (8 * 1024) /* bytes of a key */

static const struct {
	const char *name;
	enum hostkey_type type;
} TYPES[] = {
	{ "ssh-ed25519", HOSTKEY_ED25519 },
	{ "ecdsa-sha2-nistp256", HOSTKEY_ECDSA_256 },
	{ "ecdsa-sha2-nistp384", HOSTKEY_ECDSA_384 },
	{ "ecdsa-sha2-nistp521", HOSTKEY_ECDSA_521 },
	{ "ssh-rsa", HOSTKEY_RSA },
};

unsigned hostkey_type_parse(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (strlen(TYPES[i].name) == len && memcmp(TYPES[i].name, name, len) == 0)
			return TYPES[i].type;
	}
	return 0;
}

unsigned hostkey_method_type(const char *name, size_t len)
{
	return len > 8 && memcmp(name, "rsa-sha2", 8) == 0 ? HOSTKEY_RSA
							   : hostkey_type_parse(name, len);
}

const char *hostkey_type_name(enum hostkey_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(TYPES); i++) {
		if (TYPES[i].type == type)
			return TYPES[i].name;
	}
	return "key";
}

unsigned hostkey_blob_type(const void *key, size_t len, const char **name, size_t *name_len)
{
	const unsigned char *blob = key;
	size_t n;

	*name = "";
	*name_len = 0;
	if (len < 4)
		return 0;
	n = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 | (size_t)blob[2] << 8 | blob[3];
	if (n > len - 4)
		return 0;
	*name = (const char *)blob + 4;
	*name_len = n;
	return hostkey_type_parse(*name, n);
}

char *hostkey_encode(const void *bytes, size_t len)
{
	char *out = xmalloc(4 * ((len + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)out, bytes, (int)len);
	return out;
}

void hostkey_fingerprint(const void *key, size_t len, char out[HOSTKEY_FINGERPRINT_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	char *text;

	EVP_Digest(key, len, digest, &n, EVP_sha256(), NULL);
	text = hostkey_encode(digest, n);
	text[strcspn(text, "=")] = '\0';
	snprintf(out, HOSTKEY_FINGERPRINT_MAX, "SHA256:%.44s", text);
	free(text);
}

/* ---- whether a line's key makes sense ---- */

/* Takes one string of the protocol off the front; false when there is none. */
static bool take_string(const unsigned char **at, size_t *left, size_t *len)
{
	const unsigned char *p = *at;

	if (*left < 4)
		return false;
	*len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (*len > *left - 4)
		return false;
	*at += 4 + *len;
	*left -= 4 + *len;
	return true;
}

/* Strings to the end, of which the first names the kind. An ed25519 key is one of 32 bytes. */
static bool is_key(const unsigned char *at, size_t left, const char *kind, unsigned type)
{
	const char *name = (const char *)at + 4;
	size_t len;

	if (!take_string(&at, &left, &len) || len != strlen(kind) || memcmp(name, kind, len) != 0 ||
	    left == 0)
		return false;
	while (left > 0) {
		if (!take_string(&at, &left, &len) || (type == HOSTKEY_ED25519 && len != 32))
			return false;
	}
	return true;
}

/* The bytes behind base64; -1 when it is none. */
static ssize_t decode_base64(const char *text, unsigned char *out, size_t size)
{
	size_t len = strlen(text), pad = 0;
	int n;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	if (len == 0 || len % 4 != 0 || len / 4 * 3 > size)
		return -1;
	n = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
	return n < 0 ? -1 : (ssize_t)n - (ssize_t)pad;
}

bool hostkey_makes_sense(const char *kind, const char *key)
{
	unsigned char blob[KEY_MAX];
	ssize_t len = decode_base64(key, blob, sizeof(blob));

	return len >= 0 && is_key(blob, (size_t)len, kind,
				  hostkey_type_parse(kind, strlen(kind)));
}

void hostkey_fingerprint_base64(const char *key, char out[HOSTKEY_FINGERPRINT_MAX])
{
	unsigned char blob[KEY_MAX];
	ssize_t len = decode_base64(key, blob, sizeof(blob));

	hostkey_fingerprint(blob, len > 0 ? (size_t)len : 0, out);
}
