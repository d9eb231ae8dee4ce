/* ssh_settings.c - lines of a configuration into struct ssh_settings; see ssh_config_lookup.h */
#include <ctype.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "ssh/pattern.h"
#include "ssh/resolve.h"
#include "ssh/ssh_config_lookup.h"

/* ---- lines ---- */

/* True for the first line that says it. */
static bool is_first(struct lookup *l, enum ssh_keyword_id id)
{
	bool first = !l->is_set[id];

	l->is_set[id] = true;
	return first;
}

static void set_text(struct lookup *l, enum ssh_keyword_id id, char **slot, const char *value)
{
	if (is_first(l, id) && *slot == NULL)
		*slot = xstrdup(value);
}

static void set_flag(struct lookup *l, enum ssh_keyword_id id, bool *slot, const char *value)
{
	if (is_first(l, id))
		*slot = config_flag(value);
}

static void set_list(struct lookup *l, enum ssh_keyword_id id, char ***slot, char **values)
{
	if (!is_first(l, id) && !l->is_dump)
		return;
	for (size_t i = 0; values[i] != NULL; i++)
		words_add(slot, values[i]);
}

static void add_path(char ***paths, const char *path)
{
	for (size_t i = 0; *paths != NULL && (*paths)[i] != NULL; i++) {
		if (strcmp((*paths)[i], path) == 0)
			return;
	}
	words_add(paths, path);
}

static void remove_word(char **words, const char *word)
{
	size_t kept = 0;

	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (pattern_match(word, strlen(word), words[i]))
			free(words[i]);
		else
			words[kept++] = words[i];
	}
	if (words != NULL)
		words[kept] = NULL;
}

/* Names and patterns add up; "-NAME" takes out what came before. */
static void add_send_env(char ***slot, char **values)
{
	for (size_t i = 0; values[i] != NULL; i++) {
		if (*values[i] == '-')
			remove_word(*slot, values[i] + 1);
		else
			words_add(slot, values[i]);
	}
}

static int parse_family(const char *text)
{
	return strcasecmp(text, "inet") == 0 ? AF_INET
	       : strcasecmp(text, "inet6") == 0 ? AF_INET6 : AF_UNSPEC;
}

/* Yes, no, or the agent to forward: a socket's path or a variable that holds it. */
static void set_forward_agent(struct lookup *l, const char *value)
{
	if (!is_first(l, SSH_FORWARD_AGENT))
		return;
	l->out->forward_agent = strcasecmp(value, "no") != 0 && strcasecmp(value, "false") != 0;
	if (l->out->forward_agent && !config_flag(value))
		l->out->forwarded_agent = xstrdup(value);
}

/* Either of the two keywords settles both; but without a jump there may be a command still. */
static void set_jump(struct lookup *l, const char *value)
{
	if (!is_first(l, SSH_PROXY_JUMP) || strcasecmp(value, "none") == 0)
		return;
	l->is_set[SSH_PROXY_COMMAND] = true;
	l->out->proxy_jump = xstrdup(value);
}

static void set_command(struct lookup *l, const char *value)
{
	l->is_set[SSH_PROXY_JUMP] = true;
	if (is_first(l, SSH_PROXY_COMMAND) && strcasecmp(value, "none") != 0)
		l->out->proxy_command = xstrdup(value);
}

