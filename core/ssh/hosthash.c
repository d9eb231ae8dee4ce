/* hosthash.c - see hosthash.h */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA_CTX: a HMAC through EVP costs ten times as much */
#include "ssh/hosthash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/mem.h"

static void save_state(const SHA_CTX *c, uint32_t state[5])
{
	state[0] = c->h0;
	state[1] = c->h1;
	state[2] = c->h2;
	state[3] = c->h3;
	state[4] = c->h4;
}

/* As it was behind the first block. */
static void load_state(SHA_CTX *c, const uint32_t state[5])
{
	SHA1_Init(c);
	c->h0 = state[0];
	c->h1 = state[1];
	c->h2 = state[2];
	c->h3 = state[3];
	c->h4 = state[4];
	c->Nl = SHA_CBLOCK * 8;
}

static void set_pad(uint32_t state[5], const unsigned char salt[HOSTHASH_LEN], unsigned char pad)
{
	unsigned char block[SHA_CBLOCK];
	SHA_CTX c;

	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < HOSTHASH_LEN; i++)
		block[i] ^= salt[i];
	SHA1_Init(&c);
	SHA1_Update(&c, block, sizeof(block));
	save_state(&c, state);
}

static void set_salt(struct hosthash *h, const unsigned char salt[HOSTHASH_LEN])
{
	set_pad(h->inner, salt, 0x36);
	set_pad(h->outer, salt, 0x5c);
}

static void compute(const struct hosthash *h, const char *name, unsigned char out[HOSTHASH_LEN])
{
	SHA_CTX c;

	load_state(&c, h->inner);
	SHA1_Update(&c, name, strlen(name));
	SHA1_Final(out, &c);
	load_state(&c, h->outer);
	SHA1_Update(&c, out, HOSTHASH_LEN);
	SHA1_Final(out, &c);
}

bool hosthash_matches(const struct hosthash *h, const char *name)
{
	unsigned char hash[HOSTHASH_LEN];

	compute(h, name, hash);
	return memcmp(hash, h->hash, HOSTHASH_LEN) == 0;
}

/* 20 bytes are 28 characters, of which one is '='. */
static bool decode(const char *text, size_t len, unsigned char out[HOSTHASH_LEN])
{
	unsigned char buf[24];

	if (len != 28 || text[27] != '=' ||
	    EVP_DecodeBlock(buf, (const unsigned char *)text, 28) < 21)
		return false;
	memcpy(out, buf, HOSTHASH_LEN);
	return true;
}

bool hosthash_parse(struct hosthash *h, const char *text)
{
	unsigned char salt[HOSTHASH_LEN];
	const char *bar;

	if (strncmp(text, "|1|", 3) != 0)
		return false;
	text += 3;
	bar = strchr(text, '|');
	if (bar == NULL || !decode(text, (size_t)(bar - text), salt) ||
	    !decode(bar + 1, strlen(bar + 1), h->hash))
		return false;
	set_salt(h, salt);
	return true;
}

char *hosthash_make(const char *name)
{
	unsigned char salt[HOSTHASH_LEN], hash[HOSTHASH_LEN];
	unsigned char salt_text[32], hash_text[32];
	struct hosthash h;

	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		abort(); /* so few bytes are there at once, on every kernel that has the call */
	set_salt(&h, salt);
	compute(&h, name, hash);
	EVP_EncodeBlock(salt_text, salt, sizeof(salt));
	EVP_EncodeBlock(hash_text, hash, sizeof(hash));
	return xasprintf("|1|%s|%s", (char *)salt_text, (char *)hash_text);
}
