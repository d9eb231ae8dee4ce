/* resolve.c - see resolve.h */
#include "ssh/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "loop/pool.h"

struct resolve {
	char *host;
	char port[8];
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

	r->rc = getaddrinfo(r->host, r->port, &want, &r->addresses);
	r->errnum = errno;
}

static void resolve_done(void *arg)
{
	struct resolve *r = arg;

	if (r->fn != NULL && r->rc == 0)
		r->fn(r->arg, r->addresses, NULL);
	else if (r->fn != NULL)
		r->fn(r->arg, NULL, r->rc == EAI_SYSTEM ? strerror(r->errnum) : gai_strerror(r->rc));
	else if (r->addresses != NULL)
		freeaddrinfo(r->addresses);
	free(r->host);
	free(r);
}

struct resolve *resolve_start(struct loop *loop, const char *host, int port, resolve_f fn,
			      void *arg)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	r->host = xstrdup(host);
	snprintf(r->port, sizeof(r->port), "%d", port & 0xffff);
	r->fn = fn;
	r->arg = arg;
	pool_submit(loop, resolve_work, resolve_done, r);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r != NULL)
		r->fn = NULL;
}
