/* ssh_wire.c - see ssh_wire.h */
#include "ssh/ssh_wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ssh/ssh_proxy.h"
#include "ssh/ssh_tunnel.h"

void ssh_wire_init(struct ssh_wire *w, struct loop *loop)
{
	*w = (struct ssh_wire){ .loop = loop, .fd = -1 };
}

void ssh_wire_take(struct ssh_wire *w, int fd, loop_io_f fn, void *arg)
{
	w->fd = fd;
	w->io = loop_io_create(w->loop, fd, fn, arg);
}

void ssh_wire_close(struct ssh_wire *w)
{
	loop_io_destroy(w->io);
	if (w->fd >= 0)
		close(w->fd);
	ssh_proxy_destroy(w->proxy);
	ssh_tunnel_destroy(w->tunnel);
	ssh_wire_init(w, w->loop);
}

bool ssh_wire_is_open(const struct ssh_wire *w)
{
	return w->fd >= 0 || w->tunnel != NULL;
}

/* The stream has ended: the end of the process behind it says more, and is waited for. */
static bool lingers(struct ssh_wire *w)
{
	w->lingers = w->proxy != NULL && !ssh_proxy_is_over(w->proxy);
	return w->lingers;
}

ssize_t ssh_wire_receive(struct ssh_wire *w, void *buf, size_t len)
{
	ssize_t n;
	int errnum;

	if (w->tunnel != NULL)
		return ssh_tunnel_receive(w->tunnel, buf, len);
	if (w->dry)
		return -EAGAIN;
	do
		n = recv(w->fd, buf, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	errnum = n < 0 ? errno : 0;
	if (errnum != 0 && errnum != EAGAIN)
		return lingers(w) ? -EAGAIN : -errnum;
	/* fewer than asked for: the next call would say EAGAIN, and the loop reports what comes */
	w->dry = n != 0 && n < (ssize_t)len;
	if (n == 0 && lingers(w))
		return -EAGAIN;
	return n < 0 ? -EAGAIN : n;
}

ssize_t ssh_wire_send(struct ssh_wire *w, const void *bytes, size_t len)
{
	ssize_t n;
	int errnum;

	if (w->tunnel != NULL)
		return ssh_tunnel_send(w->tunnel, bytes, len);
	do
		n = send(w->fd, bytes, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	errnum = n < 0 ? errno : 0;
	if (errnum != 0 && errnum != EAGAIN && lingers(w))
		return -EAGAIN;
	return n < 0 ? -errnum : n;
}

void ssh_wire_watch(struct ssh_wire *w, int want)
{
	if (w->io != NULL)
		loop_io_want(w->io, w->lingers ? 0 : want);
}

bool ssh_wire_has_room(const struct ssh_wire *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLOUT };

	if (w->tunnel != NULL)
		return ssh_tunnel_has_room(w->tunnel);
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}

void ssh_wire_hasten(const struct ssh_wire *w)
{
	int one = 1;

	if (w->fd >= 0 && w->proxy == NULL) /* where it fails nothing is lost but time */
		setsockopt(w->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

int ssh_wire_error(const struct ssh_wire *w)
{
	int errnum = 0;
	socklen_t len = sizeof(errnum);

	if (w->fd < 0 || getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
		return 0;
	return errnum;
}

int ssh_wire_descriptor(const struct ssh_wire *w)
{
	return w->tunnel != NULL ? ssh_tunnel_descriptor(w->tunnel) : w->fd;
}
