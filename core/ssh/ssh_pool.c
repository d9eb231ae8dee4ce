/* ssh_pool.c - see ssh_pool.h */
#include "ssh/ssh_pool.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/strtable.h"
#include "ssh/ssh_config.h"
#include "ssh/ssh_files.h"

#define CONNECT_TIMEOUT_US (10 * 1000000)
#define KEEPALIVE_US (15 * 1000000)
#define LOST_US (45 * 1000000)

struct ssh_pool {
	struct loop *loop;
	struct ssh_options options; /* strings are ours */
	struct ssh_config *config;  /* NULL: none */
	struct ssh_files *files;
	struct strtable by_name;  /* as the user names hosts -> struct ssh_host */
	struct strtable by_route; /* route_key() -> struct ssh_host, which it owns */
	struct ssh_session *oldest, *newest; /* idle sessions */
	char *scratch;
	struct ssh_stats stats;
};

/* ---- routes ---- */

static const char *const DEFAULT_KEYS[] = { "~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", NULL };
static const char *const DEFAULT_USER_TRUST[] = { "~/.ssh/known_hosts", "~/.ssh/known_hosts2",
						  NULL };
static const char *const DEFAULT_GLOBAL_TRUST[] = { "/etc/ssh/ssh_known_hosts",
						    "/etc/ssh/ssh_known_hosts2", NULL };

/* Of settings `~` is expanded already, and a '%' in them is one; defaults begin with "~/". */
static struct ssh_file *get_file(struct ssh_pool *pool, enum ssh_file_kind kind, const char *path)
{
	char *full = path[0] == '~' ? xasprintf("%s%s", ssh_home(), path + 1) : xstrdup(path);
	struct ssh_file *f = ssh_files_get(pool->files, kind, full);

	free(full);
	return f;
}

/* Appends the files of a NULL-terminated list; "none" names no file. */
static void add_files(struct ssh_pool *pool, enum ssh_file_kind kind, const char *const *paths,
		      struct ssh_file ***files, size_t *n)
{
	for (; *paths != NULL; paths++) {
		if (strcasecmp(*paths, "none") == 0)
			continue;
		*files = xreallocarray(*files, *n + 1, sizeof(struct ssh_file *));
		(*files)[(*n)++] = get_file(pool, kind, *paths);
	}
}

static const char *const *list_or(char **list, const char *const *fallback)
{
	return list != NULL ? (const char *const *)list : fallback;
}

static void note(struct ssh_pool *pool, const char *text)
{
	if (pool->options.on_note != NULL)
		pool->options.on_note(pool->options.note_arg, text);
}

/* Never laxer than accept-new: a changed key is refused whatever the configuration says. */
static enum ssh_hostkey_policy hostkey_policy(const struct ssh_pool *pool, const char *strict)
{
	static const char *const lax[] = { "accept-new", "no", "off" };

	for (size_t i = 0; strict != NULL && i < ARRAY_LEN(lax); i++) {
		if (strcasecmp(strict, lax[i]) == 0)
			return SSH_HOSTKEY_ACCEPT_NEW;
	}
	return pool->options.hostkey;
}

static void make_route(struct ssh_pool *pool, const char *name, const struct ssh_settings *s,
		       struct ssh_route *r)
{
	const struct ssh_options *o = &pool->options;
	const char *user = o->user != NULL ? o->user : s->user;

	r->name = xstrdup(name);
	r->asked = o;
	r->other_way = xstrdup(o->system_ssh ? "it was asked for" : s->other_way);
	r->hostname = xstrdup(s->hostname);
	r->user = xstrdup(user != NULL ? user : ssh_local_user());
	r->port = o->port != 0 ? o->port : s->port != 0 ? s->port : 22;
	r->connect_timeout_us = o->connect_timeout_us != 0 ? o->connect_timeout_us
							   : s->connect_timeout_us;
	if (r->connect_timeout_us == 0)
		r->connect_timeout_us = CONNECT_TIMEOUT_US;
	r->keepalive_us = o->keepalive_us != 0 ? o->keepalive_us : KEEPALIVE_US;
	r->lost_us = o->lost_us != 0 ? o->lost_us : LOST_US;
	r->hostkey = hostkey_policy(pool, s->strict);
	r->default_keys = s->identity_files == NULL;
	add_files(pool, SSH_FILE_KEY, list_or(s->identity_files, DEFAULT_KEYS), &r->keys,
		  &r->n_keys);
	add_files(pool, SSH_FILE_TRUST, list_or(s->user_known_hosts, DEFAULT_USER_TRUST),
		  &r->trust, &r->n_trust);
	r->n_user_trust = r->n_trust;
	add_files(pool, SSH_FILE_TRUST, list_or(s->global_known_hosts, DEFAULT_GLOBAL_TRUST),
		  &r->trust, &r->n_trust);
}

static void route_fini(struct ssh_route *r)
{
	free(r->name);
	free(r->other_way);
	free(r->hostname);
	free(r->user);
	free(r->keys);
	free(r->trust);
}

