/*
 * survey.h - what sources say of a machine, before it is a tree: facts about hosts, their GPUs and
 * the switches above them, each with the source that said so.
 *
 * An importer reads the bytes of one source and adds facts; it decides nothing. survey_merge.c
 * settles what several sources say of one host and tells contradictions; survey_topo.c makes the
 * tree (topo.h). Names of hosts are as the source writes them, up to the first dot; everything is
 * copied. No clock, no files: who has the bytes has the name and the age, too.
 */
#ifndef PL_MAP_SURVEY_H
#define PL_MAP_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "map/topo.h"

/* Where facts come from. */
struct pl_survey_source {
	char *format;	  /* "ibnetdiscover": the name of an importer */
	char *name;	  /* of the file, or command and host: "nvidia-smi -q -x on r001t01" */
	int64_t taken_at; /* seconds since 1970; 0: unknown */
};

/* A text and who said it; text NULL: nobody did. */
struct pl_fact {
	char *text;
	uint32_t source; /* index in sources */
};

/* A number; 0 is unknown. */
struct pl_fact_count {
	uint32_t n, source;
};

enum pl_survey_health { PL_HEALTH_UNKNOWN, PL_HEALTH_OK, PL_HEALTH_BAD };

/* One GPU of a host, by its index there. */
struct pl_survey_gpu {
	uint32_t index, source;
	char *uuid, *model, *bus_id; /* NULL: unknown; the bus id as "0000:9d:00.0" */
	char *domain; /* NVLink domain, "CLUSTERUUID.CLIQUEID"; NULL: none that can be believed */
	char *adapter; /* its nearest network adapter, "mlx5_3" or a bus id; NULL: unknown */
	int numa;      /* its NUMA node, -1: unknown */
	enum pl_survey_health health;
	char *why; /* what is wrong with it, or why it has no domain; NULL */
};

#define PL_SURVEY_TIERS 8

/* Fabrics that a host may be on at once: one for its GPUs, and one for storage. */
enum pl_survey_fabric { PL_FABRIC_INFINIBAND, PL_FABRIC_ETHERNET, PL_FABRICS };

/* What sources that see one fabric only tell of it; the fields are those of the host. */
struct pl_survey_net {
	struct pl_fact_count n_adapters;
	struct pl_fact tier[PL_SURVEY_TIERS];
	struct pl_fact *rails;
	size_t n_rails;
};

/* Another word for a fact that names a unit, by a later source; also where it is the same word. */
struct pl_survey_word {
	uint32_t fact; /* survey_fact_number */
	uint32_t source;
	char *text;
};

/* A host and the way out of it. */
struct pl_survey_host {
	char *name;
	struct pl_fact_count n_gpus, n_adapters;
	struct pl_survey_gpu *gpus; /* those that were seen one by one */
	size_t n_gpus_seen, cap_gpus;
	struct pl_fact domain;	/* NVLink domain, where a source knows it for the whole host */
	struct pl_fact block;	/* a scheduler's block (Slurm), which often is a rack */
	struct pl_fact chassis; /* serial number of the rack or chassis */
	struct pl_fact_count slot;
	/* the switch, or named group, above it at each tier, the leaf first; a source that knows
	 * rails names the one of rail 0 here and the others below. Above the leaf, several by
	 * commas: "spine1,spine2"; hosts that share one are in one unit. A tier that a branch of
	 * the tree has not repeats what is below it there */
	struct pl_fact tier[PL_SURVEY_TIERS];
	/* its leaf switches by rail (by GPU index); NULL and 0 where no rails are known */
	struct pl_fact *rails;
	size_t n_rails;
	struct pl_fact fabric; /* "infiniband", "ethernet": what its GPUs' adapters are on */
	struct pl_survey_net net[PL_FABRICS]; /* until survey_nets.h has settled which is meant */
	struct pl_survey_word *words;
	size_t n_words, cap_words;
};

/* Something a person should know: what was left out, taken otherwise than written, or contradicts
 * another source. */
struct pl_survey_note {
	char *text;  /* a sentence, with the source's name and the line where there is one */
	size_t host; /* how much of it is the name of the host that it is about; 0: about none */
};

struct pl_survey {
	struct pl_survey_source *sources;
	size_t n_sources, cap_sources;
	struct pl_survey_host *hosts; /* in the order they were first named */
	size_t n_hosts, cap_hosts;
	struct strtable *by_name; /* of hosts, and other names of them: index + 1 */
	struct pl_survey_note *notes;
	size_t n_notes, cap_notes;
	uint32_t n_switches; /* that were seen; 0: unknown */
	/* by pl_survey_topo: hosts whose GPUs no source counts, and GPUs that none looked at */
	uint32_t n_guessed_hosts, n_unseen_gpus;
	/* figures of the links that a source gave, in GB/s per GPU and direction; 0: unknown */
	double nvlink_gbyte_s, fabric_gbyte_s;
};

PL_API struct pl_survey *pl_survey_create(void);
PL_API void pl_survey_destroy(struct pl_survey *survey);

/* ---- for importers ---- */

/* The source of what is added next. */
uint32_t survey_add_source(struct pl_survey *s, const char *format, const char *name,
			   int64_t taken_at);

