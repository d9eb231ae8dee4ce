/*
 * topo.h - the machine: a tree of levels over its GPUs.
 *
 * A GPU's place is a PE number: host index * gpus_per_host + GPU index, over the whole machine in
 * host order, unusable GPUs included, so that a number means the same GPU whatever is broken today.
 * Levels are listed from the GPU outwards; level i joins `count` units of level i - 1 (level 0:
 * GPUs). Two GPUs talk at their lowest common level, and pay its figures:
 *
 *	level 0 "tray"   4 GPUs		level 2 "su"      8 racks
 *	level 1 "rack"  18 trays	level 3 "fabric" 18 SUs
 *
 * The last unit of a level may be partly filled; units of different sizes are given host by host
 * (host_units). A host with fewer GPUs than the others still has gpus_per_host numbers, of which
 * those it lacks are marked as missing. No matrix over pairs is ever built: each PE has a
 * key that packs its index at every level in bit fields, outermost highest, and the highest
 * differing bit of two keys tells their common level. O(GPUs) memory.
 */
#ifndef PL_MAP_TOPO_H
#define PL_MAP_TOPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "set/hostlist.h"

#define PL_TOPO_MAX_LEVELS 8
#define PL_TOPO_MAX_PES    (1u << 24)

/* What joins the units of a level. The outermost NVLINK level is the NVLink domain. */
enum pl_link { PL_LINK_UNKNOWN, PL_LINK_NVLINK, PL_LINK_INFINIBAND, PL_LINK_ETHERNET };

struct pl_topo_level {
	const char *name; /* "rack" */
	uint32_t count;   /* units of the level inside (level 0: GPUs) in one unit of this one */
	enum pl_link link;
	double bandwidth_gbyte_s;   /* per GPU, each way, between units inside; 0: unknown */
	double latency_us;          /* 0: unknown */
	double oversubscription;    /* 4 for 1:4, 1 for non-blocking; 0 is taken as 1 */
	double distance;            /* cost of a byte relative to level 0; 0: from the bandwidth */
	uint32_t rails;             /* independent networks, one per GPU index; 0: unknown */
	uint32_t switches;          /* switches that one unit of this level holds; 0: unknown */
	const char *const *islands; /* names of the units inside when only PP or DP may cross
				       between them (InfiniBand and Ethernet); n_islands == count */
	size_t n_islands;
};

struct pl_topo_spec {
	const char *name;   /* "gb300-nvl72:racks=144" */
	const char *source; /* where this came from, for the list of assumptions; may be NULL */
	const char *calibrated; /* the measurement that the bandwidths are of: "run 20261122-..."; NULL:
				   they are nominal, and no time is told in milliseconds */
	bool unknown; /* nothing is known but hosts and their GPUs: the levels are a guess */
	bool told;    /* the source is what the machine itself told, not a description of it */
	const struct pl_hostlist *hosts;
	uint32_t gpus_per_host;
	uint32_t adapters_per_host; /* network adapters for the fabric; 0: unknown */
	const struct pl_topo_level *levels;
	size_t n_levels;
	/* Units of different sizes: by level, the number of each host's unit, counted from 0 in
	 * host order, so that a unit's hosts lie together and inner units do within outer ones. NULL for
	 * the levels up to a host's; their `count` stands, that of the others follows. NULL as a
	 * whole: every unit but the last is full. */
	const uint32_t *const *host_units;
	uint32_t n_switches, n_adapters; /* in all; 0: as levels and adapters_per_host say */
};

/* What keeps ranks off a PE. */
enum pl_topo_mark { PL_TOPO_USABLE, PL_TOPO_UNUSABLE, PL_TOPO_MISSING /* there is no GPU */,
		     PL_TOPO_OCCUPIED /* another job has it */ };

/* Read-only for everybody but topo.c. */
struct pl_topo {
	char *name, *source, *calibrated;
	bool unknown, told;
	struct pl_hostlist *hosts;
	uint32_t gpus_per_host, adapters_per_host;
	struct pl_topo_level levels[PL_TOPO_MAX_LEVELS]; /* as given, defaults filled in */
	size_t n_levels;
	int host_level;                     /* level whose unit is a host; -1: a host is a GPU */
	int domain_level;                   /* the NVLink domain; where no link is named, as far
					 out as a byte costs at most twice level 0 */
	uint32_t span[PL_TOPO_MAX_LEVELS];  /* PEs in a full unit of the level, or the largest */
	uint32_t n_units[PL_TOPO_MAX_LEVELS];
	uint32_t *host_unit[PL_TOPO_MAX_LEVELS]; /* by host; NULL: units are full, by span */
	unsigned shift[PL_TOPO_MAX_LEVELS]; /* key >> shift[i] is the same within a level-i unit */
	uint8_t level_of_bit[64];           /* highest differing bit of two keys -> level */
	bool by_bandwidth;                  /* costs are seconds of bandwidths, else distances */
	double per_gbyte[PL_TOPO_MAX_LEVELS]; /* cost of 1 GB at the level: seconds where bandwidths
						 are known, else the distance */
	uint32_t n_pes;
	uint32_t n_unusable, n_missing; /* the missing are among the unusable */
	uint32_t n_switches, n_adapters; /* in all; 0: unknown */
	/* by level and unit inside: the share of time that other jobs (occupied.h) send out of it,
	   NULL: none do; and how many they are */
	double *busy[PL_TOPO_MAX_LEVELS];
	uint32_t n_jobs;
	int rail_level;     /* innermost level with rails beyond the domain; -1: none */
	uint32_t n_rails;
	uint16_t *rail;     /* by PE: its rail; NULL: the fabric has none, or is not known to */
	uint64_t *key;     /* by PE */
	uint8_t *unusable; /* by PE, enum pl_topo_mark: not 0 where no rank may go */
};

