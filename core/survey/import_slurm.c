/*
 * import_slurm.c - Slurm's topology.conf, and what `scontrol show topology` prints; see importers.h
 *
 * Both are lines of Key=Value, told apart by keys that only scontrol writes. topology.conf(5):
 *
 *	SwitchName=s0 Nodes=tray[01-18]			BlockName=b1 Nodes=tray[01-18]
 *	SwitchName=s9 Switches=s[0-8] LinkSpeed=100	BlockSizes=18,36
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/nearest.h"
#include "survey/importers.h"
#include "survey/slurmtree.h"

enum key {
	SWITCH_NAME,
	BLOCK_NAME,
	RING_NAME,
	AGGREGATED,
	BLOCK_SIZES,
	NODES,
	SWITCHES,
	LINK_SPEED,
	LEVEL,
	BLOCK_INDEX,
	BLOCK_SIZE,
	N_KEYS,
};

static const char *const key_names[] = { "SwitchName", "BlockName",  "RingName", "AggregatedBlock",
					 "BlockSizes", "Nodes",	     "Switches", "LinkSpeed",
					 "Level",      "BlockIndex", "BlockSize", NULL };

struct reading {
	struct slurmtree tree;
	bool from_scontrol;
	size_t line;		 /* of what is read now: a continued line counts as its first */
	char *value[N_KEYS];	 /* of this line; NULL: not there */
	size_t n_rings, n_includes;
};

/* ---- lines ---- */

/* Takes one line, continued ones joined, without its comment; the caller frees it. */
static char *take_line(const char **at, const char *end, size_t *n_lines)
{
	struct strbuf line = STRBUF_INIT;
	bool more = true;

	while (more && *at < end) {
		const char *nl = memchr(*at, '\n', (size_t)(end - *at));
		const char *stop = nl != NULL ? nl : end;
		size_t len = (size_t)(stop - *at);
		const char *hash = memchr(*at, '#', len);

		++*n_lines;
		len = hash != NULL ? (size_t)(hash - *at) : len;
		while (len > 0 && isspace((unsigned char)(*at)[len - 1]))
			len--;
		more = len > 0 && (*at)[len - 1] == '\\';
		strbuf_add(&line, *at, len - more);
		strbuf_addc(&line, ' ');
		*at = nl != NULL ? nl + 1 : end;
	}
	return strbuf_detach(&line);
}

static int key_of(const char *word, size_t len)
{
	for (int k = 0; k < N_KEYS; k++) {
		if (strlen(key_names[k]) == len && strncasecmp(word, key_names[k], len) == 0)
			return k;
	}
	return -1;
}

static int unknown_key(const struct reading *r, const char *word, size_t len, struct pl_error *err)
{
	char *key = xstrndup(word, len < 64 ? len : 64), hint[128];

	nearest_hint(key, key_names, hint, sizeof(hint));
	pl_errorf(err, PL_EUSAGE, "%s:%zu: '%s' is no key of Slurm's topology%s", r->tree.in->name,
		  r->line, key, hint);
	free(key);
	return -1;
}

/* One Key=Value; a newer scontrol may know keys that we do not. */
static int read_word(struct reading *r, char *word, struct pl_error *err)
{
	size_t len = strcspn(word, "=");
	int key = key_of(word, len);

	if (word[len] != '=')
		return pl_errorf(err, PL_EUSAGE, "%s:%zu: '%.40s' is no Key=Value",
				 r->tree.in->name, r->line, word);
	if (key < 0)
		return r->from_scontrol ? 0 : unknown_key(r, word, len, err);
	if (r->value[key] != NULL)
		return pl_errorf(err, PL_EUSAGE, "%s:%zu: %s is there twice", r->tree.in->name,
				 r->line, key_names[key]);
	r->value[key] = word + len + 1;
	return 0;
}

/* ---- what a line says ---- */

