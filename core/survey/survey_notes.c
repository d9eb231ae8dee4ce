/* survey_notes.c - see survey.h: what a person should know of a survey, as sentences */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "survey/survey.h"

/* Takes the text. */
static void add_note(struct pl_survey *s, char *text, size_t host)
{
	ARRAY_GROW(s->notes, s->n_notes, s->cap_notes);
	s->notes[s->n_notes++] = (struct pl_survey_note){ text, host };
}

void survey_note(struct pl_survey *s, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	add_note(s, strbuf_detach(&text), 0);
}

void survey_note_on(struct pl_survey *s, const char *host, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list ap;

	strbuf_addf(&text, "%s: ", host);
	va_start(ap, fmt);
	strbuf_vaddf(&text, fmt, ap);
	va_end(ap);
	add_note(s, strbuf_detach(&text), strlen(host));
}

/* Where `word` stands in a text by itself, not as part of a longer one; NULL: nowhere. */
static const char *find_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(text, word); at != NULL && len > 0; at = strstr(at + 1, word)) {
		if ((at == text || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len]))
			return at;
	}
	return NULL;
}

char *survey_source_words(const struct pl_survey *s, uint32_t source, const char *host)
{
	const char *name = s->sources[source].name, *at = find_word(name, host);
	size_t before = at != NULL ? (size_t)(at - name) : 0, len = strlen(host);

	if (at == NULL)
		return xstrdup(name);
	if (at[len] == '\0' && before >= 4 && strncmp(at - 4, " on ", 4) == 0)
		return xstrndup(name, before - 4);
	return xasprintf("%.*s%%h%s", (int)before, name, at + len);
}

/* ---- folding ---- */

/* The hosts of notes that say the same; the first of them is where the fold stands. */
struct fold {
	size_t first;
	struct pl_hostlist *hosts;
};

struct folding {
	struct strtable by_text; /* 1 + place in folds */
	struct fold *folds;
	size_t n, cap;
};

static void fold_note(struct folding *f, const struct pl_survey_note *note, size_t at)
{
	const char *rest = note->text + note->host;
	uintptr_t found = (uintptr_t)strtable_get(&f->by_text, rest);
	char *host = xstrndup(note->text, note->host);

	if (found == 0) {
		ARRAY_GROW(f->folds, f->n, f->cap);
		f->folds[f->n++] = (struct fold){ at, pl_hostlist_create() };
		strtable_put(&f->by_text, rest, (void *)(uintptr_t)f->n);
		found = f->n;
	}
	pl_hostlist_add(f->folds[found - 1].hosts, host);
	free(host);
}

/* The first note of a fold says it of all of its hosts. */
static void rewrite(struct pl_survey *s, const struct fold *fold)
{
	struct pl_survey_note *note = &s->notes[fold->first];
	char *hosts = pl_hostlist_fold(fold->hosts), *text;

	text = xasprintf("%s%s", hosts, note->text + note->host);
	free(note->text);
	*note = (struct pl_survey_note){ text, 0 };
	free(hosts);
}

/* What is still about one host was folded into another. */
static void drop_folded(struct pl_survey *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_notes; i++) {
		if (s->notes[i].host > 0)
			free(s->notes[i].text);
		else
			s->notes[kept++] = s->notes[i];
	}
	s->n_notes = kept;
}

void pl_survey_fold_notes(struct pl_survey *s)
{
	struct folding f = { STRTABLE_INIT, NULL, 0, 0 };

	for (size_t i = 0; i < s->n_notes; i++) {
		if (s->notes[i].host > 0)
			fold_note(&f, &s->notes[i], i);
	}
	for (size_t i = 0; i < f.n; i++) {
		rewrite(s, &f.folds[i]);
		pl_hostlist_destroy(f.folds[i].hosts);
	}
	drop_folded(s);
	strtable_fini(&f.by_text);
	free(f.folds);
}
