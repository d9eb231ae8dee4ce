/*
 * resolve.h - the addresses of a host name.
 *
 * Numeric addresses are taken as they are; names go through getaddrinfo(3) on the pool.
 */
#ifndef PL_TRANSPORT_RESOLVE_H
#define PL_TRANSPORT_RESOLVE_H

#include <netdb.h>

#include "loop/loop.h"

struct resolve;

/* The addresses to try in turn, the callee's to free with freeaddrinfo; or NULL and why. */
typedef void (*resolve_f)(void *arg, struct addrinfo *addresses, const char *why);

/* The addresses of a numeric host ("10.0.0.1", "::1"), NULL when it is a name. Never blocks. */
struct addrinfo *resolve_numeric(const char *host, int port);

/* Asks for a name; fn runs in a later turn of the loop, unless resolve_cancel comes first. */
struct resolve *resolve_start(struct loop *loop, const char *host, int port, resolve_f fn,
			      void *arg);
void resolve_cancel(struct resolve *r); /* the thread finishes by itself; NULL is a no-op */

#endif
