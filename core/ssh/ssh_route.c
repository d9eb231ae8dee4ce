/* ssh_route.c - see ssh_route.h */
#include "ssh/ssh_route.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "ssh/pattern.h"
#include "ssh/resolve.h"
#include "ssh/ssh_algorithms.h"

#define CONNECT_TIMEOUT_US (10 * 1000000)
#define KEEPALIVE_US (8 * 1000000)
#define LOST_US (25 * 1000000)
#define ALIVE_COUNT_MAX 3 /* as ssh has it */

/* In ssh's own order. */
static const char *const DEFAULT_KEYS[] = { "~/.ssh/id_rsa", "~/.ssh/id_ecdsa",
					    "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519",
					    "~/.ssh/id_ed25519_sk", NULL };
static const char *const DEFAULT_USER_TRUST[] = { "~/.ssh/known_hosts", "~/.ssh/known_hosts2",
						  NULL };
static const char *const DEFAULT_GLOBAL_TRUST[] = { "/etc/ssh/ssh_known_hosts",
						    "/etc/ssh/ssh_known_hosts2", NULL };

/* ---- files ---- */

/* Of settings `~` is expanded already, and a '%' in them is one; defaults begin with "~/". */
static struct ssh_file *get_file(struct ssh_files *files, enum ssh_file_kind kind,
				 const char *path)
{
	char *full = path[0] == '~' ? xasprintf("%s%s", ssh_home(), path + 1) : xstrdup(path);
	struct ssh_file *f = ssh_files_get(files, kind, full);

	free(full);
	return f;
}

/* Appends the files of a NULL-terminated list; "none" names no file. */
static void add_files(struct ssh_files *files, enum ssh_file_kind kind, const char *const *paths,
		      struct ssh_file ***list, size_t *n)
{
	for (; *paths != NULL; paths++) {
		if (strcasecmp(*paths, "none") == 0)
			continue;
		*list = xreallocarray(*list, *n + 1, sizeof(struct ssh_file *));
		(*list)[(*n)++] = get_file(files, kind, *paths);
	}
}

static const char *const *list_or(char **list, const char *const *fallback)
{
	return list != NULL ? (const char *const *)list : fallback;
}

static void add_all_files(struct ssh_route *r, const struct ssh_settings *s,
			  struct ssh_files *files)
{
	r->default_keys = s->identity_files == NULL;
	add_files(files, SSH_FILE_KEY, list_or(s->identity_files, DEFAULT_KEYS), &r->keys,
		  &r->n_keys);
	if (s->certificate_files != NULL)
		add_files(files, SSH_FILE_CERTIFICATE, list_or(s->certificate_files, NULL),
			  &r->certs, &r->n_certs);
	add_files(files, SSH_FILE_TRUST, list_or(s->user_known_hosts, DEFAULT_USER_TRUST),
		  &r->trust, &r->n_trust);
	r->n_user_trust = r->n_trust;
	add_files(files, SSH_FILE_TRUST, list_or(s->global_known_hosts, DEFAULT_GLOBAL_TRUST),
		  &r->trust, &r->n_trust);
}

/* ---- what the user, the configuration and we want ---- */

/* Never laxer than accept-new: a changed key is refused whatever the configuration says. */
static enum ssh_hostkey_policy hostkey_policy(const struct ssh_options *o, const char *strict)
{
	static const char *const lax[] = { "accept-new", "no", "off", "false" };

	for (size_t i = 0; strict != NULL && i < ARRAY_LEN(lax); i++) {
		if (strcasecmp(strict, lax[i]) == 0)
			return SSH_HOSTKEY_ACCEPT_NEW;
	}
	return o->hostkey;
}

/* A silence is noticed in time whatever the configuration says. */
static int64_t shorter(int64_t asked, int64_t usual)
{
	return asked != 0 && asked < usual ? asked : usual;
}

static void set_times(struct ssh_route *r, const struct ssh_options *o,
		      const struct ssh_settings *s)
{
	int count = s->alive_count_max > 0 ? s->alive_count_max : ALIVE_COUNT_MAX;

	r->connect_timeout_us = o->connect_timeout_us != 0 ? o->connect_timeout_us
							   : s->connect_timeout_us;
	if (r->connect_timeout_us == 0)
		r->connect_timeout_us = CONNECT_TIMEOUT_US;
	r->keepalive_us = o->keepalive_us != 0 ? o->keepalive_us
					       : shorter(s->alive_interval_us, KEEPALIVE_US);
	r->lost_us = o->lost_us != 0 ? o->lost_us
				     : shorter(s->alive_interval_us * count, LOST_US);
	if (r->lost_us < r->keepalive_us)
		r->lost_us = r->keepalive_us;
}

static char *variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? xstrdup(value) : NULL;
}

