/* ssh_expand.c - ~ and the %-tokens of ssh_config(5); see ssh_config.h */
#include "ssh/ssh_config.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Appends what %c stands for; false when it has no meaning here. */
static bool add_token(struct strbuf *out, char c, const struct ssh_tokens *t)
{
	switch (c) {
	case '%':
		strbuf_addc(out, '%');
		return true;
	case 'd':
		strbuf_adds(out, ssh_home());
		return true;
	case 'u':
		strbuf_adds(out, ssh_local_user());
		return true;
	case 'h':
		strbuf_adds(out, t->host);
		return true;
	case 'n':
		strbuf_adds(out, t->name);
		return true;
	case 'r':
		strbuf_adds(out, t->user != NULL ? t->user : ssh_local_user());
		return true;
	case 'p':
		strbuf_addf(out, "%d", t->port);
		return true;
	default:
		return false;
	}
}

char *ssh_expand(const char *text, const struct ssh_tokens *tokens, struct pl_error *err)
{
	struct strbuf out = STRBUF_INIT;

	if (text[0] == '~' && (text[1] == '/' || text[1] == '\0')) {
		strbuf_adds(&out, ssh_home());
		text++;
	}
	for (const char *p = text; *p != '\0'; p++) {
		if (*p != '%') {
			strbuf_addc(&out, *p);
		} else if (p[1] == '\0' || !add_token(&out, *++p, tokens)) {
			pl_errorf(err, PL_EUSAGE,
				  "'%s': '%%%c' is not understood (%%%% %%d %%h %%n %%p %%r %%u "
				  "are)", text, *p == '%' ? ' ' : *p);
			strbuf_fini(&out);
			return NULL;
		}
	}
	return strbuf_detach(&out);
}
