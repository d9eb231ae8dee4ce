/* ssh_sudo.c - see ssh_sudo.h */
#include "ssh/ssh_sudo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/ring.h"
#include "base/secret.h"
#include "ssh/ssh_channel.h"
#include "ssh/ssh_preamble.h"

#define SAID_MOST 4096 /* of what is no word of sudo's, or is why it refused */

enum sudo_trust { SUDO_UNTRIED, SUDO_TRIED, SUDO_ACCEPTED, SUDO_REFUSED };

struct ssh_sudo {
	struct loop *loop;
	char *password;
	enum sudo_trust trust;
	unsigned refusals;
	struct ring asking; /* talks that are ASKED, in the order they came */
	struct ssh_sudo_talk *canary;	    /* TRIED: who is; NULL once it has ended */
	struct loop_timer patience;
	struct loop_defer again;
};

enum talk_state { TALK_LISTENS, TALK_ASKED, TALK_SHOWN, TALK_ROOT, TALK_REFUSED, TALK_OVER };

struct ssh_sudo_talk {
	struct ssh_sudo *sudo;
	struct ssh_channel *ch;
	enum talk_state state;
	struct ring link; /* among those that ask */
	struct strbuf says; /* what its words begin with */
	struct strbuf said, kept;
	int64_t shown_us;
};

static void look(void *arg);
static void lose_patience(void *arg);

struct ssh_sudo *ssh_sudo_create(struct loop *loop, const char *password)
{
	struct ssh_sudo *sudo = xcalloc(1, sizeof(*sudo));

	sudo->loop = loop;
	ring_init(&sudo->asking);
	sudo->password = xstrdup(password);
	loop_timer_init(&sudo->patience, loop, lose_patience, sudo);
	loop_defer_init(&sudo->again, loop, look, sudo);
	return sudo;
}

void ssh_sudo_destroy(struct ssh_sudo *sudo)
{
	if (sudo == NULL)
		return;
	loop_timer_stop(&sudo->patience);
	loop_defer_cancel(&sudo->again);
	secret_free(sudo->password);
	free(sudo);
}

bool ssh_sudo_has_password(const struct ssh_sudo *sudo)
{
	return sudo->password != NULL;
}

/* ---- those who ask ---- */

static void enqueue(struct ssh_sudo_talk *talk)
{
	talk->state = TALK_ASKED;
	ring_add_last(&talk->sudo->asking, &talk->link);
	loop_defer_schedule(&talk->sudo->again);
}

static void release_kept(struct ssh_sudo_talk *talk)
{
	struct strbuf kept = talk->kept;

	strbuf_init(&talk->kept);
	ssh_channel_write(talk->ch, strbuf_str(&kept), kept.len);
	strbuf_wipe(&kept);
}

/* Twice: for a sudo that can read nothing else, and for the one that stays. */
static void show(struct ssh_sudo_talk *talk)
{
	struct ssh_channel *ch = talk->ch;
	size_t len = strlen(talk->sudo->password);

	ring_remove(&talk->link);
	talk->state = TALK_SHOWN;
	talk->shown_us = loop_now_us(talk->sudo->loop);
	ch->is_secret = true;
	/* room for all of it at once: no copy is left behind where memory has moved */
	strbuf_reserve(&ch->queued, 2 * len + 2 + talk->kept.len);
	for (int i = 0; i < 2; i++) {
		ssh_channel_write(ch, talk->sudo->password, len);
		ssh_channel_write(ch, "\n", 1);
	}
	release_kept(talk);
}

static void become_canary(struct ssh_sudo_talk *talk)
{
	struct ssh_sudo *sudo = talk->sudo;
	const struct ssh_route *route = talk->ch->session->route;

	log_debug(LOG_SSH, "%s: the first to try the password for sudo", route->hostname);
	sudo->trust = SUDO_TRIED;
	sudo->canary = talk;
	loop_timer_start(&sudo->patience, route->connect_timeout_us);
	show(talk);
}

