/* keyfile.c - see keyfile.h */
#include "ssh/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "ssh/fields.h"

#define KEYFILE_MAX 65536
#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* its NUL counts */

/* What tells one kind of ECDSA key from another; coord 0 is ed25519. */
struct key_kind {
	const char *name;
	const char *hash;
	size_t coord;		    /* bytes of one coordinate */
	const unsigned char *oid;   /* of the curve, DER with its header */
	size_t oid_len;
};

static const unsigned char OID_256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const unsigned char OID_384[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x22 };
static const unsigned char OID_521[] = { 6, 5, 0x2b, 0x81, 4, 0, 0x23 };

static const struct key_kind KINDS[] = {
	{ "ssh-ed25519", NULL, 0, NULL, 0 },
	{ "ecdsa-sha2-nistp256", "SHA256", 32, OID_256, sizeof(OID_256) },
	{ "ecdsa-sha2-nistp384", "SHA384", 48, OID_384, sizeof(OID_384) },
	{ "ecdsa-sha2-nistp521", "SHA512", 66, OID_521, sizeof(OID_521) },
};

struct keyfile {
	char *path;
	const struct key_kind *kind;
	unsigned char *blob;
	size_t blob_len;
	EVP_PKEY *pkey;
};

/* ---- the private half ---- */

/* string public, string seed-and-public */
static EVP_PKEY *take_ed25519(struct field_reader *c)
{
	struct field secret;

	field_take_string(c);
	secret = field_take_string(c);
	if (c->bad || secret.len != 64)
		return NULL;
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret.p, 32);
}

/* Appends a DER element; lengths here stay below 256. */
static void add_der(unsigned char **at, unsigned char tag, const void *bytes, size_t len)
{
	*(*at)++ = tag;
	if (len >= 128)
		*(*at)++ = 0x81;
	*(*at)++ = (unsigned char)len;
	memcpy(*at, bytes, len);
	*at += len;
}

/*
 * string curve, string Q, mpint d. Goes to OpenSSL as an ECPrivateKey (RFC 5915), the one form
 * that every release since 1.1 reads without deprecated calls.
 */
static EVP_PKEY *take_ecdsa(struct field_reader *c, const struct key_kind *kind)
{
	unsigned char body[256], outer[260], secret[66] = { 0 };
	unsigned char *at = body, *end = outer;
	const unsigned char *der = outer;
	struct field q, d;
	EVP_PKEY *pkey;

	field_take_string(c);
	q = field_take_string(c);
	d = field_take_string(c);
	while (d.len > 0 && *d.p == 0) {
		d.p++;
		d.len--;
	}
	if (c->bad || d.len > kind->coord || q.len != 1 + 2 * kind->coord)
		return NULL;
	memcpy(secret + kind->coord - d.len, d.p, d.len);
	add_der(&at, 2, "\1", 1);
	add_der(&at, 4, secret, kind->coord);
	add_der(&at, 0xa0, kind->oid, kind->oid_len);
	/* the public point is left out: OpenSSL derives it */
	add_der(&end, 0x30, body, (size_t)(at - body));
	pkey = d2i_PrivateKey(EVP_PKEY_EC, NULL, &der, end - outer);
	OPENSSL_cleanse(body, sizeof(body));
	OPENSSL_cleanse(outer, sizeof(outer));
	OPENSSL_cleanse(secret, sizeof(secret));
	return pkey;
}

static const struct key_kind *find_kind(struct field name)
{
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (field_is(name, KINDS[i].name))
			return &KINDS[i];
	}
	return NULL;
}

/* u32 check twice, string type, the numbers, string comment, padding */
static int take_private(struct keyfile *key, struct field section, struct pl_error *err)
{
	struct field_reader c = { section.p, section.len, false };
	uint32_t check = field_take_u32(&c);
	bool same = field_take_u32(&c) == check;
	struct field type = field_take_string(&c);

	if (c.bad || !same)
		return pl_errorf(err, PL_EUSAGE, "key file %s is damaged", key->path);
	key->kind = find_kind(type);
	if (key->kind == NULL)
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "key file %s holds a %.*s key: not in this version, use an "
				 "ed25519 one (ssh-keygen -t ed25519)",
				 key->path, (int)(type.len < 60 ? type.len : 60), type.p);
	key->pkey = key->kind->coord == 0 ? take_ed25519(&c) : take_ecdsa(&c, key->kind);
	if (key->pkey == NULL)
		return pl_errorf(err, PL_EUSAGE, "key file %s is damaged", key->path);
	return 0;
}

/* magic, string cipher, string kdf, string options, u32 keys, string public, string private */
static int take_container(struct keyfile *key, struct field_reader *c, struct pl_error *err)
{
	struct field cipher, blob, section;
	uint32_t keys;

	if (c->left < sizeof(MAGIC) || memcmp(c->p, MAGIC, sizeof(MAGIC)) != 0)
		return pl_errorf(err, PL_EUSAGE, "key file %s is damaged", key->path);
	c->p += sizeof(MAGIC);
	c->left -= sizeof(MAGIC);
	cipher = field_take_string(c);
	field_take_string(c);
	field_take_string(c);
	keys = field_take_u32(c);
	blob = field_take_string(c);
	section = field_take_string(c);
	if (c->bad || keys != 1)
		return pl_errorf(err, PL_EUSAGE, "key file %s is damaged", key->path);
	if (!field_is(cipher, "none"))
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "key file %s has a passphrase: not in this version, use an "
				 "unencrypted key", key->path);
	key->blob = xmalloc(blob.len + 1);
	memcpy(key->blob, blob.p, blob.len);
	key->blob_len = blob.len;
	return take_private(key, section, err);
}

