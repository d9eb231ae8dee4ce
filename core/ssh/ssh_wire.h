/*
 * ssh_wire.h - what carries a session's bytes: a socket of ours; the stdin and stdout of the user's
 * ProxyCommand; or a channel on a session to a jump host.
 *
 * Sessions know only this. The first two are a descriptor, and cost what a descriptor costs; the
 * third is a struct ssh_tunnel. Private to the ssh family.
 */
#ifndef PL_SSH_WIRE_H
#define PL_SSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "loop/loop.h"

struct ssh_proxy;
struct ssh_tunnel;

struct ssh_wire {
	struct loop *loop;
	int fd; /* -1: none */
	struct loop_io *io;
	bool dry; /* the socket was seen empty since it last reported bytes */
	bool lingers; /* its end was seen, its process has not died yet */
	struct ssh_proxy *proxy;   /* the process at the other end of the descriptor; NULL */
	struct ssh_tunnel *tunnel; /* carries the bytes instead of a descriptor; NULL */
};

void ssh_wire_init(struct ssh_wire *w, struct loop *loop);

/* Takes a connected, or connecting, descriptor that does not block; watched for nothing yet. */
void ssh_wire_take(struct ssh_wire *w, int fd, loop_io_f fn, void *arg);

/* Closes what there is; safe twice. May be used again afterwards. */
void ssh_wire_close(struct ssh_wire *w);

bool ssh_wire_is_open(const struct ssh_wire *w);

/* Bytes that came; 0 at the end, -errno. -EAGAIN without a system call while it is dry. */
ssize_t ssh_wire_receive(struct ssh_wire *w, void *buf, size_t len);

/* Bytes taken, maybe fewer than given; -errno, -EAGAIN for lack of room. */
ssize_t ssh_wire_send(struct ssh_wire *w, const void *bytes, size_t len);

/* What to be told of: LOOP_READ | LOOP_WRITE. A tunnel tells of everything by itself. */
void ssh_wire_watch(struct ssh_wire *w, int want);

/* True when a small packet could be sent whole, now. */
bool ssh_wire_has_room(const struct ssh_wire *w);

/* Acknowledges what comes next at once: sshd writes twice after a login, and its second write waits
 * for that (Nagle), which would be 40 ms otherwise. */
void ssh_wire_hasten(const struct ssh_wire *w);

/* The error the connection has met, as errno; 0 when none is known. */
int ssh_wire_error(const struct ssh_wire *w);

/* A descriptor that libssh2 may look at: it asks for its flags and no more. */
int ssh_wire_descriptor(const struct ssh_wire *w);

#endif
