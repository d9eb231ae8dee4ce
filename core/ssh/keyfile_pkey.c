/*
 * keyfile_pkey.c - see keyfile_pkey.h
 *
 * Numbers go to OpenSSL as DER, the one form that every release since 1.1 reads without calls that
 * another one deprecates.
 */
#include "ssh/keyfile_pkey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "config.h"

#ifdef HAVE_SODIUM
#include <sodium.h>
#endif

/* DER tags */
enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_SEQUENCE = 0x30, DER_PARAMETERS = 0xa0 };

struct pkey_kind {
	const char *name;
	int type;	  /* EVP_PKEY_* */
	const char *hash; /* of ECDSA */
	size_t coord;	  /* of ECDSA: bytes of one coordinate */
	const char *oid;  /* of ECDSA: the curve, DER with its header */
	size_t oid_len;
};

static const struct pkey_kind KINDS[] = {
	{ "ssh-ed25519", EVP_PKEY_ED25519, NULL, 0, NULL, 0 },
	{ "ssh-rsa", EVP_PKEY_RSA, NULL, 0, NULL, 0 },
	{ "ecdsa-sha2-nistp256", EVP_PKEY_EC, "SHA256", 32, "\6\10\x2a\x86\x48\xce\x3d\3\1\7", 10 },
	{ "ecdsa-sha2-nistp384", EVP_PKEY_EC, "SHA384", 48, "\6\5\x2b\x81\4\0\x22", 7 },
	{ "ecdsa-sha2-nistp521", EVP_PKEY_EC, "SHA512", 66, "\6\5\x2b\x81\4\0\x23", 7 },
};

const struct pkey_kind *pkey_kind_find(struct field name)
{
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (field_is(name, KINDS[i].name))
			return &KINDS[i];
	}
	return NULL;
}

/* The curve stands in what OpenSSL tells of the algorithm, before the key itself. */
const struct pkey_kind *pkey_kind_of(EVP_PKEY *pkey)
{
	unsigned char *info = NULL;
	int len = i2d_PUBKEY(pkey, &info);
	size_t head = len > 32 ? 32 : len > 0 ? (size_t)len : 0;
	const struct pkey_kind *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(KINDS) && found == NULL; i++) {
		const struct pkey_kind *kind = &KINDS[i];

		if (kind->type == EVP_PKEY_base_id(pkey) &&
		    (kind->oid == NULL || memmem(info, head, kind->oid, kind->oid_len) != NULL))
			found = kind;
	}
	OPENSSL_free(info);
	return found;
}

const char *pkey_kind_name(const struct pkey_kind *kind)
{
	return kind->name;
}

/* ---- DER, as far as keys need it ---- */

static void wipe(struct strbuf *b)
{
	if (b->s != NULL)
		OPENSSL_cleanse(b->s, b->cap);
	strbuf_fini(b);
}

static void add_der(struct strbuf *out, char tag, const void *bytes, size_t len)
{
	/* room for all at once: no copy of a secret stays behind in memory that was given back */
	strbuf_reserve(out, len + 6);
	strbuf_addc(out, tag);
	if (len >= 256)
		strbuf_addc(out, (char)0x82);
	else if (len >= 128)
		strbuf_addc(out, (char)0x81);
	if (len >= 256)
		strbuf_addc(out, (char)(len >> 8));
	strbuf_addc(out, (char)(len & 0xff));
	strbuf_add(out, bytes, len);
}

static EVP_PKEY *from_der(int type, struct strbuf *body)
{
	struct strbuf whole = STRBUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey;

	add_der(&whole, DER_SEQUENCE, body->s, body->len);
	at = (const unsigned char *)whole.s;
	pkey = d2i_PrivateKey(type, NULL, &at, (long)whole.len);
	wipe(&whole);
	wipe(body);
	return pkey;
}

/* ---- numbers to keys ---- */

/* string public, string seed-and-public */
static EVP_PKEY *take_ed25519(struct field_reader *r)
{
	struct field secret;

	field_take_string(r);
	secret = field_take_string(r);
	if (r->bad || secret.len != 64)
		return NULL;
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret.p, 32);
}

