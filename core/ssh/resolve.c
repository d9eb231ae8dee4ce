/* resolve.c - see resolve.h */
#include "ssh/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/ring.h"
#include "base/strtable.h"
#include "loop/lane.h"

/* One call of getaddrinfo, shared by all who want its name. */
struct lookup {
	/* the thread's while it is underway */
	char *host;
	int family;
	int rc, errnum;
	struct addrinfo *found;

	struct resolver *all;
	char *key;
	struct ring link;	/* among those that wait, or that are young */
	int64_t began_us;
	bool is_young;		/* counts among those at once */
	struct ring wanted;	/* by these; by none: its answer is dropped */
};

struct resolver {
	struct loop *loop;
	struct lane *lane;
	struct strtable by_key; /* struct lookup of the row and underway */
	struct ring waiting, young; /* both in order of time */
	size_t n_young, underway;
	struct loop_timer patience; /* with the oldest young one */
};

/* One who wants a name. */
struct resolve {
	struct lookup *lookup;
	struct ring link; /* in lookup->wanted */
	int port;
	resolve_f fn;
	void *arg;
};

/* ---- addresses ---- */

static void set_port(struct sockaddr *address, int port)
{
	if (address->sa_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
	else if (address->sa_family == AF_INET6)
		((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
}

/* A list of one's own, each with its address behind it. */
static struct addrinfo *copy_addresses(const struct addrinfo *a, int port)
{
	struct addrinfo *first = NULL, **last = &first;

	for (; a != NULL; a = a->ai_next) {
		struct addrinfo *copy = xcalloc(1, sizeof(*copy) + a->ai_addrlen);

		*copy = *a;
		copy->ai_canonname = NULL;
		copy->ai_next = NULL;
		copy->ai_addr = (struct sockaddr *)(copy + 1);
		memcpy(copy->ai_addr, a->ai_addr, a->ai_addrlen);
		set_port(copy->ai_addr, port);
		*last = copy;
		last = &copy->ai_next;
	}
	return first;
}

void resolve_free(struct addrinfo *addresses)
{
	while (addresses != NULL) {
		struct addrinfo *next = addresses->ai_next;

		free(addresses);
		addresses = next;
	}
}

struct addrinfo *resolve_numeric(const char *host, int port)
{
	const struct addrinfo want = { .ai_flags = AI_NUMERICHOST, .ai_family = AF_UNSPEC,
				       .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL, *addresses;

	if (getaddrinfo(host, NULL, &want, &found) != 0)
		return NULL;
	addresses = copy_addresses(found, port);
	freeaddrinfo(found);
	return addresses;
}

/* ---- one call of getaddrinfo ---- */

static void lookup_work(void *arg)
{
	struct lookup *l = arg;
	const struct addrinfo want = { .ai_flags = AI_ADDRCONFIG, .ai_family = l->family,
				       .ai_socktype = SOCK_STREAM };

	l->rc = getaddrinfo(l->host, NULL, &want, &l->found);
	l->errnum = errno;
}

static void lookup_free(void *arg)
{
	struct lookup *l = arg;

	if (l->found != NULL)
		freeaddrinfo(l->found);
	free(l->host);
	free(l->key);
	free(l);
}

/* Tells all who want it; each may ask for more, or cancel those that come after it. */
static void lookup_tell(struct lookup *l)
{
	const char *why = l->rc == EAI_SYSTEM ? strerror(l->errnum) : gai_strerror(l->rc);
	while (!ring_is_empty(&l->wanted)) {
		struct resolve *r = ring_first(&l->wanted, struct resolve, link);
		struct resolve told = *r;

		resolve_cancel(r);
		if (l->rc == 0)
			told.fn(told.arg, copy_addresses(l->found, told.port), NULL);
		else
			told.fn(told.arg, NULL, why);
	}
}

/* ---- those that are young ---- */

static void end_youth(struct resolver *all, struct lookup *l)
{
	if (!l->is_young)
		return;
	l->is_young = false;
	ring_remove(&l->link);
	all->n_young--;
}

static void begin_lookup(struct resolver *all, struct lookup *l)
{
	l->began_us = loop_now_us(all->loop);
	l->is_young = true;
	ring_add_last(&all->young, &l->link);
	all->n_young++;
	all->underway++;
}

/* The oldest young one is looked at when its time is over; with no thread to be had, time may bring
 * one. */
static void start_patience(struct resolver *all)
{
	int64_t since = loop_now_us(all->loop);

	if (!ring_is_empty(&all->young))
		since = ring_first(&all->young, struct lookup, link)->began_us;

	loop_timer_start(&all->patience, since + RESOLVE_PATIENCE_US - loop_now_us(all->loop));
}

static void drop_waiting(struct resolver *all, struct lookup *l)
{
	ring_remove(&l->link);
	strtable_remove(&all->by_key, l->key);
	lookup_free(l);
}

static void begin_waiting(struct resolver *all)
{
	while (!ring_is_empty(&all->waiting) && all->n_young < RESOLVES_AT_ONCE &&
	       all->underway < RESOLVES_MOST) {
		struct lookup *l = ring_first(&all->waiting, struct lookup, link);

		if (ring_is_empty(&l->wanted)) {
			drop_waiting(all, l);
			continue;
		}
		if (!lane_start(all->lane, l))
			break;
		ring_remove(&l->link);
		begin_lookup(all, l);
	}
	if (!ring_is_empty(&all->waiting) && all->underway < RESOLVES_MOST)
		start_patience(all);
}

static void on_patience(void *arg)
{
	struct resolver *all = arg;
	int64_t before = loop_now_us(all->loop) - RESOLVE_PATIENCE_US;

	while (!ring_is_empty(&all->young)) {
		struct lookup *oldest = ring_first(&all->young, struct lookup, link);

		if (oldest->began_us > before)
			break;
		end_youth(all, oldest);
	}
	begin_waiting(all);
}

/* A callback may destroy all there is, but for the lookup that is told. */
static void lookup_done(void *arg)
{
	struct lookup *l = arg;
	struct resolver *all = l->all;

	strtable_remove(&all->by_key, l->key);
	end_youth(all, l);
	all->underway--;
	begin_waiting(all);
	lookup_tell(l);
	lookup_free(l);
}

static struct lookup *find_lookup(struct resolver *all, const char *host, int family)
{
	char *key = xasprintf("%d %s", family, host);
	struct lookup *l = strtable_get(&all->by_key, key);

	if (l != NULL) {
		free(key);
		return l;
	}
	l = xcalloc(1, sizeof(*l));
	l->all = all;
	l->key = key;
	l->host = xstrdup(host);
	l->family = family;
	strtable_put(&all->by_key, key, l);
	ring_init(&l->wanted);
	ring_add_last(&all->waiting, &l->link);
	return l;
}

/* ---- who wants a name ---- */

struct resolve *resolve_start(struct resolver *all, const char *host, int port, int family,
			      resolve_f fn, void *arg)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	*r = (struct resolve){ .port = port, .fn = fn, .arg = arg };
	r->lookup = find_lookup(all, host, family);
	ring_add_behind(&r->lookup->wanted, &r->link);
	begin_waiting(all);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL)
		return;
	ring_remove(&r->link);
	free(r);
}

struct resolver *resolver_create(struct loop *loop)
{
	static const struct lane_steps steps = { lookup_work, lookup_done, lookup_free };
	struct resolver *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	all->lane = lane_create(loop, &steps);
	ring_init(&all->waiting);
	ring_init(&all->young);
	loop_timer_init(&all->patience, loop, on_patience, all);
	return all;
}

void resolver_destroy(struct resolver *all)
{
	if (all == NULL)
		return;
	loop_timer_stop(&all->patience);
	while (!ring_is_empty(&all->waiting))
		drop_waiting(all, ring_first(&all->waiting, struct lookup, link));
	lane_destroy(all->lane);
	strtable_fini(&all->by_key);
	free(all);
}

size_t resolver_underway(const struct resolver *all)
{
	return all->underway;
}
