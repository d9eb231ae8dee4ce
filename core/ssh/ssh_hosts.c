/* ssh_hosts.c - see ssh_hosts.h */
#include "ssh/ssh_hosts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/strtable.h"
#include "ssh/ssh_ask.h"
#include "ssh/ssh_config.h"
#include "ssh/ssh_jump.h"
#include "ssh/ssh_keyring.h"
#include "ssh/ssh_route.h"

struct ssh_hosts {
	struct ssh_hosts_use use;
	struct ssh_config *config;
	struct ssh_asks *asks;
	struct strtable by_name;  /* as the user names hosts -> struct ssh_host */
	struct strtable by_route; /* ssh_route_key() -> struct ssh_host, which it owns */
};

static struct ssh_host *find_jump(struct ssh_hosts *hosts, const char *text, int hops,
				  struct pl_error *err);

/* ---- routes ---- */

static struct ssh_host *add_host(struct ssh_hosts *hosts, const char *key,
				 const struct ssh_route *r)
{
	struct ssh_host *host = xcalloc(1, sizeof(*host));

	host->pool = hosts->use.pool;
	host->hosts = hosts;
	host->route = *r;
	strtable_put(&hosts->by_route, key, host);
	return host;
}

/* Takes the route. */
static struct ssh_host *share_host(struct ssh_hosts *hosts, struct ssh_route *r)
{
	char *key = ssh_route_key(r);
	struct ssh_host *host = strtable_get(&hosts->by_route, key);

	if (host == NULL)
		host = add_host(hosts, key, r);
	else
		ssh_route_fini(r);
	free(key);
	return host;
}

/* The jump host of a route, as its text says. Where only ssh can reach that, ssh goes all the
 * way. */
static int add_jump(struct ssh_hosts *hosts, struct ssh_route *r, int hops, struct pl_error *err)
{
	if (r->proxy_jump == NULL || strcasecmp(r->proxy_jump, "none") == 0)
		return 0;
	r->jump = find_jump(hosts, r->proxy_jump, hops + 1, err);
	if (r->jump == NULL)
		return -1;
	if (r->other_way == NULL)
		r->other_way = xstrdup(r->jump->route.other_way);
	return 0;
}

/* An agent goes only to where commands run, and not by libssh2: that takes no channel which the
 * host opens. */
static void forward_agent(struct ssh_route *r, bool is_jump)
{
	if (is_jump) {
		free(r->forward_agent);
		r->forward_agent = NULL;
	}
	if (r->forward_agent != NULL && r->other_way == NULL)
		r->other_way = xstrdup("its configuration asks for ForwardAgent");
}

/* `before`: the hops before it; NULL: those that its own ProxyJump names. */
static int make_route(struct ssh_hosts *hosts, struct ssh_route *r, const struct ssh_query *asked,
		      const struct ssh_settings *s, const char *before, int hops,
		      struct pl_error *err)
{
	const struct ssh_hosts_use *use = &hosts->use;

	*r = (struct ssh_route){ 0 };
	ssh_route_make(r, asked, use->options, s, use->files);
	forward_agent(r, hops > 0);
	r->keyring = use->keyring;
	if (r->agent != NULL)
		r->agent_client = ssh_keyring_agent(use->keyring, r->agent);
	if (before != NULL) {
		free(r->proxy_jump);
		r->proxy_jump = xstrdup(before);
	}
	if (add_jump(hosts, r, hops, err) == 0)
		return 0;
	ssh_route_fini(r);
	return -1;
}

/* ---- hosts that ssh is asked for ---- */

static struct ssh_query query_for(const struct ssh_hosts *hosts, const char *name)
{
	return (struct ssh_query){ name, hosts->use.options->user, hosts->use.options->port };
}

static void learn_route(struct ssh_host *host, const struct ssh_settings *settings,
			struct pl_error *err)
{
	struct ssh_hosts *hosts = host->hosts;
	const struct ssh_query query = query_for(hosts, host->route.name);
	struct ssh_route route;

	if (make_route(hosts, &route, &query, settings, NULL, 0, err) != 0)
		return;
	ssh_route_fini(&host->route);
	host->route = route;
}