/* string curve, string Q, mpint d -> ECPrivateKey (RFC 5915); OpenSSL derives the public point */
static EVP_PKEY *take_ecdsa(struct field_reader *r, const struct pkey_kind *kind)
{
	unsigned char secret[66] = { 0 };
	struct strbuf body = STRBUF_INIT;
	struct field q, d;

	field_take_string(r);
	q = field_take_string(r);
	d = field_take_string(r);
	while (d.len > 0 && *d.p == 0) {
		d.p++;
		d.len--;
	}
	if (r->bad || d.len > kind->coord || q.len != 1 + 2 * kind->coord)
		return NULL;
	memcpy(secret + kind->coord - d.len, d.p, d.len);
	strbuf_reserve(&body, 256);
	add_der(&body, DER_INTEGER, "\1", 1);
	add_der(&body, DER_OCTETS, secret, kind->coord);
	add_der(&body, (char)DER_PARAMETERS, kind->oid, kind->oid_len);
	OPENSSL_cleanse(secret, sizeof(secret));
	return from_der(EVP_PKEY_EC, &body);
}

#define RSA_BYTES_MAX 2048 /* of a number: 16,384 bits, as in OpenSSH */

/* d mod (prime - 1), as an INTEGER. False when OpenSSL fails. */
static bool add_exponent(struct strbuf *out, struct field d, struct field prime)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *big_d = BN_bin2bn(d.p, (int)d.len, NULL);
	BIGNUM *big_p = BN_bin2bn(prime.p, (int)prime.len, NULL);
	unsigned char bytes[RSA_BYTES_MAX + 1] = { 0 };
	bool ok = ctx != NULL && big_d != NULL && big_p != NULL && BN_sub_word(big_p, 1) == 1 &&
		  !BN_is_zero(big_p) && BN_mod(big_d, big_d, big_p, ctx) == 1;

	/* with a 0 in front it is positive */
	if (ok)
		add_der(out, DER_INTEGER, bytes, (size_t)BN_bn2bin(big_d, bytes + 1) + 1);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	BN_clear_free(big_d);
	BN_clear_free(big_p);
	BN_CTX_free(ctx);
	return ok;
}

/* mpints n, e, d, iqmp, p, q -> RSAPrivateKey (RFC 8017, A.1.2) */
static EVP_PKEY *take_rsa(struct field_reader *r)
{
	enum { N, E, D, IQMP, P, Q, NUMBERS };
	struct strbuf body = STRBUF_INIT;
	struct field f[NUMBERS];
	bool good = true;

	for (int i = 0; i < NUMBERS; i++) {
		f[i] = field_take_string(r);
		good = good && f[i].len > 0 && f[i].len <= RSA_BYTES_MAX;
	}
	if (r->bad || !good)
		return NULL;
	strbuf_reserve(&body, 8 * (RSA_BYTES_MAX + 8));
	add_der(&body, DER_INTEGER, "\0", 1);
	add_der(&body, DER_INTEGER, f[N].p, f[N].len);
	add_der(&body, DER_INTEGER, f[E].p, f[E].len);
	add_der(&body, DER_INTEGER, f[D].p, f[D].len);
	add_der(&body, DER_INTEGER, f[P].p, f[P].len);
	add_der(&body, DER_INTEGER, f[Q].p, f[Q].len);
	good = add_exponent(&body, f[D], f[P]) && add_exponent(&body, f[D], f[Q]);
	add_der(&body, DER_INTEGER, f[IQMP].p, f[IQMP].len);
	if (good)
		return from_der(EVP_PKEY_RSA, &body);
	wipe(&body);
	return NULL;
}

EVP_PKEY *pkey_take(const struct pkey_kind *kind, struct field_reader *numbers)
{
	switch (kind->type) {
	case EVP_PKEY_ED25519:
		return take_ed25519(numbers);
	case EVP_PKEY_RSA:
		return take_rsa(numbers);
	default:
		return take_ecdsa(numbers, kind);
	}
}

/* ---- keys to blobs ---- */

/* Reads one element of DER that our own OpenSSL wrote. */
static struct field take_der(struct field_reader *r)
{
	size_t len;
	struct field f;

	field_take_byte(r);
	len = field_take_byte(r);
	if (len >= 128) {
		size_t bytes = len & 0x7f;

		for (len = 0; bytes > 0; bytes--)
			len = len << 8 | field_take_byte(r);
	}
	f = (struct field){ r->p, len };
	if (r->bad || len > r->left) {
		r->bad = true;
		return (struct field){ r->p, 0 };
	}
	r->p += len;
	r->left -= len;
	return f;
}

/* RSAPublicKey, SEQUENCE { n, e } -> mpint e, mpint n */
static bool add_rsa(struct strbuf *out, struct field der)
{
	struct field_reader r = { der.p, der.len, false };
	struct field sequence = take_der(&r);
	struct field_reader inner = { sequence.p, sequence.len, r.bad };
	struct field n = take_der(&inner);
	struct field e = take_der(&inner);

	field_add_string(out, e.p, e.len);
	field_add_string(out, n.p, n.len);
	return !inner.bad;
}

