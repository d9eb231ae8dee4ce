/* ssh_config_words.c - how a line of ssh_config(5) falls into words; see ssh_config_file.h */
#include "ssh/ssh_config_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

#define BLANKS " \t\r\f"

void words_free(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

void words_add(char ***words, const char *word)
{
	size_t n = 0;

	while (*words != NULL && (*words)[n] != NULL)
		n++;
	*words = xreallocarray(*words, n + 2, sizeof(**words));
	(*words)[n] = xstrdup(word);
	(*words)[n + 1] = NULL;
}

/* Behind blanks, with one '=' among them. */
static const char *skip_separator(const char *p)
{
	p += strspn(p, BLANKS);
	if (*p == '=')
		p += 1 + strspn(p + 1, BLANKS);
	return p;
}

/* A word up to a blank or '=', or what stands between quotes. */
char *config_delimited(const char **at)
{
	const char *p = *at + strspn(*at, BLANKS);
	size_t len;
	char *word;

	if (*p == '\0')
		return NULL;
	if (*p == '"' || *p == '\'') {
		const char quote[] = { *p, '\0' };

		len = strcspn(p + 1, quote);
		word = xstrndup(p + 1, len);
		p += 1 + len + (p[1 + len] != '\0');
	} else {
		len = strcspn(p, BLANKS "=\"");
		word = xstrndup(p, len);
		p += len;
	}
	*at = skip_separator(p);
	return word;
}

char *config_keyword(const char *line, const char **value)
{
	line += strspn(line, BLANKS);
	if (*line == '\0' || *line == '#')
		return NULL;
	*value = line;
	return config_delimited(value);
}

/* A backslash takes the meaning of a quote, of itself and, outside quotes, of a space. */
static bool is_escape(const char *p, char quote)
{
	return p[0] == '\\' && p[1] != '\0' &&
	       (strchr("'\"\\", p[1]) != NULL || (quote == '\0' && p[1] == ' '));
}

/* Takes one word off *at; false for an open quote. */
static bool take_word(const char **at, struct strbuf *word)
{
	const char *p = *at;
	char quote = '\0';

	for (; *p != '\0' && (quote != '\0' || strchr(BLANKS, *p) == NULL); p++) {
		if (is_escape(p, quote))
			strbuf_addc(word, *++p);
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else
			strbuf_addc(word, *p);
	}
	*at = p;
	return quote == '\0';
}

char **config_words(const char *value, struct pl_error *err)
{
	char **words = xcalloc(1, sizeof(*words));
	size_t n = 0, cap = 0;

	for (value += strspn(value, BLANKS); *value != '\0' && *value != '#';
	     value += strspn(value, BLANKS)) {
		struct strbuf word = STRBUF_INIT;
		bool closed = take_word(&value, &word);

		ARRAY_GROW(words, n + 1, cap);
		words[n++] = strbuf_detach(&word);
		words[n] = NULL;
		if (!closed) {
			words_free(words);
			return pl_errorf(err, PL_EUSAGE, "a quote is not closed"), NULL;
		}
	}
	return words;
}