static void turn_away(struct ssh_sudo_talk *talk)
{
	unsigned n = talk->sudo->refusals;

	ring_remove(&talk->link);
	talk->state = TALK_OVER;
	ssh_channel_end_failed(talk->ch, OUTCOME_AUTH, PHASE_AUTH,
			       "not tried: %u host%s refused the same password for sudo, and none "
			       "accepted it", n, n == 1 ? "" : "s");
}

/* Lets on whom it can. */
static void look(void *arg)
{
	struct ssh_sudo *sudo = arg;

	while (!ring_is_empty(&sudo->asking)) {
		struct ssh_sudo_talk *first = ring_first(&sudo->asking, struct ssh_sudo_talk, link);

		switch (sudo->trust) {
		case SUDO_UNTRIED:
			become_canary(first);
			return;
		case SUDO_TRIED:
			return;
		case SUDO_ACCEPTED:
			show(first);
			break;
		case SUDO_REFUSED:
			turn_away(first);
			break;
		}
	}
}

static void decide(struct ssh_sudo *sudo, enum sudo_trust trust)
{
	loop_timer_stop(&sudo->patience);
	sudo->canary = NULL;
	sudo->trust = trust;
	loop_defer_schedule(&sudo->again);
}

/* Nobody knows more than before: the next one is tried. */
static void go_on_untried(struct ssh_sudo *sudo)
{
	decide(sudo, sudo->trust == SUDO_TRIED ? SUDO_UNTRIED : sudo->trust);
}

static void lose_patience(void *arg)
{
	go_on_untried(arg);
}

/* ---- what it says ---- */

static void on_root(struct ssh_sudo_talk *talk)
{
	if (talk->state == TALK_SHOWN)
		decide(talk->sudo, SUDO_ACCEPTED);
	talk->state = TALK_ROOT;
	release_kept(talk);
}

static void hand_out(struct ssh_sudo_talk *talk, size_t len)
{
	struct strbuf all = talk->said;

	strbuf_init(&talk->said);
	strbuf_add(&talk->said, strbuf_str(&all) + len, all.len - len);
	if (len > 0)
		ssh_channel_hand_out(talk->ch, STREAM_ERR, all.s, len);
	strbuf_fini(&all);
}

/* Forgets the word; what came before it is of login files. */
static bool take_word(struct ssh_sudo_talk *talk, const char *word)
{
	const char *says = strbuf_str(&talk->says);
	size_t skip = talk->says.len + strlen(word);
	char *at = memmem(strbuf_str(&talk->said), talk->said.len, says, talk->says.len);

	if (at == NULL || (size_t)(talk->said.s + talk->said.len - at) < skip ||
	    memcmp(at + talk->says.len, word, strlen(word)) != 0)
		return false;
	memmove(at, at + skip, (size_t)(talk->said.s + talk->said.len - at) - skip);
	strbuf_truncate(&talk->said, talk->said.len - skip);
	hand_out(talk, (size_t)(at - talk->said.s));
	return true;
}

/* Of what is no word, the end may be the beginning of one. */
static void let_pass(struct ssh_sudo_talk *talk)
{
	if (talk->said.len > SAID_MOST && talk->state == TALK_REFUSED)
		strbuf_truncate(&talk->said, SAID_MOST);
	else if (talk->said.len > SAID_MOST)
		hand_out(talk, talk->said.len - SAID_MOST / 2);
}

bool ssh_sudo_hears(struct ssh_sudo_talk *talk, const void *bytes, size_t len)
{
	if (talk->state == TALK_ROOT || talk->state == TALK_OVER)
		return false;
	strbuf_add(&talk->said, bytes, len);
	if (talk->state == TALK_LISTENS && talk->sudo->password != NULL &&
	    take_word(talk, SSH_SUDO_ASKS))
		enqueue(talk);
	if (talk->state != TALK_REFUSED && take_word(talk, SSH_SUDO_REFUSED)) {
		talk->state = TALK_REFUSED;
	} else if (talk->state != TALK_REFUSED && take_word(talk, SSH_SUDO_ROOT)) {
		on_root(talk);
		hand_out(talk, talk->said.len);
		return true;
	}
	let_pass(talk);
	return true;
}