static void on_answer(void *arg, const char *dump, const char *asked, const char *why)
{
	struct ssh_host *host = arg;
	const struct ssh_query query = query_for(host->hosts, host->route.name);
	struct ssh_settings settings;
	struct pl_error err = { 0 };

	host->route.is_pending = false;
	if (dump == NULL) {
		pl_errorf(&err, PL_ESYS, "%s", why);
	} else if (ssh_config_read_dump(dump, asked, &query, &settings, &err) == 0) {
		learn_route(host, &settings, &err);
		ssh_settings_fini(&settings);
	}
	if (err.code != PL_EOK)
		host->route.no_route = xstrdup(err.text);
	for (struct ssh_session *s = host->sessions; s != NULL; s = s->next) {
		if (s->state == SESSION_RESOLVE)
			ssh_session_learn_route(s);
	}
}

void ssh_hosts_ask_again(struct ssh_host *host)
{
	struct ssh_hosts *hosts = host->hosts;
	char *key = ssh_config_class(hosts->config, host->route.name);

	free(host->route.no_route);
	host->route.no_route = NULL;
	host->route.is_pending = true;
	ssh_ask(hosts->asks, host->route.name, key, on_answer, host);
	free(key);
}

/* What it leads to is not known yet: its name alone tells it apart. */
static struct ssh_host *ask_for_host(struct ssh_hosts *hosts, const struct ssh_query *asked)
{
	const struct ssh_settings nothing = { .hostname = (char *)asked->host };
	char *key = xasprintf("asked for: %s", asked->host);
	struct ssh_host *host;
	struct ssh_route route;

	make_route(hosts, &route, asked, &nothing, NULL, 0, NULL);
	host = add_host(hosts, key, &route);
	free(key);
	if (!hosts->use.options->system_ssh) /* that ssh finds the way by itself */
		ssh_hosts_ask_again(host);
	return host;
}

/* A jump host that only ssh knows of: ssh goes all the way. */
static struct ssh_host *leave_jump(struct ssh_hosts *hosts, const struct ssh_query *asked,
				   const char *before, int hops)
{
	const struct ssh_settings nothing = { .hostname = (char *)asked->host };
	struct ssh_route route;

	if (make_route(hosts, &route, asked, &nothing, before, hops, NULL) != 0)
		return NULL;
	free(route.other_way);
	route.other_way = xasprintf("only ssh can say how its jump host %s is reached",
				    asked->host);
	return share_host(hosts, &route);
}

/* ---- names ---- */

/* The shell of a ProxyCommand may read it, for %h or %r: the characters that ssh refuses. */
static bool has_shell_characters(const char *name, const char *which)
{
	for (; *name != '\0'; name++) {
		if (strchr(which, *name) != NULL || iscntrl((unsigned char)*name))
			return true;
	}
	return false;
}

static int check_query(const struct ssh_query *asked, struct pl_error *err)
{
	const char *user = asked->user != NULL ? asked->user : "";
	size_t len = strlen(user);

	if (*asked->host == '\0' || *asked->host == '-' ||
	    has_shell_characters(asked->host, " '`\"$\\;&<>|(){}"))
		return pl_errorf(err, PL_EUSAGE, "'%s' is no host name", asked->host);
	if (*user == '-' || strstr(user, " -") != NULL || (len > 0 && user[len - 1] == '\\') ||
	    has_shell_characters(user, "'`\"$;&<>|(){}"))
		return pl_errorf(err, PL_EUSAGE, "'%s' is no user name: a shell could read more in "
				 "it; where it is right, User in the configuration can have it", user);
	return 0;
}

/*
 * The host that is asked for, as the configuration has it. It is reached through the hosts of
 * `before`, NULL: through those that its own ProxyJump names; `hops` counts those after it.
 */
