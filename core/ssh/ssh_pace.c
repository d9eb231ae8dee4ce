/* ssh_pace.c - see ssh_pace.h */
#include "ssh/ssh_pace.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/strtable.h"

/* All logins with the same user and keys. */
struct pace_login {
	bool proven;	  /* somebody let them in */
	unsigned refused; /* by so many, while nobody did */
	size_t underway, answered, showing;
	size_t canaries;    /* as many are under way while nobody knows */
	int64_t begun_us;   /* the latest of them, or when they became more */
	int64_t refused_us; /* the latest refusal */
};

struct pace_address {
	size_t underway;
	size_t most; /* at once; 0: as many as come */
	size_t good; /* logins since `most` was changed */
	bool has_let_in;
};

struct ssh_pace {
	struct loop *loop;
	double rate, tokens;
	int64_t filled_us; /* when tokens were counted last */
	unsigned max_auth_fail;
	struct strtable logins, addresses;
	struct ring waiting; /* turns that are WAITING or HELD, in the order they came */
	size_t turns;		       /* that are none of NONE and USED_UP */
	struct loop_timer timer;       /* looks again */
	struct loop_defer again;
};

static void look(void *arg);

struct ssh_pace *ssh_pace_create(struct loop *loop, double rate, unsigned max_auth_fail)
{
	struct ssh_pace *p = xcalloc(1, sizeof(*p));

	p->loop = loop;
	ring_init(&p->waiting);
	p->rate = rate > 0 ? rate : PACE_RATE;
	p->tokens = p->rate > 1 ? p->rate : 1;
	p->filled_us = loop_now_us(loop);
	p->max_auth_fail = max_auth_fail > 0 ? max_auth_fail : PACE_MAX_AUTH_FAIL;
	loop_timer_init(&p->timer, loop, look, p);
	loop_defer_init(&p->again, loop, look, p);
	return p;
}

static void free_values(struct strtable *t)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	while ((it = strtable_next(t, &pos)) != NULL)
		free(it->value);
	strtable_fini(t);
}

void ssh_pace_destroy(struct ssh_pace *p)
{
	if (p == NULL)
		return;
	loop_timer_stop(&p->timer);
	loop_defer_cancel(&p->again);
	free_values(&p->logins);
	free_values(&p->addresses);
	free(p);
}

/* The value under key, of `size` zero bytes at first. */
static void *find(struct strtable *t, const char *key, size_t size)
{
	void *value = strtable_get(t, key);

	if (value == NULL) {
		value = xcalloc(1, size);
		strtable_put(t, key, value);
	}
	return value;
}

/* ---- those that wait ---- */

static void enqueue(struct ssh_pace *p, struct ssh_turn *t, enum ssh_turn_state state)
{
	t->state = state;
	ring_add_last(&p->waiting, &t->link);
}

static void dequeue(struct ssh_turn *t, enum ssh_turn_state state)
{
	ring_remove(&t->link);
	t->state = state;
}

/* ---- those that are under way ---- */

static void forget_answer(struct ssh_turn *t)
{
	if (t->answered)
		t->login->answered--;
	t->answered = false;
}

static void leave(struct ssh_pace *p, struct ssh_turn *t, enum ssh_turn_state state)
{
	forget_answer(t);
	t->login->underway--;
	t->address->underway--;
	p->turns--;
	t->state = state;
}

/* ---- the four gates ---- */

static bool is_used_up(const struct ssh_pace *p, const struct pace_login *l)
{
	return !l->proven && l->refused >= p->max_auth_fail;
}

/* While nobody knows, never more show their credentials than may be refused. */
static bool may_show(const struct ssh_pace *p, const struct pace_login *l)
{
	return l->proven || l->refused + l->showing < p->max_auth_fail;
}

static void add_canaries(struct pace_login *l, const struct ssh_turn *t, int64_t now)
{
	l->canaries += t->shows_unasked ? 1 : l->canaries;
	l->begun_us = now;
}

/* Sets *again_us to the time after which the canaries are slow. */
static bool login_lets(const struct ssh_pace *p, const struct ssh_turn *t, int64_t *again_us)
{
	struct pace_login *l = t->login;
	int64_t patience = l->answered > 0 ? PACE_PATIENCE_ANSWERED_US : PACE_PATIENCE_US;
	int64_t now = loop_now_us(p->loop);

	if (l->proven || l->underway == 0 || t->leads_on)
		return true;
	if (l->showing > 0)
		return false;
	if (now - l->begun_us >= patience)
		add_canaries(l, t, now);
	if (l->underway < l->canaries)
		return true;
	if (l->begun_us + patience - now < *again_us)
		*again_us = l->begun_us + patience - now;
	return false;
}

static bool address_lets(const struct pace_address *a)
{
	return a->most == 0 || a->underway < a->most;
}

static void fill_tokens(struct ssh_pace *p)
{
	int64_t now = loop_now_us(p->loop);
	double most = p->rate > 1 ? p->rate : 1;

	p->tokens += (double)(now - p->filled_us) / 1e6 * p->rate;
	if (p->tokens > most)
		p->tokens = most;
	p->filled_us = now;
}

