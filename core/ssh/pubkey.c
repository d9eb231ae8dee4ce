/* pubkey.c - see pubkey.h */
#include "ssh/pubkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libssh2.h>

#include "base/mem.h"

#define PUBKEY_FILE_MAX 65536
#define CERTIFICATE "-cert-v01@openssh.com"

#if LIBSSH2_VERSION_NUM >= 0x010b00
#define LACKS_RSA NULL
#else
#define LACKS_RSA                                                                                  \
	"libssh2 before 1.11 signs with RSA keys as OpenSSH has refused since 8.8 (SHA-1)"
#endif

#if LIBSSH2_VERSION_NUM >= 0x010b01
#define LACKS_ED25519_CERTIFICATE NULL
#else
#define LACKS_ED25519_CERTIFICATE "libssh2 before 1.11.1 cannot use ed25519 certificates"
#endif

#define LACKS_SK "libssh2 cannot use keys of a security token"

static const struct pubkey_kind KINDS[] = {
	{ "ssh-ed25519", NULL, NULL },
	{ "ecdsa-sha2-nistp256", NULL, NULL },
	{ "ecdsa-sha2-nistp384", NULL, NULL },
	{ "ecdsa-sha2-nistp521", NULL, NULL },
	{ "ssh-rsa", NULL, LACKS_RSA },
	{ "sk-ssh-ed25519@openssh.com", NULL, LACKS_SK },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", NULL, LACKS_SK },
	{ "ssh-ed25519" CERTIFICATE, "ssh-ed25519", LACKS_ED25519_CERTIFICATE },
	{ "ecdsa-sha2-nistp256" CERTIFICATE, "ecdsa-sha2-nistp256", NULL },
	{ "ecdsa-sha2-nistp384" CERTIFICATE, "ecdsa-sha2-nistp384", NULL },
	{ "ecdsa-sha2-nistp521" CERTIFICATE, "ecdsa-sha2-nistp521", NULL },
	{ "ssh-rsa" CERTIFICATE, "ssh-rsa", LACKS_RSA },
	{ "sk-ssh-ed25519" CERTIFICATE, "sk-ssh-ed25519@openssh.com", LACKS_SK },
	{ "sk-ecdsa-sha2-nistp256" CERTIFICATE, "sk-ecdsa-sha2-nistp256@openssh.com", LACKS_SK },
};

const struct pubkey_kind *pubkey_kind(struct field blob)
{
	struct field_reader r = { blob.p, blob.len, false };
	struct field name = field_take_string(&r);

	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (field_is(name, KINDS[i].name))
			return &KINDS[i];
	}
	return NULL;
}

bool pubkey_is_in_token(struct field blob)
{
	const struct pubkey_kind *kind = pubkey_kind(blob);

	return kind != NULL && strncmp(kind->name, "sk-", strlen("sk-")) == 0;
}

/* How many fields make up the key itself, after its name. */
static int count_fields(const char *plain)
{
	return strcmp(plain, "ssh-ed25519") == 0		  ? 1
	       : strncmp(plain, "sk-ecdsa", strlen("sk-ecdsa")) == 0 ? 3
								  : 2;
}

/* string kind, string nonce, the fields of the key, then what is certified */
void pubkey_of_certificate(struct field blob, struct strbuf *out)
{
	const struct pubkey_kind *kind = pubkey_kind(blob);
	struct field_reader r = { blob.p, blob.len, false };
	const unsigned char *from;

	if (kind == NULL || kind->plain == NULL)
		return;
	field_take_string(&r);
	field_take_string(&r);
	from = r.p;
	for (int i = count_fields(kind->plain); i > 0; i--)
		field_take_string(&r);
	if (r.bad)
		return;
	field_add_string(out, kind->plain, strlen(kind->plain));
	strbuf_add(out, from, (size_t)(r.p - from));
}

/* ---- text ---- */

static bool is_blob_of(const unsigned char *bytes, size_t len, const char *type, size_t type_len)
{
	struct field_reader r = { bytes, len, false };
	struct field name = field_take_string(&r);

	return !r.bad && name.len == type_len && memcmp(name.p, type, type_len) == 0;
}

int pubkey_parse(const char *text, struct strbuf *out)
{
	const char *type = text + strspn(text, " \t\r\n");
	size_t type_len = strcspn(type, " \t\r\n");
	const char *base64 = type + type_len + strspn(type + type_len, " \t");
	char *word = xstrndup(base64, strcspn(base64, " \t\r\n"));
	unsigned char *bytes = xmalloc(strlen(word) + 1);
	size_t len = field_decode_base64(word, bytes);
	bool good = is_blob_of(bytes, len, type, type_len);

	if (good)
		strbuf_add(out, bytes, len);
	free(bytes);
	free(word);
	return good ? 0 : -1;
}

int pubkey_read(const char *path, struct strbuf *out, struct pl_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[PUBKEY_FILE_MAX];
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	int errnum = errno;

	if (fd >= 0)
		close(fd);
	if (n < 0) {
		pl_error_sys(err, errnum, "cannot read public key file %s", path);
		if (err != NULL && errnum == ENOENT)
			err->code = PL_ENOENT;
		return -1;
	}
	text[n] = '\0';
	if (pubkey_parse(text, out) != 0)
		return pl_errorf(err, PL_EUSAGE, "%s holds no public key", path);
	return 0;
}
