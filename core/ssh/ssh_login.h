/*
 * ssh_login.h - what ssh_connect.c, ssh_login.c and ssh_auth.c share: a session on its way to READY.
 * Private to the three; others see the functions ssh_login_* of ssh_session.h.
 */
#ifndef PL_TRANSPORT_SSH_LOGIN_H
#define PL_TRANSPORT_SSH_LOGIN_H

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
	struct resolve *resolve;
	struct addrinfo *addresses, *at; /* the one being tried */
	int last_errno;			 /* why the address before did not do */
	char ahead[READ_AHEAD];
	size_t ahead_at, ahead_end;
	char greeting[GREETING_MAX];
	size_t greeting_len;
	size_t line_len; /* of the line of a greeting that has come so far */
	struct ssh_auth *auth; /* from the end of RESOLVE */
};

/* Time stands still for the session while a person types, until it goes on. Safe twice. */
void ssh_login_pause(struct ssh_session *s);
void ssh_login_go_on(struct ssh_session *s);

/* A phase begins: its deadline is set, those who wait are told. */
void ssh_login_enter(struct ssh_session *s, enum phase phase);

/* The phase goes on for as long as there is time at all: somebody else has deadlines of his own. */
void ssh_login_wait(struct ssh_session *s);

/* Fails the session: the other side went away before it said anything. */
void ssh_login_hung_up(struct ssh_session *s);

#endif
