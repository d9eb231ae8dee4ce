/* ssh_supervisor.c - see ssh_supervisor.h */
#include "ssh/ssh_supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "ssh/ssh_audit.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_command.h"
#include "ssh/ssh_pool.h"
#include "ssh/ssh_sudo.h"
#include "ssh/ssh_supervisor_text.h"

#define REST_AFTER_US (1000000) /* most sessions of one command are over before it is needed */
#define HEARTBEAT_US (5 * 1000000)
#define LINE_MOST 1024 /* what comes in longer lines is not from our program */

enum supervisor_state { SUPERVISOR_STARTING, SUPERVISOR_WATCHING, SUPERVISOR_GONE };

struct ssh_supervisor {
	struct ssh_session *session;
	enum supervisor_state state;
	struct ssh_channel *channel; /* NULL when GONE */
	bool is_whole; /* the rest of its program is on its way */
	struct loop_timer heartbeat;
	struct ssh_question *asked;
	struct strbuf said; /* the beginning of a line */
	int64_t begun_us;
};

static void leave(struct ssh_supervisor *sup)
{
	sup->state = SUPERVISOR_GONE;
	sup->channel = NULL;
	loop_timer_stop(&sup->heartbeat);
	strbuf_fini(&sup->said);
}

static struct ssh_question *take_question(struct ssh_supervisor *sup, const char *tag)
{
	for (struct ssh_question **at = &sup->asked; *at != NULL; at = &(*at)->next) {
		struct ssh_question *q = *at;

		if (tag != NULL && strcmp(q->tag, tag) != 0)
			continue;
		*at = q->next;
		q->next = NULL;
		return q;
	}
	return NULL;
}

/* Who has asked is a user of the session until then; the answer may end him. */
static void answer(struct ssh_supervisor *sup, struct ssh_question *q, enum ssh_ended ended)
{
	q->on_answer(q->arg, ended);
	ssh_session_count_users(sup->session, -1);
}

static void answer_nothing(struct ssh_supervisor *sup)
{
	struct ssh_question *q;

	while ((q = take_question(sup, NULL)) != NULL)
		answer(sup, q, ENDED_UNKNOWN);
}

/* ---- what it says ---- */

static void on_answer(struct ssh_supervisor *sup, char *words)
{
	static const enum ssh_ended by_status[] = { ENDED_ALL, ENDED_NOT_ALL, ENDED_UNKNOWN,
						    ENDED_NOBODY };
	char *status = strchr(words, ' ');
	struct ssh_question *q;
	unsigned n;

	if (status == NULL)
		return;
	*status++ = '\0';
	n = (unsigned)(*status - '0');
	q = take_question(sup, words);
	if (q != NULL)
		answer(sup, q, n < ARRAY_LEN(by_status) ? by_status[n] : ENDED_UNKNOWN);
}

static void on_line(struct ssh_supervisor *sup, char *line)
{
	struct ssh_session *s = sup->session;

	log_debug(LOG_SSH, "%s: supervisor: %s", s->route->hostname, line);
	if (strncmp(line, "hello ", 6) == 0) {
		sup->state = SUPERVISOR_WATCHING;
		ssh_session_poke(s);
	} else if (strncmp(line, "ended ", 6) == 0)
		on_answer(sup, line + 6);
	else if (strcmp(line, "orphaned") == 0)
		ssh_session_fail(s, OUTCOME_LOST, PHASE_STREAM,
				 "the host had heard nothing from here for 15 s, and ended what ran "
				 "there");
}

static void take_lines(struct ssh_supervisor *sup)
{
	char *end;

	while (sup->said.len > 0 && (end = memchr(sup->said.s, '\n', sup->said.len)) != NULL) {
		char *line = xstrndup(sup->said.s, (size_t)(end - sup->said.s));

		strbuf_consume(&sup->said, strlen(line) + 1);
		on_line(sup, line);
		free(line);
	}
	if (sup->said.len == 0 || sup->said.len > LINE_MOST)
		strbuf_fini(&sup->said);
}

static void on_output(void *arg, enum stream stream, const void *bytes, size_t len)
{
	struct ssh_supervisor *sup = arg;

	if (stream != STREAM_OUT || memchr(bytes, '\0', len) != NULL)
		return;
	strbuf_add(&sup->said, bytes, len);
	take_lines(sup);
}

/* ---- its life ---- */

static void send_rest(struct ssh_supervisor *sup)
{
	if (sup->is_whole)
		return;
	sup->is_whole = true;
	ssh_channel_write(sup->channel, ssh_supervisor_rest, strlen(ssh_supervisor_rest));
	ssh_channel_write(sup->channel, "\n", 1);
}

static void on_heartbeat(void *arg)
{
	struct ssh_supervisor *sup = arg;

	loop_timer_start(&sup->heartbeat, HEARTBEAT_US);
	ssh_session_poke(sup->session); /* who was held back may be so no more */
	send_rest(sup);
	if (ssh_channel_pending(sup->channel) == 0)
		ssh_channel_write(sup->channel, ".\n", 2);
}

static void on_start(void *arg)
{
	struct ssh_supervisor *sup = arg;

	loop_timer_start(&sup->heartbeat, REST_AFTER_US);
}

