/* ssh_jump.c - see ssh_jump.h */
#include "ssh/ssh_jump.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Takes ":port" off the end of `at`; "[::1]:22" and "::1" are told apart from it. */
static int take_port(char *at, int *port)
{
	char *colon = strrchr(at, ':');
	char *end;
	long n;

	if (colon == NULL || strchr(colon, ']') != NULL)
		return 0;
	if (at[0] != '[' && strchr(at, ':') != colon)
		return 0; /* an IPv6 address without brackets */
	n = strtol(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || n < 1 || n > 65535)
		return -1;
	*port = (int)n;
	*colon = '\0';
	return 0;
}

static char *without_brackets(const char *host)
{
	size_t len = strlen(host);

	return host[0] == '[' && host[len - 1] == ']' ? xstrndup(host + 1, len - 2) : xstrdup(host);
}

int ssh_jump_parse(const char *text, struct ssh_hop *hop, struct pl_error *err)
{
	const char *comma = strrchr(text, ',');
	const char *last = comma != NULL ? comma + 1 : text;
	char *word, *at;
	int rc;

	*hop = (struct ssh_hop){ 0 };
	if (strncmp(last, "ssh://", 6) == 0)
		last += 6;
	word = xstrdup(last);
	at = strrchr(word, '@');
	if (at != NULL) {
		*at = '\0';
		hop->user = xstrdup(word);
	}
	at = at != NULL ? at + 1 : word;
	rc = take_port(at, &hop->port);
	hop->host = without_brackets(at);
	if (comma != NULL)
		hop->before = xstrndup(text, (size_t)(comma - text));
	free(word);
	if (rc != 0 || *hop->host == '\0' || (hop->user != NULL && *hop->user == '\0'))
		return pl_errorf(err, PL_EUSAGE, "ProxyJump '%s': a jump host is [user@]host[:port]",
				 text);
	return 0;
}

void ssh_hop_fini(struct ssh_hop *hop)
{
	free(hop->user);
	free(hop->host);
	free(hop->before);
	*hop = (struct ssh_hop){ 0 };
}
