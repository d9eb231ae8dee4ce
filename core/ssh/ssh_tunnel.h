/*
 * ssh_tunnel.h - a connection to a host through a jump host: a direct-tcpip channel (RFC 4254, 7.2)
 * on a session there, which is the pool's own and kept warm; such a session `carries`.
 *
 *	TUNNEL_WAITING -> TUNNEL_DIALING -> TUNNEL_OPEN -> TUNNEL_ENDED
 *
 * and from everywhere to TUNNEL_BROKEN. libssh2 opens one channel at a time, and cannot give an
 * open up: a jump host that waits for a silent target would keep all others waiting. So a tunnel
 * that has waited for TUNNEL_PATIENCE_US behind others moves to another session. Private to the
 * ssh family.
 */
#ifndef PL_SSH_TUNNEL_H
#define PL_SSH_TUNNEL_H

#include "ssh/ssh_pool.h"

#define TUNNEL_PATIENCE_US (300 * 1000)
#define TUNNEL_BUFFER_MAX (128 * 1024) /* each way; what comes is held back beyond it */

struct ssh_tunnel;

/* All come in a turn of their own for what the tunnel's user did. */
struct ssh_tunnel_events {
	void (*on_dial)(void *arg);  /* the jump host has been asked to connect */
	void (*on_ready)(void *arg); /* opened; bytes came, or their end; or there is room again */
	/* Nothing comes any more; `why` names the jump host. Valid during the call. */
	void (*on_broken)(void *arg, const struct task_result *why);
};

/* Begins to connect to `host`, a name as the jump host knows it. */
struct ssh_tunnel *ssh_tunnel_create(struct ssh_host *jump, const char *host, int port,
				     const struct ssh_tunnel_events *events, void *arg);

void ssh_tunnel_destroy(struct ssh_tunnel *t); /* NULL is a no-op */

bool ssh_tunnel_is_open(const struct ssh_tunnel *t);

/* As ssh_wire_receive, ssh_wire_send, ssh_wire_has_room, ssh_wire_descriptor. */
ssize_t ssh_tunnel_receive(struct ssh_tunnel *t, void *buf, size_t len);
ssize_t ssh_tunnel_send(struct ssh_tunnel *t, const void *bytes, size_t len);
bool ssh_tunnel_has_room(const struct ssh_tunnel *t);
int ssh_tunnel_descriptor(const struct ssh_tunnel *t);

/* Where a tunnel that is not open stands, for a message: "jump host J has not let us in". */
void ssh_tunnel_standing(const struct ssh_tunnel *t, char *text, size_t size);

/* Of a session that carries, for the choice of one: the tunnels on it that wait for their turn;
 * SIZE_MAX when it should take no more. O(tunnels on it). */
size_t ssh_tunnel_queue(const struct ssh_session *s);

#endif
