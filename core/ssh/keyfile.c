/* keyfile.c - see keyfile.h */
#include "ssh/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "ssh/keyfile_pkey.h"
#include "ssh/pubkey.h"

#define KEYFILE_MAX 65536
#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define END "-----END OPENSSH PRIVATE KEY-----"
#define MAGIC "openssh-key-v1" /* its NUL counts */

struct keyfile {
	enum keyfile_state state;
	char *path;
	struct strbuf blob, certificate;
	const struct pkey_kind *kind; /* NULL unless OPEN; so is pkey */
	EVP_PKEY *pkey;
};

static struct keyfile *keyfile_new(const char *path, enum keyfile_state state)
{
	struct keyfile *key = xcalloc(1, sizeof(*key));

	key->path = xstrdup(path);
	key->state = state;
	return key;
}

static struct field field_of(const struct strbuf *b)
{
	return (struct field){ (const unsigned char *)b->s, b->len };
}

/* ---- OpenSSH's format ---- */

static int is_damaged(const struct keyfile *key, struct pl_error *err)
{
	return pl_errorf(err, PL_EUSAGE, "key file %s is damaged", key->path);
}

/* u32 check twice, string kind, the numbers, string comment, padding */
static int take_private(struct keyfile *key, struct field section, struct pl_error *err)
{
	struct field_reader r = { section.p, section.len, false };
	uint32_t check = field_take_u32(&r);
	bool same = field_take_u32(&r) == check;

	key->kind = pkey_kind_find(field_take_string(&r));
	if (r.bad || !same || key->kind == NULL)
		return is_damaged(key, err);
	key->pkey = pkey_take(key->kind, &r);
	ERR_clear_error();
	return key->pkey != NULL ? 0 : is_damaged(key, err);
}

/* A kind that ssh can use counts, even where we cannot. */
static int check_kind(const struct keyfile *key, struct pl_error *err)
{
	struct field_reader r = { (const unsigned char *)key->blob.s, key->blob.len, false };
	struct field name = field_take_string(&r);

	if (pubkey_kind(field_of(&key->blob)) != NULL)
		return 0;
	if (r.bad)
		return is_damaged(key, err);
	return pl_errorf(err, PL_EUNSUPPORTED,
			 "key file %s holds a %.*s key, which ssh does not use either; make an "
			 "ed25519 one (ssh-keygen -t ed25519)",
			 key->path, (int)(name.len < 60 ? name.len : 60), name.p);
}

/* magic, string cipher, string kdf, string options, u32 keys, string public, string private */
static int take_container(struct keyfile *key, struct field_reader *r, struct pl_error *err)
{
	struct field cipher, blob, section;
	uint32_t keys;

	if (r->left < sizeof(MAGIC) || memcmp(r->p, MAGIC, sizeof(MAGIC)) != 0)
		return is_damaged(key, err);
	r->p += sizeof(MAGIC);
	r->left -= sizeof(MAGIC);
	cipher = field_take_string(r);
	field_take_string(r);
	field_take_string(r);
	keys = field_take_u32(r);
	blob = field_take_string(r);
	section = field_take_string(r);
	if (r->bad || keys != 1)
		return is_damaged(key, err);
	strbuf_add(&key->blob, blob.p, blob.len);
	if (check_kind(key, err) != 0)
		return -1;
	if (!field_is(cipher, "none"))
		key->state = KEYFILE_LOCKED;
	else if (pubkey_is_in_token(field_of(&key->blob)))
		key->state = KEYFILE_PUBLIC;
	else
		return take_private(key, section, err);
	return 0;
}

static int parse_openssh(struct keyfile *key, const char *text, struct pl_error *err)
{
	size_t size = strlen(text);
	unsigned char *raw = xmalloc(size + 1);
	struct field_reader r = { raw, field_decode_base64(text, raw), false };
	int rc = take_container(key, &r, err);

	OPENSSL_cleanse(raw, size);
	free(raw);
	return rc;
}

/* ---- PEM ---- */

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int parse_pem(struct keyfile *key, const char *text, struct pl_error *err)
{
	BIO *bio;

	if (strstr(text, "ENCRYPTED") != NULL) {
		key->state = KEYFILE_LOCKED;
		return 0;
	}
	bio = BIO_new_mem_buf(text, -1);
	key->pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (key->pkey == NULL)
		return is_damaged(key, err);
	key->kind = pkey_kind_of(key->pkey);
	if (key->kind == NULL || pkey_add_blob(key->kind, key->pkey, &key->blob) != 0)
		return pl_errorf(err, PL_EUNSUPPORTED,
				 "key file %s holds a kind of key that ssh does not use; make an "
				 "ed25519 one (ssh-keygen -t ed25519)", key->path);
	return 0;
}