/* How much of a host's name counts: up to the first dot, of an IPv4 address all. */
size_t survey_short_length(const char *name, size_t len);

/* The host of this name, made when it is new. The pointer is good until the next call. */
struct pl_survey_host *survey_host(struct pl_survey *s, const char *name, size_t len);

/* The GPU of this index, made when it is new. */
struct pl_survey_gpu *survey_gpu(struct pl_survey_host *host, uint32_t index, uint32_t source);

/* Sets a fact. Said before by another source and differently, the first stays; of what names a unit
 * both are kept (survey_names.h), else a note tells of both. `what` is the words for it: "slot". */
void survey_set(struct pl_survey *s, struct pl_survey_host *host, struct pl_fact *fact,
		const char *text, size_t len, uint32_t source, const char *what);
void survey_set_count(struct pl_survey *s, struct pl_survey_host *host,
		      struct pl_fact_count *fact, uint32_t n, uint32_t source, const char *what);

/* The number of a fact that names a unit, SURVEY_NO_UNIT of others: its stage (survey_tree.h), or
 * SURVEY_RAIL + i; of a fabric that is not settled SURVEY_NET * (fabric + 1) more. */
#define SURVEY_RAIL    64u
#define SURVEY_NET     4096u
#define SURVEY_NO_UNIT UINT32_MAX
uint32_t survey_fact_number(const struct pl_survey_host *host, const struct pl_fact *fact);

/* Room for this many rails, those that are new unknown. */
void survey_room_for_rails(struct pl_fact **rails, size_t *n_rails, size_t n);

void survey_note(struct pl_survey *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A note about one host, whose name and ": " it begins with: those that are otherwise equal are
 * folded (pl_survey_fold_notes), so that what is so on all hosts is one line. */
void survey_note_on(struct pl_survey *s, const char *host, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The name of a source in a note about a host, without what is this host's alone: of
 * "nvidia-smi -q -x on n1" what is before " on", of "smi/n1.xml" "smi/%h.xml". The caller frees
 * it. */
char *survey_source_words(const struct pl_survey *s, uint32_t source, const char *host);

/*
 * An importer. `bytes` need not end with NUL and may hold anything; `name` is for messages. `host`
 * names the host that the bytes were taken on, for formats that describe one host without naming
 * it; NULL where nobody knows. PL_EUSAGE with "NAME:LINE: what, and what would work" when the bytes
 * are not of the format; what was added before may stay. Time and memory linear in the bytes.
 */
struct survey_input {
	const char *bytes;
	size_t len;
	const char *name, *host;
	int64_t taken_at;
};

struct survey_format {
	const char *name;  /* "slurm-topology-conf" */
	const char *about; /* for a person: "Slurm's topology.conf" */
	/* How sure it is that the bytes are of this format: 0 no .. 100 */
	int (*recognise)(const char *bytes, size_t len);
	int (*import)(struct pl_survey *s, const struct survey_input *in, struct pl_error *err);
};

/* All formats, the last has no name. In survey_formats.c: one line for each. */
extern const struct survey_format survey_formats[];

/* The format that bytes look to be of, NULL where none is likely. */
PL_API const struct survey_format *pl_survey_recognise(const char *bytes, size_t len);

/* Imports by the format's name, NULL: by what the bytes look like. PL_EUSAGE: no format fits (the
 * nearest name, or the list of formats, is told). */
PL_API int pl_survey_import(struct pl_survey *s, const struct survey_input *in,
			    const char *format, struct pl_error *err);

/*
 * The machine they describe, as the tree that topo.h has; what contradicts, is unusable or was
 * taken otherwise than written is noted in the survey. Call it once, when all is imported. Levels:
 * the tray, the NVLink domain, the block (the rack where neither is known), then the tiers of
 * switches from the leaf outwards, those only that join something; survey_tree.h says how. Hosts of
 * a unit follow each other, else they are in the order they were named. PL_EUSAGE: no hosts, no
 * GPUs known for a host and no default given (gpus_per_host 0), more levels than topo.h has.
 */
PL_API struct pl_topo *pl_survey_topo(struct pl_survey *s, uint32_t gpus_per_host,
				      struct pl_error *err);

/* Names hosts in this order, before any source does: machines follow it where nothing else orders
 * them, whichever source comes first. */
PL_API void pl_survey_expect(struct pl_survey *s, const struct pl_hostlist *hosts);

/* What sources say of `name` is said of this host. False, and nothing is done, where there is a
 * host or an alias of that name, or no such host. */
PL_API bool pl_survey_alias(struct pl_survey *s, const char *name, const char *host);

/* Forgets all hosts but these, so that a fabric with more than the fleet in it makes a machine of
 * the fleet. What was forgotten, for the caller to destroy. O(hosts). */
PL_API struct pl_hostlist *pl_survey_keep(struct pl_survey *s, const struct pl_hostlist *hosts);

/* Notes that are about a host each and otherwise equal become one, "n[1-4]: ...". O(notes). */
PL_API void pl_survey_fold_notes(struct pl_survey *s);

/* "fabric.txt (ibnetdiscover of 2026-11-01 08:00 UTC), topology.conf (slurm-topology-conf)"; the
 * first few by name. Nothing where there are none. */
PL_API void pl_survey_format_sources(const struct pl_survey *s, struct strbuf *out);

#endif
