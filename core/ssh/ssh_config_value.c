/* ssh_config_value.c - which values a keyword takes; see ssh_config_file.h */
#include "ssh/ssh_config_file.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

bool config_flag(const char *text)
{
	return strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0;
}

long config_seconds(const char *text)
{
	long total = 0;

	if (strcasecmp(text, "none") == 0)
		return 0;
	if (*text == '\0')
		return -1;
	while (*text != '\0') {
		static const char units[] = "smhdw";
		static const long seconds[] = { 1, 60, 3600, 86400, 604800 };
		char *end;
		long n = strtol(text, &end, 10);
		const char *unit;

		if (end == text || n < 0 || n > 10000000)
			return -1;
		unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : units;
		if (unit == NULL)
			return -1;
		total += n * seconds[unit - units];
		text = *end != '\0' ? end + 1 : end;
	}
	return total <= 10000000 ? total : -1;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (strcasecmp(text, *words) == 0)
			return true;
	}
	return false;
}

static int check_port(const char *text, struct pl_error *err)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || port < 1 || port > 65535)
		return pl_errorf(err, PL_EUSAGE, "'%s' is not a port (1 to 65535)", text);
	return 0;
}

static int check_words(const char *name, char **values, bool ok, const char *must,
		       struct pl_error *err)
{
	return ok ? 0 : pl_errorf(err, PL_EUSAGE, "%s '%s' must be %s", name, values[0], must);
}

/* What is particular to one keyword. */
static int check_own(const struct ssh_keyword *k, char **values, struct pl_error *err)
{
	static const char *const strict[] = { "yes", "true",	   "no",  "false", "ask",
					      "off", "accept-new", NULL };
	static const char *const families[] = { "any", "inet", "inet6", NULL };

	switch (k->id) {
	case SSH_PORT:
		return check_port(values[0], err);
	case SSH_STRICT:
		return check_words(k->name, values, is_one_of(values[0], strict),
				   "yes, ask, accept-new, no or off", err);
	case SSH_ADDRESS_FAMILY:
		return check_words(k->name, values, is_one_of(values[0], families),
				   "any, inet or inet6", err);
	case SSH_SET_ENV:
		for (size_t i = 0; values[i] != NULL; i++) {
			if (strchr(values[i], '=') == NULL)
				return pl_errorf(err, PL_EUSAGE, "SetEnv '%s' must be NAME=VALUE",
						 values[i]);
		}
		return 0;
	case SSH_USER_KNOWN_HOSTS:
	case SSH_GLOBAL_KNOWN_HOSTS:
		for (size_t i = 0; values[i] != NULL; i++) {
			if (strcasecmp(values[i], "none") == 0 && (i > 0 || values[1] != NULL))
				return pl_errorf(err, PL_EUSAGE, "%s: none stands alone", k->name);
		}
		return 0;
	default:
		return 0;
	}
}

static int check_shape(const struct ssh_keyword *k, char **values, struct pl_error *err)
{
	static const char *const flags[] = { "yes", "true", "no", "false", NULL };
	char *end;

	switch (k->value) {
	case SSH_ANY:
	case SSH_REST:
	case SSH_TEXT:
		return 0;
	case SSH_WORDS:
		for (size_t i = 0; values[i] != NULL; i++) {
			if (*values[i] == '\0')
				return pl_errorf(err, PL_EUSAGE, "%s: an empty word", k->name);
		}
		return 0;
	case SSH_FLAG:
		return check_words(k->name, values, is_one_of(values[0], flags), "yes or no", err);
	case SSH_TIME:
		if (config_seconds(values[0]) >= 0)
			return 0;
		return pl_errorf(err, PL_EUSAGE, "'%s' is not a time (seconds, or 2m)", values[0]);
	case SSH_NUMBER:
		strtol(values[0], &end, 10);
		return check_words(k->name, values, end != values[0] && *end == '\0', "a number",
				   err);
	}
	return 0;
}

int config_value_check(const struct ssh_keyword *k, char **values, struct pl_error *err)
{
	if (values[0] == NULL || *values[0] == '\0')
		return pl_errorf(err, PL_EUSAGE, "%s needs a value", k->name);
	if (k->value != SSH_ANY && k->value != SSH_WORDS && values[1] != NULL)
		return pl_errorf(err, PL_EUSAGE, "%s takes one value: '%s' is too much", k->name,
				 values[1]);
	if (check_shape(k, values, err) != 0)
		return -1;
	return check_own(k, values, err);
}
