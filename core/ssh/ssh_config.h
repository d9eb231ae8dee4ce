/*
 * ssh_config.h - what an OpenSSH configuration says of a host.
 *
 * Host blocks, with `*`, `?` and `!`, and the keywords that say how to reach a host and whom to
 * trust; the first value found wins, as in ssh_config(5), and IdentityFile adds up. Every other
 * keyword that OpenSSH knows is noted once, when it would first have mattered to a host, and
 * changes nothing; so are Include, Match (its block is passed over) and ProxyJump. A value that
 * asks for what happens anyway (BatchMode yes) is not worth a note. A keyword that OpenSSH does not
 * know is an error, as it is for ssh, unless IgnoreUnknown lets it pass.
 */
#ifndef PL_TRANSPORT_SSH_CONFIG_H
#define PL_TRANSPORT_SSH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ssh_config;

typedef void (*ssh_note_f)(void *arg, const char *text);

/*
 * Reads a file; `check_owner` refuses one that others may write, as ssh does for ~/.ssh/config.
 * Errors: PL_ENOENT, PL_ESYS; PL_EUSAGE with "FILE:LINE: " for what ssh would refuse too.
 */
struct ssh_config *ssh_config_read(const char *path, bool check_owner, struct pl_error *err);

/* The same from text; `name` stands for the file in messages. */
struct ssh_config *ssh_config_parse(const char *text, const char *name, struct pl_error *err);

void ssh_config_destroy(struct ssh_config *cfg); /* NULL is a no-op */

/* What was said; what was not said is NULL, 0 or empty. Tokens (%h, ~) are expanded. */
struct ssh_settings {
	char *hostname; /* never NULL: the name itself when nothing was said */
	char *user;
	int port;
	int64_t connect_timeout_us;
	int64_t alive_interval_us; /* ServerAliveInterval */
	int alive_count_max;	   /* 0: 3 */
	char *strict; /* StrictHostKeyChecking as written */
	char *host_key_alias;
	char *proxy_jump;    /* "[user@]host[:port],..." the first hop first; NULL: none */
	char *proxy_command; /* tokens expanded, for the user's shell; NULL: none */
	int address_family;  /* AF_UNSPEC, AF_INET, AF_INET6 */
	char *bind_address, *bind_interface;
	bool identities_only;
	char *identity_agent; /* a socket's path, or "none"; NULL: $SSH_AUTH_SOCK */
	bool forward_agent;
	char *kex, *host_key_algorithms, *ciphers, *macs; /* as written, with their + - ^ */
	char **set_env;	 /* "NAME=value", NULL-terminated, or NULL; so are those below */
	char **send_env; /* names and patterns of variables here */
	char *other_way; /* why only the system's ssh can reach this host; NULL: we can */
	char **identity_files;	   /* NULL-terminated, or NULL */
	char **certificate_files;
	char **user_known_hosts;   /* likewise; a single "none" means no file */
	char **global_known_hosts; /* likewise */
};

/*
 * Looks a host up; fini the result. cfg NULL is an empty configuration. `note` (may be NULL) is
 * told of keywords that are not honoured, once each for this cfg. O(blocks).
 * Fails when a value holds a %-token that makes no sense there.
 */
int ssh_config_lookup(struct ssh_config *cfg, const char *host, struct ssh_settings *out,
		      ssh_note_f note, void *note_arg, struct pl_error *err);
void ssh_settings_fini(struct ssh_settings *s); /* safe twice */

/* What a path in a setting stands for: ~ and %d the home directory, %u the local user, %h the
 * host, %n the name as given, %r the user there, %p the port. Owned by the caller. */
struct ssh_tokens {
	const char *host, *name, *user;
	int port;
};
char *ssh_expand(const char *text, const struct ssh_tokens *tokens, struct pl_error *err);

const char *ssh_home(void);	  /* from the user database, as ssh takes it; never NULL */
const char *ssh_local_user(void); /* never NULL */

#endif
