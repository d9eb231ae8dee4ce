/*
 * resolve.h - the addresses of a host name.
 *
 * Numeric addresses are taken as they are; names go through getaddrinfo(3) on threads of their own
 * (loop/lane.h). A name is asked for once at a time, whoever wants it. So many are asked for at
 * once; one that takes its time makes room for another, so that names which hang do not keep the
 * others waiting; and nobody waits for them at the end.
 */
#ifndef PL_TRANSPORT_RESOLVE_H
#define PL_TRANSPORT_RESOLVE_H

#include <netdb.h>

#include "loop/loop.h"

struct resolver; /* the row of names that are asked for */
struct resolve;

#define RESOLVES_AT_ONCE 16		/* that have not taken their time yet */
#define RESOLVES_MOST 512		/* threads in all */
#define RESOLVE_PATIENCE_US (200 * 1000) /* with one, before another one takes its place */

struct resolver *resolver_create(struct loop *loop);
void resolver_destroy(struct resolver *all); /* every resolve was cancelled or has ended */

/* Threads that ask. For tests. */
size_t resolver_underway(const struct resolver *all);

/* The addresses to try in turn, the callee's to free with resolve_free; or NULL and why. */
typedef void (*resolve_f)(void *arg, struct addrinfo *addresses, const char *why);

/* The addresses of a numeric host ("10.0.0.1", "::1", "fe80::1%eth0"), for resolve_free; NULL when
 * it is a name. Never blocks. */
struct addrinfo *resolve_numeric(const char *host, int port);

/* Asks for a name, addresses of `family` or AF_UNSPEC; fn runs in a later turn of the loop, unless
 * resolve_cancel comes first. */
struct resolve *resolve_start(struct resolver *all, const char *host, int port, int family,
			      resolve_f fn, void *arg);
void resolve_cancel(struct resolve *r); /* a thread finishes by itself; NULL is a no-op */

void resolve_free(struct addrinfo *addresses); /* NULL is a no-op */

#endif
