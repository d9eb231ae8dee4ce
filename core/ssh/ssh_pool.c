/* ssh_pool.c - see ssh_pool.h */
#include "ssh/ssh_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "ssh/resolve.h"
#include "ssh/ssh_detour.h"
#include "ssh/ssh_files.h"
#include "ssh/ssh_hosts.h"
#include "ssh/ssh_keyring.h"
#include "ssh/ssh_master.h"
#include "ssh/ssh_mux.h"
#include "ssh/ssh_pace.h"
#include "ssh/ssh_sudo.h"
#include "ssh/ssh_tunnel.h"

#define CARRIERS_MOST 32 /* sessions to one jump host; each may be held up by a silent target */
#define CARRIER_QUEUE_LONG 16 /* more in the row than this are worth another login */

struct ssh_pool {
	struct loop *loop;
	struct ssh_options options; /* strings are ours */
	struct ssh_files *files;
	struct ssh_keyring *keyring;
	struct ssh_hosts *hosts;
	struct copy_sources *copies;
	struct ssh_session *oldest, *newest; /* idle sessions */
	struct ssh_pace *pace;
	struct ssh_sudo *sudo;
	struct resolver *resolver;
	char *scratch;
	bool noted_unsupervised;
	struct ssh_detours *detours;
	struct ssh_stats stats;
};

/* ---- hosts ---- */

static void note(struct ssh_pool *pool, const char *text)
{
	if (pool->options.on_note != NULL)
		pool->options.on_note(pool->options.note_arg, text);
}

struct ssh_host *ssh_pool_host(struct ssh_pool *pool, const char *name, struct pl_error *err)
{
	return ssh_hosts_find(pool->hosts, name, err);
}

/* ---- idle sessions ---- */

static void leave_idle(struct ssh_pool *pool, struct ssh_session *s)
{
	if (!s->is_idle)
		return;
	*(s->older != NULL ? &s->older->newer : &pool->oldest) = s->newer;
	*(s->newer != NULL ? &s->newer->older : &pool->newest) = s->older;
	s->older = s->newer = NULL;
	s->is_idle = false;
	pool->stats.idle_sessions--;
}

static void become_idle(struct ssh_pool *pool, struct ssh_session *s)
{
	s->older = pool->newest;
	s->newer = NULL;
	*(pool->newest != NULL ? &pool->newest->newer : &pool->oldest) = s;
	pool->newest = s;
	s->is_idle = true;
	pool->stats.idle_sessions++;
}

static void close_one(struct ssh_pool *pool, struct ssh_session *s)
{
	leave_idle(pool, s);
	ssh_session_close(s);
}

static void on_idle(void *arg, struct ssh_session *s)
{
	struct ssh_pool *pool = arg;

	if (s->carries && s->opening == NULL && ssh_session_is_keepable(s))
		return; /* the next host behind it needs it */
	if (pool->options.keep_sessions == 0 || !ssh_session_is_keepable(s)) {
		close_one(pool, s);
		return;
	}
	if (!s->is_idle)
		become_idle(pool, s);
	while (pool->stats.idle_sessions > pool->options.keep_sessions)
		close_one(pool, pool->oldest);
}

void ssh_pool_close_idle(struct ssh_pool *pool)
{
	struct ssh_host *host;
	size_t pos = 0;

	while (pool->oldest != NULL)
		close_one(pool, pool->oldest);
	while ((host = ssh_hosts_next(pool->hosts, &pos)) != NULL) {
		for (struct ssh_session *s = host->sessions; s != NULL; s = s->next) {
			if (s->carries && s->state == SESSION_READY && s->n_users == 0)
				ssh_session_close(s);
		}
	}
}

/* ---- sessions ---- */

static void on_ready(void *arg, struct ssh_session *s)
{
	struct ssh_pool *pool = arg;

	(void)s;
	pool->stats.logins++;
}

static void on_dead(void *arg, struct ssh_session *s)
{
	struct ssh_session **at = &s->host->sessions;

	leave_idle(arg, s);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
}

static const struct ssh_session_events session_events = { on_ready, on_idle, on_dead };

static void make_token(struct ssh_session *s)
{
	unsigned char bytes[8];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		abort(); /* so few bytes are there at once, on every kernel that has the call */
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(s->token + 2 * i, 3, "%02x", bytes[i]);
}

