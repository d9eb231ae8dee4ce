/* ssh_expand.c - ~, ${NAME} and the %-tokens of ssh_config(5); see ssh_config.h */
#include "ssh/ssh_config.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/strbuf.h"

/* Asked once: the user database may be slow, and its answer does not change under us. */
static const struct passwd *myself(void)
{
	static struct passwd me;
	static bool asked;

	if (!asked) {
		const struct passwd *pw = getpwuid(getuid());
		const char *home = getenv("HOME");

		me.pw_name = xstrdup(pw != NULL ? pw->pw_name : "nobody");
		me.pw_dir = xstrdup(pw != NULL ? pw->pw_dir : home != NULL ? home : "/");
		asked = true;
	}
	return &me;
}

const char *ssh_home(void)
{
	return myself()->pw_dir;
}

const char *ssh_local_user(void)
{
	return myself()->pw_name;
}

static const char *this_host(void)
{
	static char name[HOST_NAME_MAX + 1];

	if (name[0] == '\0' && gethostname(name, sizeof(name) - 1) != 0)
		strcpy(name, "localhost");
	return name;
}

static const char *user_of(const struct ssh_tokens *t)
{
	return t->user != NULL ? t->user : ssh_local_user();
}

/* %C: what tells connections apart, short enough for the name of a socket. */
static void add_hash(struct strbuf *out, const struct ssh_tokens *t)
{
	char *text = xasprintf("%s%s%d%s%s", this_host(), t->host, t->port, user_of(t),
			       t->jump != NULL ? t->jump : "");
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL);
	for (unsigned int i = 0; i < n; i++)
		strbuf_addf(out, "%02x", digest[i]);
	free(text);
}

static void add_token(struct strbuf *out, char c, const struct ssh_tokens *t)
{
	switch (c) {
	case '%':
		strbuf_addc(out, '%');
		break;
	case 'C':
		add_hash(out, t);
		break;
	case 'd':
		strbuf_adds(out, ssh_home());
		break;
	case 'h':
		strbuf_adds(out, t->host);
		break;
	case 'i':
		strbuf_addf(out, "%u", (unsigned)getuid());
		break;
	case 'j':
		strbuf_adds(out, t->jump != NULL ? t->jump : "");
		break;
	case 'k':
		strbuf_adds(out, t->alias != NULL ? t->alias : t->name);
		break;
	case 'L':
		strbuf_add(out, this_host(), strcspn(this_host(), "."));
		break;
	case 'l':
		strbuf_adds(out, this_host());
		break;
	case 'n':
		strbuf_adds(out, t->name);
		break;
	case 'p':
		strbuf_addf(out, "%d", t->port);
		break;
	case 'r':
		strbuf_adds(out, user_of(t));
		break;
	default: /* 'u' */
		strbuf_adds(out, ssh_local_user());
		break;
	}
}

/* "~/" and "~NAME/" at the front; how much of the text that was. */
static size_t add_home(struct strbuf *out, const char *text)
{
	size_t len = strcspn(text, "/");
	char *name = xstrndup(text + 1, len - 1);
	const struct passwd *pw = NULL;

	if (*name == '\0')
		strbuf_adds(out, ssh_home());
	else if ((pw = getpwnam(name)) != NULL)
		strbuf_adds(out, pw->pw_dir);
	free(name);
	return text[1] == '/' || text[1] == '\0' || pw != NULL ? len : 0;
}

/* ${NAME} at *at; false when it is not set. */
static bool add_variable(struct strbuf *out, const char **at, struct pl_error *err)
{
	const char *end = strchr(*at, '}');
	char *name;
	const char *value;

	if (end == NULL)
		return pl_errorf(err, PL_EUSAGE, "'%s' has no closing brace", *at), false;
	name = xstrndup(*at + 2, (size_t)(end - *at) - 2);
	value = getenv(name);
	if (value != NULL)
		strbuf_adds(out, value);
	else
		pl_errorf(err, PL_EUSAGE, "environment variable ${%s} is not set", name);
	free(name);
	*at = end;
	return value != NULL;
}

static bool refuse_token(const char *text, const char *at, const char *allowed,
			 struct pl_error *err)
{
	struct strbuf names = STRBUF_INIT;

	for (const char *p = allowed; *p != '\0'; p++) {
		if (*p != '~')
			strbuf_addf(&names, " %%%c", *p);
	}
	pl_errorf(err, PL_EUSAGE, "'%s': '%%%.1s' is not understood there (%%%%%s are)", text, at,
		  strbuf_str(&names));
	strbuf_fini(&names);
	return false;
}

static bool expand_into(struct strbuf *out, const char *text, const struct ssh_tokens *tokens,
			const char *allowed, struct pl_error *err)
{
	bool is_path = *allowed == '~';
	const char *p = text;

	allowed += is_path;
	if (is_path && *text == '~')
		p += add_home(out, text);
	for (; *p != '\0'; p++) {
		if (is_path && p[0] == '$' && p[1] == '{') {
			if (!add_variable(out, &p, err))
				return false;
		} else if (*p != '%') {
			strbuf_addc(out, *p);
		} else if (p[1] != '\0' && (p[1] == '%' || strchr(allowed, p[1]) != NULL)) {
			add_token(out, *++p, tokens);
		} else {
			return refuse_token(text, p + 1, allowed, err);
		}
	}
	return true;
}

char *ssh_expand(const char *text, const struct ssh_tokens *tokens, const char *allowed,
		 struct pl_error *err)
{
	struct strbuf out = STRBUF_INIT;

	if (expand_into(&out, text, tokens, allowed, err))
		return strbuf_detach(&out);
	strbuf_fini(&out);
	return NULL;
}
