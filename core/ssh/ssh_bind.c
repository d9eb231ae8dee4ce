/* ssh_bind.c - see ssh_bind.h */
#include "ssh/ssh_bind.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "ssh/resolve.h"

static int bind_to(int fd, const struct sockaddr *address, const char *keyword, const char *value,
		   struct pl_error *err)
{
	socklen_t len = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						       : sizeof(struct sockaddr_in);

	if (bind(fd, address, len) == 0)
		return 0;
	return pl_errorf(err, PL_ESYS, "cannot connect from its %s %s: %s", keyword, value,
			 strerror(errno));
}

static int bind_address(int fd, int family, const char *value, struct pl_error *err)
{
	struct addrinfo *a = resolve_numeric(value, 0);
	int rc;

	if (a != NULL && a->ai_family == family)
		rc = bind_to(fd, a->ai_addr, "BindAddress", value, err);
	else
		rc = pl_errorf(err, PL_ESYS, "cannot connect from its BindAddress %s: it is of "
			       "another kind (IPv4, IPv6)", value);
	resolve_free(a);
	return rc;
}

/* Good for hosts that are not on this machine, nor on this link alone. */
static bool reaches_far(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)address)->sin6_addr;

	if (address->sa_family == AF_INET)
		return in->sin_addr.s_addr != htonl(INADDR_LOOPBACK);
	return !IN6_IS_ADDR_LINKLOCAL(in6) && !IN6_IS_ADDR_LOOPBACK(in6);
}

static int bind_interface(int fd, int family, const char *name, struct pl_error *err)
{
	struct ifaddrs *all = NULL, *at;
	int rc;

	if (getifaddrs(&all) != 0)
		return pl_errorf(err, PL_ESYS, "cannot connect from its BindInterface %s: %s", name,
				 strerror(errno));
	for (at = all; at != NULL; at = at->ifa_next) {
		if (at->ifa_addr != NULL && (at->ifa_flags & IFF_UP) != 0 &&
		    at->ifa_addr->sa_family == family && strcmp(at->ifa_name, name) == 0 &&
		    reaches_far(at->ifa_addr))
			break;
	}
	if (at != NULL)
		rc = bind_to(fd, at->ifa_addr, "BindInterface", name, err);
	else
		rc = pl_errorf(err, PL_ESYS, "cannot connect from its BindInterface %s: it has no "
			       "%s address", name, family == AF_INET6 ? "IPv6" : "IPv4");
	freeifaddrs(all);
	return rc;
}

int ssh_bind(int fd, int family, const struct ssh_route *r, struct pl_error *err)
{
	if (r->bind_address != NULL)
		return bind_address(fd, family, r->bind_address, err);
	if (r->bind_interface != NULL)
		return bind_interface(fd, family, r->bind_interface, err);
	return 0;
}
