/*
 * ssh_config_file.h - a configuration file as it was read: blocks of lines, included files below
 * the lines that named them. Private to ssh_config.
 *
 * Which files there are does not depend on the host, so all are read at once; a lookup walks them.
 */
#ifndef PL_TRANSPORT_SSH_CONFIG_FILE_H
#define PL_TRANSPORT_SSH_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strtable.h"
#include "ssh/ssh_keywords.h"

/* A line that says something of a host. */
struct config_line {
	const struct ssh_keyword *keyword;
	char **values; /* NULL-terminated; of SSH_REST keywords one: the rest of the line */
	int line;
	struct config_file **files; /* of Include: NULL-terminated, in order; NULL: not followed */
};

enum config_criterion_kind {
	CRITERION_ALL,
	CRITERION_FINAL, /* canonical too: true in the second pass only */
	CRITERION_HOST,
	CRITERION_ORIGINAL_HOST,
	CRITERION_USER,
	CRITERION_LOCAL_USER,
	CRITERION_ASK, /* exec, localnetwork, ...: ssh knows */
};

struct config_criterion {
	enum config_criterion_kind kind;
	bool negated;
	char *name; /* as written: "exec" */
	char *arg;  /* NULL where there is none */
};

enum config_block_kind { BLOCK_ALL, BLOCK_HOST, BLOCK_MATCH };

/* What stands below a Host or Match line, or before the first of them (BLOCK_ALL). */
struct config_block {
	enum config_block_kind kind;
	char **patterns;		  /* of Host, NULL-terminated */
	struct config_criterion *criteria; /* of Match */
	size_t n_criteria;
	int line;
	struct config_line *lines;
	size_t n, cap;
};

/* Numbers of blocks, ascending. */
struct block_list {
	size_t *at;
	size_t n, cap;
};

struct config_file {
	char *name;
	struct config_block *blocks;
	size_t n, cap;
	struct strtable by_name;  /* host -> struct block_list of Host blocks that spell it out */
	struct block_list others; /* blocks that have to be asked */
};

/* What is known while files are read. */
struct config_reader {
	bool follow;	      /* Include is followed; else it stays a line without files */
	bool is_user;	      /* the user's: relative to ~/.ssh, `~` allowed; else /etc/ssh */
	int depth;
	size_t n_files;
	char *ignore_unknown; /* a pattern list, of all hosts; or NULL */
	bool ignores_for_some; /* IgnoreUnknown was met first where not all hosts are meant */
	bool is_for_some;     /* what is read is included for some hosts only */
	bool wants_final;     /* a Match line asks for a second pass */
	bool only_ssh;	      /* no lookup is ours: CanonicalizeHostname, Include with tokens */
	bool per_host;	      /* a host's own name is part of what is said of it */
};

/* Reads one file and what it includes. `check_owner`: refuses one that others may write. */
struct config_file *config_file_read(struct config_reader *r, const char *path, bool check_owner,
				     struct pl_error *err);
struct config_file *config_file_parse(struct config_reader *r, const char *text, const char *name,
				      struct pl_error *err);
void config_file_destroy(struct config_file *f); /* NULL is a no-op */

/* ---- ssh_config_words.c: the lexical rules of the format ---- */

void words_free(char **words); /* NULL is a no-op */
void words_add(char ***words, const char *word);

/* "Keyword value", "Keyword=value", "Keyword = value": the keyword, owned by the caller, and where
 * the value begins; NULL for a line without one (empty, comment). */
char *config_keyword(const char *line, const char **value);

/* The words of a value: quotes taken off, a comment left out. NULL: a quote is not closed. */
char **config_words(const char *value, struct pl_error *err);

/* The next word where '=' parts words too, as in the criteria of Match; NULL at the end. */
char *config_delimited(const char **at);

/* ssh_match.c: the criteria of a Match line, of which ssh would say that it is wrong: -1. */
int config_match_parse(struct config_block *b, const char *text, struct pl_error *err);

/* ssh_config_value.c: whether a line's value is one that ssh would take. */
int config_value_check(const struct ssh_keyword *k, char **values, struct pl_error *err);
long config_seconds(const char *text); /* "90", "1h30m"; 0 for "none", -1 when malformed */
bool config_flag(const char *text);    /* yes, true */

#endif