/* ---- the text around it ---- */

static int refuse_format(const char *text, const char *path, struct pl_error *err)
{
	if (strncmp(text, "ssh-", 4) == 0 || strncmp(text, "ecdsa-", 6) == 0)
		return pl_errorf(err, PL_EUSAGE, "%s is a public key: name the private one", path);
	if (strstr(text, "PRIVATE KEY-----") != NULL)
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "key file %s is in the old PEM format: not in this version; "
				 "`ssh-keygen -p -f %s` rewrites it in OpenSSH's", path, path);
	return pl_errorf(err, PL_EUSAGE, "%s holds no private key", path);
}

struct keyfile *keyfile_parse(const char *text, const char *path, struct pl_error *err)
{
	const char *begin = strstr(text, BEGIN);
	struct field_reader c = { 0 };
	struct keyfile *key;
	unsigned char *raw;
	size_t size;

	if (begin == NULL || strstr(begin, END) == NULL)
		return refuse_format(text, path, err), NULL;
	begin += strlen(BEGIN);
	size = strlen(begin);
	raw = xmalloc(size);
	c.p = raw;
	c.left = field_decode_base64(begin, raw);
	key = xcalloc(1, sizeof(*key));
	key->path = xstrdup(path);
	if (take_container(key, &c, err) != 0) {
		keyfile_destroy(key);
		key = NULL;
	}
	OPENSSL_cleanse(raw, size);
	free(raw);
	return key;
}

static int check_permissions(int fd, const char *path, struct pl_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return pl_error_sys(err, errno, "cannot look at key file %s", path);
	if (st.st_uid == getuid() && (st.st_mode & 077) != 0)
		return pl_errorf(err, PL_EUSAGE,
				 "UNPROTECTED key file %s: mode %04o lets others read it, so it is "
				 "not used (chmod 600 %s)",
				 path, (unsigned)(st.st_mode & 07777), path);
	return 0;
}

struct keyfile *keyfile_read(const char *path, struct pl_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct keyfile *key = NULL;
	char text[KEYFILE_MAX];
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0) {
		int errnum = errno;

		pl_error_sys(err, errnum, "cannot read key file %s", path);
		if (err != NULL && errnum == ENOENT)
			err->code = PL_ENOENT;
		return NULL;
	}
	if (check_permissions(fd, path, err) != 0)
		goto out;
	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0) {
		pl_error_sys(err, errno, "cannot read key file %s", path);
		goto out;
	}
	text[len] = '\0';
	key = keyfile_parse(text, path, err);
	OPENSSL_cleanse(text, sizeof(text));
out:
	close(fd);
	return key;
}

void keyfile_destroy(struct keyfile *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* wipes */
	free(key->blob);
	free(key->path);
	free(key);
}

const char *keyfile_path(const struct keyfile *key)
{
	return key->path;
}

const char *keyfile_type(const struct keyfile *key)
{
	return key->kind->name;
}

const void *keyfile_blob(const struct keyfile *key, size_t *len)
{
	*len = key->blob_len;
	return key->blob;
}

/* ---- signing ---- */

static int sign_raw(const struct keyfile *key, const void *bytes, size_t len, unsigned char *out,
		    size_t *out_len)
{
	const EVP_MD *md = key->kind->hash != NULL ? EVP_get_digestbyname(key->kind->hash) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, md, NULL, key->pkey) == 1 &&
		 EVP_DigestSign(ctx, out, out_len, bytes, len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

static void add_mpint(unsigned char **at, const BIGNUM *n)
{
	size_t len = (size_t)BN_num_bytes(n);
	size_t pad = len > 0 && BN_num_bits(n) % 8 == 0; /* the top bit is a sign */
	uint32_t total = (uint32_t)(len + pad);

	for (int shift = 24; shift >= 0; shift -= 8)
		*(*at)++ = (unsigned char)(total >> shift);
	if (pad)
		*(*at)++ = 0;
	BN_bn2bin(n, *at);
	*at += len;
}

/* DER (r, s) as OpenSSL makes it -> two mpints, as RFC 5656 wants it. */
static int reshape_ecdsa(unsigned char *sig, size_t *len)
{
	const unsigned char *der = sig;
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &der, (long)*len);
	unsigned char *at = sig;

	if (rs == NULL)
		return -1;
	add_mpint(&at, ECDSA_SIG_get0_r(rs));
	add_mpint(&at, ECDSA_SIG_get0_s(rs));
	*len = (size_t)(at - sig);
	ECDSA_SIG_free(rs);
	return 0;
}

int keyfile_sign(const struct keyfile *key, const void *bytes, size_t len, unsigned char **sig,
		 size_t *sig_len)
{
	size_t room = 256; /* two mpints of 66 + 5 bytes at most */
	unsigned char *out = malloc(room);

	if (out == NULL)
		return -1;
	*sig_len = room;
	if (sign_raw(key, bytes, len, out, sig_len) != 0 ||
	    (key->kind->coord != 0 && reshape_ecdsa(out, sig_len) != 0)) {
		free(out);
		return -1;
	}
	*sig = out;
	return 0;
}
