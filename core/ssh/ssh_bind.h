/*
 * ssh_bind.h - the address that a connection comes from: BindAddress and BindInterface, as
 * ssh_config(5) has them. Private to the ssh family.
 */
#ifndef PL_SSH_SSH_BIND_H
#define PL_SSH_SSH_BIND_H

#include "ssh/ssh_session.h"

/*
 * Gives a socket of `family` the address that the route asks for, if any. The first address of an
 * interface that is good for more than this machine and this link does, as with ssh. -1 with why.
 * Never blocks: that BindAddress is no name is for the route to see.
 */
int ssh_bind(int fd, int family, const struct ssh_route *r, struct pl_error *err);

#endif
