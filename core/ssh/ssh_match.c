/* ssh_match.c - the criteria of a Match line; see ssh_config_file.h and ssh_config_lookup.h */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "ssh/pattern.h"
#include "ssh/ssh_config_lookup.h"

static const struct {
	const char *name;
	enum config_criterion_kind kind;
	bool has_arg;
} CRITERIA[] = {
	{ "all", CRITERION_ALL, false },
	{ "canonical", CRITERION_FINAL, false },
	{ "final", CRITERION_FINAL, false },
	{ "host", CRITERION_HOST, true },
	{ "originalhost", CRITERION_ORIGINAL_HOST, true },
	{ "user", CRITERION_USER, true },
	{ "localuser", CRITERION_LOCAL_USER, true },
	{ "exec", CRITERION_ASK, true },
	{ "command", CRITERION_ASK, true },
	{ "localnetwork", CRITERION_ASK, true },
	{ "sessiontype", CRITERION_ASK, true },
	{ "tagged", CRITERION_ASK, true },
	{ "version", CRITERION_ASK, true },
};

/* Fills kind, argument and negation of the criterion whose word was read. */
static int read_criterion(struct config_criterion *c, const char **at, struct pl_error *err)
{
	const char *name = c->name + c->negated;

	for (size_t i = 0; i < ARRAY_LEN(CRITERIA); i++) {
		if (strcasecmp(CRITERIA[i].name, name) != 0)
			continue;
		c->kind = CRITERIA[i].kind;
		if (CRITERIA[i].has_arg)
			c->arg = config_delimited(at);
		if (CRITERIA[i].has_arg && (c->arg == NULL || *c->arg == '\0' || *c->arg == '#'))
			return pl_errorf(err, PL_EUSAGE, "Match %s needs a value", name);
		return 0;
	}
	return pl_errorf(err, PL_EUSAGE, "Match %s: ssh has no such criterion", name);
}

int config_match_parse(struct config_block *b, const char *text, struct pl_error *err)
{
	size_t cap = 0;
	char *word;

	while ((word = config_delimited(&text)) != NULL && *word != '\0' && *word != '#') {
		struct config_criterion *c;
		bool is_first = b->n_criteria == 0;

		if (!is_first && b->criteria[b->n_criteria - 1].kind == CRITERION_ALL) {
			free(word);
			return pl_errorf(err, PL_EUSAGE, "Match all stands alone");
		}
		ARRAY_GROW(b->criteria, b->n_criteria, cap);
		c = &b->criteria[b->n_criteria++];
		*c = (struct config_criterion){ .negated = *word == '!', .name = word };
		if (read_criterion(c, &text, err) != 0)
			return -1;
		if (c->kind == CRITERION_ALL && b->n_criteria > 2)
			return pl_errorf(err, PL_EUSAGE, "Match all stands alone");
	}
	free(word);
	if (b->n_criteria == 0)
		return pl_errorf(err, PL_EUSAGE, "Match needs a criterion (all, host, user, ...)");
	return 0;
}

static char *lowered(const char *text)
{
	char *copy = xstrdup(text);

	for (char *p = copy; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

bool config_names_host(const char *list, const char *host)
{
	char *patterns = lowered(list), *name = lowered(host);
	bool yes = pattern_list_match(patterns, name) == PATTERN_YES;

	free(patterns);
	free(name);
	return yes;
}

static bool user_matches(const char *list, const char *user)
{
	return pattern_list_match(list, user) == PATTERN_YES;
}

/* Without its negation; CRITERION_ASK is not for here. */
static bool criterion_holds(const struct lookup *l, const struct config_criterion *c)
{
	const struct ssh_settings *s = l->out;

	switch (c->kind) {
	case CRITERION_ALL:
		return true;
	case CRITERION_FINAL:
		return l->is_final;
	case CRITERION_HOST:
		return config_names_host(c->arg, l->target);
	case CRITERION_ORIGINAL_HOST:
		return config_names_host(c->arg, l->query->host);
	case CRITERION_USER:
		return user_matches(c->arg, s->user != NULL ? s->user : ssh_local_user());
	case CRITERION_LOCAL_USER:
		return user_matches(c->arg, ssh_local_user());
	case CRITERION_ASK:
		break;
	}
	return false;
}

/* What ssh must be asked matters only when all the rest holds. */
enum match_answer config_match_applies(const struct lookup *l, const struct config_block *b)
{
	enum match_answer answer = MATCH_YES;

	for (size_t i = 0; i < b->n_criteria; i++) {
		const struct config_criterion *c = &b->criteria[i];

		if (c->kind == CRITERION_ASK)
			answer = MATCH_ASK;
		else if (criterion_holds(l, c) == c->negated)
			return MATCH_NO;
	}
	return answer;
}