static void on_end(void *arg, const struct task_result *result)
{
	struct ssh_supervisor *sup = arg;
	struct ssh_session *s = sup->session;
	bool was_watching = sup->state == SUPERVISOR_WATCHING;

	log_debug(LOG_SSH, "%s: supervisor: %s: %s", s->route->hostname,
		  outcome_name(result->outcome), result->why);
	leave(sup);
	if (s->state == SESSION_READY && was_watching)
		s->spent = true;
	else if (s->state == SESSION_READY && result->outcome == OUTCOME_AUTH)
		ssh_session_end(s, result); /* sudo refused */
	else if (s->state == SESSION_READY)
		ssh_pool_note_unsupervised(s->host, "no shell there could run it");
	answer_nothing(sup);
	ssh_session_poke(s);
	ssh_session_count_users(s, 0); /* an idle session is looked at again */
}

static const struct ssh_channel_events supervisor_events = {
	.on_start = on_start,
	.on_output = on_output,
	.on_end = on_end,
};

void ssh_supervisor_start(struct ssh_session *s)
{
	struct ssh_request request = SSH_REQUEST_INIT;
	struct ssh_supervisor *sup;

	if (s->token[0] == '\0' || s->supervisor != NULL)
		return;
	sup = xcalloc(1, sizeof(*sup));
	sup->session = s;
	sup->begun_us = loop_now_us(s->loop);
	loop_timer_init(&sup->heartbeat, s->loop, on_heartbeat, sup);
	ssh_command_supervise(&request.line, s->token);
	if (s->route->asked->audit)
		ssh_audit_option(&request.line);
	if (s->root)
		ssh_command_as_root(&request, "PERILUNE_SUPERVISOR", s->token,
				    ssh_sudo_has_password(ssh_pool_sudo(s->host->pool)));
	s->supervisor = sup;
	sup->channel = ssh_channel_create(s, NULL, CHANNEL_OF_SUPERVISOR, &supervisor_events, sup);
	ssh_channel_ask(sup->channel, &request);
	if (s->root)
		send_rest(sup); /* commands wait for its hello */
}

void ssh_supervisor_free(struct ssh_session *s)
{
	if (s->supervisor == NULL)
		return;
	leave(s->supervisor);
	free(s->supervisor);
	s->supervisor = NULL;
}

bool ssh_supervisor_is_there(const struct ssh_session *s)
{
	return s->supervisor != NULL && s->supervisor->state != SUPERVISOR_GONE;
}

bool ssh_supervisor_holds_back(const struct ssh_session *s)
{
	const struct ssh_supervisor *sup = s->supervisor;

	if (!s->root || sup == NULL || sup->state != SUPERVISOR_STARTING)
		return false;
	return ssh_sudo_is_undecided(sup->channel->sudo) ||
	       loop_now_us(s->loop) - sup->begun_us < s->route->connect_timeout_us;
}

bool ssh_supervisor_give_way(struct ssh_session *s)
{
	struct ssh_channel *ch;

	if (!ssh_supervisor_is_there(s))
		return false;
	ch = s->supervisor->channel;
	leave(s->supervisor);
	ssh_channel_abandon(ch);
	s->most = 1;
	ssh_pool_note_unsupervised(s->host, "its sshd allows one channel (MaxSessions 1)");
	answer_nothing(s->supervisor);
	return true;
}

void ssh_supervisor_listen(struct ssh_session *s)
{
	if (ssh_supervisor_is_there(s) && s->stuck == NULL)
		ssh_channel_step(s->supervisor->channel);
}

static bool is_all_over(const struct ssh_session *s)
{
	ring_each (const struct ssh_channel, ch, &s->channels, link) {
		if (ch->role != CHANNEL_OF_SUPERVISOR && ch->begun && ch->state < CHANNEL_CLOSE)
			return false;
	}
	return true;
}

bool ssh_supervisor_say_bye(struct ssh_session *s)
{
	struct ssh_channel *ch;

	if (!ssh_supervisor_is_there(s) || s->stuck != NULL || s->opening != NULL)
		return false;
	ch = s->supervisor->channel;
	if (ch->state != CHANNEL_STREAM || ssh_channel_pending(ch) > 0 || !is_all_over(s))
		return false;
	ssh_channel_write(ch, "bye\n", 4);
	ssh_channel_step(ch);
	return s->state == SESSION_READY && ssh_supervisor_is_there(s);
}

/* ---- what it is asked ---- */

static void say(struct ssh_session *s, const char *text, size_t len)
{
	send_rest(s->supervisor);
	ssh_channel_write(s->supervisor->channel, text, len);
}

void ssh_supervisor_end(struct ssh_session *s, struct ssh_question *q, int signo,
			int64_t grace_us)
{
	struct strbuf line = STRBUF_INIT;

	q->next = s->supervisor->asked;
	s->supervisor->asked = q;
	ssh_session_count_users(s, 1);
	strbuf_addf(&line, "end %s %d %lld\n", q->tag, signo,
		    (long long)(grace_us + 99999) / 100000);
	say(s, line.s, line.len);
	strbuf_fini(&line);
}

void ssh_supervisor_signal(struct ssh_session *s, const char *tag, int signo)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_addf(&line, "signal %s %d\n", tag, signo);
	say(s, line.s, line.len);
	strbuf_fini(&line);
}

void ssh_supervisor_audit(struct ssh_session *s, const struct task *task)
{
	struct strbuf line = STRBUF_INIT;

	if (!s->route->asked->audit || !ssh_supervisor_is_there(s))
		return;
	ssh_audit_start(&line, task);
	say(s, line.s, line.len);
	strbuf_fini(&line);
}

void ssh_supervisor_forget(struct ssh_session *s, struct ssh_question *q)
{
	if (s->supervisor == NULL)
		return;
	for (struct ssh_question **at = &s->supervisor->asked; *at != NULL; at = &(*at)->next) {
		if (*at == q) {
			*at = q->next;
			ssh_session_count_users(s, -1);
			return;
		}
	}
}