/*
 * Builds the machine; everything in *spec is copied. PL_EUSAGE when there are no hosts or levels,
 * the levels hold fewer GPUs than the hosts have, no level's unit is exactly one host, a count is
 * 0, a level has neither bandwidth nor distance while another has, or host_units is no tree. Costs
 * come from the bandwidths where every level has one, else from the distances; a calibrated machine
 * needs the bandwidths. O(GPUs * levels).
 */
PL_API struct pl_topo *pl_topo_create(const struct pl_topo_spec *spec, struct pl_error *err);

/*
 * A machine from numbers only, as the mapping literature writes it: tree "4:18:7:20" with distance
 * "1:3:10:30", one number per level from the GPU outwards. Hosts are n[0-...] of the innermost
 * level's size. PL_EUSAGE when the two differ in length or hold anything but positive numbers.
 */
PL_API struct pl_topo *pl_topo_parse_tree(const char *tree, const char *distance,
                                          struct pl_error *err);

PL_API void pl_topo_destroy(struct pl_topo *topo);

/* Says where it came from, in other words than its spec did; the text is copied. */
PL_API void pl_topo_set_source(struct pl_topo *topo, const char *source);

/*
 * Marks GPUs as unusable: "HOSTS" (all their GPUs) or "HOSTS:GPUS", joined by commas; HOSTS as a
 * host set, GPUS as 2 or 0-3: "r001t02:1,r[003-004]t01". PL_EUSAGE names the part that is wrong,
 * and then nothing has been marked.
 */
PL_API int pl_topo_mark_unusable(struct pl_topo *topo, const char *text, struct pl_error *err);

/* The same for GPUs that a host has not: no GPU is counted there. */
PL_API int pl_topo_mark_missing(struct pl_topo *topo, const char *text, struct pl_error *err);

/*
 * Sets the rails of hosts whose GPUs are not on those that their indexes tell, by a swapped cable:
 * "HOSTS:1/0/2/3" with a rail for each GPU, joined by commas. PL_EUSAGE: a machine without rails,
 * or a part that is wrong, and then nothing has been set.
 */
PL_API int pl_topo_set_rails(struct pl_topo *topo, const char *text, struct pl_error *err);

/* The hosts whose rails were set, as pl_topo_set_rails() reads them; "" for none. */
PL_API void pl_topo_format_rails(const struct pl_topo *topo, struct strbuf *out);
PL_API bool pl_topo_host_rails_differ(const struct pl_topo *topo, uint32_t host);

/* Fills rail_level, n_rails and rail: GPUs in order, equally many on each rail. */
void topo_derive_rails(struct pl_topo *topo);
uint16_t topo_usual_rail(const struct pl_topo *topo, uint32_t pe);

/* One past the end of a part of a list of hosts: the next comma outside brackets, or the end. */
const char *topo_part_end(const char *s);

/* Marks one PE; what is missing stays missing. */
void topo_mark(struct pl_topo *topo, uint32_t pe, enum pl_topo_mark mark);

/* The PE of a host (its index in topo->hosts) and GPU index; UINT32_MAX when there is none. */
PL_API uint32_t pl_topo_pe(const struct pl_topo *topo, size_t host, uint32_t gpu);

/* The host's index and the GPU's index of a PE. */
static inline uint32_t pl_topo_host(const struct pl_topo *topo, uint32_t pe)
{
	return pe / topo->gpus_per_host;
}

static inline uint32_t pl_topo_gpu(const struct pl_topo *topo, uint32_t pe)
{
	return pe % topo->gpus_per_host;
}

/* The unit of level `level` that holds a PE: a number that is equal for PEs of the same unit and
 * grows with the PE. */
static inline uint64_t pl_topo_unit(const struct pl_topo *topo, uint32_t pe, size_t level)
{
	return topo->key[pe] >> topo->shift[level];
}

/* The lowest level whose unit holds both; -1 for a PE and itself. O(1). */
static inline int pl_topo_common_level(const struct pl_topo *topo, uint32_t a, uint32_t b)
{
	uint64_t differing = topo->key[a] ^ topo->key[b];

	return differing == 0 ? -1 : topo->level_of_bit[63 - __builtin_clzll(differing)];
}

/* The number of a PE's unit of a level, counted from 0 without gaps. */
static inline uint32_t pl_topo_unit_index(const struct pl_topo *topo, uint32_t pe, size_t level)
{
	return topo->host_unit[level] != NULL ? topo->host_unit[level][pl_topo_host(topo, pe)]
					      : pe / topo->span[level];
}

/* The number of units of a level, a partly filled last one included. */
PL_API uint32_t pl_topo_units(const struct pl_topo *topo, size_t level);

/*
 * "2592 hosts, 10368 GPUs, 144 NVLink domains, 216 switches, 10368 adapters": only counts that are
 * known; ", 2 GPUs unusable" follows when there are such. No newline.
 */
PL_API void pl_topo_format_counts(const struct pl_topo *topo, struct strbuf *out);

/* The counts, the hosts and a table of the levels, for a person. Ends with a newline. */
PL_API void pl_topo_format_text(const struct pl_topo *topo, struct strbuf *out);

/* "nvlink", "infiniband", "ethernet", "" for unknown; and back, -1 for another word. */
PL_API const char *pl_link_name(enum pl_link link);
PL_API int pl_link_parse(const char *name);

#endif
