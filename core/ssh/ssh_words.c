/* ssh_words.c - see ssh_words.h */
#include "ssh/ssh_words.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* ---- phases ---- */

enum phase ssh_words_phase(const char *line)
{
	static const struct {
		const char *begins;
		enum phase phase;
	} marks[] = {
		{ "debug1: Connecting to ", PHASE_CONNECT },
		{ "debug1: Executing proxy command: ", PHASE_CONNECT },
		{ "debug1: Connection established", PHASE_BANNER },
		{ "debug1: Local version string ", PHASE_BANNER },
		{ "debug1: Remote protocol version ", PHASE_KEX },
		{ "debug1: Server host key: ", PHASE_HOSTKEY },
		{ "debug1: Server host certificate: ", PHASE_HOSTKEY },
		{ "debug1: SSH2_MSG_NEWKEYS sent", PHASE_AUTH },
		{ "Authenticated to ", PHASE_OPEN },
		{ "debug1: Authentication succeeded ", PHASE_OPEN },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (begins(line, marks[i].begins))
			return marks[i].phase;
	}
	return PHASE_NONE;
}

bool ssh_words_complains(const char *line)
{
	static const char *const chatter[] = {
		"debug", "Authenticated ", "Transferred: ", "Bytes per second: ",
		"Warning: Permanently added ", "OpenSSH_", "** ",
	};

	for (size_t i = 0; i < ARRAY_LEN(chatter); i++) {
		if (begins(line, chatter[i]))
			return false;
	}
	return *line != '\0';
}

/* ---- failures ---- */

/* A complaint that holds `words`: how the host ended, and what to say with what follows its last
 * ": " in place of %s. The first that is met counts. */
static const struct rule {
	const char *words;
	enum outcome outcome;
	enum phase phase;
	const char *says;
} RULES[] = {
	{ "REVOKED HOST KEY", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is revoked in known_hosts" },
	{ "HOST IDENTIFICATION HAS CHANGED", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "ITS HOST KEY HAS CHANGED: someone may be listening; when it was replaced: take the old "
	  "one out of known_hosts" },
	{ "host key is known for", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is not in known_hosts; when it is right: ssh-keyscan HOST >>"
	  "~/.ssh/known_hosts" },
	{ "Host key verification failed", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is not one that known_hosts trusts" },
	{ "Host certificate ", OUTCOME_HOSTKEY, PHASE_HOSTKEY, "its host certificate is not valid" },
	{ "Permission denied", OUTCOME_AUTH, PHASE_AUTH, "login refused: %s" },
	{ "Too many authentication failures", OUTCOME_AUTH, PHASE_AUTH,
	  "login refused: too many keys were tried; name one with IdentityFile and "
	  "IdentitiesOnly yes" },
	{ "Could not resolve hostname ", OUTCOME_UNREACHABLE, PHASE_RESOLVE,
	  "no address for its name: %s" },
	{ "Connection refused", OUTCOME_UNREACHABLE, PHASE_CONNECT,
	  "Connection refused (no sshd listens there)" },
	{ "connect to host ", OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s" },
	{ "Unable to negotiate with ", OUTCOME_UNREACHABLE, PHASE_KEX, "%s" },
	{ "timed out during banner exchange", OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "connected, but it has not said that it speaks SSH" },
	{ "banner exchange: ", OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "it does not speak SSH; is that the port of its sshd?" },
};

/* The line that holds the place, without what stands before its last ": ", nor its full stop. */
static void tail_of_line(const char *complaints, const char *at, char *tail, size_t size)
{
	size_t len = strcspn(at, "\n");
	const char *start = at;

	while (start > complaints && start[-1] != '\n')
		start--;
	for (const char *p = start; p + 1 < at + len; p++) {
		if (p[0] == ':' && p[1] == ' ')
			start = p + 2;
	}
	len -= (size_t)(start - at);
	if (len > 0 && start[len - 1] == '.')
		len--;
	snprintf(tail, size, "%.*s", (int)len, start);
}

static const char *last_line(const char *complaints)
{
	const char *newline, *at = complaints;

	while ((newline = strchr(at, '\n')) != NULL && newline[1] != '\0')
		at = newline + 1;
	return at;
}

static void say(struct task_result *r, const char *format, const char *tail)
{
	const char *hole = strstr(format, "%s");
	int before = hole != NULL ? (int)(hole - format) : (int)strlen(format);

	snprintf(r->why, sizeof(r->why), "%.*s%s%s", before, format, hole != NULL ? tail : "",
		 hole != NULL ? hole + 2 : "");
}

/* No rule knows it: the phase is what was reached, the words are ssh's. */
static void fail_as_said(enum phase phase, const char *complaints, struct task_result *r)
{
	char tail[300];

	r->outcome = OUTCOME_UNREACHABLE;
	r->phase = phase;
	tail_of_line(complaints, last_line(complaints), tail, sizeof(tail));
	if (*tail == '\0')
		say(r, "the system's ssh ended without a word", "");
	else if (phase == PHASE_BANNER)
		say(r, "it ended the connection before its banner (%s; sshd may be short of "
		    "MaxStartups, or refuse this address)", tail);
	else
		say(r, "%s", tail);
}

void ssh_words_failure(enum phase phase, const char *complaints, struct task_result *r)
{
	char tail[300];

	for (size_t i = 0; i < ARRAY_LEN(RULES); i++) {
		const char *at = strstr(complaints, RULES[i].words);

		if (at == NULL)
			continue;
		r->outcome = RULES[i].outcome;
		r->phase = RULES[i].phase;
		tail_of_line(complaints, at, tail, sizeof(tail));
		say(r, RULES[i].says, tail);
		return;
	}
	fail_as_said(phase, complaints, r);
}

void ssh_words_loss(const char *complaints, struct task_result *r)
{
	char tail[300];

	tail_of_line(complaints, last_line(complaints), tail, sizeof(tail));
	if (strstr(complaints, "Timeout, server ") != NULL)
		say(r, "connection lost: no byte for 24 s, though asked for a sign of life", "");
	else if (strstr(complaints, "closed by remote host") != NULL)
		say(r, "connection lost: the other side closed the connection", "");
	else
		say(r, "connection lost: %s", *tail != '\0' ? tail : "the system's ssh ended");
}
