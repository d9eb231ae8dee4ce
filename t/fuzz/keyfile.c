/*
 * keyfile.c - fuzz target: any text is a private key that signs, or a clean error. Bytes that do
 * not look like a key file are tried as what is inside one, which mutations of base64 hardly reach.
 * Touches no file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "fuzz.h"
#include "ssh/keyfile.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END "\n-----END OPENSSH PRIVATE KEY-----\n"

static void fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: '%s'\n", what, text);
	abort();
}

static void check(const char *text)
{
	struct pl_error err = { 0 };
	struct keyfile *key = keyfile_parse(text, "key", &err);
	static const unsigned char byte[] = "x";
	unsigned char *sig;
	size_t len;

	if (key == NULL) {
		if (err.code == PL_EOK || strstr(err.text, "key") == NULL)
			fail("refused without a word", err.text);
		return;
	}
	if (keyfile_state(key) == KEYFILE_OPEN && keyfile_blob(key).len == 0)
		fail("a key without a public half", text);
	if (keyfile_sign(key, (struct field){ byte, 1 }, (struct field){ byte, 1 }, &sig, &len) ==
	    0)
		free(sig);
	keyfile_destroy(key);
}

static char *wrap(const uint8_t *data, size_t size)
{
	struct strbuf text = STRBUF_INIT;
	char *base64 = xmalloc(4 * ((size + 2) / 3) + 1);

	EVP_EncodeBlock((unsigned char *)base64, data, (int)size);
	strbuf_adds(&text, BEGIN);
	strbuf_adds(&text, base64);
	strbuf_adds(&text, END);
	free(base64);
	return strbuf_detach(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = size > 0 && data[0] == '-' ? xstrndup((const char *)data, size)
						: wrap(data, size);

	check(text);
	free(text);
	return 0;
}
