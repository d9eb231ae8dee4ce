/* mux_channel.h - a channel of a session that the system's ssh carries: RFC 4254, sections 5, 6. */
#ifndef PL_SSH_MUX_CHANNEL_H
#define PL_SSH_MUX_CHANNEL_H

#include "ssh/mux_wire.h"
#include "ssh/ssh_channel.h"

/* What ssh_channel.c does with libssh2, here with packets. */
extern const struct ssh_channel_steps mux_channel_steps;

/* A packet has come for one of the session's channels. May hand out output; those concerned are
 * stepped in the session's next step. */
void mux_channel_packet(struct ssh_session *s, struct field_reader *packet);

/* Sends a request that no host knows and every host must answer (RFC 4254, 5.4). False when the
 * channel is in no state for it. */
bool mux_channel_ask_for_life(struct ssh_channel *ch);

#endif
