/* ssh_pool.c - see ssh_pool.h */
#include "ssh/ssh_pool.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "ssh/ssh_config.h"
#include "ssh/ssh_files.h"
#include "ssh/ssh_jump.h"
#include "ssh/ssh_keyring.h"
#include "ssh/ssh_route.h"
#include "ssh/ssh_tunnel.h"

#define HOPS_MOST 8
#define CARRIERS_MOST 32 /* sessions to one jump host; each may be held up by a silent target */
#define CARRIER_QUEUE_LONG 16 /* more in the row than this are worth another login */

struct ssh_pool {
	struct loop *loop;
	struct ssh_options options; /* strings are ours */
	struct ssh_config *config;  /* NULL: none */
	struct ssh_files *files;
	struct ssh_keyring *keyring;
	struct strtable by_name;  /* as the user names hosts -> struct ssh_host */
	struct strtable by_route; /* ssh_route_key() -> struct ssh_host, which it owns */
	struct ssh_session *oldest, *newest; /* idle sessions */
	char *scratch;
	struct ssh_stats stats;
};

/* ---- hosts ---- */

static void note(struct ssh_pool *pool, const char *text)
{
	if (pool->options.on_note != NULL)
		pool->options.on_note(pool->options.note_arg, text);
}

static struct ssh_host *share_host(struct ssh_pool *pool, const struct ssh_route *r)
{
	char *key = ssh_route_key(r);
	struct ssh_host *host = strtable_get(&pool->by_route, key);

	if (host == NULL) {
		host = xcalloc(1, sizeof(*host));
		host->pool = pool;
		host->route = *r;
		strtable_put(&pool->by_route, key, host);
	} else {
		struct ssh_route unused = *r;

		ssh_route_fini(&unused);
	}
	free(key);
	return host;
}

static struct ssh_host *find_jump(struct ssh_pool *pool, const char *text, int hops,
				  struct pl_error *err);

static int look_up(struct ssh_pool *pool, const struct ssh_query *asked, struct ssh_settings *out,
		   struct pl_error *err)
{
	int rc = ssh_config_lookup(pool->config, asked, out, pool->options.on_note,
				   pool->options.note_arg, err);

	if (rc == SSH_CONFIG_ASK)
		return pl_errorf(err, PL_EUNSUPPORTED, "%s: only ssh itself can say what its "
				 "configuration means (Match exec, CanonicalizeHostname)",
				 asked->host);
	return rc;
}

/* The jump host of a route, as its text says. Where only ssh can reach that, ssh goes all the way. */
static int add_jump(struct ssh_pool *pool, struct ssh_route *r, int hops, struct pl_error *err)
{
	if (r->proxy_jump == NULL || strcasecmp(r->proxy_jump, "none") == 0)
		return 0;
	r->jump = find_jump(pool, r->proxy_jump, hops + 1, err);
	if (r->jump == NULL)
		return -1;
	if (r->other_way == NULL)
		r->other_way = xstrdup(r->jump->route.other_way);
	return 0;
}

/*
 * The host that is asked for, as the configuration has it. It is reached through the hosts of
 * `before`, NULL: through those that its own ProxyJump names; `hops` counts those after it.
 */
static struct ssh_host *find_host(struct ssh_pool *pool, const struct ssh_query *asked,
				  const char *before, int hops, struct pl_error *err)
{
	struct ssh_route route = { 0 };
	struct ssh_settings settings;

	if (*asked->host == '\0' || *asked->host == '-')
		return pl_errorf(err, PL_EUSAGE, "'%s' is no host name", asked->host), NULL;
	if (look_up(pool, asked, &settings, err) != 0)
		return NULL;
	ssh_route_make(&route, asked, &pool->options, &settings, pool->files);
	route.keyring = pool->keyring;
	if (route.agent != NULL)
		route.agent_client = ssh_keyring_agent(pool->keyring, route.agent);
	ssh_settings_fini(&settings);
	if (before != NULL) {
		free(route.proxy_jump);
		route.proxy_jump = xstrdup(before);
	}
	if (add_jump(pool, &route, hops, err) != 0) {
		ssh_route_fini(&route);
		return NULL;
	}
	return share_host(pool, &route);
}

/* The last of "[user@]host[:port],...", reached through those before it. */
static struct ssh_host *find_jump(struct ssh_pool *pool, const char *text, int hops,
				  struct pl_error *err)
{
	struct ssh_host *host = NULL;
	struct ssh_hop hop;

	if (hops > HOPS_MOST)
		return pl_errorf(err, PL_EUSAGE, "ProxyJump %s: more than %d jump hosts in a row, or "
				 "they lead in a circle", text, HOPS_MOST), NULL;
	if (ssh_jump_parse(text, &hop, err) == 0) {
		const struct ssh_query asked = { hop.host, hop.user, hop.port };

		host = find_host(pool, &asked, hop.before, hops, err);
	}
	ssh_hop_fini(&hop);
	return host;
}

struct ssh_host *ssh_pool_host(struct ssh_pool *pool, const char *name, struct pl_error *err)
{
	const struct ssh_query asked = { name, pool->options.user, pool->options.port };
	struct ssh_host *host = strtable_get(&pool->by_name, name);