static bool add_ed25519(struct strbuf *out, EVP_PKEY *pkey)
{
	unsigned char raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &len) != 1)
		return false;
	field_add_string(out, raw, len);
	return true;
}

int pkey_add_blob(const struct pkey_kind *kind, EVP_PKEY *pkey, struct strbuf *out)
{
	unsigned char *der = NULL;
	int len = kind->type == EVP_PKEY_ED25519 ? 0 : i2d_PublicKey(pkey, &der);
	struct field public = { der, len > 0 ? (size_t)len : 0 };
	bool ok = len >= 0;

	field_add_string(out, kind->name, strlen(kind->name));
	if (kind->type == EVP_PKEY_ED25519) {
		ok = add_ed25519(out, pkey);
	} else if (kind->type == EVP_PKEY_RSA) {
		ok = ok && add_rsa(out, public);
	} else {
		const char *curve = kind->name + strlen("ecdsa-sha2-");

		field_add_string(out, curve, strlen(curve));
		field_add_string(out, public.p, public.len);
		ok = ok && public.len == 1 + 2 * kind->coord; /* not compressed */
	}
	OPENSSL_free(der);
	return ok ? 0 : -1;
}

/* ---- signing ---- */

static const char *hash_of(const struct pkey_kind *kind, struct field algorithm)
{
	if (kind->type != EVP_PKEY_RSA)
		return kind->hash;
	return field_is(algorithm, "rsa-sha2-512")   ? "SHA512"
	       : field_is(algorithm, "rsa-sha2-256") ? "SHA256"
						     : "SHA1";
}

static int sign_raw(EVP_PKEY *pkey, const char *hash, struct field bytes, unsigned char *out,
		    size_t *out_len)
{
	const EVP_MD *md = hash != NULL ? EVP_get_digestbyname(hash) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, md, NULL, pkey) == 1 &&
		 EVP_DigestSign(ctx, out, out_len, bytes.p, bytes.len) == 1;

	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

#ifdef HAVE_SODIUM
/* OpenSSL's Ed25519 is portable C, and takes twice the time. */
static int sign_ed25519(EVP_PKEY *pkey, struct field bytes, unsigned char *out, size_t *len)
{
	unsigned char secret[crypto_sign_SECRETKEYBYTES]; /* the private half, the public one */
	unsigned char *public = secret + crypto_sign_SEEDBYTES;
	size_t n = crypto_sign_SEEDBYTES, n_public = crypto_sign_PUBLICKEYBYTES;
	unsigned long long n_out = 0;
	int rc = -1;

	if (sodium_init() >= 0 && EVP_PKEY_get_raw_private_key(pkey, secret, &n) == 1 &&
	    EVP_PKEY_get_raw_public_key(pkey, public, &n_public) == 1)
		rc = crypto_sign_detached(out, &n_out, bytes.p, bytes.len, secret);
	sodium_memzero(secret, sizeof(secret));
	*len = (size_t)n_out;
	return rc;
}
#else
static int sign_ed25519(EVP_PKEY *pkey, struct field bytes, unsigned char *out, size_t *len)
{
	return sign_raw(pkey, NULL, bytes, out, len);
}
#endif

static int sign(const struct pkey_kind *kind, EVP_PKEY *pkey, struct field algorithm,
		struct field bytes, unsigned char *out, size_t *len)
{
	return kind->type == EVP_PKEY_ED25519
		       ? sign_ed25519(pkey, bytes, out, len)
		       : sign_raw(pkey, hash_of(kind, algorithm), bytes, out, len);
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

int pkey_sign(const struct pkey_kind *kind, EVP_PKEY *pkey, struct field algorithm,
	      struct field bytes, unsigned char **sig, size_t *sig_len)
{
	/* DER, and two mpints of 66 + 5 bytes */
	size_t room = (size_t)EVP_PKEY_size(pkey) + 16;
	unsigned char *out = malloc(room);

	if (out == NULL)
		return -1;
	*sig_len = room;
	if (sign(kind, pkey, algorithm, bytes, out, sig_len) != 0 ||
	    (kind->type == EVP_PKEY_EC && reshape_ecdsa(out, sig_len) != 0)) {
		free(out);
		return -1;
	}
	*sig = out;
	return 0;
}