/* The agent's socket: a path, "$NAME" or SSH_AUTH_SOCK for a variable that holds it, or none. */
static char *agent_socket(const char *setting)
{
	if (setting == NULL || strcmp(setting, "SSH_AUTH_SOCK") == 0)
		return variable("SSH_AUTH_SOCK");
	if (strcasecmp(setting, "none") == 0)
		return NULL;
	return *setting == '$' ? variable(setting + 1) : xstrdup(setting);
}

static char **copy_words(char *const *words)
{
	char **copy = NULL;
	size_t n = 0;

	if (words == NULL)
		return NULL;
	while (words[n] != NULL)
		n++;
	copy = xcalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = xstrdup(words[i]);
	return copy;
}

/* ---- variables that go along ---- */

static bool is_sent(char *const *patterns, const char *name)
{
	for (; patterns != NULL && *patterns != NULL; patterns++) {
		if (pattern_match(*patterns, strlen(*patterns), name))
			return true;
	}
	return false;
}

static bool is_set(char *const *set_env, const char *variable_text, size_t name_len)
{
	for (; set_env != NULL && *set_env != NULL; set_env++) {
		if (strncmp(*set_env, variable_text, name_len + 1) == 0)
			return true;
	}
	return false;
}

/* Ours that SendEnv names, then those of SetEnv, which win. NULL when there is none. */
static char **make_env(const struct ssh_settings *s)
{
	char **env = NULL;
	size_t n = 0, cap = 0;

	for (char **at = environ; s->send_env != NULL && *at != NULL; at++) {
		size_t len = strcspn(*at, "=");
		char *name = xstrndup(*at, len);

		if ((*at)[len] == '=' && is_sent(s->send_env, name) &&
		    !is_set(s->set_env, *at, len)) {
			ARRAY_GROW(env, n, cap);
			env[n++] = xstrdup(*at);
		}
		free(name);
	}
	for (char **at = s->set_env; at != NULL && *at != NULL; at++) {
		ARRAY_GROW(env, n, cap);
		env[n++] = xstrdup(*at);
	}
	if (n == 0)
		return NULL;
	ARRAY_GROW(env, n, cap);
	env[n] = NULL;
	return env;
}

/* ---- what only the system's ssh can do ---- */

static bool is_named(const char *value)
{
	return value != NULL && strcasecmp(value, "none") != 0;
}

/* Whether keys are no way in by the configuration's own words. */
static bool has_no_pubkey(const struct ssh_settings *s)
{
	return s->no_pubkey || (s->preferred_auth != NULL &&
				strstr(s->preferred_auth, "publickey") == NULL);
}

/* GSSAPI and host-based logins are on in many system-wide files without anybody having a ticket:
 * only where keys are ruled out, or come later in a list of the user's own, do they decide. */
static bool comes_first(const struct ssh_settings *s, const char *method)
{
	const char *at = s->preferred_auth != NULL ? strstr(s->preferred_auth, method) : NULL;
	const char *keys = s->preferred_auth != NULL ? strstr(s->preferred_auth, "publickey") : NULL;

	if (has_no_pubkey(s))
		return s->preferred_auth == NULL || at != NULL;
	return at != NULL && at < keys;
}

/* Of an address to connect from: only a number is bound to without asking for it. */
static bool is_name(const char *address)
{
	struct addrinfo *a = address != NULL ? resolve_numeric(address, 0) : NULL;

	resolve_free(a);
	return address != NULL && a == NULL;
}

static const char *asks_for(const struct ssh_settings *s)
{
	if (s->gssapi && comes_first(s, "gssapi-with-mic"))
		return "its configuration asks for GSSAPI logins";
	if (s->hostbased && comes_first(s, "hostbased"))
		return "its configuration asks for host-based logins";
	if (is_named(s->pkcs11_provider))
		return "its configuration names a PKCS11Provider";
	if (s->proxy_fdpass && is_named(s->proxy_command))
		return "its configuration asks for ProxyUseFdpass";
	if (is_named(s->known_hosts_command))
		return "its configuration names a KnownHostsCommand";
	if (is_named(s->revoked_host_keys))
		return "its configuration names RevokedHostKeys";
	if (s->check_host_ip)
		return "its configuration asks for CheckHostIP";
	if (is_name(s->bind_address))
		return "its configuration has a name for a BindAddress";
	return NULL;
}

/* What may let us in where no key of ours does. */
static const char *may_do_without_key(const struct ssh_settings *s)
{
	if (s->gssapi)
		return "GSSAPI may log in";
	if (s->hostbased)
		return "a host-based login may do";
	if (is_named(s->sk_provider) && strcasecmp(s->sk_provider, "internal") != 0)
		return "its SecurityKeyProvider may have a key";
	return NULL;
}

