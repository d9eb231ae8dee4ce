/* shellquote.c - see shellquote.h */
#include "base/shellquote.h"

#include <string.h>

static const char PLAIN[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

void shellquote_word(struct strbuf *out, const char *word)
{
	if (word[0] != '\0' && word[strspn(word, PLAIN)] == '\0') {
		strbuf_adds(out, word);
		return;
	}
	strbuf_addc(out, '\'');
	for (; *word != '\0'; word++) {
		/* csh expands ! and fish reads \ even inside single quotes */
		if (*word == '\'' || *word == '!' || *word == '\\')
			strbuf_addf(out, "'\\%c'", *word);
		else
			strbuf_addc(out, *word);
	}
	strbuf_addc(out, '\'');
}

void shellquote_argv(struct strbuf *out, const char *const *argv)
{
	for (size_t i = 0; argv[i] != NULL; i++) {
		if (i > 0)
			strbuf_addc(out, ' ');
		shellquote_word(out, argv[i]);
	}
}