void ssh_pool_note_unsupervised(struct ssh_host *host, const char *why)
{
	struct ssh_pool *pool = host->pool;
	char *text;

	host->unsupervised = true;
	if (pool->noted_unsupervised)
		return;
	pool->noted_unsupervised = true;
	text = xasprintf("%s: no supervisor watches over its commands: %s; they may outlive a lost "
			 "connection%s, there and on other such hosts", host->route.hostname, why,
			 pool->options.audit ? ", and their starts are not in its system log" : "");
	note(pool, text);
	free(text);
}

bool ssh_pool_takes_bulk(const struct ssh_host *host)
{
	return !host->no_bulk && host->pool->options.password == NULL && ssh_master_can_start();
}

void ssh_pool_note_no_bulk(struct ssh_host *host, const char *why)
{
	log_info(LOG_SSH, "%s: large copies go by libssh2: the system's ssh: %s",
		 host->route.hostname, why);
	host->no_bulk = true;
}

struct ssh_sudo *ssh_pool_sudo(const struct ssh_pool *pool)
{
	return pool->sudo;
}

static struct ssh_session *add_session(struct ssh_host *host, bool bulk, bool root)
{
	struct ssh_pool *pool = host->pool;
	struct ssh_session *s;

	if (host->route.no_route != NULL)
		ssh_hosts_ask_again(host); /* its reason may be gone */
	s = ssh_session_create(pool->loop, &host->route, pool->scratch, &session_events, pool);
	s->host = host;
	s->bulk = bulk && s->mux == NULL;
	s->root = root;
	if (s->bulk)
		ssh_mux_adopt(s);
	if (!pool->options.no_supervisor && !host->unsupervised)
		make_token(s);
	s->next = host->sessions;
	host->sessions = s;
	if (host->route.other_way != NULL && !pool->options.system_ssh)
		ssh_detour_count(pool->detours, &host->route);
	return s;
}

struct ssh_session *ssh_pool_session(struct ssh_host *host, bool bulk, bool root)
{
	struct ssh_session *s;
	size_t most = SIZE_MAX;

	for (s = host->sessions; s != NULL; s = s->next) {
		if (s->carries || s->root != root || (bulk ? s->mux == NULL : s->bulk))
			continue;
		if (s->state <= SESSION_READY && !s->spent && s->n_users < s->most) {
			leave_idle(host->pool, s);
			return s;
		}
		if (s->most > 0 && s->most < most)
			most = s->most;
	}
	s = add_session(host, bulk, root);
	/* what one session learnt of the server's limit, the next need not */
	if (most < s->most)
		s->most = most;
	return s;
}

/* ---- sessions to jump hosts ---- */

/* Of the sessions to a jump host, those that matter for the choice of one. */
struct carriers {
	struct ssh_session *best;   /* logged in, quick, with the shortest row */
	struct ssh_session *coming; /* not logged in yet */
	struct ssh_session *slow;   /* held up by a connection that takes its time */
	size_t best_queue;
	size_t n;
};

static bool is_held_up(const struct ssh_session *s)
{
	return s->opening != NULL &&
	       loop_now_us(s->loop) - s->opening_us > TUNNEL_PATIENCE_US;
}

static struct carriers look_at_carriers(const struct ssh_host *jump)
{
	struct carriers c = { .best_queue = SIZE_MAX };

	for (struct ssh_session *s = jump->sessions; s != NULL; s = s->next) {
		size_t queue = s->carries && s->state <= SESSION_READY ? ssh_tunnel_queue(s)
								       : SIZE_MAX;

		c.n += s->carries && s->state <= SESSION_READY;
		if (queue == SIZE_MAX)
			continue;
		if (s->state < SESSION_READY) {
			c.coming = s;
		} else if (is_held_up(s)) {
			c.slow = s;
		} else if (queue < c.best_queue) {
			c.best = s;
			c.best_queue = queue;
		}
	}
	return c;
}

struct ssh_session *ssh_pool_carrier(struct ssh_host *jump)
{
	struct carriers c = look_at_carriers(jump);
	struct ssh_session *s;

	if (c.best != NULL && c.best_queue <= CARRIER_QUEUE_LONG)
		return c.best;
	if (c.coming != NULL)
		return c.coming;
	if (c.n >= CARRIERS_MOST && (c.best != NULL || c.slow != NULL))
		return c.best != NULL ? c.best : c.slow;
	s = add_session(jump, false, false);
	s->carries = true;
	return s;
}

/* ---- the pool ---- */

/* What logins wait for may be there. */
static void wake_logins(void *arg)
{
	struct ssh_pool *pool = arg;
	struct ssh_host *host;
	size_t pos = 0;

	while ((host = ssh_hosts_next(pool->hosts, &pos)) != NULL) {
		for (struct ssh_session *s = host->sessions; s != NULL; s = s->next) {
			if (s->state == SESSION_RESOLVE || s->state == SESSION_AUTH)
				ssh_session_poke(s);
		}
	}
}