static void set_algorithms(struct ssh_route *r, const struct ssh_settings *s)
{
	struct {
		enum ssh_algorithms what;
		const char *keyword, *asked;
		char **slot;
	} const all[] = {
		{ SSH_ALG_KEX, "KexAlgorithms", s->kex, &r->kex },
		{ SSH_ALG_CIPHER, "Ciphers", s->ciphers, &r->ciphers },
		{ SSH_ALG_MAC, "MACs", s->macs, &r->macs },
		{ SSH_ALG_HOST_KEY, "HostKeyAlgorithms", s->host_key_algorithms,
		  &r->host_key_algorithms },
	};

	r->names_ciphers = s->ciphers != NULL;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		*all[i].slot = ssh_algorithms_choose(all[i].what, all[i].asked);
		if (*all[i].slot == NULL && r->other_way == NULL)
			r->other_way = xasprintf("libssh2 has none of the %s of its configuration "
						 "(%.100s)", all[i].keyword, all[i].asked);
	}
}

/* ---- the route ---- */

static void set_reach(struct ssh_route *r, const struct ssh_settings *s)
{
	r->proxy_command = is_named(s->proxy_command) ? xstrdup(s->proxy_command) : NULL;
	r->proxy_jump = xstrdup(s->proxy_jump);
	r->address_family = s->address_family;
	r->bind_address = xstrdup(s->bind_address);
	r->bind_interface = xstrdup(s->bind_interface);
}

static void set_credentials(struct ssh_route *r, const struct ssh_settings *s)
{
	r->identities_only = s->identities_only;
	r->agent = agent_socket(s->identity_agent);
	r->certificates = copy_words(s->certificate_files);
	if (s->forward_agent)
		r->forward_agent = s->forwarded_agent != NULL ? agent_socket(s->forwarded_agent)
							      : xstrdup(r->agent);
	r->without_key = xstrdup(may_do_without_key(s));
}

void ssh_route_make(struct ssh_route *r, const struct ssh_query *asked,
		    const struct ssh_options *o, const struct ssh_settings *s,
		    struct ssh_files *files)
{
	const char *user = asked->user != NULL ? asked->user : s->user;

	r->name = xstrdup(asked->host);
	r->asked = o;
	r->hostname = xstrdup(s->hostname);
	r->user = xstrdup(user != NULL ? user : ssh_local_user());
	r->port = asked->port != 0 ? asked->port : s->port != 0 ? s->port : 22;
	set_times(r, o, s);
	set_reach(r, s);
	set_credentials(r, s);
	r->hostkey = hostkey_policy(o, s->strict);
	r->host_key_alias = xstrdup(s->host_key_alias);
	r->hash_known_hosts = s->hash_known_hosts;
	r->env = make_env(s);
	r->other_way = xstrdup(o->system_ssh ? "it was asked for" : asks_for(s));
	set_algorithms(r, s);
	add_all_files(r, s, files);
}

static void free_words(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

void ssh_route_fini(struct ssh_route *r)
{
	char **const texts[] = { &r->name, &r->hostname, &r->user, &r->host_key_alias,
				 &r->proxy_command, &r->proxy_jump, &r->bind_address,
				 &r->bind_interface, &r->kex, &r->host_key_algorithms, &r->ciphers,
				 &r->macs, &r->agent, &r->forward_agent, &r->other_way,
				 &r->without_key, &r->no_route };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*texts[i]);
	free_words(r->certificates);
	free_words(r->env);
	free(r->keys);
	free(r->certs);
	free(r->trust);
	*r = (struct ssh_route){ 0 };
}

/* Each has its end, which is part of none: all are words of lines. (Formatting them by printf was a
 * tenth of what we spend on a host beside the cryptography.) */
static void add_text(struct strbuf *key, const char *text)
{
	strbuf_adds(key, text);
	strbuf_addc(key, '\n');
}

static void add_texts(struct strbuf *key, const struct ssh_route *r)
{
	const char *const texts[] = { r->user, r->hostname, r->host_key_alias, r->proxy_command,
				      r->proxy_jump, r->bind_address, r->bind_interface, r->kex,
				      r->host_key_algorithms, r->ciphers, r->macs, r->agent,
				      r->forward_agent, r->other_way, r->without_key,
				      /* ssh may know more of a name than we */
				      r->other_way != NULL ? r->name : NULL };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		add_text(key, texts[i] != NULL ? texts[i] : "");
}

static void add_words(struct strbuf *key, char *const *words)
{
	for (; words != NULL && *words != NULL; words++)
		add_text(key, *words);
	strbuf_addc(key, ';');
}

char *ssh_route_key(const struct ssh_route *r)
{
	struct strbuf key = STRBUF_INIT;

	add_texts(&key, r);
	add_words(&key, r->certificates);
	add_words(&key, r->env);
	strbuf_addf(&key, "%d %d %d %d %d %lld %lld %lld", r->port, (int)r->hostkey,
		    r->address_family, (int)r->identities_only, (int)r->hash_known_hosts,
		    (long long)r->connect_timeout_us, (long long)r->keepalive_us,
		    (long long)r->lost_us);
	/* one path is one struct */
	for (size_t i = 0; i < r->n_keys; i++)
		strbuf_addf(&key, " %p", (void *)r->keys[i]);
	for (size_t i = 0; i < r->n_trust; i++)
		strbuf_addf(&key, " %p", (void *)r->trust[i]);
	return strbuf_detach(&key);
}
