/*
 * ssh_pace.h - when a login may begin.
 *
 * Four things hold one back, none of which counts against its deadline:
 *  - the rate: so many per second, a second's worth at once;
 *  - a canary: while nobody knows whether these credentials open anything, one host is tried. When
 *    it does not answer for a moment, or does and takes its time, twice as many are, and so on:
 *    dead hosts hold up nobody for long, however many stand in front. No more show what they have
 *    at once than may be refused, and while one does no other begins to connect. The system's ssh
 *    cannot be held back once it runs: there it is one more each time, not twice as many;
 *  - refusals: after max_auth_fail of them, and nobody who let them in, credentials are used up;
 *  - an address that dropped connections before its banner (MaxStartups of sshd_config(5)): fewer
 *    at once are made to it, and slowly more again as logins succeed.
 * One struct ssh_turn stands for one login. Private to the ssh family.
 */
#ifndef PL_SSH_PACE_H
#define PL_SSH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ring.h"
#include "loop/loop.h"

#define PACE_RATE 100	       /* logins per second */
#define PACE_MAX_AUTH_FAIL 3
#define PACE_PATIENCE_US (250 * 1000)	/* with canaries that do not answer */
#define PACE_PATIENCE_ANSWERED_US (1000 * 1000) /* with one that does, to show its keys */
#define PACE_FORGET_US (60 * INT64_C(1000000)) /* without a try: refusals are old news */

struct ssh_pace;

enum ssh_turn_state {
	TURN_NONE,
	TURN_WAITING, /* to connect */
	TURN_TAKEN,   /* connects */
	TURN_HELD,    /* connected; others show the same credentials, of which nobody knows */
	TURN_SHOWING, /* shows its credentials */
	TURN_USED_UP, /* must not: too many have refused them */
};

/* Embedded in its owner, zeroed at first. */
struct ssh_turn {
	enum ssh_turn_state state;
	bool leads_on; /* to a jump host, for which others wait that may be canaries: never waits
			* for one */
	bool shows_unasked; /* the system's ssh logs in */
	bool answered;	    /* the host does; ssh_pace.c's */
	loop_call_f fn; /* called in a later turn of the loop when the state has changed */
	void *arg;
	struct ring link; /* among those that wait */
	struct pace_login *login;     /* what is equal in all that show the same */
	struct pace_address *address;
};

enum ssh_turn_end {
	TURN_LET_IN,
	TURN_REFUSED, /* the host did not accept the credentials */
	TURN_FAILED,  /* for another reason */
};

/* rate 0, max_auth_fail 0: the usual. */
struct ssh_pace *ssh_pace_create(struct loop *loop, double rate, unsigned max_auth_fail);
void ssh_pace_destroy(struct ssh_pace *p); /* no turn may be left; NULL is a no-op */

/* The turn waits until it is TAKEN or USED_UP. `login` is equal for equal user and keys, `address`
 * for equal addresses; both are copied. O(waiting) at worst. */
void ssh_pace_ask(struct ssh_pace *p, struct ssh_turn *t, const char *login, const char *address);

/* TAKEN: it would show its credentials now. True when it may (SHOWING); else HELD or USED_UP. */
bool ssh_pace_show(struct ssh_pace *p, struct ssh_turn *t);

/* The host is there: it may show its credentials soon. */
void ssh_pace_answered(struct ssh_pace *p, struct ssh_turn *t);

/* Another address of the same host is tried. */
void ssh_pace_move(struct ssh_pace *p, struct ssh_turn *t, const char *address);

/* The address ended the connection before its banner. True when that was for our being too many
 * there, or for others: it is worth another try after a pause. `said` is what it said, or "". */
bool ssh_pace_was_dropped(struct ssh_pace *p, struct ssh_turn *t, const char *said);

/* The login is over; safe in every state. */
void ssh_pace_end(struct ssh_pace *p, struct ssh_turn *t, enum ssh_turn_end how);

/* No turn is waited for, and none is under way. */
bool ssh_pace_is_idle(const struct ssh_pace *p);

/* How many hosts have refused what this turn would show. */
unsigned ssh_pace_refusals(const struct ssh_turn *t);

#endif
