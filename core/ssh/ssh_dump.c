/* ssh_dump.c - what `ssh -G` printed, as settings; see ssh_config.h */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "ssh/ssh_config_lookup.h"

/* Lists stand on one line without quotes; every other value is the rest of its line. */
static char **dump_values(enum ssh_keyword_id id, const char *value)
{
	char **values = NULL;
	char *copy, *word, *rest;

	if (id != SSH_USER_KNOWN_HOSTS && id != SSH_GLOBAL_KNOWN_HOSTS) {
		words_add(&values, value);
		return values;
	}
	rest = copy = xstrdup(value);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word != '\0')
			words_add(&values, word);
	}
	free(copy);
	return values;
}

/* Numbers that ssh prints are right; what another version prints may have another shape. */
static void read_line(struct lookup *l, const char *text)
{
	struct config_line line = { 0 };
	const char *space = strchr(text, ' ');
	char *word;

	if (space == NULL || space[1] == '\0')
		return;
	word = xstrndup(text, (size_t)(space - text));
	line.keyword = ssh_keyword_find(word);
	free(word);
	if (line.keyword == NULL || line.keyword->id == SSH_HOST ||
	    line.keyword->id == SSH_CANONICALIZE)
		return;
	line.values = dump_values(line.keyword->id, space + 1);
	if (line.values != NULL &&
	    (line.keyword->value == SSH_WORDS || config_value_check(line.keyword, line.values,
								    NULL) == 0))
		settings_apply(l, &line);
	words_free(line.values);
}

/* ssh prints its own list when the configuration names no key: then nobody named one. */
static void forget_default_keys(struct ssh_settings *s)
{
	size_t n = 0;

	for (; s->identity_files != NULL && s->identity_files[n] != NULL; n++) {
		if (strncmp(s->identity_files[n], "~/.ssh/id_", 10) != 0)
			return;
	}
	if (n < 4)
		return;
	words_free(s->identity_files);
	s->identity_files = NULL;
}

/* Without a HostName ssh prints the name that it was asked for. */
static void replace_name(struct ssh_settings *s, const char *asked)
{
	char *settled = settings_settled_name(asked);

	if (strcasecmp(s->hostname, settled) == 0) {
		free(s->hostname);
		s->hostname = NULL;
	}
	free(settled);
}

int ssh_config_read_dump(const char *text, const char *asked, const struct ssh_query *query,
			 struct ssh_settings *out, struct pl_error *err)
{
	struct lookup l = { .query = query, .out = out, .host = query->host, .is_dump = true };
	char *copy = xstrdup(text), *rest = copy, *line;
	int rc = -1;

	*out = (struct ssh_settings){ 0 };
	while ((line = strsep(&rest, "\n")) != NULL)
		read_line(&l, line);
	free(copy);
	if (out->hostname == NULL) {
		pl_errorf(err, PL_EUSAGE, "what ssh -G printed names no host");
	} else {
		forget_default_keys(out);
		replace_name(out, asked);
		rc = settings_finish(&l, err);
	}
	if (rc != 0)
		ssh_settings_fini(out);
	return rc;
}