static int take_in(struct reading *r, struct pl_error *err)
{
	char **v = r->value;

	if (v[SWITCH_NAME] != NULL && *v[SWITCH_NAME] != '\0')
		return slurmtree_switch(&r->tree, v[SWITCH_NAME], v[NODES], v[SWITCHES], r->line,
					err);
	if (v[BLOCK_NAME] != NULL && *v[BLOCK_NAME] != '\0')
		return slurmtree_block(&r->tree, v[BLOCK_NAME], v[NODES], r->line, err);
	if (v[RING_NAME] != NULL) {
		r->n_rings++;
		return 0;
	}
	if (v[BLOCK_SIZES] != NULL || v[AGGREGATED] != NULL)
		return 0; /* blocks of blocks: sizes that jobs may ask for, the same hosts again */
	return pl_errorf(err, PL_EUSAGE, "%s:%zu: neither SwitchName nor BlockName",
			 r->tree.in->name, r->line);
}

static int read_line(struct reading *r, char *line, struct pl_error *err)
{
	char *rest = NULL, *word = strtok_r(line, " \t\r\f\v", &rest);

	if (word == NULL)
		return 0;
	if (strcasecmp(word, "include") == 0) {
		survey_note(r->tree.survey, "%s:%zu: the file that Include names is not followed: "
			    "import it too", r->tree.in->name, r->line);
		r->n_includes++;
		return 0;
	}
	memset(r->value, 0, sizeof(r->value));
	for (; word != NULL; word = strtok_r(NULL, " \t\r\f\v", &rest)) {
		if (read_word(r, word, err) < 0)
			return -1;
	}
	return take_in(r, err);
}

static int read_lines(struct reading *r, const struct survey_input *in, struct pl_error *err)
{
	const char *at = in->bytes, *end = in->bytes + in->len;
	size_t n_lines = 0;
	int rc = 0;

	while (at < end && rc == 0) {
		char *line;

		r->line = n_lines + 1;
		line = take_line(&at, end, &n_lines);
		rc = read_line(r, line, err);
		free(line);
	}
	return rc;
}

static int import(struct pl_survey *s, const struct survey_input *in, bool from_scontrol,
		  struct pl_error *err)
{
	struct reading r = { .from_scontrol = from_scontrol };
	int rc;

	slurmtree_init(&r.tree, s, in, from_scontrol ? "slurm-scontrol" : "slurm-topology-conf");
	rc = read_lines(&r, in, err);
	if (rc == 0 && r.n_rings > 0)
		survey_note(s, "%s: rings are left out: no level says which hosts are next to "
			    "each other", in->name);
	if (rc == 0 && (r.n_includes == 0 || r.tree.n > 0))
		rc = slurmtree_tell(&r.tree, err);
	slurmtree_fini(&r.tree);
	return rc;
}

int slurm_conf_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	return import(s, in, false, err);
}

int slurm_scontrol_import(struct pl_survey *s, const struct survey_input *in, struct pl_error *err)
{
	return import(s, in, true, err);
}

/* ---- recognising: the first line that says something ---- */

/* Its length, *word is where it begins; 0: there is none. */
static size_t first_line(const char *bytes, size_t len, const char **word)
{
	const char *at = bytes, *end = bytes + len;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl != NULL ? nl : end;

		while (at < stop && isspace((unsigned char)*at))
			at++;
		if (at < stop && *at != '#') {
			*word = at;
			return (size_t)(stop - at);
		}
		at = nl != NULL ? nl + 1 : end;
	}
	return 0;
}

static int recognise(const char *bytes, size_t len, bool from_scontrol)
{
	const char *line = NULL, *equals;
	size_t n = first_line(bytes, len, &line);
	bool scontrol;
	int key;

	if (n > 8 && strncasecmp(line, "include ", 8) == 0)
		return from_scontrol ? 0 : 40;
	equals = n > 0 ? memchr(line, '=', n) : NULL;
	key = equals != NULL ? key_of(line, (size_t)(equals - line)) : -1;
	if (key < 0 || key > BLOCK_SIZES)
		return 0;
	scontrol = key == AGGREGATED || import_mentions(line, n, " Level=") ||
		   import_mentions(line, n, " BlockIndex=");
	return scontrol == from_scontrol ? 95 : 0;
}

int slurm_conf_recognise(const char *bytes, size_t len)
{
	return recognise(bytes, len, false);
}

int slurm_scontrol_recognise(const char *bytes, size_t len)
{
	return recognise(bytes, len, true);
}