static struct ssh_host *find_host(struct ssh_hosts *hosts, const struct ssh_query *asked,
				  const char *before, int hops, struct pl_error *err)
{
	const struct ssh_options *o = hosts->use.options;
	struct ssh_settings settings;
	struct ssh_route route;
	int rc;

	if (check_query(asked, err) != 0)
		return NULL;
	rc = ssh_config_lookup(hosts->config, asked, &settings, o->on_note, o->note_arg, err);
	if (rc == SSH_CONFIG_ASK)
		return hops == 0 ? ask_for_host(hosts, asked)
				 : leave_jump(hosts, asked, before, hops);
	if (rc != 0)
		return NULL;
	rc = make_route(hosts, &route, asked, &settings, before, hops, err);
	ssh_settings_fini(&settings);
	return rc == 0 ? share_host(hosts, &route) : NULL;
}

/* The last of "[user@]host[:port],...", reached through those before it. */
static struct ssh_host *find_jump(struct ssh_hosts *hosts, const char *text, int hops,
				  struct pl_error *err)
{
	struct ssh_host *host = NULL;
	struct ssh_hop hop;

	if (hops > SSH_HOPS_MOST)
		return pl_errorf(err, PL_EUSAGE, "ProxyJump %s: more than %d jump hosts in a row, or "
				 "they lead in a circle", text, SSH_HOPS_MOST), NULL;
	if (ssh_jump_parse(text, &hop, err) == 0) {
		const struct ssh_query asked = { hop.host, hop.user, hop.port };

		host = find_host(hosts, &asked, hop.before, hops, err);
	}
	ssh_hop_fini(&hop);
	return host;
}

struct ssh_host *ssh_hosts_find(struct ssh_hosts *hosts, const char *name, struct pl_error *err)
{
	const struct ssh_query asked = query_for(hosts, name);
	struct ssh_host *host = strtable_get(&hosts->by_name, name);

	if (host != NULL)
		return host;
	host = find_host(hosts, &asked, NULL, 0, err);
	if (host != NULL)
		strtable_put(&hosts->by_name, name, host);
	return host;
}

struct ssh_host *ssh_hosts_next(const struct ssh_hosts *hosts, size_t *pos)
{
	const struct strtable_entry *it = strtable_next(&hosts->by_route, pos);

	return it != NULL ? it->value : NULL;
}

/* ---- the configuration ---- */

/* A file that need not be there. */
static int add_config(struct ssh_hosts *hosts, enum ssh_config_source source, const char *path,
		      struct pl_error *err)
{
	struct pl_error why = { 0 };

	if (ssh_config_add(hosts->config, source, path, &why) == 0 || why.code == PL_ENOENT)
		return 0;
	return pl_errorf(err, why.code, "%s", why.text);
}

/* The user's and the system's need not be there; a file that was named must, and stands alone. */
static int read_config(struct ssh_hosts *hosts, const char *path, struct pl_error *err)
{
	char *home_path;
	int rc;

	if (path != NULL && strcasecmp(path, "none") == 0)
		return 0;
	if (path != NULL)
		return ssh_config_add(hosts->config, SSH_CONFIG_NAMED, path, err);
	home_path = xasprintf("%s/.ssh/config", ssh_home());
	rc = add_config(hosts, SSH_CONFIG_USER, home_path, err);
	free(home_path);
	return rc != 0 ? rc : add_config(hosts, SSH_CONFIG_SYSTEM, "/etc/ssh/ssh_config", err);
}

struct ssh_hosts *ssh_hosts_create(const struct ssh_hosts_use *use, struct pl_error *err)
{
	struct ssh_hosts *hosts = xcalloc(1, sizeof(*hosts));

	hosts->use = *use;
	hosts->config = ssh_config_create();
	hosts->asks = ssh_asks_create(use->loop, use->options);
	if (read_config(hosts, use->options->config_path, err) == 0)
		return hosts;
	ssh_hosts_destroy(hosts);
	return NULL;
}

void ssh_hosts_destroy(struct ssh_hosts *hosts)
{
	struct ssh_host *host;
	size_t pos = 0;

	if (hosts == NULL)
		return;
	while ((host = ssh_hosts_next(hosts, &pos)) != NULL) {
		ssh_route_fini(&host->route);
		free(host->login_name);
		free(host);
	}
	strtable_fini(&hosts->by_route);
	strtable_fini(&hosts->by_name);
	ssh_asks_destroy(hosts->asks);
	ssh_config_destroy(hosts->config);
	free(hosts);
}
