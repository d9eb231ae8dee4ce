/* resolve.c - see resolve.h */
#include "ssh/resolve.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
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
	struct lookup *next;	/* in the row, or of those that are young */
	int64_t began_us;
	bool is_young;		/* counts among those at once */
	struct resolve *first;	/* who wants it; NULL: its answer is dropped */
};

struct row {
	struct lookup *first, *last;
};

struct resolver {
	struct loop *loop;
	struct lane *lane;
	struct strtable by_key; /* struct lookup of the row and underway */
	struct row waiting, young; /* both in order of time */
	size_t n_young, underway;
	struct loop_timer patience; /* with the oldest young one */
};

/* One who wants a name. */
struct resolve {
	struct lookup *lookup;
	struct resolve *prev, *next;
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
	struct resolve *r;

	while ((r = l->first) != NULL) {
		struct resolve told = *r;

		resolve_cancel(r);
		if (l->rc == 0)
			told.fn(told.arg, copy_addresses(l->found, told.port), NULL);
		else
			told.fn(told.arg, NULL, why);
	}
}

/* ---- the row ---- */

static void row_add(struct row *row, struct lookup *l)
{
	l->next = NULL;
	*(row->last != NULL ? &row->last->next : &row->first) = l;
	row->last = l;
}

/* O(row); no-op when it is not in it. */
static void row_remove(struct row *row, struct lookup *l)
{
	struct lookup *before = NULL;

	for (struct lookup *at = row->first; at != NULL; before = at, at = at->next) {
		if (at != l)
			continue;
		*(before != NULL ? &before->next : &row->first) = l->next;
		if (row->last == l)
			row->last = before;
		return;
	}
}

static void end_youth(struct resolver *all, struct lookup *l)
{
	if (!l->is_young)
		return;
	l->is_young = false;
	row_remove(&all->young, l);
	all->n_young--;
}

static void begin_lookup(struct resolver *all, struct lookup *l)
{
	l->began_us = loop_now_us(all->loop);
	l->is_young = true;
	row_add(&all->young, l);
	all->n_young++;
	all->underway++;
}

/* The oldest young one is looked at when its time is over; with no thread to be had, time may bring
 * one. */
static void start_patience(struct resolver *all)
{
	const struct lookup *oldest = all->young.first;
	int64_t since = oldest != NULL ? oldest->began_us : loop_now_us(all->loop);

	loop_timer_start(&all->patience, since + RESOLVE_PATIENCE_US - loop_now_us(all->loop));
}

static void drop_waiting(struct resolver *all, struct lookup *l)
{
	row_remove(&all->waiting, l);
	strtable_remove(&all->by_key, l->key);
	lookup_free(l);
}

static void begin_waiting(struct resolver *all)
{
	struct lookup *l;

	while ((l = all->waiting.first) != NULL && all->n_young < RESOLVES_AT_ONCE &&
	       all->underway < RESOLVES_MOST) {
		if (l->first == NULL) {
			drop_waiting(all, l);
			continue;
		}
		if (!lane_start(all->lane, l))
			break;
		row_remove(&all->waiting, l);
		begin_lookup(all, l);
	}
	if (l != NULL && all->underway < RESOLVES_MOST)
		start_patience(all);
}

static void on_patience(void *arg)
{
	struct resolver *all = arg;
	int64_t before = loop_now_us(all->loop) - RESOLVE_PATIENCE_US;

	while (all->young.first != NULL && all->young.first->began_us <= before)
		end_youth(all, all->young.first);
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
	row_add(&all->waiting, l);
	return l;
}

/* ---- who wants a name ---- */

struct resolve *resolve_start(struct resolver *all, const char *host, int port, int family,
			      resolve_f fn, void *arg)
{
	struct resolve *r = xcalloc(1, sizeof(*r));

	*r = (struct resolve){ .port = port, .fn = fn, .arg = arg };
	r->lookup = find_lookup(all, host, family);
	r->next = r->lookup->first;
	if (r->next != NULL)
		r->next->prev = r;
	r->lookup->first = r;
	begin_waiting(all);
	return r;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL)
		return;
	*(r->prev != NULL ? &r->prev->next : &r->lookup->first) = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	free(r);
}

struct resolver *resolver_create(struct loop *loop)
{
	static const struct lane_steps steps = { lookup_work, lookup_done, lookup_free };
	struct resolver *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	all->lane = lane_create(loop, &steps);
	loop_timer_init(&all->patience, loop, on_patience, all);
	return all;
}

void resolver_destroy(struct resolver *all)
{
	if (all == NULL)
		return;
	loop_timer_stop(&all->patience);
	while (all->waiting.first != NULL)
		drop_waiting(all, all->waiting.first);
	lane_destroy(all->lane);
	strtable_fini(&all->by_key);
	free(all);
}

size_t resolver_underway(const struct resolver *all)
{
	return all->underway;
}
