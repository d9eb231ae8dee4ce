/*
 * ssh_config.h - what an OpenSSH configuration says of a host.
 *
 * Host and Match blocks and Include, and the keywords that say how to reach a host, as whom, and
 * whom to trust; the first value found wins, as in ssh_config(5), and IdentityFile, CertificateFile
 * and SendEnv add up. Every other keyword that OpenSSH knows is noted once, when it would first
 * have mattered to a host, and changes nothing; a value that asks for what happens anyway
 * (BatchMode yes) is not worth a note. A keyword that OpenSSH does not know is an error, as it is
 * for ssh, unless IgnoreUnknown lets it pass.
 *
 * `Match exec` and its like, and CanonicalizeHostname, are left to ssh itself: a lookup says
 * SSH_CONFIG_ASK, and ssh_config_read_dump() takes what `ssh -G` prints.
 */
#ifndef PL_TRANSPORT_SSH_CONFIG_H
#define PL_TRANSPORT_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ssh_config;

typedef void (*ssh_note_f)(void *arg, const char *text);

/* No configuration yet. */
struct ssh_config *ssh_config_create(void);
void ssh_config_destroy(struct ssh_config *cfg); /* NULL is a no-op */

enum ssh_config_source {
	SSH_CONFIG_NAMED,  /* the user named it */
	SSH_CONFIG_USER,   /* ~/.ssh/config: refused when others may write it */
	SSH_CONFIG_SYSTEM, /* /etc/ssh/ssh_config: Include is relative to /etc/ssh */
};

/*
 * Reads one more file and what it includes; asked after those before it. Blocks on the disk.
 * Errors: PL_ENOENT, PL_ESYS; PL_EUSAGE with "FILE:LINE: " for what ssh would refuse too. After an
 * error the configuration is good for ssh_config_destroy only.
 */
int ssh_config_add(struct ssh_config *cfg, enum ssh_config_source source, const char *path,
		   struct pl_error *err);

/* A configuration of this text alone; `name` stands for the file in messages. Touches no file:
 * Include is noted as not honoured. */
struct ssh_config *ssh_config_parse(const char *text, const char *name, struct pl_error *err);

/* What was said; what was not said is NULL, 0 or empty. Tokens (%h, ~, ${NAME}) are expanded. */
struct ssh_settings {
	char *hostname; /* never NULL: the name itself when nothing was said; lower case */
	char *user;
	int port;
	int64_t connect_timeout_us;
	int64_t alive_interval_us; /* ServerAliveInterval */
	int alive_count_max;	   /* 0: 3 */
	char *strict; /* StrictHostKeyChecking as written */
	char *host_key_alias;
	char *proxy_jump;    /* "[user@]host[:port],..." the first hop first; NULL: none */
	char *proxy_command; /* tokens expanded, for the user's shell; NULL: none */
	bool proxy_fdpass;
	int address_family;  /* AF_UNSPEC, AF_INET, AF_INET6 */
	char *bind_address, *bind_interface;
	bool identities_only;
	char *identity_agent; /* a socket's path, "$NAME", SSH_AUTH_SOCK or none; NULL: nothing */
	bool forward_agent;
	char *forwarded_agent; /* another agent than that; its path or "$NAME" */
	char *kex, *host_key_algorithms, *ciphers, *macs; /* as written, with their + - ^ */
	char **set_env;	 /* "NAME=value", NULL-terminated, or NULL; so are those below */
	char **send_env; /* names and patterns of variables here */
	char **identity_files;
	char **certificate_files;
	char **user_known_hosts;   /* a single "none" means no file */
	char **global_known_hosts; /* likewise */
	bool hash_known_hosts, check_host_ip;
	char *known_hosts_command, *revoked_host_keys; /* "none" means none */
	char *preferred_auth; /* methods with commas */
	bool no_pubkey, gssapi, hostbased;
	char *pkcs11_provider, *sk_provider;
};

/* Whom to look up, and what was said of it on the command line: it wins, and Match sees it. */
struct ssh_query {
	const char *host;
	const char *user; /* NULL: nothing was said */
	int port;	  /* 0: nothing was said */
};

#define SSH_CONFIG_ASK 1

/*
 * Looks a host up: 0, and fini the result; SSH_CONFIG_ASK when only ssh can say, or -1, and there
 * is no result. cfg NULL is an empty configuration. `note` (may be NULL) is told of keywords that
 * are not honoured, once each for this cfg. O(blocks with wildcards). Fails when a value holds a
 * %-token that makes no sense there, or a variable that is not set.
 */
int ssh_config_lookup(struct ssh_config *cfg, const struct ssh_query *query,
		      struct ssh_settings *out, ssh_note_f note, void *note_arg,
		      struct pl_error *err);
void ssh_settings_fini(struct ssh_settings *s); /* safe twice */

/*
 * A key that hosts share when the configuration cannot tell them apart, so that what ssh says of
 * one of them holds for all. Owned by the caller. O(blocks).
 */
char *ssh_config_class(const struct ssh_config *cfg, const char *host);

/* The settings from what `ssh -G` printed for the host `asked`, which is of the same class. Unknown
 * lines are passed over. */
int ssh_config_read_dump(const char *text, const char *asked, const struct ssh_query *query,
			 struct ssh_settings *out, struct pl_error *err);

/* ---- tokens ---- */

/* What tokens stand for; those of this machine and user are known. */
struct ssh_tokens {
	const char *host;  /* %h: after HostName */
	const char *name;  /* %n: as given */
	const char *user;  /* %r; NULL: the local user */
	const char *alias; /* %k; NULL: as %n */
	const char *jump;  /* %j; NULL: "" */
	int port;	   /* %p */
};

/* Which %-tokens a keyword takes, `%%` besides; '~' in front: a leading ~ and ${NAME} too. */
#define SSH_TOKENS_HOSTNAME "h"
#define SSH_TOKENS_PROXY "hnpr"
#define SSH_TOKENS_PATH "~CdhijkLlnpru"

/* Replaces the tokens; owned by the caller. NULL: one that is not allowed, or ${NAME} not set. */
char *ssh_expand(const char *text, const struct ssh_tokens *tokens, const char *allowed,
		 struct pl_error *err);

const char *ssh_home(void);	  /* from the user database, as ssh takes it; never NULL */
const char *ssh_local_user(void); /* never NULL */

#endif
