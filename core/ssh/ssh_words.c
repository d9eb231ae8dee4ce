/* ssh_words.c - see ssh_words.h */
#include "ssh/ssh_words.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"

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

#define HUNG_UP "it ended the connection before its banner (sshd may be short of MaxStartups, or " \
		"refuse this address)"

/* A complaint that holds `words`: how the host ended, and what to say, with what follows its last
 * ": " in place of %s, what follows `words` in place of %r, and the file of trust in place of %t.
 * The first that is met counts. PHASE_NONE: the phase that was reached. */
static const struct rule {
	const char *words;
	enum outcome outcome;
	enum phase phase;
	const char *says;
} RULES[] = {
	{ "-CERT host key for ", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host certificate, or the authority that signed it, is revoked in known_hosts" },
	{ "REVOKED HOST KEY", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is revoked in known_hosts" },
	{ "HOST IDENTIFICATION HAS CHANGED", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "ITS HOST KEY HAS CHANGED: someone may be listening; when it was replaced: take the old "
	  "one out of known_hosts (ssh-keygen -R HOST)" },
	{ "host key is known for", OUTCOME_HOSTKEY, PHASE_HOSTKEY,
	  "its host key is not in %t; when it is right: ssh-keyscan HOST >>%t" },
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
	{ ": Connection reset by peer", OUTCOME_UNREACHABLE, PHASE_BANNER, HUNG_UP },
	{ "connect to host ", OUTCOME_UNREACHABLE, PHASE_CONNECT, "%s" },
	{ "no matching ", OUTCOME_UNREACHABLE, PHASE_KEX, "no matching %r" },
	{ "timed out during banner exchange", OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "connected, but it has not said that it speaks SSH" },
	{ "banner exchange: Connection to ", OUTCOME_UNREACHABLE, PHASE_BANNER,
	  "it does not speak SSH; is that the port of its sshd?" },
	{ "kex_exchange_identification: ", OUTCOME_UNREACHABLE, PHASE_BANNER, HUNG_UP },
	{ "Connection closed by ", OUTCOME_UNREACHABLE, PHASE_NONE, "the connection was closed" },
	{ "Broken pipe", OUTCOME_UNREACHABLE, PHASE_NONE, "the connection was closed" },
	{ "Connection reset by ", OUTCOME_UNREACHABLE, PHASE_NONE, "the connection was reset" },
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

/* What stands for a hole of a rule's `says`. */
struct holes {
	char tail[300];	  /* %s */
	char rest[300];	  /* %r */
	const char *trust; /* %t */
};

static const char *hole(const struct holes *holes, char which)
{
	switch (which) {
	case 's':
		return holes->tail;
	case 'r':
		return holes->rest;
	default:
		return holes->trust;
	}
}

static void say(struct task_result *r, const char *format, const struct holes *holes)
{
	struct strbuf why = STRBUF_INIT;

	for (const char *at = format; *at != '\0'; at++) {
		if (*at == '%')
			strbuf_adds(&why, hole(holes, *++at));
		else
			strbuf_addc(&why, *at);
	}
	snprintf(r->why, sizeof(r->why), "%s", strbuf_str(&why));
	strbuf_fini(&why);
}

void ssh_words_failure(enum phase phase, const char *complaints, const char *trust,
		       struct task_result *r)
{
	static const struct rule unknown = { "", OUTCOME_UNREACHABLE, PHASE_NONE, "%s" };
	static const struct rule hung_up = { "", OUTCOME_UNREACHABLE, PHASE_BANNER, HUNG_UP };
	const struct rule *rule = &unknown;
	const char *at = last_line(complaints);
	struct holes holes = { .trust = trust };

	for (size_t i = 0; i < ARRAY_LEN(RULES) && rule == &unknown; i++) {
		const char *met = strstr(complaints, RULES[i].words);

		if (met == NULL)
			continue;
		rule = &RULES[i];
		at = met;
	}
	/* a connection that ends says so in other words where ssh was writing its own banner */
	if (rule != &unknown && rule->phase == PHASE_NONE &&
	    (phase == PHASE_CONNECT || phase == PHASE_BANNER))
		rule = &hung_up;
	tail_of_line(complaints, at, holes.tail, sizeof(holes.tail));
	at += strlen(rule->words);
	snprintf(holes.rest, sizeof(holes.rest), "%.*s", (int)strcspn(at, "\n"), at);
	r->outcome = rule->outcome;
	r->phase = rule->phase != PHASE_NONE ? rule->phase : phase;
	say(r, *holes.tail != '\0' ? rule->says : "the system's ssh ended without a word", &holes);
}

bool ssh_words_hung_up(const struct task_result *r)
{
	return strcmp(r->why, HUNG_UP) == 0;
}

void ssh_words_loss(const char *complaints, struct task_result *r)
{
	struct holes holes = { .tail = "" };
	const char *says = "connection lost: %s";

	tail_of_line(complaints, last_line(complaints), holes.tail, sizeof(holes.tail));
	if (strstr(complaints, "Timeout, server ") != NULL)
		says = "connection lost: no byte for long, though asked for a sign of life";
	else if (strstr(complaints, "closed by remote host") != NULL)
		says = "connection lost: the other side closed the connection";
	else if (*holes.tail == '\0')
		says = "connection lost: the system's ssh ended";
	say(r, says, &holes);
}
