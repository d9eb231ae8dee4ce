/*
 * resolve.h - the addresses of a host name.
 *
 * Numeric addresses are taken as they are; names go through getaddrinfo(3) on the pool, so many at
 * once that where the resolver hangs, threads are left for key files.
 */
#ifndef PL_TRANSPORT_RESOLVE_H
#define PL_TRANSPORT_RESOLVE_H

#include <netdb.h>

#include "loop/pool.h"

struct resolver; /* the row of names that are asked for */
struct resolve;

#define RESOLVES_AT_ONCE (POOL_THREADS - 2)

struct resolver *resolver_create(struct loop *loop);
void resolver_destroy(struct resolver *all); /* every resolve was cancelled or has ended */

/* The addresses to try in turn, the callee's to free with freeaddrinfo; or NULL and why. */
typedef void (*resolve_f)(void *arg, struct addrinfo *addresses, const char *why);

/* The addresses of a numeric host ("10.0.0.1", "::1"), NULL when it is a name. Never blocks. */
struct addrinfo *resolve_numeric(const char *host, int port);

/* Asks for a name, addresses of `family` or AF_UNSPEC; fn runs in a later turn of the loop, unless
 * resolve_cancel comes first. */
struct resolve *resolve_start(struct resolver *all, const char *host, int port, int family,
			      resolve_f fn, void *arg);
void resolve_cancel(struct resolve *r); /* a thread finishes by itself; NULL is a no-op */

#endif
