/*
 * ssh_login.h - what ssh_connect.c, ssh_login.c and ssh_auth.c share: a session on its way to
 * READY. Private to the three; others see the functions ssh_login_* of ssh_session.h.
 */
#ifndef PL_TRANSPORT_SSH_LOGIN_H
#define PL_TRANSPORT_SSH_LOGIN_H

#include "ssh/ssh_pace.h"
#include "ssh/ssh_session.h"

#define READ_AHEAD 512	/* libssh2 reads a banner byte by byte */
#define GREETING_MAX 64 /* of what a server says first, for a message */

struct ssh_auth;

/* What only a session that is not READY needs. */
struct ssh_login {
	int64_t began_us; /* -1 until the first step */
	enum phase phase;
	int64_t phase_ends_us;
	int64_t paused_us; /* when; 0: not paused */
	struct ssh_turn turn;	/* among all logins */
	int64_t waits_since_us; /* for the turn */
	unsigned drops;		/* connections that ended before the banner */
	bool pauses;		/* after one of them, before it asks for another turn */
	struct resolve *resolve;
	struct addrinfo *addresses, *at; /* the one being tried */
	bool goes_on; /* `at` is to be connected to next */
	int last_errno;			 /* why the address before did not do */
	char ahead[READ_AHEAD];
	size_t ahead_at, ahead_end;
	char greeting[GREETING_MAX];
	size_t greeting_len;
	bool speaks_first; /* the other side said nothing for so long that our banner went ahead */
	size_t line_len; /* of the line of a greeting that has come so far */
	size_t certificate_seen;  /* bytes of the mark of one, in what came before the first keys */
	bool offers_certificate;  /* the host has one, beside its key */
	struct ssh_auth *auth; /* from the end of RESOLVE */
};

/* Time stands still for the session while a person types, until it goes on. Safe twice. */
void ssh_login_pause(struct ssh_session *s);
void ssh_login_go_on(struct ssh_session *s);

/* A phase begins: its deadline is set, those who wait are told. */
void ssh_login_enter(struct ssh_session *s, enum phase phase);

/* The phase goes on for as long as there is time at all: somebody else has deadlines of his own. */
void ssh_login_wait(struct ssh_session *s);

/* Our banner waits for theirs, so that it goes in one packet with what follows it. */
bool ssh_login_keeps_banner(const struct ssh_session *s);

/* What came of a connection is forgotten: it is closed, another one may be made. */
void ssh_login_forget_connection(struct ssh_session *s);

/* ---- ssh_turn.c ---- */

/* The connection ended before its banner. True when the session waits to try again. */
bool ssh_login_again(struct ssh_session *s, const char *said);
void ssh_login_answered(struct ssh_session *s); /* it is connected */
void ssh_login_next_address(struct ssh_session *s); /* login->at has moved */
void ssh_login_pause_is_over(struct ssh_session *s);

/* Fails the session: the other side went away before it said anything. */
void ssh_login_hung_up(struct ssh_session *s);

#endif
