/* ssh_detour.c - see ssh_detour.h */
#include "ssh/ssh_detour.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "ssh/ssh_master.h"
#include "ssh/ssh_mux.h"
#include "ssh/ssh_pace.h"
#include "ssh/ssh_pool.h"

#define OTHERS_US (2 * 1000000) /* how long, at most */

struct reason {
	char *first; /* the host that was met with it first */
	size_t hosts;
	enum { REASON_COUNTED, REASON_DUE, REASON_TOLD } state;
};

struct ssh_detours {
	struct strtable reasons; /* its words -> struct reason */
	size_t n_due;
	struct loop_timer timer; /* the others of a reason are waited for */
	void (*on_note)(void *arg, const char *text);
	void *arg;
};

static void tell_due(void *arg);

struct ssh_detours *ssh_detours_create(struct loop *loop,
				       void (*on_note)(void *arg, const char *text), void *arg)
{
	struct ssh_detours *detours = xcalloc(1, sizeof(*detours));

	loop_timer_init(&detours->timer, loop, tell_due, detours);
	detours->on_note = on_note;
	detours->arg = arg;
	return detours;
}

void ssh_detours_destroy(struct ssh_detours *detours)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (detours == NULL)
		return;
	loop_timer_stop(&detours->timer);
	while ((it = strtable_next(&detours->reasons, &pos)) != NULL) {
		struct reason *reason = it->value;

		free(reason->first);
		free(reason);
	}
	strtable_fini(&detours->reasons);
	free(detours);
}

/* ---- the notes ---- */

void ssh_detour_count(struct ssh_detours *detours, struct ssh_route *route)
{
	struct reason *reason = strtable_get(&detours->reasons, route->other_way);

	if (route->on_detour)
		return;
	route->on_detour = true;
	if (reason == NULL) {
		reason = xcalloc(1, sizeof(*reason));
		reason->first = xstrdup(route->name);
		strtable_put(&detours->reasons, route->other_way, reason);
	}
	reason->hosts++;
}

static void tell(struct ssh_detours *detours, const char *why, struct reason *reason)
{
	struct strbuf text = STRBUF_INIT;

	reason->state = REASON_TOLD;
	if (reason->hosts == 1)
		strbuf_addf(&text, "%s goes", reason->first);
	else
		strbuf_addf(&text, "%zu hosts go", reason->hosts);
	strbuf_addf(&text, " by the system's ssh: %s", why);
	if (detours->on_note != NULL)
		detours->on_note(detours->arg, text.s);
	strbuf_fini(&text);
}

static void tell_due(void *arg)
{
	struct ssh_detours *detours = arg;
	const struct strtable_entry *it;
	size_t pos = 0;

	while ((it = strtable_next(&detours->reasons, &pos)) != NULL) {
		struct reason *reason = it->value;

		if (reason->state == REASON_DUE)
			tell(detours, it->key, reason);
	}
	detours->n_due = 0;
	loop_timer_stop(&detours->timer);
}

void ssh_detour_tell(struct ssh_session *s)
{
	struct ssh_detours *detours = ssh_pool_detours(s->host->pool);
	struct reason *reason = NULL;

	if (s->mux != NULL && s->route->on_detour)
		reason = strtable_get(&detours->reasons, s->route->other_way);
	if (reason != NULL && reason->state == REASON_COUNTED) {
		reason->state = REASON_DUE;
		if (detours->n_due++ == 0)
			loop_timer_start(&detours->timer, OTHERS_US);
	}
	if (detours->n_due > 0 && ssh_pace_is_idle(ssh_pool_pace(s->host->pool)))
		tell_due(detours);
}

/* ---- the way ---- */

bool ssh_detour_take(struct ssh_session *s, struct task_result *result)
{
	size_t len = strlen(result->why);

	if (s->mux != NULL || s->state >= SESSION_READY)
		return false;
	if (!ssh_master_can_start()) {
		snprintf(result->why + len, sizeof(result->why) - len,
			 "; the system's ssh may reach it, but there is no program ssh here "
			 "(Debian: openssh-client)");
		return false;
	}
	if (s->route->other_way == NULL) { /* another session of the host may have been first */
		s->route->other_way = xstrdup(result->why);
		free(s->host->login_name); /* ssh may have other credentials to show */
		s->host->login_name = NULL;
	}
	ssh_detour_count(ssh_pool_detours(s->host->pool), s->route);
	ssh_mux_adopt(s);
	return true;
}
