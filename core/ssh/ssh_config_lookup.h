/*
 * ssh_config_lookup.h - what is known while the blocks of a configuration are walked for a host.
 * Private to ssh_config.
 */
#ifndef PL_TRANSPORT_SSH_CONFIG_LOOKUP_H
#define PL_TRANSPORT_SSH_CONFIG_LOOKUP_H

#include "ssh/ssh_config.h"
#include "ssh/ssh_config_file.h"

struct lookup {
	const struct ssh_query *query;
	struct ssh_settings *out;
	const char *host;   /* what Host lines are compared with */
	char *target;	    /* what `Match host` is compared with: HostName has been applied */
	bool is_final;	    /* the second pass, which `Match final` asks for */
	bool is_dump;	    /* lines are what `ssh -G` printed */
	bool is_set[SSH_KEYWORD_IDS];
	/* told of a line that changes nothing; may be NULL */
	void (*ignored)(struct lookup *l, const char *file, const struct config_line *line);
	void *arg;
};

enum match_answer { MATCH_NO, MATCH_YES, MATCH_ASK };

/* ssh_match.c. Whether the criteria of a Match block hold. */
enum match_answer config_match_applies(const struct lookup *l, const struct config_block *b);

/* Whether a list of patterns names the host, whatever its letter case. */
bool config_names_host(const char *list, const char *host);

/* ssh_config.c. Whether the patterns of a Host line hold. */
bool config_host_applies(const struct config_block *b, const char *host);

/* ssh_config_class.c. A key that two hosts share when the files cannot tell them apart; else the
 * host itself. Owned by the caller. O(blocks). */
char *config_class(const struct config_reader *r, struct config_file *const *files, size_t n_files,
		   const char *host);

/* Lower case; an address in the form that everybody writes. Owned by the caller. */
char *settings_settled_name(const char *host);

/* ssh_settings.c. Takes a line over into the settings, unless the value was set before. */
void settings_apply(struct lookup *l, const struct config_line *line);

/* HostName and its %h: the host that is meant, lower case, an address in its usual form. */
int settings_hostname(const struct lookup *l, char **out, struct pl_error *err);

/* The end of a lookup: tokens are replaced, what is missing is filled in. */
int settings_finish(struct lookup *l, struct pl_error *err);

#endif
