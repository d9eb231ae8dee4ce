/*
 * ssh_mux.h - a session that the system's ssh carries: for what libssh2 cannot (FIDO keys, GSSAPI,
 * host-based logins, RSA and certificates on old libssh2, ciphers of a hardened sshd).
 *
 *	LOGIN -> HELLO -> PROXY -> OPEN
 *
 * A process of ssh logs in (ssh_master.h); through its control socket, in the proxy mode that
 * OpenSSH has had since 7.4 (PROTOCOL.mux), we speak SSH's connection protocol with the host. So
 * channels are ours as with libssh2: whether one could be opened, the exit status or signal of its
 * command, its windows; a command that exits 255 is not an ssh that failed. One process serves all
 * commands of a session, and above ssh_session.h and ssh_channel.h nobody sees a difference.
 * Private to the ssh family.
 */
#ifndef PL_SSH_SSH_MUX_H
#define PL_SSH_SSH_MUX_H

#include "ssh/ssh_session.h"

struct ssh_mux;

/* From now on the session, not READY yet, goes by the system's ssh. */
void ssh_mux_adopt(struct ssh_session *s);

/* Ends the process; s->mux becomes NULL. Safe when there is none. */
void ssh_mux_free(struct ssh_session *s);

/* Before READY: does what can be done. True when the state of the session changed. */
bool ssh_mux_login(struct ssh_session *s);

/* READY: takes in what has come for all channels. May fail the session. */
void ssh_mux_receive(struct ssh_session *s);

/* Writes what was said to the channels, as far as the socket takes it. May fail the session. */
void ssh_mux_flush(struct ssh_session *s);

/* READY: has the host say something in the next step, if any channel is there to ask it on. For its
 * silence to be noticed: ssh keeps to itself what it hears to its own ServerAliveInterval, and
 * in OpenSSH 7 whatever we send puts that off (clientloop.c). */
void ssh_mux_ask_for_life(struct ssh_session *s);

int ssh_mux_wants(const struct ssh_session *s); /* LOOP_READ | LOOP_WRITE */

/* ---- for mux_channel.c ---- */

struct strbuf *ssh_mux_out(struct ssh_session *s); /* to be sent by the next flush */
size_t ssh_mux_room(const struct ssh_session *s);  /* bytes of stdin that may be added to it now */
uint32_t ssh_mux_new_id(struct ssh_session *s);

#endif
