/* keyfile.c - tests of core/ssh/keyfile.h, with keys that ssh-keygen makes here and now */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "ssh/keyfile.h"
#include "ssh/pubkey.h"

static char dir[] = "/tmp/perilune-keyfile.XXXXXX";

/* Makes a key in the folder; skips the case where ssh-keygen is missing. */
static char *make_key(const char *name, const char *options)
{
	char *path = xasprintf("%s/%s", dir, name);
	char *line = xasprintf("rm -f %s; ssh-keygen -q -f %s %s >/dev/null 2>&1", path, path,
			       options);
	int rc = system(line);

	free(line);
	if (rc != 0) {
		print_message("ssh-keygen is missing (Debian/Ubuntu package openssh-client)\n");
		free(path);
		skip();
	}
	return path;
}

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = xcalloc(1, 8192);

	assert_non_null(f);
	assert_true(fread(text, 1, 8191, f) > 0);
	fclose(f);
	return text;
}

static void fails(const char *path, enum pl_error_code code, const char *says)
{
	struct pl_error err = { 0 };

	assert_null(keyfile_read(path, &err));
	assert_int_equal(err.code, code);
	if (strstr(err.text, says) == NULL || strstr(err.text, path) == NULL)
		fail_msg("'%s' does not say '%s' of %s", err.text, says, path);
}

static void a_key_that_is_not_there_is_named(void **state)
{
	(void)state;
	fails("/nonexistent/id_ed25519", PL_ENOENT, "No such file");
}

static void keys_that_cannot_be_used_say_why(void **state)
{
	static const struct {
		const char *options, *says;
		enum pl_error_code code;
	} cases[] = {
		{ "-t dsa -N ''", "ssh-dss key", PL_EUNSUPPORTED },
		{ "-t dsa -m PEM -N ''", "a kind of key that ssh does not use", PL_EUNSUPPORTED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char name[16];
		char *path;

		snprintf(name, sizeof(name), "bad%zu", i);
		path = make_key(name, cases[i].options);
		fails(path, cases[i].code, cases[i].says);
		free(path);
	}
}

/* The public half of PATH.pub is that of the key; how it stands with the private one. */
static void is_read(const char *path, const char *pub, enum keyfile_state state)
{
	struct keyfile *key = keyfile_read(path, NULL);
	struct strbuf blob = STRBUF_INIT;

	assert_non_null(key);
	assert_int_equal(pubkey_read(pub, &blob, NULL), 0);
	assert_int_equal(keyfile_state(key), state);
	assert_int_equal(keyfile_blob(key).len, blob.len);
	assert_memory_equal(keyfile_blob(key).p, blob.s, blob.len);
	strbuf_fini(&blob);
	keyfile_destroy(key);
}

static void every_format_tells_the_same_public_half(void **state)
{
	static const char *const kinds[] = { "ed25519", "ecdsa -b 256", "ecdsa -b 384",
					     "ecdsa -b 521", "rsa -b 1024" };
	static const char *const formats[] = { "RFC4716", "PEM", "PKCS8" };
	int n = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		for (size_t f = 0; f < ARRAY_LEN(formats); f++, n++) {
			char *name = xasprintf("format%d", n);
			char *open = xasprintf("-t %s -m %s -N ''", kinds[k], formats[f]);
			char *locked = xasprintf("-t %s -m %s -N secret", kinds[k], formats[f]);
			char *path = make_key(name, open);
			char *pub = xasprintf("%s.pub", path);

			is_read(path, pub, KEYFILE_OPEN);
			unlink(path);
			is_read(path, pub, KEYFILE_PUBLIC);
			is_read(pub, pub, KEYFILE_PUBLIC);
			free(path);
			path = make_key(name, locked);
			is_read(path, pub, KEYFILE_LOCKED);
			free(path);
			free(pub);
			free(locked);
			free(open);
			free(name);
		}
	}
}

static void a_certificate_beside_a_key_is_read_with_it(void **state)
{
	char *ca = make_key("ca", "-t ed25519 -N ''");
	char *path = make_key("certified", "-t ecdsa -N ''");
	char *other = make_key("other", "-t ecdsa -N ''");
	char *line = xasprintf("ssh-keygen -q -s %s -I me -n root %s.pub && "
			       "cp %s-cert.pub %s-cert.pub", ca, path, path, other);
	struct keyfile *key;

	(void)state;
	assert_int_equal(system(line), 0);
	key = keyfile_read(path, NULL);
	assert_true(keyfile_certificate(key).len > keyfile_blob(key).len);
	keyfile_destroy(key);
	key = keyfile_read(other, NULL); /* one that is for another key */
	assert_int_equal(keyfile_certificate(key).len, 0);
	keyfile_destroy(key);
	free(line);
	free(other);
	free(path);
	free(ca);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	char *path = make_key("open", "-t ed25519 -N ''");

	(void)state;
	chmod(path, 0640);
	fails(path, PL_EUSAGE, "UNPROTECTED");
	chmod(path, 0400);
	keyfile_destroy(keyfile_read(path, NULL));
	free(path);
}

