/* task.c - the names of outcomes and phases, as printed and as read; how a task ended, as JSON. */
#include "transport/task.h"

#include <string.h>

#include "base/jsontext.h"

static const char *const outcome_names[OUTCOMES] = {
	[OUTCOME_NONE] = "none",
	[OUTCOME_OK] = "ok",
	[OUTCOME_EXIT] = "exit",
	[OUTCOME_SIGNAL] = "signal",
	[OUTCOME_TIMEOUT] = "timeout",
	[OUTCOME_IDLE] = "idle",
	[OUTCOME_UNREACHABLE] = "unreachable",
	[OUTCOME_AUTH] = "auth",
	[OUTCOME_HOSTKEY] = "hostkey",
	[OUTCOME_LOST] = "lost",
	[OUTCOME_CANCELED] = "canceled",
};

static const char *const phase_names[PHASES] = {
	[PHASE_NONE] = "",
	[PHASE_RESOLVE] = "resolve",
	[PHASE_CONNECT] = "connect",
	[PHASE_BANNER] = "banner",
	[PHASE_KEX] = "kex",
	[PHASE_HOSTKEY] = "hostkey",
	[PHASE_AUTH] = "auth",
	[PHASE_OPEN] = "open",
	[PHASE_EXEC] = "exec",
	[PHASE_STREAM] = "stream",
};

static int find_name(const char *const *names, int n, const char *name)
{
	for (int i = 1; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return 0;
}

const char *outcome_name(enum outcome o)
{
	return outcome_names[o];
}

const char *phase_name(enum phase p)
{
	return phase_names[p];
}

enum outcome outcome_parse(const char *name)
{
	return (enum outcome)find_name(outcome_names, OUTCOMES, name);
}

enum phase phase_parse(const char *name)
{
	return (enum phase)find_name(phase_names, PHASES, name);
}

void task_result_json(struct strbuf *out, const struct task_result *r)
{
	jsontext_field(out, "outcome", outcome_name(r->outcome));
	if (r->phase != PHASE_NONE)
		jsontext_field(out, "phase", phase_name(r->phase));
	if (r->outcome == OUTCOME_OK || r->outcome == OUTCOME_EXIT)
		jsontext_number(out, "code", r->code);
	if (r->outcome == OUTCOME_SIGNAL)
		jsontext_field(out, "signal", r->signal);
	if (r->bytes > 0)
		jsontext_number(out, "bytes", (int64_t)r->bytes);
	if (r->why[0] != '\0')
		jsontext_field(out, "why", r->why);
	if (r->detail[0] != '\0')
		jsontext_field(out, "detail", r->detail);
}