/* ---- the talk ---- */

struct ssh_sudo_talk *ssh_sudo_listen(struct ssh_sudo *sudo, struct ssh_channel *ch,
				      const char *mark)
{
	struct ssh_sudo_talk *talk = xcalloc(1, sizeof(*talk));

	talk->sudo = sudo;
	talk->ch = ch;
	strbuf_addf(&talk->says, SSH_SUDO_SAYS, mark);
	return talk;
}

bool ssh_sudo_keeps(struct ssh_sudo_talk *talk, const void *bytes, size_t len)
{
	if (talk->sudo->password == NULL ||
	    (talk->state != TALK_LISTENS && talk->state != TALK_ASKED))
		return false;
	strbuf_add(&talk->kept, bytes, len);
	return true;
}

size_t ssh_sudo_kept(const struct ssh_sudo_talk *talk)
{
	return talk->kept.len;
}

bool ssh_sudo_is_undecided(const struct ssh_sudo_talk *talk)
{
	int64_t most = talk->ch->session->route->connect_timeout_us;

	return talk->state == TALK_ASKED ||
	       (talk->state == TALK_SHOWN &&
		loop_now_us(talk->sudo->loop) - talk->shown_us < most);
}

/* The last line of what sudo said says why; the others are for one who sits before it. */
bool ssh_sudo_refused(const struct ssh_sudo_talk *talk, struct task_result *r)
{
	const char *said = strbuf_str(&talk->said);
	const char *last = strrchr(said, '\n');
	bool has_password = talk->sudo->password != NULL;

	if (talk->state != TALK_REFUSED)
		return false;
	*r = (struct task_result){ .outcome = OUTCOME_AUTH, .phase = PHASE_AUTH, .begun = true };
	snprintf(r->why, sizeof(r->why), "sudo refused: %.200s (%s)",
		 last != NULL ? last + 1 : said,
		 has_password ? "is the password right, and does `sudo -l` there allow sh?"
			      : "--sudo asks for a password where it has a terminal; or allow sh "
				"there with NOPASSWD");
	return true;
}

/*
 * Why sudo of that host takes nobody's password, or has looked at it and goes by its rules: in the
 * words of the C locale. What is none of these may be about the password.
 */
static bool is_about_the_host(const char *said)
{
	static const char *const words[] = {
		"not in the sudoers file", "is not allowed to ", "may not run ", "not found",
		"must have a tty", "must be owned by uid 0", "effective uid is not 0",
		"no valid sudoers", "syntax error",
	};

	if (strstr(said, "incorrect") != NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strstr(said, words[i]) != NULL)
			return true;
	}
	return false;
}

static void on_refused(struct ssh_sudo_talk *talk)
{
	struct ssh_sudo *sudo = talk->sudo;

	if (sudo->trust == SUDO_ACCEPTED)
		return;
	if (is_about_the_host(strbuf_str(&talk->said))) {
		if (sudo->canary == talk)
			go_on_untried(sudo);
		return;
	}
	sudo->refusals++;
	decide(sudo, SUDO_REFUSED);
}

void ssh_sudo_leave(struct ssh_sudo_talk *talk)
{
	ring_remove(&talk->link);
	if (talk->state == TALK_REFUSED && talk->shown_us > 0)
		on_refused(talk);
	else if (talk->sudo->canary == talk)
		go_on_untried(talk->sudo);
	talk->state = TALK_OVER;
}

void ssh_sudo_free(struct ssh_sudo_talk *talk)
{
	if (talk == NULL)
		return;
	ssh_sudo_leave(talk);
	strbuf_wipe(&talk->kept);
	strbuf_fini(&talk->said);
	strbuf_fini(&talk->says);
	free(talk);
}