static bool rate_lets(const struct ssh_pace *p, int64_t *again_us)
{
	int64_t wait = (int64_t)((1 - p->tokens) / p->rate * 1e6) + 1;

	if (p->tokens >= 1)
		return true;
	if (wait < *again_us)
		*again_us = wait;
	return false;
}

static void take(struct ssh_pace *p, struct ssh_turn *t)
{
	dequeue(t, TURN_TAKEN);
	p->tokens -= 1;
	if (t->login->underway++ == 0)
		t->login->canaries = 1;
	t->login->begun_us = loop_now_us(p->loop);
	t->address->underway++;
}

/* What it would show was refused too often while it waited. */
static void use_up(struct ssh_pace *p, struct ssh_turn *t)
{
	bool was_held = t->state == TURN_HELD;

	dequeue(t, TURN_USED_UP);
	if (was_held)
		leave(p, t, TURN_USED_UP);
	else
		p->turns--;
}

/* Lets on whom it can. */
static void look(void *arg)
{
	struct ssh_pace *p = arg;
	int64_t again_us = INT64_MAX;
	struct ring *next;

	fill_tokens(p);
	for (struct ring *at = p->waiting.next; at != &p->waiting; at = next) {
		struct ssh_turn *t = container_of(at, struct ssh_turn, link);

		next = at->next;
		if (is_used_up(p, t->login)) {
			use_up(p, t);
		} else if (t->state == TURN_HELD) {
			if (!may_show(p, t->login))
				continue;
			dequeue(t, TURN_TAKEN);
		} else {
			if (!login_lets(p, t, &again_us) || !address_lets(t->address) ||
			    !rate_lets(p, &again_us))
				continue;
			take(p, t);
		}
		t->fn(t->arg);
	}
	if (again_us < INT64_MAX)
		loop_timer_start(&p->timer, again_us);
}

/* ---- public ---- */

void ssh_pace_ask(struct ssh_pace *p, struct ssh_turn *t, const char *login, const char *address)
{
	struct pace_login *l = find(&p->logins, login, sizeof(*l));

	t->login = l;
	t->address = find(&p->addresses, address, sizeof(*t->address));
	if (!l->proven && l->underway == 0 && loop_now_us(p->loop) - l->refused_us > PACE_FORGET_US)
		l->refused = 0;
	enqueue(p, t, TURN_WAITING);
	p->turns++;
	loop_defer_schedule(&p->again);
}

bool ssh_pace_show(struct ssh_pace *p, struct ssh_turn *t)
{
	if (t->state != TURN_TAKEN)
		return t->state == TURN_SHOWING;
	if (is_used_up(p, t->login)) {
		leave(p, t, TURN_USED_UP);
		return false;
	}
	if (!may_show(p, t->login)) {
		enqueue(p, t, TURN_HELD);
		return false;
	}
	t->state = TURN_SHOWING;
	t->login->showing++;
	return true;
}

void ssh_pace_answered(struct ssh_pace *p, struct ssh_turn *t)
{
	if (t->state != TURN_TAKEN || t->answered)
		return;
	t->answered = true;
	t->login->answered++;
	t->login->begun_us = loop_now_us(p->loop);
}

void ssh_pace_move(struct ssh_pace *p, struct ssh_turn *t, const char *address)
{
	forget_answer(t);
	t->address->underway--;
	t->address = find(&p->addresses, address, sizeof(*t->address));
	t->address->underway++;
	loop_defer_schedule(&p->again);
}

bool ssh_pace_was_dropped(struct ssh_pace *p, struct ssh_turn *t, const char *said)
{
	struct pace_address *a = t->address;
	bool too_many = a->underway > 1 || a->has_let_in || strstr(said, "MaxStartups") != NULL;

	if (!too_many)
		return false;
	a->most = a->underway > 1 ? a->underway / 2 : 1;
	a->good = 0;
	ssh_pace_end(p, t, TURN_FAILED);
	return true;
}

static void note_end(struct ssh_pace *p, struct ssh_turn *t, enum ssh_turn_end how)
{
	struct pace_login *l = t->login;
	struct pace_address *a = t->address;

	if (how == TURN_LET_IN) {
		l->proven = true;
		a->has_let_in = true;
		if (a->most > 0 && ++a->good >= a->most) {
			a->most++;
			a->good = 0;
		}
	} else if (how == TURN_REFUSED) {
		l->refused++;
		l->refused_us = loop_now_us(p->loop);
		a->has_let_in = true; /* so far as MaxStartups goes */
	}
}

void ssh_pace_end(struct ssh_pace *p, struct ssh_turn *t, enum ssh_turn_end how)
{
	switch (t->state) {
	case TURN_NONE:
	case TURN_USED_UP:
		return;
	case TURN_WAITING:
		dequeue(t, TURN_NONE);
		p->turns--;
		return;
	case TURN_HELD:
		dequeue(t, TURN_TAKEN);
		break;
	case TURN_SHOWING:
		t->login->showing--;
		break;
	case TURN_TAKEN:
		break;
	}
	leave(p, t, TURN_NONE);
	note_end(p, t, how);
	if (!ring_is_empty(&p->waiting))
		loop_defer_schedule(&p->again);
}

bool ssh_pace_is_idle(const struct ssh_pace *p)
{
	return p->turns == 0;
}

unsigned ssh_pace_refusals(const struct ssh_turn *t)
{
	return t->login->refused;
}
