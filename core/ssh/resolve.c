/* resolve.c - see resolve.h */
#include "ssh/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

struct resolver {
	struct loop *loop;
	struct resolve *first, *last; /* those that wait for a thread */
	size_t underway;
	bool destroyed; /* freed when the last one underway has come back */
};

struct resolve {
	struct resolver *all;
	struct resolve *prev, *next;
	bool waits; /* not on the pool yet */
	char *host;
	char port[8];
	int family;
	resolve_f fn; /* NULL once cancelled; only the loop's thread looks */
	void *arg;
	int rc, errnum;
	struct addrinfo *addresses;
};

static struct addrinfo hints(int flags)
{
	return (struct addrinfo){ .ai_flags = flags | AI_NUMERICSERV,
				  .ai_family = AF_UNSPEC,
				  .ai_socktype = SOCK_STREAM };
}

struct addrinfo *resolve_numeric(const char *host, int port)
{
	struct addrinfo want = hints(AI_NUMERICHOST);
	struct addrinfo *addresses = NULL;
	char text[8];

	snprintf(text, sizeof(text), "%d", port & 0xffff);
	return getaddrinfo(host, text, &want, &addresses) == 0 ? addresses : NULL;
}

static void resolve_work(void *arg)
{
	struct resolve *r = arg;
	struct addrinfo want = hints(AI_ADDRCONFIG);

	want.ai_family = r->family;
	r->rc = getaddrinfo(r->host, r->port, &want, &r->addresses);
	r->errnum = errno;
}

static void resolve_free(struct resolve *r)
{
	free(r->host);
	free(r);
}

static void resolve_done(void *arg);

static void begin_waiting(struct resolver *all)
{
	while (all->first != NULL && all->underway < RESOLVES_AT_ONCE) {
		struct resolve *r = all->first;

		all->first = r->next;
		*(r->next != NULL ? &r->next->prev : &all->last) = NULL;
		r->waits = false;
		all->underway++;
		pool_submit(all->loop, resolve_work, resolve_done, r);
	}
}

static void resolve_done(void *arg)
{
	struct resolve *r = arg;
	struct resolver *all = r->all;

	all->underway--;
	if (r->fn != NULL && r->rc == 0)
		r->fn(r->arg, r->addresses, NULL);
	else if (r->fn != NULL)
		r->fn(r->arg, NULL, r->rc == EAI_SYSTEM ? strerror(r->errnum) : gai_strerror(r->rc));
	else if (r->addresses != NULL)
		freeaddrinfo(r->addresses);
	resolve_free(r);
	if (!all->destroyed)
		begin_waiting(all);
	else if (all->underway == 0)
		free(all);
}

struct resolve *resolve_start(struct resolver *all, const char *host, int port, int family,
			      resolve_f fn, void *arg)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	r->all = all;
	r->host = xstrdup(host);
	snprintf(r->port, sizeof(r->port), "%d", port & 0xffff);
	r->family = family;
	r->fn = fn;
	r->arg = arg;
	r->waits = true;
	r->prev = all->last;
	*(all->last != NULL ? &all->last->next : &all->first) = r;
	all->last = r;
	begin_waiting(all);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL)
		return;
	r->fn = NULL;
	if (!r->waits)
		return;
	*(r->prev != NULL ? &r->prev->next : &r->all->first) = r->next;
	*(r->next != NULL ? &r->next->prev : &r->all->last) = r->prev;
	resolve_free(r);
}

struct resolver *resolver_create(struct loop *loop)
{
	struct resolver *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	return all;
}

void resolver_destroy(struct resolver *all)
{
	if (all == NULL)
		return;
	all->destroyed = true;
	if (all->underway == 0)
		free(all);
}