static void on_keyring_note(void *arg, const char *text)
{
	note(arg, text);
}

static void on_keyring_asking(void *arg, bool begins)
{
	struct ssh_pool *pool = arg;

	pool->options.on_asking(pool->options.note_arg, begins);
}

static const struct ssh_keyring_events keyring_events = { wake_logins, on_keyring_note,
							  on_keyring_asking };
static const struct ssh_keyring_events mute_keyring_events = { wake_logins, on_keyring_note, NULL };

/* A key that cannot be used is worth a note: another one may do, and nobody would know. */
static void on_file(void *arg, struct ssh_file *f)
{
	struct ssh_pool *pool = arg;
	const struct pl_error *why = ssh_file_error(f);

	if (why->code != PL_EOK && why->code != PL_ENOENT)
		note(pool, why->text);
	wake_logins(pool);
}

struct ssh_pool *ssh_pool_create(struct loop *loop, const struct ssh_options *options,
				 struct pl_error *err)
{
	struct ssh_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	pool->options = *options;
	pool->options.user = xstrdup(options->user);
	pool->options.sudo_password = NULL;
	pool->sudo = ssh_sudo_create(loop, options->sudo_password);
	pool->options.config_path = xstrdup(options->config_path);
	pool->options.password = xstrdup(options->password);
	pool->scratch = xmalloc(SSH_READ_SIZE);
	pool->resolver = resolver_create(loop);
	pool->pace = ssh_pace_create(loop, options->connect_rate, options->max_auth_fail);
	pool->detours = ssh_detours_create(loop, options->on_note, options->note_arg);
	pool->files = ssh_files_create(loop, on_file, pool);
	pool->keyring = ssh_keyring_create(loop, options->on_asking != NULL ? &keyring_events
									    : &mute_keyring_events,
					   pool);
	pool->copies = copy_sources_create(loop);
	pool->hosts = ssh_hosts_create(&(struct ssh_hosts_use){ loop, pool, &pool->options,
								pool->files, pool->keyring }, err);
	if (pool->hosts == NULL) {
		ssh_pool_destroy(pool);
		return NULL;
	}
	return pool;
}

static int count_hops(const struct ssh_host *host)
{
	int n = 0;

	while ((host = host->route.jump) != NULL)
		n++;
	return n;
}

/* Those of hosts behind `hops` others: they hold channels on sessions of those before. */
static void destroy_sessions(struct ssh_pool *pool, int hops)
{
	struct ssh_host *host;
	size_t pos = 0;

	while ((host = ssh_hosts_next(pool->hosts, &pos)) != NULL) {
		struct ssh_session *next;

		for (struct ssh_session *s = host->sessions; s != NULL; s = next) {
			next = s->next;
			if (count_hops(host) == hops)
				ssh_session_destroy(s);
		}
		if (count_hops(host) == hops)
			host->sessions = NULL;
	}
}

void ssh_pool_destroy(struct ssh_pool *pool)
{
	if (pool == NULL)
		return;
	for (int hops = SSH_HOPS_MOST; pool->hosts != NULL && hops >= 0; hops--)
		destroy_sessions(pool, hops);
	ssh_hosts_destroy(pool->hosts);
	ssh_files_destroy(pool->files);
	ssh_keyring_destroy(pool->keyring);
	copy_sources_destroy(pool->copies);
	free((char *)pool->options.user);
	free((char *)pool->options.config_path);
	ssh_sudo_destroy(pool->sudo);
	ssh_pace_destroy(pool->pace);
	resolver_destroy(pool->resolver);
	ssh_detours_destroy(pool->detours);
	secret_free((char *)pool->options.password);
	free(pool->scratch);
	free(pool);
}

struct resolver *ssh_pool_resolver(struct ssh_pool *pool)
{
	return pool->resolver;
}

struct ssh_pace *ssh_pool_pace(struct ssh_pool *pool)
{
	return pool->pace;
}

struct ssh_stats *ssh_pool_stats(struct ssh_pool *pool)
{
	return &pool->stats;
}

struct ssh_detours *ssh_pool_detours(struct ssh_pool *pool)
{
	return pool->detours;
}

struct loop *ssh_pool_loop(struct ssh_pool *pool)
{
	return pool->loop;
}

struct copy_sources *ssh_pool_copies(struct ssh_pool *pool)
{
	return pool->copies;
}