	if (host != NULL)
		return host;
	host = find_host(pool, &asked, NULL, 0, err);
	if (host != NULL)
		strtable_put(&pool->by_name, name, host);
	return host;
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
	const struct strtable_entry *it;
	size_t pos = 0;

	while (pool->oldest != NULL)
		close_one(pool, pool->oldest);
	while ((it = strtable_next(&pool->by_route, &pos)) != NULL) {
		const struct ssh_host *host = it->value;

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

static struct ssh_session *add_session(struct ssh_host *host)
{
	struct ssh_pool *pool = host->pool;
	struct ssh_session *s = ssh_session_create(pool->loop, &host->route, pool->scratch,
						   &session_events, pool);

	s->host = host;
	s->next = host->sessions;
	host->sessions = s;
	return s;
}

struct ssh_session *ssh_pool_session(struct ssh_host *host)
{
	struct ssh_session *s;
	size_t most = SIZE_MAX;

	for (s = host->sessions; s != NULL; s = s->next) {
		if (s->carries)
			continue;
		if (s->state <= SESSION_READY && s->n_users < s->most) {
			leave_idle(host->pool, s);
			return s;
		}
		if (s->most > 0 && s->most < most)
			most = s->most;
	}
	s = add_session(host);
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
	s = add_session(jump);
	s->carries = true;
	return s;
}

/* ---- the pool ---- */

/* What logins wait for may be there. */
static void wake_resolving(void *arg)
{
	struct ssh_pool *pool = arg;
	const struct strtable_entry *it;
	size_t pos = 0;

	while ((it = strtable_next(&pool->by_route, &pos)) != NULL) {
		const struct ssh_host *host = it->value;

		for (struct ssh_session *s = host->sessions; s != NULL; s = s->next) {
			if (s->state == SESSION_RESOLVE)
				ssh_session_poke(s);
		}
	}
}

static void on_keyring_note(void *arg, const char *text)
{
	note(arg, text);
}

static const struct ssh_keyring_events keyring_events = { wake_resolving, on_keyring_note };

/* A key that cannot be used is worth a note: another one may do, and nobody would know. */
static void on_file(void *arg, struct ssh_file *f)
{
	struct ssh_pool *pool = arg;
	const struct pl_error *why = ssh_file_error(f);

	if (why->code != PL_EOK && why->code != PL_ENOENT)
		note(pool, why->text);
	wake_resolving(pool);
}

/* A file that need not be there. */
static int add_config(struct ssh_pool *pool, enum ssh_config_source source, const char *path,
		      struct pl_error *err)
{
	struct pl_error why = { 0 };

	if (ssh_config_add(pool->config, source, path, &why) == 0 || why.code == PL_ENOENT)
		return 0;
	return pl_errorf(err, why.code, "%s", why.text);
}

/* The user's and the system's need not be there; a file that was named must, and stands alone. */
static int read_config(struct ssh_pool *pool, const char *path, struct pl_error *err)
{
	char *home_path;
	int rc;

	pool->config = ssh_config_create();
	if (path != NULL && strcasecmp(path, "none") == 0)
		return 0;
	if (path != NULL)
		return ssh_config_add(pool->config, SSH_CONFIG_NAMED, path, err);
	home_path = xasprintf("%s/.ssh/config", ssh_home());
	rc = add_config(pool, SSH_CONFIG_USER, home_path, err);
	free(home_path);
	return rc != 0 ? rc : add_config(pool, SSH_CONFIG_SYSTEM, "/etc/ssh/ssh_config", err);
}

struct ssh_pool *ssh_pool_create(struct loop *loop, const struct ssh_options *options,
				 struct pl_error *err)
{
	struct ssh_pool *pool = xcalloc(1, sizeof(*pool));

	pool->loop = loop;
	pool->options = *options;
	pool->options.user = xstrdup(options->user);
	pool->options.config_path = xstrdup(options->config_path);
	pool->scratch = xmalloc(SSH_READ_SIZE);
	pool->files = ssh_files_create(loop, on_file, pool);
	pool->keyring = ssh_keyring_create(loop, &keyring_events, pool);
	if (read_config(pool, options->config_path, err) != 0) {
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
	const struct strtable_entry *it;
	size_t pos = 0;

	while ((it = strtable_next(&pool->by_route, &pos)) != NULL) {
		struct ssh_host *host = it->value;
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
	const struct strtable_entry *it;
	size_t pos = 0;

	if (pool == NULL)
		return;
	for (int hops = HOPS_MOST; hops >= 0; hops--)
		destroy_sessions(pool, hops);
	while ((it = strtable_next(&pool->by_route, &pos)) != NULL) {
		struct ssh_host *host = it->value;

		ssh_route_fini(&host->route);
		free(host);
	}
	strtable_fini(&pool->by_route);
	strtable_fini(&pool->by_name);
	ssh_files_destroy(pool->files);
	ssh_keyring_destroy(pool->keyring);
	ssh_config_destroy(pool->config);
	free((char *)pool->options.user);
	free((char *)pool->options.config_path);
	free(pool->scratch);
	free(pool);
}

struct ssh_stats *ssh_pool_stats(struct ssh_pool *pool)
{
	return &pool->stats;
}

struct loop *ssh_pool_loop(struct ssh_pool *pool)
{
	return pool->loop;
}