/* ---- any of them ---- */

static int parse(struct keyfile *key, const char *text, struct pl_error *err)
{
	const char *begin = strstr(text, BEGIN);

	if (begin != NULL && strstr(begin, END) != NULL)
		return parse_openssh(key, begin + strlen(BEGIN), err);
	if (begin != NULL)
		return is_damaged(key, err);
	if (strstr(text, "PRIVATE KEY-----") != NULL)
		return parse_pem(key, text, err);
	key->state = KEYFILE_PUBLIC;
	if (pubkey_parse(text, &key->blob) != 0)
		return pl_errorf(err, PL_EUSAGE, "%s holds no key", key->path);
	return 0;
}

struct keyfile *keyfile_parse(const char *text, const char *path, struct pl_error *err)
{
	struct keyfile *key = keyfile_new(path, KEYFILE_OPEN);

	if (parse(key, text, err) == 0)
		return key;
	keyfile_destroy(key);
	return NULL;
}

/* ---- files ---- */

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

static struct keyfile *read_text(int fd, const char *path, struct pl_error *err)
{
	struct keyfile *key = NULL;
	char text[KEYFILE_MAX];
	size_t len = 0;
	ssize_t n = 0;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (n < 0)
		pl_error_sys(err, errno, "cannot read key file %s", path);
	else
		key = keyfile_parse(text, path, err);
	OPENSSL_cleanse(text, sizeof(text));
	return key;
}

static struct keyfile *read_private(const char *path, struct pl_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct keyfile *key;

	if (fd < 0) {
		int errnum = errno;

		pl_error_sys(err, errnum, "cannot read key file %s", path);
		if (err != NULL && errnum == ENOENT)
			err->code = PL_ENOENT;
		return NULL;
	}
	key = read_text(fd, path, err);
	if (key != NULL && key->state != KEYFILE_PUBLIC &&
	    check_permissions(fd, path, err) != 0) {
		keyfile_destroy(key);
		key = NULL;
	}
	close(fd);
	return key;
}

/* Appends the blob of the public key in PATH and its ending; false when there is none. */
static bool read_beside(const char *path, const char *ending, struct strbuf *out)
{
	char *name = xasprintf("%s%s", path, ending);
	bool found = pubkey_read(name, out, NULL) == 0;

	free(name);
	return found;
}

static void read_certificate(struct keyfile *key)
{
	struct strbuf own = STRBUF_INIT;

	if (read_beside(key->path, "-cert.pub", &key->certificate))
		pubkey_of_certificate(field_of(&key->certificate), &own);
	/* one for another key, left behind by a renewal, is none */
	if (own.len == 0 || !field_equals(field_of(&own), field_of(&key->blob)))
		strbuf_reset(&key->certificate);
	strbuf_fini(&own);
}

struct keyfile *keyfile_read(const char *path, struct pl_error *err)
{
	struct pl_error why = { 0 };
	struct keyfile *key = read_private(path, &why);
	struct strbuf public = STRBUF_INIT;

	if (key == NULL && why.code == PL_ENOENT && read_beside(path, ".pub", &public))
		key = keyfile_new(path, KEYFILE_PUBLIC);
	if (key == NULL)
		return pl_errorf(err, why.code, "%s", why.text), NULL;
	if (key->blob.len == 0 && public.len == 0)
		read_beside(path, ".pub", &public);
	if (key->blob.len == 0)
		strbuf_add(&key->blob, public.s, public.len);
	strbuf_fini(&public);
	read_certificate(key);
	return key;
}

void keyfile_destroy(struct keyfile *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey); /* wipes */
	strbuf_fini(&key->blob);
	strbuf_fini(&key->certificate);
	free(key->path);
	free(key);
}

enum keyfile_state keyfile_state(const struct keyfile *key)
{
	return key->state;
}

const char *keyfile_path(const struct keyfile *key)
{
	return key->path;
}

struct field keyfile_blob(const struct keyfile *key)
{
	return field_of(&key->blob);
}

struct field keyfile_certificate(const struct keyfile *key)
{
	return field_of(&key->certificate);
}

int keyfile_sign(const struct keyfile *key, struct field algorithm, struct field bytes,
		 unsigned char **sig, size_t *sig_len)
{
	if (key->pkey == NULL)
		return -1;
	return pkey_sign(key->kind, key->pkey, algorithm, bytes, sig, sig_len);
}