static void set_alias(struct lookup *l, const char *value)
{
	if (!is_first(l, SSH_HOST_KEY_ALIAS))
		return;
	l->out->host_key_alias = xstrdup(value);
	for (char *p = l->out->host_key_alias; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

static void set_number(struct lookup *l, const struct config_line *line)
{
	struct ssh_settings *out = l->out;
	const char *value = line->values[0];

	if (!is_first(l, line->keyword->id))
		return;
	switch (line->keyword->id) {
	case SSH_PORT:
		out->port = out->port != 0 ? out->port : (int)strtol(value, NULL, 10);
		break;
	case SSH_CONNECT_TIMEOUT:
		out->connect_timeout_us = config_seconds(value) * 1000000;
		l->is_set[SSH_CONNECT_TIMEOUT] = strcasecmp(value, "none") != 0;
		break;
	case SSH_ALIVE_INTERVAL:
		out->alive_interval_us = config_seconds(value) * 1000000;
		break;
	case SSH_ALIVE_COUNT_MAX:
		out->alive_count_max = (int)strtol(value, NULL, 10);
		break;
	default:
		out->address_family = parse_family(value);
		break;
	}
}

/* Keywords whose value goes into a setting as it stands. */
enum { PLAIN_NONE, PLAIN_TEXT, PLAIN_FLAG, PLAIN_LIST, PLAIN_PATH };
#define PLAIN(kind, member) { kind, offsetof(struct ssh_settings, member) }
static const struct plain {
	int kind;
	size_t offset; /* of the setting */
} plains[SSH_KEYWORD_IDS] = {
	[SSH_HOSTNAME] = PLAIN(PLAIN_TEXT, hostname),
	[SSH_USER] = PLAIN(PLAIN_TEXT, user),
	[SSH_STRICT] = PLAIN(PLAIN_TEXT, strict),
	[SSH_BIND_ADDRESS] = PLAIN(PLAIN_TEXT, bind_address),
	[SSH_BIND_INTERFACE] = PLAIN(PLAIN_TEXT, bind_interface),
	[SSH_IDENTITY_AGENT] = PLAIN(PLAIN_TEXT, identity_agent),
	[SSH_KNOWN_HOSTS_COMMAND] = PLAIN(PLAIN_TEXT, known_hosts_command),
	[SSH_REVOKED_HOST_KEYS] = PLAIN(PLAIN_TEXT, revoked_host_keys),
	[SSH_KEX] = PLAIN(PLAIN_TEXT, kex),
	[SSH_HOST_KEY_ALGORITHMS] = PLAIN(PLAIN_TEXT, host_key_algorithms),
	[SSH_CIPHERS] = PLAIN(PLAIN_TEXT, ciphers),
	[SSH_MACS] = PLAIN(PLAIN_TEXT, macs),
	[SSH_PREFERRED_AUTH] = PLAIN(PLAIN_TEXT, preferred_auth),
	[SSH_PKCS11_PROVIDER] = PLAIN(PLAIN_TEXT, pkcs11_provider),
	[SSH_SK_PROVIDER] = PLAIN(PLAIN_TEXT, sk_provider),
	[SSH_IDENTITIES_ONLY] = PLAIN(PLAIN_FLAG, identities_only),
	[SSH_PROXY_FDPASS] = PLAIN(PLAIN_FLAG, proxy_fdpass),
	[SSH_HASH_KNOWN_HOSTS] = PLAIN(PLAIN_FLAG, hash_known_hosts),
	[SSH_CHECK_HOST_IP] = PLAIN(PLAIN_FLAG, check_host_ip),
	[SSH_GSSAPI_AUTH] = PLAIN(PLAIN_FLAG, gssapi),
	[SSH_HOSTBASED_AUTH] = PLAIN(PLAIN_FLAG, hostbased),
	[SSH_USER_KNOWN_HOSTS] = PLAIN(PLAIN_LIST, user_known_hosts),
	[SSH_GLOBAL_KNOWN_HOSTS] = PLAIN(PLAIN_LIST, global_known_hosts),
	[SSH_SET_ENV] = PLAIN(PLAIN_LIST, set_env),
	[SSH_IDENTITY_FILE] = PLAIN(PLAIN_PATH, identity_files),
	[SSH_CERTIFICATE_FILE] = PLAIN(PLAIN_PATH, certificate_files),
};

/* False when its keyword is not one of them. */
static bool apply_plain(struct lookup *l, const struct config_line *line)
{
	enum ssh_keyword_id id = line->keyword->id;
	void *slot = (char *)l->out + plains[id].offset;

	switch (plains[id].kind) {
	case PLAIN_TEXT:
		set_text(l, id, slot, line->values[0]);
		return true;
	case PLAIN_FLAG:
		set_flag(l, id, slot, line->values[0]);
		return true;
	case PLAIN_LIST:
		set_list(l, id, slot, line->values);
		return true;
	case PLAIN_PATH:
		add_path(slot, line->values[0]);
		return true;
	default:
		return false;
	}
}

void settings_apply(struct lookup *l, const struct config_line *line)
{
	const char *value = line->values[0];

	if (apply_plain(l, line))
		return;
	switch (line->keyword->id) {
	case SSH_PORT:
	case SSH_CONNECT_TIMEOUT:
	case SSH_ALIVE_INTERVAL:
	case SSH_ALIVE_COUNT_MAX:
	case SSH_ADDRESS_FAMILY:
		set_number(l, line);
		break;
	case SSH_HOST_KEY_ALIAS:
		set_alias(l, value);
		break;
	case SSH_FORWARD_AGENT:
		set_forward_agent(l, value);
		break;
	case SSH_PROXY_JUMP:
		set_jump(l, value);
		break;
	case SSH_PROXY_COMMAND:
		set_command(l, value);
		break;
	case SSH_SEND_ENV:
		add_send_env(&l->out->send_env, line->values);
		break;
	case SSH_PUBKEY_AUTH:
		if (is_first(l, SSH_PUBKEY_AUTH))
			l->out->no_pubkey = strcasecmp(value, "no") == 0 ||
					    strcasecmp(value, "false") == 0;
		break;
	default: /* not a setting, or not honoured */
		break;
	}
}

/* ---- the name of the host ---- */

static bool may_be_address(const char *host)
{
	return strchr(host, ':') != NULL || strspn(host, "0123456789.xXabcdefABCDEF") == strlen(host);
}

/* "127.1" and "FE80::0:1" in the form that everybody else writes; NULL when it is a name. */
static char *usual_address(const char *host)
{
	struct addrinfo *a = may_be_address(host) ? resolve_numeric(host, 0) : NULL;
	char text[NI_MAXHOST];
	int rc;

	if (a == NULL)
		return NULL;
	rc = getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
	resolve_free(a);
	return rc == 0 ? xstrdup(text) : NULL;
}

char *settings_settled_name(const char *host)
{
	char *name = usual_address(host);

	if (name != NULL)
		return name;
	name = xstrdup(host);
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

int settings_hostname(const struct lookup *l, char **out, struct pl_error *err)
{
	struct ssh_tokens tokens = { .host = l->host, .name = l->query->host };
	const char *text = l->out->hostname;

	if (text == NULL || l->is_dump) {
		*out = settings_settled_name(text != NULL ? text : l->host);
		return 0;
	}
	*out = ssh_expand(text, &tokens, SSH_TOKENS_HOSTNAME, err);
	if (*out == NULL)
		return -1;
	text = *out;
	*out = settings_settled_name(text);
	free((char *)text);
	return 0;
}

/* ---- tokens ---- */

static int expand_text(char **slot, const struct ssh_tokens *tokens, const char *allowed,
		       struct pl_error *err)
{
	char *text;

	if (*slot == NULL)
		return 0;
	text = ssh_expand(*slot, tokens, allowed, err);
	if (text == NULL)
		return -1;
	free(*slot);
	*slot = text;
	return 0;
}

static int expand_list(char **list, const struct ssh_tokens *tokens, struct pl_error *err)
{
	for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
		if (expand_text(&list[i], tokens, SSH_TOKENS_PATH, err) != 0)
			return -1;
	}
	return 0;
}

/* "$NAME" and SSH_AUTH_SOCK stand for the variable, which the route looks up; others are paths. */
static int expand_agent(char **slot, const struct ssh_tokens *tokens, struct pl_error *err)
{
	if (*slot != NULL && (*slot)[0] == '$' && (*slot)[1] != '{')
		return 0;
	return expand_text(slot, tokens, SSH_TOKENS_PATH, err);
}

/* What `ssh -G` prints has its tokens replaced but in the names of keys and certificates. */
int settings_finish(struct lookup *l, struct pl_error *err)
{
	struct ssh_settings *out = l->out;
	char *hostname;
	struct ssh_tokens tokens = { .name = l->query->host,
				     .user = out->user,
				     .port = out->port != 0 ? out->port : 22,
				     .alias = out->host_key_alias };

	if (settings_hostname(l, &hostname, err) != 0)
		return -1;
	free(out->hostname);
	out->hostname = hostname;
	tokens.host = hostname;
	if (expand_text(&out->proxy_command, &tokens, SSH_TOKENS_PROXY, err) != 0 ||
	    expand_text(&out->proxy_jump, &tokens, SSH_TOKENS_PROXY, err) != 0)
		return -1;
	tokens.jump = out->proxy_jump; /* of %C and %j, in what follows */
	if (expand_list(out->identity_files, &tokens, err) != 0 ||
	    expand_list(out->certificate_files, &tokens, err) != 0)
		return -1;
	if (l->is_dump)
		return 0;
	if (expand_list(out->user_known_hosts, &tokens, err) != 0 ||
	    expand_agent(&out->identity_agent, &tokens, err) != 0 ||
	    expand_agent(&out->forwarded_agent, &tokens, err) != 0)
		return -1;
	return 0;
}

void ssh_settings_fini(struct ssh_settings *s)
{
	char **const texts[] = { &s->hostname, &s->user, &s->strict, &s->host_key_alias,
				 &s->proxy_jump, &s->proxy_command, &s->bind_address,
				 &s->bind_interface, &s->identity_agent, &s->forwarded_agent,
				 &s->kex, &s->host_key_algorithms, &s->ciphers, &s->macs,
				 &s->preferred_auth, &s->pkcs11_provider, &s->sk_provider,
				 &s->known_hosts_command, &s->revoked_host_keys };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*texts[i]);
	words_free(s->set_env);
	words_free(s->send_env);
	words_free(s->identity_files);
	words_free(s->certificate_files);
	words_free(s->user_known_hosts);
	words_free(s->global_known_hosts);
	*s = (struct ssh_settings){ 0 };
}