/* What two names must have in common to share sessions. */
static char *route_key(const struct ssh_route *r)
{
	struct strbuf key = STRBUF_INIT;

	strbuf_addf(&key, "%s@%s:%d", r->user, r->hostname, r->port);
	strbuf_addf(&key, " %d %lld", (int)r->hostkey, (long long)r->connect_timeout_us);
	if (r->other_way != NULL) /* ssh may know more of the name than we */
		strbuf_addf(&key, " %s", r->name);
	/* one path is one struct */
	for (size_t i = 0; i < r->n_keys; i++)
		strbuf_addf(&key, " %p", (void *)r->keys[i]);
	for (size_t i = 0; i < r->n_trust; i++)
		strbuf_addf(&key, " %p", (void *)r->trust[i]);
	return strbuf_detach(&key);
}

static struct ssh_host *share_host(struct ssh_pool *pool, const struct ssh_route *r)
{
	char *key = route_key(r);
	struct ssh_host *host = strtable_get(&pool->by_route, key);

	if (host == NULL) {
		host = xcalloc(1, sizeof(*host));
		host->pool = pool;
		host->route = *r;
		strtable_put(&pool->by_route, key, host);
	} else {
		struct ssh_route unused = *r;

		route_fini(&unused);
	}
	free(key);
	return host;
}

struct ssh_host *ssh_pool_host(struct ssh_pool *pool, const char *name, struct pl_error *err)
{
	struct ssh_host *host = strtable_get(&pool->by_name, name);
	struct ssh_route route = { 0 };
	struct ssh_settings settings;

	if (host != NULL)
		return host;
	if (*name == '\0' || *name == '-')
		return pl_errorf(err, PL_EUSAGE, "'%s' is no host name", name), NULL;
	if (ssh_config_lookup(pool->config, name, &settings, pool->options.on_note,
			      pool->options.note_arg, err) != 0)
		return NULL;
	make_route(pool, name, &settings, &route);
	ssh_settings_fini(&settings);
	host = share_host(pool, &route);
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
	while (pool->oldest != NULL)
		close_one(pool, pool->oldest);
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

struct ssh_session *ssh_pool_session(struct ssh_host *host)
{
	struct ssh_pool *pool = host->pool;
	struct ssh_session *s;
	size_t most = SIZE_MAX;

	for (s = host->sessions; s != NULL; s = s->next) {
		if (s->state <= SESSION_READY && s->n_users < s->most) {
			leave_idle(pool, s);
			return s;
		}
		if (s->most > 0 && s->most < most)
			most = s->most;
	}
	s = ssh_session_create(pool->loop, &host->route, pool->scratch, &session_events, pool);
	/* what one session learnt of the server's limit, the next need not */
	if (most < s->most)
		s->most = most;
	s->host = host;
	s->next = host->sessions;
	host->sessions = s;
	return s;
}

/* ---- the pool ---- */

/* A key that cannot be used is worth a note: another one may do, and nobody would know. */
static void on_file(void *arg, struct ssh_file *f)
{
	struct ssh_pool *pool = arg;
	const struct pl_error *why = ssh_file_error(f);
	const struct strtable_entry *it;
	size_t pos = 0;

	if (why->code != PL_EOK && why->code != PL_ENOENT)
		note(pool, why->text);
	while ((it = strtable_next(&pool->by_route, &pos)) != NULL) {
		const struct ssh_host *host = it->value;

		for (struct ssh_session *s = host->sessions; s != NULL; s = s->next) {
			if (s->state == SESSION_RESOLVE)
				ssh_session_poke(s);
		}
	}
}

/* ~/.ssh/config need not be there; a file that was named must. */
static int read_config(struct ssh_pool *pool, const char *path, struct pl_error *err)
{
	struct pl_error why = { 0 };
	char *home_path;

	if (path != NULL && strcmp(path, "none") == 0)
		return 0;
	if (path != NULL) {
		pool->config = ssh_config_read(path, false, err);
		return pool->config != NULL ? 0 : -1;
	}
	home_path = xasprintf("%s/.ssh/config", ssh_home());
	pool->config = ssh_config_read(home_path, true, &why);
	free(home_path);
	if (pool->config != NULL || why.code == PL_ENOENT)
		return 0;
	return pl_errorf(err, why.code, "%s", why.text);
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
	if (read_config(pool, options->config_path, err) != 0) {
		ssh_pool_destroy(pool);
		return NULL;
	}
	return pool;
}

static void host_free(struct ssh_host *host)
{
	struct ssh_session *next;

	for (struct ssh_session *s = host->sessions; s != NULL; s = next) {
		next = s->next;
		ssh_session_destroy(s);
	}
	route_fini(&host->route);
	free(host);
}

void ssh_pool_destroy(struct ssh_pool *pool)
{
	const struct strtable_entry *it;
	size_t pos = 0;

	if (pool == NULL)
		return;
	while ((it = strtable_next(&pool->by_route, &pos)) != NULL)
		host_free(it->value);
	strtable_fini(&pool->by_route);
	strtable_fini(&pool->by_name);
	ssh_files_destroy(pool->files);
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