static void damaged_keys_are_refused_wherever_they_are_cut(void **state)
{
	static const char *const options[] = { "-t ed25519 -N ''", "-t ecdsa -b 521 -N ''",
					       "-t rsa -b 1024 -N ''" };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(options); k++) {
		char *path = make_key("cut", options[k]);
		char *text = slurp(path);
		char *end = strstr(text, "-----END");
		char *cut = xcalloc(1, 8192);

		for (char *at = strchr(text, '\n') + 1; at < end - 40; at++) {
			snprintf(cut, 8192, "%.*s\n%s", (int)(at - text), text, end);
			assert_null(keyfile_parse(cut, path, NULL));
		}
		/* any byte changed: refused or not, but never a crash */
		for (char *at = text; at < end; at++) {
			char was = *at;

			*at = was == 'A' ? '/' : 'A';
			keyfile_destroy(keyfile_parse(text, path, NULL));
			*at = was;
		}
		free(cut);
		free(text);
		free(path);
	}
	assert_null(keyfile_parse("", "empty", NULL));
}

static struct field text(const char *s)
{
	return (struct field){ (const unsigned char *)s, strlen(s) };
}

static EVP_PKEY *public_of(const char *path)
{
	char *line = xasprintf("ssh-keygen -e -m PKCS8 -f %s.pub", path);
	FILE *pipe = popen(line, "r");
	EVP_PKEY *public = PEM_read_PUBKEY(pipe, NULL, NULL, NULL);

	pclose(pipe);
	free(line);
	assert_non_null(public);
	return public;
}

static void an_rsa_signature_is_made_as_the_server_asks(void **state)
{
	static const struct {
		const char *algorithm, *hash;
	} cases[] = { { "rsa-sha2-512", "SHA512" }, { "rsa-sha2-256", "SHA256" },
		      { "ssh-rsa", "SHA1" } };
	static const char *const formats[] = { "-t rsa -b 1024 -N ''", "-t rsa -b 1024 -m PEM -N ''" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(formats); i++) {
		size_t c = i / ARRAY_LEN(formats);
		char *path = make_key("rsa", formats[i % ARRAY_LEN(formats)]);
		struct keyfile *key = keyfile_read(path, NULL);
		EVP_PKEY *public = public_of(path);
		EVP_MD_CTX *ctx = EVP_MD_CTX_new();
		unsigned char *sig;
		size_t len;

		assert_int_equal(keyfile_sign(key, text(cases[c].algorithm), text("x"), &sig,
					      &len), 0);
		assert_int_equal(EVP_DigestVerifyInit(ctx, NULL,
						      EVP_get_digestbyname(cases[c].hash), NULL,
						      public), 1);
		assert_int_equal(EVP_DigestVerify(ctx, sig, len, (const unsigned char *)"x", 1),
				 1);
		free(sig);
		EVP_MD_CTX_free(ctx);
		EVP_PKEY_free(public);
		keyfile_destroy(key);
		unlink(path);
		free(path);
	}
}

static void a_signature_is_that_of_the_key(void **state)
{
	static const char message[] = "what the server wants signed";
	char *path = make_key("good", "-t ed25519 -N ''");
	struct keyfile *key = keyfile_read(path, NULL);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *sig;
	struct field blob;
	size_t sig_len;
	EVP_PKEY *public;

	(void)state;
	assert_non_null(key);
	assert_string_equal(keyfile_path(key), path);
	blob = keyfile_blob(key);
	assert_int_equal(blob.len, 51);
	public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, blob.p + 19, 32);
	assert_int_equal(keyfile_sign(key, text("ssh-ed25519"),
				      (struct field){ (const unsigned char *)message,
						      sizeof(message) }, &sig, &sig_len), 0);
	assert_int_equal(sig_len, 64);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, public), 1);
	assert_int_equal(EVP_DigestVerify(ctx, sig, sig_len, (const unsigned char *)message,
					  sizeof(message)), 1);
	free(sig);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(public);
	keyfile_destroy(key);
	free(path);
}

static void an_ecdsa_signature_is_two_numbers(void **state)
{
	static const char *const options[] = { "-t ecdsa -b 256 -N ''", "-t ecdsa -b 384 -N ''",
					       "-t ecdsa -b 521 -N ''" };
	static const size_t coord[] = { 32, 48, 66 };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(options); k++) {
		char name[8] = { 'e', 'c', (char)('0' + k), '\0' };
		char *path = make_key(name, options[k]);
		struct keyfile *key = keyfile_read(path, NULL);

		assert_non_null(key);
		for (int i = 0; i < 50; i++) {
			unsigned char *sig;
			size_t len, r, s;

			assert_int_equal(keyfile_sign(key, text(""), text("x"), &sig, &len), 0);
			r = (size_t)sig[2] << 8 | sig[3];
			assert_true(r <= coord[k] + 1 && (sig[4] & 0x80) == 0);
			s = (size_t)sig[4 + r + 2] << 8 | sig[4 + r + 3];
			assert_true(s <= coord[k] + 1 && len == 8 + r + s);
			free(sig);
		}
		keyfile_destroy(key);
		free(path);
	}
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	char *line = xasprintf("rm -rf %s", dir);
	int rc = system(line);

	(void)state;
	free(line);
	return rc;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(a_key_that_is_not_there_is_named),
	cmocka_unit_test(keys_that_cannot_be_used_say_why),
	cmocka_unit_test(every_format_tells_the_same_public_half),
	cmocka_unit_test(a_certificate_beside_a_key_is_read_with_it),
	cmocka_unit_test(a_key_that_others_can_read_is_refused),
	cmocka_unit_test(damaged_keys_are_refused_wherever_they_are_cut),
	cmocka_unit_test(a_signature_is_that_of_the_key),
	cmocka_unit_test(an_ecdsa_signature_is_two_numbers),
	cmocka_unit_test(an_rsa_signature_is_made_as_the_server_asks),
};

int main(void)
{
	return cmocka_run_group_tests_name("keyfile", tests, make_dir, remove_dir);
}
